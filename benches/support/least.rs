//! One thing of what a broker does, done by a bare handler alone: it tells how much of a budget that leaves for everything else.

use std::sync::Arc;

use brevet::clock::{Clock, SystemClock};
use brevet::sigv4::{Credentials, RequestParts, SignedRequest, SigningKey, sign_headers};
use brevet::types::SecretText;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

use super::load::Work;
use super::request::REGION;

/// What a bare handler does for each request, and nothing else.
pub struct Least {
    pub doing: &'static str,
    pub work: Work,
}

/// Makes one ECDSA signature over P-256, as a session token has it.
pub fn signs() -> Least {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).expect("a key");
    let work = move || {
        let signature = key.sign(&random, std::hint::black_box(&[7; 700])).expect("a signature");
        std::hint::black_box(signature);
    };
    Least { doing: "makes one P-256 signature", work: Arc::new(work) }
}

/// Checks the SigV4 signature of one request of this form, with the key at hand.
pub fn verifies(service: &'static str, body: &'static [u8]) -> Least {
    let secret = SecretText::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    let access_key_id = "AKIAIOSFODNN7EXAMPLE".to_owned();
    let credentials = Credentials { access_key_id, secret_access_key: secret.clone(), session_token: None };
    let own: [(&str, &[u8]); 2] = [("content-type", b"application/json"), ("host", b"127.0.0.1:8080")];
    let parts = RequestParts { method: "POST", path: "/", query: "", headers: &own, body };
    let added = sign_headers(&parts, &credentials, REGION, service, SystemClock.now());
    let key = {
        let headers = all(&own, &added);
        let signed = SignedRequest::parse(&RequestParts { headers: &headers, ..parts }).expect("a form");
        SigningKey::derive(&secret, signed.expect("a signature").scope())
    };
    let work = move || {
        let headers = all(&own, &added);
        let parts = RequestParts { method: "POST", path: "/", query: "", headers: &headers, body };
        let signed = SignedRequest::parse(&parts).expect("a form").expect("a signature");
        signed.verify(&key).expect("it is right");
    };
    Least { doing: "checks one SigV4 signature", work: Arc::new(work) }
}

/// Reads a body as JSON, into serde_json's values: the usual way, for comparison.
pub fn reads(body: &str) -> Least {
    let body = body.as_bytes().to_vec();
    let work = move || {
        let read: serde_json::Value = serde_json::from_slice(std::hint::black_box(&body)).expect("JSON");
        std::hint::black_box(read);
    };
    Least { doing: "reads the JSON of one request", work: Arc::new(work) }
}

fn all<'a, N: AsRef<str>>(own: &[(&'a str, &'a [u8])], added: &'a [(N, String)]) -> Vec<(&'a str, &'a [u8])> {
    own.iter().copied().chain(added.iter().map(|(name, value)| (name.as_ref(), value.as_bytes()))).collect()
}
