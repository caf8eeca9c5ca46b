//! The context keys of a simulation: typed text in, values for conditions out.
//!
//! Source: IAM API Reference, `ContextEntry`. What its type says a value is, the value must be: a number that is none would
//! make conditions come out one way or the other without anybody asking.

use std::net::IpAddr;

use super::scene::Unfit;
use crate::policy::decimal::Decimal;
use crate::policy::moment::Moment;
use crate::policy::{Context, Value};

/// A context key with its values, as they were given.
#[derive(Debug, Clone)]
pub struct Entry {
    /// `aws:SourceIp`
    pub key: String,
    /// What the values are; without it, a text or a list of texts, by their number.
    pub of: Option<EntryType>,
    /// An entry without values says nothing: the key counts as not given.
    pub values: Vec<String>,
}

/// The type of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryType {
    scalar: Scalar,
    list: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scalar {
    Text,
    Number,
    Boolean,
    Ip,
    Binary,
    Date,
}

impl EntryType {
    /// Reads `string`, `stringList`, `numeric`, `numericList` and so on.
    pub fn parse(name: &str) -> Option<EntryType> {
        let (scalar, list) = match name.strip_suffix("List") {
            Some(scalar) => (scalar, true),
            None => (name, false),
        };
        let scalar = match scalar {
            "string" => Scalar::Text,
            "numeric" => Scalar::Number,
            "boolean" => Scalar::Boolean,
            "ip" => Scalar::Ip,
            "binary" => Scalar::Binary,
            "date" => Scalar::Date,
            _ => return None,
        };
        Some(EntryType { scalar, list })
    }
}

/// The context of all entries.
pub(super) fn context(entries: &[Entry]) -> Result<Context, Unfit> {
    let mut context = Context::new();
    for entry in entries {
        match entry.key.split_once(':') {
            Some((vendor, name)) if !vendor.is_empty() && !name.is_empty() => {}
            _ => return Err(Unfit::Key(entry.key.clone())),
        }
        if context.get(&entry.key.to_ascii_lowercase()).is_some() {
            return Err(Unfit::KeyTwice(entry.key.clone()));
        }
        if !entry.values.is_empty() {
            context.set(&entry.key, value(entry)?);
        }
    }
    Ok(context)
}

fn value(entry: &Entry) -> Result<Value, Unfit> {
    let of = entry.of.unwrap_or(EntryType { scalar: Scalar::Text, list: entry.values.len() > 1 });
    let read = |text: &String| single(of.scalar, text).ok_or_else(|| Unfit::value(entry, text));
    match entry.values.as_slice() {
        [text] if !of.list => read(text),
        _ if !of.list => Err(Unfit::Several(entry.key.clone())),
        texts => {
            let texts = texts.iter().map(|text| match read(text)? {
                // Lists hold texts, and bytes are compared with the bytes of a text.
                Value::Bytes(bytes) => String::from_utf8(bytes).map_err(|_| Unfit::value(entry, text)),
                value => Ok(value.as_text().into_owned()),
            });
            Ok(Value::List(texts.collect::<Result<_, _>>()?))
        }
    }
}

/// Numbers and dates stay the texts that they are, so that nothing of them is lost.
fn single(scalar: Scalar, text: &str) -> Option<Value> {
    match scalar {
        Scalar::Text => Some(Value::from(text)),
        Scalar::Number => Decimal::parse(text).map(|_| Value::from(text)),
        Scalar::Date => Moment::parse(text).map(|_| Value::from(text)),
        Scalar::Boolean if text.eq_ignore_ascii_case("true") => Some(Value::Bool(true)),
        Scalar::Boolean if text.eq_ignore_ascii_case("false") => Some(Value::Bool(false)),
        Scalar::Boolean => None,
        Scalar::Ip => text.parse::<IpAddr>().ok().map(Value::Ip),
        Scalar::Binary => data_encoding::BASE64.decode(text.as_bytes()).ok().map(Value::Bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(of: &str, values: &[&str]) -> Result<Option<Value>, String> {
        let of = (!of.is_empty()).then(|| EntryType::parse(of).unwrap());
        let values = values.iter().map(|&text| text.to_owned()).collect();
        let context = context(&[Entry { key: "K:x".to_owned(), of, values }]);
        context.map(|context| context.get("k:x").cloned()).map_err(|unfit| unfit.to_string())
    }

    #[test]
    fn values_are_what_their_type_says() {
        let list = |texts: &[&str]| Value::List(texts.iter().map(|&text| text.to_owned()).collect());
        for (of, values, wanted) in [
            ("string", &["a"][..], Value::from("a")),
            ("", &["a"], Value::from("a")),
            ("", &["a", "b"], list(&["a", "b"])),
            ("stringList", &["a"], list(&["a"])),
            ("numeric", &["1.50"], Value::from("1.50")),
            ("numericList", &["1", "2"], list(&["1", "2"])),
            ("boolean", &["True"], Value::from(true)),
            ("booleanList", &["TRUE", "false"], list(&["true", "false"])),
            ("ip", &["2001:DB8::1"], Value::Ip("2001:db8::1".parse().unwrap())),
            ("ipList", &["10.0.0.1"], list(&["10.0.0.1"])),
            ("binary", &["AP8="], Value::from(vec![0_u8, 255])),
            ("binaryList", &["QQ=="], list(&["A"])),
            ("date", &["2026-11-26T18:00:00Z"], Value::from("2026-11-26T18:00:00Z")),
            ("dateList", &["2026-11-26", "1700000000"], list(&["2026-11-26", "1700000000"])),
        ] {
            assert_eq!(read(of, values), Ok(Some(wanted)), "{of} {values:?}");
        }
        for of in ["", "string", "numericList"] {
            assert_eq!(read(of, &[]), Ok(None), "an entry without values says nothing");
        }
    }

    #[test]
    fn what_is_not_of_its_type_is_refused_by_name() {
        for (of, values) in [
            ("numeric", &["one"][..]),
            ("numericList", &["1", "two"]),
            ("boolean", &["yes"]),
            ("ip", &["10.0.0.0/8"]),
            ("ip", &["somewhere"]),
            ("binary", &["%"]),
            ("binaryList", &["/w=="]),
            ("date", &["yesterday"]),
            ("string", &["a", "b"]),
            ("boolean", &["true", "false"]),
        ] {
            assert!(read(of, values).unwrap_err().contains("K:x"), "{of} {values:?}");
        }
        assert_eq!(EntryType::parse("text"), None);
        let entry = |key: &str| Entry { key: key.to_owned(), of: None, values: vec!["1".to_owned()] };
        assert!(context(&[entry("aws:a"), entry("AWS:A")]).is_err(), "which of the two would count?");
        assert!(context(&[entry("plain")]).is_err() && context(&[entry(":x")]).is_err());
    }
}
