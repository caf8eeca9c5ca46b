//! `PutResource` and `DeleteResource`.
//!
//! A resource's policy gives permissions, as its owner's principals' own policies do: whoever writes it needs
//! `brevet:PutResourcePolicy` beside `brevet:PutResource`.

use serde_json::{Map, Value, json};

use super::stored::{self, Change};
use crate::decision::Permit;
use crate::ops::own::OwnOperation;
use crate::ops::{Call, Error, Permission};
use crate::store::Tx;
use crate::types::{ResourceArn, Tags};

/// A permission on a resource of the caller's account. Another account's, by its ARN, is out of reach whatever policies say.
///
/// # Errors
/// The ARN names another account.
pub(super) fn on_own(action: &str, arn: &ResourceArn, call: &Call<'_>) -> Result<Permission, Error> {
    match arn.account() {
        Some(account) if account != call.account() => {
            Err(Error::Forbidden(format!("{arn} is a resource of another account.")))
        }
        _ => Ok(Permission::on(action, arn.arn(), call.account())),
    }
}

/// The attributes of what the caller's account has stored; none of what it has not.
pub(super) async fn present(arn: &ResourceArn, call: &Call<'_>, tx: &mut Tx) -> Result<Tags, Error> {
    match stored::find(tx, call.account(), arn).await {
        Ok(stored) => Ok(stored.attributes),
        Err(Error::NoSuchEntity(_)) => Ok(Tags::default()),
        Err(error) => Err(error),
    }
}

/// Stores a resource, or changes what is stored of it.
#[derive(Debug)]
pub struct PutResource(pub Change);

impl OwnOperation for PutResource {
    const NAME: &'static str = "PutResource";
    const READ_ONLY: bool = false;

    fn parameters(&self) -> Value {
        let Change { arn, attributes, policy } = &self.0;
        let mut shown = Map::new();
        shown.insert("arn".to_owned(), json!(arn));
        if let Some(attributes) = attributes {
            shown.insert("attributes".to_owned(), Value::Object(stored::attributes_shown(attributes)));
        }
        if let Some(policy) = policy {
            shown.insert("policy".to_owned(), json!(policy));
        }
        Value::Object(shown)
    }

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Permission>, Error> {
        let Change { arn, attributes, policy } = &self.0;
        let present = present(arn, call, tx).await?;
        let mut demands = vec![
            on_own("brevet:PutResource", arn, call)?
                .with_resource_tags(present.as_slice())
                .with_request_tags(attributes.as_ref().map_or(&[], |attributes| attributes.as_slice())),
        ];
        if policy.is_some() {
            demands.push(on_own("brevet:PutResourcePolicy", arn, call)?.with_resource_tags(present.as_slice()));
        }
        Ok(demands)
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Value, Error> {
        let (account, room) = (call.account(), call.broker.quotas.resources);
        let stored = stored::put(tx, call.realm(), account, room, &self.0, call.now()).await?;
        Ok(stored::shown(account, &stored))
    }
}

/// Forgets a resource.
#[derive(Debug)]
pub struct DeleteResource {
    /// Which.
    pub arn: ResourceArn,
}

impl OwnOperation for DeleteResource {
    const NAME: &'static str = "DeleteResource";
    const READ_ONLY: bool = false;

    fn parameters(&self) -> Value {
        json!({ "arn": self.arn })
    }

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Permission>, Error> {
        let present = present(&self.arn, call, tx).await?;
        Ok(vec![on_own("brevet:DeleteResource", &self.arn, call)?.with_resource_tags(present.as_slice())])
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Value, Error> {
        let deleted = stored::delete(tx, call.account(), &self.arn).await?;
        Ok(json!({ "deleted": deleted.arn }))
    }
}
