//! Texts that match a pattern, of some length or of a given one.

use super::dialect::Part;
use super::dice::Dice;

impl Part {
    /// The least and the greatest length of what matches; `None` for no limit.
    pub fn lengths(&self) -> (usize, Option<usize>) {
        match self {
            Self::Set(_) => (1, Some(1)),
            Self::NotNext(_) | Self::Edge => (0, Some(0)),
            Self::Sequence(parts) => parts
                .iter()
                .map(Self::lengths)
                .fold((0, Some(0)), |(min, max), (low, high)| (min + low, max.zip(high).map(|(max, high)| max + high))),
            Self::Either(parts) => {
                let all = || parts.iter().map(Self::lengths);
                let max = all().map(|(_, max)| max).reduce(|one, other| one.zip(other).map(|(a, b)| a.max(b)));
                (all().map(|(min, _)| min).min().unwrap_or(0), max.flatten())
            }
            Self::Repeat(part, min, max) => {
                let (low, high) = part.lengths();
                (low * min, max.zip(high).map(|(max, high)| max * high))
            }
        }
    }

    /// A text of this length that matches, unless there is none that this simple search finds.
    pub fn of_length(&self, length: usize, dice: &mut Dice) -> Option<String> {
        (0..8).find_map(|_| self.fill(length, dice).filter(|text| self.matches(text)))
    }

    fn fill(&self, length: usize, dice: &mut Dice) -> Option<String> {
        let (min, max) = self.lengths();
        if length < min || max.is_some_and(|max| length > max) {
            return None;
        }
        match self {
            Self::Set(set) => Some(dice.pick(&set.members()).to_string()),
            Self::NotNext(_) | Self::Edge => Some(String::new()),
            Self::Either(parts) => {
                let first = dice.below(parts.len());
                (0..parts.len()).find_map(|at| parts[(first + at) % parts.len()].fill(length, dice))
            }
            // Everybody gets what they need, and the first who can take more gets all that is left.
            Self::Sequence(parts) => {
                let mut left = length - min;
                let mut text = String::new();
                for part in parts {
                    let (low, high) = part.lengths();
                    let more = high.map_or(left, |high| left.min(high - low));
                    left -= more;
                    text.push_str(&part.fill(low + more, dice)?);
                }
                (left == 0).then_some(text)
            }
            Self::Repeat(part, ..) if matches!(**part, Self::Set(_)) => {
                let Self::Set(set) = &**part else { return None };
                let members = set.members();
                Some((0..length).map(|_| dice.pick(&members)).collect())
            }
            Self::Repeat(part, least, most) => match part.lengths() {
                _ if length == 0 && *least == 0 => Some(String::new()),
                (low, Some(high)) if low == high && low > 0 => {
                    (0..length / low).map(|_| part.fill(low, dice)).collect()
                }
                _ if *least <= 1 && most.is_none_or(|most| most >= 1) => part.fill(length, dice),
                _ => None,
            },
        }
    }
}
