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
        // Most have one member or none.
        if members.len() > 1 {
            let mut seen = HashSet::with_capacity(members.len());
            if let Some((twice, _)) = members.iter().find(|(name, _)| !seen.insert(name.to_ascii_lowercase())) {
                return Err(GivenTwice(twice.clone()));
            }
        }
        Ok(Self(members))
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
}
