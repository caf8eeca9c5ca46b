//! JSON that knows where it stands: every value and key of a policy's text with its place, for findings and for editors.
//!
//! It reads exactly the texts that [`super::json`] reads, but keeps keys that appear twice, so that both can be named.
//!
//! Source: IAM Access Analyzer API Reference, `Position` and `Span`; RFC 8259. Offsets and columns count characters.

use serde::Serialize;

use super::json::{DEEPEST, Json};

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The characters before it in its line.
    pub column: usize,
    /// The characters before it in the text.
    pub offset: usize,
}

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Span {
    /// Its first character.
    pub start: Position,
    /// What follows its last character.
    pub end: Position,
}

/// Where each statement of a policy stands, in their order; none when the text is not JSON or has no statements.
///
/// Source: IAM API Reference, `Statement` (`StartPosition`, `EndPosition`).
pub fn statement_spans(text: &str) -> Vec<Span> {
    let Ok(Node { value: Value::Object(entries), .. }) = parse(text) else { return Vec::new() };
    match entries.into_iter().find(|entry| entry.key == "Statement").map(|entry| entry.value) {
        Some(Node { value: Value::List(items), .. }) => items.into_iter().map(|item| item.span).collect(),
        Some(Node { value: Value::Object(_), span }) => vec![span],
        _ => Vec::new(),
    }
}

/// A JSON value with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) value: Value,
}

/// A JSON value. Numbers keep only their canonical text, as in [`Json`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    Object(Vec<Entry>),
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Span,
    pub(super) value: Node,
}

/// Why a text is not JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) at: Position,
    pub(super) problem: String,
}

impl Value {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads one value and nothing after it.
pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let mut reader = Reader { rest: text, at: Position { line: 1, column: 0, offset: 0 } };
    let node = reader.node(0)?;
    reader.skip_space();
    if reader.rest.is_empty() { Ok(node) } else { Err(reader.wrong("nothing may follow the policy")) }
}

struct Reader<'a> {
    rest: &'a str,
    at: Position,
}

impl<'a> Reader<'a> {
    fn node(&mut self, depth: usize) -> Result<Node, SyntaxError> {
        self.skip_space();
        if depth > DEEPEST {
            return Err(self.wrong(format!("nested deeper than {DEEPEST} levels")));
        }
        let start = self.at;
        let value = match self.rest.chars().next() {
            Some('{') => self.object(depth)?,
            Some('[') => self.list(depth)?,
            Some('"') => Value::Text(self.text()?),
            Some('-' | '0'..='9') => self.number()?,
            Some(_) => self.word()?,
            None => return Err(self.wrong("the text ends where a value should stand")),
        };
        Ok(Node { span: Span { start, end: self.at }, value })
    }

    fn object(&mut self, depth: usize) -> Result<Value, SyntaxError> {
        let mut entries = Vec::new();
        self.advance(1);
        self.skip_space();
        if self.eat('}') {
            return Ok(Value::Object(entries));
        }
        loop {
            self.skip_space();
            if !self.rest.starts_with('"') {
                return Err(self.wrong("a key in quotation marks should stand here"));
            }
            let start = self.at;
            let key = self.text()?;
            let key_span = Span { start, end: self.at };
            self.skip_space();
            if !self.eat(':') {
                return Err(self.wrong(format!("a colon should follow the key `{key}`")));
            }
            entries.push(Entry { key, key_span, value: self.node(depth + 1)? });
            self.skip_space();
            if self.eat('}') {
                return Ok(Value::Object(entries));
            }
            if !self.eat(',') {
                return Err(self.wrong("a comma or a closing brace should stand here"));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, SyntaxError> {
        let mut items = Vec::new();
        self.advance(1);
        self.skip_space();
        if self.eat(']') {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.node(depth + 1)?);
            self.skip_space();
            if self.eat(']') {
                return Ok(Value::List(items));
            }
            if !self.eat(',') {
                return Err(self.wrong("a comma or a closing bracket should stand here"));
            }
        }
    }

    /// A text in quotation marks. What stands between them is left to the reader of the other side, so that both agree.
    fn text(&mut self) -> Result<String, SyntaxError> {
        let mut escaped = false;
        let length = self.rest.bytes().enumerate().skip(1).find_map(|(at, byte)| match byte {
            _ if escaped => {
                escaped = false;
                None
            }
            b'\\' => {
                escaped = true;
                None
            }
            b'"' | b'\n' => Some((at, byte)),
            _ => None,
        });
        let Some((at, b'"')) = length else {
            return Err(self.wrong("the text that begins here has no closing quotation mark"));
        };
        let token = self.rest.get(..=at).unwrap_or_default();
        let Ok(text) = serde_json::from_str(token) else {
            return Err(
                self.wrong("the text that begins here has a character that JSON wants escaped, or a broken escape")
            );
        };
        self.advance(token.len());
        Ok(text)
    }

    fn number(&mut self) -> Result<Value, SyntaxError> {
        let token = self.token(|c| c.is_ascii_digit() || "+-.eE".contains(c));
        match Json::parse(token) {
            Ok(Json::Number(number)) => {
                self.advance(token.len());
                Ok(Value::Number(number))
            }
            _ => Err(self.wrong(format!("`{}` is no number", shortened(token)))),
        }
    }

    fn word(&mut self) -> Result<Value, SyntaxError> {
        let token = self.token(char::is_alphanumeric);
        let value = match token {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "" => return Err(self.wrong("a value should stand here")),
            other => return Err(self.wrong(format!("`{}` needs quotation marks", shortened(other)))),
        };
        self.advance(token.len());
        Ok(value)
    }

    fn token(&self, of: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !of(c)).unwrap_or(self.rest.len());
        self.rest.get(..end).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        self.advance(self.token(|c| matches!(c, ' ' | '\t' | '\n' | '\r')).len());
    }

    fn eat(&mut self, expected: char) -> bool {
        let found = self.rest.starts_with(expected);
        if found {
            self.advance(expected.len_utf8());
        }
        found
    }

    fn advance(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        for char in passed.chars() {
            self.at.offset += 1;
            if char == '\n' {
                self.at.line += 1;
                self.at.column = 0;
            } else {
                self.at.column += 1;
            }
        }
        self.rest = rest;
    }

    fn wrong(&self, problem: impl Into<String>) -> SyntaxError {
        SyntaxError { at: self.at, problem: problem.into() }
    }
}

/// Enough of a token to recognise it by.
fn shortened(token: &str) -> &str {
    const SHOWN: usize = 40;
    token.char_indices().nth(SHOWN).and_then(|(at, _)| token.get(..at)).unwrap_or(token)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::json::Object;

    fn at(line: usize, column: usize, offset: usize) -> Position {
        Position { line, column, offset }
    }

    #[test]
    fn statements_are_found_where_they_stand() {
        let text = "{\n \"Statement\": [{\"Sid\": \"é\"},\n  {}]}";
        let spans = statement_spans(text);
        assert_eq!(spans[0], Span { start: at(2, 15, 17), end: at(2, 27, 29) }, "characters count, not bytes");
        assert_eq!(spans[1], Span { start: at(3, 2, 33), end: at(3, 4, 35) });
        assert_eq!(statement_spans(r#"{"Statement":{}}"#).len(), 1);
        for none in ["", "{", "[]", "{}", r#"{"Statement":7}"#, r#"{"Statement":[]}"#] {
            assert_eq!(statement_spans(none), [], "{none}");
        }
    }

    #[test]
    fn a_mistake_is_found_where_it_is() {
        for (text, place, problem) in [
            ("", at(1, 0, 0), "the text ends"),
            ("{\n  \"a\": 1\n  \"b\": 2}", at(3, 2, 13), "a comma"),
            ("{\"a\" 1}", at(1, 5, 5), "a colon"),
            ("{\"a\": 1,}", at(1, 8, 8), "a key"),
            ("{a: 1}", at(1, 1, 1), "a key"),
            ("[1,]", at(1, 3, 3), "a value"),
            ("[True]", at(1, 1, 1), "`True` needs"),
            ("[\"a\n\"]", at(1, 1, 1), "the text that begins"),
            ("[\"\\x\"]", at(1, 1, 1), "the text that begins"),
            ("[01]", at(1, 1, 1), "`01` is no number"),
            ("{} {}", at(1, 3, 3), "nothing may follow"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.at, place, "{text}");
            assert!(error.problem.starts_with(problem), "{text}: {}", error.problem);
        }
    }

    #[test]
    fn keys_that_appear_twice_are_both_kept() {
        let Value::Object(entries) = parse(r#"{"a":1,"a":2}"#).unwrap().value else { panic!() };
        assert_eq!(entries[1].key_span, Span { start: at(1, 7, 7), end: at(1, 10, 10) });
    }

    /// What the tree says, and whether no key appears twice in it.
    fn plain(node: &Node, unique: &mut bool) -> Json {
        match &node.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Number(number) => Json::Number(number.clone()),
            Value::Text(text) => Json::Text(text.clone()),
            Value::List(items) => Json::List(items.iter().map(|item| plain(item, unique)).collect()),
            Value::Object(entries) => {
                let members = entries.iter().map(|entry| (entry.key.clone().into(), plain(&entry.value, unique)));
                Object::new(members.collect()).map_or_else(
                    |_| {
                        *unique = false;
                        Json::Null
                    },
                    Json::Object,
                )
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn both_readers_read_the_same_texts(text in r#"([\[\]{},: \n"]|"[a-c]{0,2}"|"\\\\(u00[0-9]{2}|ud83d|n|x)"|-?[0-9.eE+]{1,5}|1e99[0-9]|true|null|nul|é|\t){0,14}"#) {
            let mut unique = true;
            let ours = parse(&text).map(|node| plain(&node, &mut unique));
            match Json::parse(&text) {
                Ok(theirs) => prop_assert_eq!(ours, Ok(theirs)),
                Err(why) => prop_assert!(ours.is_err() || !unique, "{}", why),
            }
        }

        #[test]
        fn nesting_is_bounded_alike(depth in 0_usize..40, object: bool) {
            let text = if object {
                format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth))
            } else {
                format!("{}{}", "[".repeat(depth), "]".repeat(depth))
            };
            prop_assert_eq!(parse(&text).is_ok(), Json::parse(&text).is_ok());
        }
    }
}
