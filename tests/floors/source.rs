//! Reads Rust just well enough: blanks out comments and texts, and finds the paths that begin at the crate.

/// The code with comments and the insides of texts blanked out, line by line as it was.
pub fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let length = match rest {
            ['/', '/', ..] => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => block_comment(rest),
            ['"', ..] => quoted(rest),
            ['r', '"' | '#', ..] if !ends_with_word(&out) => raw(rest).unwrap_or(0),
            ['\'', '\\', ..] => rest.iter().skip(3).position(|c| *c == '\'').map_or(1, |end| end + 4),
            ['\'', _, '\'', ..] => 3,
            _ => 0,
        };
        if length == 0 {
            out.push(rest[0]);
            at += 1;
        } else {
            out.extend(rest[..length].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at += length;
        }
    }
    out
}

fn ends_with_word(out: &str) -> bool {
    out.ends_with(|c: char| c.is_alphanumeric() || c == '_')
}

fn block_comment(rest: &[char]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// The length of a raw text; `None` for a raw identifier.
fn raw(rest: &[char]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return None;
    }
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let body = 2 + hashes;
    let close = rest[body..].windows(end.len()).position(|window| window == end);
    Some(close.map_or(rest.len(), |close| body + close + end.len()))
}

/// The first name behind each `crate::`, with its line; of a group all its names.
pub fn crate_paths(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        // `$crate::` of a macro is the same; `other_crate::` is not.
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let line = code[..at].matches('\n').count() + 1;
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(members(group).into_iter().map(|name| (line, name))),
            None => found.push((line, name(rest))),
        }
    }
    found
}

/// The first names of the members of a group whose opening brace has been read.
fn members(group: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0;
    let mut begins = true;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            c if begins && !c.is_whitespace() => {
                names.push(name(&group[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    names
}

fn name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Whether a word stands by itself at a place.
pub fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(part) && !line[at + word.len()..].starts_with(part))
}

#[test]
fn comments_and_texts_are_no_code() {
    let text = "a // crate::b\n/* crate::c /* d */ crate::e */ \"crate::f \\\" g\" r#\"crate::h\"# '\"' crate::i 'x'";
    let code = code(text);
    assert_eq!(crate_paths(&code), [(2, "i".to_owned())], "{code}");
    assert_eq!(code.matches('\n').count(), 1);
}

#[test]
fn lifetimes_are_not_mistaken_for_letters() {
    assert_eq!(
        crate_paths(&code("fn f<'a>(x: &'a str) -> crate::g::H<'a> { crate::i() }")),
        [(1, "g".into()), (1, "i".into())]
    );
}

#[test]
fn groups_are_opened() {
    let text = "use crate::{\n    ops::{a, b},\n    store,\n};\nuse super::{crate_like::x};\npub(crate) mod y;";
    assert_eq!(crate_paths(text), [(1, "ops".into()), (1, "store".into())]);
}
