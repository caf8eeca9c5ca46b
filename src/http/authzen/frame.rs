//! What all AuthZEN doors have in common: who asks, how fresh the answer must be, and how answers and refusals look.
//!
//! Source: section "HTTPS Binding". A denial is an answer; errors are about the request, and carry a sentence.

use axum::Json;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::json;

use super::body;
use crate::authn::{self, Caller};
use crate::decision::RequestFacts;
use crate::http::keeping;
use crate::http::request::{Incoming, Unreadable, say_if_closing};
use crate::http::router::Doors;
use crate::ops::questions::{self, AT_LEAST_REVISION, Asking, Demand, Keeping, SERVICE};
use crate::store::NotReached;
use crate::wire::strict_json::Members;

const APPLICATION_JSON: HeaderValue = HeaderValue::from_static("application/json");
/// The name of these doors in metrics and in the audit trail.
const DOOR: &str = "authzen";
/// A caller's own name for its request comes back.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Why there is no answer.
pub(in crate::http) struct Refusal {
    pub(in crate::http) status: StatusCode,
    pub(in crate::http) message: String,
}

impl Refusal {
    pub(in crate::http) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(in crate::http) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

impl From<questions::Refusal> for Refusal {
    fn from(refusal: questions::Refusal) -> Self {
        let status = match &refusal {
            questions::Refusal::Bad(_) => StatusCode::BAD_REQUEST,
            questions::Refusal::Denied(_) => StatusCode::FORBIDDEN,
            questions::Refusal::NoAsker => StatusCode::UNAUTHORIZED,
            questions::Refusal::NotReached(NotReached::Unheard(..)) => StatusCode::PRECONDITION_FAILED,
            questions::Refusal::NotReached(NotReached::NotYet(..)) | questions::Refusal::Unavailable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        Self::new(status, refusal.to_string())
    }
}

/// An answer.
pub(super) struct Answer {
    pub(super) body: Vec<u8>,
    /// How it may be kept, if that is to be told.
    pub(super) keeping: Option<Keeping>,
}

/// A question that was read, and who asks it.
pub(super) struct Received {
    asker: Caller,
    facts: RequestFacts,
    demand: Demand,
    /// Takes note of how the answer may be kept, if the request wants to be told.
    pub(super) keeping: Option<Keeping>,
    headers: HeaderMap,
    body: Bytes,
}

impl Received {
    pub(super) async fn read(doors: &Doors, request: Request<Body>) -> Result<Self, Refusal> {
        let incoming = Incoming::read(request, doors.request_limit).await.map_err(|unreadable| match unreadable {
            Unreadable::TooLarge => Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"),
            Unreadable::Broken => Refusal::bad("the body is incomplete"),
        })?;
        let (asker, facts) = incoming.asker(doors).await.map_err(of_authentication)?;
        let demand = Demand::parse(incoming.parts.headers.get(AT_LEAST_REVISION).map(HeaderValue::as_bytes))?;
        let headers = incoming.parts.headers;
        Ok(Self { asker, facts, demand, keeping: keeping::wanted(&headers), headers, body: incoming.body })
    }

    /// The body's members.
    pub(super) fn body(&self) -> Result<Members<'_>, Refusal> {
        body::read(&self.headers, &self.body).map_err(Refusal::bad)
    }

    /// The asker, asking: what is demanded of the answer's freshness is met.
    pub(super) async fn asking<'a>(&'a self, doors: &'a Doors) -> Result<Asking<'a>, Refusal> {
        let asking = Asking { broker: &doors.broker, asker: &self.asker, door: DOOR, facts: self.facts.clone() };
        asking.demand(self.demand).await?;
        Ok(asking)
    }
}

/// Answers a request with what `made` makes of it.
pub(super) async fn framed(
    doors: &Doors,
    operation: &'static str,
    request: Request<Body>,
    made: impl AsyncFnOnce(Request<Body>) -> Result<Answer, Refusal>,
) -> Response {
    let started = std::time::Instant::now();
    let request_id = request.headers().get(REQUEST_ID).cloned();
    let mut response = match made(request).await {
        Ok(answer) => {
            let mut response = ([(CONTENT_TYPE, APPLICATION_JSON)], answer.body).into_response();
            keeping::tell(answer.keeping.as_ref(), response.headers_mut());
            response
        }
        Err(refusal) => {
            let mut response = (refusal.status, Json(json!({ "error": refusal.message }))).into_response();
            if refusal.status == StatusCode::UNAUTHORIZED {
                response.headers_mut().insert("www-authenticate", HeaderValue::from_static("AWS4-HMAC-SHA256, Bearer"));
            }
            response
        }
    };
    say_if_closing(&mut response);
    if let Some(id) = request_id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    doors.counts.answered((DOOR, operation, response.status().into()), started.elapsed());
    response
}

pub(in crate::http) fn of_authentication(error: authn::Error) -> Refusal {
    let message = match error {
        authn::Error::Store(_) => return questions::Refusal::Unavailable.into(),
        authn::Error::Signature(refusal) => refusal.to_string(),
        authn::Error::WrongService(_) => {
            format!("the request must be signed with SigV4 for the service `{SERVICE}`")
        }
        authn::Error::Anonymous => format!(
            "sign the request with SigV4 for the service `{SERVICE}`, or send a web identity token for this broker as a bearer's"
        ),
        authn::Error::Revoked => "the credentials were revoked".to_owned(),
        authn::Error::Certificate(_) => error.to_string(),
        authn::Error::WrongAudience => "the token is for another audience than this broker's URL".to_owned(),
        _ => "the credentials are not valid".to_owned(),
    };
    Refusal::new(StatusCode::UNAUTHORIZED, message)
}
