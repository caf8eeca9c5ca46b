//! What a service that asks may say of the request that it has received: condition keys, in a question's context, and properties.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::policy::{KeyType, KnownKey, Source, Value};
use crate::wire::strict_json::{Json, Member};

/// Members of a context, and values of one member, at the most.
pub(super) const MOST: usize = 200;
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

/// Gives `put` the context's members as condition keys, or says why they cannot be.
pub(super) fn condition_keys(
    context: &[Member<'_>],
    budget: &mut Budget,
    mut put: impl FnMut(&str, Value),
) -> Result<(), String> {
    read("context", context, budget, |key, said| {
        let known = KnownKey::find(key);
        match unclaimable(key, known) {
            Some(reason) => Err(format!("`context.{key}`: {reason}")),
            None => {
                put(key, said.fitting(key, known)?);
                Ok(())
            }
        }
    })
}

/// Gives `put` properties as condition keys that begin with `prefix`, or says why they cannot be. `member` is what messages call them by.
pub(super) fn properties<'a>(
    prefix: &str,
    member: &str,
    properties: impl ExactSizeIterator<Item = &'a Member<'a>>,
    budget: &mut Budget,
    mut put: impl FnMut(&str, Value),
) -> Result<(), String> {
    read(member, properties, budget, |name, said| {
        put(&format!("{prefix}{name}"), said.free());
        Ok(())
    })
}

fn read<'a>(
    member: &str,
    members: impl IntoIterator<Item = &'a Member<'a>, IntoIter: ExactSizeIterator>,
    budget: &mut Budget,
    mut key: impl FnMut(&str, Said<'_>) -> Result<(), String>,
) -> Result<(), String> {
    let members = members.into_iter();
    budget.members = budget
        .members
        .checked_sub(members.len())
        .ok_or_else(|| format!("`{member}` has more than {MOST} members, or all together have"))?;
    for (name, value) in members {
        if name.len() > LONGEST {
            return Err(format!("a name in `{member}` is longer than {LONGEST} bytes"));
        }
        let texts = match value {
            // Nested objects are for the asker's own use; AuthZEN lets them be.
            Json::Object(_) | Json::Null => {
                if member == "context"
                    && let Some(reason) = unclaimable(name, KnownKey::find(name))
                {
                    return Err(format!("`context.{name}`: {reason}"));
                }
                continue;
            }
            Json::List(items) if items.len() > MOST => {
                return Err(format!("`{member}.{name}` has more than {MOST} items"));
            }
            Json::List(items) => items.iter().map(text).collect::<Option<Vec<_>>>().map(Said::Several),
            one => text(one).map(Said::One),
        };
        let said =
            texts.ok_or_else(|| format!("`{member}.{name}` must be a text, a number, a boolean, or a list of them"))?;
        for text in said.texts().iter().chain([name]) {
            if text.len() > LONGEST {
                return Err(format!("`{member}.{name}` is longer than {LONGEST} bytes"));
            }
            budget.bytes = budget
                .bytes
                .checked_sub(text.len())
                .ok_or_else(|| format!("`{member}` is larger than {LARGEST} bytes, or all together are"))?;
        }
        key(name, said)?;
    }
    Ok(())
}

/// What is said of a key.
enum Said<'a> {
    One(Cow<'a, str>),
    Several(Vec<Cow<'a, str>>),
}

impl<'a> Said<'a> {
    fn texts(&self) -> &[Cow<'a, str>] {
        match self {
            Said::One(text) => std::slice::from_ref(text),
            Said::Several(texts) => texts,
        }
    }

    /// As the value of a key. AWS's keys have types: a value that conditions on the key cannot read, or several where they expect
    /// one, would slip past a denial.
    fn fitting(self, key: &str, known: Option<&KnownKey>) -> Result<Value, String> {
        let Some(known) = known else { return Ok(self.free()) };
        if let Some(wrong) = self.texts().iter().find(|text| !known.kind.reads(text)) {
            return Err(format!("`context.{key}`: `{wrong}` is no value of a key of type {}", known.kind));
        }
        if known.multivalued {
            return Ok(self.free());
        }
        let one = match self {
            Said::One(text) => Some(text),
            Said::Several(texts) => <[Cow<'_, str>; 1]>::try_from(texts).ok().map(|[text]| text),
        };
        let text = one.ok_or_else(|| format!("`context.{key}` has one value"))?;
        Ok(if known.kind == KeyType::Ip { address(text) } else { text.into_owned().into() })
    }

    /// As the value of a key that has no type.
    fn free(self) -> Value {
        match self {
            Said::One(text) => text.into_owned().into(),
            Said::Several(texts) => texts.into_iter().map(Cow::into_owned).collect::<Vec<_>>().into(),
        }
    }
}

/// An address, read once for all conditions; as the text that it is where it can be written otherwise.
fn address(text: Cow<'_, str>) -> Value {
    match text.parse::<IpAddr>() {
        // Of these each is written in one way.
        Ok(address @ IpAddr::V4(_)) => address.into(),
        Ok(address) if address.to_string() == text => address.into(),
        _ => text.into_owned().into(),
    }
}

fn text<'a>(json: &'a Json<'_>) -> Option<Cow<'a, str>> {
    match json {
        Json::Text(text) => Some(Cow::Borrowed(text)),
        Json::Bool(flag) => Some(Cow::Borrowed(if *flag { "true" } else { "false" })),
        Json::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

/// Why an asker cannot say what a key holds. It can for keys of its own, and for AWS's that tell of the request it received.
fn unclaimable(key: &str, known: Option<&KnownKey>) -> Option<&'static str> {
    match known.map(|known| known.source) {
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
    use crate::ops::questions::said::members;
    use crate::policy::Claims;

    fn said(key: &str, value: serde_json::Value) -> Result<Vec<(String, Value)>, String> {
        all_said(&[(key.to_owned(), value)])
    }

    fn all_said(claims: &[(String, serde_json::Value)]) -> Result<Vec<(String, Value)>, String> {
        let mut keys = Vec::new();
        condition_keys(&members(&Claims(claims.to_vec())), &mut Budget::default(), |key, value| {
            keys.push((key.to_owned(), value))
        })?;
        Ok(keys)
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
        assert!(said("k:x", json!(vec!["x"; MOST + 1])).is_err_and(|why| why.contains("more than 200 items")));
        assert!(said("k:x", json!(vec!["x"; MOST])).is_ok());
        for nested in [json!([["x"]]), json!(["x", {}]), json!(["x", null])] {
            assert!(said("k:x", nested.clone()).is_err_and(|why| why.contains("or a list of them")), "{nested}");
        }
        for passed_over in [json!({ "a": ["b"] }), json!(null)] {
            assert_eq!(said("k:x", passed_over), Ok(vec![]));
        }
        assert!(said("k:x", json!(vec!["x".repeat(LONGEST); 17])).is_err_and(|why| why.contains("larger than")));
        assert!(all_said(&(0..=MOST).map(|at| (format!("k:{at}"), json!(1))).collect::<Vec<_>>()).is_err());
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
