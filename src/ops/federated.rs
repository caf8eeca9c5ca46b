//! Operations that need no signature, because their parameters prove who calls, and their way through the pipeline: validate,
//! decode, authenticate, authorize, run, record, encode. The phases are those of `ops/pipeline.rs`; nothing is written to the store,
//! so there is no transaction.
//!
//! They have a trait of their own. An [`super::Operation`] needs a [`crate::authn::Caller`], which only a signature makes, and cannot
//! be run here; and nothing that is run here has such a caller.

use std::borrow::Cow;
use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::operation::Permission;
use super::pipeline::{Answered, invalid, longer, written};
use super::{Broker, Error, authorization_message, record};
use crate::audit::{Event, Outcome};
use crate::authn::{Refused, Vouched, WebIdentity};
use crate::clock::Timestamp;
use crate::decision::{self, Asked, Consent, Permit, RequestFacts};
use crate::telemetry::names;
use crate::types::AccountId;
use crate::wire::model::{self, Service};
use crate::wire::tree::Node;
use crate::wire::{query, validate};

/// A request without a signature that a door has read.
#[derive(Clone, Debug)]
pub struct Unsigned<'a> {
    /// The operation's name.
    pub action: &'a str,
    /// The parameters.
    pub parameters: &'a Node<'a>,
    /// Whether the answer is to be JSON instead of XML.
    pub json: bool,
    /// Facts of the request.
    pub facts: RequestFacts,
    /// The id that the answer, the log and the audit record share.
    pub request_id: &'a str,
}

/// What an operation sees of a request without a signature.
#[derive(Debug)]
pub struct FederatedCall<'a> {
    /// The broker's parts.
    pub broker: &'a Broker,
    /// The account of the role that is asked for, whose providers count.
    pub account: AccountId,
    /// Whether the answer is to be JSON instead of XML.
    pub json: bool,
    /// Facts of the request.
    pub facts: RequestFacts,
    /// The id that the answer, the log and the audit record share.
    pub request_id: &'a str,
}

impl FederatedCall<'_> {
    /// When the request arrived.
    pub fn now(&self) -> Timestamp {
        self.facts.now
    }
}

/// An operation whose input proves who calls. As with [`super::Operation`], it is its input struct and fills in its own part alone.
pub trait FederatedOperation: DeserializeOwned + Send + Sync + 'static {
    /// `sts`.
    const SERVICE: Service;
    /// The name on the wire.
    const NAME: &'static str;
    /// What it answers.
    type Output: Serialize + Send + 'static;
    /// The role that is asked for, whether there is one or not.
    type Role: Send + Sync;

    /// The account whose providers count: that of the role.
    ///
    /// # Errors
    /// The input names none.
    fn account(&self, broker: &Broker) -> Result<AccountId, Error>;

    /// The token that proves who calls.
    fn token(&self) -> &str;

    /// Finds the role that is asked for. It is found once, so that what is permitted is what is done.
    fn role(&self, call: &FederatedCall<'_>) -> impl Future<Output = Result<Self::Role, Error>> + Send;

    /// What the role's trust policy must allow.
    fn demands(&self, role: &Self::Role, caller: &WebIdentity) -> Vec<Permission>;

    /// Does it.
    ///
    /// # Errors
    /// What else is wrong with the request.
    fn run(
        &self,
        permit: &Permit,
        role: &Self::Role,
        caller: &WebIdentity,
        call: &FederatedCall<'_>,
    ) -> Result<Self::Output, Error>;
}

pub(super) async fn run<O: FederatedOperation>(
    broker: &Broker,
    operation: &'static model::Operation,
    request: Unsigned<'_>,
) -> Answered {
    Answered { result: attempt::<O>(broker, operation, request).await, revision: None }
}

async fn attempt<O: FederatedOperation>(
    broker: &Broker,
    operation: &'static model::Operation,
    request: Unsigned<'_>,
) -> Result<String, Error> {
    validate::validate_but(operation, request.parameters, longer(broker)).map_err(invalid)?;
    let input: O = query::decode(request.parameters).map_err(|error| Error::MalformedInput(error.to_string()))?;
    let parameters = record::parameters(operation, request.parameters);
    let account = input.account(broker)?;
    let mut facts = request.facts;
    facts.region = Some(broker.realm.region.as_str().into());
    let call = FederatedCall { broker, account, json: request.json, facts, request_id: request.request_id };
    let caller = match broker.web_identities.verify(input.token(), account, call.now()).await {
        Ok(caller) => caller,
        Err(refused) => return Err(unproven::<O>(&call, refused, parameters).await),
    };
    match permitted::<O>(&input, &caller, &call, operation, &parameters).await {
        Ok(answer) => Ok(answer),
        Err(error) => {
            refuse::<O>(&call, caller.who(), parameters, &error).await;
            Err(error)
        }
    }
}

async fn permitted<O: FederatedOperation>(
    input: &O,
    caller: &WebIdentity,
    call: &FederatedCall<'_>,
    operation: &'static model::Operation,
    parameters: &Value,
) -> Result<String, Error> {
    let mut permit = None;
    let role = input.role(call).await?;
    for wanted in input.demands(&role, caller) {
        let asked = Asked {
            action: &wanted.action,
            resource: &wanted.resource,
            resource_account: wanted.account,
            keys: &wanted.keys,
            consent: wanted.trust.as_deref().map_or(Consent::None, Consent::Trust),
            ..Asked::plain("", "", None)
        };
        let authorizer = &call.broker.authorizer;
        let decided = authorizer.authorize_federated(caller.federation(), call.account, &call.facts, asked);
        permit = Some(decided.map_err(not_trusted)?);
    }
    let permit = permit.ok_or_else(|| Error::Internal(format!("{} demands nothing", O::NAME)))?;
    let output = input.run(&permit, &role, caller, call)?;
    let answer = written(operation, O::SERVICE, Some(&output), call.json, call.request_id)?;
    let outcome = Outcome::Answered(record::response(operation, &output));
    let event = event::<O>(call, caller.who(), Cow::Borrowed(parameters), outcome);
    // Nobody holds a session that is not on record.
    call.broker.trail.record(event).await.map_err(Error::AuditUnavailable)?;
    Ok(answer)
}

fn not_trusted(refused: decision::Refused) -> Error {
    match refused {
        decision::Refused::Denied(denial) => Error::NotTrusted(denial),
        other => other.into(),
    }
}

/// What a token is refused for. Whose signature is good is recorded; what anybody can write is counted.
async fn unproven<O: FederatedOperation>(call: &FederatedCall<'_>, refused: Refused, parameters: Value) -> Error {
    metrics::counter!(names::AUTHENTICATION_FAILURES, "cause" => refused.cause.cause()).increment(1);
    // Whoever sent the token chose some of the words: as a quoted text they make no lines of their own.
    let why = refused.cause.to_string();
    tracing::debug!(error = ?why, request = call.request_id, "a web identity's token was refused");
    let error = Error::from(refused.cause);
    if let Some(who) = refused.vouched {
        refuse::<O>(call, &who, parameters, &error).await;
    }
    error
}

async fn refuse<O: FederatedOperation>(call: &FederatedCall<'_>, who: &Vouched, parameters: Value, error: &Error) {
    let Some(unrecorded) = call.broker.strangers.admit(call.account, call.now()) else { return };
    let outcome = Outcome::Refused { code: error.aws().code.to_owned(), message: error.to_string() };
    let mut event = event::<O>(call, who, Cow::Owned(record::cut(parameters)), outcome);
    if let Error::NotTrusted(denial) = error {
        event.additional_event_data = record::cut(authorization_message::for_record(denial, call.request_id));
    }
    if unrecorded > 0 {
        let data = &mut event.additional_event_data;
        if !data.is_object() {
            *data = json!({});
        }
        data["refusalsNotRecorded"] = unrecorded.into();
    }
    if let Err(cause) = call.broker.trail.record_soon(event).await {
        tracing::warn!(%cause, operation = O::NAME, request = call.request_id, "a refusal could not be recorded");
    }
}

fn event<'a, O: FederatedOperation>(
    call: &'a FederatedCall<'_>,
    who: &'a Vouched,
    parameters: Cow<'a, Value>,
    outcome: Outcome,
) -> Event<'a> {
    record::federated_event(call, who, (O::SERVICE.name(), O::NAME), parameters, outcome)
}
