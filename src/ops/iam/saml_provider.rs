//! `CreateSAMLProvider`, `UpdateSAMLProvider`, `DeleteSAMLProvider`. [`super::saml_list`] shows them.
//!
//! Source: "Create a SAML identity provider in IAM", and "Could not parse metadata" in "Troubleshoot SAML federation with IAM".

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};

use super::common::distinct_tags;
use super::managed_policy::policy_arn;
use super::tags::{self, Tagged};
use super::{room, shapes};
use crate::crypto::rsa_key;
use crate::decision::Permit;
use crate::identity::{AssertionEncryption, SamlDocument, SamlMetadata, SamlPrivateKey, SamlProvider, quota};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::store::{Key, Tx, layout};
use crate::types::{Arn, SamlProviderName, SecretText, Tag, Tags};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<CreateSAMLProvider>().add::<UpdateSAMLProvider>().add::<DeleteSAMLProvider>();
}

/// A private key as it comes over the wire; it leaves this file sealed.
#[derive(Deserialize)]
#[serde(from = "String")]
struct PrivateKey(SecretText);

impl From<String> for PrivateKey {
    fn from(text: String) -> Self {
        Self(SecretText::new(text))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateSAMLProvider {
    #[serde(rename = "SAMLMetadataDocument")]
    document: String,
    name: SamlProviderName,
    #[serde(default)]
    tags: Vec<Tag>,
    assertion_encryption_mode: Option<AssertionEncryption>,
    add_private_key: Option<PrivateKey>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NewProvider {
    #[serde(rename = "SAMLProviderArn")]
    arn: String,
    tags: Option<Tags>,
}

impl Operation for CreateSAMLProvider {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateSAMLProvider";
    const READ_ONLY: bool = false;
    type Output = NewProvider;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let arn = call.realm().saml_provider(call.account(), self.name.as_str());
        let permission = Permission::on("iam:CreateSAMLProvider", &arn, call.account());
        Ok(permission.with_request_tags(&self.tags).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<NewProvider, Error> {
        let key = layout::saml_provider(call.account(), &self.name);
        if tx.get::<SamlProvider>(&key).await?.is_some() {
            return Err(Error::exists("Provider", &self.name));
        }
        room::saml_providers(call).for_one_more(call, tx).await?;
        let metadata = read(&self.document)?;
        let mut provider = SamlProvider {
            name: self.name.clone(),
            uuid: random_id(call),
            created: call.now(),
            valid_until: call.now(),
            metadata: metadata.clone(),
            encryption: self.assertion_encryption_mode,
            private_keys: Vec::new(),
            tags: distinct_tags(self.tags.clone())?,
        };
        provider.trust(metadata, call.now());
        if let Some(PrivateKey(pem)) = &self.add_private_key {
            add_private_key(&mut provider, pem, call).await?;
        }
        check_encryption(&provider)?;
        tx.put(&key, &provider)?;
        let document = SamlDocument { document: self.document.clone() };
        tx.put(&layout::saml_document(call.account(), &self.name), &document)?;
        Ok(NewProvider {
            arn: provider.arn(call.realm(), call.account()).to_string(),
            tags: shapes::some_tags(&provider.tags),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateSAMLProvider {
    #[serde(rename = "SAMLProviderArn")]
    arn: String,
    #[serde(rename = "SAMLMetadataDocument")]
    document: Option<String>,
    assertion_encryption_mode: Option<AssertionEncryption>,
    add_private_key: Option<PrivateKey>,
    remove_private_key: Option<String>,
}

#[derive(Serialize)]
struct Updated {
    #[serde(rename = "SAMLProviderArn")]
    arn: String,
}

impl Operation for UpdateSAMLProvider {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateSAMLProvider";
    const READ_ONLY: bool = false;
    type Output = Updated;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_provider("iam:UpdateSAMLProvider", &self.arn, call, tx).await
    }

    /// Changes what the request names and leaves the rest.
    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Updated, Error> {
        let (key, mut provider) = SamlProvider::find(tx, call, &self.arn).await?;
        if self.add_private_key.is_some() && self.remove_private_key.is_some() {
            return Err(Error::InvalidInput(
                "A private key is added and removed in separate requests: add the new one first.".to_owned(),
            ));
        }
        if let Some(document) = &self.document {
            provider.trust(read(document)?, call.now());
            let record = SamlDocument { document: document.clone() };
            tx.put(&layout::saml_document(call.account(), &provider.name), &record)?;
        }
        if let Some(mode) = self.assertion_encryption_mode {
            provider.encryption = Some(mode);
        }
        if let Some(PrivateKey(pem)) = &self.add_private_key {
            add_private_key(&mut provider, pem, call).await?;
        }
        if let Some(id) = &self.remove_private_key
            && !provider.remove_private_key(id)
        {
            return Err(Error::NoSuchEntity(format!("Private key {id} cannot be found for provider {}.", self.arn)));
        }
        check_encryption(&provider)?;
        tx.put(&key, &provider)?;
        Ok(Updated { arn: provider.arn(call.realm(), call.account()).to_string() })
    }
}

#[derive(Deserialize)]
struct DeleteSAMLProvider {
    #[serde(rename = "SAMLProviderArn")]
    arn: String,
}

impl Operation for DeleteSAMLProvider {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteSAMLProvider";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_provider("iam:DeleteSAMLProvider", &self.arn, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let (key, provider) = SamlProvider::find(tx, call, &self.arn).await?;
        tx.delete(&layout::saml_document(call.account(), &provider.name))?;
        Ok(tx.delete(&key)?)
    }
}

impl Tagged for SamlProvider {
    type Id = String;

    async fn find(tx: &mut Tx, call: &Call<'_>, arn: &String) -> Result<(Key, Self), Error> {
        let arn = policy_arn(arn)?;
        let missing = || Error::NoSuchEntity(format!("Manifest not found for arn {arn}"));
        let ours = arn.service() == "iam" && arn.account() == Some(call.account());
        let name = arn.resource_of_kind("saml-provider").filter(|_| ours).and_then(|name| name.parse().ok());
        let key = layout::saml_provider(call.account(), &name.ok_or_else(missing)?);
        let found = tx.get::<SamlProvider>(&key).await?;
        // The name is part of the ARN as it was written.
        let found = found.filter(|provider| provider.arn(call.realm(), call.account()) == arn);
        Ok((key, found.ok_or_else(missing)?))
    }

    fn arn(&self, call: &Call<'_>) -> Arn {
        SamlProvider::arn(self, call.realm(), call.account())
    }

    fn arn_of_missing(_call: &Call<'_>, arn: &String) -> Result<Arn, Error> {
        policy_arn(arn)
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }

    fn tags_mut(&mut self) -> &mut Tags {
        &mut self.tags
    }
}

/// A permission on a provider, with its tags as condition keys.
pub(super) async fn on_provider(
    action: &str,
    arn: &String,
    call: &Call<'_>,
    tx: &mut Tx,
) -> Result<Vec<Demand>, Error> {
    Ok(tags::permission::<SamlProvider>(action, arn, call, tx).await?.into())
}

/// AWS's sentence does not say what is wrong with a document; here the cause stands behind it.
fn read(document: &str) -> Result<SamlMetadata, Error> {
    if document.len() > quota::SAML_METADATA_BYTES {
        return Err(Error::quota("SAMLMetadataDocumentBytes", quota::SAML_METADATA_BYTES));
    }
    SamlMetadata::read(document).map_err(|cause| Error::InvalidInput(format!("Could not parse metadata: {cause}")))
}

async fn add_private_key(provider: &mut SamlProvider, pem: &SecretText, call: &Call<'_>) -> Result<(), Error> {
    rsa_key::check_pem(pem).map_err(|cause| Error::InvalidInput(format!("Could not read the private key: {cause}")))?;
    let id = random_id(call);
    let context = SamlProvider::key_context(&provider.uuid, &id);
    let sealed = call.broker.vault.seal(call.account(), &context, pem.expose().as_bytes()).await?;
    if provider.add_private_key(SamlPrivateKey { id, added: call.now(), pem: sealed }) {
        return Ok(());
    }
    Err(Error::quota("PrivateKeysPerSAMLProvider", quota::PRIVATE_KEYS_PER_SAML_PROVIDER))
}

fn check_encryption(provider: &SamlProvider) -> Result<(), Error> {
    if provider.lacks_key() {
        let message = "Encrypted assertions cannot be required of a provider that has no private key.";
        return Err(Error::InvalidInput(message.to_owned()));
    }
    Ok(())
}

/// An id of 26 characters, as the model wants those of providers and of keys: capital letters and digits, 22 at least.
fn random_id(call: &Call<'_>) -> String {
    let mut bytes = [0; 16];
    call.broker.random.fill(&mut bytes);
    BASE32_NOPAD.encode(&bytes)
}
