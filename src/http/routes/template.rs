//! The ARN of what a route is about, with places for what its path takes: `arn:aws:reports:::{id}`.
//!
//! A taken segment stands there in its own encoding: letters, digits and `-._~@+=,` as they are, every other byte as `%` and two
//! digits. So no request can put a `:`, `/`, `*`, `?` or `$` where the operator did not, and two segments never look alike.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::pattern::{Captures, PathPattern};
use crate::types::Arn;

/// What is encoded.
const SPECIAL: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@')
    .remove(b'+')
    .remove(b'=')
    .remove(b',');

/// An ARN with places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Taken(String),
}

impl Template {
    /// Reads an ARN whose places the pattern fills, or says what is wrong with it.
    pub(super) fn read(text: &str, pattern: &PathPattern) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}').ok_or("has a brace that is not closed")?;
            if !pattern.names().any(|known| known == name) {
                let nearest = crate::config::nearest(name, pattern.names());
                let hint = nearest.map(|name| format!("; did you mean `{{{name}}}`?")).unwrap_or_default();
                return Err(format!("has `{{{name}}}`, which the path does not take{hint}"));
            }
            pieces.push(Piece::Literal(before.to_owned()));
            pieces.push(Piece::Taken(name.to_owned()));
            rest = behind;
        }
        pieces.push(Piece::Literal(rest.to_owned()));
        let template = Self(pieces);
        let form = "must be an ARN such as arn:aws:reports:::{id}";
        // Whose the resource is must not be for the request to say.
        let whole: Arn = template.filled(|_| "x".to_owned()).parse().map_err(|_| form)?;
        let is_fixed = text.split_once('{').is_none_or(|(before, _)| before.matches(':').count() >= 5);
        if !is_fixed || template.literals().any(|literal| literal.contains(['*', '?', '$', '}'])) {
            return Err(format!("{form}: with nothing taken before its fifth colon, and without wildcards"));
        }
        match whole.owner() {
            "" | "aws" => Ok(template),
            _ if whole.account().is_some() => Ok(template),
            _ => Err("has an account that is neither twelve digits nor empty".to_owned()),
        }
    }

    /// The ARN of what was taken; `None` where it would be too long.
    pub(super) fn fill(&self, captures: &Captures<'_>) -> Option<Arn> {
        let text = self.filled(|name| {
            let Some(taken) = captures.get(name) else { return String::new() };
            let encoded = taken.segments.iter().map(|segment| utf8_percent_encode(segment, SPECIAL).to_string());
            let mut text = encoded.collect::<Vec<_>>().join("/");
            if taken.trailing_slash {
                text.push('/');
            }
            text
        });
        text.parse().ok()
    }

    fn filled(&self, value: impl Fn(&str) -> String) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::Taken(name) => value(name),
        };
        self.0.iter().map(piece).collect()
    }

    fn literals(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Literal(text) => Some(text.as_str()),
            Piece::Taken(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::path::NormalPath;
    use super::super::pattern::Fit;
    use super::*;

    fn filled(pattern: &str, template: &str, target: &str) -> String {
        let pattern = PathPattern::read(pattern).unwrap();
        let template = Template::read(template, &pattern).unwrap();
        let path = NormalPath::read(target).unwrap();
        let Fit::Well(captures) = pattern.fit(&path) else { panic!("{target} does not fit") };
        template.fill(&captures).unwrap().to_string()
    }

    #[test]
    fn places_are_filled_with_what_was_taken() {
        for (pattern, template, target, expected) in [
            ("/reports/{id}", "arn:aws:reports:::{id}", "/reports/q3", "arn:aws:reports:::q3"),
            ("/reports", "arn:aws:reports:::all", "/reports", "arn:aws:reports:::all"),
            ("/{b}/{k...}", "arn:aws:s3:::{b}/{k}", "/box/a/b%20c", "arn:aws:s3:::box/a/b%20c"),
            ("/{b}/{k...}", "arn:aws:s3:::{b}/{k}", "/box/a/", "arn:aws:s3:::box/a/"),
            ("/{a}", "arn:aws:x::111122223333:{a}-{a}", "/m@n", "arn:aws:x::111122223333:m@n-m@n"),
            ("/{a}", "arn:aws:x:::{a}", "/*", "arn:aws:x:::%2A"),
            ("/{a}", "arn:aws:x:::{a}", "/%3F$%7b", "arn:aws:x:::%3F%24%7B"),
            ("/{a}", "arn:aws:x:::{a}", "/a:b", "arn:aws:x:::a%3Ab"),
            ("/{a}", "arn:aws:x:::{a}", "/%C3%A4", "arn:aws:x:::%C3%A4"),
        ] {
            assert_eq!(filled(pattern, template, target), expected, "{target}");
        }
    }

    #[test]
    fn what_is_no_template_is_refused() {
        let pattern = PathPattern::read("/{account}/{id}").unwrap();
        for wrong in [
            "",
            "x",
            "{id}",
            "arn:aws:reports",
            "arn:aws:{id}:::x",
            "arn:aws:x::{account}:y",
            "arn:aws:x:{id}",
            "arn:aws:x:::*",
            "arn:aws:x:::{id}?",
            "arn:aws:x:::${id}",
            "arn:aws:x:::{id",
            "arn:aws:x:::id}",
            "arn:aws:x:::{other}",
            "arn:aws:x::12:{id}",
            "arn:aws:x:::",
        ] {
            assert!(Template::read(wrong, &pattern).is_err(), "{wrong}");
        }
        let told = Template::read("arn:aws:x:::{idd}", &pattern).unwrap_err();
        assert!(told.ends_with("did you mean `{id}`?"), "{told}");
    }

    proptest! {
        /// Two different segments never fill a place alike, and none says more than one segment.
        #[test]
        fn filling_keeps_segments_apart(one in "[^/\\\\;%\\x00-\\x1f\\x7f-\\x9f]{1,12}", other in "[^/\\\\;%\\x00-\\x1f\\x7f-\\x9f]{1,12}") {
            prop_assume!(![".", ".."].contains(&one.as_str()) && ![".", ".."].contains(&other.as_str()));
            let target = |text: &str| format!("/{}", utf8_percent_encode(text, NON_ALPHANUMERIC));
            let (first, second) = (
                filled("/{a}", "arn:aws:x:::{a}", &target(&one)),
                filled("/{a}", "arn:aws:x:::{a}", &target(&other)),
            );
            prop_assert_eq!(one == other, first == second);
            let own = first.strip_prefix("arn:aws:x:::").expect("the fixed part");
            let injected = own.contains(['*', '?', ':', '/', '$', '{']);
            prop_assert!(!injected, "{}", own);
        }
    }
}
