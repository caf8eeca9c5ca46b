//! The sidecar's doors for questions: what it answers by itself, for how long, and what it says when it is cut off.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use brevet::sidecar::questions::QuestionListener;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::beside::{Beside, Service, Wire};
use crate::world::policies::{allow, trust};
use crate::world::raw::post;
use crate::world::{Actor, Backend, Outcome, Running, Session, World, within};

/// May this user read the record?
pub fn read(name: &str) -> Value {
    json!({
        "subject": { "type": "user", "id": name },
        "action": { "name": "read" },
        "resource": { "type": "record", "id": "r1" },
    })
}

/// A world whose staleness bound is a second, with alice and bob, who may read, and a sidecar.
pub async fn begin() -> (World, Running, Service, Wire, Beside) {
    begin_bound_to(Duration::from_secs(1)).await
}

async fn begin_bound_to(bound: Duration) -> (World, Running, Service, Wire, Beside) {
    let (world, broker) = World::begin_with(Backend::Sqlite, |config| {
        config.store.staleness_bound = bound;
    })
    .await;
    let root = world.root.at(&broker);
    let service = Service::new(&world, &broker).await;
    for name in ["alice", "bob"] {
        root.user_with(name, &allow("record:read", "*")).await;
    }
    let wire = Wire::to(&broker).await;
    let beside = service.beside(&world, &wire).await;
    beside.follows(&broker).await;
    (world, broker, service, wire, beside)
}

async fn soon<F: Future<Output = bool>>(what: &str, holds: impl FnMut() -> F) {
    within(Duration::from_secs(10), what, holds).await;
}

#[tokio::test]
async fn what_was_answered_once_costs_the_broker_nothing_more() {
    let (_world, _broker, _service, _wire, beside) = begin().await;
    let first = beside.ask(&read("alice")).await;
    assert_eq!((first.status, first.decision(), first.by()), (200, &json!(true), "broker"), "{first:?}");
    assert_eq!((&first.json["context"]["max_age"], first.header("x-brevet-depends")), (&json!(1), None));
    // Longer than the staleness bound: the stream says all along that nothing has changed.
    soon("it is three seconds old", || async {
        let kept = beside.ask(&read("alice")).await;
        assert_eq!((kept.status, kept.decision(), kept.by()), (200, &json!(true), "sidecar"), "{kept:?}");
        let context = &kept.json["context"];
        assert_eq!((&context["served_by"], &context["cut_off"]), (&json!("sidecar"), &Value::Null));
        assert!(context["max_age"].as_u64().is_some_and(|left| left <= 1) && context["reason"] == "allowed");
        assert_eq!(kept.header("age"), Some(context["age"].to_string().as_str()));
        context["age"].as_u64() >= Some(3)
    })
    .await;
    assert_eq!(beside.asked().await, 1);
    let keys = [("x-brevet-sidecar-token", crate::world::beside::TOKEN)];
    for by in ["broker", "sidecar"] {
        let set = beside.send("GET", "/.well-known/jwks.json", &keys, String::new()).await;
        assert_eq!((set.status, set.by()), (200, by));
        assert!(set.json["keys"].is_array() && set.json.as_object().expect("an object").len() == 1);
    }
    beside.stop().await;
}

#[tokio::test]
async fn a_change_drops_what_it_touches_and_nothing_else() {
    let (world, broker, _service, _wire, beside) = begin().await;
    let there = world.another_broker().await;
    for name in ["alice", "bob"] {
        assert_eq!(beside.ask(&read(name)).await.decision(), true);
    }
    // At another broker on the same store.
    world.root.at(&there).let_user("alice", "own", &allow("record:nothing", "*")).await;
    soon("alice may not any more", || async { beside.ask(&read("alice")).await.decision() == false }).await;
    assert_eq!((beside.ask(&read("bob")).await.by(), beside.asked().await), ("sidecar", 3));
    // Whoever has just written demands that.
    let change = world.root.at(&broker);
    change.let_user("alice", "own", &allow("record:read", "*")).await;
    let written = broker.broker.store.revision().await.expect("the store answers").0.to_string();
    let demand = [("x-brevet-at-least-revision", written.as_str())];
    assert_eq!(beside.ask_with(&read("alice"), &demand).await.decision(), true);
    beside.follows(&broker).await;
    let kept = beside.ask_with(&read("bob"), &demand).await;
    assert_eq!((kept.by(), kept.decision()), ("sidecar", &json!(true)), "nothing of bob's changed up to then");
    let unheard = beside.ask_with(&read("bob"), &[("x-brevet-at-least-revision", "999999")]).await;
    assert_eq!((unheard.status, unheard.by()), (412, "broker"));
    // A resource that is stored now is part of what was answered about it.
    let stored = json!({ "arn": format!("arn:aws:record::{}:r1", change.account), "attributes": { "state": "x" } });
    let asked = beside.asked().await;
    post(&broker, "/resources/v1/put", "application/json", &stored.to_string(), Some((&world.root, "brevet"))).await;
    beside.follows(&broker).await;
    assert_eq!((beside.ask(&read("bob")).await.by(), beside.asked().await), ("broker", asked + 1));
}

#[tokio::test]
async fn a_revoked_session_is_dropped() {
    let (world, broker, _service, _wire, beside) = begin().await;
    let root = world.root.at(&broker);
    let alice = root.user("dora").await;
    let worker = root.role("worker", &trust(&alice.arn, &["sts:AssumeRole"], None), &allow("record:read", "*")).await;
    let mut questions = Vec::new();
    let mut ids = Vec::new();
    for name in ["one", "two"] {
        let made = alice.sts(&broker).assume_role().role_arn(&worker).role_session_name(name).send().await.granted();
        let session = Session::of(made.credentials());
        let mut question = read("s");
        let properties = json!({ "session_token": session.token() });
        question["subject"] = json!({ "type": "session", "id": "s", "properties": properties });
        questions.push(question);
        ids.push(session.keys.id.clone());
    }
    beside.follows(&broker).await;
    for question in &questions {
        assert_eq!(beside.ask(question).await.decision(), true);
    }
    let asked = beside.asked().await;
    let revoke = json!({ "accessKeyId": ids[0] }).to_string();
    post(&broker, "/sessions/v1/revoke", "application/json", &revoke, Some((&world.root, "brevet"))).await;
    soon("it is dropped", || async { beside.ask(&questions[0]).await.decision() == false }).await;
    assert_eq!((beside.ask(&questions[1]).await.by(), beside.asked().await), ("sidecar", asked + 1));
    // Its own session is one too: it is given to nobody any more, and what was kept with it is forgotten.
    let own = beside.keeper.current().expect("credentials").credentials.access_key_id.clone();
    let revoke = json!({ "accessKeyId": own }).to_string();
    post(&broker, "/sessions/v1/revoke", "application/json", &revoke, Some((&world.root, "brevet"))).await;
    soon("it has another session", || async {
        beside.keeper.current().is_ok_and(|role| role.credentials.access_key_id != own)
    })
    .await;
    soon("it asks anew", || async { beside.ask(&questions[1]).await.by() == "broker" }).await;
    // Nor does it know better than its own permissions.
    beside.follows(&broker).await;
    assert_eq!(beside.ask(&questions[1]).await.by(), "sidecar");
    root.iam.delete_role_policy().role_name("asker").policy_name("own").send().await.granted();
    soon("it may not ask", || async { beside.ask(&questions[1]).await.status == 403 }).await;
}

#[tokio::test]
async fn cut_off_it_answers_as_long_as_it_is_certain_and_then_says_that_it_is_not() {
    let (world, broker, service, wire, beside) = begin().await;
    let lenient = service.beside_with(&world, &wire, Duration::from_secs(60), Vec::new()).await;
    lenient.follows(&broker).await;
    for name in ["alice", "bob"] {
        beside.ask(&read(name)).await;
        lenient.ask(&read(name)).await;
    }
    let through = beside.health().await["revision"].clone();
    wire.cut();
    let cut = std::time::Instant::now();
    let mut served = 0;
    soon("it refuses", || async {
        let reply = beside.ask(&read("alice")).await;
        if reply.status == 200 {
            assert!(cut.elapsed() < Duration::from_secs(2), "{reply:?}");
            return false;
        }
        assert_eq!((reply.status, &reply.json["code"]), (503, &json!("CutOff")), "{reply:?}");
        assert_eq!((reply.header("x-brevet-cut-off"), reply.by()), (Some("true"), "sidecar"));
        true
    })
    .await;
    served += beside.health().await["served"]["kept"].as_u64().expect("a number");
    assert!(served > 0, "what was certain was answered");
    assert_eq!(beside.health().await["status"], "cut off");
    // Whoever chose it is told what is known, and that it is old.
    soon("it is degraded", || async {
        let reply = lenient.ask(&read("alice")).await;
        assert_eq!((reply.status, reply.decision()), (200, &json!(true)), "{reply:?}");
        let context = &reply.json["context"];
        context["degraded"] == true && context["cut_off"] == true && context["max_age"] == 0
    })
    .await;
    assert_eq!(lenient.ask(&read("carol")).await.status, 503, "what is not known is not guessed");

    // Back again, what has changed meanwhile is told, and what has not is good again.
    world.root.at(&broker).let_user("alice", "own", &allow("record:nothing", "*")).await;
    wire.mend(&broker);
    beside.follows(&broker).await;
    assert!(beside.health().await["revision"].as_u64() > through.as_u64());
    let asked = beside.asked().await;
    let bob = beside.ask(&read("bob")).await;
    assert_eq!((bob.by(), bob.decision(), &bob.json["context"]["cut_off"]), ("sidecar", &json!(true), &Value::Null));
    assert_eq!((beside.ask(&read("alice")).await.decision(), beside.asked().await), (&json!(false), asked + 1));
    assert_eq!(lenient.ask(&read("alice")).await.decision(), false);
}

/// Something between ends every stream after a moment, and lets questions through: the broker is in reach.
#[tokio::test]
async fn where_streams_are_ended_it_is_not_cut_off() {
    let (_world, broker, _service, wire, beside) = begin().await;
    wire.lasts(Duration::from_millis(300));
    soon("streams are ended", || async { wire.ended() >= 3 }).await;
    let ended = wire.ended();
    soon("another one is", || async {
        assert_eq!(beside.health().await["status"], "ok");
        wire.ended() > ended
    })
    .await;
    // And the broker really goes away.
    wire.cut();
    soon("it says so", || async { beside.health().await["status"] == "cut off" }).await;
    beside.stop().await;
    broker.stop().await;
}

/// The staleness bound is a minute: nothing but the wire tells it.
#[tokio::test]
async fn it_says_that_it_is_cut_off_as_soon_as_the_stream_breaks_off() {
    let (_world, broker, _service, wire, beside) = begin_bound_to(Duration::from_secs(60)).await;
    let first = beside.ask(&read("alice")).await;
    assert_eq!((first.by(), first.header("x-brevet-cut-off")), ("broker", None));
    let health = beside.health().await;
    assert_eq!(
        (&health["status"], &health["credentials"], &health["trouble"]),
        (&json!("ok"), &json!(true), &json!(null))
    );
    wire.cut();
    soon("it says so", || async { beside.health().await["status"] == "cut off" }).await;
    assert_eq!(beside.health().await["following"], true, "what it has heard is recent all the same");
    let kept = beside.ask(&read("alice")).await;
    assert_eq!((kept.status, kept.by(), kept.header("x-brevet-cut-off")), (200, "sidecar", Some("true")));
    assert_eq!((kept.decision(), &kept.json["context"]["cut_off"]), (&json!(true), &json!(true)));
    wire.mend(&broker);
    soon("it is in touch again", || async { beside.health().await["status"] == "ok" }).await;
    assert_eq!(beside.ask(&read("alice")).await.header("x-brevet-cut-off"), None);
}

#[tokio::test]
async fn without_credentials_it_is_cut_off_too() {
    let (world, broker, service, _wire, beside) = begin_bound_to(Duration::from_secs(60)).await;
    assert_eq!(beside.ask(&read("alice")).await.by(), "broker");
    // They run out, and the broker gives no more.
    let root = world.root.at(&broker);
    root.iam.delete_access_key().user_name("service").access_key_id(&service.user.keys.id).send().await.granted();
    world.clock.advance(3_601);
    let health = beside.health().await;
    assert_eq!((&health["status"], &health["credentials"]), (&json!("cut off"), &json!(false)));
    let kept = beside.ask(&read("alice")).await;
    assert_eq!((kept.status, kept.by(), kept.header("x-brevet-cut-off")), (200, "sidecar", Some("true")), "{kept:?}");
    let unknown = beside.ask(&read("bob")).await;
    assert_eq!((unknown.status, &unknown.json["code"]), (503, &json!("CredentialsNotReady")));
    beside.keeper.renew_if_due().await;
    assert_eq!(beside.health().await["trouble"], "InvalidClientTokenId");
}

/// Without the change stream the sidecar is in touch as long as its questions are answered.
#[tokio::test]
async fn whoever_may_not_follow_is_not_cut_off() {
    let (world, broker, _service, wire, beside) = begin().await;
    let may = allow("brevet:Evaluate", "*");
    world
        .root
        .at(&broker)
        .iam
        .put_role_policy()
        .role_name("asker")
        .policy_name("own")
        .policy_document(may)
        .send()
        .await
        .granted();
    soon("it is not following", || async { beside.health().await["following"] == false }).await;
    assert_eq!(beside.ask(&read("alice")).await.by(), "broker");
    assert_eq!(beside.health().await["status"], "ok");
    wire.cut();
    soon("it refuses", || async { beside.ask(&read("alice")).await.status == 503 }).await;
    assert_eq!(beside.health().await["status"], "cut off");
}

#[tokio::test]
async fn it_goes_on_with_another_broker_and_after_a_gap_forgets() {
    let (world, broker, _service, wire, beside) = begin().await;
    let there = world.another_broker().await;
    for name in ["alice", "bob"] {
        beside.ask(&read(name)).await;
    }
    world.root.at(&there).let_user("alice", "own", &allow("record:nothing", "*")).await;
    wire.cut();
    broker.stop().await;
    wire.mend(&there);
    beside.follows(&there).await;
    let asked = beside.asked().await;
    assert_eq!(beside.ask(&read("bob")).await.by(), "sidecar");
    assert_eq!((beside.ask(&read("alice")).await.decision(), beside.asked().await), (&json!(false), asked + 1));
    // Another installation's revisions are not this one's: everything is forgotten.
    let (other_world, other) = World::begin_with(Backend::Sqlite, |config| {
        config.store.staleness_bound = Duration::from_secs(1);
    })
    .await;
    drop((other_world, wire.cut()));
    wire.mend(&other);
    soon("it does not take these credentials", || async { beside.ask(&read("bob")).await.status == 503 }).await;
    assert_eq!(beside.health().await["kept"]["answers"], 0);
}

#[tokio::test]
async fn equal_questions_at_one_moment_are_asked_once() {
    let (_world, _broker, _service, _wire, beside) = begin().await;
    let question = read("alice");
    let mut all = tokio::task::JoinSet::new();
    let beside = std::sync::Arc::new(beside);
    for _ in 0..40 {
        let (beside, question) = (std::sync::Arc::clone(&beside), question.clone());
        all.spawn(async move { beside.ask(&question).await.decision().clone() });
    }
    assert!(all.join_all().await.iter().all(|decision| decision == true));
    assert_eq!(beside.asked().await, 1);
}

#[tokio::test]
async fn told_to_stop_it_turns_people_away_at_once_and_finishes_what_it_has_begun() {
    const GO_ON: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
    let (world, broker, service, wire, _beside) = begin().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("questions.sock");
    let socket = QuestionListener::socket(&path, 0o600).expect("made");
    let beside = service.beside_with(&world, &wire, Duration::ZERO, vec![socket]).await;
    beside.follows(&broker).await;
    let body = read("alice").to_string();
    let head = format!(
        "POST /access/v1/evaluation HTTP/1.1\r\nHost: x\r\nx-brevet-sidecar-token: {}\r\nContent-Type: application/json\r\n\
         Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        crate::world::beside::TOKEN,
        body.len()
    );
    let address = beside.address;
    let mut by_address = tokio::net::TcpStream::connect(address).await.expect("connected");
    let mut by_socket = tokio::net::UnixStream::connect(&path).await.expect("connected");
    by_address.write_all(head.as_bytes()).await.expect("sent");
    by_socket.write_all(head.as_bytes()).await.expect("sent");
    // It waits for the bodies: both requests have begun.
    for stream in [&mut by_address as &mut (dyn tokio::io::AsyncRead + Unpin), &mut by_socket] {
        let mut said = [0; GO_ON.len()];
        stream.read_exact(&mut said).await.expect("told to go on");
        assert_eq!(said, GO_ON);
    }
    let stopping = tokio::spawn(beside.stop());
    soon("nobody listens any more", || async {
        tokio::net::TcpStream::connect(address).await.is_err()
            && tokio::net::UnixStream::connect(&path).await.is_err()
            && !path.exists()
    })
    .await;
    assert!(!stopping.is_finished(), "it waits for those whom it answers");
    by_address.write_all(body.as_bytes()).await.expect("sent");
    by_socket.write_all(body.as_bytes()).await.expect("sent");
    for stream in [&mut by_address as &mut (dyn tokio::io::AsyncRead + Unpin), &mut by_socket] {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"decision\":true"), "{answer}");
    }
    stopping.await.expect("it ends without a panic");
}

#[tokio::test]
async fn a_socket_is_for_those_whom_its_permissions_let_in() {
    let (world, broker, service, wire, _beside) = begin().await;
    let folder = tempfile::tempdir().expect("a folder");
    for mode in [0o600, 0o660] {
        let path = folder.path().join(format!("{mode:o}.sock"));
        let listener = QuestionListener::socket(&path, mode).expect("made");
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, mode);
        let beside = service.beside_with(&world, &wire, Duration::ZERO, vec![listener]).await;
        beside.follows(&broker).await;
        let body = read("alice").to_string();
        let request = format!(
            "POST /access/v1/evaluation HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        for by in ["broker", "sidecar"] {
            let mut stream = tokio::net::UnixStream::connect(&path).await.expect("connected");
            stream.write_all(request.as_bytes()).await.expect("sent");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("an answer");
            assert!(
                answer.starts_with("HTTP/1.1 200") && answer.contains(&format!("x-brevet-served-by: {by}")),
                "{answer}"
            );
        }
        assert!(QuestionListener::socket(&path, mode).is_err(), "somebody listens there");
        beside.stop().await;
        assert!(!path.exists(), "it is gone with its sidecar");
        // What a process left that was killed is replaced; what is none of it is left alone.
        drop(std::os::unix::net::UnixListener::bind(&path).expect("bound"));
        drop(QuestionListener::socket(&path, mode).expect("replaced"));
    }
    let file = folder.path().join("file");
    std::fs::write(&file, "mine").expect("written");
    assert!(QuestionListener::socket(&file, 0o600).is_err());
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&file, &link).expect("linked");
    assert!(QuestionListener::socket(&link, 0o600).is_err());
    assert_eq!(std::fs::read_to_string(&file).expect("there"), "mine");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 2, "nothing is left");
}

#[tokio::test]
async fn a_socket_takes_away_no_file_but_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("questions.sock");
    let socket = QuestionListener::socket(&path, 0o600).expect("made");
    std::fs::remove_file(&path).expect("somebody takes it away");
    std::fs::write(&path, "another's").expect("and puts something there");
    drop(socket);
    assert_eq!(std::fs::read_to_string(&path).expect("it is there"), "another's");
    std::fs::remove_file(&path).expect("gone");
    drop(QuestionListener::socket(&path, 0o600).expect("made"));
    assert!(!path.exists());
    // Such a path the system cannot have.
    let long = folder.path().join("x".repeat(120));
    let said = QuestionListener::socket(&long, 0o600).expect_err("refused").to_string();
    assert!(
        said.contains(&format!("its path is too long for a socket with {} bytes", long.as_os_str().len())),
        "{said}"
    );
    let deep = long.join("s");
    assert!(QuestionListener::socket(&deep, 0o600).expect_err("refused").to_string().contains("too long"));
    assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 0);
}
