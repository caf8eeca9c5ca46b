//! Whose access keys and signing certificates an operation is about: a user's, or those of the account's root user.

use super::common::{find_user, user_resource};
use crate::decision::Identity;
use crate::identity::{Account, KeyOwner, User};
use crate::ops::{Call, Demand, Error, Permission};
use crate::store::{Tx, layout};
use crate::types::{AccessKeyId, UserName};

/// Whose they are, as the request says it.
pub(super) enum Owner {
    Root,
    User(UserName),
}

impl Owner {
    /// Without a user name it is the caller, or the user that the caller's session belongs to.
    pub(super) fn of(name: Option<&UserName>, call: &Call<'_>) -> Result<Self, Error> {
        match (name, call.caller.identity()) {
            (Some(name), _) | (None, Identity::User(name)) => Ok(Self::User(name.clone())),
            (None, Identity::Root) => Ok(Self::Root),
            (None, Identity::Role(_)) => {
                Err(Error::Validation("Must specify userName when calling with non-User credentials".to_owned()))
            }
        }
    }

    /// The permission to do something to them.
    pub(super) async fn demand(&self, action: &str, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(match self {
            Self::Root => Permission::on(action, &call.realm().root(call.account()), call.account()),
            Self::User(name) => {
                let (arn, tags) = user_resource(tx, call, name).await?;
                Permission::on(action, &arn, call.account()).with_resource_tags(tags.as_slice())
            }
        }
        .into())
    }
}

/// The record that lists what they have.
pub(super) enum Signer {
    Root(Box<Account>),
    User(Box<User>),
}

impl Signer {
    pub(super) async fn find(owner: &Owner, call: &Call<'_>, tx: &mut Tx) -> Result<Self, Error> {
        Ok(match owner {
            Owner::User(name) => Self::User(Box::new(find_user(tx, call, name).await?)),
            Owner::Root => {
                let account = tx.get::<Account>(&layout::account(call.account())).await?;
                Self::Root(Box::new(account.ok_or(Error::NoPrincipal)?))
            }
        })
    }

    /// The ids of the access keys, oldest first.
    pub(super) fn access_keys(&mut self) -> &mut Vec<AccessKeyId> {
        match self {
            Self::Root(account) => &mut account.root_access_keys,
            Self::User(user) => &mut user.access_keys,
        }
    }

    /// The ids of the signing certificates.
    pub(super) fn certificates(&mut self) -> &mut Vec<String> {
        match self {
            Self::Root(account) => &mut account.root_signing_certificates,
            Self::User(user) => &mut user.credentials.signing_certificates,
        }
    }

    pub(super) fn owner(&self) -> KeyOwner {
        match self {
            Self::Root(_) => KeyOwner::Root,
            Self::User(user) => KeyOwner::User(user.name.clone()),
        }
    }

    /// The root user has no name.
    pub(super) fn name(&self) -> Option<String> {
        match self {
            Self::Root(_) => None,
            Self::User(user) => Some(user.name.to_string()),
        }
    }

    pub(super) fn put(&self, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        match self {
            Self::Root(account) => tx.put(&layout::account(account.id), &**account)?,
            Self::User(user) => tx.put(&layout::user(call.account(), &user.name), &**user)?,
        }
        Ok(())
    }
}
