//! The doors for Envoy's external authorization: by HTTP here, and by gRPC.
//!
//! Source: Envoy's documentation of the filter `envoy.filters.http.ext_authz`. By HTTP, Envoy sends the request that it has received
//! once more, without its body and with `path_prefix` before its path: 200 lets it pass, with headers of the answer that Envoy's
//! configuration names.

mod grpc;
mod messages;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, Response, StatusCode};

pub(super) use grpc::check as grpc;

use super::check;
use super::request::Incoming;
use super::router::Doors;
use super::routes::{Header, Headers, Original};

/// What Envoy puts before the path.
pub(super) const PREFIX: &str = "/ext_authz";
/// By this header Envoy is told which headers the request must not have on its way.
const TO_REMOVE: &str = "x-envoy-auth-headers-to-remove";

/// Answers Envoy's request.
pub(super) async fn http(State(doors): State<Doors>, request: Request<Body>) -> Response<Body> {
    let mut response = check::answer(&doors, "ext_authz", request, original).await;
    if response.status() == StatusCode::OK {
        // Where it showed a token of its own, that is no business of the service behind it.
        response.headers_mut().insert(TO_REMOVE, HeaderValue::from_static(check::PROXY_AUTHORIZATION));
    }
    response
}

fn original(incoming: &Incoming) -> Result<Original<'_>, &'static str> {
    let parts = &incoming.parts;
    let whole = parts.uri.path_and_query().map_or("", |target| target.as_str());
    let target = whole.strip_prefix(PREFIX).ok_or("the path must begin with /ext_authz")?;
    let host = match Headers::get(&parts.headers, "host") {
        Header::One(text) => Some(text),
        Header::None => parts.uri.authority().map(http::uri::Authority::as_str),
        Header::Unclear => return Err("`host` is there more than once, or is no text"),
    };
    Ok(Original { method: parts.method.as_str(), host, target, headers: &parts.headers })
}
