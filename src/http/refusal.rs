//! Why a door for services gives no answer: a status, a code and a sentence. What the causes have in common stands here; the sentences
//! about the credentials are each door's own, and AuthZEN's doors show no codes.

use axum::Json;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::request::{Unreadable, say_if_closing};
use crate::authn;
use crate::ops::{self, questions};
use crate::store::NotReached;

/// How whoever asks at the doors for questions signs in (RFC 9110 section 11.6.1).
pub(in crate::http) const SIGN_IN: HeaderValue = HeaderValue::from_static("AWS4-HMAC-SHA256, Bearer");

/// Why there is no answer.
pub(in crate::http) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refusal {
    pub(in crate::http) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(in crate::http) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "ValidationError", message)
    }

    /// Of whoever did not prove who they are, in a door's own words.
    pub(in crate::http) fn of_authentication(error: &authn::Error, message: impl Into<String>) -> Self {
        let code = match error {
            authn::Error::Store(_) => {
                return Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message);
            }
            authn::Error::Anonymous | authn::Error::WrongService(_) => "MissingAuthenticationToken",
            authn::Error::Signature(_) => "SignatureDoesNotMatch",
            authn::Error::Expired | authn::Error::Revoked => "ExpiredToken",
            authn::Error::UnsignedPayload
            | authn::Error::UnknownKey
            | authn::Error::InactiveKey
            | authn::Error::TokenMismatch
            | authn::Error::Certificate(_)
            | authn::Error::WrongAudience
            | authn::Error::Token(_) => "InvalidClientTokenId",
        };
        Self::new(StatusCode::UNAUTHORIZED, code, message)
    }

    /// Why an operation was refused; faults of the broker's own are logged with their causes.
    pub(in crate::http) fn of_operation(error: &ops::Error, request_id: &str) -> Self {
        let fault = error.aws();
        if !fault.sender {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::error!(?error, cause, request = request_id, "an operation failed");
        }
        let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(status, fault.code, error.to_string())
    }

    pub(in crate::http) fn status(&self) -> StatusCode {
        self.status
    }

    pub(in crate::http) fn code(&self) -> &'static str {
        self.code
    }

    pub(in crate::http) fn message(&self) -> &str {
        &self.message
    }

    /// The sentence alone, as AuthZEN's doors answer.
    pub(in crate::http) fn without_code(&self) -> Response {
        self.shown(json!({ "error": self.message }), SIGN_IN)
    }

    /// With its code. `challenge` says how whoever is not known signs in.
    pub(in crate::http) fn with_code(&self, challenge: HeaderValue) -> Response {
        self.shown(json!({ "code": self.code, "error": self.message }), challenge)
    }

    fn shown(&self, body: Value, challenge: HeaderValue) -> Response {
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert("www-authenticate", challenge);
        }
        say_if_closing(&mut response);
        response
    }
}

impl From<questions::Refusal> for Refusal {
    fn from(refusal: questions::Refusal) -> Self {
        let (status, code) = match &refusal {
            questions::Refusal::Bad(_) => (StatusCode::BAD_REQUEST, "ValidationError"),
            questions::Refusal::Denied(_) => (StatusCode::FORBIDDEN, "AccessDenied"),
            questions::Refusal::NoAsker => (StatusCode::UNAUTHORIZED, "InvalidClientTokenId"),
            questions::Refusal::NotReached(NotReached::Unheard(..)) => {
                (StatusCode::PRECONDITION_FAILED, "PreconditionFailed")
            }
            questions::Refusal::NotReached(NotReached::NotYet(..)) | questions::Refusal::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable")
            }
        };
        Self::new(status, code, refusal.to_string())
    }
}

impl From<Unreadable> for Refusal {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::TooLarge => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", "the body is too large")
            }
            Unreadable::Broken => Self::new(StatusCode::BAD_REQUEST, "IncompleteBody", "the body is incomplete"),
        }
    }
}
