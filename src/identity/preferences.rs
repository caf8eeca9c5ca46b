//! What an account has switched on, or set for its sessions.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// That an account's principals may ask for tokens that prove who they are to services elsewhere. There is a record while it is
/// so.
///
/// Source: "Federating AWS identities to external services", `id_roles_providers_outbound.html`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OutboundFederation {
    /// When it was switched on.
    pub enabled: Timestamp,
}

/// An account's preferences for the security token service.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TokenPreferences {
    /// Of which version session tokens of the global endpoint are.
    #[serde(default)]
    pub global_endpoint: TokenVersion,
}

/// A version of session tokens of the global endpoint: with AWS, where they are valid and how long they are. Tokens of this
/// broker are valid in all regions, whichever is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenVersion {
    /// Valid in the regions that are on by default; what an account has that never chose.
    #[default]
    #[serde(rename = "v1Token")]
    V1,
    /// Valid in all regions.
    #[serde(rename = "v2Token")]
    V2,
}

impl TokenVersion {
    /// As the account's summary shows it: 1 or 2.
    pub fn number(self) -> u32 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }
}
