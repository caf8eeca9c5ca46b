//! A request's path in its one normal form (RFC 3986 sections 2.1, 3.3 and 6.2.2), or why it is refused.
//!
//! A proxy, this table and the service behind the proxy each read the path by themselves. Where two of them could read it differently,
//! the question would be about another thing than what is served: so whatever has two readings is refused, not repaired.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Bytes of a target, query included.
const LONGEST: usize = 16 * 1_024;
/// Segments of a path.
const MOST: usize = 128;

/// A path that everybody reads alike, taken apart and decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NormalPath<'a> {
    pub(super) segments: Vec<Cow<'a, str>>,
    /// Whether it ends with a slash; `/` alone does not count as one.
    pub(super) trailing_slash: bool,
}

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::http) enum PathFault {
    #[error("it is too long")]
    TooLong,
    #[error("it does not begin with a slash")]
    NotAbsolute,
    #[error("it has a character that must be percent-encoded")]
    Raw,
    #[error("it has an empty segment")]
    Empty,
    #[error("it has a segment of dots")]
    Dots,
    #[error("it has a percent sign that encodes nothing, or no text")]
    Escape,
    #[error("it has an encoded slash, backslash, semicolon, percent sign or control character")]
    Hidden,
}

impl<'a> NormalPath<'a> {
    /// Reads a request's target: a path, and a query that is not looked at.
    pub(super) fn read(target: &'a str) -> Result<Self, PathFault> {
        if target.len() > LONGEST {
            return Err(PathFault::TooLong);
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let inside = path.strip_prefix('/').ok_or(PathFault::NotAbsolute)?;
        // Of the query only that it ends the path must be sure: a fragment or a blank could begin something else.
        let query_is_plain = query.bytes().all(|byte| byte > b' ' && byte != 0x7f && byte != b'#');
        if !query_is_plain || !inside.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\;#\"<>^`{|}".contains(&byte)) {
            return Err(PathFault::Raw);
        }
        let mut path = Self { segments: Vec::new(), trailing_slash: false };
        if inside.is_empty() {
            return Ok(path);
        }
        let inside = match inside.strip_suffix('/') {
            Some(before) => {
                path.trailing_slash = true;
                before
            }
            None => inside,
        };
        for segment in inside.split('/') {
            if path.segments.len() >= MOST {
                return Err(PathFault::TooLong);
            }
            path.segments.push(decoded(segment)?);
        }
        Ok(path)
    }
}

fn decoded(segment: &str) -> Result<Cow<'_, str>, PathFault> {
    if segment.is_empty() {
        return Err(PathFault::Empty);
    }
    let whole = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if !segment.split('%').skip(1).all(whole) {
        return Err(PathFault::Escape);
    }
    let text = percent_decode_str(segment).decode_utf8().map_err(|_| PathFault::Escape)?;
    if text.chars().any(|c| c.is_control() || matches!(c, '/' | '\\' | ';' | '%')) {
        return Err(PathFault::Hidden);
    }
    if matches!(&*text, "." | "..") {
        return Err(PathFault::Dots);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segments(target: &str) -> Result<(Vec<String>, bool), PathFault> {
        let path = NormalPath::read(target)?;
        Ok((path.segments.iter().map(|segment| segment.to_string()).collect(), path.trailing_slash))
    }

    #[test]
    fn a_path_is_its_decoded_segments() {
        let read = |target: &str| segments(target).unwrap();
        assert_eq!(read("/"), (vec![], false));
        assert_eq!(read("/?x=/../"), (vec![], false));
        assert_eq!(read("/reports/q3"), (vec!["reports".into(), "q3".into()], false));
        assert_eq!(read("/reports/q3/?a=b;c"), (vec!["reports".into(), "q3".into()], true));
        assert_eq!(read("/%72eports/a%20b/%C3%A4"), (vec!["reports".into(), "a b".into(), "ä".into()], false));
        assert_eq!(read("/a*b:c@d/..."), (vec!["a*b:c@d".into(), "...".into()], false));
    }

    #[test]
    fn what_has_two_readings_is_refused() {
        for (target, fault) in [
            ("", PathFault::NotAbsolute),
            ("*", PathFault::NotAbsolute),
            ("?/a", PathFault::NotAbsolute),
            ("http://reports.example/a", PathFault::NotAbsolute),
            ("//", PathFault::Empty),
            ("//reports.example/a", PathFault::Empty),
            ("/a//b", PathFault::Empty),
            ("/a//", PathFault::Empty),
            ("/.", PathFault::Dots),
            ("/a/../b", PathFault::Dots),
            ("/a/..", PathFault::Dots),
            ("/a/%2e%2E/b", PathFault::Dots),
            ("/a/.%2e", PathFault::Dots),
            ("/a/..;/b", PathFault::Raw),
            ("/a;x=1", PathFault::Raw),
            ("/a\\b", PathFault::Raw),
            ("/a#b", PathFault::Raw),
            ("/a?b#c", PathFault::Raw),
            ("/a b", PathFault::Raw),
            ("/a?b c", PathFault::Raw),
            ("/ä", PathFault::Raw),
            ("/a%2fb", PathFault::Hidden),
            ("/a%2Fb", PathFault::Hidden),
            ("/a%5cb", PathFault::Hidden),
            ("/a%3bx", PathFault::Hidden),
            ("/a%00", PathFault::Hidden),
            ("/a%0d%0aX: y", PathFault::Raw),
            ("/a%0d%0aX", PathFault::Hidden),
            ("/a%252e%252e", PathFault::Hidden),
            ("/a%252fb", PathFault::Hidden),
            ("/a%", PathFault::Escape),
            ("/a%2", PathFault::Escape),
            ("/a%zz", PathFault::Escape),
            ("/a%u002f", PathFault::Escape),
            ("/a%c0%af", PathFault::Escape),
            ("/a%e0%80%af", PathFault::Escape),
            ("/a%ff", PathFault::Escape),
        ] {
            assert_eq!(segments(target), Err(fault), "{target}");
        }
        assert_eq!(segments(&format!("/{}", "a".repeat(LONGEST))), Err(PathFault::TooLong));
        assert_eq!(segments(&"/a".repeat(MOST + 1)), Err(PathFault::TooLong));
    }

    proptest! {
        /// Whatever is taken has no segment that anybody could climb out of or take for two.
        #[test]
        fn what_is_taken_is_plain(target in "/[ -~]{0,40}|/(%[0-9a-fA-F]{2}|[a-z./%;]){0,20}") {
            if let Ok(path) = NormalPath::read(&target) {
                for segment in &path.segments {
                    let plain = !segment.contains(['/', '\\', ';', '%', '\0', '\r', '\n']);
                    prop_assert!(plain && !["", ".", ".."].contains(&&**segment), "{}", segment);
                }
            }
        }
    }
}
