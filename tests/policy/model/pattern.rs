//! Wildcards and variables, a character at a time.

use super::value::single_text;
use crate::case::Asked;

/// A character of a pattern.
#[derive(Clone, Copy, PartialEq)]
pub enum Symbol {
    Char(char),
    One,
    Any,
}

/// A pattern's characters with variables (those of `asked`, if there are any) filled in; `None` when one has no value.
pub fn symbols(text: &str, asked: Option<&Asked>, wildcards: bool) -> Option<Vec<Symbol>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let (Some(asked), true) = (asked, rest.starts_with("${")) {
            let end = rest.find('}').unwrap();
            out.extend(variable(&rest[2..end], asked)?.chars().map(Symbol::Char));
            rest = &rest[end + 1..];
            continue;
        }
        out.push(match c {
            '*' if wildcards => Symbol::Any,
            '?' if wildcards => Symbol::One,
            c => Symbol::Char(c),
        });
        rest = &rest[c.len_utf8()..];
    }
    Some(out)
}

/// What stands for `${inside}`. "These predefined policy variables have fixed values"; "surround the default value with single
/// quotes, and separate the variable text and the default value with a comma and space".
fn variable(inside: &str, asked: &Asked) -> Option<String> {
    if ["*", "?", "$"].contains(&inside) {
        return Some(inside.to_owned());
    }
    let (key, default) = inside.split_once(", ").map_or((inside, None), |(k, d)| (k, Some(d.trim_matches('\''))));
    single_text(key, asked).or(default.map(str::to_owned))
}

pub fn literal(symbols: Vec<Symbol>) -> String {
    symbols.into_iter().map(|s| if let Symbol::Char(c) = s { c } else { unreachable!() }).collect()
}

/// "Multi-character match wildcards (*) and single-character match wildcards (?) anywhere in the string."
pub fn like(pattern: &[Symbol], text: &str) -> bool {
    fn go(pattern: &[Symbol], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((Symbol::Any, rest)) => (0..=text.len()).any(|skip| go(rest, &text[skip..])),
            Some((symbol, rest)) => {
                text.first().is_some_and(|c| *symbol == Symbol::One || *symbol == Symbol::Char(*c))
                    && go(rest, &text[1..])
            }
        }
    }
    go(pattern, &text.chars().collect::<Vec<_>>())
}

/// "If the * wildcard is the last character of a resource ARN segment, it can expand to match beyond the colon boundaries";
/// another wildcard stays in its segment. After the fifth colon there are no more segments.
pub fn resource_like(pattern: &[Symbol], resource: &str) -> bool {
    fn go(pattern: &[Symbol], colons: usize, text: &[char]) -> bool {
        let Some((symbol, rest)) = pattern.split_first() else { return text.is_empty() };
        match symbol {
            // Of several asterisks the last one matters.
            Symbol::Any if rest.first() == Some(&Symbol::Any) => go(rest, colons, text),
            Symbol::Any => {
                let last_of_segment = matches!(rest.first(), None | Some(Symbol::Char(':')));
                (0..=text.len())
                    .take_while(|skip| colons >= 5 || last_of_segment || !text[..*skip].contains(&':'))
                    .any(|skip| go(rest, colons, &text[skip..]))
            }
            Symbol::One => text.first().is_some_and(|c| colons >= 5 || *c != ':') && go(rest, colons, &text[1..]),
            Symbol::Char(expected) => {
                let passed = colons + usize::from(*expected == ':');
                text.first() == Some(expected) && go(rest, passed, &text[1..])
            }
        }
    }
    go(pattern, 0, &resource.chars().collect::<Vec<_>>())
}

/// "Each of the six colon-delimited components of the ARN is checked separately."
pub fn arn_like(pattern: &[Symbol], arn: &str) -> bool {
    let patterns: Vec<&[Symbol]> = pattern.splitn(6, |s| *s == Symbol::Char(':')).collect();
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    patterns.len() == 6 && parts.len() == 6 && patterns.iter().zip(parts).all(|(pattern, part)| like(pattern, part))
}
