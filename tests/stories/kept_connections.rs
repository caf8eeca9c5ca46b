//! Connections that a service keeps: who came last over one is known again while nothing changes, and nobody else is. The clock stands
//! still here, so that whatever is asked twice is asked in one second.

use brevet::session::Previous;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::mutual_tls::{Authority, Client};
use crate::world::policies::allow;
use crate::world::raw::post;
use crate::world::{Actor, Backend, Keys, Outcome, Running, User, World, within_a_second};

/// A connection.
struct Line {
    stream: TcpStream,
    host: String,
}

impl Line {
    async fn to(at: &Running) -> Self {
        let host = at.host();
        Self { stream: TcpStream::connect(&host).await.expect("a connection"), host: host.to_string() }
    }

    /// A question of whoever bears this, if anybody; the status and the body of its answer.
    async fn ask(&mut self, bears: Option<&str>, question: &Value) -> (u16, String) {
        let body = question.to_string();
        let authorization = bears.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let head = format!(
            "POST /access/v1/evaluation HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n{authorization}\
             content-length: {}\r\n\r\n",
            self.host,
            body.len()
        );
        self.stream.write_all(format!("{head}{body}").as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        loop {
            let mut piece = [0; 4_096];
            let read = self.stream.read(&mut piece).await.expect("an answer");
            assert!(read > 0, "the connection was closed");
            answer.extend_from_slice(&piece[..read]);
            let text = std::str::from_utf8(&answer).expect("text");
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
            if body.len() >= length.parse().expect("a number") {
                let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
                return (status, body.to_owned());
            }
        }
    }
}

/// A world in which `service` may ask about `alice`.
struct Scene {
    world: World,
    broker: Running,
    service: User,
    question: Value,
}

impl Scene {
    async fn begin() -> Self {
        let (world, broker) = World::begin(Backend::Sqlite).await;
        let root = world.root.at(&broker);
        let alice = root.user_with("alice", &allow("record:read", "*")).await;
        let question = json!({
            "subject": { "type": "user", "id": alice.arn },
            "action": { "name": "record:read" },
            "resource": { "type": "record", "id": "r1" },
        });
        let service = root.user_with("service", &allow("brevet:Evaluate", "*")).await;
        root.iam.enable_outbound_web_identity_federation().send().await.granted();
        root.let_user("service", "tokens", &allow("sts:GetWebIdentityToken", "*")).await;
        broker.settled().await;
        Self { world, broker, service, question }
    }

    /// A token of these keys' for the broker.
    async fn token(&self, of: &Keys) -> String {
        let ask = of.sts(&self.broker).get_web_identity_token().audience(&self.broker.url);
        let given = ask.signing_algorithm("ES256").duration_seconds(600).send().await.granted();
        given.web_identity_token().expect("a token").to_owned()
    }

    /// A connection over which the service has just asked with this token, several times.
    async fn asked(&self, token: &str) -> Line {
        let mut line = Line::to(&self.broker).await;
        for _ in 0..4 {
            let (status, body) = line.ask(Some(token), &self.question).await;
            assert!(status == 200 && body.contains("\"decision\":true"), "{body}");
        }
        line
    }
}

#[tokio::test]
async fn who_came_last_is_nobody_else() {
    let scene = Scene::begin().await;
    let root = scene.world.root.at(&scene.broker);
    let stranger = root.user_with("stranger", &allow("sts:GetWebIdentityToken", "*")).await;
    let (good, other) = (scene.token(&scene.service.keys).await, scene.token(&stranger.keys).await);
    let (signed, signature) = good.rsplit_once('.').expect("a signature");
    let (_, others) = other.rsplit_once('.').expect("a signature");
    let changed = if signature.starts_with('A') { "B" } else { "A" };
    let mut line = scene.asked(&good).await;
    for (token, expected) in [
        (Some(other.clone()), 403),
        (Some(format!("{signed}.{others}")), 401),
        (Some(format!("{signed}.{changed}{}", &signature[1..])), 401),
        (Some(format!("{signed}.")), 401),
        (Some(signed.to_owned()), 401),
        (Some(format!("{good}A")), 401),
        (Some(format!("{signed}.{signature}.{signature}")), 401),
        (Some(format!("x{good}")), 401),
        (None, 401),
    ] {
        // Right after the one that is good, and after another that is not.
        for before in [Some(&good), None] {
            if let Some(before) = before {
                assert_eq!(line.ask(Some(before), &scene.question).await.0, 200);
            }
            let (status, body) = line.ask(token.as_deref(), &scene.question).await;
            assert_eq!(status, expected, "{token:?}: {body}");
        }
    }
    assert_eq!(line.ask(Some(&good), &scene.question).await.0, 200);
}

#[tokio::test]
async fn a_token_that_was_good_a_moment_ago_ends_with_all_that_made_it_so() {
    let refused = async |line: &mut Line, token: &str, scene: &Scene, expected| {
        let (status, body) = line.ask(Some(token), &scene.question).await;
        assert_eq!(status, expected, "{body}");
    };

    // Its time.
    let scene = Scene::begin().await;
    let token = scene.token(&scene.service.keys).await;
    let mut line = scene.asked(&token).await;
    scene.world.advance(601);
    refused(&mut line, &token, &scene, 401).await;

    // What its bearer may do.
    let token = scene.token(&scene.service.keys).await;
    let mut line = scene.asked(&token).await;
    let iam = scene.world.root.iam(&scene.broker);
    let names = iam.list_user_policies().user_name("service").send().await.granted();
    for name in names.policy_names() {
        let delete = iam.delete_user_policy().user_name("service").policy_name(name);
        delete.send().await.granted();
    }
    refused(&mut line, &token, &scene, 403).await;

    // A revocation.
    let scene = Scene::begin().await;
    scene.world.advance(1);
    let token = scene.token(&scene.service.keys).await;
    scene.world.advance(1);
    let mut line = scene.asked(&token).await;
    let revoked = json!({ "accessKeyId": scene.service.keys.id }).to_string();
    let signer = Some((&scene.world.root as _, "brevet"));
    let done = post(&scene.broker, "/sessions/v1/revoke", "application/json", &revoked, signer).await;
    assert_eq!(done.status, 200, "{done:?}");
    refused(&mut line, &token, &scene, 401).await;
}

/// The key that signed a token is removed by another process, and the broker hears of it.
#[tokio::test]
async fn a_token_ends_with_its_key_on_a_connection_that_it_came_over() {
    let scene = Scene::begin().await;
    let token = scene.token(&scene.service.keys).await;
    let kid = brevet::crypto::jwt::peek_header(&token).expect("a header").kid.expect("a key's id");
    scene.world.rotate_keys(Previous::UntilExpired).await;
    let mut line = scene.asked(&token).await;
    scene.world.remove_key(&kid).await;
    let keys = &scene.broker.broker.keys;
    within_a_second("the key is gone", || async { keys.rings().find(&kid).is_none() }).await;
    let (status, body) = line.ask(Some(&token), &scene.question).await;
    assert_eq!(status, 401, "{body}");
}

/// Nor does a certificate outlive what made it good, on a connection that has begun with it.
#[tokio::test]
async fn a_certificate_that_was_good_a_moment_ago_ends_too() {
    let (mut world, plain) = World::begin(Backend::Sqlite).await;
    let authority = Authority::new("services");
    let (tls, ca) = world.another_with_tls(&authority).await;
    let root = world.root.at(&plain);
    let alice = root.user_with("alice", &allow("record:read", "*")).await;
    let service = root.user_with("service", &allow("brevet:Evaluate", &alice.arn)).await;
    let question = json!({
        "subject": { "type": "user", "id": alice.arn },
        "action": { "name": "record:read" },
        "resource": { "type": "record", "id": "r1" },
    });
    tls.settled().await;
    let client = Client::new(&tls, &ca, Some(&authority.client(&[&service.arn], world.now())));
    let good = async || {
        for _ in 0..4 {
            let answer = client.ask(&question).await;
            assert_eq!((answer.status, &answer.json()["decision"]), (200, &json!(true)), "{answer:?}");
        }
    };
    let iam = world.root.iam(&plain);
    good().await;
    let names = iam.list_user_policies().user_name("service").send().await.granted();
    let name = names.policy_names().first().expect("its policy").clone();
    let policy = iam.get_user_policy().user_name("service").policy_name(&name).send().await.granted();
    iam.delete_user_policy().user_name("service").policy_name(&name).send().await.granted();
    tls.settled().await;
    assert_eq!(client.ask(&question).await.status, 403);
    let document = percent_encoding::percent_decode_str(policy.policy_document()).decode_utf8_lossy().into_owned();
    let put = iam.put_user_policy().user_name("service").policy_name(&name).policy_document(document);
    put.send().await.granted();
    tls.settled().await;
    good().await;
    world.advance(3_601);
    assert_eq!(client.ask(&question).await.status, 401);
}
