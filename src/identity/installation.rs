//! An installation: what all brokers on one store have in common.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::crypto::seal::Sealed;

/// Written once, at the first start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Installation {
    /// When the first broker started.
    pub created: Timestamp,
    /// The `iss` of tokens, where no setting names another.
    pub issuer: String,
    /// The key that seals what belongs to no account, wrapped by the master key. That it opens shows that a master key is the
    /// right one.
    pub data_key: Sealed,
}
