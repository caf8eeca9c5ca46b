//! A value as it was given, before its key says what it must be.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::Fault;

/// A value from the file, which has a type of its own, or from outside of it, which has none.
pub(super) enum Value {
    Number(i128),
    Switch(bool),
    Text(String),
    List(Vec<Value>),
    /// A type of TOML's that no setting has, by its name.
    Other(&'static str),
    /// From the environment or a flag.
    Untyped(String),
    /// From a flag, which need not be Unicode.
    Path(PathBuf),
}

impl Value {
    pub(super) fn number(&self, range: &RangeInclusive<u64>) -> Result<u64, Fault> {
        let value = match self {
            Self::Number(value) => *value,
            Self::Untyped(text) => text.parse().map_err(|_| Fault::malformed(text, "a whole number"))?,
            _ => return Err(self.is_not("a whole number")),
        };
        u64::try_from(value).ok().filter(|number| range.contains(number)).ok_or(Fault::OutOfRange {
            value,
            least: *range.start(),
            most: *range.end(),
        })
    }

    pub(super) fn switch(&self) -> Result<bool, Fault> {
        match self {
            Self::Switch(on) => Ok(*on),
            Self::Untyped(text) => text.parse().map_err(|_| Fault::malformed(text, "true or false")),
            _ => Err(self.is_not("true or false")),
        }
    }

    pub(super) fn text(&self) -> Result<&str, Fault> {
        match self {
            Self::Text(text) | Self::Untyped(text) => Ok(text),
            _ => Err(self.is_not("a text")),
        }
    }

    pub(super) fn path(&self) -> Result<PathBuf, Fault> {
        let path = match self {
            Self::Path(path) => path.clone(),
            _ => self.text()?.into(),
        };
        if path.as_os_str().is_empty() { Err(Fault::malformed("", "a path")) } else { Ok(path) }
    }

    /// A list; outside the file, with commas between its items.
    pub(super) fn list(&self) -> Result<Vec<&str>, Fault> {
        match self {
            Self::List(items) => items.iter().map(Self::text).collect(),
            Self::Untyped(text) => Ok(text.split(',').map(str::trim).collect()),
            _ => Err(self.is_not("a list of texts")),
        }
    }

    fn is_not(&self, expected: &'static str) -> Fault {
        let found = match self {
            Self::Number(_) => "a whole number",
            Self::Switch(_) => "true or false",
            Self::Text(_) | Self::Untyped(_) => "a text",
            Self::List(_) => "a list",
            Self::Other(found) => found,
            Self::Path(_) => "a path",
        };
        Fault::WrongType { expected, found }
    }
}
