//! Resource types: which actions there are on resources of a type, so that a search for actions knows what to look for.

use serde_json::{Value, json};

use super::stored;
use crate::decision::Permit;
use crate::ops::own::OwnOperation;
use crate::ops::{Call, Error, Permission};
use crate::store::Tx;
use crate::types::{ActionName, Arn, ResourceTypeName};

/// A permission on a type: `arn:aws:brevet::ACCOUNT:resource-type/NAME`.
fn on_type(action: &str, name: &ResourceTypeName, call: &Call<'_>) -> Result<Permission, Error> {
    let text = format!("arn:{}:brevet::{}:resource-type/{name}", call.realm().partition, call.account());
    let arn: Arn = text.parse().map_err(|_| Error::Internal(format!("{text} is no ARN")))?;
    Ok(Permission::on(action, &arn, call.account()))
}

/// Declares a type, in place of the one of that name.
#[derive(Debug)]
pub struct PutResourceType {
    /// Its name.
    pub name: ResourceTypeName,
    /// What can be done.
    pub actions: Vec<ActionName>,
}

impl OwnOperation for PutResourceType {
    const NAME: &'static str = "PutResourceType";
    const READ_ONLY: bool = false;

    fn parameters(&self) -> Value {
        json!({ "type": self.name, "actions": self.actions })
    }

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Permission>, Error> {
        Ok(vec![on_type("brevet:PutResourceType", &self.name, call)?])
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Value, Error> {
        let made = stored::put_type(tx, call.account(), &self.name, &self.actions, call.now()).await?;
        Ok(stored::shown_type(&made))
    }
}

/// Forgets a type; its resources stay.
#[derive(Debug)]
pub struct DeleteResourceType {
    /// Its name.
    pub name: ResourceTypeName,
}

impl OwnOperation for DeleteResourceType {
    const NAME: &'static str = "DeleteResourceType";
    const READ_ONLY: bool = false;

    fn parameters(&self) -> Value {
        json!({ "type": self.name })
    }

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Permission>, Error> {
        Ok(vec![on_type("brevet:DeleteResourceType", &self.name, call)?])
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Value, Error> {
        let deleted = stored::delete_type(tx, call.account(), &self.name).await?;
        Ok(json!({ "deleted": deleted.name }))
    }
}

/// Lists the account's types: all of them, as there are few.
#[derive(Debug)]
pub struct ListResourceTypes;

impl OwnOperation for ListResourceTypes {
    const NAME: &'static str = "ListResourceTypes";
    const READ_ONLY: bool = true;

    fn parameters(&self) -> Value {
        json!({})
    }

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Permission>, Error> {
        Ok(vec![Permission::on_anything("brevet:ListResourceTypes", call.account())])
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Value, Error> {
        let types: Vec<Value> = stored::types(tx, call.account()).await?.iter().map(stored::shown_type).collect();
        Ok(json!({ "types": types }))
    }
}
