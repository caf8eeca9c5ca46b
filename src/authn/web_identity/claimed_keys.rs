//! A token's claims as condition keys: `issuer:claim`.
//!
//! Source: "Available keys for AWS OIDC federation" in `reference_policies_iam-condition-keys.html`. AWS knows `aud`, `oaud`, `sub`,
//! `amr` and a few claims of some issuers; here every claim is a key. Members of nested claims are named by their path:
//! Kubernetes' `{"kubernetes.io": {"namespace": "shop"}}` is `issuer:kubernetes.io/namespace`.

use std::collections::HashSet;

use serde_json::Value as Json;

use super::refusal::Refusal;
use super::session_tags;
use super::token::Claims;
use crate::policy::Value;

/// Keys that one token may become.
const MOST: usize = 500;

/// The condition keys of a token of `issuer`. `audience` and `all_audiences` are what `aud` and `oaud` hold; see [`super::terms`].
///
/// # Errors
/// Two claims that are one key, since condition keys do not tell case apart; too many.
pub(super) fn of(
    issuer: &str,
    claims: &Claims,
    audience: Value,
    all_audiences: Value,
) -> Result<Vec<(String, Value)>, Refusal> {
    let mut found = Found { issuer, keys: Vec::new(), seen: HashSet::new() };
    found.add("aud", audience)?;
    found.add("oaud", all_audiences)?;
    for (name, value) in claims {
        // `oaud` is no claim but what AWS makes of `aud`; what becomes tags and source identity has keys of its own.
        if name == "aud" || name == "oaud" || session_tags::is_for_aws(name) {
            continue;
        }
        found.claim(name, value)?;
    }
    Ok(found.keys)
}

struct Found<'a> {
    issuer: &'a str,
    keys: Vec<(String, Value)>,
    seen: HashSet<String>,
}

impl Found<'_> {
    fn claim(&mut self, path: &str, value: &Json) -> Result<(), Refusal> {
        match value {
            Json::Null => Ok(()),
            Json::Object(members) => {
                members.iter().try_for_each(|(name, value)| self.claim(&format!("{path}/{name}"), value))
            }
            Json::Array(items) => match items.iter().map(text).collect::<Option<Vec<_>>>() {
                Some(texts) if !texts.is_empty() => self.add(path, Value::List(texts)),
                // Lists of objects have no form in which a condition could ask for them.
                _ => Ok(()),
            },
            Json::Bool(value) => self.add(path, Value::Bool(*value)),
            Json::Number(number) => {
                let value = number.as_i64().map_or_else(|| Value::Text(number.to_string()), Value::Number);
                self.add(path, value)
            }
            Json::String(text) => self.add(path, Value::Text(text.clone())),
        }
    }

    fn add(&mut self, path: &str, value: Value) -> Result<(), Refusal> {
        let refused = |why| Refusal::Claim { claim: path.to_owned(), why };
        if !self.seen.insert(path.to_ascii_lowercase()) {
            return Err(refused("another claim has the same condition key"));
        }
        if self.keys.len() >= MOST {
            return Err(refused("there are too many claims"));
        }
        self.keys.push((format!("{}:{path}", self.issuer), value));
        Ok(())
    }
}

fn text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Bool(value) => Some(value.to_string()),
        Json::Number(number) => Some(number.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn keys(claims: Json) -> Result<Vec<(String, Value)>, Refusal> {
        let Json::Object(claims) = claims else { panic!("an object") };
        of("idp.example/t", &claims, "app".into(), vec!["app".to_owned()].into())
    }

    fn get(keys: &[(String, Value)], name: &str) -> Option<Value> {
        let name = format!("idp.example/t:{name}");
        keys.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone())
    }

    #[test]
    fn every_claim_is_a_key() {
        let keys = keys(json!({
            "sub": "system:serviceaccount:shop:till", "aud": ["x"], "email_verified": true, "auth_time": 17, "ratio": 0.5,
            "groups": ["a", "b"], "none": null, "empty": [], "objects": [{}],
            "kubernetes.io": {"namespace": "shop", "serviceaccount": {"name": "till", "uid": "1-2"}, "warnafter": 9},
            "https://aws.amazon.com/tags": {"principal_tags": {"a": ["b"]}},
            "https://aws.amazon.com/source_identity": "ann",
        }))
        .unwrap();
        let list = |items: &[&str]| Some(Value::List(items.iter().map(|&item| item.to_owned()).collect()));
        assert_eq!(get(&keys, "sub"), Some("system:serviceaccount:shop:till".into()));
        assert_eq!(get(&keys, "aud"), Some("app".into()));
        assert_eq!(get(&keys, "oaud"), list(&["app"]));
        assert_eq!(get(&keys, "email_verified"), Some(true.into()));
        assert_eq!(get(&keys, "auth_time"), Some(17.into()));
        assert_eq!(get(&keys, "ratio"), Some("0.5".into()));
        assert_eq!(get(&keys, "groups"), list(&["a", "b"]));
        assert_eq!(get(&keys, "kubernetes.io/namespace"), Some("shop".into()));
        assert_eq!(get(&keys, "kubernetes.io/serviceaccount/name"), Some("till".into()));
        assert_eq!(get(&keys, "kubernetes.io/serviceaccount/uid"), Some("1-2".into()));
        assert_eq!(keys.len(), 11, "{keys:?}");
    }

    #[test]
    fn no_two_claims_are_one_key() {
        for claims in [
            json!({"sub": "a", "SUB": "b"}),
            json!({"a/b": 1, "a": {"b": 2}}),
            json!({"AUD": "x"}),
            json!({"Oaud": "x"}),
            json!({"a": {"b": 1, "B": 2}}),
        ] {
            assert!(matches!(keys(claims.clone()), Err(Refusal::Claim { .. })), "{claims}");
        }
    }

    proptest! {
        /// Claims never become a key of another issuer, of AWS, or one of the two that are computed.
        #[test]
        fn a_claim_stays_below_its_issuer(name in "\\PC{0,12}|aws:[a-z]{1,6}|(o|O)?(a|A)ud", value in "\\PC{0,8}") {
            if let Ok(keys) = keys(json!({ &name: value })) {
                prop_assert!(keys.iter().all(|(key, _)| key.starts_with("idp.example/t:")));
                prop_assert_eq!(get(&keys, "aud"), Some("app".into()));
                let folded: HashSet<String> = keys.iter().map(|(key, _)| key.to_ascii_lowercase()).collect();
                prop_assert_eq!(folded.len(), keys.len());
            }
        }
    }
}
