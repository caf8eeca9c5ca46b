//! The values of condition keys, as a decision reads them: borrowed, and only when a condition asks.

use std::borrow::Cow;
use std::fmt::Debug;
use std::net::IpAddr;

use super::decimal::Decimal;
use super::key::Key;
use super::moment::Moment;
use super::text::Text;
use crate::clock::Timestamp;

/// What is known about a request. A decision asks only for the keys that the policies in its way read, so whoever answers need
/// not gather anything in advance. Asked twice within one decision, the answer must be the same.
pub trait Facts: Debug {
    /// The value of a key; `None` when the request does not carry it.
    fn fact(&self, key: &Key) -> Option<Fact<'_>>;
}

/// The value of a condition key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact<'a> {
    /// A text. Numbers, dates, addresses and ARNs may come as text too: operators read them as what they compare.
    Text(&'a str),
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// A moment.
    Time(Timestamp),
    /// An address.
    Ip(IpAddr),
    /// Bytes, for `BinaryEquals`.
    Bytes(&'a [u8]),
    /// Several values (`aws:TagKeys`). An empty list counts as an absent key.
    List(&'a [String]),
}

impl<'a> Fact<'a> {
    /// The canonical text: what people are shown. A list is written as a JSON
    /// array, bytes in base64, a moment as `2026-11-24T02:41:41Z`.
    pub fn as_text(self) -> Cow<'a, str> {
        match self {
            Fact::Text(text) => Cow::Borrowed(text),
            Fact::List(values) => Cow::Owned(serde_json::Value::from(values).to_string()),
            single => Cow::Owned(single.text().to_string()),
        }
    }

    /// Whether the key counts as absent.
    pub(super) fn is_absent(self) -> bool {
        matches!(self, Fact::List([]))
    }

    /// Whether set operators see no value at all: nothing, or a single empty text.
    pub(super) fn is_empty_set(self) -> bool {
        match self {
            Fact::Text(text) => text.is_empty(),
            Fact::List(values) => values.len() <= 1 && values.iter().all(String::is_empty),
            _ => false,
        }
    }

    /// Whether it is one value: policy variables can stand for nothing else.
    pub(super) fn is_single(self) -> bool {
        !matches!(self, Fact::List(_))
    }

    /// Whether any single value fulfils `test`.
    pub(super) fn any(self, mut test: impl FnMut(Fact<'a>) -> bool) -> bool {
        match self {
            Fact::List(values) => values.iter().any(|text| test(Fact::Text(text))),
            single => test(single),
        }
    }

    /// A single value as string operators and policy variables see it; a list has no text.
    pub(super) fn text(self) -> Text<'a> {
        match self {
            Fact::Text(text) => Text::Borrowed(text),
            Fact::Bool(true) => Text::Borrowed("true"),
            Fact::Bool(false) => Text::Borrowed("false"),
            Fact::Number(value) => Text::written(&value),
            Fact::Time(value) => Text::written(&value),
            Fact::Ip(value) => Text::written(&value),
            Fact::Bytes(value) => Text::Owned(data_encoding::BASE64.encode(value).into()),
            Fact::List(_) => Text::Borrowed(""),
        }
    }

    pub(super) fn decimal(self) -> Option<Decimal> {
        match self {
            Fact::Text(text) => Decimal::read(text),
            Fact::Number(value) => Some(Decimal::from(value)),
            Fact::Time(value) => Some(Decimal::from(value.seconds())),
            Fact::Bool(_) | Fact::Ip(_) | Fact::Bytes(_) | Fact::List(_) => None,
        }
    }

    pub(super) fn moment(self) -> Option<Moment> {
        match self {
            Fact::Text(text) => Moment::parse(text),
            Fact::Number(value) => Some(Timestamp(value).into()),
            Fact::Time(value) => Some(value.into()),
            Fact::Bool(_) | Fact::Ip(_) | Fact::Bytes(_) | Fact::List(_) => None,
        }
    }

    pub(super) fn ip(self) -> Option<IpAddr> {
        match self {
            Fact::Text(text) => text.parse().ok(),
            Fact::Ip(value) => Some(value),
            _ => None,
        }
    }
}
