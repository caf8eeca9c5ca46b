//! What clients of a proxy might send to be taken for others, or for something else than what is served.

use brevet::crypto::hash::sha256;
use prost::Message;

use super::proxies::{DOORS, Door, HOST, Stage, may, of_grpc, of_http, token};
use crate::world::envoy::{self, Proxy};
use crate::world::mutual_tls::Client;
use crate::world::policies::statement;
use crate::world::within_a_second;

/// Paths that some proxy or service would read as one of `/admin/...`: none of them passes for one of `/{anything...}`.
#[tokio::test]
async fn no_spelling_of_a_path_gets_around_its_route() {
    let stage = Stage::begin().await;
    let (_, token) = stage.alice().await;
    let bearer = format!("Bearer {token}");
    for door in DOORS {
        let passes = stage.ask(door, "GET", "/public/page", &[("authorization", &bearer)]).await;
        assert_eq!(passes.status, 200, "{door:?}: alice may use the rest of the site: {passes:?}");
        for target in [
            "/admin/users",
            "/%61dmin/users",
            "/ADMIN/users",
            "/Admin/users",
            "/admin/users/",
            "/admin%2fusers",
            "//admin/users",
            "/public//admin/users",
            "/public/%2e%2e/admin/users",
            "/public/.%2e/admin/users",
            "/public/..;/admin/users",
            "/public/..%2fadmin/users",
            "/public/%252e%252e/admin/users",
            "/public/..%5cadmin/users",
            "/admin;x=1/users",
            "/admin%3bx/users",
            "/admin/users%00",
            "/admin/users%0a",
            "/public/%c0%ae%c0%ae/admin/users",
            "/admin%u002fusers",
        ] {
            let told = stage.ask(door, "GET", target, &[("authorization", &bearer)]).await;
            assert_eq!(told.status, 403, "{door:?} {target}: {told:?}");
        }
    }
    // What no URL of a client library carries, a proxy may have received all the same.
    for target in [
        "/public/../admin/users",
        "/public/./../admin/users",
        "/public\\..\\admin",
        "/a b",
        "http://x/public",
        "*",
        "",
        "/public#/admin",
        "/\u{fe}",
    ] {
        for door in [Door::Grpc, Door::RawGrpc] {
            let told = stage.ask(door, "GET", target, &[("authorization", &bearer)]).await;
            assert_eq!(told.status, 403, "{door:?} {target}: {told:?}");
        }
    }
}

#[tokio::test]
async fn no_segment_of_a_path_is_more_than_itself_in_a_resource() {
    let stage = Stage::begin().await;
    let root = stage.world.root.at(&stage.plain);
    let narrow = root.user_with("narrow", &may([statement("Allow", "reports:*", "arn:aws:reports:::q3")])).await;
    let bearer = format!("Bearer {}", stage.token(&narrow.keys).await);
    for door in DOORS {
        assert_eq!(stage.ask(door, "GET", "/reports/q3", &[("authorization", &bearer)]).await.status, 200);
        for target in [
            "/reports/*",
            "/reports/q%3f",
            "/reports/q3%20",
            "/reports/q3:x",
            "/reports/$%7baws:username%7d",
            "/reports/Q3",
        ] {
            let told = stage.ask(door, "GET", target, &[("authorization", &bearer)]).await;
            assert_eq!(told.status, 403, "{door:?} {target}: {told:?}");
        }
    }
}

/// Headers by which a client would be somebody else, or its request another one.
#[tokio::test]
async fn a_clients_own_headers_do_not_speak_for_the_proxy_or_the_broker() {
    let stage = Stage::begin().await;
    let (alice, token_of_alice) = stage.alice().await;
    let bearer = format!("Bearer {token_of_alice}");
    let forged = [
        ("authorization", bearer.as_str()),
        ("x-brevet-principal", "arn:aws:iam::111111111111:root"),
        ("x-brevet-account", "999999999999"),
        ("x-brevet-tenant", "red"),
        ("x-brevet-authorization", "Bearer x"),
        ("x-forwarded-client-cert", "URI=arn:aws:iam::111111111111:root"),
        ("x-envoy-original-path", "/public"),
    ];
    for door in DOORS {
        let passes = stage.ask(door, "GET", "/reports/q3", &forged).await;
        assert_eq!(
            (passes.status, passes.header("x-brevet-principal")),
            (200, alice.arn.as_str()),
            "{door:?}: {passes:?}"
        );
        assert_eq!(passes.header("x-brevet-account"), alice.account.to_string());
        if let Some(ok) = passes.response.and_then(|response| response.ok) {
            assert_eq!(ok.headers_to_remove, ["x-brevet-authorization", "x-brevet-tenant"], "{door:?}");
        }
        let denied = stage.ask(door, "PUT", "/reports/q3", &forged).await;
        assert_eq!(denied.status, 403, "{door:?}: {denied:?}");
    }
    // A client's token for the broker makes nobody a proxy where the proxy has a certificate, and its certificate is not its own.
    let own = token(&alice.keys, &stage.plain, &stage.plain.url).await;
    for door in [Door::Http, Door::Nginx] {
        let headers = [("authorization", bearer.as_str()), ("x-brevet-authorization", &format!("Bearer {own}"))];
        assert_eq!(stage.ask(door, "GET", "/reports/q3", &headers).await.status, 200, "{door:?}");
        assert_eq!(stage.ask_as(None, door, ("GET", HOST, "/reports/q3"), &headers).await.status, 407, "{door:?}");
    }
    // By HTTP, the headers of nginx mean nothing to Envoy's door, and those that are there twice nothing to nginx's.
    let admin = [("authorization", bearer.as_str()), ("x-original-uri", "/public"), ("x-original-method", "GET")];
    assert_eq!(stage.ask(Door::Http, "GET", "/admin/users", &admin).await.status, 403);
    for name in ["x-original-uri", "x-original-method", "x-forwarded-host"] {
        let twice = [("authorization", bearer.as_str()), (name, "/public")];
        assert_eq!(stage.ask(Door::Nginx, "GET", "/reports/q3", &twice).await.status, 400, "{name}");
    }
    for door in DOORS {
        for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
            let other = [("authorization", bearer.as_str()), (name, "PUT")];
            assert_eq!(stage.ask(door, "GET", "/reports/q3", &other).await.status, 403, "{door:?} {name}");
        }
        for host in ["reports.example.com.", "reports.example.com:x", "a@reports.example.com"] {
            let headers = [("authorization", bearer.as_str())];
            let told = stage.ask_as(Some(&stage.shown), door, ("GET", host, "/reports/q3"), &headers).await;
            assert!([400, 403].contains(&told.status), "{door:?} {host}: {told:?}");
        }
    }
}

/// Two values where one is looked for: the proxy's service might read the other one.
#[tokio::test]
async fn a_header_that_is_there_twice_decides_nothing() {
    let stage = Stage::begin().await;
    let (_, token) = stage.alice().await;
    let bearer = format!("Bearer {token}");
    for door in [Door::RawGrpc, Door::Http, Door::Nginx] {
        for twice in [("authorization", "Bearer x"), ("x-tenant", "blue"), ("x-brevet-at-least-revision", "1")] {
            let headers =
                [("authorization", bearer.as_str()), ("x-tenant", "red"), ("x-brevet-at-least-revision", "1"), twice];
            let told = stage.ask(door, "GET", "/reports/q3", &headers).await;
            assert!([401, 403].contains(&told.status), "{door:?} {twice:?}: {told:?}");
        }
    }
    // As bytes that are no text.
    let proxy = Proxy { at: &stage.tls, tls: Some((&stage.ca, Some(&stage.shown))), token: None };
    let headers: [(&str, &[u8]); 2] = [("authorization", bearer.as_bytes()), ("x-tenant", b"\xff")];
    let told = of_grpc(proxy.check(&envoy::raw_request("GET", HOST, "/reports/q3", &headers)).await);
    assert_eq!(told.status, 403, "{told:?}");
}

/// Unless it is told to send headers raw, Envoy makes one of two, with a comma: the service behind it may still read either.
#[tokio::test]
async fn a_header_that_may_have_been_two_decides_nothing() {
    let stage = Stage::begin().await;
    let (_, token) = stage.alice().await;
    let bearer = format!("Bearer {token}");
    let of =
        async |door: Door, target: &str, headers: &[(&str, &str)]| stage.ask(door, "GET", target, headers).await.status;
    for door in DOORS {
        let own = ("authorization", bearer.as_str());
        assert_eq!(of(door, "/jobs/1", &[own, ("x-op", "read")]).await, 200, "{door:?}: the rest of the site");
        assert_eq!(of(door, "/jobs/1", &[own, ("x-op", "delete")]).await, 403, "{door:?}");
        assert_eq!(of(door, "/reports/q3", &[own, ("x-unread", "a,b")]).await, 200, "{door:?}: what nobody reads");
    }
    let twice = format!("{bearer},{bearer}");
    for (target, authorization, header) in [
        ("/jobs/1", &bearer, ("x-op", "delete,delete")),
        ("/jobs/1", &bearer, ("x-op", "read,delete")),
        ("/reports/q3", &bearer, ("x-tenant", "red,blue")),
        ("/reports/q3", &bearer, ("x-brevet-at-least-revision", "1,1")),
        ("/reports/q3", &twice, ("x-tenant", "red")),
    ] {
        let headers = [("authorization", authorization.as_str()), header];
        assert_eq!(of(Door::Grpc, target, &headers).await, 403, "{target} {headers:?}");
    }
    // Sent raw, a comma is a value's own.
    assert_eq!(of(Door::RawGrpc, "/reports/q3", &[("authorization", &bearer), ("x-tenant", "red,blue")]).await, 200);
    // Two signatures in one header are none.
    let signature =
        "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/reports/aws4_request, SignedHeaders=host, Signature=b";
    for twice in [format!("{signature},{signature}"), format!("{signature},{bearer}"), format!("{bearer},{signature}")]
    {
        let status = of(Door::Grpc, "/reports/q3", &[("authorization", &twice)]).await;
        assert!([401, 403].contains(&status), "{status}");
    }
}

/// What is demanded of the answer is anybody's to say: nobody has the store read by it who does not prove who they are.
#[tokio::test]
async fn a_stranger_demands_nothing() {
    let stage = Stage::begin().await;
    let (_, token) = stage.alice().await;
    let signature = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/reports/aws4_request, \
                     SignedHeaders=host;x-amz-date, Signature=b";
    let tampered = format!("Bearer {}x", &token[..token.len() - 1]);
    for door in DOORS {
        for authorization in ["Bearer x", &tampered, signature] {
            let headers = [("authorization", authorization), ("x-brevet-at-least-revision", "999999999")];
            let told = stage.ask(door, "GET", "/reports/q3", &headers).await;
            assert_eq!(told.status, 401, "{door:?} {authorization}: {told:?}");
        }
    }
}

/// The path becomes the resource's name, and the client wrote it.
#[tokio::test]
async fn a_proxy_that_may_not_ask_leaves_no_token_of_its_clients_in_the_audit_trail() {
    let stage = Stage::begin().await;
    let (_, token) = stage.alice().await;
    let other = stage.world.root.at(&stage.plain).user("other").await;
    let shown = stage.authority.client(&[&other.arn], stage.world.now());
    let bearer = format!("Bearer {token}");
    for door in DOORS {
        let request = ("GET", HOST, format!("/{door:?}/token=opensesame/{token}"));
        let request = (request.0, request.1, request.2.as_str());
        let told = stage.ask_as(Some(&shown), door, request, &[("authorization", &bearer)]).await;
        assert_ne!(told.status, 200, "{door:?}: {told:?}");
    }
    within_a_second("all are recorded", || async {
        let trail = stage.world.trail("Evaluate").await;
        DOORS.iter().all(|door| trail.contains(&format!("arn:aws:web:::{door:?}/token=(removed)")))
    })
    .await;
    let trail = stage.world.trail("Evaluate").await;
    for hidden in ["opensesame", "eyJ", &token] {
        assert!(!trail.contains(hidden), "{hidden} is in {trail}");
    }
}

#[tokio::test]
async fn what_is_no_question_is_refused_within_bounds() {
    let stage = Stage::begin().await;
    let proxy = Proxy { at: &stage.tls, tls: Some((&stage.ca, Some(&stage.shown))), token: None };
    let empty = envoy::CheckRequest { attributes: None };
    assert_eq!(proxy.check(&empty).await.status, "3", "INVALID_ARGUMENT");
    let mut no_http = envoy::request("GET", HOST, "/", &[]);
    no_http.attributes.as_mut().expect("attributes").request = None;
    assert_eq!(proxy.check(&no_http).await.status, "3");
    let whole = envoy::request("GET", HOST, "/reports/q3", &[("authorization", "Bearer x")]).encode_to_vec();
    for cut in [1, 7, whole.len() / 2, whole.len() - 1] {
        let reply = proxy.call(&whole[..cut]).await;
        assert!(reply.status != "0" || reply.response.is_some_and(|response| response.ok.is_none()), "{cut}");
    }
    let noise: Vec<u8> = (0..200_u8).flat_map(|seed| sha256(&[seed])).collect();
    assert_ne!(proxy.call(&noise).await.status, "0");
    // Nested as deep as it goes, and larger than is read.
    let mut deep = Vec::new();
    for _ in 0..5_000 {
        let mut outer = vec![0x0a];
        prost::encoding::encode_varint(deep.len() as u64, &mut outer);
        outer.extend_from_slice(&deep);
        deep = outer;
        if deep.len() > 30_000 {
            break;
        }
    }
    let reply = proxy.call(&deep).await;
    assert_ne!(reply.status, "0", "{reply:?}");
    let large = "x".repeat(2 << 20);
    let reply = proxy.check(&envoy::request("GET", HOST, "/reports/q3", &[("x-large", &large)])).await;
    assert!(reply.status != "0" && reply.response.is_none(), "{reply:?}");
    let told =
        of_grpc(proxy.check(&envoy::request("GET", HOST, &format!("/reports/{}", "q".repeat(20_000)), &[])).await);
    assert_eq!(told.status, 403);
    let told =
        of_grpc(proxy.check(&envoy::request("GET", HOST, &format!("/reports/{}", "q".repeat(3_000)), &[])).await);
    assert!(told.status == 403 && told.body.contains("too long"), "{told:?}");

    // By HTTP.
    let client = Client::new(&stage.tls, &stage.ca, Some(&stage.shown));
    let nginx = async |headers: &[(&str, &str)]| {
        let request = client.http.get(format!("{}/auth_request", client.url));
        of_http(
            headers.iter().fold(request, |r, (name, value)| r.header(*name, *value)).send().await.expect("an answer"),
        )
        .await
    };
    assert_eq!(nginx(&[]).await.status, 400);
    assert_eq!(nginx(&[("x-original-method", "GET"), ("x-original-uri", "/reports/q3")]).await.status, 400);
    let request = client.http.post(format!("{}/ext_authz/reports/q3", client.url)).body(large);
    assert_eq!(request.send().await.map(|response| response.status().as_u16()).unwrap_or(413), 413);
    let get =
        async |path: &str| client.http.get(format!("{}{path}", client.url)).send().await.expect("an answer").status();
    assert_eq!(get("/ext_authz").await, 404);
    assert_eq!(get("/ext_authz/").await, 403);
    assert_eq!(get("/ext_authzreports/q3").await, 404);
    // Without Envoy's prefix, the message's own path is no door for a browser.
    assert_eq!(get("/envoy.service.auth.v3.Authorization/Check").await, 405);
}
