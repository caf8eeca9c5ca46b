//! Percent-encoding as Signature Version 4 wants it: RFC 3986 section 2.3's unreserved characters stay, everything else
//! becomes `%XY` with upper-case digits.

use std::borrow::Cow;

/// Where a text stands, which decides what its special characters mean.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A path: a literal `/` separates and stays, apart from `%2F`.
    Path,
    /// A name or value of a query string, written as HTML forms write it: a literal `+` is a space.
    Query,
    /// The same, with a literal `+` left as it is.
    QueryAsSent,
}

/// `text` with every byte encoded that is not unreserved, a `%` like any other; in a path, `/` stays.
pub(super) fn encode(text: &str, place: Place) -> Cow<'_, str> {
    if text.bytes().all(|b| stays(b, place)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        push(&mut out, byte, stays(byte, place));
    }
    Cow::Owned(out)
}

/// `text`, which may be encoded already, in the one canonical encoding: decoded, then encoded again. A `%` without two
/// hexadecimal digits stands for itself.
pub(super) fn normalise(text: &str, place: Place) -> Cow<'_, str> {
    if is_canonical(text.as_bytes(), place) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for (byte, escaped) in decoded(text) {
        match byte {
            b'+' if place == Place::Query && !escaped => out.push_str("%20"),
            _ => push(&mut out, byte, is_unreserved(byte) || (!escaped && stays(byte, place))),
        }
    }
    Cow::Owned(out)
}

/// The text that a canonical encoding stands for; `None` when that is not UTF-8.
pub(super) fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    String::from_utf8(decoded(text).map(|(byte, _)| byte).collect()).ok().map(Cow::Owned)
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn stays(byte: u8, place: Place) -> bool {
    is_unreserved(byte)
        || match place {
            Place::Path => byte == b'/',
            Place::Query => false,
            Place::QueryAsSent => byte == b'+',
        }
}

fn push(out: &mut String, byte: u8, plain: bool) {
    if plain {
        out.push(char::from(byte));
    } else {
        out.push('%');
        for nibble in [byte >> 4, byte & 15] {
            out.push(char::from(if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 }));
        }
    }
}

/// Whether decoding and encoding again would change nothing: the usual case, which then costs no copy.
fn is_canonical(mut rest: &[u8], place: Place) -> bool {
    loop {
        rest = match rest {
            [] => return true,
            [b'%', high, low, tail @ ..] => match (digit(*high), digit(*low)) {
                (Some(h), Some(l)) if !is_unreserved(h << 4 | l) && !lower(*high) && !lower(*low) => tail,
                _ => return false,
            },
            [byte, tail @ ..] if stays(*byte, place) => tail,
            _ => return false,
        };
    }
}

/// The bytes that `text` stands for, each with whether it was written as an escape.
fn decoded(text: &str) -> impl Iterator<Item = (u8, bool)> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        if let [b'%', high, low, tail @ ..] = rest
            && let (Some(h), Some(l)) = (digit(*high), digit(*low))
        {
            rest = tail;
            return Some((h << 4 | l, true));
        }
        let (first, tail) = rest.split_first()?;
        rest = tail;
        Some((*first, false))
    })
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

fn lower(byte: u8) -> bool {
    byte.is_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_text_has_one_canonical_form() {
        for (spelling, canonical) in [
            ("", ""),
            ("a-Z_0.9~", "a-Z_0.9~"),
            ("%41%2d", "A-"),
            ("a b", "a%20b"),
            ("a+b", "a%20b"),
            ("%2b", "%2B"),
            ("é", "%C3%A9"),
            ("%c3%A9", "%C3%A9"),
            ("100%", "100%25"),
            ("%zz%4", "%25zz%254"),
            ("%ff", "%FF"),
            ("a/b", "a%2Fb"),
        ] {
            assert_eq!(normalise(spelling, Place::Query), canonical, "{spelling}");
            assert_eq!(normalise(canonical, Place::Query), canonical, "{canonical} again");
        }
        assert_eq!(normalise("/a%2fb/c d+%2b", Place::Path), "/a%2Fb/c%20d%2B%2B");
        assert_eq!(normalise("a+b%2b/%20", Place::QueryAsSent), "a+b%2B%2F%20");
    }

    #[test]
    fn encoding_leaves_no_escape_alone() {
        assert_eq!(encode("/a%20b/(c)+", Place::Path), "/a%2520b/%28c%29%2B");
        assert_eq!(encode("a/b+c", Place::Query), "a%2Fb%2Bc");
    }

    #[test]
    fn decoding_needs_utf8() {
        assert_eq!(decode("a%2Fb%20c").as_deref(), Some("a/b c"));
        assert_eq!(decode("%FF"), None);
    }
}
