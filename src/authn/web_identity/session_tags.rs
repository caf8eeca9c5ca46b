//! The claims by which a token gives session tags and the source identity.
//!
//! Source: "Passing session tags using AssumeRoleWithWebIdentity" in `id_session-tags.html`: one object, or members of the token
//! that are named by the path where an issuer cannot write objects; `SourceIdentity` in
//! `id_credentials_temp_control-access_monitor.html`.

use serde_json::Value;

use super::refusal::Refusal;
use super::token::Claims;
use crate::types::{SourceIdentity, Tag, Tags};

const TAGS: &str = "https://aws.amazon.com/tags";
const PRINCIPAL_TAGS: &str = "https://aws.amazon.com/tags/principal_tags/";
const TRANSITIVE: &str = "https://aws.amazon.com/tags/transitive_tag_keys";
const SOURCE_IDENTITY: &str = "https://aws.amazon.com/source_identity";
/// What all of them begin with.
const NAMESPACE: &str = "https://aws.amazon.com/";

/// What a token gives its session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) tags: Vec<Tag>,
    pub(super) transitive: Vec<String>,
    pub(super) source_identity: Option<SourceIdentity>,
}

/// Whether a claim is one of those that speak to AWS.
pub(super) fn is_for_aws(claim: &str) -> bool {
    claim.get(..NAMESPACE.len()).is_some_and(|start| start.eq_ignore_ascii_case(NAMESPACE))
}

/// Reads the claims for AWS. A token with such a claim in another form is refused: a tag that is silently left out is one that a
/// denial does not find.
pub(super) fn of(claims: &Claims) -> Result<Given, Refusal> {
    let mut given = Given::default();
    for (name, value) in claims.iter().filter(|(name, _)| is_for_aws(name)) {
        if name == TAGS {
            object(value, &mut given)?;
        } else if let Some(key) = name.strip_prefix(PRINCIPAL_TAGS) {
            given.tags.push(tag(key, value)?);
        } else if name == TRANSITIVE {
            given.transitive.extend(keys(value)?);
        } else if name == SOURCE_IDENTITY {
            let text = value.as_str().ok_or_else(|| wrong(SOURCE_IDENTITY, "it must be a text"))?;
            let why = "it must have 2 to 64 letters, digits and _+=,.@-";
            given.source_identity = Some(text.parse().map_err(|_| wrong(SOURCE_IDENTITY, why))?);
        } else {
            return Err(wrong(name, "there is no such claim for AWS"));
        }
    }
    if given.tags.len() > Tags::MOST {
        return Err(wrong(TAGS, "a session has at most 50 tags"));
    }
    Ok(given)
}

fn object(value: &Value, given: &mut Given) -> Result<(), Refusal> {
    let members = value.as_object().ok_or_else(|| wrong(TAGS, "it must be an object"))?;
    for (name, value) in members {
        match name.as_str() {
            "principal_tags" => {
                let tags = value.as_object().ok_or_else(|| wrong(TAGS, "principal_tags must be an object"))?;
                for (key, value) in tags {
                    given.tags.push(tag(key, value)?);
                }
            }
            "transitive_tag_keys" => given.transitive.extend(keys(value)?),
            _ => return Err(wrong(TAGS, "it has the members principal_tags and transitive_tag_keys and no others")),
        }
    }
    Ok(())
}

/// A tag: AWS writes its value as a list of one.
fn tag(key: &str, value: &Value) -> Result<Tag, Refusal> {
    let text = match value {
        Value::String(text) => Some(text),
        Value::Array(items) => match items.as_slice() {
            [Value::String(text)] => Some(text),
            _ => None,
        },
        _ => None,
    };
    let text = text.ok_or_else(|| wrong(TAGS, "a tag has one value, which is a text"))?;
    let sized = (1..=128).contains(&key.chars().count()) && text.chars().count() <= 256;
    if !sized {
        return Err(wrong(TAGS, "a tag has a key of 1 to 128 characters and a value of at most 256"));
    }
    if !key.chars().chain(text.chars()).all(is_tag_character) {
        return Err(wrong(TAGS, "tags consist of letters, digits, spaces and _.:/=+-@"));
    }
    Ok(Tag { key: key.to_owned(), value: text.clone() })
}

/// AWS's pattern of tag keys and values, `[\p{L}\p{Z}\p{N}_.:/=+\-@]`.
fn is_tag_character(character: char) -> bool {
    character.is_alphanumeric()
        || (character.is_whitespace() && !character.is_control())
        || "_.:/=+-@".contains(character)
}

fn keys(value: &Value) -> Result<Vec<String>, Refusal> {
    let wrong = || wrong(TRANSITIVE, "it must be a list of texts");
    let items = value.as_array().filter(|items| items.len() <= Tags::MOST).ok_or_else(wrong)?;
    items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
}

fn wrong(claim: &str, why: &'static str) -> Refusal {
    Refusal::Claim { claim: claim.to_owned(), why }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(claims: Value) -> Result<Given, Refusal> {
        let Value::Object(claims) = claims else { panic!("an object") };
        of(&claims)
    }

    fn tags(given: &Given) -> Vec<(&str, &str)> {
        given.tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())).collect()
    }

    #[test]
    fn tags_come_nested_or_flat() {
        let nested = read(json!({
            "sub": "x",
            TAGS: {"principal_tags": {"Project": ["Automation"], "CostCenter": ["987654"]}, "transitive_tag_keys": ["Project"]},
            SOURCE_IDENTITY: "Admin",
        }))
        .unwrap();
        let mut flat = json!({ TRANSITIVE: ["Project"], SOURCE_IDENTITY: "Admin" });
        flat[format!("{PRINCIPAL_TAGS}Project")] = json!(["Automation"]);
        flat[format!("{PRINCIPAL_TAGS}CostCenter")] = json!("987654");
        for mut given in [nested, read(flat).unwrap()] {
            given.tags.sort_by(|a, b| b.key.cmp(&a.key));
            assert_eq!(tags(&given), [("Project", "Automation"), ("CostCenter", "987654")]);
            assert_eq!(given.transitive, ["Project"]);
            assert_eq!(given.source_identity.map(|identity| identity.to_string()).as_deref(), Some("Admin"));
        }
        assert_eq!(read(json!({"sub": "x"})).unwrap(), Given::default());
    }

    #[test]
    fn what_has_another_form_is_refused() {
        let tagged = |tags: Value| json!({ TAGS: { "principal_tags": tags } });
        let many: serde_json::Map<_, _> = (0..=Tags::MOST).map(|n| (format!("k{n}"), json!(["v"]))).collect();
        for claims in [
            json!({ TAGS: [] }),
            json!({ TAGS: {"principal_tag": {}} }),
            tagged(json!([])),
            tagged(json!({"a": ["b", "c"]})),
            tagged(json!({"a": []})),
            tagged(json!({"a": 1})),
            tagged(json!({"": "x"})),
            tagged(json!({"a": "x".repeat(257)})),
            tagged(json!({"x".repeat(129): "a"})),
            tagged(json!({"a": "<b>"})),
            tagged(Value::Object(many)),
            json!({ TAGS: {"transitive_tag_keys": "a"} }),
            json!({ TAGS: {"transitive_tag_keys": [1]} }),
            json!({ SOURCE_IDENTITY: "a" }),
            json!({ SOURCE_IDENTITY: "a b c" }),
            json!({ SOURCE_IDENTITY: ["Admin"] }),
            json!({"https://aws.amazon.com/Source_Identity": "Admin"}),
            json!({"HTTPS://aws.amazon.com/tags": {}}),
        ] {
            assert!(matches!(read(claims.clone()), Err(Refusal::Claim { .. })), "{claims}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_taken_is_within_the_limits(key in "\\PC{0,130}", value in "\\PC{0,260}") {
            if let Ok(given) = read(json!({ TAGS: {"principal_tags": { &key: [&value] }} })) {
                prop_assert_eq!(tags(&given), [(key.as_str(), value.as_str())]);
                prop_assert!((1..=128).contains(&key.chars().count()) && value.chars().count() <= 256);
            }
        }
    }
}
