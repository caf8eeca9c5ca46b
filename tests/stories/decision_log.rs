//! The decision log: why an answer came out as it did is in it, what is masked or secret is not, and whoever decides never waits for it.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use brevet::audit::decisions::{Entry, Record};
use brevet::config::{Config, LogMode, MaskedAs};
use serde_json::{Value, json};

use crate::world::policies::{allow, allow_if, document, statement};
use crate::world::raw::{ActorKeys, ask, post};
use crate::world::{Actor, Backend, Outcome, Running, Session, User, World};

fn full(config: &mut Config) {
    config.decision_log.mode = LogMode::Full;
}

fn file(world: &World) -> PathBuf {
    world.folder.path().join("decisions.jsonl")
}

/// Everything that the log says, once the broker has stopped.
async fn read(world: &World, broker: Running) -> String {
    broker.stop().await;
    std::fs::read_to_string(file(world)).expect("there is a log")
}

fn records(text: &str) -> Vec<Record> {
    let entries = text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")));
    entries.filter_map(|entry| if let Entry::Decision(record) = entry { Some(*record) } else { None }).collect()
}

/// May alice write the record r1?
fn question(action: &str) -> Value {
    json!({
        "subject": { "type": "user", "id": "alice" },
        "action": { "name": action },
        "resource": { "type": "record", "id": "r1" },
    })
}

async fn service(world: &World, broker: &Running) -> User {
    world.root.at(broker).user_with("service", &allow("brevet:Evaluate", "*")).await
}

#[tokio::test]
async fn a_denial_is_explained_by_its_record() {
    let (world, broker) = World::begin_with(Backend::Sqlite, full).await;
    let root = world.root.at(&broker);
    let service = service(&world, &broker).await;
    let condition = json!({ "StringEquals": { "brevet:Resource/owner": ["${aws:username}", "everybody"] } });
    let alice = root.user_with("alice", &allow_if("record:write", condition)).await;
    let guard = document([json!({ "Sid": "NoErasing", "Effect": "Deny", "Action": "record:erase", "Resource": "*" })]);
    root.let_user("alice", "guard", &guard).await;

    let mut owned = question("write");
    owned["resource"]["properties"] = json!({ "owner": "bob" });
    owned["context"] = json!({ "record:Unread": "x" });
    let denied = ask(&broker, &service, &owned).await.json();
    let erased = ask(&broker, &service, &question("erase")).await.json();
    owned["resource"]["properties"] = json!({ "owner": "alice" });
    let allowed = ask(&broker, &service, &owned).await.json();
    let again = ask(&broker, &service, &owned).await.json();
    let mut ghost = question("write");
    ghost["subject"]["id"] = json!("ghost");
    let nobody = ask(&broker, &service, &ghost).await.json();

    let text = read(&world, broker).await;
    let records = records(&text);
    let told: Vec<&str> = records.iter().map(|record| record.decision.as_str()).collect();
    assert_eq!(told, ["implicitly_denied", "explicitly_denied", "allowed", "allowed", "nobody"]);
    for (answer, record) in [&denied, &erased, &allowed, &again, &nobody].into_iter().zip(&records) {
        assert_eq!(answer["context"]["decision_id"], json!(record.id));
        assert_eq!((record.door.as_str(), &record.asker), ("authzen", &service.arn));
        assert_eq!(answer["context"]["revision"], json!(record.revision));
        assert_eq!(record.time, world.now().iso8601());
    }
    let [denied, erased, allowed, again, nobody] = &records[..] else { panic!("{text}") };
    assert_eq!((&denied.subject, denied.subject_id.get(..4)), (&alice.arn, Some("AIDA")));
    assert_eq!(denied.action, "record:write");
    assert_eq!(denied.resource, format!("arn:aws:record::{}:r1", world.root.account));
    let missing = denied.missing.as_ref().expect("what was missing");
    assert_eq!(missing.kind, "identity-based policy");
    let near = missing.near.as_ref().expect("what nearly allowed it");
    assert_eq!((near.statement.policy.as_str(), near.statement.index), (format!("{}/own", alice.arn).as_str(), 0));
    assert_eq!(
        (near.key.as_str(), near.operator.as_str(), near.absent),
        ("brevet:Resource/owner", "StringEquals", false)
    );
    assert_eq!(near.expected.as_deref(), Some(&["${aws:username}".to_owned(), "everybody".to_owned()][..]));
    let read: Vec<(&str, &[String])> = denied
        .conditions
        .iter()
        .map(|condition| (condition.key.as_str(), condition.values.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(read, [("aws:username", &["alice".to_owned()][..]), ("brevet:Resource/owner", &["bob".to_owned()][..])]);
    // What no policy read is named, and no more.
    assert!(denied.said.iter().any(|name| name.eq_ignore_ascii_case("record:Unread")), "{denied:?}");
    let denies = &erased.statements[0];
    assert_eq!((denies.sid.as_deref(), denies.effect.as_str()), (Some("NoErasing"), "Deny"));
    assert_eq!(denies.policy, format!("{}/guard", alice.arn));
    assert_eq!(allowed.statements[0].policy, format!("{}/own", alice.arn));
    assert_eq!(again.statements, allowed.statements);
    assert_eq!(nobody.reason, "the subject does not exist");
    assert!(nobody.subject.ends_with(":user/ghost"), "{nobody:?}");
    let mode = std::fs::metadata(file(&world)).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// Also of questions that differ by their resources alone.
#[tokio::test]
async fn each_question_of_a_batch_has_its_record() {
    let (world, broker) = World::begin_with(Backend::Sqlite, full).await;
    let service = service(&world, &broker).await;
    world.root.at(&broker).user_with("alice", &allow("record:read", "arn:aws:record:*:*:r*")).await;
    let items: Vec<Value> = (0..8)
        .map(|at| json!({ "resource": { "type": "record", "id": format!("{}{at}", ["r", "x"][at % 2]) } }))
        .collect();
    let mut asked = question("read");
    asked["evaluations"] = items.into();
    let signer: Option<(&dyn ActorKeys, &str)> = Some((&service, "brevet"));
    let mut answers = Vec::new();
    for _ in 0..2 {
        let answer = post(&broker, "/access/v1/evaluations", "application/json", &asked.to_string(), signer).await;
        assert_eq!(answer.json()["evaluations"].as_array().map(Vec::len), Some(8), "{answer:?}");
        answers.extend(answer.json()["evaluations"].as_array().cloned().unwrap_or_default());
    }
    let records = records(&read(&world, broker).await);
    assert_eq!(records.len(), answers.len());
    for (at, (answer, record)) in answers.iter().zip(&records).enumerate() {
        assert_eq!(answer["context"]["decision_id"], json!(record.id));
        assert_eq!(answer["decision"], json!(record.decision == "allowed"), "{answer}");
        assert!(record.resource.ends_with(&format!(":{}{}", ["r", "x"][at % 2], at % 8)), "{record:?}");
    }
}

#[tokio::test]
async fn without_a_log_nothing_is_written_or_told() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let service = service(&world, &broker).await;
    let answer = ask(&broker, &service, &question("write")).await.json();
    assert!(answer["context"].get("decision_id").is_none(), "{answer}");
    broker.stop().await;
    assert!(!file(&world).exists());
}

/// An id leads to a record: whose answer is not kept is told none.
#[tokio::test]
async fn what_is_sampled_away_has_no_id() {
    let (world, broker) = World::begin_with(Backend::Sqlite, |config| {
        config.decision_log.mode = LogMode::Sampled;
        config.decision_log.allowed_one_in = 0;
    })
    .await;
    let root = world.root.at(&broker);
    let service = service(&world, &broker).await;
    root.user_with("alice", &allow("record:read", "*")).await;
    let allowed = ask(&broker, &service, &question("read")).await.json();
    let denied = ask(&broker, &service, &question("write")).await.json();
    assert_eq!((&allowed["decision"], allowed["context"].get("decision_id")), (&json!(true), None));
    let kept = records(&read(&world, broker).await);
    assert_eq!(
        kept.iter().map(|record| json!(record.id)).collect::<Vec<_>>(),
        [denied["context"]["decision_id"].clone()]
    );
}

/// Masks hold for a key under each of its names, in what policies expect of it, and for tags that were never said.
#[tokio::test]
async fn what_is_masked_is_nowhere_in_the_file() {
    for masked_as in [MaskedAs::Hash, MaskedAs::Removed] {
        let (world, broker) = World::begin_with(Backend::Sqlite, |config| {
            full(config);
            let mask = ["aws:PrincipalTag/ssn", "record:*", "resource"];
            config.decision_log.mask = mask.map(str::to_owned).to_vec();
            config.decision_log.masked_as = masked_as;
        })
        .await;
        let root = world.root.at(&broker);
        let service = service(&world, &broker).await;
        let mut both = statement("Allow", "record:read", "*");
        both["Condition"] = json!({ "StringEquals": {
            "brevet:Subject/ssn": "078-05-1120", "record:Diagnosis": "measles-expected", "record:Ward": "open" } });
        root.user_with("alice", &document([both])).await;
        let tag = aws_sdk_iam::types::Tag::builder().key("ssn").value("078-05-1120").build().expect("a tag");
        root.iam.tag_user().user_name("alice").tags(tag).send().await.granted();
        let mut asked = question("read");
        asked["resource"]["id"] = json!("patient-4711");
        asked["context"] = json!({ "record:Diagnosis": "mumps-said", "record:Ward": ["open"] });
        for _ in 0..2 {
            assert_eq!(ask(&broker, &service, &asked).await.json()["decision"], false);
        }
        let text = read(&world, broker).await;
        for secret in ["078-05-1120", "measles-expected", "mumps-said", "patient-4711"] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
        let records = records(&text);
        assert_eq!(records.len(), 2);
        assert_eq!(records[0].conditions, records[1].conditions, "equal values are recognized");
        assert!(records[0].conditions.iter().any(|condition| condition.key == "brevet:Subject/ssn"), "{text}");
        let near = records[0].missing.as_ref().and_then(|missing| missing.near.as_ref()).expect("what was near");
        assert_eq!(near.expected, None);
    }
}

#[tokio::test]
async fn tokens_are_never_in_it() {
    let (world, broker) = World::begin_with(Backend::Sqlite, full).await;
    let root = world.root.at(&broker);
    let service = service(&world, &broker).await;
    let alice = root.user_with("alice", &allow_if("web:get", json!({ "StringEquals": { "web:Url": "x" } }))).await;
    let session = Session::of(alice.sts(&broker).get_session_token().send().await.granted().credentials());
    let token = session.token();
    let secret = alice.keys().credentials().secret_access_key.expose().to_owned();
    let question = json!({
        "subject": { "type": "session", "id": "s", "properties": { "session_token": token } },
        "action": { "name": "web:get" },
        "resource": { "type": "web", "id": format!("https://h/x?token={token}&X-Amz-Signature=abcdef0123") },
        "context": { "web:Url": format!("https://ann:hunter2@h/?t={token}") },
    });
    // As long as a resource's name may be.
    let mut shorter = question.clone();
    shorter["resource"]["id"] = json!("https://h/x?X-Amz-Signature=abcdef0123");
    let refused = ask(&broker, &service, &question).await;
    let answer = ask(&broker, &service, &shorter).await;
    assert_eq!((refused.status, answer.status), (200, 200), "{refused:?} {answer:?}");
    shorter["context"] = json!({ "web:Url": "https://ann:hunter2@h/?token=opensesame" });
    let answer = ask(&broker, &service, &shorter).await.json();
    assert_eq!(answer["decision"], false, "{answer}");
    let text = read(&world, broker).await;
    let signature = token.rsplit('.').next().expect("a part");
    for hidden in [signature, "eyJ", "hunter2", "opensesame", "abcdef0123", secret.as_str()] {
        assert!(!text.contains(hidden), "{hidden} is in {text}");
    }
    let last = records(&text).pop().expect("a record");
    let session = last.session.expect("the session");
    assert!(!session.jti.is_empty() && last.resource.contains("https://h/x"), "{text}");
}

/// What askers say begins no line of its own.
#[tokio::test]
async fn a_question_is_one_line_whatever_it_says() {
    let (world, broker) = World::begin_with(Backend::Sqlite, full).await;
    let root = world.root.at(&broker);
    let service = service(&world, &broker).await;
    root.user_with("alice", &allow_if("record:read", json!({ "StringEquals": { "record:Note": "x" } }))).await;
    let evil = "x\n{\"time\":\"2026-01-01T00:00:00Z\",\"dropped\":7}\n\u{1b}[2J\u{202e}\u{2028}";
    let mut asked = question("read");
    asked["context"] = json!({ "record:Note": evil, (format!("record:{evil}")): "y" });
    assert_eq!(ask(&broker, &service, &asked).await.status, 200);
    let text = read(&world, broker).await;
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{2028}']), "{text}");
    let kept = records(&text);
    assert_eq!(kept[0].conditions[0].values.as_deref(), Some(&[evil.to_owned()][..]));
}

#[tokio::test]
async fn a_file_that_others_could_read_or_write_is_not_used() {
    let (mut world, broker) = World::begin(Backend::Sqlite).await;
    full(&mut world.config);
    let theirs = world.folder.path().join("theirs");
    std::fs::write(&theirs, "theirs\n").expect("written");
    symlink(&theirs, file(&world)).expect("linked");
    let why = world.another_broker_fails().await;
    assert!(why.contains("decisions.jsonl") && why.contains("symbolic link"), "{why}");
    std::fs::remove_file(file(&world)).expect("removed");
    std::fs::write(file(&world), "").expect("written");
    std::fs::set_permissions(file(&world), PermissionsExt::from_mode(0o644)).expect("changed");
    let why = world.another_broker_fails().await;
    assert!(why.contains("permissions"), "{why}");
    std::fs::remove_file(file(&world)).expect("removed");
    let writer = world.another_broker().await;
    let why = world.another_broker_fails().await;
    assert!(why.contains("another process"), "{why}");
    writer.stop().await;
    broker.stop().await;
    assert_eq!(std::fs::read_to_string(&theirs).expect("there"), "theirs\n");
}
