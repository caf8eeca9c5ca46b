//! `GetAccessKeyLastUsed`: when, for which service and in which region a key last signed a request.

use serde::{Deserialize, Serialize};

use super::common::user_resource;
use crate::decision::Permit;
use crate::identity::{AccessKey, KeyOwner};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::store::{Tx, layout};
use crate::types::AccessKeyId;
use crate::usage;
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<GetAccessKeyLastUsed>();
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetAccessKeyLastUsed {
    access_key_id: AccessKeyId,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeyLastUsed {
    user_name: Option<String>,
    access_key_last_used: LastUsed,
}

/// A key that was not used has no date, and `N/A` for the others.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LastUsed {
    last_used_date: Option<String>,
    service_name: String,
    region: String,
}

impl Operation for GetAccessKeyLastUsed {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetAccessKeyLastUsed";
    const READ_ONLY: bool = true;
    type Output = KeyLastUsed;

    /// The key's owner is the resource. Who asks for a key that is not there must be allowed to ask for any.
    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let action = "iam:GetAccessKeyLastUsed";
        let permission = match self.find(call, tx).await?.map(|key| key.owner) {
            None => Permission::on_anything(action, call.account()),
            Some(KeyOwner::Root) => Permission::on(action, &call.realm().root(call.account()), call.account()),
            Some(KeyOwner::User(name)) => {
                let (arn, tags) = user_resource(tx, call, &name).await?;
                Permission::on(action, &arn, call.account()).with_resource_tags(tags.as_slice())
            }
        };
        Ok(permission.into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<KeyLastUsed, Error> {
        let missing = || Error::NoSuchEntity(format!("The Access Key with id {} cannot be found.", self.access_key_id));
        let key = self.find(call, tx).await?.ok_or_else(missing)?;
        let user_name = match key.owner {
            KeyOwner::Root => None,
            KeyOwner::User(name) => Some(name.to_string()),
        };
        let used = call.broker.usage.of_key(&key.id, tx).await?;
        let access_key_last_used = match used.filter(|used| usage::told(&used.last, call.now())) {
            Some(used) => LastUsed {
                last_used_date: Some(used.last.at.iso8601()),
                service_name: used.service,
                region: used.last.region,
            },
            None => LastUsed { last_used_date: None, service_name: "N/A".to_owned(), region: "N/A".to_owned() },
        };
        Ok(KeyLastUsed { user_name, access_key_last_used })
    }
}

impl GetAccessKeyLastUsed {
    /// The key, if it is one of the caller's account.
    async fn find(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Option<AccessKey>, Error> {
        let found = tx.get::<AccessKey>(&layout::access_key(&self.access_key_id)).await?;
        Ok(found.filter(|key| key.account == call.account()))
    }
}
