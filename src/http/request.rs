//! What every door does with a request first: read its body within bounds, and find out who sent it.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, HttpBody};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Request};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use smallvec::SmallVec;

use super::router::Doors;
use super::visitor::Visitor;
use crate::authn::{self, Caller};
use crate::decision::RequestFacts;
use crate::sigv4::RequestParts;
use crate::telemetry::names;

/// A request whose body has been read.
pub(super) struct Incoming {
    pub(super) parts: Parts,
    pub(super) body: Bytes,
    /// Who sent it, where it came over a listener.
    pub(super) visitor: Option<Visitor>,
}

/// A request, and what came of reading its body.
pub(super) struct Arrival {
    pub(super) parts: Parts,
    /// When its head was there.
    pub(super) started: Instant,
    body: Result<Bytes, Unreadable>,
    visitor: Option<Visitor>,
}

/// Says that the connection ends with this answer, if it does: what is left of a body that was too large is not read, and a client
/// that knows does not send its next request into the end.
pub(super) fn say_if_closing<B>(response: &mut http::Response<B>) {
    if response.status() == http::StatusCode::PAYLOAD_TOO_LARGE {
        response.headers_mut().insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
    }
}

/// Whether the body is said to be JSON.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE) else { return false };
    if kind == "application/json" {
        return true;
    }
    let kind = kind.to_str().unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// The body could not be read.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// It is longer than the limit.
    TooLarge,
    /// The connection broke, or the body was not what its headers said.
    Broken,
}

impl Arrival {
    /// Reads the body of a request that the router has led here, up to `limit` bytes.
    pub(super) async fn read(request: Request<Body>, limit: usize) -> Self {
        let visitor = request.extensions().get::<Visitor>().cloned();
        Self::of(visitor, request, limit).await
    }

    /// As [`Arrival::read`], of one that came from this visitor.
    pub(super) async fn of<B>(visitor: Option<Visitor>, request: Request<B>, limit: usize) -> Self
    where
        B: HttpBody<Data = Bytes> + Unpin,
    {
        let started = Instant::now();
        let (parts, body) = request.into_parts();
        // A length that is announced too large is refused before the first byte is read.
        let announced = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        let body = match announced {
            Some(length) if length > limit => Err(Unreadable::TooLarge),
            _ => whole(body, limit).await,
        };
        Self { parts, started, body, visitor }
    }

    /// The request, if its body could be read.
    pub(super) fn whole(self) -> Result<Incoming, Unreadable> {
        let Self { parts, started: _, body, visitor } = self;
        Ok(Incoming { parts, body: body?, visitor })
    }
}

impl Incoming {
    /// Reads the body, up to `limit` bytes.
    pub(super) async fn read(request: Request<Body>, limit: usize) -> Result<Self, Unreadable> {
        Arrival::read(request, limit).await.whole()
    }

    /// Who signed it, for one of `services`.
    pub(super) async fn authenticate(
        &self,
        doors: &Doors,
        services: &[&str],
        facts: &RequestFacts,
    ) -> Result<Caller, authn::Error> {
        let host = self.host_of_http2();
        let host = host.as_ref().map(|host| ("host", host.as_bytes()));
        // Most requests have no more headers than this.
        let headers: SmallVec<[(&str, &[u8]); 16]> =
            self.parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).chain(host).collect();
        let parts = RequestParts {
            method: self.parts.method.as_str(),
            path: self.parts.uri.path(),
            query: self.parts.uri.query().unwrap_or_default(),
            headers: &headers,
            body: &self.body,
        };
        let caller = doors.broker.authenticator.authenticate(&parts, services, facts.now).await;
        caller.inspect_err(count)
    }

    /// Facts of the request that policies can ask for.
    pub(super) fn facts(&self, doors: &Doors) -> RequestFacts {
        let peer = self.visitor.as_ref().map(Visitor::peer);
        RequestFacts {
            now: doors.broker.clock.now(),
            source_ip: peer.map(|peer| doors.proxies.caller(&peer, &self.parts.headers)),
            user_agent: text(&self.parts.headers, &USER_AGENT),
            secure_transport: peer.map(|peer| peer.encrypted),
            region: None,
            mfa_now: None,
        }
    }

    /// HTTP/2 carries the host as `:authority`; signatures cover it under its old name.
    fn host_of_http2(&self) -> Option<String> {
        let named = self.parts.headers.contains_key(HOST);
        if named { None } else { self.parts.uri.authority().map(ToString::to_string) }
    }
}

/// A body of at most `limit` bytes. Most come in one piece, which is not copied.
async fn whole(mut body: impl HttpBody<Data = Bytes> + Unpin, limit: usize) -> Result<Bytes, Unreadable> {
    let (mut first, mut all) = (Bytes::new(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        // What is no data is a trailer, which nobody reads here.
        let Ok(data) = frame.map_err(|_| Unreadable::Broken)?.into_data() else { continue };
        if first.len() + all.len() + data.len() > limit {
            return Err(Unreadable::TooLarge);
        }
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&data);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// Counts a failed sign-in by its cause.
pub(super) fn count(error: &authn::Error) {
    metrics::counter!(names::AUTHENTICATION_FAILURES, "cause" => error.cause()).increment(1);
}

/// A header as text, cut where nobody's client is that talkative.
fn text(headers: &HeaderMap, name: &HeaderName) -> Option<Arc<str>> {
    const LONGEST: usize = 512;
    // A header that reads as text is ASCII: it can be cut anywhere.
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.get(..LONGEST).unwrap_or(value).into())
}
