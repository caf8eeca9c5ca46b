//! Where the doors are: `GET /.well-known/authzen-configuration`.
//!
//! Source: OpenID AuthZEN Authorization API 1.0, "Policy Decision Point Metadata". `signed_metadata` says the same under the broker's
//! signature: with a key of `/.well-known/jwks.json`, and of a type of its own, so that it passes for no session token.

use std::sync::{Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::crypto::jwt::{self, JwtHeader};
use crate::http::router::Doors;
use crate::session::KeyRing;

/// The `typ` of signed metadata.
const TYP: &str = "authzen-metadata+jwt";
/// Seconds for which signed metadata can be relied on.
const LIVES_SECONDS: i64 = 3_600;
/// Anybody may ask, and signing costs more than all the rest: so it is signed once in some seconds.
const KEEP_SECONDS: i64 = 60;
/// Whoever reads it may keep it for five minutes, as the keys.
const KEEP: &str = "public, max-age=300";

/// What was signed a moment ago.
#[derive(Debug, Default)]
pub struct SignedMetadata(Mutex<Option<Kept>>);

#[derive(Debug, Clone)]
struct Kept {
    at: Timestamp,
    kid: String,
    text: String,
}

impl SignedMetadata {
    /// The metadata under the ring's signature; `None` while no key signs.
    fn of(&self, ring: &KeyRing, issuer: &str, metadata: &Map<String, Value>, now: Timestamp) -> Option<String> {
        let key = ring.active(now)?.signing();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent =
            |kept: &&Kept| kept.kid == key.kid() && (0..KEEP_SECONDS).contains(&(now.seconds() - kept.at.seconds()));
        if let Some(recent) = kept.as_ref().filter(is_recent) {
            return Some(recent.text.clone());
        }
        let mut claims = metadata.clone();
        claims.insert("iss".to_owned(), json!(issuer));
        claims.insert("iat".to_owned(), json!(now));
        claims.insert("exp".to_owned(), json!(now.plus(LIVES_SECONDS)));
        let signed = jwt::sign(JwtHeader { typ: TYP, kid: key.kid() }, &claims, key).ok()?;
        let text = signed.expose().to_owned();
        *kept = Some(Kept { at: now, kid: key.kid().to_owned(), text: text.clone() });
        Some(text)
    }
}

/// Tells where the doors are.
pub(in crate::http) async fn metadata(State(doors): State<Doors>) -> Response {
    let base = &*doors.public_url;
    let mut metadata = Map::new();
    metadata.insert("policy_decision_point".to_owned(), json!(base));
    for (name, path) in [
        ("access_evaluation_endpoint", "/access/v1/evaluation"),
        ("access_evaluations_endpoint", "/access/v1/evaluations"),
        ("search_subject_endpoint", "/access/v1/search/subject"),
        ("search_resource_endpoint", "/access/v1/search/resource"),
        ("search_action_endpoint", "/access/v1/search/action"),
    ] {
        metadata.insert(name.to_owned(), json!(format!("{base}{path}")));
    }
    let now = doors.broker.clock.now();
    if let Some(signed) = doors.signed_metadata.of(&doors.broker.keys.ring(), base, &metadata, now) {
        metadata.insert("signed_metadata".to_owned(), json!(signed));
    }
    ([(CACHE_CONTROL, KEEP)], Json(Value::Object(metadata))).into_response()
}
