//! ARN patterns of the `Arn…` operators.
//!
//! Source: IAM User Guide, `reference_policies_elements_condition_operators` (ARN operators).

use smallvec::SmallVec;

use super::fact::Facts;
use super::glob::matches_parts;
use super::key::Key;
use super::pattern::Pattern;
use super::template::{self, Part, Piece, Resolved, Syntax};
use super::text::Text;

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
        let mut compiled = SmallVec::<[Pattern; 6]>::new();
        each_segment(&parts, |segment| {
            let pieces = segment.iter().map(|part| Piece::Part(part.clone().into_owned()));
            compiled.push(Pattern::from_pieces(pieces.collect()));
            true
        });
        let six = compiled.into_inner().ok();
        Ok(six.map_or(ArnPattern::Never, |six| ArnPattern::Parts(Box::new(six))))
    }

    /// Whether `arn` matches in each of its six parts.
    pub(super) fn matches(&self, arn: &str, facts: &dyn Facts) -> bool {
        match self {
            ArnPattern::Any => true,
            ArnPattern::Never => false,
            ArnPattern::Parts(patterns) => {
                let mut parts = arn.splitn(6, ':');
                patterns.iter().all(|pattern| parts.next().is_some_and(|part| pattern.matches(part, facts)))
            }
            ArnPattern::Template(pieces) => template::resolve(pieces, facts).is_some_and(|parts| {
                let mut subjects = arn.splitn(6, ':');
                let mut matched = 0;
                let all = each_segment(&parts, |segment| {
                    matched += 1;
                    subjects.next().is_some_and(|subject| matches_parts(segment, subject))
                });
                all && matched == 6
            }),
        }
    }

    /// Whether every variable has a value.
    pub(super) fn resolvable(&self, facts: &dyn Facts) -> bool {
        match self {
            ArnPattern::Template(pieces) => template::resolvable(pieces, facts),
            _ => true,
        }
    }

    /// The keys that variables read.
    pub(super) fn variables(&self) -> impl Iterator<Item = &Key> {
        let pieces: &[Piece] = match self {
            ArnPattern::Template(pieces) => pieces,
            _ => &[],
        };
        template::variables(pieces)
    }
}

/// Splits a pattern at its first five colons, and says whether `visit` answered yes for each segment; the first no ends it.
fn each_segment(parts: &[Part<'_>], mut visit: impl FnMut(&[Part<'_>]) -> bool) -> bool {
    let mut segment = Resolved::new();
    let mut colons_left = 5;
    for part in parts {
        let Part::Text(text) = part else {
            segment.push(part.borrow());
            continue;
        };
        let mut slices = text.splitn(colons_left + 1, ':').peekable();
        while let Some(slice) = slices.next() {
            if !slice.is_empty() {
                segment.push(Part::Text(Text::Borrowed(slice)));
            }
            if slices.peek().is_some() {
                colons_left -= 1;
                if !visit(&segment) {
                    return false;
                }
                segment.clear();
            }
        }
    }
    visit(&segment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Context;

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
