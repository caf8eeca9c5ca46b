//! The central management of root users: `EnableOrganizationsRootCredentialsManagement`,
//! `DisableOrganizationsRootCredentialsManagement`, `EnableOrganizationsRootSessions`, `DisableOrganizationsRootSessions`,
//! `ListOrganizationsFeatures`.
//!
//! The switches are the management account's. What they do is done elsewhere: an operation on another account's root user asks
//! [`Organization::allows`].

use serde::{Deserialize, Serialize};

use crate::decision::Permit;
use crate::identity::{Organization, RootFeature};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::store::{Tx, layout};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<EnableOrganizationsRootCredentialsManagement>();
    registry.add::<DisableOrganizationsRootCredentialsManagement>();
    registry.add::<EnableOrganizationsRootSessions>().add::<DisableOrganizationsRootSessions>();
    registry.add::<ListOrganizationsFeatures>();
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Features {
    organization_id: String,
    enabled_features: Vec<RootFeature>,
}

impl From<Organization> for Features {
    fn from(organization: Organization) -> Self {
        Self { organization_id: organization.id, enabled_features: organization.root_features.into_iter().collect() }
    }
}

/// An operation that switches a feature. Doing so twice does not fail.
macro_rules! switch {
    ($operation:ident, $feature:ident => on) => {
        switch!($operation, Error::CallerIsNotManagementAccount, |features| features.insert(RootFeature::$feature));
    };
    ($operation:ident, $feature:ident => off) => {
        switch!($operation, Error::NotManagementAccount, |features| features.remove(&RootFeature::$feature));
    };
    ($operation:ident, $stranger:expr, |$features:ident| $change:expr) => {
        #[derive(Deserialize)]
        struct $operation {}

        impl Operation for $operation {
            const SERVICE: Service = Service::Iam;
            const NAME: &'static str = stringify!($operation);
            const READ_ONLY: bool = false;
            type Output = Features;

            async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
                Ok(Permission::on_anything(concat!("iam:", stringify!($operation)), call.account()).into())
            }

            async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Features, Error> {
                let mut organization = managed(call, tx, $stranger).await?;
                let $features = &mut organization.root_features;
                if $change {
                    tx.put(&layout::organization(), &organization)?;
                }
                Ok(organization.into())
            }
        }
    };
}

switch!(EnableOrganizationsRootCredentialsManagement, RootCredentialsManagement => on);
switch!(DisableOrganizationsRootCredentialsManagement, RootCredentialsManagement => off);
switch!(EnableOrganizationsRootSessions, RootSessions => on);
switch!(DisableOrganizationsRootSessions, RootSessions => off);

#[derive(Deserialize)]
struct ListOrganizationsFeatures {}

impl Operation for ListOrganizationsFeatures {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListOrganizationsFeatures";
    const READ_ONLY: bool = true;
    type Output = Features;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(Permission::on_anything("iam:ListOrganizationsFeatures", call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Features, Error> {
        Ok(managed(call, tx, Error::NotManagementAccount).await?.into())
    }
}

/// The organization, for its management account; `stranger` is what other accounts are told.
async fn managed(call: &Call<'_>, tx: &mut Tx, stranger: Error) -> Result<Organization, Error> {
    let found = tx.get::<Organization>(&layout::organization()).await?;
    let organization = found.ok_or(Error::NoOrganization)?;
    if organization.management_account == call.account() { Ok(organization) } else { Err(stranger) }
}
