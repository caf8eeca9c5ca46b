//! Matching of wildcards, in time that no pattern can blow up.

use super::template::Part;

/// Matches a whole text. The chunks between asterisks are looked for from left to right, each at its first place: an earlier
/// place never spoils what follows, so nothing is ever tried twice and the time is bounded by the product of the lengths,
/// whatever the pattern; for patterns without `?` by their sum.
pub(super) fn matches_parts(parts: &[Part<'_>], subject: &str) -> bool {
    if parts.iter().any(|part| matches!(part, Part::StarWithin | Part::OneWithin)) {
        return matches_within(parts, subject);
    }
    let mut chunks = parts.split(|part| matches!(part, Part::Star));
    let Some(mut rest) = chunks.next().and_then(|head| strip(head, subject)) else { return false };
    let Some(tail) = chunks.next_back() else { return rest.is_empty() };
    for chunk in chunks {
        match find(chunk, rest) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    ends_with(tail, rest)
}

/// What follows `chunk` at the start of `subject`.
fn strip<'s>(chunk: &[Part<'_>], subject: &'s str) -> Option<&'s str> {
    chunk.iter().try_fold(subject, |rest, part| match part {
        Part::Text(text) => rest.strip_prefix(&**text),
        _ => {
            let mut chars = rest.chars();
            chars.next().map(|_| chars.as_str())
        }
    })
}

/// What follows the first place of `chunk` in `subject`.
fn find<'s>(chunk: &[Part<'_>], subject: &'s str) -> Option<&'s str> {
    match chunk {
        [] => Some(subject),
        [Part::Text(text)] => subject.get(subject.find(&**text)? + text.len()..),
        _ => subject.char_indices().find_map(|(at, _)| strip(chunk, subject.get(at..)?)),
    }
}

fn ends_with(chunk: &[Part<'_>], subject: &str) -> bool {
    let start = chunk.iter().rev().try_fold(subject, |rest, part| match part {
        Part::Text(text) => rest.strip_suffix(&**text),
        _ => {
            let mut chars = rest.chars();
            chars.next_back().map(|_| chars.as_str())
        }
    });
    start.is_some()
}

/// Matches with wildcards that end at a colon, by following every reading of the pattern at once: one pass over the text, a
/// step for each character of the pattern.
fn matches_within(parts: &[Part<'_>], subject: &str) -> bool {
    enum Step {
        Char(char),
        One { within: bool },
        Star { within: bool },
    }
    let mut steps = Vec::new();
    for part in parts {
        match part {
            Part::Text(text) => steps.extend(text.chars().map(Step::Char)),
            Part::One => steps.push(Step::One { within: false }),
            Part::OneWithin => steps.push(Step::One { within: true }),
            Part::Star => steps.push(Step::Star { within: false }),
            Part::StarWithin => steps.push(Step::Star { within: true }),
        }
    }
    // reached[i]: the text so far can be read as the first i steps. A star may also stand for nothing.
    let skip_stars = |reached: &mut Vec<bool>| {
        for (at, step) in steps.iter().enumerate() {
            let skipped = matches!(step, Step::Star { .. }) && reached.get(at) == Some(&true);
            if let Some(next) = reached.get_mut(at + 1).filter(|_| skipped) {
                *next = true;
            }
        }
    };
    let mut reached = vec![false; steps.len() + 1];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    skip_stars(&mut reached);
    for char in subject.chars() {
        let mut next = vec![false; steps.len() + 1];
        for (at, step) in steps.iter().enumerate().filter(|(at, _)| reached.get(*at) == Some(&true)) {
            let to = match step {
                Step::Char(expected) if *expected == char => at + 1,
                Step::One { within } if !(*within && char == ':') => at + 1,
                Step::Star { within } if !(*within && char == ':') => at,
                _ => continue,
            };
            if let Some(state) = next.get_mut(to) {
                *state = true;
            }
        }
        skip_stars(&mut next);
        reached = next;
    }
    reached.last() == Some(&true)
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
