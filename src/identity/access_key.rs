//! Access keys: the long-lived credentials that sign requests.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::crypto::seal::Sealed;
use crate::types::{AccessKeyId, AccountId, UserName};

/// An access key. Its secret must be recoverable to check a SigV4 signature, so it is stored sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessKey {
    /// `AKIA…`
    pub id: AccessKeyId,
    /// The account that it signs for.
    pub account: AccountId,
    /// Whose it is.
    pub owner: KeyOwner,
    /// Whether it may be used.
    pub status: KeyStatus,
    /// When it was made.
    pub created: Timestamp,
    /// The secret, sealed under the account's data key.
    pub secret: Sealed,
}

/// Whose key it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyOwner {
    /// The account's root user.
    Root,
    /// A user of the account.
    User(UserName),
}

/// `Active` keys sign; `Inactive` ones are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyStatus {
    /// It may be used.
    Active,
    /// It is refused.
    Inactive,
}
