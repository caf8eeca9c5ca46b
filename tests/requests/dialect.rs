//! The regular expressions of AWS's model, read and matched in the most simple-minded way: every position that a part of the
//! pattern can reach. It shares nothing with the translation in `src/wire/model/pattern.rs`.

use std::collections::BTreeSet;

/// Characters that requests are made of: the borders of the ranges that AWS's patterns name, and what stands just outside.
pub const ALPHABET: &str = "\0\u{1}\t\n\r\u{1f} !\"#$%&'()*+,-./09:;<=>?@AFZ[\\]^_`afz{|}~\u{7f}\u{80}\u{85}\u{9f}\u{a0}\u{a1}½éß\
     ÿ\u{100}\u{301}٣\u{2003}Ⅷ€東\u{d7ff}\u{e000}\u{fffd}\u{fffe}\u{ffff}𝔸😀";

/// Unicode's general categories of those that are not ASCII: letters, numbers, separators.
const CATEGORIES: [(char, &str); 3] = [('L', "éßÿ\u{100}東𝔸"), ('N', "½٣Ⅷ"), ('Z', "\u{a0}\u{2003}")];

/// A part of a pattern.
#[derive(Clone, Debug)]
pub enum Part {
    /// One character of a set.
    Set(Set),
    /// One after the other.
    Sequence(Vec<Part>),
    /// One of them.
    Either(Vec<Part>),
    /// So many times.
    Repeat(Box<Part>, usize, Option<usize>),
    /// What must not come next.
    NotNext(Box<Part>),
    /// `^` and `$`: the whole value is matched in any case.
    Edge,
}

/// A set of characters.
#[derive(Clone, Debug, Default)]
pub struct Set {
    ranges: Vec<(char, char)>,
    categories: Vec<char>,
}

impl Set {
    fn one(c: char) -> Self {
        Self { ranges: vec![(c, c)], categories: Vec::new() }
    }

    /// Whether a character of [`ALPHABET`] or an ASCII one is in it.
    pub fn has(&self, c: char) -> bool {
        let of = |category: char| match c {
            _ if !c.is_ascii() => CATEGORIES.iter().any(|(name, members)| *name == category && members.contains(c)),
            'A'..='Z' | 'a'..='z' => category == 'L',
            '0'..='9' => category == 'N',
            ' ' => category == 'Z',
            _ => false,
        };
        self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) || self.categories.iter().any(|name| of(*name))
    }

    /// Its characters, of those that requests are made of; the ends of its ranges if it has none of these.
    pub fn members(&self) -> Vec<char> {
        let known: Vec<char> = ALPHABET.chars().filter(|c| self.has(*c)).collect();
        if known.is_empty() { self.ranges.iter().map(|(from, _)| *from).collect() } else { known }
    }
}

impl Part {
    /// Reads a pattern.
    pub fn read(pattern: &str) -> Self {
        // Java reads `\u10000` as U+1000 and a zero. What AWS means is every character that XML allows.
        let pattern = pattern.replace(r"\u10000-\u10FFFF", "\u{10000}-\u{10FFFF}");
        let mut reader = Reader { rest: pattern.chars().collect(), at: 0 };
        let part = reader.either();
        assert_eq!(reader.at, reader.rest.len(), "{pattern}");
        part
    }

    /// Whether the whole of a text matches.
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        self.reach(&text, &BTreeSet::from([0])).contains(&text.len())
    }

    fn reach(&self, text: &[char], from: &BTreeSet<usize>) -> BTreeSet<usize> {
        match self {
            Self::Set(set) => {
                from.iter().filter(|at| text.get(**at).is_some_and(|c| set.has(*c))).map(|at| at + 1).collect()
            }
            Self::Sequence(parts) => parts.iter().fold(from.clone(), |from, part| part.reach(text, &from)),
            Self::Either(parts) => parts.iter().flat_map(|part| part.reach(text, from)).collect(),
            Self::Edge => from.clone(),
            Self::NotNext(part) => {
                from.iter().copied().filter(|at| part.reach(text, &BTreeSet::from([*at])).is_empty()).collect()
            }
            Self::Repeat(part, min, None) if matches!(**part, Self::Set(_)) => {
                let Self::Set(set) = &**part else { return BTreeSet::new() };
                let end = |at: usize| at + text[at..].iter().take_while(|c| set.has(**c)).count();
                from.iter().flat_map(|at| at + min..=end(*at)).collect()
            }
            Self::Repeat(part, min, max) => {
                let mut reached = BTreeSet::new();
                let mut now = from.clone();
                for round in 0..=max.unwrap_or(usize::MAX) {
                    if round >= *min {
                        // Only what is new can lead to anything new, once the least number of rounds is done.
                        now = &now - &reached;
                        reached.extend(&now);
                    }
                    if now.is_empty() {
                        break;
                    }
                    now = part.reach(text, &now);
                }
                reached
            }
        }
    }
}

struct Reader {
    rest: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn next(&mut self) -> char {
        let c = self.peek().expect("the pattern goes on");
        self.at += 1;
        c
    }

    fn takes(&mut self, text: &str) -> bool {
        let here = self.rest[self.at..].iter().copied().take(text.chars().count()).eq(text.chars());
        self.at += if here { text.chars().count() } else { 0 };
        here
    }

    fn either(&mut self) -> Part {
        let mut parts = vec![self.sequence()];
        while self.takes("|") {
            parts.push(self.sequence());
        }
        if parts.len() == 1 { parts.remove(0) } else { Part::Either(parts) }
    }

    fn sequence(&mut self) -> Part {
        let mut parts = Vec::new();
        while !matches!(self.peek(), None | Some('|' | ')')) {
            let part = self.single();
            parts.push(self.repeated(part));
        }
        Part::Sequence(parts)
    }

    fn single(&mut self) -> Part {
        if self.takes("(?!") {
            let part = self.either();
            assert!(self.takes(")"));
            return Part::NotNext(Box::new(part));
        }
        match self.next() {
            '(' => {
                let part = self.either();
                assert!(self.takes(")"));
                part
            }
            '[' => {
                let mut set = Set::default();
                while !self.takes("]") {
                    self.member(&mut set);
                }
                Part::Set(set)
            }
            '^' | '$' => Part::Edge,
            '\\' => Part::Set(self.escaped()),
            '.' => panic!("no published pattern has a bare period"),
            plain => Part::Set(Set::one(plain)),
        }
    }

    fn repeated(&mut self, part: Part) -> Part {
        let (min, max) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                let end = self.at + self.rest[self.at..].iter().position(|c| *c == '}').unwrap();
                let inside: String = self.rest[self.at + 1..end].iter().collect();
                self.at = end;
                let (min, max) = inside.split_once(',').unwrap_or((&inside, &inside));
                (min.parse().unwrap(), if max.is_empty() { None } else { Some(max.parse().unwrap()) })
            }
            _ => return part,
        };
        self.at += 1;
        Part::Repeat(Box::new(part), min, max)
    }

    /// One character or range inside of brackets.
    fn member(&mut self, set: &mut Set) {
        let first = match self.next() {
            '\\' => self.escaped(),
            plain => Set::one(plain),
        };
        let range = self.peek() == Some('-') && !matches!(self.rest.get(self.at + 1), Some(']' | '\\') | None);
        let escaped_end = self.peek() == Some('-') && self.rest.get(self.at + 1..self.at + 3) == Some(&['\\', 'u']);
        match first.ranges.as_slice() {
            [(from, to)] if from == to && (range || escaped_end) => {
                self.at += 1;
                let end = match self.next() {
                    '\\' => self.escaped().ranges[0].0,
                    plain => plain,
                };
                set.ranges.push((*from, end));
            }
            _ => {
                set.ranges.extend(first.ranges);
                set.categories.extend(first.categories);
            }
        }
    }

    /// What follows a backslash.
    fn escaped(&mut self) -> Set {
        match self.next() {
            'w' => Set { ranges: vec![('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')], categories: Vec::new() },
            'd' => Set { ranges: vec![('0', '9')], categories: Vec::new() },
            'p' => {
                assert!(self.takes("{"));
                let name = self.next();
                assert!(self.takes("}") && "LNZ".contains(name), "the category {name} is not in the table");
                Set { ranges: Vec::new(), categories: vec![name] }
            }
            'u' => {
                let digits: String = (0..4).map(|_| self.next()).collect();
                Set::one(char::from_u32(u32::from_str_radix(&digits, 16).unwrap()).unwrap())
            }
            letter if letter.is_ascii_alphanumeric() => panic!("no published pattern has \\{letter}"),
            plain => Set::one(plain),
        }
    }
}
