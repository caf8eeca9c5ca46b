//! Principals that a policy names, put in force as what they are at the moment that it is written.
//!
//! A policy names users and roles by ARN, but means the entity that has the ARN now: when it is deleted and another of the same
//! name is made, the other is not meant. So the ARN of an entity of this installation is put in force as its unique id.
//!
//! Source: the note on deleted principals in the IAM user guide, `reference_policies_elements_principal.html`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Error;
use crate::identity::{Account, Role, User};
use crate::policy::Document;
use crate::store::{Tx, layout};
use crate::types::{Arn, Realm};

/// The text that is put in force for a document, which `parsed` is. An ARN whose account is not of this installation stays as it is.
///
/// # Errors
/// `MalformedPolicyDocument` when it names a user or role that does not exist.
pub(super) async fn in_force(document: &str, parsed: &Document, realm: &Realm, tx: &mut Tx) -> Result<String, Error> {
    let mut ids = BTreeMap::new();
    let named = parsed.statements().iter().filter_map(|statement| statement.principals.as_ref());
    for text in named.filter(|principals| !principals.negated).flat_map(|principals| &principals.aws) {
        if let Some(id) = unique_id(text, realm, tx).await? {
            ids.insert(text.clone(), id);
        }
    }
    let mut value: Value =
        serde_json::from_str(document).map_err(|error| Error::MalformedPolicyDocument(error.to_string()))?;
    match value.get_mut("Statement") {
        Some(Value::Array(statements)) => statements.iter_mut().for_each(|statement| replace(statement, &ids)),
        Some(statement) => replace(statement, &ids),
        None => {}
    }
    Ok(value.to_string())
}

/// The unique id of a user or role that is named by ARN; `None` for accounts, unique ids, sessions, and entities of accounts that
/// are not of this installation.
async fn unique_id(text: &str, realm: &Realm, tx: &mut Tx) -> Result<Option<String>, Error> {
    let Ok(arn) = text.parse::<Arn>() else { return Ok(None) };
    let ours = arn.partition() == realm.partition && arn.service() == "iam";
    let Some(account) = arn.account().filter(|_| ours) else { return Ok(None) };
    let invalid = || Error::MalformedPolicyDocument(format!("Invalid principal in policy: \"AWS\":\"{text}\""));
    let user = arn.name_of_kind("user").map(str::parse);
    let role = arn.name_of_kind("role").map(str::parse);
    if user.is_none() && role.is_none() || tx.get::<Account>(&layout::account(account)).await?.is_none() {
        return Ok(None);
    }
    let found = if let Some(name) = user {
        let user = tx.get::<User>(&layout::user(account, &name.map_err(|_| invalid())?)).await?;
        user.filter(|user| user.arn(realm, account) == arn).map(|user| user.id)
    } else if let Some(name) = role {
        let role = tx.get::<Role>(&layout::role(account, &name.map_err(|_| invalid())?)).await?;
        role.filter(|role| role.arn(realm, account) == arn).map(|role| role.id)
    } else {
        None
    };
    found.map(|id| Some(id.to_string())).ok_or_else(invalid)
}

fn replace(statement: &mut Value, ids: &BTreeMap<String, String>) {
    match statement.pointer_mut("/Principal/AWS") {
        Some(Value::Array(values)) => values.iter_mut().for_each(|value| replace_text(value, ids)),
        Some(value) => replace_text(value, ids),
        None => {}
    }
}

fn replace_text(value: &mut Value, ids: &BTreeMap<String, String>) {
    if let Some(id) = value.as_str().and_then(|text| ids.get(text)) {
        *value = Value::from(id.as_str());
    }
}
