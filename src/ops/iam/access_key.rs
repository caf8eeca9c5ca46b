//! `CreateAccessKey`, `ListAccessKeys`, `UpdateAccessKey`, `DeleteAccessKey`.
//!
//! Without a user name each of them is about the caller, or about the user that the caller's session belongs to.

use serde::{Deserialize, Serialize};

use super::common::{page, page_of};
use super::signer::{Owner, Signer};
use crate::decision::Permit;
use crate::identity::{AccessKey, KeyStatus, quota};
use crate::ops::{Call, Demand, Error, Operation, Registry};
use crate::store::{Tx, layout};
use crate::types::{AccessKeyId, UserName, random_token};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<CreateAccessKey>().add::<ListAccessKeys>().add::<UpdateAccessKey>().add::<DeleteAccessKey>();
}

/// Random bytes of a secret access key: 40 characters of Base64, as AWS's have.
const SECRET_BYTES: usize = 30;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateAccessKey {
    user_name: Option<UserName>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NewKey {
    access_key: KeyWithSecret,
}

/// The one answer that carries the secret.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeyWithSecret {
    user_name: Option<String>,
    access_key_id: String,
    status: KeyStatus,
    secret_access_key: String,
    create_date: String,
}

impl Operation for CreateAccessKey {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateAccessKey";
    const READ_ONLY: bool = false;
    type Output = NewKey;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Owner::of(self.user_name.as_ref(), call)?.demand("iam:CreateAccessKey", call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<NewKey, Error> {
        let mut holder = Signer::find(&Owner::of(self.user_name.as_ref(), call)?, call, tx).await?;
        if holder.access_keys().len() >= quota::ACCESS_KEYS_PER_USER {
            return Err(Error::quota("AccessKeysPerUser", quota::ACCESS_KEYS_PER_USER));
        }
        let random = &*call.broker.random;
        let id = AccessKeyId::long_lived(call.account(), random);
        let secret = random_token(SECRET_BYTES, random);
        let context = ["access-key", id.as_str(), "secret"];
        let key = AccessKey {
            id: id.clone(),
            account: call.account(),
            owner: holder.owner(),
            status: KeyStatus::Active,
            created: call.now(),
            secret: call.broker.vault.seal(call.account(), &context, secret.expose().as_bytes()).await?,
        };
        holder.access_keys().push(id.clone());
        tx.create(&layout::access_key(&id), &key)?;
        holder.put(call, tx)?;
        Ok(NewKey {
            access_key: KeyWithSecret {
                user_name: holder.name(),
                access_key_id: id.to_string(),
                status: key.status,
                secret_access_key: secret.expose().to_owned(),
                create_date: key.created.iso8601(),
            },
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListAccessKeys {
    user_name: Option<UserName>,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeyPage {
    access_key_metadata: Vec<KeyMetadata>,
    is_truncated: bool,
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeyMetadata {
    user_name: Option<String>,
    access_key_id: String,
    status: KeyStatus,
    create_date: String,
}

impl Operation for ListAccessKeys {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListAccessKeys";
    const READ_ONLY: bool = true;
    type Output = KeyPage;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Owner::of(self.user_name.as_ref(), call)?.demand("iam:ListAccessKeys", call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<KeyPage, Error> {
        let mut holder = Signer::find(&Owner::of(self.user_name.as_ref(), call)?, call, tx).await?;
        let page = page(self.marker.as_deref(), self.max_items)?;
        let mut ids = std::mem::take(holder.access_keys());
        ids.sort();
        let (ids, tail) = page_of(ids, &page, ToString::to_string);
        let mut keys = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(key) = tx.get::<AccessKey>(&layout::access_key(&id)).await? {
                keys.push(KeyMetadata {
                    user_name: holder.name(),
                    access_key_id: id.to_string(),
                    status: key.status,
                    create_date: key.created.iso8601(),
                });
            }
        }
        Ok(KeyPage { access_key_metadata: keys, is_truncated: tail.is_truncated, marker: tail.marker })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateAccessKey {
    user_name: Option<UserName>,
    access_key_id: AccessKeyId,
    status: String,
}

impl Operation for UpdateAccessKey {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateAccessKey";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Owner::of(self.user_name.as_ref(), call)?.demand("iam:UpdateAccessKey", call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let mut holder = Signer::find(&Owner::of(self.user_name.as_ref(), call)?, call, tx).await?;
        let mut key = find_key(&mut holder, &self.access_key_id, tx).await?;
        key.status = match self.status.as_str() {
            "Active" => KeyStatus::Active,
            "Inactive" => KeyStatus::Inactive,
            other => return Err(Error::InvalidInput(format!("An access key cannot be given the status {other}."))),
        };
        Ok(tx.put(&layout::access_key(&self.access_key_id), &key)?)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteAccessKey {
    user_name: Option<UserName>,
    access_key_id: AccessKeyId,
}

impl Operation for DeleteAccessKey {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteAccessKey";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Owner::of(self.user_name.as_ref(), call)?.demand("iam:DeleteAccessKey", call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let mut holder = Signer::find(&Owner::of(self.user_name.as_ref(), call)?, call, tx).await?;
        find_key(&mut holder, &self.access_key_id, tx).await?;
        holder.access_keys().retain(|id| *id != self.access_key_id);
        holder.put(call, tx)?;
        tx.delete(&layout::key_use(&self.access_key_id))?;
        Ok(tx.delete(&layout::access_key(&self.access_key_id))?)
    }
}

/// A key of this holder; another's key does not exist for it.
async fn find_key(holder: &mut Signer, id: &AccessKeyId, tx: &mut Tx) -> Result<AccessKey, Error> {
    let missing = || Error::NoSuchEntity(format!("The Access Key with id {id} cannot be found."));
    if !holder.access_keys().contains(id) {
        return Err(missing());
    }
    tx.get::<AccessKey>(&layout::access_key(id)).await?.ok_or_else(missing)
}
