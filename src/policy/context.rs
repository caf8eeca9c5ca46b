//! What is known about a request: condition keys and their values.

use std::borrow::Cow;
use std::net::IpAddr;

use super::decimal::Decimal;
use super::moment::Moment;
use crate::clock::Timestamp;

/// The value of a condition key in a request.
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
    /// The canonical text: what string operators and policy variables see, and what distinguishes values in a cache key.
    /// A list is written as a JSON array, bytes in base64, a moment as `2026-11-24T02:41:41Z`.
    pub fn as_text(&self) -> Cow<'_, str> {
        match self {
            Value::List(values) => Cow::Owned(serde_json::Value::from(values.clone()).to_string()),
            single => single.scalar().map_or(Cow::Borrowed(""), Scalar::text),
        }
    }

    /// The value, unless it is a list: policy variables can only stand for keys with a single value.
    pub(super) fn scalar(&self) -> Option<Scalar<'_>> {
        Some(match self {
            Value::Text(text) => Scalar::Text(text),
            Value::Bool(value) => Scalar::Bool(*value),
            Value::Number(value) => Scalar::Number(*value),
            Value::Time(value) => Scalar::Time(*value),
            Value::Ip(value) => Scalar::Ip(*value),
            Value::Bytes(value) => Scalar::Bytes(value),
            Value::List(_) => return None,
        })
    }

    /// Whether any single value fulfils `test`.
    pub(super) fn any(&self, mut test: impl FnMut(Scalar<'_>) -> bool) -> bool {
        match self {
            Value::List(values) => values.iter().any(|text| test(Scalar::Text(text))),
            single => single.scalar().is_some_and(test),
        }
    }

    /// Whether the key counts as absent.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Value::List(values) if values.is_empty())
    }

    /// Whether set operators see no value at all: nothing, or a single empty text.
    pub(super) fn is_empty_set(&self) -> bool {
        match self {
            Value::Text(text) => text.is_empty(),
            Value::List(values) => values.iter().all(String::is_empty) && values.len() <= 1,
            _ => false,
        }
    }
}

/// One value, borrowed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scalar<'a> {
    Text(&'a str),
    Bool(bool),
    Number(i64),
    Time(Timestamp),
    Ip(IpAddr),
    Bytes(&'a [u8]),
}

impl<'a> Scalar<'a> {
    pub(super) fn text(self) -> Cow<'a, str> {
        match self {
            Scalar::Text(text) => Cow::Borrowed(text),
            Scalar::Bool(true) => Cow::Borrowed("true"),
            Scalar::Bool(false) => Cow::Borrowed("false"),
            Scalar::Number(value) => Cow::Owned(value.to_string()),
            Scalar::Time(value) => Cow::Owned(value.iso8601()),
            Scalar::Ip(value) => Cow::Owned(value.to_string()),
            Scalar::Bytes(value) => Cow::Owned(data_encoding::BASE64.encode(value)),
        }
    }

    pub(super) fn decimal(self) -> Option<Decimal> {
        match self {
            Scalar::Text(text) => Decimal::parse(text),
            Scalar::Number(value) => Some(Decimal::from(value)),
            Scalar::Time(value) => Some(Decimal::from(value.seconds())),
            Scalar::Bool(_) | Scalar::Ip(_) | Scalar::Bytes(_) => None,
        }
    }

    pub(super) fn moment(self) -> Option<Moment> {
        match self {
            Scalar::Text(text) => Moment::parse(text),
            Scalar::Number(value) => Some(Timestamp(value).into()),
            Scalar::Time(value) => Some(value.into()),
            Scalar::Bool(_) | Scalar::Ip(_) | Scalar::Bytes(_) => None,
        }
    }

    pub(super) fn ip(self) -> Option<IpAddr> {
        match self {
            Scalar::Text(text) => text.parse().ok(),
            Scalar::Ip(value) => Some(value),
            _ => None,
        }
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

/// The condition keys of one request. Names are case-insensitive, the part after the slash of a tag key included, and are
/// kept in lower case (IAM User Guide, `reference_policies_elements_condition`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// Ordered by length, then text: comparing lengths settles most steps of a search.
    entries: Vec<(Box<str>, Value)>,
}

impl Context {
    /// A context that knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a key; a value that it had before is replaced.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        let key = key.to_ascii_lowercase();
        match self.position(&key) {
            Ok(at) => {
                if let Some(entry) = self.entries.get_mut(at) {
                    entry.1 = value.into();
                }
            }
            Err(at) => self.entries.insert(at, (key.into_boxed_str(), value.into())),
        }
    }

    /// The value of a key whose name is given in lower case.
    pub fn get(&self, lower_case_key: &str) -> Option<&Value> {
        let at = self.position(lower_case_key).ok()?;
        self.entries.get(at).map(|(_, value)| value)
    }

    /// Every key, in lower case, with its value, in an order that depends only on the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(key, value)| (&**key, value))
    }

    fn position(&self, key: &str) -> Result<usize, usize> {
        self.entries.binary_search_by(|(k, _)| k.len().cmp(&key.len()).then_with(|| k.as_bytes().cmp(key.as_bytes())))
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
        assert_eq!(context.get("aws:PrincipalTag/CostCenter"), None, "callers of get know the lower-case name");
        assert_eq!(context.iter().count(), 2);
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
