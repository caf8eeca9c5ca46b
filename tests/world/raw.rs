//! Requests without the SDK: forms that no SDK would send, and the doors that are not AWS's.

use brevet::authn::Caller;
use brevet::clock::Clock;
use brevet::decision::RequestFacts;
use brevet::sigv4::{RequestParts, sign_headers};
use serde_json::Value;

use super::{Actor, Running};

/// An answer of any door.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
    /// What the header `x-brevet-revision` says.
    pub revision: Option<u64>,
    headers: reqwest::header::HeaderMap,
}

impl Answer {
    pub(super) async fn of(response: reqwest::Response) -> Self {
        let revision = response.headers().get("x-brevet-revision");
        let revision = revision.and_then(|value| value.to_str().ok()?.parse().ok());
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, revision, headers, body: response.text().await.expect("a whole answer") }
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of an AWS error document; empty for anything else.
    pub fn code(&self) -> &str {
        let rest = self.body.split_once("<Code>").map(|(_, rest)| rest);
        rest.and_then(|rest| rest.split_once("</Code>")).map_or("", |(code, _)| code)
    }
}

/// A POST, signed for a service if there is a signer.
pub async fn post(at: &Running, path: &str, kind: &str, body: &str, signer: Option<(&dyn ActorKeys, &str)>) -> Answer {
    post_with(at, path, kind, body, signer, &[]).await
}

/// As [`post`], with more headers, which the signature does not cover.
pub async fn post_with(
    at: &Running,
    path: &str,
    kind: &str,
    body: &str,
    signer: Option<(&dyn ActorKeys, &str)>,
    more: &[(&str, &str)],
) -> Answer {
    let headers: [(&str, &[u8]); 2] = [("host", at.host().as_bytes()), ("content-type", kind.as_bytes())];
    let parts = RequestParts { method: "POST", path, query: "", headers: &headers, body: body.as_bytes() };
    let mut request = reqwest::Client::new().post(format!("{}{path}", at.url)).header("content-type", kind);
    if let Some((actor, service)) = signer {
        let signed = sign_headers(&parts, &actor.signing_keys().credentials(), "us-east-1", service, at.clock.now());
        for (name, value) in signed {
            request = request.header(name, value);
        }
    }
    for (name, value) in more {
        request = request.header(*name, *value);
    }
    let response = request.body(body.to_owned()).send().await.expect("the broker answers");
    Answer::of(response).await
}

/// Somebody who has signed a request to this broker, as its doors know them, and what is known of the request: for stories that ask what
/// is behind the doors.
pub async fn caller(at: &Running, signer: &dyn ActorKeys, service: &str) -> (Caller, RequestFacts) {
    let now = at.clock.now();
    let host: (&str, &[u8]) = ("host", b"broker");
    let parts = RequestParts { method: "POST", path: "/", query: "", headers: &[host], body: b"" };
    let signed = sign_headers(&parts, &signer.signing_keys().credentials(), "us-east-1", service, now);
    let signed = signed.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let headers: Vec<(&str, &[u8])> = signed.chain([host]).collect();
    let parts = RequestParts { headers: &headers, ..parts };
    let caller = at.broker.authenticator.authenticate(&parts, &[service], now).await.expect("it signed");
    let facts =
        RequestFacts { now, source_ip: None, user_agent: None, secure_transport: None, region: None, mfa_now: None };
    (caller, facts)
}

/// A GET that nobody signed.
pub async fn get(at: &Running, path: &str) -> Answer {
    let response = reqwest::get(format!("{}{path}", at.url)).await.expect("the broker answers");
    Answer::of(response).await
}

/// An AWS operation as a form of `parameters`.
pub async fn call(at: &Running, signer: Option<&dyn ActorKeys>, service: &str, parameters: &[(&str, &str)]) -> Answer {
    let version = if service == "iam" { "2010-05-08" } else { "2011-06-15" };
    let escape =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let mut body = format!("Version={version}");
    for (name, value) in parameters {
        body.push_str(&format!("&{}={}", name, escape(value)));
    }
    let signer = signer.map(|actor| (actor, service));
    post(at, "/", "application/x-www-form-urlencoded; charset=utf-8", &body, signer).await
}

/// A question to the AuthZEN door.
pub async fn ask(at: &Running, asker: &dyn ActorKeys, question: &Value) -> Answer {
    post(at, "/access/v1/evaluation", "application/json", &question.to_string(), Some((asker, "brevet"))).await
}

/// A question, with a header more.
pub async fn ask_with(at: &Running, asker: &dyn ActorKeys, question: &Value, more: &[(&str, &str)]) -> Answer {
    let body = question.to_string();
    post_with(at, "/access/v1/evaluation", "application/json", &body, Some((asker, "brevet")), more).await
}

/// A question of whoever bears a token.
pub async fn ask_as_bearer(at: &Running, token: &str, question: &Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let more = [("authorization", bearer.as_str())];
    post_with(at, "/access/v1/evaluation", "application/json", &question.to_string(), None, &more).await
}

/// [`Actor`] as an object.
pub trait ActorKeys: Sync {
    fn signing_keys(&self) -> &super::Keys;
}

impl<A: Actor + Sync> ActorKeys for A {
    fn signing_keys(&self) -> &super::Keys {
        self.keys()
    }
}
