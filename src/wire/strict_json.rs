//! JSON as what decides about security must be written: no member twice, at no depth, and nothing nested without end.
//!
//! RFC 8259 section 4 and RFC 7519 section 4 leave it open which of two equal names counts; whoever checks one and whoever obeys the other would then
//! read two things in one.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

mod shape;

pub use shape::{Fields, OneOf, Others, Shape, Shaped};

/// A value, whose texts are those of the bytes that it was read from as far as they can be. `Debug` shows no texts: they may be tokens.
#[derive(Clone, PartialEq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Json<'a>>),
    /// An object.
    Object(Members<'a>),
}

/// A member of an object.
pub type Member<'a> = (Cow<'a, str>, Json<'a>);

/// The members of an object, in the order of their names. `Debug` shows these alone.
#[derive(Clone, Default, PartialEq)]
pub struct Members<'a>(Vec<Member<'a>>);

/// Reads an object whose values are nested at most `deepest` deep.
///
/// # Errors
/// What is wrong, for whoever sent it.
pub fn object(bytes: &[u8], deepest: usize) -> Result<Map<String, Value>, String> {
    Ok(members(bytes, deepest)?.to_map())
}

/// As [`object`], without a copy of what can be left where it is.
///
/// # Errors
/// As [`object`].
pub fn members(bytes: &[u8], deepest: usize) -> Result<Members<'_>, String> {
    match read(bytes, deepest, |strict| strict)? {
        Json::Object(members) => Ok(members),
        _ => Err("not a JSON object".to_owned()),
    }
}

/// Reads a value as a [`Shape`] has it.
///
/// # Errors
/// What is wrong, for whoever sent it.
pub fn shaped<'a, S: Shape<'a>>(bytes: &'a [u8], deepest: usize, shape: S) -> Result<S::Made, String> {
    read(bytes, deepest, |strict| strict.shaped(shape))
}

fn read<'a, S: DeserializeSeed<'a>>(
    bytes: &'a [u8],
    deepest: usize,
    seed: impl FnOnce(Strict) -> S,
) -> Result<S::Value, String> {
    // Once for all texts in it.
    let text = std::str::from_utf8(bytes).map_err(|_| "not JSON in UTF-8".to_owned())?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = seed(Strict { left: deepest, deepest }).deserialize(&mut reader).map_err(|error| told(&error))?;
    reader.end().map_err(|error| told(&error))?;
    Ok(value)
}

/// That a member is given twice.
pub fn twice<E: Error>(name: &str) -> E {
    E::custom(format_args!("`{name}` is given twice"))
}

impl<'a> Members<'a> {
    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        let at = self.0.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, as they stand beside each other.
    pub fn as_slice(&self) -> &[Member<'a>] {
        &self.0
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json<'a>)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// The same, by itself.
    pub fn to_map(&self) -> Map<String, Value> {
        self.iter().map(|(name, value)| (name.to_owned(), value.to_value())).collect()
    }

    /// In the order of their names, each of which stands once.
    ///
    /// # Errors
    /// One stands twice.
    pub fn sorted<E: Error>(mut members: Vec<Member<'a>>) -> Result<Self, E> {
        if members.len() > 1 {
            members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        }
        match members.array_windows().find(|[(one, _), (other, _)]| one == other) {
            Some([(name, _), _]) => Err(twice(name)),
            None => Ok(Self(members)),
        }
    }
}

impl<'a> Json<'a> {
    /// The text that it is, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number from 0 on that it is, if it is one.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    /// The members of the object that it is, if it is one.
    pub fn as_object(&self) -> Option<&Members<'a>> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The same, by itself.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::from(&**text),
            Self::List(items) => items.iter().map(Self::to_value).collect(),
            Self::Object(members) => Value::Object(members.to_map()),
        }
    }
}

impl fmt::Debug for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::List(items) => f.debug_list().entries(items).finish(),
            Self::Object(members) => members.fmt(f),
        }
    }
}

impl fmt::Debug for Members<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
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
    Ok(Some(value.to_value()).filter(|value| !value.is_null()))
}

/// Without line and column: nobody sees the text that they count in.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    text.get(..end).unwrap_or_default().to_owned()
}

/// How deep values may be nested from here on: the seed that reads one.
#[derive(Clone, Copy)]
pub struct Strict {
    left: usize,
    deepest: usize,
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Strict {
    /// The seed that reads a value as `shape` has it.
    pub fn shaped<S>(self, shape: S) -> Shaped<S> {
        Shaped::new(self, shape)
    }

    fn inner<E: Error>(self) -> Result<Self, E> {
        match self.left.checked_sub(1) {
            Some(left) => Ok(Self { left, ..self }),
            None => Err(E::custom(format_args!("values are nested more than {} deep", self.deepest))),
        }
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json<'de>, E> {
        Number::from_f64(value).map(Json::Number).ok_or_else(|| E::custom("a number is out of range"))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Json<'de>, E> {
        Name.visit_borrowed_str(value).map(Json::Text)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json<'de>, E> {
        Name.visit_str(value).map(Json::Text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        let inner = self.inner()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json<'de>, A::Error> {
        /// Members that most objects have at the most.
        const FEW: usize = 4;
        let inner = self.inner()?;
        let mut object = Vec::new();
        while let Some(name) = members.next_key_seed(Name)? {
            if object.is_empty() {
                object.reserve_exact(FEW);
            }
            object.push((name, members.next_value_seed(inner)?));
        }
        Members::sorted(object).map(Json::Object)
    }
}

/// The seed that reads a text: one that has no escapes stays where it is.
pub struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(value.to_owned()))
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

    #[test]
    fn a_text_stays_where_it_is_unless_it_is_written_otherwise() {
        let text = br#"{"b":"plain","a":"\u0070lain"}"#;
        let read = members(text, DEEPEST).unwrap();
        let is_borrowed = |name| matches!(read.get(name), Some(Json::Text(Cow::Borrowed("plain"))));
        assert!(is_borrowed("b") && !is_borrowed("a"));
        assert_eq!(read.get("a").and_then(Json::as_text), Some("plain"));
        assert_eq!((read.get("c"), read.len()), (None, 2));
        assert_eq!(read.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "b"]);
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
