//! Whether an account's principals may prove who they are to services elsewhere: `EnableOutboundWebIdentityFederation`,
//! `DisableOutboundWebIdentityFederation`, `GetOutboundWebIdentityFederationInfo`; and how its session tokens are to be:
//! `SetSecurityTokenServicePreferences`.
//!
//! Each account has an issuer of its own, as with AWS: a service that trusts it trusts no other account.

use serde::{Deserialize, Serialize};

use crate::decision::Permit;
use crate::identity::{OutboundFederation, TokenPreferences, TokenVersion};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::session::account_issuer;
use crate::store::{Tx, layout};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<EnableOutboundWebIdentityFederation>().add::<DisableOutboundWebIdentityFederation>();
    registry.add::<GetOutboundWebIdentityFederationInfo>().add::<SetSecurityTokenServicePreferences>();
}

#[derive(Deserialize)]
struct EnableOutboundWebIdentityFederation {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Enabled {
    issuer_identifier: String,
}

impl Operation for EnableOutboundWebIdentityFederation {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "EnableOutboundWebIdentityFederation";
    const READ_ONLY: bool = false;
    type Output = Enabled;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(Permission::on_anything("iam:EnableOutboundWebIdentityFederation", call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Enabled, Error> {
        let key = layout::outbound_federation(call.account());
        if tx.get::<OutboundFederation>(&key).await?.is_some() {
            return Err(Error::FeatureEnabled);
        }
        tx.put(&key, &OutboundFederation { enabled: call.now() })?;
        Ok(Enabled { issuer_identifier: issuer(call) })
    }
}

#[derive(Deserialize)]
struct DisableOutboundWebIdentityFederation {}

impl Operation for DisableOutboundWebIdentityFederation {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DisableOutboundWebIdentityFederation";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(Permission::on_anything("iam:DisableOutboundWebIdentityFederation", call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let key = layout::outbound_federation(call.account());
        tx.get::<OutboundFederation>(&key).await?.ok_or(Error::FeatureDisabled)?;
        Ok(tx.delete(&key)?)
    }
}

#[derive(Deserialize)]
struct GetOutboundWebIdentityFederationInfo {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    issuer_identifier: String,
    jwt_vending_enabled: bool,
}

impl Operation for GetOutboundWebIdentityFederationInfo {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetOutboundWebIdentityFederationInfo";
    const READ_ONLY: bool = true;
    type Output = Info;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(Permission::on_anything("iam:GetOutboundWebIdentityFederationInfo", call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Info, Error> {
        let found = tx.get::<OutboundFederation>(&layout::outbound_federation(call.account())).await?;
        found.ok_or(Error::FeatureDisabled)?;
        Ok(Info { issuer_identifier: issuer(call), jwt_vending_enabled: true })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SetSecurityTokenServicePreferences {
    global_endpoint_token_version: TokenVersion,
}

impl Operation for SetSecurityTokenServicePreferences {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "SetSecurityTokenServicePreferences";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(Permission::on_anything("iam:SetSecurityTokenServicePreferences", call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let preferences = TokenPreferences { global_endpoint: self.global_endpoint_token_version };
        Ok(tx.put(&layout::token_preferences(call.account()), &preferences)?)
    }
}

/// The issuer of the account's web identity tokens.
fn issuer(call: &Call<'_>) -> String {
    account_issuer(call.broker.keys.ring().issuer(), call.account())
}
