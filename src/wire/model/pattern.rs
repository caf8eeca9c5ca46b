//! A member's pattern: a Java regular expression, as AWS publishes it, run by the `regex` crate in linear time.
//!
//! The differences that AWS's patterns make use of are translated: `\uXXXX`, ASCII `\w`, `\d` and `\s`, possessive
//! quantifiers, and a lookahead that forbids a character twice in a row. The whole value must match, as with Java's
//! `matches()`.

use std::sync::OnceLock;

use regex::Regex;
use thiserror::Error;

/// A pattern, compiled when it is first needed.
#[derive(Debug)]
pub struct Pattern {
    source: String,
    compiled: OnceLock<Result<Compiled, PatternError>>,
}

/// The pattern uses something that has no translation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the pattern {0} cannot be translated")]
pub struct PatternError(String);

#[derive(Debug)]
struct Compiled {
    regex: Regex,
    // From `x(?!x)`: texts that the value may not contain.
    forbidden: Vec<String>,
}

impl Pattern {
    pub(super) fn new(source: String) -> Self {
        Self { source, compiled: OnceLock::new() }
    }

    /// The pattern as AWS publishes it, which is what messages show.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the whole of the text matches. A pattern that cannot be translated matches nothing.
    pub fn matches(&self, text: &str) -> bool {
        self.compiled().as_ref().is_ok_and(|compiled| {
            compiled.regex.is_match(text) && !compiled.forbidden.iter().any(|part| text.contains(part))
        })
    }

    /// Whether the pattern can be translated; a test asks this of every pattern of the tables.
    pub fn check(&self) -> Result<(), PatternError> {
        self.compiled().as_ref().map(|_| ()).map_err(Clone::clone)
    }

    fn compiled(&self) -> &Result<Compiled, PatternError> {
        self.compiled.get_or_init(|| {
            let (body, forbidden) = translate(&self.source).ok_or_else(|| PatternError(self.source.clone()))?;
            let regex = Regex::new(&format!(r"\A(?:{body})\z")).map_err(|_| PatternError(self.source.clone()))?;
            Ok(Compiled { regex, forbidden })
        })
    }
}

// The supplementary planes, as AWS writes them. Java reads four digits after `\u` and would take this for another set;
// what is meant is XML's `Char` production, and that is what is matched.
const PLANES: (&str, &str) = (r"\u10000-\u10FFFF", r"\x{10000}-\x{10FFFF}");

fn translate(java: &str) -> Option<(String, Vec<String>)> {
    let java = java.replace(PLANES.0, PLANES.1);
    let mut out = String::with_capacity(java.len() + 16);
    let mut forbidden = Vec::new();
    let mut in_class = false;
    let mut quantified = false; // Whether the last thing was a quantifier, which a `+` would make possessive.
    let mut previous = None;
    let mut rest = java.as_str();
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        let after = &rest[taken..];
        let was_quantified = std::mem::take(&mut quantified);
        match c {
            '\\' => {
                let kind = after.chars().next()?;
                taken += kind.len_utf8();
                match kind {
                    'u' => {
                        let digits = after.get(1..5).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
                        out.push_str(&format!(r"\x{{{digits}}}"));
                        taken += 4;
                    }
                    'w' | 'd' | 's' => {
                        let class = match kind {
                            'w' => "0-9A-Za-z_",
                            'd' => "0-9",
                            _ => r"\t\n\x0B\f\r ",
                        };
                        out.push_str(&if in_class { class.to_owned() } else { format!("[{class}]") });
                    }
                    other => out.extend(['\\', other]),
                }
            }
            '[' if !in_class => {
                in_class = true;
                out.push(c);
            }
            ']' if in_class => {
                in_class = false;
                out.push(c);
            }
            '(' if !in_class && after.starts_with("?!") => {
                // `x(?!x)`, with a plain `x`: no two of them together, which needs no lookahead to say. That holds while
                // no other part of the pattern takes an `x`; a unit test tries the one pattern that does this.
                let (inside, _) = after[2..].split_once(')')?;
                let before: char = previous?;
                if inside.chars().ne([before]) || "\\.[]()*+?{}|^$".contains(before) {
                    return None;
                }
                forbidden.push(format!("{before}{before}"));
                taken += 2 + inside.len() + 1;
            }
            '+' if !in_class && was_quantified => {} // Possessive: the same set of whole matches, without backtracking.
            '+' | '*' | '?' | '}' if !in_class => {
                quantified = true;
                out.push(c);
            }
            other => out.push(other),
        }
        previous = Some(c);
        rest = &rest[taken..];
    }
    Some((out, forbidden))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::model::{Model, Service};

    fn matches(source: &str, text: &str) -> bool {
        let pattern = Pattern::new(source.into());
        pattern.check().unwrap();
        pattern.matches(text)
    }

    #[test]
    fn every_published_pattern_compiles() {
        let both = [Service::Iam, Service::Sts].map(Model::of);
        assert!(both[0].patterns().count() > 20 && both[1].patterns().count() > 5);
        for pattern in both.iter().flat_map(|model| model.patterns()) {
            pattern.check().unwrap();
        }
    }

    #[test]
    fn the_whole_value_must_match() {
        let name = r"[\w+=,.@-]+";
        assert!(matches(name, "a_Z9+=,.@-"));
        for text in ["", "a b", "a\n", "é", "a/"] {
            assert!(!matches(name, text), "{text:?}");
        }
        let path = r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)";
        assert!(matches(path, "/") && matches(path, "/a/b/"));
        assert!(!matches(path, "//x") && !matches(path, "/a") && !matches(path, ""));
        assert!(matches("^a$", "a") && !matches("^a$", "a\n"));
    }

    #[test]
    fn tags_take_letters_of_every_script() {
        let tag = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*";
        assert!(matches(tag, "Größe 東京 ٣-@") && matches(tag, ""));
        assert!(!matches(tag, "a&b") && !matches(tag, "a\tb"));
    }

    #[test]
    fn arns_take_xml_characters() {
        let arn = r"[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+";
        assert!(matches(arn, "arn:aws:iam::1:x/\u{85}é😀\t"));
        assert!(!matches(arn, "\u{1}") && !matches(arn, "\u{7f}") && !matches(arn, "\u{ffff}"));
    }

    #[test]
    fn an_alias_has_no_two_hyphens_together() {
        let alias = r"^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$";
        assert!(matches(alias, "a-b-c") && matches(alias, "abc") && matches(alias, &"a".repeat(63)));
        for text in ["a--b", "-ab", "ab-", "ab", "A-b", &"a".repeat(64)] {
            assert!(!matches(alias, text), "{text}");
        }
    }

    #[test]
    fn java_only_syntax_is_translated_or_refused() {
        assert!(matches("a++b*+[+]?+", "aab+"));
        assert!(matches(r"\d{2}+\s[\s\d]", "12 3") && !matches(r"\d", "٣") && !matches(r"\s", "\u{a0}"));
        for source in [r"\u00", "(?!a)b", "a(?!b)", "[ab](?!])", r"\uD800", "(?<=a)b", "("] {
            let pattern = Pattern::new(source.into());
            assert!(pattern.check().is_err(), "{source}");
            assert!(!pattern.matches("b"), "{source}");
        }
    }
}
