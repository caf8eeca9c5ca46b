//! The one pipeline that every operation runs through: validate, decode, prove the second factor, find the resource,
//! authorize, run, commit with the audit record, encode.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::call::Call;
use super::operation::{Demand, Operation};
use super::{Broker, Error, authorization_message, denied, record, session_kinds};
use crate::audit::{Event, Outcome, Trail};
use crate::authn::{Caller, mfa};
use crate::config::Quotas;
use crate::decision::{Asked, CompiledPrincipal, Consent, Permit, RequestFacts};
use crate::store::{CommitError, Revision, Tx};
use crate::usage::Use;
use crate::wire::model::{self, Service};
use crate::wire::tree::Node;
use crate::wire::{json, query, validate, xml};

/// A request that a door has read and whose caller it has authenticated.
#[derive(Clone, Debug)]
pub struct Incoming<'a> {
    /// The operation's name.
    pub action: &'a str,
    /// The parameters.
    pub parameters: &'a Node<'a>,
    /// Whether the answer is to be JSON.
    pub json: bool,
    /// Who calls.
    pub caller: &'a Caller,
    /// Facts of the request.
    pub facts: RequestFacts,
    /// The id that the answer, the log and the audit record share.
    pub request_id: &'a str,
}

/// What came of it.
#[derive(Debug)]
pub struct Answered {
    /// The answer as XML or JSON, or why there is none.
    pub result: Result<String, Error>,
    /// The revision that a write made.
    pub revision: Option<Revision>,
}

impl Answered {
    pub(super) fn refused(error: Error) -> Self {
        Self { result: Err(error), revision: None }
    }
}

/// How often an operation is run anew when others change what it read.
const TRIES: usize = 8;

pub(super) async fn run<O: Operation>(
    broker: &Broker,
    operation: &'static model::Operation,
    incoming: Incoming<'_>,
) -> Answered {
    let parameters = record::parameters(operation, incoming.parameters);
    match attempt::<O>(broker, operation, &incoming, &parameters).await {
        Ok((text, revision)) => Answered { result: Ok(text), revision },
        Err(error) => Answered::refused(refuse::<O>(broker, &incoming, parameters, error).await),
    }
}

async fn attempt<O: Operation>(
    broker: &Broker,
    operation: &'static model::Operation,
    incoming: &Incoming<'_>,
    parameters: &Value,
) -> Result<(String, Option<Revision>), Error> {
    session_kinds::check(incoming.caller.session(), O::SERVICE, O::NAME)?;
    validate::validate_but(operation, incoming.parameters, longer(broker)).map_err(invalid)?;
    let input: O = query::decode(incoming.parameters).map_err(|error| Error::MalformedInput(error.to_string()))?;
    let mut call =
        Call { broker, caller: incoming.caller, facts: incoming.facts.clone(), request_id: incoming.request_id };
    prove_second_factor(&input, &mut call).await?;
    let mut turn = None;
    for tried in 0..TRIES {
        let mut tx = Tx::new(Arc::clone(&broker.store));
        let permit = permit(&input, &call, &mut tx).await.map_err(|mut error| {
            if let Error::Denied(denial) = &mut error {
                denied::as_asked(denial, O::NAME, incoming.parameters);
            }
            error
        })?;
        let output = input.run(&permit, &call, &mut tx).await?;
        let result = operation.output.is_some().then_some(&output);
        let answer = written(operation, O::SERVICE, result, incoming.json, incoming.request_id)?;
        let response = if O::READ_ONLY { Value::Null } else { record::response(operation, &output) };
        let principal = permit.principal().map(Arc::as_ref);
        let event = event::<O>(&call, principal, Cow::Borrowed(parameters), Outcome::Answered(response));
        if O::READ_ONLY {
            broker.trail.record_soon(event).await.map_err(Error::AuditUnavailable)?;
            return Ok((answer, None));
        }
        if !tx.has_writes() {
            // Issuing a session stores nothing, but nobody holds one that is not on record.
            broker.trail.record(event).await.map_err(Error::AuditUnavailable)?;
            return Ok((answer, None));
        }
        tx.audit(Trail::row(event)?);
        let keys = tx.written_keys();
        match tx.commit().await {
            Ok(revision) => {
                broker.feed.committed(revision, &keys);
                input.committed(&call, &output);
                return Ok((answer, Some(revision)));
            }
            Err(CommitError::Conflict(key)) => {
                tracing::debug!(?key, operation = O::NAME, "changed by others; again");
                // Nobody stands in two lines.
                drop(turn.take());
                turn = if tried > 0 { Some(broker.turns.stand_in_line(key).await) } else { None };
            }
            Err(CommitError::Store(error)) => return Err(Error::Store(error)),
        }
    }
    drop(turn);
    Err(Error::Contended)
}

/// The answer as the caller wants it: as XML, or as JSON.
pub(super) fn written(
    operation: &model::Operation,
    service: Service,
    output: Option<&impl Serialize>,
    as_json: bool,
    request_id: &str,
) -> Result<String, Error> {
    let written = if as_json {
        json::response(operation, output, request_id)
    } else {
        xml::response(&operation.name, model::Model::of(service).xmlns(), output, request_id)
    };
    written.map_err(|error| Error::Internal(error.to_string()))
}

/// The shapes whose values may be longer than AWS has it, where a quota is raised.
pub(super) fn longer(broker: &Broker) -> &'static [&'static str] {
    let raised = broker.quotas.session_policy_characters > Quotas::SESSION_POLICY_CHARACTERS;
    if raised { &["sessionPolicyDocumentType"] } else { &[] }
}

pub(super) fn invalid(found: validate::Violations) -> Error {
    match found.code() {
        "MalformedInput" => Error::MalformedInput(found.to_string()),
        _ => Error::Validation(found.to_string()),
    }
}

async fn prove_second_factor<O: Operation>(input: &O, call: &mut Call<'_>) -> Result<(), Error> {
    let Some(factor) = input.second_factor() else { return Ok(()) };
    let claim = mfa::Claim {
        account: call.account(),
        identity: call.caller.identity(),
        serial: factor.serial,
        code: factor.code,
    };
    let broker = call.broker;
    // A caller that does not exist any more must not use up a code.
    broker.authorizer.admit(call.caller.subject()).await?;
    match mfa::prove(&broker.store, &broker.feed, &broker.vault, &broker.realm, claim, call.now()).await {
        Ok(()) => {
            call.facts.mfa_now = Some(call.now());
            Ok(())
        }
        Err(mfa::Error::Store(error)) => Err(Error::Store(error)),
        Err(mfa::Error::NotTheirs) => Err(Error::Forbidden(
            "MultiFactorAuthentication failed, unable to validate MFA code.  \
             Please verify your MFA serial number is valid and associated with this user."
                .to_owned(),
        )),
        Err(mfa::Error::Wrong | mfa::Error::Throttled) => {
            Err(Error::Forbidden("MultiFactorAuthentication failed with invalid MFA one time pass code. ".to_owned()))
        }
    }
}

async fn permit<O: Operation>(input: &O, call: &Call<'_>, tx: &mut Tx) -> Result<Permit, Error> {
    let authorizer = &call.broker.authorizer;
    let subject = call.caller.subject();
    let mut permit = authorizer.admit(subject).await?;
    note_use::<O>(call, &permit);
    for demand in input.demands(call, tx).await? {
        match demand {
            Demand::Authenticated => {}
            Demand::Permission(wanted) => {
                let wanted = *wanted;
                let asked = Asked {
                    action: &wanted.action,
                    resource: &wanted.resource,
                    resource_account: wanted.account,
                    keys: &wanted.keys,
                    consent: wanted.trust.as_deref().map_or(Consent::None, Consent::Trust),
                    ..Asked::plain("", "", None)
                };
                permit = authorizer.authorize_admitted(permit, subject, &call.facts, asked).await?;
            }
        }
    }
    Ok(permit)
}

/// Notes what was reached for, before it is decided whether it is allowed: AWS counts attempts.
fn note_use<O: Operation>(call: &Call<'_>, admitted: &Permit) {
    let used = Use { service: O::SERVICE.name(), action: O::NAME, at: call.now(), region: call.caller.region() };
    if let Some(principal) = admitted.principal() {
        super::used::note_use_of(call.broker, call.caller, principal, used);
    }
}

async fn refuse<O: Operation>(broker: &Broker, incoming: &Incoming<'_>, parameters: Value, error: Error) -> Error {
    let call = Call { broker, caller: incoming.caller, facts: incoming.facts.clone(), request_id: incoming.request_id };
    let outcome = Outcome::Refused { code: error.aws().code.to_owned(), message: error.to_string() };
    let principal = match record::principal(&call).await {
        Ok(principal) => principal,
        Err(cause) => {
            unrecorded(&call, &cause, O::NAME);
            return error;
        }
    };
    let parameters = Cow::Owned(record::cut(parameters));
    let mut event = event::<O>(&call, principal.as_deref(), parameters, outcome);
    if let Error::Denied(denial) = &error {
        event.additional_event_data = record::cut(authorization_message::for_record(denial, incoming.request_id));
    }
    keep(&call, event, O::NAME).await;
    error
}

/// Refuses what no operation answers, and records the attempt.
pub(super) async fn refuse_unknown(broker: &Broker, service: &str, incoming: &Incoming<'_>, error: Error) -> Answered {
    /// The longest name of an operation that AWS declares has 51 characters; this one is the caller's own text.
    const LONGEST: usize = 128;
    let name: String = incoming.action.chars().take(LONGEST).collect();
    let call = Call { broker, caller: incoming.caller, facts: incoming.facts.clone(), request_id: incoming.request_id };
    record_refusal(&call, service, &name, Value::Null, error.aws().code, &error.to_string()).await;
    Answered::refused(error)
}

/// Records a refusal by a door that has its own protocol. A refusal that cannot be recorded stays a refusal.
pub async fn record_refusal(call: &Call<'_>, service: &str, name: &str, parameters: Value, code: &str, message: &str) {
    let outcome = Outcome::Refused { code: code.to_owned(), message: message.to_owned() };
    match record::principal(call).await {
        Ok(principal) => {
            let (what, parameters) = ((service, name), Cow::Owned(parameters));
            let event = record::event(call, principal.as_deref(), what, false, parameters, outcome);
            keep(call, event, name).await;
        }
        Err(cause) => unrecorded(call, &cause, name),
    }
}

/// Records what is about to be given away by a door that has its own protocol.
///
/// # Errors
/// It cannot be recorded: then it must not be given away.
pub async fn record_given(call: &Call<'_>, service: &str, name: &str, parameters: Value) -> Result<(), Error> {
    let principal = record::principal(call).await?;
    let (what, outcome) = ((service, name), Outcome::Answered(Value::Null));
    let event = record::event(call, principal.as_deref(), what, false, Cow::Owned(parameters), outcome);
    call.broker.trail.record(event).await.map_err(Error::AuditUnavailable)
}

async fn keep(call: &Call<'_>, event: Event<'_>, operation: &str) {
    if let Err(cause) = call.broker.trail.record_soon(event).await {
        unrecorded(call, &Error::AuditUnavailable(cause), operation);
    }
}

fn unrecorded(call: &Call<'_>, cause: &Error, operation: &str) {
    tracing::warn!(%cause, operation, request = call.request_id, "a refusal could not be recorded");
}

fn event<'a, O: Operation>(
    call: &'a Call<'_>,
    principal: Option<&'a CompiledPrincipal>,
    parameters: Cow<'a, Value>,
    outcome: Outcome,
) -> Event<'a> {
    record::event(call, principal, (O::SERVICE.name(), O::NAME), O::READ_ONLY, parameters, outcome)
}
