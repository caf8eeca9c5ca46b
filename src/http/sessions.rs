//! The sessions door: `POST /sessions/v1/revoke` ends sessions before their time, and `GET /outbound/ACCOUNT/status-lists/…` tells verifiers.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{ACCEPT, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::json_door::{self, Counted, Signed};
use super::refusal::Refusal;
use super::router::Doors;
use crate::clock::Timestamp;
use crate::ops::{self, Revoke, Which};
use crate::session::revocation::session_key_of_jti;
use crate::session::{account_issuer, status};
use crate::types::AccountId;

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

/// Revokes sessions.
pub(super) async fn revoke(State(doors): State<Doors>, request: Request<Body>) -> Response {
    let counted = Counted { door: "sessions", operation: "revoke", started: std::time::Instant::now() };
    let request_id = doors.broker.new_id();
    let done = revoked(&doors, request, &request_id).await;
    json_door::answer(&doors, done, &request_id, counted)
}

async fn revoked(doors: &Doors, request: Request<Body>, request_id: &str) -> Result<(Value, Option<u64>), Refusal> {
    let signed = Signed::read(doors, request, BODY_LIMIT).await?;
    let (asked, parameters) = read(&signed.body("a revocation")?, signed.caller.account())?;
    let done = ops::revoke_sessions(&signed.call(doors, request_id), &asked, parameters).await;
    let (revocation, revision) = done.map_err(|error| Refusal::of_operation(&error, request_id))?;
    Ok((ops::shown_revocation(&revocation), Some(revision.0)))
}

/// What is asked for, and how the audit trail shows it.
fn read(wanted: &Wanted, account: AccountId) -> Result<(Revoke, Value), Refusal> {
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
