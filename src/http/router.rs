//! Which door is behind which path.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{any, get, post};

use super::counts::Counts;
use super::followers::Followers;
use super::peer::TrustedProxies;
use super::routes::Routes;
use super::{
    auth_request, authzen, aws, changes, checked, discovery, ext_authz, health, presented, resources, sessions,
};
use crate::ops::{Broker, Registry};
use crate::session::status::SignedLists;
use crate::telemetry::Metrics;

/// What the doors share.
#[derive(Clone, Debug)]
pub struct Doors {
    /// The broker behind them.
    pub broker: Arc<Broker>,
    /// The operations behind the AWS door.
    pub registry: Arc<Registry>,
    /// Where clients reach the broker, without a slash at the end.
    pub public_url: Arc<str>,
    /// Renders what has been counted; absent where somebody else counts.
    pub metrics: Option<Metrics>,
    /// What was counted by door, operation and outcome.
    pub counts: Arc<Counts>,
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: Arc<TrustedProxies>,
    /// Bytes of a request's body, at the most.
    pub request_limit: usize,
    /// What requests mean that proxies ask about.
    pub routes: Arc<Routes>,
    /// Who follows the changes.
    pub followers: Arc<Followers>,
    /// Status lists that were signed a moment ago.
    pub status_lists: Arc<SignedLists>,
    /// What was signed a moment ago of where the AuthZEN doors are.
    pub signed_metadata: Arc<authzen::SignedMetadata>,
    /// Answers that may be asked for again within their second.
    pub repeated: Arc<authzen::Repeated>,
}

/// All doors on one listener.
pub fn router(doors: Doors) -> Router {
    Router::new()
        .route("/", get(aws::query).post(aws::query))
        .route("/access/v1/evaluation", post(authzen::evaluation))
        .route("/auth_request", any(auth_request::auth_request))
        .route("/ext_authz/", any(ext_authz::http))
        .route("/ext_authz/{*path}", any(ext_authz::http))
        .route("/envoy.service.auth.v3.Authorization/Check", post(ext_authz::grpc))
        .route("/access/v1/evaluations", post(authzen::evaluations))
        .route("/access/v1/search/action", post(authzen::search_action))
        .route("/access/v1/search/resource", post(authzen::search_resource))
        .route("/access/v1/search/subject", post(authzen::search_subject))
        .route("/changes/v1/stream", get(changes::stream))
        .route("/keys/v1/derive", post(presented::derive))
        .route("/requests/v1/check", post(checked::check))
        .route("/requests/v1/verify", post(presented::verify))
        .route("/resources/v1/{operation}", post(resources::operation))
        .route("/sessions/v1/revoke", post(sessions::revoke))
        .route("/outbound/{account}/status-lists/{name}", get(sessions::status_list))
        .route("/.well-known/authzen-configuration", get(authzen::metadata))
        .route("/.well-known/jwks.json", get(discovery::jwks))
        .route("/.well-known/openid-configuration", get(discovery::openid_configuration))
        .route("/outbound/{account}/.well-known/jwks.json", get(discovery::account_jwks))
        .route("/outbound/{account}/.well-known/openid-configuration", get(discovery::account_configuration))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(aws::no_such_path)
        // The doors read bodies themselves, up to `Doors::request_limit`.
        .layer(DefaultBodyLimit::disable())
        .with_state(doors)
}
