//! A request's condition keys, gathered in one place: for askers that have them as a list, such as a simulation.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;

use smallvec::SmallVec;

use super::fact::{Fact, Facts};
use super::key::{self, Key};
use crate::clock::Timestamp;

/// The value of a condition key in a request: a [`Fact`] of one's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text. Numbers, dates, addresses and ARNs may come as text too: operators read them as what they compare.
    Text(String),
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// A moment.
    Time(Timestamp),
    /// An address.
    Ip(IpAddr),
    /// Bytes, for `BinaryEquals`.
    Bytes(Vec<u8>),
    /// Several values (`aws:TagKeys`). An empty list counts as an absent key.
    List(Vec<String>),
}

impl Value {
    /// The value, borrowed.
    pub fn as_fact(&self) -> Fact<'_> {
        match self {
            Value::Text(text) => Fact::Text(text),
            Value::Bool(value) => Fact::Bool(*value),
            Value::Number(value) => Fact::Number(*value),
            Value::Time(value) => Fact::Time(*value),
            Value::Ip(value) => Fact::Ip(*value),
            Value::Bytes(value) => Fact::Bytes(value),
            Value::List(values) => Fact::List(values),
        }
    }

    /// The canonical text, see [`Fact::as_text`].
    pub fn as_text(&self) -> Cow<'_, str> {
        self.as_fact().as_text()
    }
}

macro_rules! value_from {
    ($($from:ty => $make:expr),+ $(,)?) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Self {
                $make(value)
            }
        })+
    };
}

value_from! {
    String => Value::Text,
    bool => Value::Bool,
    i64 => Value::Number,
    Timestamp => Value::Time,
    IpAddr => Value::Ip,
    Vec<u8> => Value::Bytes,
    Vec<String> => Value::List,
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::Text(value.to_owned())
    }
}

/// How many keys are looked through one by one.
const FEW: usize = 64;

/// The condition keys of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// The keys' fingerprints, beside each other: looking through them settles which entry is meant.
    fingerprints: SmallVec<[u64; 4]>,
    entries: Vec<(Key, Value)>,
    /// Where each name's entry is, once there are too many to look through.
    places: HashMap<Box<str>, usize>,
}

impl Context {
    /// A context that knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a key; a value that it had before is replaced.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        let key = Key::new(key);
        match self.position(key.fingerprint(), key.name()).and_then(|at| self.entries.get_mut(at)) {
            Some(entry) => entry.1 = value.into(),
            None => {
                self.fingerprints.push(key.fingerprint());
                self.entries.push((key, value.into()));
                if self.entries.len() > FEW {
                    // All of them at first, then the one that is new.
                    let known = self.places.len();
                    let new = self.entries.iter().enumerate().skip(known);
                    self.places.extend(new.map(|(at, (key, _))| (key.name().into(), at)));
                }
            }
        }
    }

    /// The value of a key whose name is given in lower case.
    pub fn get(&self, lower_case_key: &str) -> Option<&Value> {
        self.find(key::fingerprint(lower_case_key), lower_case_key)
    }

    /// Every key with its value, in the order in which they were set.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Value)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    fn find(&self, fingerprint: u64, name: &str) -> Option<&Value> {
        let at = self.position(fingerprint, name)?;
        self.entries.get(at).map(|(_, value)| value)
    }

    fn position(&self, fingerprint: u64, name: &str) -> Option<usize> {
        if !self.places.is_empty() {
            return self.places.get(name).copied();
        }
        let mut from = 0;
        loop {
            let at = from + self.fingerprints.get(from..)?.iter().position(|known| *known == fingerprint)?;
            if self.entries.get(at).is_some_and(|(key, _)| key.name() == name) {
                return Some(at);
            }
            from = at + 1;
        }
    }
}

impl Facts for Context {
    fn fact(&self, key: &Key) -> Option<Fact<'_>> {
        self.find(key.fingerprint(), key.name()).map(Value::as_fact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_case_insensitive_and_the_last_value_stays() {
        let mut context = Context::new();
        context.set("aws:PrincipalTag/CostCenter", "1");
        context.set("AWS:principaltag/costcenter", "2");
        context.set("aws:username", "ann");
        assert_eq!(context.get("aws:principaltag/costcenter"), Some(&Value::from("2")));
        assert_eq!(context.fact(&Key::new("aws:PrincipalTag/costCENTER")), Some(Fact::Text("2")));
        assert_eq!(context.get("aws:PrincipalTag/CostCenter"), None, "callers of get know the lower-case name");
        assert_eq!(context.iter().count(), 2);
    }

    #[test]
    fn many_keys_are_found_as_few_are() {
        let mut context = Context::new();
        for round in ["first", "second"] {
            for at in 0..3 * FEW {
                context.set(&format!("K:{at}"), format!("{round} {at}"));
            }
        }
        assert_eq!(context.iter().count(), 3 * FEW);
        for at in 0..3 * FEW {
            assert_eq!(context.get(&format!("k:{at}")), Some(&Value::from(format!("second {at}"))));
        }
        assert_eq!(context.get("k:none"), None);
    }

    #[test]
    fn keys_that_share_a_fingerprint_are_told_apart_by_name() {
        let mut context = Context::new();
        context.set("k:a", "a");
        context.set("k:b", "b");
        // As if both names had the fingerprint of the second.
        context.fingerprints = smallvec::smallvec![key::fingerprint("k:b"); 2];
        assert_eq!(context.get("k:b"), Some(&Value::from("b")));
    }

    #[test]
    fn the_canonical_text_tells_values_apart() {
        assert_eq!(Value::from(true).as_text(), "true");
        assert_eq!(Value::from(-7).as_text(), "-7");
        assert_eq!(Value::from(Timestamp(0)).as_text(), "1970-01-01T00:00:00Z");
        assert_eq!(Value::from(vec!["a".to_owned(), "b\"".to_owned()]).as_text(), r#"["a","b\""]"#);
        assert_eq!(Value::from(vec![1_u8, 2]).as_text(), "AQI=");
    }
}
