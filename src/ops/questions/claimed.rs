//! What a service that asks may say of the request that it has received: condition keys, in a question's context, and properties.

use std::net::IpAddr;

use serde_json::Value as JsonValue;

use crate::policy::{Claims, KeyType, KnownKey, Source, Value};

/// Members of a context, and values of one member, at the most.
const MOST: usize = 200;
/// Bytes of one value: as long as the longest ARN. Patterns are matched against it.
const LONGEST: usize = 2_048;
/// Bytes of all values together.
const LARGEST: usize = 32 * 1_024;

/// What may still be said.
#[derive(Debug)]
pub(super) struct Budget {
    members: usize,
    bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { members: MOST, bytes: LARGEST }
    }
}

/// The context's members as condition keys, or why they cannot be.
pub(super) fn condition_keys(context: Claims, budget: &mut Budget) -> Result<Vec<(String, Value)>, String> {
    read("context", context, budget, |key, said| match unclaimable(key) {
        Some(reason) => Err(format!("`context.{key}`: {reason}")),
        None => Ok((key.to_owned(), said.fitting(key)?)),
    })
}

/// Properties as condition keys that begin with `prefix`, or why they cannot be. `member` is what messages call them by.
pub(super) fn properties(
    prefix: &str,
    member: &str,
    properties: Claims,
    budget: &mut Budget,
) -> Result<Vec<(String, Value)>, String> {
    read(member, properties, budget, |name, said| Ok((format!("{prefix}{name}"), said.free())))
}

fn read(
    member: &str,
    Claims(claims): Claims,
    budget: &mut Budget,
    key: impl Fn(&str, Said) -> Result<(String, Value), String>,
) -> Result<Vec<(String, Value)>, String> {
    budget.members = budget
        .members
        .checked_sub(claims.len())
        .ok_or_else(|| format!("`{member}` has more than {MOST} members, or all together have"))?;
    let mut keys = Vec::with_capacity(claims.len());
    for (name, value) in claims {
        if name.len() > LONGEST {
            return Err(format!("a name in `{member}` is longer than {LONGEST} bytes"));
        }
        let texts = match value {
            // Nested objects are for the asker's own use; AuthZEN lets them be.
            JsonValue::Object(_) | JsonValue::Null => {
                if member == "context"
                    && let Some(reason) = unclaimable(&name)
                {
                    return Err(format!("`context.{name}`: {reason}"));
                }
                continue;
            }
            JsonValue::Array(items) if items.len() > MOST => {
                return Err(format!("`{member}.{name}` has more than {MOST} items"));
            }
            JsonValue::Array(items) => items.into_iter().map(text).collect::<Option<Vec<_>>>().map(Said::Several),
            one => text(one).map(Said::One),
        };
        let said =
            texts.ok_or_else(|| format!("`{member}.{name}` must be a text, a number, a boolean, or a list of them"))?;
        for text in said.texts().iter().chain([&name]) {
            if text.len() > LONGEST {
                return Err(format!("`{member}.{name}` is longer than {LONGEST} bytes"));
            }
            budget.bytes = budget
                .bytes
                .checked_sub(text.len())
                .ok_or_else(|| format!("`{member}` is larger than {LARGEST} bytes, or all together are"))?;
        }
        keys.push(key(&name, said)?);
    }
    Ok(keys)
}

/// What is said of a key.
enum Said {
    One(String),
    Several(Vec<String>),
}

impl Said {
    fn texts(&self) -> &[String] {
        match self {
            Said::One(text) => std::slice::from_ref(text),
            Said::Several(texts) => texts,
        }
    }

    /// As the value of a key. AWS's keys have types: a value that conditions on the key cannot read, or several where they expect
    /// one, would slip past a denial.
    fn fitting(self, key: &str) -> Result<Value, String> {
        if let Some(known) = KnownKey::find(key) {
            if let Some(wrong) = self.texts().iter().find(|text| !known.kind.reads(text)) {
                return Err(format!("`context.{key}`: `{wrong}` is no value of a key of type {}", known.kind));
            }
            if !known.multivalued {
                let one = match self {
                    Said::One(text) => Some(text),
                    Said::Several(texts) => <[String; 1]>::try_from(texts).ok().map(|[text]| text),
                };
                let text = one.ok_or_else(|| format!("`context.{key}` has one value"))?;
                return Ok(if known.kind == KeyType::Ip { address(text) } else { text.into() });
            }
        }
        Ok(self.free())
    }

    /// As the value of a key that has no type.
    fn free(self) -> Value {
        match self {
            Said::One(text) => text.into(),
            Said::Several(texts) => texts.into(),
        }
    }
}

/// An address, read once for all conditions; as the text that it is where it can be written otherwise.
fn address(text: String) -> Value {
    match text.parse::<IpAddr>() {
        Ok(address) if address.to_string() == text => address.into(),
        _ => text.into(),
    }
}

fn text(json: JsonValue) -> Option<String> {
    match json {
        JsonValue::String(text) => Some(text),
        JsonValue::Bool(flag) => Some(flag.to_string()),
        JsonValue::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Why an asker cannot say what a key holds. It can for keys of its own, and for AWS's that tell of the request it received.
fn unclaimable(key: &str) -> Option<&'static str> {
    match KnownKey::find(key).map(|known| known.source) {
        Some(Source::Asker) => None,
        Some(Source::Broker) => Some("the broker knows this key by itself"),
        Some(Source::Operation) => Some("only requests to the broker itself have this key"),
        Some(Source::Property) => Some("it is said as a property of the subject, the action or the resource"),
        Some(Source::Nobody) => Some("the broker cannot tell whether this is so, and takes nobody's word for it"),
        None if KnownKey::is_of_identity_provider(key) => {
            Some("only an identity provider's own token says what it claims")
        }
        None => KnownKey::is_reserved(key).then_some("there is no such key"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn said(key: &str, value: JsonValue) -> Result<Vec<(String, Value)>, String> {
        condition_keys(Claims(vec![(key.to_owned(), value)]), &mut Budget::default())
    }

    /// Says something of a key that its type can be.
    fn claim(key: &str) -> Result<Vec<(String, Value)>, String> {
        said(
            key,
            match KnownKey::find(key).map(|known| known.kind) {
                Some(KeyType::Bool) => json!(true),
                Some(KeyType::Ip) => json!("192.0.2.1"),
                Some(KeyType::Numeric | KeyType::Date) => json!(1),
                _ => json!("x"),
            },
        )
    }

    #[test]
    fn a_value_that_conditions_could_not_read_is_refused() {
        for address in ["010.1.1.1", "10.1.1.1:443", "fe80::1%eth0", "", "home"] {
            assert!(said("aws:SourceIp", json!(address)).is_err_and(|why| why.contains("no value")), "{address}");
        }
        assert!(said("aws:SecureTransport", json!("yes")).is_err());
        assert_eq!(said("aws:SecureTransport", json!(true)), Ok(vec![("aws:SecureTransport".into(), "true".into())]));
    }

    #[test]
    fn several_values_are_for_keys_that_have_them() {
        assert!(said("aws:SourceIp", json!(["6.6.6.6", "10.0.0.1"])).is_err_and(|why| why.contains("one value")));
        assert!(said("aws:SourceIp", json!([])).is_err());
        let address: IpAddr = "10.0.0.1".parse().expect("an address");
        assert_eq!(said("aws:SourceIp", json!(["10.0.0.1"])), Ok(vec![("aws:SourceIp".into(), address.into())]));
        // One that is written otherwise stays as it is: texts compare it so.
        for text in ["::FFFF:10.0.0.1", "2001:DB8::1"] {
            assert_eq!(said("aws:SourceIp", json!(text)), Ok(vec![("aws:SourceIp".into(), text.into())]));
        }
        let tags = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(said("aws:TagKeys", json!(["a", "b"])), Ok(vec![("aws:TagKeys".into(), tags.clone().into())]));
        assert_eq!(said("reports:Tags", json!(["a", "b"])), Ok(vec![("reports:Tags".into(), tags.into())]));
    }

    proptest! {
        /// However an address is written, conditions on its text see it so.
        #[test]
        fn an_address_is_text_as_it_was_said(address: u128, zeros in 0_u32..128, kind in 0..6) {
            let address = Ipv6Addr::from_bits(address >> zeros);
            let [.., a, b, c, d] = address.octets();
            let old = Ipv4Addr::new(a, b, c, d);
            let text = match kind {
                0 => old.to_string(),
                1 => old.to_ipv6_mapped().to_string(),
                2 => format!("::FFFF:{old}"),
                3 => address.to_string(),
                4 => address.to_string().to_uppercase(),
                _ => address.segments().map(|segment| format!("{segment:04x}")).join(":"),
            };
            let said = said("aws:SourceIp", json!(text)).expect("an address");
            prop_assert_eq!(said[0].1.as_text(), text.as_str());
            prop_assert_eq!(matches!(said[0].1, Value::Ip(_)), text.parse::<IpAddr>().expect("one").to_string() == text);
        }
    }

    #[test]
    fn what_is_said_is_bounded() {
        assert!(said("k:x", json!("x".repeat(LONGEST + 1))).is_err());
        assert!(said("k:x", json!(vec!["x"; MOST + 1])).is_err());
        assert!(said("k:x", json!(vec!["x".repeat(LONGEST); 17])).is_err_and(|why| why.contains("larger than")));
        assert!(
            condition_keys(
                Claims((0..=MOST).map(|at| (format!("k:{at}"), json!(1))).collect()),
                &mut Budget::default()
            )
            .is_err()
        );
    }

    #[test]
    fn of_awss_keys_an_asker_claims_those_about_the_request_it_received() {
        for known in KnownKey::all() {
            let name = if known.is_family() { format!("{}team", known.name) } else { known.name.to_owned() };
            for name in [name.to_ascii_uppercase(), name] {
                let claimed = claim(&name);
                assert_eq!(claimed.is_ok(), known.source == Source::Asker, "{name}: {claimed:?}");
            }
        }
    }

    #[test]
    fn nothing_passes_for_one_of_awss_keys_that_is_none() {
        for name in ["aws:Nothing", "AWS:PrincipalTag", "aws:SourceIp/x", "sts:", "iam:x/y", "aws:TagKeys/team"] {
            assert_eq!(claim(name), Err(format!("`context.{name}`: there is no such key")));
        }
        for name in ["reports:Quarter", "Quarter", "xaws:SourceIp", "reports:aws:username"] {
            assert_eq!(claim(name), Ok(vec![(name.to_owned(), Value::from("x"))]));
        }
    }

    #[test]
    fn nobody_speaks_for_an_identity_provider() {
        for name in [
            "accounts.google.com:aud",
            "www.amazon.com:user_id",
            "Token.Actions.GitHubUserContent.com:repository",
            "idp.example/t:sub",
            "saml:sub",
            "gitlab:sub",
        ] {
            assert!(claim(name).is_err_and(|message| message.contains("own token")), "{name}");
        }
    }

    #[test]
    fn a_refusal_says_why_the_key_cannot_be_claimed() {
        for (name, reason) in [
            ("aws:username", "by itself"),
            ("sts:ExternalId", "only requests to the broker itself"),
            ("aws:PrincipalOrgID", "nobody's word"),
        ] {
            assert!(claim(name).is_err_and(|message| message.contains(reason)), "{name}");
        }
    }
}
