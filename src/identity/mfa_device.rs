//! Virtual MFA devices: time-based one-time passwords (RFC 6238).

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::crypto::seal::Sealed;
use crate::types::{Arn, EntityPath, Tags, UserName, VirtualMfaName};

/// A virtual MFA device; its serial number is its ARN.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MfaDevice {
    /// The serial number.
    pub serial: Arn,
    /// Unique in its account, without regard to case.
    pub name: VirtualMfaName,
    /// Where it stands in the account's tree.
    pub path: EntityPath,
    /// When it was made.
    pub created: Timestamp,
    /// Tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// The seed that the codes are made from, sealed under the account's data key.
    pub seed: Sealed,
    /// Whose device it is, once it is enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserName>,
    /// When it was enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<Timestamp>,
    /// The time step of the last code that was accepted: no code of this step or an earlier one is accepted again, by any
    /// broker of the installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_step: Option<u64>,
    /// How many time steps the device's clock is ahead of ours, found when it was enabled or resynchronized.
    #[serde(default)]
    pub drift: i64,
    /// Wrong codes since the last right one.
    #[serde(default)]
    pub failures: u32,
    /// When the last wrong code came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<Timestamp>,
}
