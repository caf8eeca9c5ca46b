//! Where a managed policy is used, seen from the policy: one record per use, and how many there are.
//!
//! Both are written in the transaction that writes the entity. The number stands in a record that every use changes and that
//! `DeletePolicy` deletes, so a policy cannot be deleted while somebody begins to use it.

use crate::identity::{PolicyUsage, PolicyUse};
use crate::ops::{Call, Error};
use crate::store::{Tx, layout};
use crate::types::PolicyName;

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

/// Writes down that an entity begins to use a policy, which must not be written down yet. The commit expects the policy to be as
/// this transaction has read it.
pub(super) async fn begin(
    tx: &mut Tx,
    call: &Call<'_>,
    policy: &PolicyName,
    usage: Usage,
    (kind, folded_name): (&str, &str),
) -> Result<(), Error> {
    tx.require_unchanged(&layout::policy(call.account(), policy));
    let used_by = PolicyUse { name: folded_name.to_owned() };
    tx.put(&layout::policy_use(call.account(), policy, usage.as_str(), kind, folded_name), &used_by)?;
    count(tx, call, policy, usage, 1).await
}

/// Writes down that an entity does not use a policy any more, which must have been written down.
pub(super) async fn end(
    tx: &mut Tx,
    call: &Call<'_>,
    policy: &PolicyName,
    usage: Usage,
    (kind, folded_name): (&str, &str),
) -> Result<(), Error> {
    tx.delete(&layout::policy_use(call.account(), policy, usage.as_str(), kind, folded_name))?;
    count(tx, call, policy, usage, -1).await
}

async fn count(tx: &mut Tx, call: &Call<'_>, policy: &PolicyName, usage: Usage, change: i64) -> Result<(), Error> {
    let key = layout::policy_usage(call.account(), policy);
    let mut found = tx.get::<PolicyUsage>(&key).await?.unwrap_or_default();
    let count = usage.count(&mut found);
    *count = count.saturating_add_signed(change);
    Ok(tx.put(&key, &found)?)
}
