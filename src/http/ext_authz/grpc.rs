//! Envoy's external authorization by gRPC: `envoy.service.auth.v3.Authorization/Check`.
//!
//! A verdict is a `CheckResponse`, whatever it is. A gRPC status says that there is none: Envoy then refuses the request, unless it is
//! set to let pass what nobody has checked.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{Request, Response};
use bytes::Bytes;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};
use tonic::server::Grpc;
use tonic::{Code, Status};
use tonic_prost::ProstCodec;

use super::messages::{
    CheckRequest, CheckResponse, DeniedHttpResponse, HeaderValue, HeaderValueOption, HttpRequest, HttpResponse,
    HttpStatus, OVERWRITE, OkHttpResponse, RpcStatus,
};
use crate::authn::{self, Caller};
use crate::decision::RequestFacts;
use crate::http::check::{self, Decided, GIVEN, MOST_HEADERS, Outcome, Verdict};
use crate::http::request::Incoming;
use crate::http::router::Doors;
use crate::http::routes::{Header, Headers, Original};
use crate::http::sender::SIGV4;
use crate::http::visitor::Visitor;
use crate::ops::questions::Refusal;
use crate::store::NotReached;
use crate::telemetry::names;

/// How metrics and the audit trail call the door.
const DOOR: &str = "ext_authz";

/// Answers a call.
pub(in crate::http) async fn check(State(doors): State<Doors>, request: Request<Body>) -> Response<Body> {
    let started = std::time::Instant::now();
    let (parts, body) = request.into_parts();
    let visitor = parts.extensions.get::<Visitor>().cloned();
    let incoming = Incoming { parts: parts.clone(), body: Bytes::new(), visitor };
    // Whoever does not sign in has no message read.
    let response = match incoming.token_or_certificate(&doors).await {
        Err(error) => {
            let status = of_authentication(error);
            count(status.code().description());
            status.into_http()
        }
        Ok((asker, facts)) => {
            let call = Arc::new(Call { doors: doors.clone(), asker, facts });
            let service = tower::service_fn(move |message: tonic::Request<CheckRequest>| {
                let call = Arc::clone(&call);
                async move { call.answer(message.get_ref()).await }
            });
            let codec: ProstCodec<CheckResponse, CheckRequest> = ProstCodec::default();
            let mut grpc = Grpc::new(codec).max_decoding_message_size(doors.request_limit);
            grpc.unary(service, Request::from_parts(parts, body)).await
        }
    };
    metrics::histogram!(names::REQUEST_SECONDS, "door" => DOOR).record(started.elapsed().as_secs_f64());
    response.map(Body::new)
}

fn count(code: &'static str) {
    metrics::counter!(names::REQUESTS, "door" => DOOR, "operation" => "check", "code" => code).increment(1);
}

struct Call {
    doors: Doors,
    asker: Caller,
    facts: RequestFacts,
}

impl Call {
    async fn answer(&self, message: &CheckRequest) -> Result<tonic::Response<CheckResponse>, Status> {
        let answered = self.verdict(message).await;
        count(match &answered {
            Ok((verdict, _)) => match verdict.outcome {
                Outcome::Allowed => "200",
                Outcome::Unauthenticated => "401",
                Outcome::Denied => "403",
            },
            Err(status) => status.code().description(),
        });
        answered.map(|(verdict, http)| tonic::Response::new(rendered(&verdict, http)))
    }

    async fn verdict<'a>(&self, message: &'a CheckRequest) -> Result<(Verdict, &'a HttpRequest), Status> {
        let attributes = message.attributes.as_ref();
        let http = attributes.and_then(|attributes| attributes.request.as_ref()?.http.as_ref());
        let http = http.ok_or_else(|| Status::invalid_argument("`attributes.request.http` is missing"))?;
        let host = (!http.host.is_empty()).then_some(http.host.as_str());
        if http.header_map.iter().map(|map| map.headers.len()).sum::<usize>() + http.headers.len() > MOST_HEADERS {
            return Ok((Verdict::denied("the request has too many headers"), http));
        }
        let original = Original { method: &http.method, host, target: &http.path, headers: http };
        let asking = (&self.asker, self.facts.clone());
        let verdict =
            check::check(&self.doors, DOOR, asking, &original, None).await.map_err(|refusal| of_refusal(&refusal))?;
        Ok((verdict, http))
    }
}

impl Headers for HttpRequest {
    fn get(&self, name: &str) -> Header<'_> {
        let raw =
            self.header_map.iter().flat_map(|map| &map.headers).filter(|header| header.key.eq_ignore_ascii_case(name));
        let raw = raw.map(|header| match header.raw_value.as_slice() {
            [] => plain(header.value.as_bytes()),
            bytes => plain(bytes),
        });
        let merged = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let mut all = raw.chain(merged.map(|(_, value)| certainly_one(name, value)));
        match (all.next(), all.next()) {
            (None, _) => Header::None,
            (Some(Some(text)), None) => Header::One(text),
            _ => Header::Unclear,
        }
    }

    fn all(&self) -> Vec<(&str, &[u8])> {
        let raw = self.header_map.iter().flat_map(|map| &map.headers).map(|header| {
            let value = if header.raw_value.is_empty() { header.value.as_bytes() } else { header.raw_value.as_slice() };
            (header.key.as_str(), value)
        });
        raw.chain(self.headers.iter().map(|(key, value)| (key.as_str(), value.as_bytes()))).collect()
    }
}

/// The value of a header, where it cannot be those of two: unless it sends them raw, Envoy makes one of them, with a comma between. The
/// commas of a signature are its own, and it says everything just once.
fn certainly_one<'a>(name: &str, value: &'a str) -> Option<&'a str> {
    let is_signature = name == AUTHORIZATION.as_str() && value.starts_with(SIGV4);
    plain(value.as_bytes()).filter(|_| is_signature || !value.contains(','))
}

/// A value as the text that it is everywhere, at the doors by HTTP too: beyond ASCII each service has a reading of its own.
fn plain(value: &[u8]) -> Option<&str> {
    let visible = value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
    std::str::from_utf8(value).ok().filter(|_| visible)
}

fn rendered(verdict: &Verdict, request: &HttpRequest) -> CheckResponse {
    let code = match verdict.outcome {
        Outcome::Allowed => Code::Ok,
        Outcome::Unauthenticated => Code::Unauthenticated,
        Outcome::Denied => Code::PermissionDenied,
    };
    let http_response = match verdict.given() {
        Some(given) => HttpResponse::Ok(OkHttpResponse {
            headers: given.into_iter().map(|(name, value)| header(name, value)).collect(),
            headers_to_remove: to_remove(request),
        }),
        None => {
            let mut headers = vec![header("content-type", "application/json".to_owned())];
            headers.extend(verdict.challenge.map(|challenge| header("www-authenticate", challenge.to_owned())));
            let status = HttpStatus { code: i32::from(verdict.status().as_u16()) };
            HttpResponse::Denied(DeniedHttpResponse { status: Some(status), headers, body: verdict.body() })
        }
    };
    CheckResponse {
        status: Some(RpcStatus { code: code.into(), message: verdict.reason.clone() }),
        http_response: Some(http_response),
        dynamic_metadata: Some(metadata(verdict)),
    }
}

fn header(name: &str, value: String) -> HeaderValueOption {
    let header = HeaderValue { key: name.to_owned(), value, raw_value: Vec::new() };
    HeaderValueOption { header: Some(header), append_action: OVERWRITE }
}

/// What looks as if it came from here, and is the client's.
fn to_remove(request: &HttpRequest) -> Vec<String> {
    let raw = request.header_map.iter().flat_map(|map| &map.headers).map(|header| &header.key);
    let names = raw.chain(request.headers.keys()).map(|name| name.to_ascii_lowercase());
    let mut names: Vec<String> =
        names.filter(|name| name.starts_with("x-brevet-") && !GIVEN.contains(&name.as_str())).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// What Envoy's access log and later filters can read.
fn metadata(verdict: &Verdict) -> Struct {
    let mut fields = BTreeMap::new();
    let mut put = |name: &str, kind: Kind| fields.insert(name.to_owned(), Value { kind: Some(kind) });
    put("decision", Kind::BoolValue(verdict.outcome == Outcome::Allowed));
    put("reason", Kind::StringValue(verdict.reason.clone()));
    if let Some(Decided { principal, account, action, resource, answered }) = verdict.decided.as_deref() {
        put("principal", Kind::StringValue(principal.clone()));
        put("account", Kind::StringValue(account.clone()));
        put("action", Kind::StringValue(action.clone()));
        put("resource", Kind::StringValue(resource.clone()));
        // Struct has no other numbers. Revisions are below 2^53 for as long as anybody lives.
        #[expect(clippy::cast_precision_loss, reason = "see above")]
        put("revision", Kind::NumberValue(answered.revision.0 as f64));
        #[expect(clippy::cast_precision_loss, reason = "seconds, at most a minute's")]
        put("max_age", Kind::NumberValue(answered.max_age as f64));
        put("degraded", Kind::BoolValue(answered.degraded));
        let statements = answered.statements().map(|matched| {
            let text = format!("{} statement {} {:?}", matched.policy, matched.index, matched.effect);
            Value { kind: Some(Kind::StringValue(text)) }
        });
        put("statements", Kind::ListValue(ListValue { values: statements.collect() }));
    }
    Struct { fields }
}

fn of_authentication(error: authn::Error) -> Status {
    match error {
        authn::Error::Store(_) => Status::unavailable(Refusal::Unavailable.to_string()),
        authn::Error::Anonymous => {
            Status::unauthenticated("sign in with a client certificate, or with a web identity token for this broker")
        }
        authn::Error::Certificate(fault) => Status::unauthenticated(format!("client certificate: {fault}")),
        authn::Error::Revoked => Status::unauthenticated("the credentials were revoked"),
        authn::Error::WrongAudience => {
            Status::unauthenticated("the token is for another audience than this broker's URL")
        }
        _ => Status::unauthenticated("the credentials are not valid"),
    }
}

fn of_refusal(refusal: &Refusal) -> Status {
    let message = refusal.to_string();
    match refusal {
        Refusal::Bad(_) => Status::invalid_argument(message),
        Refusal::Denied(_) => Status::permission_denied(message),
        Refusal::NoAsker => Status::unauthenticated(message),
        Refusal::NotReached(NotReached::Unheard(..)) => Status::failed_precondition(message),
        Refusal::NotReached(NotReached::NotYet(..)) | Refusal::Unavailable => Status::unavailable(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::ext_authz::messages::HeaderMap;

    /// By HTTP the same value is none that could be read.
    #[test]
    fn a_value_beyond_ascii_is_unclear_as_by_http() {
        let request = |value: &str, raw: &[u8]| {
            let header = HeaderValue { key: "X-Tenant".to_owned(), value: value.to_owned(), raw_value: raw.to_vec() };
            HttpRequest { header_map: Some(HeaderMap { headers: vec![header] }), ..HttpRequest::default() }
        };
        assert_eq!(request("red", b"").get("x-tenant"), Header::One("red"));
        assert_eq!(request("", b"a\tb").get("x-tenant"), Header::One("a\tb"));
        for raw in ["rot\u{fc}", "a\u{7f}", "a\0", "a\nb"] {
            assert_eq!(request("", raw.as_bytes()).get("x-tenant"), Header::Unclear, "{raw:?}");
            assert_eq!(request(raw, b"").get("x-tenant"), Header::Unclear, "{raw:?}");
            let joined =
                HttpRequest { headers: [("x-tenant".to_owned(), raw.to_owned())].into(), ..HttpRequest::default() };
            assert_eq!(joined.get("x-tenant"), Header::Unclear, "{raw:?}");
        }
    }
}
