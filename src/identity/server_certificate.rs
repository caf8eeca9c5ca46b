//! Server certificates: a certificate, its chain and its private key, kept for who serves with them.
//!
//! Source: "Manage server certificates in IAM", `id_credentials_server-certs.html`.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::crypto::seal::Sealed;
use crate::types::{AccountId, Arn, EntityPath, Realm, ServerCertificateName, Tags, UniqueId};

/// A server certificate, without what it is made of: lists read many of these.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerCertificate {
    /// Unique in its account, without regard to case.
    pub name: ServerCertificateName,
    /// Where it stands in the account's tree.
    pub path: EntityPath,
    /// `ASCA…`
    pub id: UniqueId,
    /// When it was uploaded.
    pub uploaded: Timestamp,
    /// When the certificate ends to be valid.
    pub expires: Timestamp,
    /// Tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What a server certificate is made of. It lies under the id, so that it stays where it is when the certificate is renamed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerCertificateBody {
    /// The certificate in PEM.
    pub certificate: String,
    /// The chain in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    /// The private key in PEM, sealed under the account's data key. No operation gives it out.
    pub private_key: Sealed,
}

impl ServerCertificate {
    /// Its ARN.
    pub fn arn(&self, realm: &Realm, account: AccountId) -> Arn {
        realm.server_certificate(account, &self.path, self.name.as_str())
    }

    /// What its private key is sealed with.
    pub fn key_context(&self) -> [&str; 3] {
        ["server-certificate", self.id.as_str(), "private-key"]
    }
}
