//! What the authorizer is asked: an action on a resource, and what is known of the resource.

use std::sync::LazyLock;

use crate::policy::{Context, PolicySet};
use crate::types::{AccountId, Tags};

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Such as `iam:CreateUser`.
    pub action: &'a str,
    /// The resource's ARN, or `*`.
    pub resource: &'a str,
    /// The account that owns the resource; `None` for one that no account owns.
    pub resource_account: Option<AccountId>,
    /// Condition keys of the service, beside the global ones.
    pub keys: &'a Context,
    /// What is stored of the resource, if anything is: `aws:ResourceTag/...` is this and nothing else then.
    pub attributes: Option<&'a Tags>,
    /// What the resource itself says.
    pub consent: Consent<'a>,
    /// Whether it may be decided on what is known although the store has been out of reach for longer than the staleness bound, if the
    /// operator chose that. What the broker itself does never may.
    pub degraded: bool,
}

/// The policy of the resource that is asked about.
#[derive(Clone, Copy, Debug, Default)]
pub enum Consent<'a> {
    /// It has none.
    #[default]
    None,
    /// The trust policy of a role, which must agree to its being taken on.
    Trust(&'a PolicySet),
    /// A policy of the resource's own: one that the broker keeps, or one that came with the question.
    Policy(&'a PolicySet),
}

impl<'a> Asked<'a> {
    /// May this be done with that: a question without condition keys of its own.
    pub fn plain(action: &'a str, resource: &'a str, resource_account: Option<AccountId>) -> Self {
        static NO_KEYS: LazyLock<Context> = LazyLock::new(Context::new);
        Self {
            action,
            resource,
            resource_account,
            keys: &NO_KEYS,
            attributes: None,
            consent: Consent::None,
            degraded: false,
        }
    }
}
