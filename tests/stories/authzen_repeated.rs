//! The same question again in the same second: it is answered from memory, and nobody can tell. The clock stands still here, so whatever is
//! asked three times is.

use std::str::FromStr;
use std::time::{Duration, Instant};

use brevet::config::{Config, LogMode, Network};
use brevet::session::Previous;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};

use crate::world::mutual_tls::{Authority, Client};
use crate::world::policies::{allow, allow_if, deny};
use crate::world::raw::{Answer, ask, ask_with, post, post_with};
use crate::world::{Actor, Backend, Keys, Outcome, Running, Session, User, World, within, within_a_second};

/// A request with this header is always answered anew: what its answer stands on is told with it.
const ANEW: (&str, &str) = ("x-brevet-tell-depends", "1");

const ONE: &str = "/access/v1/evaluation";
const MANY: &str = "/access/v1/evaluations";

async fn send(at: &Running, asker: &Keys, path: &str, body: &Value, more: &[(&str, &str)]) -> (u16, String) {
    let Answer { status, body, .. } =
        post_with(at, path, "application/json", &body.to_string(), Some((&Of(asker), "brevet")), more).await;
    (status, body)
}

/// Somebody with these keys.
struct Of<'a>(&'a Keys);

impl Actor for Of<'_> {
    fn keys(&self) -> &Keys {
        self.0
    }
}

/// A generator that always draws the same, for steps in an order that nobody thought up.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % end
    }

    fn one_of<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

fn question(subject: Value, resource: &str, more: Value) -> Value {
    let mut question = json!({
        "subject": subject,
        "action": { "name": "record:read" },
        "resource": { "type": "record", "id": resource },
    });
    let members = question.as_object_mut().expect("an object");
    members.extend(more.as_object().cloned().unwrap_or_default());
    question
}

/// Everything that the steps below are about.
struct Scene {
    world: World,
    broker: Running,
    alice: User,
    askers: Vec<Keys>,
    /// Where each is asked.
    questions: Vec<(&'static str, Value)>,
}

impl Scene {
    async fn begin() -> Self {
        let (world, broker) = World::begin(Backend::Sqlite).await;
        let root = world.root.at(&broker);
        let alice = root.user_with("alice", &allow("record:read", "*")).await;
        let bob = root.user("bob").await;
        let may = allow("brevet:Evaluate", "*");
        let (service, other) = (root.user_with("service", &may).await, root.user_with("other", &may).await);
        let narrow = root.user_with("narrow", &allow("brevet:Evaluate", &bob.arn)).await;
        let session = Session::of(service.sts(&broker).get_session_token().send().await.granted().credentials());
        let hers = Session::of(alice.sts(&broker).get_session_token().send().await.granted().credentials());
        let user = |name: &str| json!({ "type": "user", "id": name });
        let by_session = json!({ "type": "session", "id": "hers", "properties": { "session_token": hers.token() } });
        let at = |address: &str| json!({ "context": { "aws:SourceIp": address } });
        let mut questions: Vec<(&str, Value)> = vec![
            (ONE, question(user("alice"), "r1", json!({}))),
            (ONE, question(user("alice"), "r1", at("192.0.2.1"))),
            (ONE, question(user("bob"), "r1", json!({}))),
            (ONE, question(user("ghost"), "r1", json!({}))),
            (ONE, question(by_session.clone(), "r2", json!({}))),
            (ONE, json!({ "subject": user("alice") })),
        ];
        let items: Vec<Value> = ["r1", "r2", "r 3"]
            .iter()
            .flat_map(|id| {
                [user("alice"), by_session.clone(), user("bob")].map(|subject| question(subject, id, json!({})))
            })
            .collect();
        questions.push((MANY, json!({ "evaluations": items })));
        let askers = vec![service.keys, other.keys, narrow.keys, session.keys];
        Self { world, broker, alice, askers, questions }
    }

    /// Something changes that the answers may stand on.
    async fn change(&self, dice: &mut Dice) {
        let iam = self.world.root.iam(&self.broker);
        let root = self.world.root.at(&self.broker);
        match dice.below(8) {
            0 => root.let_user("alice", "more", &deny("record:read", "arn:aws:record::*:r1")).await,
            1 => {
                let _ = iam.delete_user_policy().user_name("alice").policy_name("more").send().await;
            }
            2 => {
                root.let_user("bob", "own", &allow_if("record:*", json!({ "Bool": { "aws:SecureTransport": "true" } })))
                    .await
            }
            3 => root.let_user("bob", "own", &allow("record:*", "*")).await,
            4 => root.let_user("other", "own", &deny("brevet:Evaluate", &self.alice.arn)).await,
            5 => root.let_user("other", "own", &allow("brevet:Evaluate", "*")).await,
            6 => {
                let own = iam.put_user_policy().user_name("alice").policy_name("until");
                let until = self.world.now().plus(2).iso8601();
                let condition = json!({ "DateLessThan": { "aws:CurrentTime": until } });
                own.policy_document(allow_if("record:read", condition)).send().await.granted();
            }
            _ => self.world.advance(1),
        }
    }
}

/// The property: whatever has just changed, an answer from memory is what would be answered anew, to the byte, the first time and every time
/// after, to each asker.
#[tokio::test]
async fn an_answer_from_memory_is_the_one_that_would_be_made_anew() {
    let scene = Scene::begin().await;
    let mut dice = Dice(42);
    let mut answered = 0;
    let mut different = std::collections::BTreeSet::new();
    for _ in 0..60 {
        if dice.below(3) == 0 {
            scene.change(&mut dice).await;
        }
        // Then the answers tell of the same revision, whichever comes first.
        scene.broker.settled().await;
        let asker = dice.one_of(&scene.askers).clone();
        let (path, body) = dice.one_of(&scene.questions);
        let anew = send(&scene.broker, &asker, path, body, &[ANEW]).await;
        for time in 1..=4 {
            let again = send(&scene.broker, &asker, path, body, &[]).await;
            assert_eq!(again, anew, "the {time}. time: {body}");
            answered += 1;
        }
        different.insert(anew.1);
    }
    assert_eq!(answered, 240);
    assert!(different.len() > 20, "{} different answers: the steps change nothing", different.len());
}

/// A commit of the broker's own is in the next answer, in the very same second, though the change feed has not come by yet.
#[tokio::test]
async fn a_change_is_in_the_next_answer() {
    let scene = Scene::begin().await;
    let root = scene.world.root.at(&scene.broker);
    let (service, (path, body)) = (&scene.askers[0], &scene.questions[0]);
    for round in 0..20 {
        let allowed = round % 2 == 1;
        let policy = if allowed { allow("record:*", "*") } else { deny("record:*", "*") };
        root.let_user("alice", "last", &policy).await;
        for _ in 0..4 {
            let (status, answer) = send(&scene.broker, service, path, body, &[]).await;
            let answer: Value = serde_json::from_str(&answer).expect("JSON");
            assert_eq!((status, &answer["decision"]), (200, &json!(allowed)), "round {round}: {answer}");
        }
    }
}

/// What time makes of an answer is in it in the very second in which it does, whichever way the clock is set.
#[tokio::test]
async fn an_answer_ends_with_its_second() {
    let scene = Scene::begin().await;
    let until = scene.world.now().plus(2).iso8601();
    let own = allow_if("record:read", json!({ "DateLessThan": { "aws:CurrentTime": until } }));
    scene.world.root.at(&scene.broker).let_user("alice", "own", &own).await;
    scene.broker.settled().await;
    let (service, (path, body)) = (&scene.askers[0], &scene.questions[0]);
    for (later, allowed) in [(0, true), (1, true), (1, false), (-1, true), (1, false), (-2, true)] {
        scene.world.advance(later);
        let mut answers = Vec::new();
        for _ in 0..4 {
            answers.push(send(&scene.broker, service, path, body, &[]).await);
        }
        let (_, anew) = send(&scene.broker, service, path, body, &[ANEW]).await;
        assert!(answers.iter().all(|(status, answer)| (*status, answer) == (200, &anew)), "{answers:?}, and {anew}");
        assert!(anew.contains(&format!("\"decision\":{allowed}")), "{anew}");
    }
}

/// A key that was removed verifies nothing any more, and what was said while it did is not said again: also not what was said after the
/// broker had heard of it and before it had read its keys again.
#[tokio::test]
async fn a_session_ends_with_the_key_that_signed_it() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow("record:read", "*")).await;
    let service = root.user_with("service", &allow("brevet:Evaluate", "*")).await;
    let keys = &broker.broker.keys;
    for round in 0..8 {
        // Two keys that begin in one second take turns in no order that a story could tell of.
        world.advance(1);
        let kid = keys.ring().active(world.now()).expect("a key that signs").kid().to_owned();
        let session = Session::of(alice.sts(&broker).get_session_token().send().await.granted().credentials());
        world.rotate_keys(Previous::UntilExpired).await;
        let signs = || async { keys.ring().active(world.now()).is_some_and(|key| key.kid() != kid) };
        within_a_second("another key signs", signs).await;
        broker.settled().await;
        let subject = json!({ "type": "session", "id": "hers", "properties": { "session_token": session.token() } });
        let body = question(subject, "r1", json!({}));
        let gone = || keys.rings().find(&kid).is_none();
        let asked = async || loop {
            let is_gone = gone();
            let (_, answer) = send(&broker, &service.keys, ONE, &body, &[]).await;
            if is_gone {
                assert!(answer.contains("\"decision\":false"), "round {round}: {answer}");
                break;
            }
        };
        tokio::join!(world.remove_key(&kid), asked(), asked(), asked(), asked());
    }
}

/// What memory answers about a session ends with the session.
#[tokio::test]
async fn a_revoked_session_is_nobody_in_the_next_answer() {
    let scene = Scene::begin().await;
    let (service, (path, body)) = (&scene.askers[0], &scene.questions[4]);
    for _ in 0..4 {
        let (_, answer) = send(&scene.broker, service, path, body, &[]).await;
        assert!(answer.contains("\"decision\":true"), "{answer}");
    }
    let revoked = json!({ "principal": scene.alice.arn }).to_string();
    scene.world.advance(1);
    for _ in 0..4 {
        let (_, answer) = send(&scene.broker, service, path, body, &[]).await;
        assert!(answer.contains("\"decision\":true"), "{answer}");
    }
    let root = &scene.world.root;
    let done = post(&scene.broker, "/sessions/v1/revoke", "application/json", &revoked, Some((root, "brevet"))).await;
    assert_eq!(done.status, 200, "{done:?}");
    let (_, answer) = send(&scene.broker, service, path, body, &[]).await;
    assert!(answer.contains("\"decision\":false"), "{answer}");
}

/// What one was told nobody else is told for asking the same.
#[tokio::test]
async fn an_answer_is_for_who_asked_and_from_where() {
    let proxied = |config: &mut Config| {
        config.server.trusted_proxies = vec![Network::parse("127.0.0.0/8").expect("a network")];
    };
    let (world, broker) = World::begin_with(Backend::Sqlite, proxied).await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow("record:read", "*")).await;
    let within = json!({ "IpAddress": { "aws:SourceIp": "10.1.0.0/16" } });
    let service = root.user_with("service", &allow_if("brevet:Evaluate", within)).await;
    let teller = json!({ "StringLike": { "aws:UserAgent": "gateway/*" } });
    let agent = root.user_with("agent", &allow_if("brevet:Evaluate", teller)).await;
    let question = question(json!({ "type": "user", "id": alice.arn }), "r1", json!({}));

    let (inside, outside) = (("x-forwarded-for", "10.1.2.3"), ("x-forwarded-for", "192.0.2.1"));
    for _ in 0..4 {
        assert_eq!(ask_with(&broker, &service, &question, &[inside]).await.json()["decision"], true);
    }
    assert_eq!(ask_with(&broker, &service, &question, &[outside]).await.status, 403);
    let (right, wrong) = (("user-agent", "gateway/1"), ("user-agent", "else/1"));
    for _ in 0..4 {
        assert_eq!(ask_with(&broker, &agent, &question, &[right]).await.json()["decision"], true);
    }
    assert_eq!(ask_with(&broker, &agent, &question, &[wrong]).await.status, 403);
    // Nor without credentials, with wrong ones, or as a text that is no JSON by its header.
    let body = question.to_string();
    assert_eq!(post(&broker, ONE, "application/json", &body, None).await.status, 401);
    let forged = Keys { secret: "not hers".to_owned(), ..service.keys.clone() };
    let forged = post_with(&broker, ONE, "application/json", &body, Some((&Of(&forged), "brevet")), &[inside]).await;
    assert_eq!(forged.status, 401, "{forged:?}");
    let text = post_with(&broker, ONE, "text/plain", &body, Some((&service, "brevet")), &[inside]).await;
    assert_eq!(text.status, 400, "{text:?}");
    // And a key that was switched off asks nothing more, in the same second.
    let off = world.root.iam(&broker).update_access_key().user_name("service").access_key_id(&service.keys.id);
    off.status(aws_sdk_iam::types::StatusType::Inactive).send().await.granted();
    assert_eq!(ask_with(&broker, &service, &question, &[inside]).await.status, 401);
}

/// Nor is one certificate told what another was, though neither has an access key.
#[tokio::test]
async fn an_answer_is_for_the_certificate_that_asked() {
    let (mut world, plain) = World::begin(Backend::Sqlite).await;
    let authority = Authority::new("services");
    let (tls, ca) = world.another_with_tls(&authority).await;
    let root = world.root.at(&plain);
    let alice = root.user_with("alice", &allow("record:read", "*")).await;
    let service = root.user_with("service", &allow("brevet:Evaluate", &alice.arn)).await;
    let stranger = root.user("stranger").await;
    tls.settled().await;
    let client = |user: &User| Client::new(&tls, &ca, Some(&authority.client(&[&user.arn], world.now())));
    let (service, stranger) = (client(&service), client(&stranger));
    let question = question(json!({ "type": "user", "id": alice.arn }), "r1", json!({}));
    for _ in 0..4 {
        assert_eq!(service.ask(&question).await.json()["decision"], true);
    }
    let refused = stranger.ask(&question).await;
    assert_eq!(refused.status, 403, "{refused:?}");
}

/// A connection to the database of a world.
async fn connect(world: &World) -> PgConnection {
    let database = world.config.store.database.as_ref().expect("PostgreSQL").expose();
    PgConnectOptions::from_str(database).expect("a URL").connect().await.expect("it is there")
}

/// An answer that says that the broker is out of touch is over when it is not any more, and the other way round.
#[tokio::test]
async fn what_is_said_out_of_touch_is_not_said_again() {
    let (world, broker) = World::begin_with(Backend::Postgres, |config| {
        config.store.staleness_bound = Duration::from_secs(1);
        config.store.degraded_service = Duration::from_secs(3_600);
    })
    .await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow("record:read", "*")).await;
    let service = root.user_with("service", &allow("brevet:Evaluate", "*")).await;
    broker.settled().await;
    let one = question(json!({ "type": "user", "id": alice.arn }), "r1", json!({}));
    let many = json!({ "evaluations": [one, one] });
    let feed = &broker.broker.feed;
    let said = async |path, body| {
        let (status, answer) = send(&broker, &service.keys, path, body, &[]).await;
        assert!(status == 200 && answer.contains("\"decision\":true"), "{answer}");
        answer.contains("\"degraded\":true")
    };
    // On a busy machine it may be out of touch for a while: what counts is said while it surely is not.
    let said_in_touch = async |path, body| loop {
        let (asked, age) = (Instant::now(), feed.age());
        let said = said(path, body).await;
        if asked.elapsed() + age < feed.bound() {
            return said;
        }
    };
    let degraded = async || feed.known().is_ok_and(|known| known.degraded);
    let both = [(ONE, &one), (MANY, &many)].repeat(4);
    for (path, body) in &both {
        assert!(!said_in_touch(path, body).await, "before");
    }
    let mut other = connect(&world).await;
    let mut held = other.begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE meta, feed IN ACCESS EXCLUSIVE MODE").execute(&mut *held).await.expect("locked");
    within(Duration::from_secs(20), "the broker is out of touch", degraded).await;
    for (path, body) in &both {
        assert!(said(path, body).await);
    }
    held.rollback().await.expect("let go");
    within(Duration::from_secs(20), "it is in touch again", async || !degraded().await).await;
    for (path, body) in &both {
        assert!(!said_in_touch(path, body).await, "after");
    }
}

/// What comes of a question beside its answer comes of each.
#[tokio::test]
async fn what_is_recorded_of_a_question_is_recorded_of_each() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow("record:read", "*")).await;
    let bob = root.user("bob").await;
    let service = root.user_with("service", &allow("brevet:Evaluate", &alice.arn)).await;
    let of = |user: &User| question(json!({ "type": "user", "id": user.arn }), "r1", json!({}));
    let batch = json!({ "evaluations": [of(&alice), of(&bob)] });
    // Whoever is refused and then looked at again, because something was heard of in between, is refused twice.
    broker.settled().await;
    for _ in 0..4 {
        let (status, answer) = send(&broker, &service.keys, MANY, &batch, &[]).await;
        assert!(status == 200 && answer.contains("\"decision\":true") && answer.contains("403"), "{answer}");
    }
    broker.stop().await;
    assert_eq!(world.trail("Evaluate").await.lines().count(), 4, "each refusal is on record");
}

#[tokio::test]
async fn each_record_of_the_decision_log_has_an_answer_of_its_own() {
    let full = |config: &mut Config| config.decision_log.mode = LogMode::Full;
    let (world, broker) = World::begin_with(Backend::Sqlite, full).await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow("record:read", "*")).await;
    let service = root.user_with("service", &allow("brevet:Evaluate", "*")).await;
    let question = question(json!({ "type": "user", "id": alice.arn }), "r1", json!({}));
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..4 {
        let answer = ask(&broker, &service, &question).await.json();
        ids.insert(answer["context"]["decision_id"].as_str().expect("an id").to_owned());
    }
    assert_eq!(ids.len(), 4);
}
