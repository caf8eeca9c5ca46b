//! What a user has beside access keys and password: signing certificates, SSH public keys, service-specific credentials.
//!
//! Source: the IAM API reference, and "Service-specific credentials for IAM users",
//! `id_credentials_service-specific-creds.html`.

use serde::{Deserialize, Serialize};

use super::{KeyOwner, KeyStatus};
use crate::clock::Timestamp;
use crate::crypto::password::PasswordHash;
use crate::types::{UniqueId, UserName};

/// The ids of them, on the user's own record.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct UserCredentials {
    /// Signing certificates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signing_certificates: Vec<String>,
    /// SSH public keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ssh_public_keys: Vec<UniqueId>,
    /// Service-specific credentials.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service_specific: Vec<UniqueId>,
}

impl UserCredentials {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.signing_certificates.is_empty() && self.ssh_public_keys.is_empty() && self.service_specific.is_empty()
    }
}

/// A certificate whose private key signs for a user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SigningCertificate {
    /// Whose it is.
    pub owner: KeyOwner,
    /// In PEM, as it was uploaded.
    pub body: String,
    /// Whether it may be used.
    pub status: KeyStatus,
    /// When it was uploaded.
    pub uploaded: Timestamp,
}

/// A public RSA key that names a user to services which speak SSH.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SshPublicKey {
    /// `APKA…`
    pub id: UniqueId,
    /// Whose it is.
    pub owner: UserName,
    /// As it was uploaded.
    pub body: String,
    /// MD5 of the key as SSH has it.
    pub fingerprint: String,
    /// Whether it may be used.
    pub status: KeyStatus,
    /// When it was uploaded.
    pub uploaded: Timestamp,
}

/// A user name and a password, or a key, for one service that does not know AWS's signatures.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServiceCredential {
    /// `ACCA…`
    pub id: UniqueId,
    /// Whose it is.
    pub owner: UserName,
    /// The service's principal, such as `codecommit.amazonaws.com`.
    pub service: String,
    /// The name that the service knows it by: user name, or alias of a key. It stays when the user is renamed.
    pub name: String,
    /// The hash of the password or of the whole key, which are shown once.
    pub secret: PasswordHash,
    /// Whether it may be used.
    pub status: KeyStatus,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends, if ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

/// That a name is taken at a service, seen from the name: no two credentials of a service answer to one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServiceUserName {
    /// Whose name it is.
    pub credential: UniqueId,
}
