//! What the doors of brevet's own operations have in common: a signed JSON object comes in, JSON goes out, and a refusal has a code.

use axum::Json;
use axum::body::Body;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::request::{Incoming, Unreadable, is_json, say_if_closing};
use super::router::Doors;
use crate::authn::{self, Caller};
use crate::decision::RequestFacts;
use crate::ops::{self, Call, Fault};

/// The service name that requests to these doors are signed for.
const SERVICE: &str = "brevet";

/// Why nothing was done.
pub(super) struct Refusal {
    fault: Fault,
    message: String,
}

impl Refusal {
    pub(super) fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into() }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(Fault::of_sender("ValidationError", 400), message)
    }

    /// Why an operation was refused; faults of the broker's own are logged with their causes.
    pub(super) fn of_operation(error: &ops::Error, request_id: &str) -> Self {
        let fault = error.aws();
        if !fault.sender {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::error!(?error, cause, request = request_id, "an operation failed");
        }
        Self::new(fault, error.to_string())
    }
}

/// A request whose sender is known.
pub(super) struct Signed {
    incoming: Incoming,
    pub(super) caller: Caller,
    facts: RequestFacts,
}

impl Signed {
    /// Reads a request of at most `limit` bytes and finds out who sent it.
    pub(super) async fn read(doors: &Doors, request: Request<Body>, limit: usize) -> Result<Self, Refusal> {
        let limit = limit.min(doors.request_limit);
        let incoming = Incoming::read(request, limit).await.map_err(|unreadable| match unreadable {
            Unreadable::TooLarge => {
                let fault = Fault::of_sender("RequestEntityTooLarge", 413);
                Refusal::new(fault, format!("The request's body is larger than {limit} bytes."))
            }
            Unreadable::Broken => {
                Refusal::new(Fault::of_sender("IncompleteBody", 400), "The request's body is incomplete.")
            }
        })?;
        let mut facts = incoming.facts(doors);
        let caller =
            incoming.authenticate(doors, &[SERVICE], &facts).await.map_err(|error| of_authentication(&error))?;
        facts.region = Some(caller.region().to_owned());
        Ok(Self { incoming, caller, facts })
    }

    /// The call of an operation.
    pub(super) fn call<'a>(&'a self, doors: &'a Doors, request_id: &'a str) -> Call<'a> {
        Call { broker: &doors.broker, caller: &self.caller, facts: self.facts.clone(), request_id }
    }

    /// The body, which is to be `what`.
    pub(super) fn body<T: DeserializeOwned>(&self, what: &str) -> Result<T, Refusal> {
        if !is_json(&self.incoming.parts.headers) {
            return Err(Refusal::bad("The content type must be application/json."));
        }
        serde_json::from_slice(&self.incoming.body).map_err(|error| {
            Refusal::new(Fault::of_sender("MalformedInput", 400), format!("The body is not {what}: {error}."))
        })
    }
}

/// What a request to one of these doors is counted as.
#[derive(Clone, Copy)]
pub(super) struct Counted {
    pub(super) door: &'static str,
    pub(super) operation: &'static str,
    pub(super) started: std::time::Instant,
}

/// The answer, with the revision that a write made.
pub(super) fn answer(
    doors: &Doors,
    done: Result<(Value, Option<u64>), Refusal>,
    request_id: &str,
    counted: Counted,
) -> Response {
    let (mut response, code) = match done {
        Ok((answer, revision)) => {
            let mut response = Json(answer).into_response();
            if let Some(revision) = revision {
                response.headers_mut().insert("x-brevet-revision", HeaderValue::from(revision));
            }
            (response, "Success")
        }
        Err(Refusal { fault, message }) => {
            let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            ((status, Json(json!({ "code": fault.code, "error": message }))).into_response(), fault.code)
        }
    };
    say_if_closing(&mut response);
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert("www-authenticate", HeaderValue::from_static("AWS4-HMAC-SHA256"));
    }
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    let Counted { door, operation, started } = counted;
    doors.counts.answered((door, operation, code.into()), started.elapsed());
    response
}

fn of_authentication(error: &authn::Error) -> Refusal {
    match error {
        authn::Error::Store(_) => Refusal::new(
            Fault::of_receiver("ServiceUnavailable", 503),
            "The broker's store is unavailable; please try again.",
        ),
        authn::Error::Anonymous | authn::Error::WrongService(_) => Refusal::new(
            Fault::of_sender("MissingAuthenticationToken", 401),
            format!("Sign the request with SigV4 for the service {SERVICE}."),
        ),
        authn::Error::Signature(refusal) => {
            Refusal::new(Fault::of_sender("SignatureDoesNotMatch", 401), refusal.to_string())
        }
        authn::Error::Expired => Refusal::new(Fault::of_sender("ExpiredToken", 401), "The session has expired."),
        authn::Error::Revoked => Refusal::new(Fault::of_sender("ExpiredToken", 401), "The session was revoked."),
        authn::Error::UnsignedPayload
        | authn::Error::UnknownKey
        | authn::Error::InactiveKey
        | authn::Error::TokenMismatch
        | authn::Error::Certificate(_)
        | authn::Error::WrongAudience
        | authn::Error::Token(_) => {
            Refusal::new(Fault::of_sender("InvalidClientTokenId", 401), "The credentials are not valid.")
        }
    }
}
