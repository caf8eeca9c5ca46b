//! A managed policy, whether the account's own or AWS's, for the operations that look at it or use it.

use super::common::find_policy;
use super::policy_use::UsedPolicy;
use crate::identity::{AwsPolicy, ManagedPolicy, PolicyUsage};
use crate::ops::{Call, Error};
use crate::store::Tx;
use crate::types::{Arn, Tag};

/// What a policy's ARN has led to.
pub(super) enum AnyPolicy {
    Own(Box<ManagedPolicy>),
    Aws(&'static AwsPolicy),
}

/// The managed policy of an ARN that the account may use.
pub(super) async fn find_any(tx: &mut Tx, call: &Call<'_>, arn: &Arn) -> Result<AnyPolicy, Error> {
    match aws_policy(call, arn) {
        Some(policy) => Ok(AnyPolicy::Aws(policy)),
        None => find_policy(tx, call, arn).await.map(|policy| AnyPolicy::Own(Box::new(policy))),
    }
}

/// AWS's policy of an ARN, which must be in the installation's partition.
pub(super) fn aws_policy(call: &Call<'_>, arn: &Arn) -> Option<&'static AwsPolicy> {
    AwsPolicy::named_by(arn).filter(|_| arn.partition() == call.realm().partition)
}

/// The account's own policy of an ARN, to change it: nobody but AWS changes AWS's.
pub(super) async fn find_changeable(tx: &mut Tx, call: &Call<'_>, arn: &Arn) -> Result<ManagedPolicy, Error> {
    match find_any(tx, call, arn).await? {
        AnyPolicy::Own(policy) => Ok(*policy),
        AnyPolicy::Aws(_) => {
            Err(Error::Forbidden(format!("Policy {arn} is an AWS managed policy and cannot be changed.")))
        }
    }
}

impl AnyPolicy {
    /// Its tags; AWS's have none.
    pub(super) fn tags(&self) -> &[Tag] {
        match self {
            Self::Own(policy) => policy.tags.as_slice(),
            Self::Aws(_) => &[],
        }
    }

    /// How often the account uses it.
    pub(super) async fn usage(&self, arn: &Arn, call: &Call<'_>, tx: &mut Tx) -> Result<PolicyUsage, Error> {
        let Some(used) = UsedPolicy::of(call, arn) else { return Ok(PolicyUsage::default()) };
        Ok(tx.get::<PolicyUsage>(&used.count_key(call.account())).await?.unwrap_or_default())
    }
}
