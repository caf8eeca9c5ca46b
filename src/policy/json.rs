//! JSON for policy documents: bounded in depth, and a key that appears twice is an error instead of a silent choice.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A policy needs seven levels (document, statements, statement, condition, operator, key, value).
pub(super) const DEEPEST: usize = 16;

/// A JSON value. Numbers keep only their canonical text, which is all that a condition compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Object),
}

/// The members of an object, each once: in the order of their names until one is taken out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Object(Vec<(Name, Json)>);

/// The name of a member. Those that every policy has are not kept anew for each of them.
pub(super) type Name = Cow<'static, str>;

impl Object {
    /// The object of these members, or the name that stands twice.
    pub(super) fn new(mut members: Vec<(Name, Json)>) -> Result<Object, Name> {
        members.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let twice = members.windows(2).find_map(|pair| match pair {
            [(a, _), (b, _)] if a == b => Some(a.clone()),
            _ => None,
        });
        twice.map_or(Ok(Object(members)), Err)
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<Json> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for Object {
    type Item = (Name, Json);
    type IntoIter = std::vec::IntoIter<(Name, Json)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Reads the name of a member.
struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Name;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Name, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Name, E> {
        const OFTEN: [&str; 14] = [
            "Action",
            "AWS",
            "Condition",
            "Effect",
            "Federated",
            "NotAction",
            "NotResource",
            "Principal",
            "Resource",
            "Service",
            "Sid",
            "Statement",
            "StringEquals",
            "Version",
        ];
        let known = OFTEN.iter().find(|known| **known == name);
        Ok(known.map_or_else(|| Cow::Owned(name.to_owned()), |known| Cow::Borrowed(*known)))
    }
}

impl Json {
    /// Reads one value and nothing after it. The error names the place, for people.
    pub(super) fn parse(text: &str) -> Result<Json, String> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let value = Level(0).deserialize(&mut reader).map_err(|e| e.to_string())?;
        reader.end().map_err(|e| e.to_string())?;
        Ok(value)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        Level(0).deserialize(deserializer)
    }
}

/// How deep the value to be read stands.
#[derive(Clone, Copy)]
struct Level(usize);

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        if self.0 > DEEPEST {
            return Err(D::Error::custom(format_args!("nested deeper than {DEEPEST} levels")));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        /// Beyond it a float cannot tell neighbouring whole numbers apart.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if value.abs() >= EXACT {
            return Err(E::custom("a number is too large to be read exactly; as a text it can be compared"));
        }
        Ok(Json::Number(value.to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::with_capacity(2);
        while let Some(item) = items.next_element_seed(Level(self.0 + 1))? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut members = Vec::with_capacity(6);
        while let Some(name) = entries.next_key_seed(NameSeed)? {
            members.push((name, entries.next_value_seed(Level(self.0 + 1))?));
        }
        let object =
            Object::new(members).map_err(|name| A::Error::custom(format_args!("the key `{name}` appears twice")))?;
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_appears_twice_is_refused_at_any_depth() {
        assert!(Json::parse(r#"{"a":1,"a":1}"#).is_err());
        assert!(Json::parse(r#"[{"x":{"a":1,"b":2,"a":1}}]"#).is_err());
        assert!(Json::parse(r#"{"a":1,"A":1}"#).is_ok(), "names differ by case");
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Json::parse(&nested(DEEPEST)).is_ok());
        for depth in [DEEPEST + 2, 1_000, 100_000] {
            assert!(Json::parse(&nested(depth)).is_err(), "{depth}");
            assert!(Json::parse(&"{\"a\":".repeat(depth)).is_err(), "{depth}");
        }
    }

    #[test]
    fn nothing_may_follow_the_value() {
        assert!(Json::parse("{} ").is_ok());
        assert!(Json::parse("{} {}").is_err());
        assert!(Json::parse("").is_err());
    }
}
