//! Stored resources: what the broker knows of a thing that another service guards, and which actions there are on its type.
//!
//! AWS has no such entity. Attributes have the form of tags ("Tag naming limits", `id_tags.html`), so that a policy reads them as
//! `aws:ResourceTag/KEY`; a policy has the form of a resource-based policy (`access_policies_identity-vs-resource.html`).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Timestamp;
use crate::policy::Claims;
use crate::types::{AccountId, ActionName, ResourceArn, ResourceTypeName, Tag, Tags, folded_tag_key};

/// What is stored of a resource.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredResource {
    /// Its ARN.
    pub arn: ResourceArn,
    /// When it was first stored.
    pub created: Timestamp,
    /// When it was last stored.
    pub changed: Timestamp,
    /// What is known of it.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub attributes: Tags,
    /// Who may do what with it, beside what principals' own policies say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<ResourcePolicy>,
}

/// The policy of a stored resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourcePolicy {
    /// The document as it was written.
    pub document: String,
    /// The document with users and roles by their unique ids: whoever takes a deleted user's name is not meant.
    pub in_force: String,
}

/// Whose a stored resource is whose ARN names no account: whoever stored it first.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ResourceOwner {
    /// The account.
    pub account: AccountId,
}

/// A type of resources that an account has declared.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ResourceType {
    /// Its name.
    pub name: ResourceTypeName,
    /// What can be done with resources of the type.
    pub actions: BTreeSet<ActionName>,
    /// When it was last declared.
    pub changed: Timestamp,
}

/// Why an object's members cannot be attributes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttributeError {
    /// There are too many.
    #[error("a resource has at most {} attributes", Tags::MOST)]
    TooMany,
    /// A key is not one.
    #[error("the key of an attribute has 1 to 128 letters, digits, spaces and _.:/=+-@, and does not begin with aws:")]
    Key,
    /// A value is not one.
    #[error("attribute `{0}` must be a text of at most 256 letters, digits, spaces and _.:/=+-@")]
    Value(String),
}

/// The members of an object as attributes; none stands there twice, in whatever case.
///
/// # Errors
/// There are too many, or one of them is no attribute.
pub fn attributes(Claims(members): Claims) -> Result<Tags, AttributeError> {
    if members.len() > Tags::MOST {
        return Err(AttributeError::TooMany);
    }
    let mut attributes = Tags::default();
    for (key, value) in members {
        let sized = (1..=128).contains(&key.chars().count()) && key.chars().all(may_stand_in_a_tag);
        if !sized || folded_tag_key(&key).starts_with("aws:") {
            return Err(AttributeError::Key);
        }
        match value {
            Value::String(value) if value.chars().count() <= 256 && value.chars().all(may_stand_in_a_tag) => {
                attributes.set(Tag { key, value });
            }
            _ => return Err(AttributeError::Value(key)),
        }
    }
    Ok(attributes)
}

/// AWS's pattern of tag keys and values, `[\p{L}\p{Z}\p{N}_.:/=+\-@]`.
fn may_stand_in_a_tag(character: char) -> bool {
    character.is_alphanumeric()
        || (character.is_whitespace() && !character.is_control())
        || "_.:/=+-@".contains(character)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<Tags, AttributeError> {
        attributes(serde_json::from_value(value).expect("an object"))
    }

    #[test]
    fn attributes_have_the_form_of_tags() {
        let tags = read(json!({ "status": "active", "Owner Name": "Jo Ü", "empty": "" })).unwrap();
        assert_eq!((tags.get("STATUS"), tags.get("empty"), tags.len()), (Some("active"), Some(""), 3));
        for (key, value) in [
            ("", json!("x")),
            ("aws:x", json!("x")),
            ("AWS:x", json!("x")),
            ("a*b", json!("x")),
            (&*"k".repeat(129), json!("x")),
        ] {
            assert_eq!(read(json!({ key: value })), Err(AttributeError::Key), "{key}");
        }
        for value in [json!(1), json!(null), json!(["x"]), json!({}), json!("a*"), json!("\n"), json!("v".repeat(257))]
        {
            assert_eq!(read(json!({ "k": value })), Err(AttributeError::Value("k".into())), "{value}");
        }
        let many: serde_json::Map<String, Value> = (0..=50).map(|n| (format!("k{n}"), json!("v"))).collect();
        assert_eq!(read(Value::Object(many)), Err(AttributeError::TooMany));
    }

    proptest! {
        #[test]
        fn no_object_is_too_strange(members in proptest::collection::vec((any::<String>(), any::<String>()), 0..60)) {
            let claims = Claims(members.into_iter().map(|(key, value)| (key, Value::from(value))).collect());
            if let Ok(tags) = attributes(claims) {
                prop_assert!(tags.len() <= Tags::MOST);
            }
        }
    }
}
