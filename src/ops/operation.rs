//! What an operation is: its input, what it asks to be allowed, and what it does.

use std::future::Future;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Error;
use super::call::Call;
use crate::decision::Permit;
use crate::policy::{Context, PolicySet, Value};
use crate::store::Tx;
use crate::types::{AccountId, Arn};
use crate::wire::model::Service;

/// An operation is its input struct. The pipeline (`ops/pipeline.rs`) runs the phases that all have in common, so that none
/// can be forgotten: decode, authenticate, find the resource, authorize, run, audit, encode.
pub trait Operation: DeserializeOwned + Send + Sync + 'static {
    /// `iam` or `sts`.
    const SERVICE: Service;
    /// The name on the wire, such as `CreateUser`.
    const NAME: &'static str;
    /// Whether it only reads; recorded in the audit trail, and such operations commit nothing.
    const READ_ONLY: bool;
    /// What it answers; `()` for nothing.
    type Output: Serialize + Send + 'static;

    /// The second factor that the caller proves in this very request: serial number and code.
    fn second_factor(&self) -> Option<SecondFactor<'_>> {
        None
    }

    /// Finds the resource and says what must be allowed. It may read but must not write.
    fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> impl Future<Output = Result<Vec<Demand>, Error>> + Send;

    /// Does it. Writes are staged in `tx`; the pipeline commits them together with the audit record, and runs the operation
    /// again if somebody else changed what it had read.
    fn run(
        &self,
        permit: &Permit,
        call: &Call<'_>,
        tx: &mut Tx,
    ) -> impl Future<Output = Result<Self::Output, Error>> + Send;

    /// What follows once its writes are durable; for most nothing. The caller waits for it, so what takes long is spawned.
    fn committed(&self, _call: &Call<'_>, _output: &Self::Output) {}
}

/// Serial number and code, as the caller gave them.
#[derive(Clone, Copy)]
pub struct SecondFactor<'a> {
    /// The device's serial number: its ARN.
    pub serial: &'a str,
    /// Six digits.
    pub code: &'a str,
}

/// One thing that must be allowed.
pub enum Demand {
    /// Everybody who is authenticated may; AWS asks no permission either.
    Authenticated,
    /// A permission on a resource.
    Permission(Box<Permission>),
}

/// An action on a resource.
pub struct Permission {
    /// Such as `iam:CreateUser`.
    pub action: String,
    /// The resource's ARN, or `*`.
    pub resource: String,
    /// Who owns it.
    pub account: Option<AccountId>,
    /// The service's condition keys.
    pub keys: Context,
    /// The trust policy that must agree.
    pub trust: Option<Arc<PolicySet>>,
}

impl Permission {
    /// An action on one resource of an account.
    pub fn on(action: &str, resource: &Arn, account: AccountId) -> Self {
        Self {
            action: action.to_owned(),
            resource: resource.to_string(),
            account: Some(account),
            keys: Context::new(),
            trust: None,
        }
    }

    /// An action that has no resource of its own: `*` must be allowed.
    pub fn on_anything(action: &str, account: AccountId) -> Self {
        Self {
            action: action.to_owned(),
            resource: "*".to_owned(),
            account: Some(account),
            keys: Context::new(),
            trust: None,
        }
    }

    /// Adds a condition key.
    pub fn with(mut self, key: impl AsRef<str>, value: impl Into<Value>) -> Self {
        self.keys.set(key.as_ref(), value);
        self
    }

    /// Adds a condition key, if there is a value.
    pub fn with_some(self, key: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// Adds one `prefix/key` for each tag, such as `iam:ResourceTag/team`.
    pub fn with_tags(mut self, prefix: &str, tags: &[crate::types::Tag]) -> Self {
        for tag in tags {
            self.keys.set(&format!("{prefix}/{}", tag.key), tag.value.as_str());
        }
        self
    }

    /// Adds `aws:ResourceTag/…` for the tags of the entity, and `iam:ResourceTag/…` for those of a user or role, which alone have
    /// that key in AWS's service authorization reference.
    pub fn with_resource_tags(self, tags: &[crate::types::Tag]) -> Self {
        let entity = self.resource.splitn(6, ':').nth(5).unwrap_or_default();
        let is_principal = entity.starts_with("user/") || entity.starts_with("role/");
        let permission = if is_principal { self.with_tags("iam:ResourceTag", tags) } else { self };
        permission.with_tags("aws:ResourceTag", tags)
    }

    /// Adds `aws:RequestTag/…` and `aws:TagKeys` for tags that the request carries.
    pub fn with_request_tags(self, tags: &[crate::types::Tag]) -> Self {
        if tags.is_empty() {
            return self;
        }
        let keys: Vec<String> = tags.iter().map(|tag| tag.key.clone()).collect();
        self.with_tags("aws:RequestTag", tags).with("aws:TagKeys", keys)
    }

    /// As a demand.
    pub fn demand(self) -> Demand {
        Demand::Permission(Box::new(self))
    }
}

impl From<Permission> for Vec<Demand> {
    fn from(permission: Permission) -> Self {
        vec![permission.demand()]
    }
}
