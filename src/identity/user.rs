//! Users: people and programs with long-lived credentials.

use serde::{Deserialize, Serialize};

use super::{Permissions, UserCredentials, quota};
use crate::clock::Timestamp;
use crate::types::{AccessKeyId, AccountId, Arn, EntityPath, GroupName, Realm, Tags, UniqueId, UserName};

/// A user, with everything that hangs on it by name, so that whoever changes any of it changes this record too.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    /// Unique in its account, without regard to case.
    pub name: UserName,
    /// Where it stands in the account's tree.
    pub path: EntityPath,
    /// `AIDA…`; a user of the same name made later has another.
    pub id: UniqueId,
    /// When it was made.
    pub created: Timestamp,
    /// Tags, which policies see as `aws:PrincipalTag/` and `iam:ResourceTag/`.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// Its own policies and boundary.
    #[serde(flatten)]
    pub permissions: Permissions,
    /// The groups whose policies it inherits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupName>,
    /// Its access keys, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access_keys: Vec<AccessKeyId>,
    /// Its enabled MFA devices, by serial number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mfa_devices: Vec<String>,
    /// Whether it has a password.
    #[serde(default)]
    pub has_login_profile: bool,
    /// Its signing certificates, SSH public keys and service-specific credentials.
    #[serde(default, skip_serializing_if = "UserCredentials::is_empty")]
    pub credentials: UserCredentials,
}

/// The present name of a user that has had another: sessions that began under an earlier one find it by unique id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RenamedUser {
    /// The name.
    pub name: UserName,
}

impl User {
    /// Its ARN.
    pub fn arn(&self, realm: &Realm, account: AccountId) -> Arn {
        realm.user(account, &self.path, self.name.as_str())
    }

    /// Whether it is in a group (names do not differ by case alone).
    pub fn is_in(&self, group: &GroupName) -> bool {
        self.groups.iter().any(|other| other.folded() == group.folded())
    }

    /// Whether it may join one more group.
    pub fn may_join_more(&self) -> bool {
        self.groups.len() < quota::GROUPS_PER_USER
    }
}
