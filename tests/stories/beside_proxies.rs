//! Envoy and nginx beside a sidecar: what they ask about the requests that they receive is kept too, under what the routes look at.

use std::time::Duration;

use serde_json::json;

use crate::world::beside::{Beside, Reply, Service, TOKEN, Wire};
use crate::world::policies::{document, statement};
use crate::world::{Actor, Backend, Outcome, World, within};

const API: &str = "https://reports.example.com";
const ROUTES: &str = r#"
[[route]]
host = "reports.example.com"
path = "/reports/{id}"
actions = { GET = "reports:Read", PUT = "reports:Write" }
resource = "arn:aws:reports:::{id}"
audience = "https://reports.example.com"
context = { "reports:Tenant" = "x-tenant" }
"#;

/// As Envoy asks.
async fn envoy(at: &Beside, method: &str, token: &str, more: &[(&str, &str)]) -> Reply {
    let bearer = format!("Bearer {token}");
    let own = [("host", "reports.example.com"), ("authorization", bearer.as_str()), ("x-brevet-sidecar-token", TOKEN)];
    at.send(method, "/ext_authz/reports/q3?page=2", &[&own[..], more].concat(), String::new()).await
}

/// As nginx asks.
async fn nginx(at: &Beside, method: &str, token: &str) -> Reply {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("x-original-method", method),
        ("x-original-uri", "/reports/q3?page=2"),
        ("x-forwarded-host", "reports.example.com"),
        ("authorization", bearer.as_str()),
        ("x-brevet-sidecar-token", TOKEN),
    ];
    at.send("GET", "/auth_request", &headers, String::new()).await
}

#[tokio::test]
async fn what_proxies_ask_is_kept_under_what_the_routes_look_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let routes = folder.path().join("routes.toml");
    std::fs::write(&routes, ROUTES).expect("written");
    let (world, broker) = World::begin_with(Backend::Sqlite, |config| {
        config.store.staleness_bound = Duration::from_secs(1);
        config.doors.routes = Some(routes.clone());
    })
    .await;
    let root = world.root.at(&broker);
    root.iam.enable_outbound_web_identity_federation().send().await.granted();
    let service = Service::new(&world, &broker).await;
    let tokens = statement("Allow", "sts:GetWebIdentityToken", "*");
    let reads = statement("Allow", "reports:Read", "arn:aws:reports:::q3");
    let alice = root.user_with("alice", &document([tokens.clone(), reads])).await;
    let ask = alice.sts(&broker).get_web_identity_token().audience(API).signing_algorithm("ES256");
    let given = ask.duration_seconds(600).send().await.granted();
    let token = given.web_identity_token().expect("a token").to_owned();
    let wire = Wire::to(&broker).await;
    let beside = service.beside(&world, &wire).await;
    beside.follows(&broker).await;

    let first = envoy(&beside, "GET", &token, &[]).await;
    assert_eq!(
        (first.status, first.by(), first.header("x-brevet-principal")),
        (200, "broker", Some(alice.arn.as_str()))
    );
    let kept =
        envoy(&beside, "GET", &token, &[("x-request-id", "7"), ("user-agent", "another"), ("x-other", "y")]).await;
    assert_eq!((kept.status, kept.by(), kept.header("x-brevet-principal")), (200, "sidecar", Some(alice.arn.as_str())));
    assert_eq!(kept.header("x-envoy-auth-headers-to-remove"), Some("x-brevet-sidecar-token"));
    assert_eq!(nginx(&beside, "GET", &token).await.by(), "sidecar", "it is the same request");
    // What a route looks at makes another question of it, whether it is there, which it is, or how often.
    for tenants in [&[("x-tenant", "a")][..], &[("x-tenant", "b")], &[("x-tenant", "a"), ("x-tenant", "a")]] {
        assert_eq!(envoy(&beside, "GET", &token, tenants).await.by(), "broker", "{tenants:?}");
    }
    assert_eq!(envoy(&beside, "GET", &token, &[("x-tenant", "b")]).await.by(), "sidecar");
    for by in ["broker", "sidecar"] {
        let denied = envoy(&beside, "PUT", &token, &[]).await;
        assert_eq!((denied.status, denied.by(), &denied.json["code"]), (403, by, &json!("AccessDenied")), "{denied:?}");
    }
    // Who nobody knows is nobody from one time to the next.
    for bad in ["", "x", &format!("{token}x"), TOKEN] {
        for _ in 0..2 {
            let reply = envoy(&beside, "GET", bad, &[]).await;
            assert_eq!((reply.status, reply.by()), (401, "broker"), "{bad}: {reply:?}");
        }
    }
    // The client's header is not the proxy's.
    let bearer = format!("Bearer {TOKEN}");
    let stranger = [("host", "reports.example.com"), ("authorization", bearer.as_str())];
    let reply = beside.send("GET", "/ext_authz/reports/q3", &stranger, String::new()).await;
    assert_eq!((reply.status, reply.by()), (403, "sidecar"), "{reply:?}");

    root.let_user("alice", "own", &document([tokens])).await;
    within(Duration::from_secs(10), "alice may not any more", || async {
        nginx(&beside, "GET", &token).await.status == 403
    })
    .await;
    wire.cut();
    within(Duration::from_secs(10), "it refuses", || async { envoy(&beside, "GET", &token, &[]).await.status == 503 })
        .await;
}
