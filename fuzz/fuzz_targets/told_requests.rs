//! Requests that a service tells of at the doors `/requests/v1/verify` and `/keys/v1/derive`: what alice signed is hers, and nothing
//! else is.
//!
//! First byte: how she signs and what is told of the body. Then, divided by NUL bytes, the request that she signs (method, path,
//! query, headers, body) and the one that is told of (the same again; what is empty there is as she signed it). Headers are lines
//! `name:value`. Whatever is taken for hers says the same as what she signed. With a first byte of 128 and more the rest is the body
//! of a request to the door, and with 192 and more a sealed key that nobody has sealed.
#![no_main]

use std::sync::LazyLock;

use axum::http::StatusCode;
use brevet::crypto::hash::sha256;
use brevet::crypto::jwe::Recipient;
use brevet::sigv4::{
    Content, Coverage, Credentials, RequestParts, SignedRequest, SigningKey, presign, query_pairs, sign_headers,
};
use data_encoding::{BASE64, HEXLOWER};
use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use world::{NOW, World};

#[path = "world/mod.rs"]
mod world;

static WORLD: LazyLock<(World, Credentials)> = LazyLock::new(|| {
    let world = World::start("");
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}}"#;
    world.user("alice", policy);
    let key = world.key_of("alice");
    // What she signs is hers: most of what follows is refused.
    let mut signed = Seen::read(&[b"GET", b"/b/x", b"", b"host:s.example", b""]);
    let added = with_parts(&signed, |parts| sign_headers(parts, &key, "us-east-1", "s3", NOW));
    signed.headers.extend(added);
    let asked = json!({ "service": "s3", "request": signed.told(0) }).to_string();
    let told = answer(&world, "/requests/v1/verify", asked.into_bytes()).expect("an answer");
    assert_eq!(told["caller"]["arn"], json!("arn:aws:iam::111122223333:user/alice"), "{told}");
    (world, key)
});

/// A request as somebody saw it.
#[derive(Clone, Debug)]
struct Seen {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Seen {
    /// From five fields; a header that no server would give to a service is left out.
    fn read(fields: &[&[u8]]) -> Self {
        let field = |at: usize| fields.get(at).copied().unwrap_or_default();
        let text = |at: usize| String::from_utf8_lossy(field(at)).into_owned();
        let lines = text(3);
        let pairs = lines.lines().filter_map(|line| line.split_once(':'));
        let fits = |text: &str| !text.chars().any(|c| c.is_control() && c != '\t');
        let headers = pairs.filter(|(name, value)| fits(name) && fits(value));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { method: text(0), path: text(1), query: text(2), headers: headers.collect(), body: field(4).to_vec() }
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// The values of a header, as they are compared: with white space at the ends and in rows of no account.
    fn values(&self, name: &str) -> String {
        let all = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let plain = all.map(|(_, value)| value.split([' ', '\t']).filter(|word| !word.is_empty()).collect::<Vec<_>>());
        // Several values are one with commas (RFC 9110 section 5.3).
        plain.map(|words| words.join(" ")).collect::<Vec<_>>().join(",")
    }

    fn told(&self, body: u8) -> Value {
        let mut told =
            json!({ "method": self.method, "path": self.path, "query": self.query, "headers": self.headers });
        match body % 3 {
            0 => told["body"] = json!(BASE64.encode(&self.body)),
            1 => told["body_sha256"] = json!(HEXLOWER.encode(&sha256(&self.body))),
            _ => {}
        }
        told
    }
}

fn with_parts<T>(seen: &Seen, made: impl FnOnce(&RequestParts<'_>) -> T) -> T {
    let headers: Vec<(&str, &[u8])> =
        seen.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let Seen { method, path, query, body, .. } = seen;
    made(&RequestParts { method, path, query, headers: &headers, body })
}

fuzz_target!(|data: &[u8]| {
    let Some((&first, rest)) = data.split_first() else { return };
    let (world, key) = &*WORLD;
    if first >= 192 {
        let text = String::from_utf8_lossy(rest);
        assert!(Recipient::new().expect("randomness").open(&text, "party").is_err(), "nobody has sealed it");
        return;
    }
    let door = if first & 64 == 0 { "/requests/v1/verify" } else { "/keys/v1/derive" };
    if first >= 128 {
        if let Some(answer) = answer(world, door, rest.to_vec()) {
            assert!(answer["caller"].is_null(), "nobody guesses a signature");
        }
        return;
    }
    let fields: Vec<&[u8]> = rest.splitn(10, |byte| *byte == 0).collect();
    let mut signed = Seen::read(&fields);
    let service = if first & 1 == 0 { "s3" } else { "reports" };
    if !signed.has("host") {
        signed.headers.push(("host".to_owned(), "s.example".to_owned()));
    }
    if ["authorization", "x-amz-date", "x-amz-security-token"].iter().any(|name| signed.has(name)) {
        return;
    }
    let plain = signed.clone();
    if first & 2 == 0 {
        let added = with_parts(&plain, |parts| sign_headers(parts, key, "us-east-1", service, NOW));
        signed.headers.extend(added);
    } else {
        signed.query = with_parts(&plain, |parts| presign(parts, key, "us-east-1", service, 60, NOW));
    }
    let shown = told_as(fields.get(5..).unwrap_or_default(), &signed, &plain);
    let mut asked = json!({ "service": service, "request": shown.told(first >> 2) });
    if first & 64 != 0 {
        asked["recipient"] = json!(Recipient::new().expect("randomness").public());
    }
    asked["question"] = json!({ "action": "s3:GetObject", "resource": "arn:aws:s3:::b/x" });
    let Some(answer) = answer(world, door, asked.to_string().into_bytes()) else { return };
    if answer["caller"].is_null() {
        assert!(answer["refused"]["code"].is_string());
        return;
    }
    assert_eq!(answer["caller"]["arn"], json!("arn:aws:iam::111122223333:user/alice"));
    assert_eq!(answer["decision"]["decision"], json!(true));
    says_the_same(&plain, &shown, service, &answer["request"]);
    by_itself(&shown, first >> 2, key, &answer["request"]);
});

/// The answer, if what was asked is a question to the door.
fn answer(world: &World, door: &str, body: Vec<u8>) -> Option<Value> {
    let answer = world.by_gate(door, &[("x-brevet-tell-depends", b"1")], body)?;
    let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
    if answer.status == StatusCode::OK {
        return Some(body);
    }
    assert!(
        matches!(answer.status.as_u16(), 400 | 403 | 412 | 503) && body["error"].is_string(),
        "{}: {body}",
        answer.status
    );
    None
}

/// The request that is told of: as it was signed, but for what the fields say.
fn told_as(fields: &[&[u8]], signed: &Seen, plain: &Seen) -> Seen {
    let other = Seen::read(fields);
    let mut told = signed.clone();
    let given = |at: usize| fields.get(at).is_some_and(|field| !field.is_empty());
    if given(0) {
        told.method = other.method;
    }
    if given(1) {
        told.path = other.path;
    }
    if given(2) {
        // The signature's own parameters stay.
        let own = signed.query.split('&').filter(|pair| pair.starts_with("X-Amz-"));
        let own: Vec<&str> = if signed.query == plain.query { Vec::new() } else { own.collect() };
        told.query = [vec![other.query.as_str()], own].concat().join("&");
    }
    if given(3) {
        // One that was there is now what the line says, others come to it.
        for (name, value) in other.headers {
            match told.headers.iter_mut().find(|(known, _)| *known == name) {
                Some((_, old)) => *old = value,
                None => told.headers.push((name, value)),
            }
        }
    }
    if given(4) {
        told.body = other.body;
    }
    told
}

/// Names and values of a query but those of the signature, in the order of their names and values; nothing of what is no text.
fn pairs(query: &str) -> Option<Vec<(String, String)>> {
    let mut pairs = query_pairs(query)?;
    pairs.retain(|(name, _)| !name.starts_with("X-Amz-"));
    pairs.sort();
    Some(pairs)
}

/// A path as everybody but S3 reads it.
fn plain_path(path: &str, service: &str) -> Vec<u8> {
    if service == "s3" {
        let begin = if path.starts_with('/') { "" } else { "/" };
        return begin.bytes().chain(percent_decode_str(path)).collect();
    }
    // What is encoded is part of a segment.
    let mut segments: Vec<Vec<u8>> = Vec::new();
    let all: Vec<&str> = path.split('/').collect();
    for segment in &all {
        match *segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(percent_decode_str(other).collect()),
        }
    }
    let slash = matches!(all.last(), Some(&"" | &"." | &"..")) && !segments.is_empty();
    [b"/".to_vec(), segments.join(&b'/'), if slash { b"/".to_vec() } else { Vec::new() }].concat()
}

/// What was told of is what was signed, as far as anybody can tell who reads it.
fn says_the_same(signed: &Seen, told: &Seen, service: &str, request: &Value) {
    assert_eq!(signed.method, told.method);
    assert_eq!(plain_path(&signed.path, service), plain_path(&told.path, service), "{signed:?} {told:?}");
    assert_eq!(pairs(&signed.query), pairs(&told.query), "{signed:?} {told:?}");
    let names = request["signed_headers"].as_array().expect("names");
    for name in names.iter().filter_map(Value::as_str).filter(|name| signed.has(name)) {
        assert_eq!(signed.values(name), told.values(name), "{name}: {signed:?} {told:?}");
    }
    let covered = |name: &str| names.iter().any(|known| known == name);
    // The first stands in what is signed, the others steer nothing.
    let free = ["x-amz-content-sha256", "x-amz-cf-id", "x-amz-user-agent"];
    let believed = told.headers.iter().map(|(name, _)| name.to_ascii_lowercase());
    for name in believed.filter(|name| name.starts_with("x-amz-") && !free.contains(&name.as_str())) {
        assert!(covered(&name), "{name} is believed, and nobody signed it");
    }
    assert!(covered("host"));
    match request["body"].as_str().expect("a word") {
        "signed" => assert_eq!(signed.body, told.body),
        "declared" => assert!(request["body_sha256"].is_string()),
        "streaming" | "unsigned" => {}
        other => panic!("{other}"),
    }
}

/// Whoever has the derived key comes to the same by itself.
fn by_itself(told: &Seen, body: u8, key: &Credentials, request: &Value) {
    with_parts(told, |parts| {
        let content = match body % 3 {
            0 => Content::Whole(&told.body),
            1 => Content::Hashed(sha256(&told.body)),
            _ => Content::Unread,
        };
        let signed = SignedRequest::parse_told(parts, content).expect("a request").expect("a signature");
        let key = SigningKey::derive(&key.secret_access_key, signed.scope());
        assert_eq!(signed.verify(&key), Ok(()));
        let word = match signed.coverage() {
            Coverage::Signed => "signed",
            Coverage::Declared(_) => "declared",
            Coverage::Unsigned => "unsigned",
            Coverage::Streaming(_) => "streaming",
        };
        assert_eq!(request["body"], json!(word));
        // At a door of the broker's own nothing is believed that only others may.
        if let Ok(Some(own)) = SignedRequest::parse(parts) {
            assert!(!matches!(own.coverage(), Coverage::Streaming(_) | Coverage::Declared(_)));
        }
    });
}
