//! A service of somebody's own that receives signed requests, and what it hands over to the broker.

use brevet::clock::Timestamp;
use brevet::crypto::hash::sha256;
use brevet::sigv4::{RequestParts, presign, sign_headers};
use brevet::types::SecretText;
use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Value, json};

use super::raw::{ActorKeys, Answer, post};
use super::{Keys, Running};

/// The host that the service is reached under.
pub const HOST: &str = "files.example";

/// A request to the service, before and after it is signed.
#[derive(Clone)]
pub struct Request {
    pub method: &'static str,
    pub path: String,
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn get(path: &str) -> Self {
        let headers = vec![("host".to_owned(), HOST.to_owned())];
        Self { method: "GET", path: path.to_owned(), query: String::new(), headers, body: Vec::new() }
    }

    pub fn put(path: &str, body: &[u8]) -> Self {
        Self { method: "PUT", body: body.to_vec(), ..Self::get(path) }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without a header of this name.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// Signed in its headers.
    pub fn signed(mut self, keys: &Keys, service: &str, now: Timestamp) -> Self {
        let added = self.parts(|parts| sign_headers(parts, &keys.credentials(), "eu-west-1", service, now));
        self.headers.extend(added);
        self
    }

    /// Signed in its query.
    pub fn presigned(mut self, keys: &Keys, service: &str, seconds: u32, now: Timestamp) -> Self {
        self.query = self.parts(|parts| presign(parts, &keys.credentials(), "eu-west-1", service, seconds, now));
        self
    }

    fn parts<T>(&self, then: impl FnOnce(&RequestParts<'_>) -> T) -> T {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        then(&RequestParts {
            method: self.method,
            path: &self.path,
            query: &self.query,
            headers: &headers,
            body: &self.body,
        })
    }

    /// As the service tells of it, without a word about its body.
    pub fn told(&self) -> Value {
        json!({ "method": self.method, "path": self.path, "query": self.query, "headers": self.headers })
    }

    /// With all of its body.
    pub fn told_whole(&self) -> Value {
        let mut told = self.told();
        told["body"] = json!(BASE64.encode(&self.body));
        told
    }

    /// With the SHA-256 of its body.
    pub fn told_hashed(&self) -> Value {
        let mut told = self.told();
        told["body_sha256"] = json!(HEXLOWER.encode(&sha256(&self.body)));
        told
    }
}

/// The keys of somebody who guessed the secret wrongly.
pub fn with_wrong_secret(keys: &Keys) -> Keys {
    let secret = SecretText::new(keys.secret.chars().rev().collect::<String>());
    Keys { secret: secret.expose().to_owned(), ..keys.clone() }
}

/// Asks who sent a request that was received for a service.
pub async fn verify(at: &Running, asker: &dyn ActorKeys, service: &str, request: Value) -> Answer {
    verify_all(at, asker, &json!({ "service": service, "request": request })).await
}

/// The same, and whether they may.
pub async fn verify_and_ask(
    at: &Running,
    asker: &dyn ActorKeys,
    service: &str,
    request: Value,
    question: Value,
) -> Answer {
    verify_all(at, asker, &json!({ "service": service, "request": request, "question": question })).await
}

/// Whatever is sent to the door.
pub async fn verify_all(at: &Running, asker: &dyn ActorKeys, body: &Value) -> Answer {
    post(at, "/requests/v1/verify", "application/json", &body.to_string(), Some((asker, "brevet"))).await
}

/// The code that the sender is refused with, or the sender's ARN.
pub fn outcome(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    let told = answer.json();
    let text = told["refused"]["code"].as_str().or_else(|| told["caller"]["arn"].as_str());
    text.unwrap_or_else(|| panic!("neither refused nor told: {told}")).to_owned()
}

/// Asks for the key that a request was signed with, sealed to `recipient`.
pub async fn derive(at: &Running, asker: &dyn ActorKeys, service: &str, request: Value, recipient: &Value) -> Answer {
    let body = json!({ "service": service, "request": request, "recipient": recipient }).to_string();
    post(at, "/keys/v1/derive", "application/json", &body, Some((asker, "brevet"))).await
}
