//! What is shown to prove who somebody is: certificates, web identity tokens, session tokens, and what is sealed in tokens.
//!
//! First byte: what it is. A certificate is the rest, as if a handshake had verified it. Of the others the rest are changes of a real
//! one: a place (two bytes, the first one of less account), and what stands there from then on; 0 for one character less. Who shows
//! a certificate is whom it names, and what was changed proves nothing.
#![no_main]

use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use brevet::authn::ClientCertificate;
use brevet::session::Origin;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use world::{ACCOUNT, NOW, World};

#[path = "world/mod.rs"]
mod world;

const BROKER: &str = "https://broker.example";

struct Proofs {
    world: World,
    token: String,
    session: String,
    issuer: String,
    sealed: String,
}

static PROOFS: LazyLock<Proofs> = LazyLock::new(|| {
    let world = World::start("");
    world.iam(&[("Action", "EnableOutboundWebIdentityFederation")]);
    world.user("alice", r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#);
    let key = world.key_of("alice");
    let token = world.token_of(&key, BROKER);
    let session = world.session_of(&key);
    // What is sealed in it stands in its claims.
    let claims = token.split('.').nth(1).expect("claims");
    let claims = data_encoding::BASE64URL_NOPAD.decode(claims.as_bytes()).expect("Base64");
    let claims: Value = serde_json::from_slice(&claims).expect("JSON");
    let text = |name: &str| claims[name].as_str().expect("a text").to_owned();
    let (issuer, sealed) = (text("iss"), text("brevet_origin"));
    let proofs = Proofs { world, token, session, issuer, sealed };
    // Unchanged they prove what they are there for.
    assert!(proofs.asks(&proofs.token) && proofs.is_asked_about(&proofs.session) && proofs.opens(&proofs.sealed));
    proofs
});

impl Proofs {
    /// Whether the broker takes a token for its bearer's.
    fn asks(&self, token: &str) -> bool {
        let Ok(request) = question()
            .header("authorization", format!("Bearer {token}"))
            .body(Body::from(body(&json!({ "type": "user", "id": "alice" }))))
        else {
            return false;
        };
        let answer = self.world.send(request);
        assert!(matches!(answer.status, StatusCode::OK | StatusCode::UNAUTHORIZED), "{}", answer.status);
        answer.status == StatusCode::OK
    }

    /// Whether a session token is somebody's.
    fn is_asked_about(&self, token: &str) -> bool {
        let subject = json!({ "type": "session", "id": "x", "properties": { "session_token": token } });
        let request = question().body(Body::from(body(&subject))).expect("a request");
        let answer = self.world.send_by_gate(request);
        assert_eq!(answer.status, StatusCode::OK);
        let answer: Value = serde_json::from_slice(&answer.body).expect("JSON");
        answer["decision"] == json!(true)
    }

    /// Whether what is sealed opens.
    fn opens(&self, sealed: &str) -> bool {
        Origin::open(self.world.broker.keys.rings().sessions(), &self.issuer, sealed, NOW).is_some()
    }
}

fn question() -> axum::http::request::Builder {
    Request::post("/access/v1/evaluation").header("content-type", "application/json")
}

fn body(subject: &Value) -> String {
    json!({ "subject": subject, "action": { "name": "read" }, "resource": { "type": "record", "id": "r1" } })
        .to_string()
}

/// A text with changes; nothing where they change nothing.
fn changed(text: &str, changes: &[u8]) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    for change in changes.chunks_exact(3).take(64) {
        let place = usize::from(change[0]) << 8 | usize::from(change[1]);
        let length = bytes.len();
        match (change[2], length) {
            (_, 0) => return None,
            (0, length) => drop(bytes.remove(place % length)),
            (byte, length) if byte & 128 != 0 => bytes.insert(place % length, byte & 127),
            (byte, length) => bytes[place % length] = byte,
        }
    }
    // White space around it is nobody's.
    String::from_utf8(bytes).ok().filter(|changed| changed.trim() != text)
}

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let proofs = &*PROOFS;
    match first % 4 {
        0 => certificate(proofs, rest),
        1 => {
            if let Some(token) = changed(&proofs.token, rest) {
                assert!(!proofs.asks(&token), "{token}");
            }
        }
        2 => {
            if let Some(token) = changed(&proofs.session, rest) {
                assert!(!proofs.is_asked_about(&token), "{token}");
            }
        }
        _ => {
            if let Some(sealed) = changed(&proofs.sealed, rest) {
                assert!(!proofs.opens(&sealed), "{sealed}");
            }
            let another = proofs.opens(&String::from_utf8_lossy(rest));
            assert!(!another || rest == proofs.sealed.as_bytes());
        }
    }
});

/// Whoever is taken for somebody by a certificate stands in it by name.
fn certificate(proofs: &Proofs, der: &[u8]) {
    let certificate = Arc::new(ClientCertificate::of_verified(der));
    assert!(certificate.fingerprint().is_none_or(|hex| hex.len() == 64));
    let subject = json!({ "type": "user", "id": "alice" });
    let request = question().body(Body::from(body(&subject))).expect("a request");
    let answer = proofs.world.send_by(&certificate, request);
    match answer.status {
        StatusCode::OK | StatusCode::FORBIDDEN => {
            let names = [format!("arn:aws:iam::{ACCOUNT}:user/gate"), format!("arn:aws:iam::{ACCOUNT}:user/alice")];
            let named = |name: &&String| der.windows(name.len()).any(|window| window == name.as_bytes());
            assert!(names.iter().any(|name| named(&name)), "nobody's");
        }
        other => assert_eq!(other, StatusCode::UNAUTHORIZED),
    }
}
