//! Condition keys as the members of a JSON object, as those who ask about a request write them.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

/// The members of a JSON object, in its order. A name that stands twice is an error, also in another case: condition keys are the
/// same in any case, and of two values one would be silently forgotten.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Claims(pub Vec<(String, serde_json::Value)>);

impl Claims {
    /// These members.
    ///
    /// # Errors
    /// The name that stands twice.
    pub fn distinct(members: Vec<(String, serde_json::Value)>) -> Result<Self, GivenTwice> {
        Self::are_distinct(members.iter().map(|(name, _)| name.as_str()))?;
        Ok(Self(members))
    }

    /// Whether these are the names of different keys.
    ///
    /// # Errors
    /// The one that stands twice.
    pub fn are_distinct<'a>(names: impl ExactSizeIterator<Item = &'a str> + Clone) -> Result<(), GivenTwice> {
        /// Names that are compared one by one: most have fewer.
        const FEW: usize = 8;
        let twice = if names.len() <= FEW {
            let stood = |at, name: &str| names.clone().take(at).any(|before| before.eq_ignore_ascii_case(name));
            names.clone().enumerate().find(|(at, name)| stood(*at, name)).map(|(_, name)| name)
        } else {
            let mut seen = HashSet::with_capacity(names.len());
            names.clone().find(|name| !seen.insert(name.to_ascii_lowercase()))
        };
        match twice {
            Some(name) => Err(GivenTwice(name.to_owned())),
            None => Ok(()),
        }
    }
}

/// A condition key stands twice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the condition key `{0}` is given twice")]
pub struct GivenTwice(String);

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Claims;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of condition keys")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Claims, A::Error> {
        let mut members = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            members.push(entry);
        }
        Claims::distinct(members).map_err(A::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_given_once_whatever_its_case() {
        let read = |text: &str| serde_json::from_str::<Claims>(text).map(|claims| claims.0.len());
        assert_eq!(read(r#"{"b:x":1,"a:x":{"a:x":1}}"#).unwrap(), 2);
        for twice in [
            r#"{"a:x":1,"a:x":1}"#,
            r#"{"aws:SourceIp":"6.6.6.6","aws:sourceip":"10.0.0.1"}"#,
            r#"{"a:\u0078":1,"A:x":2}"#,
        ] {
            assert!(read(twice).unwrap_err().to_string().contains("given twice"), "{twice}");
        }
        assert!(read("[]").is_err());
    }

    #[test]
    fn few_names_and_many_are_told_apart_alike() {
        for many in 0..20_usize {
            let names: Vec<String> = (0..many).map(|at| format!("k:{at}")).collect();
            let check = |names: &[String]| Claims::are_distinct(names.iter().map(String::as_str));
            assert_eq!(check(&names), Ok(()));
            for again in 0..many {
                let with = [&names[..], &[format!("K:{again}")]].concat();
                assert_eq!(check(&with), Err(GivenTwice(format!("K:{again}"))), "{many}");
            }
        }
    }
}
