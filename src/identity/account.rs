//! An account: the border around users, groups, roles and policies.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::crypto::seal::Sealed;
use crate::types::{AccessKeyId, AccountAlias, AccountId};

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
    /// The root user's signing certificates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub root_signing_certificates: Vec<String>,
    /// The key that seals this account's secrets, wrapped by the installation's master key.
    pub data_key: Sealed,
}

/// Whose an alias is: seen from the alias, so that no two accounts of an installation have the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AliasOwner {
    /// The account that has it.
    pub account: AccountId,
}

/// The alias of an account: it has one at the most.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AliasOfAccount {
    /// Unique in the installation.
    pub alias: AccountAlias,
}
