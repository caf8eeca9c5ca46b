//! Texts that are equal whatever their case: `StringEqualsIgnoreCase` and `Bool`.

use super::fact::Facts;
use super::key::Key;
use super::template::{self, Part, Piece, Syntax};

/// A text to be compared without regard to case.
#[derive(Debug, Clone)]
pub(super) enum Folded {
    /// In lower case.
    Fixed(Box<str>),
    /// With variables, whose values are known only with a request.
    Template(Box<[Piece]>),
}

impl Folded {
    /// Reads a value of a condition. The error says what is wrong with a variable.
    pub(super) fn new(text: &str, variables: bool) -> Result<Folded, String> {
        let pieces = template::parse(text, Syntax { wildcards: false, variables })?;
        Ok(match pieces.as_slice() {
            [] => Folded::Fixed("".into()),
            [Piece::Part(Part::Text(text))] => Folded::Fixed(text.chars().flat_map(char::to_lowercase).collect()),
            _ => Folded::Template(pieces.into()),
        })
    }

    /// The text in lower case, if it has no variables.
    pub(super) fn fixed(&self) -> Option<&str> {
        match self {
            Folded::Fixed(text) => Some(text),
            Folded::Template(_) => None,
        }
    }

    /// Whether `subject` is the text. A variable without a value equals nothing.
    pub(super) fn equals(&self, subject: &str, facts: &dyn Facts) -> bool {
        let lower = subject.chars().flat_map(char::to_lowercase);
        match self {
            // Lower case of ASCII is ASCII of the same length; most texts are settled here.
            Folded::Fixed(text) if subject.is_ascii() => text.eq_ignore_ascii_case(subject),
            Folded::Fixed(text) => text.chars().eq(lower),
            Folded::Template(pieces) => template::resolve(pieces, facts).is_some_and(|parts| {
                let texts = parts.iter().filter_map(|part| match part {
                    Part::Text(text) => Some(&**text),
                    _ => None,
                });
                texts.flat_map(str::chars).flat_map(char::to_lowercase).eq(lower)
            }),
        }
    }

    /// Whether every variable has a value.
    pub(super) fn resolvable(&self, facts: &dyn Facts) -> bool {
        match self {
            Folded::Fixed(_) => true,
            Folded::Template(pieces) => template::resolvable(pieces, facts),
        }
    }

    /// The keys that variables read.
    pub(super) fn variables(&self) -> impl Iterator<Item = &Key> {
        let pieces: &[Piece] = match self {
            Folded::Template(pieces) => pieces,
            Folded::Fixed(_) => &[],
        };
        template::variables(pieces)
    }
}
