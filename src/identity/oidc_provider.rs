//! OpenID Connect providers: whose tokens an account takes for an identity.

use serde::{Deserialize, Serialize};

use super::quota;
use crate::clock::Timestamp;
use crate::types::{AccountId, Arn, OidcIssuer, Realm, Tags};

/// An OpenID Connect provider that an account trusts.
///
/// Source: "Create an OpenID Connect (OIDC) identity provider in IAM", `id_roles_providers_create_oidc.html`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OidcProvider {
    /// Who issues the tokens: unique in its account.
    pub issuer: OidcIssuer,
    /// When it was made.
    pub created: Timestamp,
    /// Whom tokens must be meant for (`aud`), in the order in which they were added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub client_ids: Vec<String>,
    /// SHA-1 of the certificates that may stand behind the issuer's TLS, as hexadecimal digits. Where there is none, only
    /// authorities that are trusted by everybody count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thumbprints: Vec<String>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

impl OidcProvider {
    /// Its ARN.
    pub fn arn(&self, realm: &Realm, account: AccountId) -> Arn {
        realm.oidc_provider(account, &self.issuer)
    }

    /// Adds a client id, unless it is there; `false` when there are as many as may be.
    pub fn add_client_id(&mut self, id: &str) -> bool {
        if self.client_ids.iter().any(|known| known == id) {
            return true;
        }
        if self.client_ids.len() >= quota::CLIENT_IDS_PER_OIDC_PROVIDER {
            return false;
        }
        self.client_ids.push(id.to_owned());
        true
    }
}
