//! Condition keys as the members of a JSON object, as those who ask about a request write them.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

/// The members of a JSON object, in its order. A name that stands twice is an error, also in another case: condition keys are the
/// same in any case, and of two values one would be silently forgotten.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Claims(pub Vec<(String, serde_json::Value)>);

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
        let mut claims = Vec::new();
        let mut seen = HashSet::new();
        while let Some((name, value)) = entries.next_entry::<String, serde_json::Value>()? {
            if !seen.insert(name.to_ascii_lowercase()) {
                return Err(A::Error::custom(format_args!("the condition key `{name}` is given twice")));
            }
            claims.push((name, value));
        }
        Ok(Claims(claims))
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
