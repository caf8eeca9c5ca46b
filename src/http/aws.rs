//! The AWS door: the Query protocol of IAM and STS at `/`.
//!
//! Source: "Making query requests" and "Common errors" in the IAM and STS API references.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};

use super::request::{Arrival, Incoming, Unreadable, say_if_closing};
use super::router::Doors;
use crate::authn;
use crate::decision::RequestFacts;
use crate::ops::{self, Fault, authorization_message};
use crate::sigv4::RefusalCode;
use crate::wire::form::Form;
use crate::wire::json;
use crate::wire::model::{Model, Service};
use crate::wire::tree::Node;
use crate::wire::xml;

/// Answers an operation.
pub(super) async fn query(State(doors): State<Doors>, request: Request<Body>) -> Response<Body> {
    query_at(&doors, Arrival::read(request, doors.request_limit).await).await
}

/// As [`query`], for whoever holds the doors.
pub(super) async fn query_at(doors: &Doors, arrival: Arrival) -> Response<Body> {
    let started = arrival.started;
    let request_id = doors.broker.new_id();
    let json = wants_json(&arrival.parts.headers);
    let (mut response, operation, code) = match answer(doors, arrival, json, &request_id).await {
        Ok(done) => (reply(StatusCode::OK, done.body, json, &request_id, done.revision), done.operation, "Success"),
        Err(refusal) => {
            let document = refusal.document(json, &request_id);
            let status = StatusCode::from_u16(refusal.fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (reply(status, document, json, &request_id, None), refusal.operation, refusal.fault.code)
        }
    };
    say_if_closing(&mut response);
    doors.counts.answered(("aws", operation, code.into()), started.elapsed());
    response
}

/// Answers a path that leads nowhere.
pub(super) async fn no_such_path(State(doors): State<Doors>) -> Response<Body> {
    let request_id = doors.broker.new_id();
    let refusal =
        Refusal::new(Service::Sts, Fault::of_sender("UnknownEndpoint", 404), "There is no door at this path.");
    reply(StatusCode::NOT_FOUND, refusal.document(false, &request_id), false, &request_id, None)
}

/// Whether the answer is to be JSON: aws-iam-authenticator asks so for the identity that a presigned URL is of.
fn wants_json(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = |part: &str| part.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json");
    accepted.split(',').any(kind)
}

struct Done {
    body: String,
    operation: &'static str,
    revision: Option<u64>,
}

/// A refusal, on its way to become an error document.
struct Refusal {
    service: Service,
    operation: &'static str,
    fault: Fault,
    message: String,
}

impl Refusal {
    fn new(service: Service, fault: Fault, message: impl Into<String>) -> Self {
        Self { service, operation: "unknown", fault, message: message.into() }
    }

    fn document(&self, json: bool, request_id: &str) -> String {
        let fault = if self.fault.sender { xml::Fault::Sender } else { xml::Fault::Receiver };
        if json {
            return json::error(self.fault.code, &self.message, fault, request_id);
        }
        xml::error(Model::of(self.service).xmlns(), self.fault.code, &self.message, fault, request_id)
    }
}

async fn answer(doors: &Doors, arrival: Arrival, json: bool, request_id: &str) -> Result<Done, Refusal> {
    let incoming = arrival.whole().map_err(|unreadable| match unreadable {
        Unreadable::TooLarge => Refusal::new(
            Service::Sts,
            Fault::of_sender("RequestEntityTooLarge", 413),
            format!("The request's body is larger than {} bytes.", doors.request_limit),
        ),
        Unreadable::Broken => {
            Refusal::new(Service::Sts, Fault::of_sender("IncompleteBody", 400), "The request's body is incomplete.")
        }
    })?;
    let mut facts = incoming.facts(doors);
    let (form, service) = match read_form(&incoming).and_then(|form| Ok((service(&form)?, form))) {
        Ok((service, form)) => (form, service),
        Err(unreadable) => return Err(unreadable_by(doors, &incoming, &facts, unreadable).await),
    };
    let action = form.action().unwrap_or_default();
    let declared = Model::of(service).operation(action);
    let operation = declared.map_or("unknown", |operation| operation.name.as_str());
    let refused = |fault, message: String| Refusal { service, operation, fault, message };

    // Operations that need no signature are called by those whom their parameters prove to be somebody.
    if declared.is_some_and(|operation| operation.unsigned) {
        let parameters = Node::of(&form).map_err(|error| refused(MALFORMED, error.to_string()))?;
        let request = ops::Unsigned { action, parameters: &parameters, json, facts, request_id };
        let answered = doors.registry.run_unsigned(&doors.broker, service, declared, request).await;
        return finish(doors, answered, operation, request_id, refused);
    }
    // Who calls comes before whether what they ask for exists: a stranger learns nothing about the broker.
    let caller = incoming.authenticate(doors, &[service.name()], &facts).await.map_err(|error| {
        let (fault, message) = of_authentication(&error, service);
        if !fault.sender {
            tracing::error!(%error, request = request_id, "a caller could not be authenticated");
        }
        refused(fault, message)
    })?;
    facts.region = Some(Arc::clone(caller.region()));
    let parameters = Node::of(&form).map_err(|error| refused(MALFORMED, error.to_string()))?;
    let call = ops::Incoming { action, parameters: &parameters, json, caller: &caller, facts, request_id };
    let answered = doors.registry.run(&doors.broker, service, declared, call).await;
    finish(doors, answered, operation, request_id, refused)
}

fn finish(
    doors: &Doors,
    answered: ops::Answered,
    operation: &'static str,
    request_id: &str,
    refused: impl Fn(Fault, String) -> Refusal,
) -> Result<Done, Refusal> {
    match answered.result {
        Ok(body) => Ok(Done { body, operation, revision: answered.revision.map(|revision| revision.0) }),
        Err(error) => {
            let fault = error.aws();
            if !fault.sender && fault.code != "NotImplemented" {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(?error, cause, operation, request = request_id, "an operation failed");
            }
            Err(refused(fault, told(&error, doors, request_id)))
        }
    }
}

/// What the caller is told: the sentence, and with a denial all of its reasons in a form that others can read for it.
fn told(error: &ops::Error, doors: &Doors, request_id: &str) -> String {
    let ops::Error::Denied(denial) = error else { return error.to_string() };
    match authorization_message::encode(denial, request_id, &doors.broker.vault) {
        Ok(message) => format!("{error}. {} {message}", authorization_message::LABEL),
        // Without its reasons a denial is a denial.
        Err(cause) => {
            tracing::warn!(%cause, request = request_id, "the reasons of a denial could not be encoded");
            error.to_string()
        }
    }
}

/// "The query string contains a syntax error", with the status that the page of common errors gives it.
const MALFORMED: Fault = Fault::of_sender("MalformedQueryString", 404);

/// What is wrong with a request that cannot be read, for whoever signed it; anybody else hears that they are nobody.
async fn unreadable_by(doors: &Doors, incoming: &Incoming, facts: &RequestFacts, unreadable: Refusal) -> Refusal {
    let services = [Service::Iam, Service::Sts].map(Service::name);
    match incoming.authenticate(doors, &services, facts).await {
        Ok(_) => unreadable,
        Err(error) => {
            let (fault, message) = of_authentication(&error, unreadable.service);
            Refusal { fault, message, ..unreadable }
        }
    }
}

/// The parameters: of a POST in its body, of a GET in its query. A presigned POST carries its signature in the query.
fn read_form(incoming: &Incoming) -> Result<Form<'_>, Refusal> {
    let malformed = |message: String| Refusal::new(Service::Sts, MALFORMED, message);
    let query = incoming.parts.uri.query().unwrap_or_default();
    let bytes = if incoming.parts.method == axum::http::Method::POST && !incoming.body.is_empty() {
        let kind = incoming.parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        const WANTED: &str = "application/x-www-form-urlencoded";
        if !kind.trim_start().get(..WANTED.len()).is_some_and(|start| start.eq_ignore_ascii_case(WANTED)) {
            return Err(malformed(format!("The request's body must be of type {WANTED}.")));
        }
        &incoming.body
    } else {
        query.as_bytes()
    };
    Form::parse(bytes).map_err(|error| malformed(error.to_string()))
}

/// The service that the `Version` parameter names.
fn service(form: &Form<'_>) -> Result<Service, Refusal> {
    if form.action().is_none_or(str::is_empty) {
        let fault = Fault::of_sender("MissingAction", 400);
        return Err(Refusal::new(Service::Sts, fault, "The request is missing an Action or a required parameter."));
    }
    let version = form.version().unwrap_or_default();
    let known = [Service::Iam, Service::Sts].into_iter().find(|service| Model::of(*service).api_version() == version);
    known.ok_or_else(|| {
        let operation = form.action().unwrap_or_default();
        let message = if version.is_empty() {
            "The request is missing the Version parameter.".to_owned()
        } else {
            format!("Could not find operation {operation} for version {version}")
        };
        let code = if version.is_empty() { "MissingParameter" } else { "InvalidAction" };
        Refusal::new(Service::Sts, Fault::of_sender(code, 400), message)
    })
}

/// Failed authentication in AWS's words. Keys that are unknown, inactive or deleted look alike.
fn of_authentication(error: &authn::Error, service: Service) -> (Fault, String) {
    let invalid = || {
        (
            Fault::of_sender("InvalidClientTokenId", 403),
            "The security token included in the request is invalid.".to_owned(),
        )
    };
    match error {
        authn::Error::Anonymous => {
            (Fault::of_sender("MissingAuthenticationToken", 403), "Request is missing Authentication Token".to_owned())
        }
        authn::Error::Signature(refusal) => {
            let fault = match refusal.code() {
                RefusalCode::MissingAuthenticationToken => Fault::of_sender("MissingAuthenticationToken", 403),
                RefusalCode::IncompleteSignature => Fault::of_sender("IncompleteSignature", 400),
                RefusalCode::SignatureDoesNotMatch => Fault::of_sender("SignatureDoesNotMatch", 403),
                RefusalCode::InvalidClientTokenId => Fault::of_sender("InvalidClientTokenId", 403),
                RefusalCode::RequestExpired => Fault::of_sender("RequestExpired", 400),
            };
            (fault, refusal.to_string())
        }
        authn::Error::UnsignedPayload => {
            (Fault::of_sender("SignatureDoesNotMatch", 403), "The signature must cover the request's body.".to_owned())
        }
        authn::Error::UnknownKey | authn::Error::InactiveKey => invalid(),
        authn::Error::TokenMismatch
        | authn::Error::Token(_)
        | authn::Error::WrongAudience
        | authn::Error::Certificate(_) => invalid(),
        authn::Error::Expired => {
            (Fault::of_sender("ExpiredToken", 403), "The security token included in the request is expired".to_owned())
        }
        // AWS has no word for it. SDKs know this one: they ask for new credentials.
        authn::Error::Revoked => {
            (Fault::of_sender("ExpiredToken", 403), "The security token included in the request was revoked".to_owned())
        }
        authn::Error::WrongService(_) => (
            Fault::of_sender("SignatureDoesNotMatch", 403),
            format!("Credential should be scoped to correct service: '{}'. ", service.name()),
        ),
        authn::Error::Store(_) => (
            Fault::of_receiver("ServiceUnavailable", 503),
            "The broker's store is unavailable; please try again.".to_owned(),
        ),
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const REVISION: HeaderName = HeaderName::from_static("x-brevet-revision");

fn reply(status: StatusCode, body: String, json: bool, request_id: &str, revision: Option<u64>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(if json { "application/json" } else { "text/xml" }));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(revision) = revision {
        headers.insert(REVISION, HeaderValue::from(revision));
    }
    response
}
