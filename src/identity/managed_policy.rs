//! Customer managed policies and their versions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::quota;
use crate::clock::Timestamp;
use crate::types::{AccountId, Arn, EntityPath, PolicyName, Realm, Tags, UniqueId};

/// A managed policy: up to five versions of a document, one of which is in force.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ManagedPolicy {
    /// Unique in its account, without regard to case.
    pub name: PolicyName,
    /// Where it stands in the account's tree.
    pub path: EntityPath,
    /// `ANPA…`
    pub id: UniqueId,
    /// When it was made.
    pub created: Timestamp,
    /// When a version was last added, deleted or put in force.
    pub updated: Timestamp,
    /// What it is for; cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// The number of the version in force.
    pub default_version: u32,
    /// The number that the next version gets; numbers are never used again.
    pub next_version: u32,
    /// The versions by number.
    pub versions: BTreeMap<u32, PolicyVersion>,
}

/// One version of a managed policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// The document as it was written.
    pub document: String,
    /// When it was added.
    pub created: Timestamp,
}

impl ManagedPolicy {
    /// Its ARN.
    pub fn arn(&self, realm: &Realm, account: AccountId) -> Arn {
        realm.policy(account, &self.path, self.name.as_str())
    }

    /// The document in force.
    pub fn default_document(&self) -> Option<&str> {
        self.versions.get(&self.default_version).map(|version| version.document.as_str())
    }

    /// Adds a version and gives its number; `None` when there are as many as may be.
    pub fn add_version(&mut self, document: String, now: Timestamp) -> Option<u32> {
        if self.versions.len() >= quota::POLICY_VERSIONS {
            return None;
        }
        let number = self.next_version;
        self.next_version += 1;
        self.versions.insert(number, PolicyVersion { document, created: now });
        self.updated = now;
        Some(number)
    }

    /// The number of a version id such as `v3`.
    pub fn version_number(id: &str) -> Option<u32> {
        id.strip_prefix('v')?.parse().ok()
    }
}

/// In how many places a policy is used. It stands beside the policy, so that attaching does not touch the policy's own record
/// (on which cached permissions depend) and yet conflicts with a deletion at the same time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PolicyUsage {
    /// Users, groups and roles that it is attached to.
    pub attachments: u64,
    /// Users and roles that it bounds.
    pub boundaries: u64,
}

/// That an entity uses a policy, seen from the policy. All else about the entity stands in its own record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PolicyUse {
    /// The entity's name; its case does not matter.
    pub name: String,
}
