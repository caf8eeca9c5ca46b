//! Groups: policies that their users inherit.

use serde::{Deserialize, Serialize};

use super::Permissions;
use crate::clock::Timestamp;
use crate::types::{AccountId, Arn, EntityPath, GroupName, Realm, UniqueId};

/// A group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Group {
    /// Unique in its account, without regard to case.
    pub name: GroupName,
    /// Where it stands in the account's tree.
    pub path: EntityPath,
    /// `AGPA…`
    pub id: UniqueId,
    /// When it was made.
    pub created: Timestamp,
    /// Its policies; a group has no boundary.
    #[serde(flatten)]
    pub permissions: Permissions,
}

impl Group {
    /// Its ARN.
    pub fn arn(&self, realm: &Realm, account: AccountId) -> Arn {
        realm.group(account, &self.path, self.name.as_str())
    }
}

/// How many users a group has. It stands beside the group, so that joining does not touch the group's own record (on which
/// every member's cached permissions depend) and yet conflicts with a deletion at the same time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Membership {
    /// The number of users.
    pub users: u64,
}
