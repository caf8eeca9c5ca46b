//! What the sidecar answers to a request. A success holds credentials that are good now; anything else is an error
//! with a `code` and a `message`, which the SDKs show.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, HOST, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::Serialize;

use super::listen::is_own_host;
use super::{AuthorizationToken, Keeper};
use crate::client::sts::AssumedRole;

/// Where the sidecar says whether it has credentials, and in a word what is wrong with getting others. Needs no token and tells
/// nothing else.
pub const HEALTH: &str = "/health";

/// Everything that an answer depends on.
#[derive(Debug)]
pub struct Endpoint {
    /// Has the credentials.
    pub keeper: Arc<Keeper>,
    /// The address that is listened on.
    pub address: SocketAddr,
    /// The path of the credentials.
    pub path: String,
    /// What a client must send in `Authorization`.
    pub token: AuthorizationToken,
}

impl Endpoint {
    /// The answer to a request; its body is not looked at.
    pub fn answer(&self, request: &Parts) -> Response {
        let mut response = match self.decide(request) {
            Ok(response) => response,
            Err(refusal) => refusal.into_response(),
        };
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    fn decide(&self, request: &Parts) -> Result<Response, Refusal> {
        self.check_host(request)?;
        let is_health = request.uri.path() == HEALTH;
        if !is_health && request.uri.path() != self.path {
            return Err(Refusal::new(StatusCode::NOT_FOUND, "NotFound", "there is nothing at this path"));
        }
        if request.method != Method::GET {
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "only GET is answered"));
        }
        if is_health {
            return self.health();
        }
        let authorized = only(&request.headers, &AUTHORIZATION).is_some_and(|token| self.token.matches(token));
        if !authorized {
            let message = "the Authorization header does not hold the sidecar's token";
            return Err(Refusal::new(StatusCode::FORBIDDEN, "AccessDenied", message));
        }
        match self.keeper.current() {
            Ok(role) => Ok(Json(Credentials::of(&role, self.keeper.role_arn())).into_response()),
            Err(Some(trouble)) => Err(Refusal::unavailable(trouble.code(), &trouble.to_string())),
            Err(None) => Err(Refusal::unavailable("CredentialsNotReady", "there are no valid credentials yet")),
        }
    }

    fn check_host(&self, request: &Parts) -> Result<(), Refusal> {
        let own = |authority: &str| is_own_host(authority, self.address.ip());
        let in_target = request.uri.authority().is_none_or(|authority| own(authority.as_str()));
        if in_target && only(&request.headers, &HOST).is_some_and(own) {
            return Ok(());
        }
        let message = "the Host header does not name this sidecar";
        Err(Refusal::new(StatusCode::MISDIRECTED_REQUEST, "InvalidHost", message))
    }

    fn health(&self) -> Result<Response, Refusal> {
        match self.keeper.current() {
            Ok(role) => {
                let expiration = role.credentials.expiration.iso8601();
                Ok(Json(Health { status: "ok", expiration, trouble: self.keeper.trouble() }).into_response())
            }
            Err(trouble) => {
                let refusal = Refusal::unavailable("CredentialsNotReady", "there are no valid credentials");
                Err(Refusal { trouble: trouble.map(|trouble| trouble.code().to_owned()), ..refusal })
            }
        }
    }
}

/// The value of a header that is there exactly once and is text.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    token: &'a str,
    expiration: String,
    role_arn: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
}

impl<'a> Credentials<'a> {
    fn of(role: &'a AssumedRole, role_arn: &'a str) -> Self {
        Self {
            access_key_id: &role.credentials.access_key_id,
            secret_access_key: role.credentials.secret_access_key.expose(),
            token: role.credentials.session_token.expose(),
            expiration: role.credentials.expiration.iso8601(),
            role_arn,
            account_id: role.arn.split(':').nth(4).filter(|account| !account.is_empty()),
        }
    }
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    expiration: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
}

#[derive(Debug, Serialize)]
struct Refusal {
    #[serde(skip)]
    status: StatusCode,
    code: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
}

impl Refusal {
    fn new(status: StatusCode, code: &str, message: &str) -> Self {
        Self { status, code: code.to_owned(), message: message.to_owned(), trouble: None }
    }

    fn unavailable(code: &str, message: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status;
        let mut response = (status, Json(self)).into_response();
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
        }
        response
    }
}
