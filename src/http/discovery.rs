//! What verifiers of tokens need: the public keys and where they are. The broker itself issues session tokens; each account is the
//! issuer of its web identity tokens.
//!
//! Source: RFC 7517 (JWK Set), OpenID Connect Discovery 1.0 section 3. Nobody logs in here, so there is no authorization endpoint, as
//! in the documents of AWS.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::aws;
use super::router::Doors;
use crate::crypto::alg::SigningAlg;
use crate::session::account_issuer;
use crate::types::AccountId;

/// Verifiers may keep the keys for five minutes. A new key is shown long before it signs.
const KEEP: &str = "public, max-age=300";

/// The public keys of session tokens.
pub(super) async fn jwks(State(doors): State<Doors>) -> impl IntoResponse {
    let set = doors.broker.keys.ring().jwks(doors.broker.clock.now());
    ([(CACHE_CONTROL, KEEP)], Json(set))
}

/// The discovery document.
pub(super) async fn openid_configuration(State(doors): State<Doors>) -> impl IntoResponse {
    let ring = doors.broker.keys.ring();
    let algorithms = [SigningAlg::Es256, SigningAlg::EdDsa].map(SigningAlg::name);
    let document = json!({
        "issuer": ring.issuer(),
        "jwks_uri": format!("{}/.well-known/jwks.json", doors.public_url),
        "id_token_signing_alg_values_supported": algorithms,
        "response_types_supported": ["none"],
        "subject_types_supported": ["public"],
        "claims_supported": ["iss", "sub", "iat", "exp", "jti", "amr", "auth_time", "act", "cnf"],
    });
    ([(CACHE_CONTROL, KEEP)], Json(document))
}

/// The public keys of web identity tokens. They are the same for all accounts, and there for every twelve digits, so that nobody
/// learns here which accounts there are, nor costs the store a look.
pub(super) async fn account_jwks(State(doors): State<Doors>, Path(account): Path<String>) -> Response {
    if account.parse::<AccountId>().is_err() {
        return aws::no_such_path(State(doors)).await;
    }
    let set = doors.broker.keys.identity().jwks(doors.broker.clock.now());
    ([(CACHE_CONTROL, KEEP)], Json(set)).into_response()
}

/// The discovery document of an account.
pub(super) async fn account_configuration(State(doors): State<Doors>, Path(account): Path<String>) -> Response {
    let Ok(account) = account.parse::<AccountId>() else { return aws::no_such_path(State(doors)).await };
    let keys = &doors.broker.keys;
    let algorithms: Vec<&str> = keys.identity().algorithms().into_iter().map(SigningAlg::name).collect();
    let document = json!({
        "issuer": account_issuer(keys.ring().issuer(), account),
        "jwks_uri": format!("{}/.well-known/jwks.json", account_issuer(&doors.public_url, account)),
        "id_token_signing_alg_values_supported": algorithms,
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "claims_supported": ["iss", "sub", "aud", "iat", "exp", "jti", "https://sts.amazonaws.com/"],
    });
    ([(CACHE_CONTROL, KEEP)], Json(document)).into_response()
}
