//! Looking for a piece of a pattern that has question marks in it, at every place of a long text at once.
//!
//! A piece such as `a?a?a` can match up to its last character at every place of a text and fail there, which costs the product of
//! their lengths. Here one bit says for each character of the piece whether it can be reached ("shift-and", Baeza-Yates and
//! Gonnet 1992), so that 64 of them cost one step.

use std::collections::HashMap;

use super::template::Part;

/// From which product of lengths on this is worth its preparation.
pub(super) const LONG: usize = 1 << 14;

/// What follows the first place where `piece` ends in `subject`; a piece has no asterisks.
pub(super) fn after_first<'s>(piece: &[Part<'_>], subject: &'s str) -> Option<&'s str> {
    let masks = Masks::new(piece);
    let last = masks.length.checked_sub(1)?;
    let mut reached = vec![0_u64; masks.length.div_ceil(64)];
    for (at, char) in subject.char_indices() {
        let mut carry = 1;
        for (word, mask) in reached.iter_mut().zip(masks.of(char)) {
            let out = *word >> 63;
            *word = ((*word << 1) | carry) & mask;
            carry = out;
        }
        if reached.last().is_some_and(|word| word >> (last % 64) & 1 == 1) {
            return subject.get(at + char.len_utf8()..);
        }
    }
    None
}

/// For each character, where in the piece it may stand.
struct Masks {
    length: usize,
    known: HashMap<char, Vec<u64>>,
    /// Of every character that the piece does not name.
    other: Vec<u64>,
}

impl Masks {
    fn new(piece: &[Part<'_>]) -> Masks {
        let length = piece.iter().map(|part| if let Part::Text(text) = part { text.chars().count() } else { 1 }).sum();
        let nowhere = vec![0_u64; usize::div_ceil(length, 64)];
        let (mut literal, mut other, mut colon) = (HashMap::<char, Vec<u64>>::new(), nowhere.clone(), nowhere.clone());
        let mark = |words: &mut Vec<u64>, at: usize| {
            if let Some(word) = words.get_mut(at / 64) {
                *word |= 1 << (at % 64);
            }
        };
        let mut at = 0;
        for part in piece {
            match part {
                Part::Text(text) => {
                    for char in text.chars() {
                        mark(literal.entry(char).or_insert_with(|| nowhere.clone()), at);
                        at += 1;
                    }
                }
                one => {
                    mark(&mut other, at);
                    if *one == Part::One {
                        mark(&mut colon, at);
                    }
                    at += 1;
                }
            }
        }
        literal.entry(':').or_insert(nowhere);
        for (char, words) in &mut literal {
            let wildcards = if *char == ':' { &colon } else { &other };
            words.iter_mut().zip(wildcards).for_each(|(word, wildcard)| *word |= wildcard);
        }
        Masks { length, known: literal, other }
    }

    fn of(&self, char: char) -> &[u64] {
        self.known.get(&char).unwrap_or(&self.other)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::text::Text;

    fn part() -> impl Strategy<Value = Part<'static>> {
        prop_oneof![
            3 => "[ab:é]{1,3}".prop_map(|text| Part::Text(Text::Owned(text.into()))),
            2 => Just(Part::One),
            1 => Just(Part::OneWithin),
        ]
    }

    /// The place where the piece ends first, by trying each.
    fn naive<'s>(piece: &[Part<'_>], subject: &'s str) -> Option<&'s str> {
        let at = |from: &'s str| {
            piece.iter().try_fold(from, |rest, part| match part {
                Part::Text(text) => rest.strip_prefix(&**text),
                _ => {
                    let mut chars = rest.chars();
                    chars.next().filter(|c| *c != ':' || *part == Part::One).map(|_| chars.as_str())
                }
            })
        };
        subject.char_indices().find_map(|(from, _)| at(&subject[from..]))
    }

    proptest! {
        #[test]
        fn a_piece_is_found_where_it_ends_first(piece in prop::collection::vec(part(), 1..80), subject in "[ab:é]{0,200}") {
            prop_assert_eq!(after_first(&piece, &subject), naive(&piece, &subject));
        }

        #[test]
        fn what_a_piece_was_made_of_is_found(subject in "[ab:]{1,300}", from in 0_usize..300, length in 1_usize..200, every in 2_usize..5) {
            let chars: Vec<char> = subject.chars().skip(from).take(length).collect();
            prop_assume!(!chars.is_empty());
            let piece: Vec<Part<'_>> = chars.iter().enumerate().map(|(at, char)| match at % every {
                0 => Part::One,
                _ => Part::Text(Text::Owned(char.to_string().into())),
            }).collect();
            let found = after_first(&piece, &subject);
            prop_assert!(found.is_some());
            prop_assert_eq!(found, naive(&piece, &subject));
        }
    }
}
