//! What verifiers of session tokens need: the public keys and where they are.
//!
//! Source: RFC 7517 (JWK Set), OpenID Connect Discovery 1.0.

use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use serde_json::json;

use super::router::Doors;
use crate::crypto::alg::SigningAlg;

/// Verifiers may keep the keys for five minutes. A new key is shown long before it signs.
const KEEP: &str = "public, max-age=300";

/// The public keys.
pub(super) async fn jwks(State(doors): State<Doors>) -> impl IntoResponse {
    let set = doors.broker.keys.ring().jwks(doors.broker.clock.now());
    ([(CACHE_CONTROL, KEEP)], Json(set))
}

/// The discovery document.
pub(super) async fn openid_configuration(State(doors): State<Doors>) -> impl IntoResponse {
    let ring = doors.broker.keys.ring();
    let algorithms = [SigningAlg::Es256, SigningAlg::EdDsa].map(|alg| crate::crypto::alg::Alg::from(alg).name());
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
