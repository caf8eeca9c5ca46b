//! Requests that proxies have received, at every door where they ask: `/requests/v1/check`, Envoy's by HTTP and by gRPC, nginx's.
//!
//! First line: method; second: host; third: path and query; then headers, `name:value`. A value `@alice` is a token of alice's, and a
//! line `@sign` signs the request with the headers before it. The doors must say the same of one request, a request passes only as
//! what the table below says of its path, and no way in which somebody behind the proxy could read the path leads elsewhere. A first
//! byte of 0 or 1 says that the rest is a message for the gRPC door, or a body for `/requests/v1/check`.
#![no_main]

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request};
use brevet::sigv4::{Credentials, RequestParts, sign_headers};
use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode_str;
use prost::Message;
use serde_json::{Value, json};
use world::{Answer, NOW, World, encoded};

#[path = "world/mod.rs"]
mod world;

const AUDIENCE: &str = "https://reports.example";

const ROUTES: &str = r#"
[[route]]
host = "reports.example"
path = "/public/{id}"
actions = { GET = "reports:Read", PUT = "reports:Write" }
resource = "arn:aws:reports::111122223333:public/{id}"
audience = "https://reports.example"
signed_for = "reports"
context = { "reports:Tenant" = "x-tenant", "aws:SourceIp" = "x-real-ip" }

[[route]]
host = "*.files.example"
path = "/files/{name...}"
methods = ["GET", "HEAD"]
headers = { "x-version" = "2" }
action = "files:Get"
resource = "arn:aws:files:::{name}"
audience = "https://reports.example"
signed_for = "files"

[[route]]
path = "/secret/{name...}"
action = "reports:Reveal"
resource = "arn:aws:reports:::secret/{name}"
audience = "https://reports.example"
"#;

const ALICE: &str = r#"{"Version":"2012-10-17","Statement":[
  {"Effect":"Allow","Action":["sts:GetWebIdentityToken","files:Get"],"Resource":"*"},
  {"Effect":"Allow","Action":"reports:*","Resource":"arn:aws:reports::111122223333:public/*"},
  {"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"reports:Tenant":"red"}}}]}"#;

struct Actors {
    world: World,
    key: Credentials,
    token: String,
}

static ACTORS: LazyLock<Actors> = LazyLock::new(|| {
    let world = World::start(ROUTES);
    world.user("alice", ALICE);
    world.iam(&[("Action", "EnableOutboundWebIdentityFederation")]);
    let key = world.key_of("alice");
    let token = world.token_of(&key, AUDIENCE);
    Actors { world, key, token }
});

/// A request as a proxy received it.
#[derive(Debug)]
struct Received {
    method: String,
    host: String,
    target: String,
    /// Names in lower case.
    headers: Vec<(String, Vec<u8>)>,
}

impl Received {
    fn read(data: &[u8]) -> Self {
        let mut lines = data.split(|byte| *byte == b'\n');
        let mut text = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
        let (method, host, target) = (text(), text(), text());
        let mut received = Self { method, host, target, headers: Vec::new() };
        for line in lines {
            if line.starts_with(b"@sign") {
                received.sign(if line.ends_with(b"files") { "files" } else { "reports" });
                continue;
            }
            let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
            let (name, value) = line.split_at(at);
            let value = match value.get(1..).unwrap_or_default() {
                b"@alice" => format!("Bearer {}", ACTORS.token).into_bytes(),
                other => other.to_vec(),
            };
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            // What is no header no proxy takes, and the host has a place of its own.
            let taken = HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_bytes(&value).is_ok();
            if taken && name != "host" {
                received.headers.push((name, value));
            }
        }
        received
    }

    fn sign(&mut self, service: &str) {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let mut headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        headers.push(("host", self.host.as_bytes()));
        let unsigned = ("x-amz-content-sha256", b"UNSIGNED-PAYLOAD".as_slice());
        headers.push(unsigned);
        let parts = RequestParts { method: &self.method, path, query, headers: &headers, body: b"" };
        let added = sign_headers(&parts, &ACTORS.key, "us-east-1", service, NOW);
        let added = added.into_iter().map(|(name, value)| (name, value.into_bytes()));
        let added: Vec<_> = added.chain([(unsigned.0.to_owned(), unsigned.1.to_vec())]).collect();
        self.headers.extend(added);
    }

    fn values(&self, name: &str) -> Vec<&[u8]> {
        self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_slice()).collect()
    }
}

/// What a door says: whether the request passes, as what, or why not.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    status: u16,
    reason: String,
    principal: Option<String>,
}

/// Most requests are refused: without these it would not be seen that others pass.
static PASSING: LazyLock<()> = LazyLock::new(|| {
    for request in [
        "GET\nreports.example\n/public/q3?page=2\nauthorization:@alice",
        "PUT\nreports.example:443\n/public/q%203\n@sign",
        "GET\na.files.example\n/files/a/b/\nx-version:2\n@sign files",
    ] {
        let received = Received::read(request.as_bytes());
        let (said, _) = of_grpc(&ACTORS.world.send_by_gate(grpc(&message(&received, true)))).expect("a verdict");
        assert_eq!(said.status, 200, "{said:?}");
        assert_eq!(nginx(&received).map(|said| said.status), Some(200));
        assert_eq!(envoy(&received).map(|said| said.status), Some(200));
    }
});

fuzz_target!(|data: &[u8]| {
    LazyLock::force(&PASSING);
    let Actors { world, .. } = &*ACTORS;
    match data.first() {
        None => {}
        Some(0) => {
            let said = of_grpc(&world.send_by_gate(grpc(&data[1..])));
            assert!(said.is_none_or(|(said, _)| said.status != 200), "nobody guesses a token");
        }
        Some(1) => {
            if let Some(answer) =
                world.by_gate("/requests/v1/check", &[("x-brevet-tell-depends", b"1")], data[1..].to_vec())
            {
                assert_ne!(answer.status.as_u16(), 200, "nobody guesses a token");
            }
        }
        Some(_) => same_everywhere(&Received::read(data)),
    }
});

fn same_everywhere(received: &Received) {
    let Actors { world, .. } = &*ACTORS;
    let host = ("host".to_owned(), received.host.clone().into_bytes());
    let told = received.headers.iter().chain([&host]).map(|(name, value)| {
        let value = HeaderValue::from_bytes(value).ok();
        (name.clone(), value.and_then(|value| Some(value.to_str().ok()?.to_owned())))
    });
    let told: Vec<(String, Option<String>)> = told.collect();
    let body = json!({ "method": received.method, "target": received.target, "host": received.host, "headers": told });
    let answer = world.by_gate("/requests/v1/check", &[], body.to_string().into_bytes()).expect("a request");
    if answer.status.as_u16() == 400 {
        // It tells of no request.
        return;
    }
    let first = of_http(&answer);
    for (door, said) in [("nginx", nginx(received)), ("envoy", envoy(received))] {
        if let Some(said) = said {
            same(door, &said, &first, received);
        }
    }
    if received.host.is_empty() {
        return;
    }
    match of_grpc(&world.send_by_gate(grpc(&message(received, true)))) {
        Some((said, resource)) => {
            same("grpc", &said, &first, received);
            if said.status == 200 {
                passes(received, &resource);
            }
        }
        None => assert!(matches!(first.status, 400 | 403 | 412 | 503), "{received:?} {first:?}"),
    }
    // Without raw headers Envoy joins those of one name: then less is sure, and nothing more passes.
    if let Some((joined, _)) = of_grpc(&world.send_by_gate(grpc(&message(received, false)))) {
        assert!(joined.status != 200 || first.status == 200, "{received:?} {joined:?} {first:?}");
    }
}

/// An answer to a HEAD may have lost its reason with its body; and of a header that is no text JSON tells less than the others.
fn same(door: &str, said: &Said, first: &Said, received: &Received) {
    assert_eq!(
        (said.status, &said.principal),
        (first.status, &first.principal),
        "{door} {received:?} {said:?} {first:?}"
    );
    let text = |value: &[u8]| HeaderValue::from_bytes(value).is_ok_and(|value| value.to_str().is_ok());
    let same_is_told = received.headers.iter().all(|(_, value)| text(value));
    let reasons = !said.reason.is_empty() && same_is_told;
    assert!(!reasons || said.reason == first.reason, "{door} {received:?} {said:?} {first:?}");
}

fn of_http(answer: &Answer) -> Said {
    let text =
        |name: &str| answer.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let reason = text("x-brevet-reason").or_else(|| body["message"].as_str().map(str::to_owned)).unwrap_or_default();
    Said { status: answer.status.as_u16(), reason, principal: text("x-brevet-principal") }
}

/// As nginx asks, if it could have received that.
fn nginx(received: &Received) -> Option<Said> {
    let mut request = Request::get("/auth_request").body(Body::empty()).ok()?;
    let own = [
        ("x-original-method", &received.method),
        ("x-original-uri", &received.target),
        ("x-forwarded-host", &received.host),
    ];
    // It refuses a request whose method, path or host are none that a header could say.
    if own.iter().any(|(_, value)| !value.is_ascii()) {
        return None;
    }
    // What it sets goes over whatever the client sent.
    for (name, value) in received.headers.iter().filter(|(name, _)| own.iter().all(|(own, _)| own != name)) {
        request
            .headers_mut()
            .append(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(value).ok()?);
    }
    for (name, value) in own {
        request.headers_mut().insert(name, HeaderValue::from_str(value).ok()?);
    }
    request.headers_mut().insert("host", HeaderValue::from_str(&received.host).ok()?);
    proxied(received, request)
}

/// As Envoy asks by HTTP, if it could have received that.
fn envoy(received: &Received) -> Option<Said> {
    let target = format!("/ext_authz{}", received.target);
    let mut request = Request::builder().method(received.method.as_str()).uri(&target).body(Body::empty()).ok()?;
    // A fragment is lost before anybody here could see it; Envoy refuses it, and a host that is no text.
    if request.uri().to_string() != target || !received.host.is_ascii() {
        return None;
    }
    for (name, value) in &received.headers {
        request
            .headers_mut()
            .append(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(value).ok()?);
    }
    request.headers_mut().insert("host", HeaderValue::from_str(&received.host).ok()?);
    proxied(received, request)
}

/// What is answered to a proxy that shows a certificate: headers of its own are for those that have none.
fn proxied(received: &Received, request: Request<Body>) -> Option<Said> {
    let answer = ACTORS.world.send_by_gate(request);
    let said = of_http(&answer);
    // Names of headers with a length of the body, and the like, are the connection's.
    (said.status != 404 && said.status != 413 && received.values("content-length").is_empty()).then_some(said)
}

/// What is so of every request that passes.
fn passes(received: &Received, resource: &str) {
    let Received { method, host, target, .. } = received;
    for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
        assert!(received.values(name).is_empty(), "{received:?}");
    }
    assert!(!received.values("authorization").is_empty());
    assert!(!received.values("x-tenant").contains(&b"red".as_slice()));
    let host = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let expected = |path: &str| -> Option<String> {
        let all: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        match all.as_slice() {
            ["public", id] if ["GET", "PUT"].contains(&method.as_str()) && host == "reports.example" => {
                Some(format!("arn:aws:reports::111122223333:public/{}", in_arn(id)))
            }
            ["files", name @ ..] if ["GET", "HEAD"].contains(&method.as_str()) && host.ends_with(".files.example") => {
                assert_eq!(received.values("x-version"), [b"2".as_slice()]);
                Some(format!("arn:aws:files:::{}", name.iter().map(|one| in_arn(one)).collect::<Vec<_>>().join("/")))
            }
            _ => None,
        }
    };
    for reading in readings(target) {
        let read = expected(&reading);
        assert_eq!(read.as_deref(), Some(resource), "{received:?} as {reading:?}");
    }
}

/// A segment as it stands in an ARN.
fn in_arn(segment: &str) -> String {
    let mut text = encoded(segment);
    for plain in ["-", ".", "_", "~", "@", "+", "=", ","] {
        text = text.replace(&encoded(plain), plain);
    }
    text
}

/// The ways in which services read a path that is not quite plain.
fn readings(target: &str) -> Vec<String> {
    let path = target.split('?').next().unwrap_or_default();
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let until = |text: &str, end: &[char]| text.split(end).next().unwrap_or_default().to_owned();
    let mut all =
        vec![decode(path), decode(&decode(path)), decode(&until(path, &['#'])), until(&decode(path), &['\0'])];
    all.push(decode(path).split('/').map(|segment| until(segment, &[';'])).collect::<Vec<_>>().join("/"));
    all.push(decode(&path.replace('\\', "/")).replace('\\', "/"));
    let mut segments: Vec<String> = Vec::new();
    let ends = path.ends_with('/');
    for segment in decode(path).split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other.to_owned()),
        }
    }
    all.push(format!("/{}{}", segments.join("/"), if ends { "/" } else { "" }));
    all
}

#[derive(Clone, PartialEq, Message)]
struct CheckRequest {
    #[prost(message, optional, tag = "1")]
    attributes: Option<Attributes>,
}

#[derive(Clone, PartialEq, Message)]
struct Attributes {
    #[prost(message, optional, tag = "4")]
    request: Option<Whole>,
}

#[derive(Clone, PartialEq, Message)]
struct Whole {
    #[prost(message, optional, tag = "2")]
    http: Option<Http>,
}

#[derive(Clone, PartialEq, Message)]
struct Http {
    #[prost(string, tag = "2")]
    method: String,
    #[prost(map = "string, string", tag = "3")]
    headers: HashMap<String, String>,
    #[prost(string, tag = "4")]
    path: String,
    #[prost(string, tag = "5")]
    host: String,
    #[prost(message, optional, tag = "13")]
    header_map: Option<HeaderMap>,
}

#[derive(Clone, PartialEq, Message)]
struct HeaderMap {
    #[prost(message, repeated, tag = "1")]
    headers: Vec<Raw>,
}

#[derive(Clone, PartialEq, Message)]
struct Raw {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(bytes = "vec", tag = "3")]
    raw_value: Vec<u8>,
}

/// What comes back, without what nobody looks at here.
#[derive(Clone, PartialEq, Message)]
struct CheckResponse {
    #[prost(message, optional, tag = "2")]
    denied: Option<Denied>,
    #[prost(message, optional, tag = "3")]
    ok: Option<Allowed>,
    #[prost(message, optional, tag = "4")]
    metadata: Option<Struct>,
}

#[derive(Clone, PartialEq, Message)]
struct Denied {
    #[prost(message, optional, tag = "1")]
    status: Option<Status>,
    #[prost(string, tag = "3")]
    body: String,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Allowed {}

#[derive(Clone, PartialEq, Message)]
struct Struct {
    #[prost(map = "string, message", tag = "1")]
    fields: HashMap<String, Field>,
}

#[derive(Clone, PartialEq, Message)]
struct Field {
    #[prost(string, tag = "3")]
    text: String,
}

/// A request as Envoy tells of it: headers as they came, or joined.
fn message(received: &Received, raw: bool) -> Vec<u8> {
    let mut http = Http {
        method: received.method.clone(),
        path: received.target.clone(),
        host: received.host.clone(),
        ..Http::default()
    };
    let host = ("host".to_owned(), received.host.clone().into_bytes());
    let headers = received.headers.iter().chain([&host]);
    if raw {
        let headers = headers.map(|(key, value)| Raw { key: key.clone(), raw_value: value.clone() });
        http.header_map = Some(HeaderMap { headers: headers.collect() });
    } else {
        for (name, value) in headers {
            let value = String::from_utf8_lossy(value);
            let joined = http.headers.entry(name.clone());
            joined.and_modify(|all| *all = format!("{all},{value}")).or_insert(value.into_owned());
        }
    }
    CheckRequest { attributes: Some(Attributes { request: Some(Whole { http: Some(http) }) }) }.encode_to_vec()
}

fn grpc(message: &[u8]) -> Request<Body> {
    let length = u32::try_from(message.len()).expect("a short message").to_be_bytes();
    let body = [&[0], length.as_slice(), message].concat();
    let request =
        Request::post("/envoy.service.auth.v3.Authorization/Check").header("content-type", "application/grpc");
    request.body(Body::from(body)).expect("a request")
}

/// The verdict, and the resource that it is about; nothing where there is none.
fn of_grpc(answer: &Answer) -> Option<(Said, String)> {
    let message = answer.body.get(5..).filter(|message| !message.is_empty())?;
    let response = CheckResponse::decode(message).expect("a response");
    let text = |name: &str| Some(response.metadata.as_ref()?.fields.get(name)?.text.clone());
    let status = match (&response.ok, &response.denied) {
        (Some(_), None) => 200,
        (None, Some(denied)) => u16::try_from(denied.status.as_ref().expect("a status").code).expect("a status"),
        _ => panic!("neither, or both"),
    };
    let principal = text("principal").filter(|_| status == 200);
    Some((Said { status, reason: text("reason").unwrap_or_default(), principal }, text("resource").unwrap_or_default()))
}
