//! `CreateAccessKey`, `ListAccessKeys`, `UpdateAccessKey`, `DeleteAccessKey`.
//!
//! Without a user name each of them is about the caller, or about the user that the caller's session belongs to.

use serde::{Deserialize, Serialize};

use super::common::{find_user, page, page_of, user_resource};
use crate::decision::{Identity, Permit};
use crate::identity::{AccessKey, Account, KeyOwner, KeyStatus, User, quota};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::store::{Tx, layout};
use crate::types::{AccessKeyId, UserName, random_token};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<CreateAccessKey>().add::<ListAccessKeys>().add::<UpdateAccessKey>().add::<DeleteAccessKey>();
}

/// Random bytes of a secret access key: 40 characters of Base64, as AWS's have.
const SECRET_BYTES: usize = 30;

/// Whose keys are meant.
pub(super) enum Owner {
    Root,
    User(UserName),
}

/// Without a user name an operation is about the caller, who may be the root user.
pub(super) fn owner(name: Option<&UserName>, call: &Call<'_>) -> Result<Owner, Error> {
    match (name, call.caller.identity()) {
        (Some(name), _) | (None, Identity::User(name)) => Ok(Owner::User(name.clone())),
        (None, Identity::Root) => Ok(Owner::Root),
        (None, Identity::Role(_)) => {
            Err(Error::Validation("Must specify userName when calling with non-User credentials".to_owned()))
        }
    }
}

/// A permission on whose keys are meant.
pub(super) async fn permission(
    action: &str,
    owner: &Owner,
    call: &Call<'_>,
    tx: &mut Tx,
) -> Result<Vec<Demand>, Error> {
    Ok(match owner {
        Owner::Root => Permission::on(action, &call.realm().root(call.account()), call.account()),
        Owner::User(name) => {
            let (arn, tags) = user_resource(tx, call, name).await?;
            Permission::on(action, &arn, call.account()).with_resource_tags(tags.as_slice())
        }
    }
    .into())
}

/// The record that lists the owner's keys.
enum Holder {
    Root(Box<Account>),
    User(Box<User>),
}

impl Holder {
    async fn find(owner: &Owner, call: &Call<'_>, tx: &mut Tx) -> Result<Self, Error> {
        Ok(match owner {
            Owner::User(name) => Self::User(Box::new(find_user(tx, call, name).await?)),
            Owner::Root => {
                let account = tx.get::<Account>(&layout::account(call.account())).await?;
                Self::Root(Box::new(account.ok_or(Error::NoPrincipal)?))
            }
        })
    }

    fn keys(&mut self) -> &mut Vec<AccessKeyId> {
        match self {
            Self::Root(account) => &mut account.root_access_keys,
            Self::User(user) => &mut user.access_keys,
        }
    }

    fn owner(&self) -> KeyOwner {
        match self {
            Self::Root(_) => KeyOwner::Root,
            Self::User(user) => KeyOwner::User(user.name.clone()),
        }
    }

    fn name(&self) -> Option<String> {
        match self {
            Self::Root(_) => None,
            Self::User(user) => Some(user.name.to_string()),
        }
    }

    fn put(&self, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        match self {
            Self::Root(account) => tx.put(&layout::account(account.id), &**account)?,
            Self::User(user) => tx.put(&layout::user(call.account(), &user.name), &**user)?,
        }
        Ok(())
    }
}

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
        permission("iam:CreateAccessKey", &owner(self.user_name.as_ref(), call)?, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<NewKey, Error> {
        let mut holder = Holder::find(&owner(self.user_name.as_ref(), call)?, call, tx).await?;
        if holder.keys().len() >= quota::ACCESS_KEYS_PER_USER {
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
        holder.keys().push(id.clone());
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
        permission("iam:ListAccessKeys", &owner(self.user_name.as_ref(), call)?, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<KeyPage, Error> {
        let mut holder = Holder::find(&owner(self.user_name.as_ref(), call)?, call, tx).await?;
        let page = page(self.marker.as_deref(), self.max_items)?;
        let mut ids = std::mem::take(holder.keys());
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
        permission("iam:UpdateAccessKey", &owner(self.user_name.as_ref(), call)?, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let mut holder = Holder::find(&owner(self.user_name.as_ref(), call)?, call, tx).await?;
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
        permission("iam:DeleteAccessKey", &owner(self.user_name.as_ref(), call)?, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let mut holder = Holder::find(&owner(self.user_name.as_ref(), call)?, call, tx).await?;
        find_key(&mut holder, &self.access_key_id, tx).await?;
        holder.keys().retain(|id| *id != self.access_key_id);
        holder.put(call, tx)?;
        tx.delete(&layout::key_use(&self.access_key_id))?;
        Ok(tx.delete(&layout::access_key(&self.access_key_id))?)
    }
}

/// A key of this holder; another's key does not exist for it.
async fn find_key(holder: &mut Holder, id: &AccessKeyId, tx: &mut Tx) -> Result<AccessKey, Error> {
    let missing = || Error::NoSuchEntity(format!("The Access Key with id {id} cannot be found."));
    if !holder.keys().contains(id) {
        return Err(missing());
    }
    tx.get::<AccessKey>(&layout::access_key(id)).await?.ok_or_else(missing)
}
