//! The sidecar: whom it answers, and what it answers while the broker is away.

use std::net::SocketAddr;
use std::sync::Arc;

use brevet::client::Environment;
use brevet::client::sts::AssumeRole;
use brevet::clock::SystemRandom;
use brevet::sidecar::{AuthorizationToken, Keeper, RoleSource, Sidecar, SidecarSettings};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::fake_sts::{Answer, FakeSts};
use crate::neighbour::{Reply, send};

const ROLE: &str = "arn:aws:iam::123456789012:role/app";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

struct World {
    fake: FakeSts,
    keeper: Arc<Keeper>,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl World {
    /// A running sidecar whose first tries to get credentials are answered so.
    async fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let fake = FakeSts::start().await;
        fake.then(answers);
        let environment =
            Environment::of([("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "long-lived-secret")]);
        let role = AssumeRole { role_arn: ROLE.to_owned(), session_name: "brevet".to_owned(), ..AssumeRole::default() };
        let source = RoleSource { broker: fake.broker(), environment, profile: None, role };
        let keeper = Arc::new(Keeper::new(source, Arc::new(fake.clock.clone()), Arc::new(SystemRandom)));
        let settings = SidecarSettings {
            listen: "127.0.0.1:0".parse().expect("an address"),
            beyond_loopback: false,
            path: "/creds".to_owned(),
        };
        let sidecar = Sidecar::bind(settings).await.expect("bound");
        let address = sidecar.address();
        assert_eq!(sidecar.url(), format!("http://{address}/creds"));
        keeper.renew_if_due().await;
        let (stop, stopped) = oneshot::channel();
        let token = AuthorizationToken::new(TOKEN).expect("a token");
        let running = tokio::spawn(sidecar.run(Arc::clone(&keeper), token, async move {
            let _ = stopped.await;
        }));
        Self { fake, keeper, address, stop, running }
    }

    async fn get(&self) -> Reply {
        self.ask(&["GET /creds HTTP/1.1", "Host: localhost", &format!("Authorization: {TOKEN}")]).await
    }

    async fn ask(&self, lines: &[&str]) -> Reply {
        send(self.address, lines).await
    }

    /// Moves the clock and lets the sidecar notice.
    async fn later(&self, seconds: i64) {
        self.fake.clock.advance(seconds);
        self.keeper.renew_if_due().await;
    }
}

#[tokio::test]
async fn credentials_are_served_in_the_containers_form() {
    let world = World::new([]).await;
    let reply = world.get().await;
    assert_eq!(reply.status, 200);
    assert!(reply.head.contains("content-type: application/json") && reply.head.contains("cache-control: no-store"));
    let members: Vec<&String> = reply.json.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["AccessKeyId", "AccountId", "Expiration", "RoleArn", "SecretAccessKey", "Token"]);
    for (member, value) in [
        ("AccessKeyId", "ASIA1"),
        ("SecretAccessKey", "secret-1"),
        ("Token", "token-1"),
        ("RoleArn", ROLE),
        ("AccountId", "123456789012"),
    ] {
        assert_eq!(reply.json[member], value, "{member}");
    }
    let health = world.ask(&["GET /health HTTP/1.1", "Host: localhost"]).await;
    assert_eq!((health.status, &health.json["status"]), (200, &"ok".into()));
    assert!(!health.json.to_string().contains("secret"));
}

#[tokio::test]
async fn nobody_gets_credentials_without_the_token() {
    let world = World::new([]).await;
    let wrong = TOKEN.replace('f', "e");
    for line in [
        "X: y".to_owned(),
        "Authorization:".to_owned(),
        format!("Authorization: {wrong}"),
        format!("Authorization: Bearer {TOKEN}"),
        format!("Authorization: {TOKEN}{TOKEN}"),
        format!("Authorization: {TOKEN}\r\nAuthorization: {TOKEN}"),
    ] {
        let reply = world.ask(&["GET /creds HTTP/1.1", "Host: localhost", &line]).await;
        assert_eq!((reply.status, &reply.json["code"]), (403, &"AccessDenied".into()), "{line}");
        assert!(!reply.json.to_string().contains("secret"), "{line}");
    }
}

#[tokio::test]
async fn a_name_that_was_pointed_here_is_refused() {
    let world = World::new([]).await;
    let token = format!("Authorization: {TOKEN}");
    for host in
        ["Host: evil.example", "Host: evil.example:80", "Host:", "X: y", "Host: localhost\r\nHost: evil.example"]
    {
        let reply = world.ask(&["GET /creds HTTP/1.1", host, &token]).await;
        assert_eq!((reply.status, &reply.json["code"]), (421, &"InvalidHost".into()), "{host}");
    }
    let reply = world.ask(&["GET http://evil.example/creds HTTP/1.1", "Host: localhost", &token]).await;
    assert_eq!(reply.status, 421);
    let reply = world.ask(&["GET /health HTTP/1.1", "Host: evil.example"]).await;
    assert_eq!(reply.status, 421);
}

#[tokio::test]
async fn only_get_and_only_known_paths() {
    let world = World::new([]).await;
    let token = format!("Authorization: {TOKEN}");
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"] {
        let reply = world.ask(&[&format!("{method} /creds HTTP/1.1"), "Host: localhost", &token]).await;
        assert_eq!(reply.status, 405, "{method}");
        assert!(reply.head.contains("allow: get"), "{method}");
    }
    for path in ["/", "/creds/", "/creds/x", "//creds", "/CREDS"] {
        let reply = world.ask(&[&format!("GET {path} HTTP/1.1"), "Host: localhost", &token]).await;
        assert_eq!(reply.status, 404, "{path}");
    }
}

#[tokio::test]
async fn without_credentials_there_is_no_success() {
    let failures = [
        (Answer::Error(403, "AccessDenied"), "AccessDenied"),
        (Answer::Raw(200, "garbage".to_owned()), "BrokerUnavailable"),
        (Answer::Credentials(-1), "BrokerUnavailable"),
        (Answer::Flood(2 * 1024 * 1024), "BrokerUnavailable"),
        (Answer::Silence, "BrokerUnavailable"),
    ];
    for (failure, code) in failures {
        let world = World::new([failure.clone()]).await;
        let reply = world.get().await;
        assert_eq!((reply.status, &reply.json["code"]), (503, &code.into()), "{failure:?}");
        assert!(reply.json["message"].as_str().is_some_and(|message| !message.is_empty()), "{failure:?}");
        let health = world.ask(&["GET /health HTTP/1.1", "Host: localhost"]).await;
        assert_eq!((health.status, &health.json["trouble"]), (503, &code.into()), "{failure:?}");
        // Two seconds later it tries again by itself.
        world.later(2).await;
        assert_eq!(world.get().await.status, 200, "{failure:?}");
    }
}

#[tokio::test]
async fn credentials_are_renewed_before_they_expire() {
    let world = World::new([]).await;
    world.later(2_600).await;
    assert_eq!(world.get().await.json["AccessKeyId"], "ASIA1");
    world.later(300).await;
    assert_eq!(world.get().await.json["AccessKeyId"], "ASIA2");
}

#[tokio::test]
async fn the_last_good_ones_are_served_until_they_expire_and_not_longer() {
    let world = World::new([]).await;
    let down = || std::iter::repeat_n(Answer::Error(500, "InternalFailure"), 3);
    world.fake.then(down().chain(down()));
    world.later(2_900).await;
    let reply = world.get().await;
    assert_eq!((reply.status, &reply.json["AccessKeyId"]), (200, &"ASIA1".into()));
    let health = world.ask(&["GET /health HTTP/1.1", "Host: localhost"]).await;
    assert_eq!(
        (health.status, &health.json["trouble"]),
        (200, &"InternalFailure".into()),
        "it is told before it is felt"
    );
    // Expired between two tries: what is asked now is not answered with what was good then.
    world.fake.clock.advance(701);
    assert_eq!(world.get().await.status, 503);
    world.keeper.renew_if_due().await;
    let reply = world.get().await;
    assert_eq!((reply.status, &reply.json["code"]), (503, &"InternalFailure".into()));
    world.later(10).await;
    assert_eq!(world.get().await.status, 200);
}

#[tokio::test]
async fn it_stops_when_told() {
    let world = World::new([]).await;
    assert_eq!(world.get().await.status, 200);
    world.stop.send(()).expect("still there");
    world.running.await.expect("no panic");
    assert!(tokio::net::TcpStream::connect(world.address).await.is_err());
}
