//! SAML providers: whose assertions an account takes for an identity.

use serde::{Deserialize, Serialize};

use super::{SamlMetadata, quota};
use crate::clock::Timestamp;
use crate::crypto::seal::Sealed;
use crate::types::{AccountId, Arn, Realm, SamlProviderName, Tags};

/// A SAML 2.0 identity provider that an account trusts.
///
/// Source: "Create a SAML identity provider in IAM", `id_roles_providers_create_saml.html`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SamlProvider {
    /// Unique in its account, without regard to case.
    pub name: SamlProviderName,
    /// What tells this provider from an earlier one of its name.
    pub uuid: String,
    /// When it was made.
    pub created: Timestamp,
    /// After which moment its assertions are not to be taken.
    pub valid_until: Timestamp,
    /// What its metadata says; the document itself is a [`SamlDocument`].
    pub metadata: SamlMetadata,
    /// Whether assertions have to be encrypted. Where nothing was said, they need not be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<AssertionEncryption>,
    /// The keys that assertions are encrypted for, the older one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub private_keys: Vec<SamlPrivateKey>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// Whether a provider's assertions have to be encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AssertionEncryption {
    /// Assertions in the clear are refused.
    Required,
    /// Both are taken.
    Allowed,
}

/// An RSA private key that a provider's assertions are encrypted for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SamlPrivateKey {
    /// What the key is called.
    pub id: String,
    /// When it was added.
    pub added: Timestamp,
    /// The key in PEM, as it was given, sealed under the account's data key for [`SamlProvider::key_context`].
    pub pem: Sealed,
}

/// The metadata document of a provider, which is large and seldom asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SamlDocument {
    /// As it was given.
    pub document: String,
}

impl SamlProvider {
    /// Its ARN.
    pub fn arn(&self, realm: &Realm, account: AccountId) -> Arn {
        realm.saml_provider(account, self.name.as_str())
    }

    /// Puts what a document says in the place of what an earlier one said.
    pub fn trust(&mut self, metadata: SamlMetadata, now: Timestamp) {
        /// A document that does not say until when it is valid is valid for a hundred years.
        const HUNDRED_YEARS: i64 = 36_525 * 86_400;
        self.valid_until = metadata.valid_until.unwrap_or_else(|| now.plus(HUNDRED_YEARS));
        self.metadata = metadata;
    }

    /// Adds a private key; `false` when there are as many as may be.
    pub fn add_private_key(&mut self, key: SamlPrivateKey) -> bool {
        if self.private_keys.len() >= quota::PRIVATE_KEYS_PER_SAML_PROVIDER {
            return false;
        }
        self.private_keys.push(key);
        true
    }

    /// Takes a private key away; `false` when there is none of this id.
    pub fn remove_private_key(&mut self, id: &str) -> bool {
        let before = self.private_keys.len();
        self.private_keys.retain(|key| key.id != id);
        self.private_keys.len() < before
    }

    /// Whether encryption is required for which there is no key: then no assertion at all could be taken.
    pub fn lacks_key(&self) -> bool {
        self.encryption == Some(AssertionEncryption::Required) && self.private_keys.is_empty()
    }

    /// What a private key of the provider of this id is sealed for.
    pub fn key_context<'a>(uuid: &'a str, key_id: &'a str) -> [&'a str; 4] {
        ["saml-provider", uuid, key_id, "private-key"]
    }
}
