//! What is changed of an OpenID Connect provider: `AddClientIDToOpenIDConnectProvider`,
//! `RemoveClientIDFromOpenIDConnectProvider`, `UpdateOpenIDConnectProviderThumbprint`.

use serde::Deserialize;

use super::oidc_provider::{add_client_ids, distinct_thumbprints, on_provider};
use super::tags::Tagged;
use crate::decision::Permit;
use crate::identity::OidcProvider;
use crate::ops::{Call, Demand, Error, Operation, Registry};
use crate::store::Tx;
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<AddClientIDToOpenIDConnectProvider>().add::<RemoveClientIDFromOpenIDConnectProvider>();
    registry.add::<UpdateOpenIDConnectProviderThumbprint>();
}

#[derive(Deserialize)]
struct AddClientIDToOpenIDConnectProvider {
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
    #[serde(rename = "ClientID")]
    client_id: String,
}

impl Operation for AddClientIDToOpenIDConnectProvider {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "AddClientIDToOpenIDConnectProvider";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_provider("iam:AddClientIDToOpenIDConnectProvider", &self.arn, call, tx).await
    }

    /// Does not fail for an id that is there already.
    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let (key, mut provider) = OidcProvider::find(tx, call, &self.arn).await?;
        add_client_ids(&mut provider, std::slice::from_ref(&self.client_id))?;
        Ok(tx.put(&key, &provider)?)
    }
}

#[derive(Deserialize)]
struct RemoveClientIDFromOpenIDConnectProvider {
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
    #[serde(rename = "ClientID")]
    client_id: String,
}

impl Operation for RemoveClientIDFromOpenIDConnectProvider {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "RemoveClientIDFromOpenIDConnectProvider";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_provider("iam:RemoveClientIDFromOpenIDConnectProvider", &self.arn, call, tx).await
    }

    /// Does not fail for an id that is not there.
    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let (key, mut provider) = OidcProvider::find(tx, call, &self.arn).await?;
        provider.client_ids.retain(|id| *id != self.client_id);
        Ok(tx.put(&key, &provider)?)
    }
}

#[derive(Deserialize)]
struct UpdateOpenIDConnectProviderThumbprint {
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
    #[serde(rename = "ThumbprintList")]
    thumbprints: Vec<String>,
}

impl Operation for UpdateOpenIDConnectProviderThumbprint {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateOpenIDConnectProviderThumbprint";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_provider("iam:UpdateOpenIDConnectProviderThumbprint", &self.arn, call, tx).await
    }

    /// The new list takes the old one's place; it cannot be empty.
    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let (key, mut provider) = OidcProvider::find(tx, call, &self.arn).await?;
        if self.thumbprints.is_empty() {
            return Err(Error::InvalidInput("Thumbprint list must contain at least one entry.".to_owned()));
        }
        provider.thumbprints = distinct_thumbprints(&self.thumbprints)?;
        Ok(tx.put(&key, &provider)?)
    }
}
