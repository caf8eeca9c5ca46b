//! Where an account uses a managed policy, its own or one of AWS's, seen from the policy: one record per use, and how many there are.
//!
//! Both are written in the transaction that writes the entity. The number stands in a record that every use changes and that
//! `DeletePolicy` deletes, so a policy cannot be deleted while somebody begins to use it.

use super::common::policy_name;
use crate::identity::{AwsPolicy, PolicyUsage, PolicyUse};
use crate::ops::{Call, Error};
use crate::store::{Key, Tx, layout};
use crate::types::{AccountId, Arn, PolicyName};

/// How an entity uses a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usage {
    /// Its permissions come from it.
    Attached,
    /// It bounds the entity's permissions.
    Boundary,
}

impl Usage {
    /// The word in the keys of the store.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Attached => "attached",
            Self::Boundary => "boundary",
        }
    }

    fn count(self, usage: &mut PolicyUsage) -> &mut u64 {
        match self {
            Self::Attached => &mut usage.attachments,
            Self::Boundary => &mut usage.boundaries,
        }
    }
}

/// A policy as the records of its uses name it: the account may have one that is called like one of AWS's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum UsedPolicy {
    /// The account's own.
    Own(PolicyName),
    /// AWS's.
    Aws(PolicyName),
}

impl UsedPolicy {
    /// The policy of an ARN that stands in an entity.
    pub(super) fn of(call: &Call<'_>, arn: &Arn) -> Option<Self> {
        if AwsPolicy::owns(arn) {
            return Some(Self::Aws(arn.name_of_kind("policy")?.parse().ok()?));
        }
        policy_name(call, arn).map(Self::Own)
    }

    /// Where it is counted how often the account uses it.
    pub(super) fn count_key(&self, account: AccountId) -> Key {
        match self {
            Self::Own(name) => layout::policy_usage(account, name),
            Self::Aws(name) => layout::aws_policy_usage(account, name),
        }
    }

    /// What the entities of a kind lie below that use it in one way.
    pub(super) fn uses(&self, account: AccountId, usage: &str, kind: &str) -> Key {
        match self {
            Self::Own(name) => layout::policy_uses(account, name, usage, kind),
            Self::Aws(name) => layout::aws_policy_uses(account, name, usage, kind),
        }
    }
}

/// Writes down that an entity begins to use a policy, which must not be written down yet. The commit expects a policy of the account
/// to be as this transaction has read it; AWS's do not change.
pub(super) async fn begin(
    tx: &mut Tx,
    call: &Call<'_>,
    policy: &UsedPolicy,
    usage: Usage,
    (kind, folded_name): (&str, &str),
) -> Result<(), Error> {
    if let UsedPolicy::Own(name) = policy {
        tx.require_unchanged(&layout::policy(call.account(), name));
    }
    let used_by = PolicyUse { name: folded_name.to_owned() };
    tx.put(&policy.uses(call.account(), usage.as_str(), kind).child(folded_name), &used_by)?;
    count(tx, call, policy, usage, 1).await
}

/// Writes down that an entity does not use a policy any more, which must have been written down.
pub(super) async fn end(
    tx: &mut Tx,
    call: &Call<'_>,
    policy: &UsedPolicy,
    usage: Usage,
    (kind, folded_name): (&str, &str),
) -> Result<(), Error> {
    tx.delete(&policy.uses(call.account(), usage.as_str(), kind).child(folded_name))?;
    count(tx, call, policy, usage, -1).await
}

async fn count(tx: &mut Tx, call: &Call<'_>, policy: &UsedPolicy, usage: Usage, change: i64) -> Result<(), Error> {
    let key = policy.count_key(call.account());
    let mut found = tx.get::<PolicyUsage>(&key).await?.unwrap_or_default();
    let count = usage.count(&mut found);
    *count = count.saturating_add_signed(change);
    Ok(tx.put(&key, &found)?)
}
