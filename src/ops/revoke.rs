//! Revoking sessions: an operation of brevet's own, which AWS does not have, for the door `/sessions/v1/revoke`.
//!
//! Whoever revokes needs `brevet:RevokeSessions` on the ARN of the user or role, or of the single session or access key; its own
//! session everybody may end, as everybody may forget a key.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Value, json};

use super::call::Call;
use super::{Error, record, record_refusal};
use crate::audit::{Outcome, Trail};
use crate::clock::Timestamp;
use crate::decision::Asked;
use crate::identity::AccessKey;
use crate::session::revocation::{self, Revocation, Target};
use crate::store::{CommitError, Revision, Tx, layout};
use crate::types::{AccessKeyId, AccountId, Arn};
use crate::usage::Use;

/// The permission to revoke, and the operation's name in the audit trail.
const PERMISSION: &str = "brevet:RevokeSessions";
const SERVICE: &str = "brevet";
const NAME: &str = "RevokeSessions";
/// How often it is done anew when others change what it read.
const TRIES: usize = 8;

/// Which sessions are to be revoked.
#[derive(Clone, Debug)]
pub enum Which {
    /// The session that asks.
    Own,
    /// One session.
    Session(AccessKeyId),
    /// What was made with a long-lived access key.
    AccessKey(AccessKeyId),
    /// The sessions of a user, a role or an account's root.
    Principal(Arn),
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Revoke {
    /// Which.
    pub which: Which,
    /// Those issued until this second, itself included; now where absent. For access keys and principals.
    pub until: Option<Timestamp>,
    /// Whether what descends from them ends too. What was made with an access key does in any case.
    pub descendants: bool,
}

/// Revokes, and records that in the same commit; `parameters` are what the audit trail shows of the request.
///
/// # Errors
/// Policy says no, there is nothing of that name, or the store cannot be written; that is recorded too.
pub async fn revoke_sessions(
    call: &Call<'_>,
    asked: &Revoke,
    parameters: Value,
) -> Result<(Revocation, Revision), Error> {
    match attempt(call, asked, &parameters).await {
        Ok(done) => Ok(done),
        Err(error) => {
            record_refusal(call, SERVICE, NAME, parameters, error.aws().code, &error.to_string()).await;
            Err(error)
        }
    }
}

/// What the audit trail and the answer show of a revocation.
pub fn shown(revocation: &Revocation) -> Value {
    let mut shown = match &revocation.target {
        Target::Session { key, descendants } => {
            json!({ "revoked": "session", "accessKeyId": key.as_str(), "descendants": descendants })
        }
        Target::AccessKey { key, until } => {
            json!({ "revoked": "access-key", "accessKeyId": key.as_str(), "issuedUntil": until.iso8601() })
        }
        Target::Principal { id, arn, until, descendants_until } => json!({
            "revoked": "principal",
            "principal": arn,
            "principalId": id,
            "issuedUntil": until.iso8601(),
            "descendantsIssuedUntil": descendants_until.map(Timestamp::iso8601),
        }),
    };
    shown["inForceUntil"] = Value::from(revocation.ends.iso8601());
    shown
}

async fn attempt(call: &Call<'_>, asked: &Revoke, parameters: &Value) -> Result<(Revocation, Revision), Error> {
    let broker = call.broker;
    check_time(asked, call.now())?;
    broker.authorizer.admit(call.caller.subject()).await?;
    let used = Use { service: SERVICE, action: NAME, at: call.now(), region: call.caller.region() };
    super::note_use(broker, call.caller, used).await?;
    let account = allowed(call, &asked.which).await?;
    for _ in 0..TRIES {
        let mut tx = Tx::new(Arc::clone(&broker.store));
        let target = target(call, asked, &mut tx).await?;
        let room = room(&asked.which, broker.quotas.revocations);
        let (revocation, is_new) = revocation::stage(&mut tx, account, target, call.now()).await?;
        if is_new && tx.count(&layout::revocations_of(account)).await? >= room {
            return Err(Error::quota("RevocationsPerAccount", room));
        }
        let outcome = Outcome::Answered(shown(&revocation));
        let principal = record::principal(call).await?;
        let parameters = Cow::Borrowed(parameters);
        let event = record::event(call, principal.as_deref(), (SERVICE, NAME), false, parameters, outcome);
        tx.audit(Trail::row(event)?);
        let keys = tx.written_keys();
        match tx.commit().await {
            Ok(revision) => {
                // In this order: what is found out once the feed has been told knows of it.
                broker.revocations.learn(&revocation);
                broker.feed.committed(revision, &keys);
                return Ok((revocation, revision));
            }
            Err(CommitError::Conflict(_)) => continue,
            Err(CommitError::Store(error)) => return Err(Error::Store(error)),
        }
    }
    Err(Error::Contended)
}

/// How many revocations an account may have for one more of this kind. Whoever takes sessions and ends them again needs no permission
/// for it, and must leave room for those who do; and a flood of single sessions must not keep anybody from ending them all.
fn room(which: &Which, quota: u64) -> u64 {
    match which {
        Which::Own => quota.div_ceil(2),
        Which::Session(_) => quota,
        Which::AccessKey(_) | Which::Principal(_) => quota.saturating_add(quota.div_ceil(10)),
    }
}

/// A moment in the future would lock its principal out until then.
fn check_time(asked: &Revoke, now: Timestamp) -> Result<(), Error> {
    let Some(until) = asked.until else { return Ok(()) };
    match asked.which {
        Which::Own | Which::Session(_) => Err(Error::Validation(
            "A single session is revoked whenever it was issued; give no issuedUntil.".to_owned(),
        )),
        _ if until > now => Err(Error::Validation("issuedUntil must not be in the future.".to_owned())),
        _ => Ok(()),
    }
}

/// The account whose sessions those are, if the caller may revoke them.
async fn allowed(call: &Call<'_>, which: &Which) -> Result<AccountId, Error> {
    let ours = |account: AccountId, rest: &str| format!("arn:{}:brevet::{account}:{rest}", call.realm().partition);
    let (account, resource) = match which {
        Which::Own => return Ok(call.account()),
        Which::Session(key) => {
            let account = key.account().filter(|account| revocation::is_session_key(*account, key));
            let account =
                account.ok_or_else(|| Error::Validation(format!("{key} is not the id of a session's key.")))?;
            (account, ours(account, &format!("session/{key}")))
        }
        Which::AccessKey(key) => {
            let mut tx = Tx::new(Arc::clone(&call.broker.store));
            let stored = tx.get::<AccessKey>(&layout::access_key(key)).await?;
            // A key that an operator chose may carry any account or none; one that was deleted is known by what it carries, and so is
            // one of another account: whether it is there, and whose it is, is not the caller's to know.
            let own = stored.map(|key| key.account).filter(|account| *account == call.account());
            let account = own.or_else(|| key.account());
            let account = account.ok_or_else(|| Error::Validation(format!("{key} is not an access key's id.")))?;
            (account, ours(account, &format!("access-key/{key}")))
        }
        Which::Principal(arn) => {
            let account = arn.account();
            let account =
                account.ok_or_else(|| Error::Validation(format!("{arn} is not a user, a role or a root.")))?;
            (account, arn.to_string())
        }
    };
    let about = Asked::plain(PERMISSION, &resource, Some(account));
    call.broker.authorizer.authorize(call.caller.subject(), &call.facts, about).await?;
    Ok(account)
}

async fn target(call: &Call<'_>, asked: &Revoke, tx: &mut Tx) -> Result<Target, Error> {
    let until = asked.until.unwrap_or_else(|| call.now());
    Ok(match &asked.which {
        Which::Own => match (call.caller.session(), call.caller.access_key()) {
            (Some(_), Some(key)) => Target::Session { key: key.clone(), descendants: asked.descendants },
            _ => {
                let text = "A long-lived access key has no session; UpdateAccessKey and DeleteAccessKey end it.";
                return Err(Error::Validation(text.to_owned()));
            }
        },
        Which::Session(key) => Target::Session { key: key.clone(), descendants: asked.descendants },
        Which::AccessKey(key) => Target::AccessKey { key: key.clone(), until },
        Which::Principal(arn) => {
            let Some((_, id)) = revocation::principal_of(tx, call.realm(), arn).await? else {
                return Err(Error::NoSuchEntity(format!("There is no user, role or root {arn}.")));
            };
            let descendants_until = asked.descendants.then_some(until);
            Target::Principal { id, arn: arn.to_string(), until, descendants_until }
        }
    })
}
