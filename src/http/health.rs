//! Whether the broker lives, whether it can work, and what it has counted.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::router::Doors;

/// The process answers.
pub(super) async fn live() -> impl IntoResponse {
    Json(json!({ "status": "live" }))
}

/// The store answers, what is known is recent, and there is a key to sign with.
pub(super) async fn ready(State(doors): State<Doors>) -> Response {
    let broker = &doors.broker;
    let store = broker.store.health().await;
    let feed = broker.feed.revision();
    let key = broker.keys.ring().active(broker.clock.now()).is_some();
    let ready = store.is_ok() && feed.is_ok() && key;
    let body = json!({
        "status": if ready { "ready" } else { "not ready" },
        "store": if store.is_ok() { "reachable" } else { "unreachable" },
        "knowledge": if feed.is_ok() { "recent" } else { "stale" },
        "signing_key": if key { "active" } else { "missing" },
        "revision": feed.ok().map(|revision| revision.0),
    });
    (if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(body)).into_response()
}

/// Prometheus text.
pub(super) async fn metrics(State(doors): State<Doors>) -> Response {
    match &doors.metrics {
        Some(metrics) => ([(CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.render()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
