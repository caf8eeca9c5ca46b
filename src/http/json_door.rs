//! What the doors of brevet's own operations have in common: a signed JSON object comes in, JSON goes out, and a refusal has a code.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::refusal::Refusal;
use super::request::{Incoming, Unreadable, is_json};
use super::router::Doors;
use crate::authn::{self, Caller};
use crate::decision::RequestFacts;
use crate::ops::Call;

/// The service name that requests to these doors are signed for.
const SERVICE: &str = "brevet";
/// How they are signed.
const SIGN_IN: HeaderValue = HeaderValue::from_static("AWS4-HMAC-SHA256");

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
                let message = format!("The request's body is larger than {limit} bytes.");
                Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message)
            }
            Unreadable::Broken => {
                Refusal::new(StatusCode::BAD_REQUEST, "IncompleteBody", "The request's body is incomplete.")
            }
        })?;
        let mut facts = incoming.facts(doors);
        let caller =
            incoming.authenticate(doors, &[SERVICE], &facts).await.map_err(|error| of_authentication(&error))?;
        facts.region = Some(Arc::clone(caller.region()));
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
            Refusal::new(StatusCode::BAD_REQUEST, "MalformedInput", format!("The body is not {what}: {error}."))
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
        Err(refusal) => (refusal.with_code(SIGN_IN), refusal.code()),
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    let Counted { door, operation, started } = counted;
    doors.counts.answered((door, operation, code.into()), started.elapsed());
    response
}

fn of_authentication(error: &authn::Error) -> Refusal {
    let message = match error {
        authn::Error::Store(_) => "The broker's store is unavailable; please try again.".to_owned(),
        authn::Error::Anonymous | authn::Error::WrongService(_) => {
            format!("Sign the request with SigV4 for the service {SERVICE}.")
        }
        authn::Error::Signature(refusal) => refusal.to_string(),
        authn::Error::Expired => "The session has expired.".to_owned(),
        authn::Error::Revoked => "The session was revoked.".to_owned(),
        _ => "The credentials are not valid.".to_owned(),
    };
    Refusal::of_authentication(error, message)
}
