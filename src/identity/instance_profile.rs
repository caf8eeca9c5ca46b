//! Instance profiles: what hands a role to a machine.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::types::{AccountId, Arn, EntityPath, InstanceProfileName, Realm, RoleName, Tags, UniqueId};

/// An instance profile: a container for one role at the most.
///
/// Source: "Using instance profiles", `id_roles_use_switch-role-ec2_instance-profiles.html`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstanceProfile {
    /// Unique in its account, without regard to case.
    pub name: InstanceProfileName,
    /// Where it stands in the account's tree.
    pub path: EntityPath,
    /// `AIPA…`
    pub id: UniqueId,
    /// When it was made.
    pub created: Timestamp,
    /// Tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// The role that it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleName>,
}

impl InstanceProfile {
    /// Its ARN.
    pub fn arn(&self, realm: &Realm, account: AccountId) -> Arn {
        realm.instance_profile(account, &self.path, self.name.as_str())
    }

    /// Whether this is the role that it holds.
    pub fn holds(&self, role: &RoleName) -> bool {
        self.role.as_ref().is_some_and(|held| held.folded() == role.folded())
    }
}

/// That an instance profile holds a role, seen from the role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProfileOfRole {
    /// The profile's name.
    pub profile: InstanceProfileName,
}

/// How many instance profiles hold a role. It stands beside the role, so that adding the role to a profile does not touch the
/// role's own record (on which cached permissions depend) and yet conflicts with a deletion at the same time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ProfilesOfRole {
    /// The number of profiles.
    pub profiles: u64,
}
