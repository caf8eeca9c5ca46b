//! The canonical URI.
//!
//! For every service but S3 the path is normalised by RFC 3986 section 5.2.4, empty segments go too, and what was received
//! is encoded once more, so that an escape ends up encoded twice. For S3 the path names an object, which may contain dots
//! and slashes in a row: there nothing is removed and each segment is encoded once.

use std::borrow::Cow;

use super::encode::{Place, encode, normalise};

/// The canonical form of `path`, which is as received.
pub(super) fn canonical_path<'a>(path: &'a str, s3: bool) -> Cow<'a, str> {
    if path.is_empty() || path == "/" {
        return Cow::Borrowed("/");
    }
    let path: Cow<'a, str> = if path.starts_with('/') { path.into() } else { format!("/{path}").into() };
    let path = if s3 || !(path.contains("//") || path.contains("/.")) { path } else { without_dots(&path).into() };
    let encoded = if s3 { normalise(&path, Place::Path) } else { encode(&path, Place::Path) };
    match encoded {
        Cow::Owned(text) => Cow::Owned(text),
        Cow::Borrowed(_) => path,
    }
}

fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut names_a_folder = false;
    for segment in path.split('/') {
        names_a_folder = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    let mut out = String::with_capacity(path.len());
    for segment in &kept {
        out.push('/');
        out.push_str(segment);
    }
    if names_a_folder || kept.is_empty() {
        out.push('/');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised_and_encoded_twice() {
        for (received, canonical) in [
            ("", "/"),
            ("/", "/"),
            ("//", "/"),
            ("/./", "/"),
            ("/..", "/"),
            ("/a/../..", "/"),
            ("/example/..", "/"),
            ("//example//", "/example/"),
            ("/./example", "/example"),
            ("/a/./b/../c", "/a/c"),
            ("/a/b/..", "/a/"),
            ("/a/.", "/a/"),
            ("/.hidden/..data", "/.hidden/..data"),
            ("/a%20b", "/a%2520b"),
            ("/a b", "/a%20b"),
            ("/%E1%88%B4", "/%25E1%2588%25B4"),
            ("/ሴ", "/%E1%88%B4"),
            ("a", "/a"),
        ] {
            assert_eq!(canonical_path(received, false), canonical, "{received}");
        }
    }

    #[test]
    fn s3_paths_name_objects() {
        for (received, canonical) in [
            ("", "/"),
            ("//a//../b", "//a//../b"),
            ("/a%20b", "/a%20b"),
            ("/a b", "/a%20b"),
            ("/a%2fb%7e", "/a%2Fb~"),
            ("/a+b", "/a%2Bb"),
        ] {
            assert_eq!(canonical_path(received, true), canonical, "{received}");
        }
    }
}
