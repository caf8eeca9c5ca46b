//! Matching of wildcards, without allocating, in time that no pattern can blow up.
//!
//! A free asterisk matches anything, so the chunks between free asterisks are looked for from left to right, each at the first
//! place where it ends earliest: an earlier end never spoils what follows, and nothing is ever tried twice.
//!
//! An asterisk that must not cross a colon stands only in the first five parts of an ARN (see `Pattern::resource`). The same
//! holds for it: of the pieces around such asterisks, one without a colon fits best at its first place before the next colon,
//! and one with a colon fits in one place only, where its first colon meets that of the text. In either case the time is
//! bounded by the product of the lengths.

use super::shift;
use super::template::Part;

/// Whether the parts match the whole of `subject`.
pub(super) fn matches_parts(parts: &[Part<'_>], subject: &str) -> bool {
    let mut chunks = parts.split(|part| matches!(part, Part::Star));
    let head = chunks.next().unwrap_or_default();
    let Some(tail) = chunks.next_back() else { return is_whole(head, subject) };
    let Some(mut rest) = after_start(head, subject) else { return false };
    for chunk in chunks {
        match after_first(chunk, rest) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    is_end(tail, rest)
}

/// The pieces of a chunk, which stand between asterisks that end at a colon.
fn pieces<'c, 'p>(chunk: &'c [Part<'p>]) -> impl DoubleEndedIterator<Item = &'c [Part<'p>]> {
    chunk.split(|part| matches!(part, Part::StarWithin))
}

fn is_plain(chunk: &[Part<'_>]) -> bool {
    !chunk.contains(&Part::StarWithin)
}

/// What follows `chunk` at the start of `subject`, at the earliest.
fn after_start<'s>(chunk: &[Part<'_>], subject: &'s str) -> Option<&'s str> {
    let mut pieces = pieces(chunk);
    let rest = strip_start(pieces.next().unwrap_or_default(), subject)?;
    pieces.try_fold(rest, |rest, piece| after_gap(piece, rest))
}

/// What follows the first place of `chunk` in `subject`.
fn after_first<'s>(chunk: &[Part<'_>], subject: &'s str) -> Option<&'s str> {
    match chunk {
        [] => Some(subject),
        [Part::Text(text)] => subject.get(subject.find(&**text)? + text.len()..),
        _ if is_plain(chunk) && length(chunk).saturating_mul(subject.len()) > shift::LONG => {
            shift::after_first(chunk, subject)
        }
        _ => places(subject).find_map(|rest| after_start(chunk, rest)),
    }
}

fn length(chunk: &[Part<'_>]) -> usize {
    chunk.iter().map(|part| if let Part::Text(text) = part { text.len() } else { 1 }).sum()
}

/// Whether `subject` ends with `chunk`.
fn is_end(chunk: &[Part<'_>], subject: &str) -> bool {
    if is_plain(chunk) {
        return strip_end(chunk, subject).is_some();
    }
    places(subject).any(|rest| is_whole(chunk, rest))
}

/// Whether `chunk` is the whole of `subject`.
fn is_whole(chunk: &[Part<'_>], subject: &str) -> bool {
    let mut pieces = pieces(chunk);
    let head = pieces.next().unwrap_or_default();
    let Some(rest) = strip_start(head, subject) else { return false };
    let Some(tail) = pieces.next_back() else { return rest.is_empty() };
    let gap = strip_end(tail, rest).and_then(|middle| pieces.try_fold(middle, |rest, piece| after_gap(piece, rest)));
    gap.is_some_and(|gap| !gap.contains(':'))
}

/// What follows the first place of `piece` in `subject` that no colon stands before.
fn after_gap<'s>(piece: &[Part<'_>], subject: &'s str) -> Option<&'s str> {
    let reach = subject.find(':').map_or(subject.len(), |colon| colon + 1);
    places(subject).take_while(|rest| subject.len() - rest.len() < reach).find_map(|rest| strip_start(piece, rest))
}

/// `subject` from each of its characters on, and the empty text behind the last one.
fn places(subject: &str) -> impl Iterator<Item = &str> {
    subject.char_indices().map(|(at, _)| at).chain([subject.len()]).filter_map(|at| subject.get(at..))
}

/// What follows `piece` at the start of `subject`; a piece has no asterisks.
fn strip_start<'s>(piece: &[Part<'_>], subject: &'s str) -> Option<&'s str> {
    piece.iter().try_fold(subject, |rest, part| match part {
        Part::Text(text) => rest.strip_prefix(&**text),
        _ => {
            let mut chars = rest.chars();
            chars.next().filter(|c| *c != ':' || *part == Part::One).map(|_| chars.as_str())
        }
    })
}

/// What precedes `piece` at the end of `subject`.
fn strip_end<'s>(piece: &[Part<'_>], subject: &'s str) -> Option<&'s str> {
    piece.iter().rev().try_fold(subject, |rest, part| match part {
        Part::Text(text) => rest.strip_suffix(&**text),
        _ => {
            let mut chars = rest.chars();
            chars.next_back().filter(|c| *c != ':' || *part == Part::One).map(|_| chars.as_str())
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::policy::context::Context;
    use crate::policy::pattern::Pattern;
    use crate::policy::template::Syntax;

    fn glob(pattern: &str, subject: &str) -> bool {
        let syntax = Syntax { wildcards: true, variables: true };
        Pattern::text(pattern, syntax).unwrap().matches(subject, &Context::new())
    }

    #[test]
    fn wildcards_match_as_documented() {
        for (pattern, subject, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a", "A", false),
            ("a*", "a", true),
            ("a*", "ba", false),
            ("*a", "ba", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a?c", "aéc", true),
            ("?", "é", true),
            ("*?", "", false),
            ("?*?", "a", false),
            ("?*?", "ab", true),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "acb", false),
            ("*ab", "aab", true),
            ("*a?b", "aaxb", true),
            ("a*a", "a", false),
            ("*b?*", "abb", true),
            ("*aab*", "aaab", true),
            ("${*}", "x", false),
            ("${*}", "*", true),
            ("a${?}*", "a?bc", true),
        ] {
            assert_eq!(glob(pattern, subject), expected, "{pattern} {subject}");
        }
    }

    #[test]
    fn a_hostile_pattern_costs_no_more_than_a_long_one() {
        let subject = "a".repeat(20_000);
        let hostile = format!("{}b", "*a".repeat(2_000));
        assert!(!glob(&hostile, &subject));
        assert!(!glob(&format!("{}b*", "*a?".repeat(500)), &subject));
        let within = Pattern::resource(&format!("arn:aws:x{}b:::r", "*a".repeat(200)), true).unwrap();
        assert!(!within.matches(&format!("arn:aws:x{}:::r", "a".repeat(2_000)), &Context::new()));
    }
}
