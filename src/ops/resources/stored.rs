//! Stored resources and types in a transaction, whoever writes them: a caller at the door, or an operator on the store itself.

use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::identity::{ResourceOwner, ResourcePolicy, ResourceType, StoredResource, quota};
use crate::ops::{Error, principals};
use crate::policy::{Document, Kind};
use crate::store::{Tx, layout};
use crate::types::{AccountId, ActionName, Realm, ResourceArn, ResourceTypeName, Tags};

/// What is to be stored of a resource. What is absent stays as it is.
#[derive(Clone, Debug)]
pub struct Change {
    /// Of which resource.
    pub arn: ResourceArn,
    /// All its attributes.
    pub attributes: Option<Tags>,
    /// Its policy, or that it has none any more.
    pub policy: Option<Option<String>>,
}

/// The account that owns what is stored under an ARN, or would own it: the one that the ARN names, or else whoever has stored it.
///
/// # Errors
/// The store cannot be read.
pub(super) async fn owner(tx: &mut Tx, arn: &ResourceArn) -> Result<Option<AccountId>, Error> {
    if let Some(account) = arn.account() {
        return Ok(Some(account));
    }
    Ok(tx.get::<ResourceOwner>(&layout::resource_owner(arn)).await?.map(|owner| owner.account))
}

/// What an account has stored of a resource.
///
/// # Errors
/// `NoSuchEntity`, or the store cannot be read.
pub async fn find(tx: &mut Tx, account: AccountId, arn: &ResourceArn) -> Result<StoredResource, Error> {
    let found = tx.get::<StoredResource>(&layout::resource(account, arn)).await?;
    found.ok_or_else(|| Error::NoSuchEntity(format!("The resource {arn} is not stored.")))
}

/// Stages a change for `account`, which may have `room` resources.
///
/// # Errors
/// The resource is another account's, the policy is none, or a quota is used up.
pub async fn put(
    tx: &mut Tx,
    realm: &Realm,
    account: AccountId,
    room: u64,
    change: &Change,
    now: Timestamp,
) -> Result<StoredResource, Error> {
    let arn = &change.arn;
    if arn.arn().partition() != realm.partition {
        return Err(Error::Validation(format!("The partition of {arn} must be {}.", realm.partition)));
    }
    match owner(tx, arn).await? {
        Some(owner) if owner != account => {
            return Err(Error::EntityAlreadyExists(format!("The resource {arn} belongs to another account.")));
        }
        Some(_) => {}
        None => tx.create(&layout::resource_owner(arn), &ResourceOwner { account })?,
    }
    let key = layout::resource(account, arn);
    let mut stored = match tx.get::<StoredResource>(&key).await? {
        Some(stored) => stored,
        None if tx.count(&layout::resources(account)).await? >= room => {
            return Err(Error::quota("ResourcesPerAccount", room));
        }
        None => {
            StoredResource { arn: arn.clone(), created: now, changed: now, attributes: Tags::default(), policy: None }
        }
    };
    stored.changed = now;
    if let Some(attributes) = &change.attributes {
        stored.attributes = attributes.clone();
    }
    if let Some(policy) = &change.policy {
        stored.policy = match policy {
            Some(document) => Some(read_policy(document, realm, tx).await?),
            None => None,
        };
    }
    tx.put(&key, &stored)?;
    Ok(stored)
}

async fn read_policy(document: &str, realm: &Realm, tx: &mut Tx) -> Result<ResourcePolicy, Error> {
    if quota::policy_size(document) > quota::RESOURCE_POLICY_SIZE {
        return Err(Error::quota("PolicySizePerResource", quota::RESOURCE_POLICY_SIZE));
    }
    let parsed =
        Document::parse(document, Kind::Resource).map_err(|error| Error::MalformedPolicyDocument(error.to_string()))?;
    let in_force = principals::in_force(document, &parsed, realm, tx).await?;
    Ok(ResourcePolicy { document: document.to_owned(), in_force })
}

/// Stages that nothing is stored of a resource of `account` any more.
///
/// # Errors
/// Nothing was, or the store cannot be read.
pub async fn delete(tx: &mut Tx, account: AccountId, arn: &ResourceArn) -> Result<StoredResource, Error> {
    let stored = find(tx, account, arn).await?;
    tx.delete(&layout::resource(account, arn))?;
    if arn.account().is_none() {
        tx.delete(&layout::resource_owner(arn))?;
    }
    Ok(stored)
}

/// Stages a resource type of an account, in place of the one of that name.
///
/// # Errors
/// A quota is used up, or the store cannot be read.
pub async fn put_type(
    tx: &mut Tx,
    account: AccountId,
    name: &ResourceTypeName,
    actions: &[ActionName],
    now: Timestamp,
) -> Result<ResourceType, Error> {
    if actions.len() > quota::ACTIONS_PER_RESOURCE_TYPE {
        return Err(Error::quota("ActionsPerResourceType", quota::ACTIONS_PER_RESOURCE_TYPE));
    }
    let key = layout::resource_type(account, name);
    let is_new = tx.get::<ResourceType>(&key).await?.is_none();
    if is_new && tx.count(&layout::resource_types(account)).await? >= quota::RESOURCE_TYPES {
        return Err(Error::quota("ResourceTypesPerAccount", quota::RESOURCE_TYPES));
    }
    let made = ResourceType { name: name.clone(), actions: actions.iter().cloned().collect(), changed: now };
    tx.put(&key, &made)?;
    Ok(made)
}

/// Stages that an account has no type of this name any more.
///
/// # Errors
/// It had none, or the store cannot be read.
pub async fn delete_type(tx: &mut Tx, account: AccountId, name: &ResourceTypeName) -> Result<ResourceType, Error> {
    let key = layout::resource_type(account, name);
    let found = tx.get::<ResourceType>(&key).await?;
    let found = found.ok_or_else(|| Error::NoSuchEntity(format!("The resource type {name} is not declared.")))?;
    tx.delete(&key)?;
    Ok(found)
}

/// The types of an account, in the order of their names: bounded by their quota.
///
/// # Errors
/// The store cannot be read.
pub async fn types(tx: &mut Tx, account: AccountId) -> Result<Vec<ResourceType>, Error> {
    let most = usize::try_from(quota::RESOURCE_TYPES).unwrap_or(usize::MAX);
    // Declared at one moment, a few more may have come in.
    let found = tx.scan::<ResourceType>(&layout::resource_types(account).children(), most.saturating_mul(2)).await?;
    Ok(found.into_iter().map(|(_, found)| found).collect())
}

/// A stored resource as answers show it, without its policy's text.
pub fn shown(account: AccountId, stored: &StoredResource) -> Value {
    json!({
        "arn": stored.arn,
        "account": account.to_string(),
        "attributes": attributes_shown(&stored.attributes),
        "hasPolicy": stored.policy.is_some(),
        "created": stored.created.iso8601(),
        "changed": stored.changed.iso8601(),
    })
}

pub(super) fn attributes_shown(attributes: &Tags) -> Map<String, Value> {
    attributes.iter().map(|tag| (tag.key.clone(), Value::from(tag.value.as_str()))).collect()
}

/// A resource type as answers show it.
pub fn shown_type(found: &ResourceType) -> Value {
    json!({ "type": found.name, "actions": found.actions, "changed": found.changed.iso8601() })
}
