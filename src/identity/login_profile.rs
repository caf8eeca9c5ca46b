//! Login profiles: a user's password.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::crypto::password::PasswordHash;

/// A user's password, of which only the Argon2id hash is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoginProfile {
    /// The hash.
    pub password: PasswordHash,
    /// When the profile was made.
    pub created: Timestamp,
    /// Whether the user must choose another password at the next sign-in.
    pub reset_required: bool,
}
