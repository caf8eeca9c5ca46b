//! ARN patterns of the `Arn…` operators.
//!
//! Source: IAM User Guide, `reference_policies_elements_condition_operators` (ARN operators).

use std::borrow::Cow;

use super::context::Context;
use super::glob::matches_parts;
use super::pattern::{Pattern, variables};
use super::template::{self, Part, Piece, Syntax};

/// A pattern of an ARN in a condition: six parts, each matched by itself.
#[derive(Debug, Clone)]
pub(super) enum ArnPattern {
    /// A single asterisk.
    Any,
    /// Fewer parts than an ARN has: nothing can match.
    Never,
    /// Without variables.
    Parts(Box<[Pattern; 6]>),
    /// With variables, whose values may hold colons.
    Template(Box<[Piece]>),
}

impl ArnPattern {
    /// Compiles a value of an `Arn…` operator.
    pub(super) fn new(text: &str, variables: bool) -> Result<ArnPattern, String> {
        let pieces = template::parse(text, Syntax { wildcards: true, variables })?;
        if pieces.iter().any(|piece| matches!(piece, Piece::Variable(_))) {
            return Ok(ArnPattern::Template(pieces.into()));
        }
        let parts: Vec<Part<'static>> = pieces
            .into_iter()
            .filter_map(|piece| match piece {
                Piece::Part(part) => Some(part),
                Piece::Variable(_) => None,
            })
            .collect();
        if parts == [Part::Star] {
            return Ok(ArnPattern::Any);
        }
        let compiled: Vec<Pattern> = segments(&parts)
            .into_iter()
            .map(|segment| Pattern::from_pieces(segment.into_iter().map(|part| Piece::Part(owned(part))).collect()))
            .collect();
        Ok(compiled.try_into().map_or(ArnPattern::Never, |six: [Pattern; 6]| ArnPattern::Parts(Box::new(six))))
    }

    /// Whether `arn` matches in each of its six parts.
    pub(super) fn matches(&self, arn: &str, context: &Context) -> bool {
        match self {
            ArnPattern::Any => true,
            ArnPattern::Never => false,
            ArnPattern::Parts(patterns) => {
                let mut parts = arn.splitn(6, ':');
                patterns.iter().all(|pattern| parts.next().is_some_and(|part| pattern.matches(part, context)))
            }
            ArnPattern::Template(pieces) => template::resolve(pieces, context).is_some_and(|parts| {
                let segments = segments(&parts);
                let mut subjects = arn.splitn(6, ':');
                segments.len() == 6
                    && segments.iter().all(|s| subjects.next().is_some_and(|subject| matches_parts(s, subject)))
            }),
        }
    }

    /// Whether every variable has a value.
    pub(super) fn resolvable(&self, context: &Context) -> bool {
        match self {
            ArnPattern::Template(pieces) => template::resolvable(pieces, context),
            _ => true,
        }
    }

    /// The keys that variables read, in lower case.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        let pieces: &[Piece] = match self {
            ArnPattern::Template(pieces) => pieces,
            _ => &[],
        };
        variables(pieces)
    }
}

fn owned(part: Part<'_>) -> Part<'static> {
    match part {
        Part::Text(text) => Part::Text(Cow::Owned(text.into_owned())),
        Part::One => Part::One,
        Part::Star => Part::Star,
        Part::OneWithin => Part::OneWithin,
        Part::StarWithin => Part::StarWithin,
    }
}

/// Splits a pattern at its first five colons.
fn segments<'a>(parts: &'a [Part<'_>]) -> Vec<Vec<Part<'a>>> {
    let mut segments = vec![Vec::new()];
    for part in parts {
        let Part::Text(text) = part else {
            if let Some(last) = segments.last_mut() {
                last.push(part.clone());
            }
            continue;
        };
        let colons_left = 6_usize.saturating_sub(segments.len());
        for (at, slice) in text.splitn(colons_left + 1, ':').enumerate() {
            if at > 0 {
                segments.push(Vec::new());
            }
            if let Some(last) = segments.last_mut().filter(|_| !slice.is_empty()) {
                last.push(Part::Text(Cow::Borrowed(slice)));
            }
        }
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arn_operators_compare_each_part_by_itself() {
        let mut context = Context::new();
        context.set("k:arn", "arn:aws:iam::1:user/a");
        context.set("k:name", "a");
        for (pattern, subject, expected) in [
            ("arn:aws:someservice:*:1:finance/*", "arn:aws:someservice:us:9:store/abc:1:finance/d.txt", false),
            ("arn:aws:someservice:*:1:finance/*", "arn:aws:someservice:us:1:finance/d.txt", true),
            ("arn:aws:iam::1:user/*", "arn:aws:iam::1:user/a:b", true),
            ("arn:*", "arn:aws:iam::1:user/a", false),
            ("*", "arn:aws:iam::1:user/a", true),
            ("arn:aws:iam::1:user/a", "arn:aws:iam::1:user/A", false),
            ("${k:arn}", "arn:aws:iam::1:user/a", true),
            ("arn:aws:iam::1:user/${k:name}", "arn:aws:iam::1:user/a", true),
            ("arn:aws:iam::1:user/${k:none}", "arn:aws:iam::1:user/", false),
            ("arn:aws:iam::1:a:b:c", "arn:aws:iam::1:a:b:c", true),
        ] {
            let compiled = ArnPattern::new(pattern, true).unwrap();
            assert_eq!(compiled.matches(subject, &context), expected, "{pattern} {subject}");
        }
    }
}
