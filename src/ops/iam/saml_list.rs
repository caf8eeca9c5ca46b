//! `GetSAMLProvider`, `ListSAMLProviders`.

use serde::{Deserialize, Serialize};

use super::common::list_all;
use super::saml_provider::on_provider;
use super::shapes;
use super::tags::Tagged;
use crate::decision::Permit;
use crate::identity::{AssertionEncryption, SamlDocument, SamlPrivateKey, SamlProvider};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::store::{Tx, layout};
use crate::types::Tags;
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<GetSAMLProvider>().add::<ListSAMLProviders>();
}

#[derive(Deserialize)]
struct GetSAMLProvider {
    #[serde(rename = "SAMLProviderArn")]
    arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WholeProvider {
    #[serde(rename = "SAMLProviderUUID")]
    uuid: String,
    #[serde(rename = "SAMLMetadataDocument")]
    document: String,
    create_date: String,
    valid_until: String,
    tags: Option<Tags>,
    assertion_encryption_mode: Option<AssertionEncryption>,
    private_key_list: Option<Vec<ListedKey>>,
}

/// That there is a key; the key itself is never shown again.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedKey {
    key_id: String,
    timestamp: String,
}

impl ListedKey {
    fn all(keys: &[SamlPrivateKey]) -> Option<Vec<Self>> {
        let listed = |key: &SamlPrivateKey| Self { key_id: key.id.clone(), timestamp: key.added.iso8601() };
        (!keys.is_empty()).then(|| keys.iter().map(listed).collect())
    }
}

impl Operation for GetSAMLProvider {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetSAMLProvider";
    const READ_ONLY: bool = true;
    type Output = WholeProvider;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_provider("iam:GetSAMLProvider", &self.arn, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<WholeProvider, Error> {
        let (_, provider) = SamlProvider::find(tx, call, &self.arn).await?;
        let document = tx.get::<SamlDocument>(&layout::saml_document(call.account(), &provider.name)).await?;
        // Both are deleted together, and a reader may come when it has read only one of them.
        let missing = || Error::NoSuchEntity(format!("Manifest not found for arn {}", self.arn));
        let document = document.ok_or_else(missing)?.document;
        Ok(WholeProvider {
            uuid: provider.uuid,
            document,
            create_date: provider.created.iso8601(),
            valid_until: provider.valid_until.iso8601(),
            tags: shapes::some_tags(&provider.tags),
            assertion_encryption_mode: provider.encryption,
            private_key_list: ListedKey::all(&provider.private_keys),
        })
    }
}

#[derive(Deserialize)]
struct ListSAMLProviders {}

#[derive(Serialize)]
struct Providers {
    #[serde(rename = "SAMLProviderList")]
    providers: Vec<ListedProvider>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedProvider {
    arn: String,
    valid_until: String,
    create_date: String,
}

impl Operation for ListSAMLProviders {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListSAMLProviders";
    const READ_ONLY: bool = true;
    type Output = Providers;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(Permission::on_anything("iam:ListSAMLProviders", call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Providers, Error> {
        let all = list_all::<SamlProvider>(tx, &layout::all("saml-provider", call.account())).await?;
        let listed = |provider: SamlProvider| ListedProvider {
            arn: provider.arn(call.realm(), call.account()).to_string(),
            valid_until: provider.valid_until.iso8601(),
            create_date: provider.created.iso8601(),
        };
        Ok(Providers { providers: all.into_iter().map(listed).collect() })
    }
}
