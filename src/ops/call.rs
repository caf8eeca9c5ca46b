//! One call of an operation: who calls, from where, and what the broker can do for it.

use super::broker::Broker;
use crate::authn::Caller;
use crate::clock::Timestamp;
use crate::decision::RequestFacts;
use crate::types::{AccountId, Realm};

/// What an operation sees of the request that called it.
#[derive(Debug)]
pub struct Call<'a> {
    /// The broker's parts.
    pub broker: &'a Broker,
    /// Who calls; authenticated.
    pub caller: &'a Caller,
    /// Facts of the request.
    pub facts: RequestFacts,
    /// The id that the answer, the log and the audit record share.
    pub request_id: &'a str,
}

impl Call<'_> {
    /// When the request arrived.
    pub fn now(&self) -> Timestamp {
        self.facts.now
    }

    /// The caller's account, in which IAM's operations work.
    pub fn account(&self) -> AccountId {
        self.caller.account()
    }

    /// The installation's partition and region.
    pub fn realm(&self) -> &Realm {
        &self.broker.realm
    }
}
