//! JSON as what decides about security must be written: no member twice, at no depth, and nothing nested without end.
//!
//! RFC 8259 section 4 and RFC 7519 section 4 leave it open which of two equal names counts; whoever checks one and whoever obeys the other would then
//! read two things in one.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads an object whose values are nested at most `deepest` deep.
///
/// # Errors
/// What is wrong, for whoever sent it.
pub fn object(bytes: &[u8], deepest: usize) -> Result<Map<String, Value>, String> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { left: deepest, deepest }.deserialize(&mut reader).map_err(|error| told(&error))?;
    reader.end().map_err(|error| told(&error))?;
    match value {
        Value::Object(members) => Ok(members),
        _ => Err("not a JSON object".to_owned()),
    }
}

/// How deep a member may be nested that [`member`] reads.
const DEEPEST_MEMBER: usize = 32;

/// A member of something larger, read as strictly as [`object`] is; `null` is none. For `deserialize_with`.
///
/// # Errors
/// A name stands twice in it, or it is nested too deep.
pub fn member<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    let value = Strict { left: DEEPEST_MEMBER, deepest: DEEPEST_MEMBER }.deserialize(deserializer)?;
    Ok(Some(value).filter(|value| !value.is_null()))
}

/// Without line and column: nobody sees the text that they count in.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    text.get(..end).unwrap_or_default().to_owned()
}

#[derive(Clone, Copy)]
struct Strict {
    left: usize,
    deepest: usize,
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Strict {
    fn inner<E: Error>(self) -> Result<Self, E> {
        match self.left.checked_sub(1) {
            Some(left) => Ok(Self { left, ..self }),
            None => Err(E::custom(format_args!("values are nested more than {} deep", self.deepest))),
        }
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number is out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(inner)?;
            if object.contains_key(&name) {
                return Err(A::Error::custom(format_args!("`{name}` is given twice")));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DEEPEST: usize = 8;

    fn object(bytes: &[u8]) -> Result<Map<String, Value>, String> {
        super::object(bytes, DEEPEST)
    }

    #[test]
    fn a_member_is_given_once_at_every_depth() {
        for (text, named) in [
            (r#"{"sub":"a","sub":"b"}"#, "`sub` is given twice"),
            (r#"{"a":[{"x":1,"x":1}]}"#, "`x` is given twice"),
            (r#"{"sub":1,"\u0073ub":1}"#, "`sub` is given twice"),
        ] {
            assert_eq!(object(text.as_bytes()).unwrap_err(), named);
        }
    }

    #[test]
    fn what_is_deep_or_no_object_is_refused() {
        let deep = |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        assert!(object(deep(DEEPEST - 1).as_bytes()).is_ok());
        assert!(object(deep(DEEPEST).as_bytes()).unwrap_err().contains("nested"));
        assert!(object(deep(100_000).as_bytes()).is_err());
        for text in ["", "[]", "1", "{", "{}{}", "{} x", "null", r#"{"a":1e999}"#, "{\"a\":\"\u{1}\"}"] {
            assert!(object(text.as_bytes()).is_err(), "{text}");
        }
        assert!(object(b"{\"a\":\"\xff\"}").is_err());
    }

    proptest! {
        /// Whatever is taken reads the same as with the ordinary parser.
        #[test]
        fn what_is_taken_means_what_it_says(text in r#"\{("[ab]":(1|-2|0\.5|"x"|null|true|\[1,\{\}\]),?){0,4}\}"#) {
            if let Ok(members) = object(text.as_bytes()) {
                let plain: Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(Value::Object(members), plain);
            }
        }
    }
}
