//! The sessions door: `POST /sessions/v1/revoke` ends sessions before their time, and `GET /outbound/ACCOUNT/status-lists/…` tells verifiers.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{ACCEPT, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::request::{Incoming, Unreadable, say_if_closing};
use super::router::Doors;
use crate::authn;
use crate::clock::Timestamp;
use crate::ops::{self, Call, Fault, Revoke, Which};
use crate::session::revocation::session_key_of_jti;
use crate::session::{account_issuer, status};
use crate::telemetry::names;
use crate::types::AccountId;

/// The service name that requests to this door are signed for.
const SERVICE: &str = "brevet";
/// Bytes of a request's body, at the most: an ARN and some words.
const BODY_LIMIT: usize = 16 << 10;

/// What is revoked: exactly one of the first four.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    own_session: bool,
    access_key_id: Option<String>,
    jti: Option<String>,
    principal: Option<String>,
    issued_until: Option<String>,
    #[serde(default)]
    descendants: bool,
}

/// Why nothing was revoked.
struct Refusal {
    fault: Fault,
    message: String,
}

impl Refusal {
    fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into() }
    }

    fn bad(message: impl Into<String>) -> Self {
        Self::new(Fault::of_sender("ValidationError", 400), message)
    }
}

/// Revokes sessions.
pub(super) async fn revoke(State(doors): State<Doors>, request: Request<Body>) -> Response {
    let started = std::time::Instant::now();
    let request_id = doors.broker.new_id();
    let (mut response, code) = match revoked(&doors, request, &request_id).await {
        Ok((answer, revision)) => {
            let mut response = Json(answer).into_response();
            response.headers_mut().insert("x-brevet-revision", HeaderValue::from(revision));
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
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    metrics::counter!(names::REQUESTS, "door" => "sessions", "operation" => "revoke", "code" => code).increment(1);
    metrics::histogram!(names::REQUEST_SECONDS, "door" => "sessions").record(started.elapsed().as_secs_f64());
    response
}

async fn revoked(doors: &Doors, request: Request<Body>, request_id: &str) -> Result<(Value, u64), Refusal> {
    let limit = BODY_LIMIT.min(doors.request_limit);
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
    let caller = incoming.authenticate(doors, &[SERVICE], &facts).await.map_err(|error| of_authentication(&error))?;
    facts.region = Some(caller.region().to_owned());
    let (asked, parameters) = read(&incoming, caller.account())?;
    let call = Call { broker: &doors.broker, caller: &caller, facts, request_id };
    let done = ops::revoke_sessions(&call, &asked, parameters).await;
    let (revocation, revision) = done.map_err(|error| {
        let fault = error.aws();
        if !fault.sender {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(?error, cause, request = request_id, "sessions could not be revoked");
        }
        Refusal::new(fault, error.to_string())
    })?;
    Ok((ops::shown_revocation(&revocation), revision.0))
}

/// What is asked for, and how the audit trail shows it.
fn read(incoming: &Incoming, account: AccountId) -> Result<(Revoke, Value), Refusal> {
    let kind = incoming.parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        return Err(Refusal::bad("The content type must be application/json."));
    }
    let malformed = |error: serde_json::Error| {
        Refusal::new(Fault::of_sender("MalformedInput", 400), format!("The body is not a revocation: {error}."))
    };
    let wanted: Wanted = serde_json::from_slice(&incoming.body).map_err(malformed)?;
    let mut shown = Map::new();
    let mut show = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
    let which = match (wanted.own_session, &wanted.access_key_id, &wanted.jti, &wanted.principal) {
        (true, None, None, None) => {
            show("ownSession", Value::from(true));
            Which::Own
        }
        (false, Some(id), None, None) => {
            let key: crate::types::AccessKeyId =
                id.parse().map_err(|error| Refusal::bad(format!("accessKeyId: {error}.")))?;
            show("accessKeyId", Value::from(key.as_str()));
            if key.is_session() { Which::Session(key) } else { Which::AccessKey(key) }
        }
        (false, None, Some(jti), None) => {
            let key = session_key_of_jti(account, jti).ok_or_else(|| Refusal::bad("jti is not that of a session."))?;
            show("jti", Value::from(jti.as_str()));
            Which::Session(key)
        }
        (false, None, None, Some(arn)) => {
            let arn = arn.parse().map_err(|error| Refusal::bad(format!("principal: {error}.")))?;
            show("principal", Value::from(format!("{arn}")));
            Which::Principal(arn)
        }
        _ => return Err(Refusal::bad("Give one of ownSession (true), accessKeyId, jti and principal.")),
    };
    let until = match &wanted.issued_until {
        Some(text) => {
            let read = Timestamp::parse_iso8601(text);
            let until = read.ok_or_else(|| Refusal::bad("issuedUntil must have the form 2026-11-26T23:00:00Z."))?;
            show("issuedUntil", Value::from(until.iso8601()));
            Some(until)
        }
        None => None,
    };
    show("descendants", Value::from(wanted.descendants));
    Ok((Revoke { which, until, descendants: wanted.descendants }, Value::Object(shown)))
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
        | authn::Error::WrongAudience
        | authn::Error::Token(_) => {
            Refusal::new(Fault::of_sender("InvalidClientTokenId", 401), "The credentials are not valid.")
        }
    }
}

/// The status list of a name that stands in a token.
///
/// Source: "Token Status List" (draft-ietf-oauth-status-list), section "Status List Request" and those that follow.
pub(super) async fn status_list(
    State(doors): State<Doors>,
    Path((account, name)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let refused = |status: StatusCode, message: &str| (status, Json(json!({ "error": message }))).into_response();
    if query.unwrap_or_default().split('&').any(|parameter| parameter.split('=').next() == Some("time")) {
        return refused(StatusCode::NOT_IMPLEMENTED, "there are no lists of the past");
    }
    let wanted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
    if !["application/statuslist+jwt", "application/*", "*/*"].iter().any(|kind| wanted.contains(kind)) {
        return refused(
            StatusCode::NOT_ACCEPTABLE,
            "there are status lists of the type application/statuslist+jwt only",
        );
    }
    let (rings, now) = (doors.broker.keys.rings(), doors.broker.clock.now());
    let ring = rings.sessions();
    let issuer = account.parse().ok().map(|account| account_issuer(ring.issuer(), account));
    let found = issuer.and_then(|issuer| Some((status::whose(ring, &issuer, &name, now)?, issuer)));
    let Some(((algorithm, lineage), issuer)) = found else {
        return refused(StatusCode::NOT_FOUND, "there is no such status list");
    };
    // What may be out of date is not signed.
    let recent = doors.broker.feed.revision().is_ok();
    let revoked = doors.broker.revocations.reach(&lineage);
    let signer = rings.identity().active(algorithm, now).filter(|_| recent);
    let list = signer.and_then(|signer| doors.status_lists.list(signer.key, &issuer, &name, revoked, now).ok());
    let Some(list) = list else {
        return refused(StatusCode::SERVICE_UNAVAILABLE, "no status can be told at present; please try again");
    };
    let keep = format!("public, max-age={}", status::KEEP_SECONDS);
    let headers = [
        (CONTENT_TYPE, format!("application/{}", status::STATUS_LIST_TYP)),
        (CACHE_CONTROL, keep),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*".to_owned()),
    ];
    (headers, list.expose().to_owned()).into_response()
}
