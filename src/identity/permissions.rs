//! What users, groups and roles have in common: inline policies, attached managed policies, a boundary.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::quota;
use crate::types::{Arn, PolicyName};

/// The permissions that stand on an entity itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Permissions {
    /// Inline policies by name.
    #[serde(default, skip_serializing_if = "InlinePolicies::is_empty")]
    pub inline: InlinePolicies,
    /// Managed policies, in the order in which they were attached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attached: Vec<Arn>,
    /// The managed policy that bounds what the others may grant; groups never have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<Arn>,
}

impl Permissions {
    /// Whether the managed policy is attached.
    pub fn has_attached(&self, policy: &Arn) -> bool {
        self.attached.contains(policy)
    }

    /// Whether one more managed policy may be attached.
    pub fn may_attach_more(&self) -> bool {
        self.attached.len() < quota::ATTACHED_POLICIES
    }

    /// Whether nothing is left that must be taken off before the entity may be deleted. A boundary may stay: AWS deletes it
    /// with its entity.
    pub fn is_empty(&self) -> bool {
        self.inline.is_empty() && self.attached.is_empty()
    }
}

/// Inline policies: documents that belong to one entity, by name (names do not differ by case alone).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InlinePolicies(BTreeMap<PolicyName, String>);

impl InlinePolicies {
    /// The document of a name.
    pub fn get(&self, name: &PolicyName) -> Option<&str> {
        self.find(name).map(|(_, document)| document)
    }

    /// Name (as it was first written) and document.
    pub fn find(&self, name: &PolicyName) -> Option<(&PolicyName, &str)> {
        self.iter().find(|(other, _)| other.as_str().eq_ignore_ascii_case(name.as_str()))
    }

    /// Writes a document under a name, in place of what stood there.
    pub fn put(&mut self, name: PolicyName, document: String) {
        self.remove(&name);
        self.0.insert(name, document);
    }

    /// Takes a policy away; whether it was there.
    pub fn remove(&mut self, name: &PolicyName) -> bool {
        let before = self.0.len();
        self.0.retain(|other, _| !other.as_str().eq_ignore_ascii_case(name.as_str()));
        self.0.len() < before
    }

    /// The size that all documents have together, as the quota counts it, when `name` held `document`.
    pub fn size_with(&self, name: &PolicyName, document: &str) -> usize {
        let others = self.iter().filter(|(other, _)| !other.as_str().eq_ignore_ascii_case(name.as_str()));
        others.map(|(_, text)| quota::policy_size(text)).sum::<usize>() + quota::policy_size(document)
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&PolicyName, &str)> {
        self.0.iter().map(|(name, document)| (name, document.as_str()))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
