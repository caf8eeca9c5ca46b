//! Proxies that ask what is to become of a request: Envoy by gRPC and HTTP, and nginx.

use std::path::PathBuf;

use brevet::clock::Clock;
use brevet::sigv4::{RequestParts, sign_headers};
use serde_json::{Value, json};

use crate::world::envoy::{self, CheckResponse, Proxy};
use crate::world::mutual_tls::{Authority, Client, Shown};
use crate::world::policies::{allow, document, statement, trust};
use crate::world::raw::post;
use crate::world::{Actor, Backend, Keys, Outcome, Running, Session, User, World, within_a_second};

/// The API behind the proxy.
pub const HOST: &str = "reports.example.com";
const ROUTES: &str = r#"
[[route]]
host = "reports.example.com"
path = "/reports/{id}"
actions = { GET = "reports:Read", PUT = "reports:Write" }
resource = "arn:aws:reports:::{id}"
audience = "https://reports.example.com"
signed_for = "reports"
context = { "reports:Tenant" = "x-tenant", "aws:SourceIp" = "x-real-ip" }

[[route]]
path = "/admin/{what...}"
action = "admin:Use"
resource = "arn:aws:admin:::{what}"
audience = "https://reports.example.com"

[[route]]
path = "/jobs/{id}"
headers = { "x-op" = "delete" }
action = "jobs:Delete"
resource = "arn:aws:jobs:::{id}"
audience = "https://reports.example.com"
signed_for = "reports"

[[route]]
path = "/{anything...}"
action = "web:Use"
resource = "arn:aws:web:::{anything}"
audience = "https://reports.example.com"
"#;

/// Two brokers on one store: one that the SDK talks to, and one that speaks TLS; both with routes.
pub struct Stage {
    pub world: World,
    pub plain: Running,
    pub tls: Running,
    pub ca: PathBuf,
    pub authority: Authority,
    /// A proxy that may ask about everybody of the account.
    pub gateway: User,
    pub shown: Shown,
}

/// At which door it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Grpc,
    RawGrpc,
    Http,
    Nginx,
}

pub const DOORS: [Door; 4] = [Door::Grpc, Door::RawGrpc, Door::Http, Door::Nginx];

/// What became of a request: the status for its sender, and what was told beside.
#[derive(Debug, Default)]
pub struct Told {
    /// 200 where it passes; 0 where the door said by gRPC that it cannot tell.
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub grpc: (String, String),
    pub response: Option<CheckResponse>,
}

impl Told {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

impl Stage {
    pub async fn begin() -> Self {
        let (mut world, first) = World::begin(Backend::Sqlite).await;
        first.stop().await;
        let (folder, now) = (world.folder.path().to_owned(), world.now());
        let routes = folder.join("routes.toml");
        std::fs::write(&routes, ROUTES).expect("written");
        world.config.doors.routes = Some(routes);
        let plain = world.another_broker().await;
        let authority = Authority::new("proxies");
        let (tls, ca) = world.another_with_tls(&authority).await;
        let root = world.root.at(&plain);
        root.iam.enable_outbound_web_identity_federation().send().await.granted();
        let asks = statement("Allow", "brevet:*", "*");
        let gateway = root.user_with("gateway", &may([asks])).await;
        let shown = authority.client(&[&gateway.arn], now);
        tls.settled().await;
        Self { world, plain, tls, ca, authority, gateway, shown }
    }

    /// Alice, who may read reports, and a token of hers for the API.
    pub async fn alice(&self) -> (User, String) {
        let alice = self.world.root.at(&self.plain).user_with("alice", &reader()).await;
        let token = self.token(&alice.keys).await;
        (alice, token)
    }

    /// A web identity token for the API.
    pub async fn token(&self, keys: &Keys) -> String {
        token(keys, &self.plain, "https://reports.example.com").await
    }

    /// Asks as the gateway, with its certificate.
    pub async fn ask(&self, door: Door, method: &str, target: &str, headers: &[(&str, &str)]) -> Told {
        self.ask_as(Some(&self.shown), door, (method, HOST, target), headers).await
    }

    /// Asks with another certificate, about a request to another host.
    pub async fn ask_as(
        &self,
        shown: Option<&Shown>,
        door: Door,
        (method, host, target): (&str, &str, &str),
        headers: &[(&str, &str)],
    ) -> Told {
        self.tls.settled().await;
        let proxy = Proxy { at: &self.tls, tls: Some((&self.ca, shown)), token: None };
        let (path, sets) = match door {
            Door::Grpc => return of_grpc(proxy.check(&envoy::request(method, host, target, headers)).await),
            Door::RawGrpc => {
                let raw: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
                return of_grpc(proxy.check(&envoy::raw_request(method, host, target, &raw)).await);
            }
            Door::Http => (format!("/ext_authz{target}"), vec![("host", host)]),
            Door::Nginx => (
                "/auth_request".to_owned(),
                vec![("x-original-method", method), ("x-original-uri", target), ("x-forwarded-host", host)],
            ),
        };
        let client = Client::new(&self.tls, &self.ca, shown);
        let method = if door == Door::Nginx { "GET" } else { method };
        let mut request = client.http.request(method.parse().expect("a method"), format!("{}{path}", client.url));
        // HTTP/1.1 lets a request name another host than the one that it goes to.
        request = request.version(reqwest::Version::HTTP_11);
        for (name, value) in sets.iter().chain(headers) {
            request = request.header(*name, *value);
        }
        of_http(request.send().await.expect("an answer")).await
    }
}

pub fn reader() -> String {
    may([statement("Allow", "reports:Read", "arn:aws:reports:::q*"), statement("Allow", "web:Use", "*")])
}

/// These, and having web identity tokens.
pub fn may(statements: impl IntoIterator<Item = Value>) -> String {
    document(statements.into_iter().chain([statement("Allow", "sts:GetWebIdentityToken", "*")]))
}

pub async fn token(keys: &Keys, at: &Running, audience: &str) -> String {
    let ask = keys.sts(at).get_web_identity_token().audience(audience).signing_algorithm("ES256");
    let given = ask.duration_seconds(600).send().await.granted();
    given.web_identity_token().expect("a token").to_owned()
}

pub async fn of_http(response: reqwest::Response) -> Told {
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let headers = response.headers().iter().map(header).collect();
    Told { status: response.status().as_u16(), headers, body: response.text().await.expect("text"), ..Told::default() }
}

pub fn of_grpc(reply: envoy::Reply) -> Told {
    let mut told = Told { grpc: (reply.status, reply.message), ..Told::default() };
    if let Some(response) = &reply.response {
        let denied = response.denied.as_ref();
        told.status = denied.map_or(200, |denied| {
            let status = denied.status.as_ref().expect("a status").code;
            u16::try_from(status).expect("an HTTP status")
        });
        told.body = denied.map(|denied| denied.body.clone()).unwrap_or_default();
        let options = denied.map(|denied| &denied.headers).or(response.ok.as_ref().map(|ok| &ok.headers));
        for option in options.expect("one of both") {
            assert_eq!(option.append_action, 2, "what is there is overwritten");
            let header = option.header.as_ref().expect("a header");
            told.headers.push((header.key.clone(), header.value.clone()));
        }
    }
    told.response = reply.response;
    told
}

#[tokio::test]
async fn every_door_lets_pass_what_policy_allows_and_says_who_it_is() {
    let stage = Stage::begin().await;
    let (alice, token) = stage.alice().await;
    let bearer = format!("Bearer {token}");
    for door in DOORS {
        let passes = stage.ask(door, "GET", "/reports/q3?page=2", &[("authorization", &bearer)]).await;
        assert_eq!(passes.status, 200, "{door:?}: {passes:?}");
        assert_eq!(passes.header("x-brevet-principal"), alice.arn);
        assert_eq!(passes.header("x-brevet-account"), alice.account.to_string());
        assert_eq!(passes.header("x-brevet-max-age"), "5");
        assert_eq!(passes.header("x-brevet-degraded"), "false");
        assert!(passes.header("x-brevet-revision").parse::<u64>().is_ok_and(|revision| revision > 0), "{passes:?}");
        assert_eq!(passes.body, "");
        for (method, target) in [("PUT", "/reports/q3"), ("GET", "/reports/x1"), ("GET", "/admin/users")] {
            let denied = stage.ask(door, method, target, &[("authorization", &bearer)]).await;
            assert_eq!(denied.status, 403, "{door:?} {method} {target}: {denied:?}");
            let body: Value = serde_json::from_str(&denied.body).expect("JSON");
            let message = body["message"].as_str().expect("a sentence");
            assert_eq!(body["code"], "AccessDenied");
            assert!(message.starts_with(&format!("User: {} is not authorized to perform: ", alice.arn)), "{message}");
            assert!(message.contains("because no identity-based policy allows"), "{message}");
            assert!(!denied.body.contains(&token) && denied.header("x-brevet-principal").is_empty(), "{denied:?}");
        }
    }
}

#[tokio::test]
async fn by_http_an_answer_may_be_kept_as_long_as_it_says_and_a_refusal_not_at_all() {
    let stage = Stage::begin().await;
    let (_, token) = stage.alice().await;
    let bearer = format!("Bearer {token}");
    for door in [Door::Http, Door::Nginx] {
        let passes = stage.ask(door, "GET", "/reports/q3", &[("authorization", &bearer)]).await;
        assert_eq!((passes.header("cache-control"), passes.header("vary")), ("max-age=5", "authorization"));
        assert_eq!(passes.header("x-brevet-reason"), "allowed");
        let denied = stage.ask(door, "PUT", "/reports/q3", &[("authorization", &bearer)]).await;
        assert_eq!(denied.header("cache-control"), "no-store");
        assert!(denied.header("x-brevet-reason").contains("is not authorized"), "{denied:?}");
    }
    // No longer than the token lives.
    stage.world.advance(597);
    let passes = stage.ask(Door::Nginx, "GET", "/reports/q3", &[("authorization", &bearer)]).await;
    assert_eq!(passes.header("cache-control"), "max-age=3");
}

#[tokio::test]
async fn by_grpc_what_was_decided_is_there_for_logs_and_filters() {
    let stage = Stage::begin().await;
    let (alice, token) = stage.alice().await;
    let bearer = format!("Bearer {token}");
    let passes = stage.ask(Door::Grpc, "GET", "/reports/q3", &[("authorization", &bearer)]).await;
    let response = passes.response.expect("an answer");
    assert_eq!(response.status.expect("a status").code, 0);
    let fields = response.dynamic_metadata.expect("metadata").fields;
    let text = |name: &str| match &fields[name].kind {
        Some(prost_types::value::Kind::StringValue(text)) => text.clone(),
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(text("principal"), alice.arn);
    assert_eq!((text("action"), text("resource")), ("reports:Read".into(), "arn:aws:reports:::q3".into()));
    for name in ["decision", "revision", "max_age", "degraded", "statements", "account", "reason"] {
        assert!(fields.contains_key(name), "{name}");
    }
    let denied = stage.ask(Door::Grpc, "PUT", "/reports/q3", &[("authorization", &bearer)]).await;
    assert_eq!(denied.response.expect("an answer").status.expect("a status").code, 7, "PERMISSION_DENIED");
}

#[tokio::test]
async fn who_has_no_good_token_is_asked_for_one() {
    let stage = Stage::begin().await;
    let (alice, good) = stage.alice().await;
    let elsewhere = token(&alice.keys, &stage.plain, "https://elsewhere.example.com").await;
    let session = Session::of(alice.sts(&stage.plain).get_session_token().send().await.granted().credentials());
    let tampered = format!("{}x", &good[..good.len() - 1]);
    for door in DOORS {
        for (headers, code) in [
            (vec![], "MissingAuthenticationToken"),
            (vec![("authorization", "Basic YTpi".to_owned())], "MissingAuthenticationToken"),
            (vec![("authorization", "Bearer ".to_owned())], "MissingAuthenticationToken"),
            (vec![("authorization", "Bearer x".to_owned())], "InvalidIdentityToken"),
            (vec![("authorization", format!("Bearer {tampered}"))], "InvalidIdentityToken"),
            (vec![("authorization", format!("Bearer {elsewhere}"))], "InvalidIdentityToken"),
            (vec![("authorization", format!("Bearer {}", session.token()))], "InvalidIdentityToken"),
        ] {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let told = stage.ask(door, "GET", "/reports/q3", &headers).await;
            assert_eq!(told.status, 401, "{door:?} {headers:?}: {told:?}");
            assert!(told.body.contains(code), "{door:?} {headers:?}: {told:?}");
            assert!(told.header("www-authenticate").starts_with("Bearer"), "{told:?}");
        }
    }
    // One that was good goes the way of its user.
    let bearer = format!("Bearer {good}");
    assert_eq!(stage.ask(Door::Nginx, "GET", "/reports/q3", &[("authorization", &bearer)]).await.status, 200);
    let what = json!({ "principal": alice.arn }).to_string();
    let root = &stage.world.root;
    let revoked = post(&stage.plain, "/sessions/v1/revoke", "application/json", &what, Some((root, "brevet"))).await;
    assert_eq!(revoked.status, 200);
    for door in DOORS {
        assert_eq!(stage.ask(door, "GET", "/reports/q3", &[("authorization", &bearer)]).await.status, 401, "{door:?}");
    }
}

#[tokio::test]
async fn a_session_of_a_role_is_told_by_its_name() {
    let stage = Stage::begin().await;
    let root = stage.world.root.at(&stage.plain);
    let alice = root.user_with("alice", &allow("sts:AssumeRole", "*")).await;
    let trusted = trust(&stage.world.root.account.to_string(), &["sts:AssumeRole"], None);
    let role = root.role("analyst", &trusted, &may([statement("Allow", "reports:*", "*")])).await;
    let assumed = alice.sts(&stage.plain).assume_role().role_arn(&role).role_session_name("monday").send().await;
    let session = Session::of(assumed.granted().credentials());
    let bearer = format!("Bearer {}", stage.token(&session.keys).await);
    for door in DOORS {
        let passes = stage.ask(door, "PUT", "/reports/x", &[("authorization", &bearer)]).await;
        let arn = format!("arn:aws:sts::{}:assumed-role/analyst/monday", root.account);
        assert_eq!((passes.status, passes.header("x-brevet-principal")), (200, arn.as_str()), "{passes:?}");
    }
}

#[tokio::test]
async fn headers_that_a_route_names_are_condition_keys() {
    let stage = Stage::begin().await;
    let root = stage.world.root.at(&stage.plain);
    let mut reports = statement("Allow", "reports:*", "*");
    reports["Condition"] =
        json!({ "StringEquals": { "reports:Tenant": "red" }, "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } });
    let alice = root.user_with("alice", &may([reports])).await;
    let bearer = format!("Bearer {}", stage.token(&alice.keys).await);
    for door in DOORS {
        for (headers, status) in [
            (vec![("x-tenant", "red"), ("x-real-ip", "10.1.2.3")], 200),
            (vec![("x-tenant", "blue"), ("x-real-ip", "10.1.2.3")], 403),
            (vec![("x-real-ip", "10.1.2.3")], 403),
            (vec![("x-tenant", "red"), ("x-real-ip", "192.0.2.1")], 403),
            (vec![("x-tenant", "red"), ("x-real-ip", "10.1.2.3, 192.0.2.1")], 403),
        ] {
            let headers: Vec<_> = headers.into_iter().chain([("authorization", bearer.as_str())]).collect();
            assert_eq!(stage.ask(door, "GET", "/reports/q3", &headers).await.status, status, "{door:?} {headers:?}");
        }
    }
}

#[tokio::test]
async fn a_demanded_revision_is_waited_for_or_refused() {
    let stage = Stage::begin().await;
    let (_, token) = stage.alice().await;
    let bearer = format!("Bearer {token}");
    for door in DOORS {
        let ask = async |demand: &str| {
            let headers = [("authorization", bearer.as_str()), ("x-brevet-at-least-revision", demand)];
            stage.ask(door, "GET", "/reports/q3", &headers).await
        };
        assert_eq!(ask("1").await.status, 200, "{door:?}");
        assert_eq!(ask("soon").await.status, 403, "{door:?}");
        let far = ask("999999999").await;
        assert!(far.status == 412 || far.grpc.0 == "9", "{door:?}: {far:?}");
    }
}

/// The token is revoked at a revision that the broker may not have heard of when it is asked.
#[tokio::test]
async fn on_a_demanded_revision_it_is_told_anew_who_sent_the_request() {
    let stage = Stage::begin().await;
    let proxy = Proxy { at: &stage.tls, tls: Some((&stage.ca, Some(&stage.shown))), token: None };
    for round in 0..10 {
        let name = format!("sender-{round}");
        let user = stage.world.root.at(&stage.plain).user_with(&name, &reader()).await;
        let bearer = format!("Bearer {}", stage.token(&user.keys).await);
        let passes = stage.ask(Door::Grpc, "GET", "/reports/q3", &[("authorization", &bearer)]).await;
        assert_eq!(passes.status, 200, "{passes:?}");
        let what = json!({ "principal": user.arn }).to_string();
        let root = &stage.world.root;
        let revoke = post(&stage.plain, "/sessions/v1/revoke", "application/json", &what, Some((root, "brevet")));
        let revision = revoke.await.revision.expect("a write says its revision").to_string();
        let headers = [("authorization", bearer.as_str()), ("x-brevet-at-least-revision", revision.as_str())];
        let told = of_grpc(proxy.check(&envoy::request("GET", HOST, "/reports/q3", &headers)).await);
        assert_eq!(told.status, 401, "round {round}: {told:?}");
    }
}

/// A proxy is an asker like any other: it signs in, and needs the permission to ask.
#[tokio::test]
async fn a_proxy_signs_in_and_needs_a_permission() {
    let stage = Stage::begin().await;
    let (alice, token) = stage.alice().await;
    let bearer = format!("Bearer {token}");
    let nobody = stage.authority.client(&[&alice.arn.replace("alice", "ghost")], stage.world.now());
    let may_not = stage.authority.client(&[&alice.arn], stage.world.now());
    for door in DOORS {
        for shown in [None, Some(&nobody)] {
            let told = stage.ask_as(shown, door, ("GET", HOST, "/reports/q3"), &[("authorization", &bearer)]).await;
            assert!(told.status == 407 || told.grpc.0 == "16", "{door:?}: {told:?}");
        }
        let told =
            stage.ask_as(Some(&may_not), door, ("GET", HOST, "/reports/q3"), &[("authorization", &bearer)]).await;
        assert!(told.status == 403 || told.grpc.0 == "7", "{door:?}: {told:?}");
        assert!(!told.body.contains(&alice.arn), "what the proxy may is not for its client: {told:?}");
    }
    let recorded = async || {
        let trail = stage.world.trail("Evaluate").await;
        ["ext_authz", "auth_request"].iter().all(|door| trail.contains(&format!("\"door\":\"{door}\"")))
    };
    within_a_second("the refusals are recorded", recorded).await;
}

/// By gRPC in the call's own metadata, by HTTP in a header of its own: `Authorization` is the client's there.
#[tokio::test]
async fn a_proxy_may_sign_in_with_a_token() {
    let stage = Stage::begin().await;
    let (alice, subject) = stage.alice().await;
    let own = token(&stage.gateway.keys, &stage.plain, &stage.plain.url).await;
    let elsewhere = token(&stage.gateway.keys, &stage.plain, "https://elsewhere.example.com").await;
    let bearer = format!("Bearer {subject}");
    let request = envoy::request("GET", HOST, "/reports/q3", &[("authorization", &bearer)]);
    for (token, status) in
        [(Some(own.as_str()), "0"), (Some(elsewhere.as_str()), "16"), (Some("x"), "16"), (None, "16")]
    {
        let told = of_grpc(Proxy { at: &stage.plain, tls: None, token }.check(&request).await);
        assert_eq!(told.grpc.0, status, "{told:?}");
        assert_eq!(told.status == 200, status == "0", "{told:?}");
    }
    let http = reqwest::Client::new();
    let ask = async |token: &str| {
        let request = http.get(format!("{}/auth_request", stage.plain.url));
        let sets = [("x-original-method", "GET"), ("x-original-uri", "/reports/q3"), ("x-forwarded-host", HOST)];
        let request = sets.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = request.header("authorization", &bearer).header("x-brevet-authorization", token);
        of_http(request.send().await.expect("an answer")).await
    };
    assert_eq!(ask(&format!("Bearer {own}")).await.header("x-brevet-principal"), alice.arn);
    for wrong in [format!("Bearer {elsewhere}"), own.clone(), "Bearer".to_owned(), bearer.clone()] {
        assert_eq!(ask(&wrong).await.status, 407, "{wrong}");
    }
}

#[tokio::test]
async fn without_routes_a_proxy_hears_no() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    root.iam.enable_outbound_web_identity_federation().send().await.granted();
    let gateway = root.user_with("gateway", &allow("*", "*")).await;
    let own = token(&gateway.keys, &broker, &broker.url).await;
    let request = envoy::request("GET", HOST, "/reports/q3", &[("authorization", &format!("Bearer {own}"))]);
    let told = of_grpc(Proxy { at: &broker, tls: None, token: Some(&own) }.check(&request).await);
    assert!(told.status == 403 && told.body.contains("no route"), "{told:?}");
}

#[tokio::test]
async fn a_broker_does_not_start_with_wrong_routes() {
    let (mut world, _broker) = World::begin(Backend::Sqlite).await;
    let file = world.folder.path().join("routes.toml");
    std::fs::write(&file, "[[route]]\npath = '/a'\nacton = 'a:B'\n").expect("written");
    world.config.doors.routes = Some(file);
    let told = world.another_broker_fails().await;
    assert!(told.starts_with("doors.routes: ") && told.contains("did you mean `action`?"), "{told}");
}

/// A request as a client of the API signs it: the headers to send.
pub fn signed(who: &Keys, at: &Running, (method, target): (&str, &str), body: Option<&[u8]>) -> Vec<(String, String)> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let hash = body.map(|body| data_encoding::HEXLOWER.encode(&brevet::crypto::hash::sha256(body)));
    let mut headers: Vec<(&str, &[u8])> = vec![("host", HOST.as_bytes())];
    headers.extend(hash.iter().map(|hash| ("x-amz-content-sha256", hash.as_bytes())));
    let parts = RequestParts { method, path, query, headers: &headers, body: body.unwrap_or_default() };
    let mut added = sign_headers(&parts, &who.credentials(), "eu-west-1", "reports", at.clock.now());
    added.extend(hash.map(|hash| ("x-amz-content-sha256".to_owned(), hash)));
    added
}

fn as_pairs(headers: &[(String, String)]) -> Vec<(&str, &str)> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[tokio::test]
async fn a_request_that_is_signed_for_the_api_needs_no_token() {
    let stage = Stage::begin().await;
    let (alice, _) = stage.alice().await;
    let session = Session::of(alice.sts(&stage.plain).get_session_token().send().await.granted().credentials());
    for door in DOORS {
        for keys in [&alice.keys, &session.keys] {
            let headers = signed(keys, &stage.plain, ("GET", "/reports/q3?page=2"), Some(b""));
            let passes = stage.ask(door, "GET", "/reports/q3?page=2", &as_pairs(&headers)).await;
            assert_eq!(
                (passes.status, passes.header("x-brevet-principal")),
                (200, alice.arn.as_str()),
                "{door:?}: {passes:?}"
            );
            // Of one request, for whoever looks alike.
            assert_eq!(passes.header("x-brevet-max-age"), "0", "{passes:?}");
            for (method, target) in
                [("GET", "/reports/q4?page=2"), ("GET", "/reports/q3"), ("PUT", "/reports/q3?page=2")]
            {
                let told = stage.ask(door, method, target, &as_pairs(&headers)).await;
                assert!(
                    told.status == 401 && told.body.contains("SignatureDoesNotMatch"),
                    "{door:?} {target}: {told:?}"
                );
                assert_eq!(told.header("www-authenticate"), "AWS4-HMAC-SHA256");
            }
        }
        let headers = signed(&alice.keys, &stage.plain, ("PUT", "/reports/q3"), Some(b"text"));
        let denied = stage.ask(door, "PUT", "/reports/q3", &as_pairs(&headers)).await;
        assert!(denied.status == 403 && denied.body.contains(&alice.arn), "{door:?}: {denied:?}");
        // A proxy asks before it has the body, so the signature must say which one it is.
        let headers = signed(&alice.keys, &stage.plain, ("GET", "/reports/q3"), None);
        let told = stage.ask(door, "GET", "/reports/q3", &as_pairs(&headers)).await;
        assert!(told.status == 401 && told.body.contains("IncompleteSignature"), "{door:?}: {told:?}");
        // Another route takes tokens alone.
        let headers = signed(&alice.keys, &stage.plain, ("GET", "/public"), Some(b""));
        assert_eq!(stage.ask(door, "GET", "/public", &as_pairs(&headers)).await.status, 401, "{door:?}");
    }
    let headers = signed(&alice.keys, &stage.plain, ("GET", "/reports/q3"), Some(b""));
    let kept = stage.ask(Door::Nginx, "GET", "/reports/q3", &as_pairs(&headers)).await;
    assert_eq!(kept.header("cache-control"), "no-store");
    stage.world.advance(901);
    for door in DOORS {
        let late = stage.ask(door, "GET", "/reports/q3", &as_pairs(&headers)).await;
        assert_eq!(late.status, 401, "{door:?}: {late:?}");
    }
}

/// Whoever relays a signed request must not make another one of it.
#[tokio::test]
async fn a_header_that_nobody_signed_does_not_change_what_a_signed_request_means() {
    let stage = Stage::begin().await;
    let (alice, _) = stage.alice().await;
    let unsigned = signed(&alice.keys, &stage.plain, ("GET", "/jobs/1"), Some(b""));
    let hash = data_encoding::HEXLOWER.encode(&brevet::crypto::hash::sha256(b""));
    let own: [(&str, &[u8]); 3] =
        [("host", HOST.as_bytes()), ("x-amz-content-sha256", hash.as_bytes()), ("x-op", b"delete")];
    let parts = RequestParts { method: "GET", path: "/jobs/1", query: "", headers: &own, body: b"" };
    let now = stage.plain.clock.now();
    let mut meant = sign_headers(&parts, &alice.keys.credentials(), "eu-west-1", "reports", now);
    meant.push(("x-amz-content-sha256".to_owned(), hash.clone()));
    for door in DOORS {
        for (headers, refused) in [(&unsigned, true), (&meant, false)] {
            let headers = [as_pairs(headers), vec![("x-op", "delete")]].concat();
            let told = stage.ask(door, "GET", "/jobs/1", &headers).await;
            let why = "the signature must cover the header `x-op`";
            assert_eq!(told.status == 403 && told.body.contains(why), refused, "{door:?}: {told:?}");
        }
    }
}

/// Whoever signs may be of any account; what the API has is of the proxy's.
#[tokio::test]
async fn who_signs_from_another_account_does_not_bring_the_resource_along() {
    let stage = Stage::begin().await;
    let partner = stage.world.another_account("partner").await;
    let theirs = partner.at(&stage.plain).user_with("mallory", &allow("*", "*")).await;
    let headers = signed(&theirs.keys, &stage.plain, ("GET", "/reports/q3"), Some(b""));
    for door in DOORS {
        let told = stage.ask(door, "GET", "/reports/q3", &as_pairs(&headers)).await;
        assert_eq!(told.status, 403, "{door:?}: {told:?}");
        assert!(told.body.contains("no resource-based policy allows"), "{told:?}");
    }
    // And who is not enrolled for the API's name learns of nobody who signs.
    let asker = stage.world.root.at(&stage.plain).user_with("half", &allow("brevet:Evaluate", "*")).await;
    let shown = stage.authority.client(&[&asker.arn], stage.world.now());
    let headers = signed(&stage.gateway.keys, &stage.plain, ("GET", "/reports/q3"), Some(b""));
    for door in DOORS {
        let told = stage.ask_as(Some(&shown), door, ("GET", HOST, "/reports/q3"), &as_pairs(&headers)).await;
        assert!(
            told.grpc.0 == "7" || told.status == 403 && told.body.contains("the proxy may not ask"),
            "{door:?}: {told:?}"
        );
    }
}
