//! `CreateOpenIDConnectProvider`, `GetOpenIDConnectProvider`, `ListOpenIDConnectProviders`, `DeleteOpenIDConnectProvider`.
//! [`super::oidc_client`] changes them.
//!
//! AWS fetches a thumbprint where a request carries none. No operation here asks the network: without thumbprints a provider has
//! none, and its TLS is trusted by the authorities that everybody trusts, as AWS itself does first.

use serde::{Deserialize, Serialize};

use super::common::{distinct_tags, list_all};
use super::managed_policy::policy_arn;
use super::tags::{self, Tagged};
use super::{room, shapes};
use crate::decision::Permit;
use crate::identity::{OidcProvider, quota};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::store::{Key, Tx, layout};
use crate::types::{Arn, OidcIssuer, Tag, Tags};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<CreateOpenIDConnectProvider>().add::<GetOpenIDConnectProvider>();
    registry.add::<ListOpenIDConnectProviders>().add::<DeleteOpenIDConnectProvider>();
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateOpenIDConnectProvider {
    url: String,
    #[serde(rename = "ClientIDList", default)]
    client_ids: Vec<String>,
    #[serde(default)]
    thumbprint_list: Vec<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NewProvider {
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
    tags: Option<Tags>,
}

impl Operation for CreateOpenIDConnectProvider {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateOpenIDConnectProvider";
    const READ_ONLY: bool = false;
    type Output = NewProvider;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let arn = call.realm().oidc_provider(call.account(), &self.issuer()?);
        let permission = Permission::on("iam:CreateOpenIDConnectProvider", &arn, call.account());
        Ok(permission.with_request_tags(&self.tags).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<NewProvider, Error> {
        let issuer = self.issuer()?;
        let mut provider = OidcProvider {
            issuer: issuer.clone(),
            created: call.now(),
            client_ids: Vec::new(),
            thumbprints: distinct_thumbprints(&self.thumbprint_list)?,
            tags: distinct_tags(self.tags.clone())?,
        };
        add_client_ids(&mut provider, &self.client_ids)?;
        let key = layout::oidc_provider(call.account(), &issuer);
        if tx.get::<OidcProvider>(&key).await?.is_some() {
            return Err(Error::EntityAlreadyExists(format!("Provider with url {} already exists.", issuer.url())));
        }
        room::oidc_providers(call).for_one_more(call, tx).await?;
        tx.put(&key, &provider)?;
        Ok(NewProvider {
            arn: provider.arn(call.realm(), call.account()).to_string(),
            tags: shapes::some_tags(&provider.tags),
        })
    }
}

impl CreateOpenIDConnectProvider {
    fn issuer(&self) -> Result<OidcIssuer, Error> {
        let invalid = |_| Error::Validation("Invalid Open ID Connect Provider URL".to_owned());
        OidcIssuer::from_url(&self.url).map_err(invalid)
    }
}

#[derive(Deserialize)]
struct GetOpenIDConnectProvider {
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WholeProvider {
    /// Without its scheme, as AWS answers it.
    url: String,
    #[serde(rename = "ClientIDList")]
    client_ids: Vec<String>,
    thumbprint_list: Vec<String>,
    create_date: String,
    tags: Option<Tags>,
}

impl Operation for GetOpenIDConnectProvider {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetOpenIDConnectProvider";
    const READ_ONLY: bool = true;
    type Output = WholeProvider;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_provider("iam:GetOpenIDConnectProvider", &self.arn, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<WholeProvider, Error> {
        let (_, provider) = OidcProvider::find(tx, call, &self.arn).await?;
        Ok(WholeProvider {
            url: provider.issuer.to_string(),
            client_ids: provider.client_ids,
            thumbprint_list: provider.thumbprints,
            create_date: provider.created.iso8601(),
            tags: shapes::some_tags(&provider.tags),
        })
    }
}

#[derive(Deserialize)]
struct ListOpenIDConnectProviders {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Providers {
    #[serde(rename = "OpenIDConnectProviderList")]
    providers: Vec<ListedProvider>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedProvider {
    arn: String,
}

impl Operation for ListOpenIDConnectProviders {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListOpenIDConnectProviders";
    const READ_ONLY: bool = true;
    type Output = Providers;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(Permission::on_anything("iam:ListOpenIDConnectProviders", call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Providers, Error> {
        let all = list_all::<OidcProvider>(tx, &layout::all("oidc-provider", call.account())).await?;
        let arn = |provider: &OidcProvider| provider.arn(call.realm(), call.account()).to_string();
        Ok(Providers { providers: all.iter().map(|provider| ListedProvider { arn: arn(provider) }).collect() })
    }
}

#[derive(Deserialize)]
struct DeleteOpenIDConnectProvider {
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
}

impl Operation for DeleteOpenIDConnectProvider {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteOpenIDConnectProvider";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_provider("iam:DeleteOpenIDConnectProvider", &self.arn, call, tx).await
    }

    /// Does not fail for a provider that the account does not have; another account's is none that it could have.
    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        match OidcProvider::find(tx, call, &self.arn).await {
            Ok((key, _)) => Ok(tx.delete(&key)?),
            Err(Error::NoSuchEntity(_)) if named_issuer(&policy_arn(&self.arn)?, call).is_some() => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Tagged for OidcProvider {
    type Id = String;

    async fn find(tx: &mut Tx, call: &Call<'_>, arn: &String) -> Result<(Key, Self), Error> {
        let arn = policy_arn(arn)?;
        let missing = || Error::NoSuchEntity(format!("OpenIDConnect Provider not found for arn {arn}"));
        let key = layout::oidc_provider(call.account(), &named_issuer(&arn, call).ok_or_else(missing)?);
        let found = tx.get::<OidcProvider>(&key).await?;
        // The host is part of the ARN as it was written.
        let found = found.filter(|provider| provider.arn(call.realm(), call.account()) == arn);
        Ok((key, found.ok_or_else(missing)?))
    }

    fn arn(&self, call: &Call<'_>) -> Arn {
        OidcProvider::arn(self, call.realm(), call.account())
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

/// The issuer that an ARN of the caller's account names.
fn named_issuer(arn: &Arn, call: &Call<'_>) -> Option<OidcIssuer> {
    let ours = arn.service() == "iam" && arn.account() == Some(call.account());
    arn.resource_of_kind("oidc-provider").filter(|_| ours)?.parse().ok()
}

/// A permission on a provider, with its tags as condition keys.
pub(super) async fn on_provider(
    action: &str,
    arn: &String,
    call: &Call<'_>,
    tx: &mut Tx,
) -> Result<Vec<Demand>, Error> {
    Ok(tags::permission::<OidcProvider>(action, arn, call, tx).await?.into())
}

/// Adds client ids, each once.
pub(super) fn add_client_ids(provider: &mut OidcProvider, ids: &[String]) -> Result<(), Error> {
    let limit = quota::CLIENT_IDS_PER_OIDC_PROVIDER;
    let fits = ids.iter().all(|id| provider.add_client_id(id));
    if fits { Ok(()) } else { Err(Error::quota("ClientIdsPerOpenIdConnectProvider", limit)) }
}

/// Thumbprints of a request, each once; the model has held them to their length.
pub(super) fn distinct_thumbprints(given: &[String]) -> Result<Vec<String>, Error> {
    let mut distinct: Vec<String> = Vec::new();
    for thumbprint in given {
        if !thumbprint.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Error::InvalidInput(format!("Thumbprint {thumbprint} is not a hex-encoded SHA-1 hash.")));
        }
        if distinct.iter().any(|known| known.eq_ignore_ascii_case(thumbprint)) {
            continue;
        }
        if distinct.len() >= quota::THUMBPRINTS_PER_OIDC_PROVIDER {
            return Err(Error::InvalidInput("Thumbprint list must contain fewer than 5 entries.".to_owned()));
        }
        distinct.push(thumbprint.clone());
    }
    Ok(distinct)
}
