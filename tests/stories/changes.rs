//! Following the changes: what is told, to whom, and that it is told in the terms in which answers say what they stand on.

use std::collections::BTreeSet;
use std::time::Duration;

use brevet::ops::changes::{Following, News};
use brevet::store::Revision;
use serde_json::{Value, json};

use crate::world::follow::{Line, follow, follow_from, try_follow};
use crate::world::policies::{allow, document, trust};
use crate::world::raw::{ask_with, caller, post};
use crate::world::{Actor, Backend, Keys, Outcome, Running, Session, User, World, within_a_second};

on_both_stores! {
    what_answers_stand_on_is_told_when_it_changes => told;
    whoever_was_away_is_told_what_it_missed => missed;
}

const TELL: (&str, &str) = ("x-brevet-tell-depends", "1");

/// What a service needs that asks and follows.
fn may() -> String {
    document([json!({ "Effect": "Allow", "Action": ["brevet:Evaluate", "brevet:FollowChanges"], "Resource": "*" })])
}

fn read(kind: &str, id: &str) -> Value {
    json!({
        "subject": { "type": kind, "id": id },
        "action": { "name": "read" },
        "resource": { "type": "record", "id": "r1" },
    })
}

fn of_session(session: &Session) -> Value {
    let mut question = read("session", "s");
    question["subject"]["properties"] = json!({ "session_token": session.token() });
    question
}

/// What the answer stands on.
async fn depends(at: &Running, asker: &Keys, question: &Value) -> BTreeSet<String> {
    let answer = ask_with(at, asker, question, &[TELL]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let depends = answer.header("x-brevet-depends").expect("it is asked for");
    assert!(
        answer.header("x-brevet-revision").is_some() && answer.header("x-brevet-max-age") == Some("5"),
        "{answer:?}"
    );
    depends.split(',').map(str::to_owned).collect()
}

async fn told(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let there = world.another_broker().await;
    let root = world.root.at(&broker);
    let service = root.user_with("service", &may()).await;
    for name in ["alice", "bob"] {
        root.user_with(name, &allow("record:read", "*")).await;
    }
    root.group("readers", &allow("record:list", "*")).await;
    root.join("alice", "readers").await;
    broker.settled().await;
    let alice = depends(&broker, &service.keys, &read("user", "alice")).await;
    let bob = depends(&broker, &service.keys, &read("user", "bob")).await;
    assert!(alice.iter().chain(&bob).all(|footing| footing.len() == 16), "{alice:?}");
    assert_eq!(alice, depends(&there, &service.keys, &read("user", "alice")).await, "all brokers say the same");

    let mut stream = follow(&broker, &service.keys).await;
    // Changed at another broker, told here.
    let other = world.root.at(&there);
    other.let_user("alice", "more", &allow("record:write", "*")).await;
    let changed = stream.changed().await;
    assert!(!changed.is_disjoint(&alice) && changed.is_disjoint(&bob), "{changed:?}");
    // A policy of a group is a policy of its members'.
    let put = root.iam.put_group_policy().group_name("readers").policy_name("own");
    put.policy_document(allow("record:purge", "*")).send().await.granted();
    let changed = stream.changed().await;
    assert!(!changed.is_disjoint(&alice) && changed.is_disjoint(&bob), "{changed:?}");
    // What nothing stands on is told as that.
    root.user("carol").await;
    let changed = stream.changed().await;
    assert!(changed.is_disjoint(&alice) && changed.is_disjoint(&bob), "{changed:?}");
    // What is stored of a resource is part of the answers about it, and so is that nothing was.
    let stored = json!({ "arn": format!("arn:aws:record::{}:r1", root.account), "attributes": { "state": "open" } });
    let stored = stored.to_string();
    let put = post(&broker, "/resources/v1/put", "application/json", &stored, Some((&world.root, "brevet"))).await;
    assert_eq!(put.status, 200, "{put:?}");
    let mut changed = stream.changed().await;
    while changed.is_disjoint(&alice) {
        changed = stream.changed().await;
    }
    assert!(!changed.is_disjoint(&bob), "{changed:?}");
    // What was told was applied before: whoever asks again gets an answer on the new state.
    other.let_user("bob", "own", &allow("record:nothing", "*")).await;
    while stream.changed().await.is_disjoint(&bob) {}
    assert_eq!(ask_with(&broker, &service.keys, &read("user", "bob"), &[]).await.json()["decision"], false);
}

async fn missed(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let service = root.user_with("service", &may()).await;
    root.user_with("alice", &allow("record:read", "*")).await;
    broker.settled().await;
    let alice = depends(&broker, &service.keys, &read("user", "alice")).await;
    let mut stream = follow(&broker, &service.keys).await;
    let known = stream.through().await;
    drop(stream);
    root.let_user("alice", "more", &allow("record:write", "*")).await;
    root.user("carol").await;
    broker.settled().await;
    // At any broker, and after a restart too.
    broker.stop().await;
    let broker = world.another_broker().await;
    let mut stream = follow_from(&broker, &service.keys, known).await;
    assert!(!stream.changed().await.is_disjoint(&alice));
    assert!(stream.changed().await.is_disjoint(&alice));
    let now = stream.through().await;
    assert!(now > known);
    // Whoever knows everything is told nothing twice.
    let mut stream = follow_from(&broker, &service.keys, now).await;
    assert!(matches!(stream.line().await, Line::Begin(_)) && matches!(stream.line().await, Line::Through { .. }));
    // Of a store that was put back nothing is known.
    let mut stream = follow_from(&broker, &service.keys, now + 1_000).await;
    assert!(matches!(stream.line().await, Line::Begin(_)));
    assert_eq!(stream.line().await, Line::Gap);
    // The service's own permissions stand between what it knows and what it may know.
    let mut stream = follow_from(&broker, &service.keys, now).await;
    world.root.at(&broker).let_user("service", "more", &allow("record:x", "*")).await;
    stream.until(|line| *line == Line::Gap).await;
    world.root.at(&broker).user("dave").await;
    stream.changed().await;
}

#[tokio::test]
async fn revocations_are_told_of_what_they_end() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let service = root.user_with("service", &may()).await;
    let alice = root.user_with("alice", &allow("record:read", "*")).await;
    let role = root.role("worker", &trust(&alice.arn, &["sts:AssumeRole"], None), &allow("record:read", "*")).await;
    let assume = async |name: &str| {
        let made = alice.sts(&broker).assume_role().role_arn(&role).role_session_name(name).send().await.granted();
        Session::of(made.credentials())
    };
    let (one, two) = (assume("one").await, assume("two").await);
    broker.settled().await;
    let of_one = depends(&broker, &service.keys, &of_session(&one)).await;
    let of_two = depends(&broker, &service.keys, &of_session(&two)).await;
    let of_role = depends(&broker, &service.keys, &read("role", "worker")).await;
    let mut stream = follow(&broker, &service.keys).await;
    let revoke = async |body: Value| {
        let body = body.to_string();
        let answer =
            post(&broker, "/sessions/v1/revoke", "application/json", &body, Some((&world.root, "brevet"))).await;
        assert_eq!(answer.status, 200);
    };
    revoke(json!({ "accessKeyId": one.keys.id })).await;
    let (changed, revoked) = stream.revoked().await;
    assert!(!changed.is_disjoint(&of_one) && changed.is_disjoint(&of_two) && changed.is_disjoint(&of_role));
    assert_eq!(revoked, json!([{ "session": one.keys.id }]));
    // What descends from it is reached by the key that began it.
    revoke(json!({ "accessKeyId": alice.keys.id })).await;
    let (changed, revoked) = stream.revoked().await;
    assert!(!changed.is_disjoint(&of_two) && changed.is_disjoint(&of_role));
    assert_eq!(revoked, json!([{ "access-key": alice.keys.id }]));
    revoke(json!({ "principal": role })).await;
    let (changed, _) = stream.revoked().await;
    assert!(!changed.is_disjoint(&of_two) && changed.is_disjoint(&of_role), "a role itself cannot be revoked");
}

#[tokio::test]
async fn only_who_may_is_told_and_only_as_long_as_it_may() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let asks_only = root.user_with("asks-only", &allow("brevet:Evaluate", "*")).await;
    assert_eq!(try_follow(&broker, Some(&asks_only.keys), "").await.err(), Some(403));
    assert_eq!(try_follow(&broker, None, "").await.err(), Some(401));
    let elsewhere = allow("brevet:FollowChanges", "arn:aws:brevet::999999999999:changes");
    let elsewhere = root.user_with("elsewhere", &elsewhere).await;
    assert_eq!(try_follow(&broker, Some(&elsewhere.keys), "").await.err(), Some(403));
    let own = allow("brevet:FollowChanges", &format!("arn:aws:brevet::{}:changes", root.account));
    let service = root.user_with("service", &own).await;
    for bad in ["from=", "from=x", "from=-1", "from=1&from=2", "form=1", "from=99999999999999999999"] {
        assert_eq!(try_follow(&broker, Some(&service.keys), bad).await.err(), Some(400), "{bad}");
    }

    let mut stream = follow(&broker, &service.keys).await;
    root.iam.delete_user_policy().user_name("service").policy_name("own").send().await.granted();
    assert_eq!(stream.end().await, "denied");
    root.let_user("service", "own", &own).await;
    let mut stream = follow(&broker, &service.keys).await;
    let status = aws_sdk_iam::types::StatusType::Inactive;
    root.iam
        .update_access_key()
        .user_name("service")
        .access_key_id(&service.keys.id)
        .status(status)
        .send()
        .await
        .granted();
    assert_eq!(stream.end().await, "revoked");

    let service = root.user_with("another", &own).await;
    let session = Session::of(service.sts(&broker).get_session_token().send().await.granted().credentials());
    let mut stream = follow(&broker, &session.keys).await;
    let body = json!({ "ownSession": true }).to_string();
    post(&broker, "/sessions/v1/revoke", "application/json", &body, Some((&session, "brevet"))).await;
    assert_eq!(stream.end().await, "revoked");
    let session = Session::of(
        service.sts(&broker).get_session_token().duration_seconds(900).send().await.granted().credentials(),
    );
    let mut stream = follow(&broker, &session.keys).await;
    world.clock.advance(901);
    assert_eq!(stream.end().await, "expired");
    // Who bears a token is told no longer than that lasts, whatever it was obtained with.
    root.iam.enable_outbound_web_identity_federation().send().await.granted();
    let both = document([json!({ "Effect": "Allow",
        "Action": ["brevet:FollowChanges", "sts:GetWebIdentityToken"], "Resource": "*" })]);
    let service = root.user_with("bearer", &both).await;
    let given = service.sts(&broker).get_web_identity_token().audience(&broker.url).signing_algorithm("ES256");
    let given = given.duration_seconds(60).send().await.granted();
    let bearer = format!("Bearer {}", given.web_identity_token().expect("a token"));
    let client = reqwest::Client::builder().default_headers(
        [("authorization", bearer.as_str())]
            .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
            .into_iter()
            .collect(),
    );
    let mut stream =
        crate::world::follow::with(&broker, None, "", client.build().expect("a client")).await.expect("a stream");
    stream.through().await;
    world.clock.advance(61);
    assert_eq!(stream.end().await, "expired");
    broker.stop().await;
    assert!(world.trail("FollowChanges").await.contains("AccessDenied"));
}

#[tokio::test]
async fn of_another_account_nothing_can_be_told_apart() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let partner = world.another_account("partner").await;
    let partner = partner.at(&broker);
    let service = root.user_with("service", &may()).await;
    let theirs = partner.user_with("service", &may()).await;
    for hand in [&root, &partner] {
        hand.user_with("alice", &allow("record:read", "*")).await;
    }
    broker.settled().await;
    let own = depends(&broker, &service.keys, &read("user", "alice")).await;
    let mut stream = follow(&broker, &theirs.keys).await;
    let mut seen = BTreeSet::new();
    for action in ["record:a", "record:b"] {
        root.let_user("alice", "more", &allow(action, "*")).await;
        seen.insert(stream.changed().await);
    }
    root.role("worker", &trust(&root.account.to_string(), &["sts:AssumeRole"], None), "").await;
    seen.insert(stream.changed().await);
    let session = world.root.sts(&broker).get_session_token().send().await.granted();
    let id = session.credentials().expect("credentials").access_key_id();
    let body = json!({ "accessKeyId": id }).to_string();
    let all: Vec<&BTreeSet<String>> = seen.iter().collect();
    assert!(all.len() == 1 && all[0].len() == 1 && own.is_disjoint(all[0]), "{seen:?} {own:?}");
    // That something was revoked is told, as a chain may begin in another account; not what.
    post(&broker, "/sessions/v1/revoke", "application/json", &body, Some((&world.root, "brevet"))).await;
    let (changed, revoked) = stream.revoked_or_not().await;
    assert_eq!((changed.len(), revoked), (2, Value::Null));
}

#[tokio::test]
async fn a_stream_ends_with_its_broker() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let service = root.user_with("service", &may()).await;
    for version in ["1.1", "2"] {
        let mut stream = try_follow_with(&broker, &service, version).await;
        stream.through().await;
    }
    let mut stream = follow(&broker, &service.keys).await;
    let began = std::time::Instant::now();
    let (ended, ()) = tokio::join!(stream.end(), broker.stop());
    assert_eq!(ended, "shutdown");
    assert!(began.elapsed() < world.config.server.shutdown_grace, "nothing had to be cut off");
}

async fn try_follow_with(at: &Running, who: &User, version: &str) -> crate::world::follow::Stream {
    let client = reqwest::Client::builder();
    let client = if version == "2" { client.http2_prior_knowledge() } else { client.http1_only() };
    crate::world::follow::with(at, Some(&who.keys), "", client.build().expect("a client")).await.expect("a stream")
}

#[tokio::test]
async fn there_is_room_for_a_quarter_of_the_connections() {
    let (world, broker) = World::begin_with(Backend::Sqlite, |config| config.server.connections = 8).await;
    let root = world.root.at(&broker);
    let service = root.user_with("service", &may()).await;
    let stream = follow(&broker, &service.keys).await;
    assert_eq!(
        try_follow(&broker, Some(&service.keys), "").await.err(),
        Some(503),
        "one account has half of two places"
    );
    drop(stream);
    within_a_second("its place is free again", || async { try_follow(&broker, Some(&service.keys), "").await.is_ok() })
        .await;
}

#[tokio::test]
async fn whoever_does_not_listen_is_told_to_forget() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let service = root.user_with("service", &may()).await;
    broker.settled().await;
    let (caller, facts) = caller(&broker, &service, "brevet").await;
    let begun = Following::begin(std::sync::Arc::clone(&broker.broker), caller, facts, None).await;
    let (mut following, _) = begun.expect("it may");
    root.user("alice").await;
    for round in 0..100 {
        root.let_user("alice", "own", &allow(&format!("record:{round}"), "*")).await;
        broker.settled().await;
    }
    let news = following.now().await;
    let latest = broker.broker.store.revision().await.expect("the store answers");
    assert!(matches!(news.first(), Some(News::Gap)), "{news:?}");
    assert!(matches!(news.last(), Some(News::Through { revision, age })
        if *revision == Revision(latest.0) && *age < Duration::from_secs(5)));
}
