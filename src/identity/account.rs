//! An account: the border around users, groups, roles and policies.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::crypto::seal::Sealed;
use crate::types::{AccessKeyId, AccountId};

/// An account and its root user, who may do everything in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    /// Twelve digits.
    pub id: AccountId,
    /// What the operator calls it.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// The root user's access keys.
    pub root_access_keys: Vec<AccessKeyId>,
    /// The key that seals this account's secrets, wrapped by the installation's master key.
    pub data_key: Sealed,
}
