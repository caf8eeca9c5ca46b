//! Operations of brevet's own, which AWS does not have: how they run. The doors that have them speak JSON.
//!
//! As in `pipeline.rs`, an operation cannot skip authorization or audit, because it does not call them: what it needs to be allowed
//! is asked first, its writes are committed together with their record, and a refusal is recorded too.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;

use serde_json::Value;

use super::call::Call;
use super::{Error, Permission, record};
use crate::audit::{Outcome, Trail};
use crate::decision::{Asked, Permit};
use crate::store::{CommitError, Revision, Tx};
use crate::usage::Use;

/// The service that these operations are of: in permissions, in signatures and in the audit trail.
const SERVICE: &str = "brevet";
/// How often one is run anew when others change what it read.
const TRIES: usize = 8;

/// An operation is its input struct.
pub trait OwnOperation: Sync {
    /// Its name, such as `PutResource`.
    const NAME: &'static str;
    /// Whether it only reads; such operations commit nothing.
    const READ_ONLY: bool;

    /// What the audit trail shows of the request.
    fn parameters(&self) -> Value;

    /// Finds what it is about and says what must be allowed: one permission at least. It may read but must not write.
    fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> impl Future<Output = Result<Vec<Permission>, Error>> + Send;

    /// Does it, and says what is answered. Writes are staged in `tx`.
    fn run(&self, permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> impl Future<Output = Result<Value, Error>> + Send;
}

/// What came of an operation.
#[derive(Debug)]
pub struct Performed {
    /// The answer.
    pub answer: Value,
    /// The revision that a write made.
    pub revision: Option<Revision>,
}

/// Runs an operation.
///
/// # Errors
/// Policy says no, the input makes no sense, or the store cannot be used; that is recorded too.
pub async fn perform<O: OwnOperation>(call: &Call<'_>, asked: &O) -> Result<Performed, Error> {
    match attempt(call, asked).await {
        Ok(performed) => Ok(performed),
        Err(error) => {
            let parameters = record::cut(asked.parameters());
            super::record_refusal(call, SERVICE, O::NAME, parameters, error.aws().code, &error.to_string()).await;
            Err(error)
        }
    }
}

async fn attempt<O: OwnOperation>(call: &Call<'_>, asked: &O) -> Result<Performed, Error> {
    let broker = call.broker;
    broker.authorizer.admit(call.caller.subject()).await?;
    let used = Use { service: SERVICE, action: O::NAME, at: call.now(), region: call.caller.region() };
    super::note_use(broker, call.caller, used).await?;
    for _ in 0..TRIES {
        let mut tx = Tx::new(Arc::clone(&broker.store));
        let permit = permit(call, asked, &mut tx).await?;
        let answer = asked.run(&permit, call, &mut tx).await?;
        let shown = if O::READ_ONLY { Value::Null } else { answer.clone() };
        let outcome = Outcome::Answered(shown);
        let (principal, parameters) = (permit.principal().map(Arc::as_ref), Cow::Owned(asked.parameters()));
        let event = record::event(call, principal, (SERVICE, O::NAME), O::READ_ONLY, parameters, outcome);
        if O::READ_ONLY {
            broker.trail.record_soon(event).await.map_err(Error::AuditUnavailable)?;
            return Ok(Performed { answer, revision: None });
        }
        tx.audit(Trail::row(event)?);
        let keys = tx.written_keys();
        match tx.commit().await {
            Ok(revision) => {
                broker.feed.committed(revision, &keys);
                return Ok(Performed { answer, revision: Some(revision) });
            }
            Err(CommitError::Conflict(_)) => continue,
            Err(CommitError::Store(error)) => return Err(Error::Store(error)),
        }
    }
    Err(Error::Contended)
}

/// The permit of the last demand; all must be allowed.
async fn permit<O: OwnOperation>(call: &Call<'_>, asked: &O, tx: &mut Tx) -> Result<Permit, Error> {
    let mut permit = None;
    for wanted in asked.demands(call, tx).await? {
        let about = Asked {
            action: &wanted.action,
            resource: &wanted.resource,
            resource_account: wanted.account,
            keys: &wanted.keys,
            ..Asked::plain("", "", None)
        };
        permit = Some(call.broker.authorizer.authorize(call.caller.subject(), &call.facts, about).await?);
    }
    permit.ok_or_else(|| Error::Internal(format!("{} asks for no permission", O::NAME)))
}
