//! The door for nginx: `/auth_request` answers the subrequest of its module `ngx_http_auth_request`.
//!
//! Source: nginx's documentation of that module: 2xx lets the request pass, 401 and 403 refuse it, anything else is an error, which
//! refuses it too. Which request it was, nginx says in headers that its configuration sets, over whatever the client sent.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, Response};

use super::check;
use super::request::Incoming;
use super::router::Doors;
use super::routes::{Header, Headers, Original};

const METHOD: &str = "x-original-method";
const TARGET: &str = "x-original-uri";
const HOST: &str = "x-forwarded-host";

/// Answers a subrequest.
pub(super) async fn auth_request(State(doors): State<Doors>, request: Request<Body>) -> Response<Body> {
    check::answer(&doors, "auth_request", request, original).await
}

fn original(incoming: &Incoming) -> Result<Original<'_>, &'static str> {
    let headers = &incoming.parts.headers;
    let needed = |name, missing| one(headers, name).ok_or(missing);
    Ok(Original {
        method: needed(METHOD, "`x-original-method` must say once which method the request has")?,
        target: needed(TARGET, "`x-original-uri` must say once which path and query the request has")?,
        host: Some(needed(HOST, "`x-forwarded-host` must say once which host the request is for")?),
        headers,
    })
}

fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    match Headers::get(headers, name) {
        Header::One(text) => Some(text),
        Header::None | Header::Unclear => None,
    }
}
