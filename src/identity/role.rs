//! Roles: permissions that whoever is trusted may take on for a time.

use serde::{Deserialize, Serialize};

use super::{Permissions, SERVICE_LINKED};
use crate::clock::Timestamp;
use crate::types::{AccountId, Arn, EntityPath, Realm, RoleName, Tags, UniqueId};

/// A role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Role {
    /// Unique in its account, without regard to case.
    pub name: RoleName,
    /// Where it stands in the account's tree.
    pub path: EntityPath,
    /// `AROA…`
    pub id: UniqueId,
    /// When it was made.
    pub created: Timestamp,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who may assume it, as the policy document was written.
    pub trust_policy: String,
    /// The same, with the unique ids of the users and roles that it named when it was written in place of their ARNs: whoever
    /// takes the name of a deleted user is not trusted in its place.
    pub trust_in_force: String,
    /// The longest session in seconds, 3,600 to 43,200.
    pub max_session_duration: u32,
    /// Tags, which policies see as `aws:PrincipalTag/` and `iam:ResourceTag/`.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// Its policies and boundary.
    #[serde(flatten)]
    pub permissions: Permissions,
}

impl Role {
    /// The longest session when `MaxSessionDuration` is absent: one hour, in seconds.
    pub const DEFAULT_SESSION: u32 = 3_600;

    /// Whether it belongs to a service, which alone may change it.
    pub fn is_service_linked(&self) -> bool {
        self.path.as_str().starts_with(SERVICE_LINKED)
    }

    /// Its ARN.
    pub fn arn(&self, realm: &Realm, account: AccountId) -> Arn {
        realm.role(account, &self.path, self.name.as_str())
    }
}
