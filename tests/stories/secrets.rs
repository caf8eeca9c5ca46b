//! Secrets are nowhere: not in the store's files, not in the audit trail, not in the log.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use brevet::store::AuditQuery;
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use serde_json::json;

use crate::world::policies::{allow, trust};
use crate::world::raw::{ActorKeys, ask, post};
use crate::world::received::{Request, verify_and_ask};
use crate::world::{Actor, Backend, Outcome, Running, Session, World};

/// A log that is kept in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A secret and how it may look where somebody wrote it down carelessly.
fn looks(name: &str, secret: &str) -> Vec<(String, Vec<u8>)> {
    let bytes = secret.as_bytes();
    [
        ("plain", secret.to_owned()),
        ("Base64", BASE64.encode(bytes).trim_end_matches('=').to_owned()),
        ("Base64 for URLs", BASE64URL_NOPAD.encode(bytes)),
        ("hexadecimal", HEXLOWER.encode(bytes)),
    ]
    .into_iter()
    .map(|(how, text)| (format!("{name}, {how}"), text.into_bytes()))
    .collect()
}

fn contains(place: &[u8], secret: &[u8]) -> bool {
    place.windows(secret.len()).any(|window| window == secret)
}

/// Does everything that has to do with a secret; gives the secrets.
async fn a_story_full_of_secrets(world: &World, at: &Running) -> Vec<(&'static str, String)> {
    const PASSWORD: &str = "Tr0ub4dor&3-correct";
    const SECOND_PASSWORD: &str = "hunter2-HUNTER2-hunter2";
    const THIRD_PASSWORD: &str = "Correct-Horse-Battery-9";
    const GUESS: &str = "a-wrong-Guess-at-it-7";
    let root = world.root.at(at);
    let alice = root.user_with("alice", &allow("sts:AssumeRole", "*")).await;
    root.iam.create_login_profile().user_name("alice").password(PASSWORD).send().await.granted();
    root.iam.update_login_profile().user_name("alice").password(SECOND_PASSWORD).send().await.granted();
    root.iam.update_login_profile().user_name("alice").password("weak").send().await.code();
    root.iam.update_account_password_policy().password_reuse_prevention(2).send().await.granted();
    root.let_user("alice", "password", &allow("iam:ChangePassword", "*")).await;
    let change = |old: &str, new: &str| alice.iam(at).change_password().old_password(old).new_password(new).send();
    change(GUESS, THIRD_PASSWORD).await.refused("AccessDenied");
    change(SECOND_PASSWORD, SECOND_PASSWORD).await.refused("PasswordPolicyViolation");
    change(SECOND_PASSWORD, THIRD_PASSWORD).await.granted();
    let device = root.device_of(&alice).await;
    let code = device.next_code();
    let login = || alice.sts(at).get_session_token().serial_number(&device.serial).token_code(&code).send();
    let session = Session::of(login().await.granted().credentials());
    login().await.refused("AccessDenied");
    let role = root.role("worker", &trust(&alice.arn, &["sts:AssumeRole"], None), "").await;
    let assumed = session.sts(at).assume_role().role_arn(&role).role_session_name("work").external_id("x1");
    let assumed = Session::of(assumed.send().await.granted().credentials());
    let mut broken = assumed.keys.clone();
    broken.secret.push('x');
    broken.sts(at).get_caller_identity().send().await.refused("SignatureDoesNotMatch");
    let server = super::server_certificates::own("www.example", world.now());
    let upload = |name: &str| {
        let upload = root.iam.upload_server_certificate().server_certificate_name(name).certificate_body(&server.pem);
        upload.private_key(server.key()).send()
    };
    upload("www").await.granted();
    upload("www").await.refused("EntityAlreadyExists");
    let other = super::server_certificates::own("www.example", world.now());
    let mismatch = root.iam.upload_server_certificate().server_certificate_name("odd").certificate_body(&server.pem);
    mismatch.private_key(other.key()).send().await.refused("KeyPairMismatch");
    let service =
        |name: &str| root.iam.create_service_specific_credential().user_name("alice").service_name(name).send();
    let password = service("codecommit.amazonaws.com").await.granted();
    let password = password.service_specific_credential().expect("a credential").clone();
    let id = password.service_specific_credential_id();
    let reset = root.iam.reset_service_specific_credential().user_name("alice").service_specific_credential_id(id);
    let reset = reset.send().await.granted();
    let key = service("bedrock.amazonaws.com").await.granted();
    let password_of = |one: Option<&aws_sdk_iam::types::ServiceSpecificCredential>| {
        let one = one.expect("a credential");
        one.service_credential_secret().unwrap_or(one.service_password()).to_owned()
    };
    // One line of the key's Base64: lines are what a file may have been cut into.
    let line = |key: String| key.lines().nth(1).expect("a line").to_owned();
    let partner = world.another_account("partner").await;
    let signature = |session: &Session| session.token().rsplit('.').next().unwrap_or_default().to_owned();
    vec![
        ("the root user's key", world.root.keys.secret.clone()),
        ("another root user's key", partner.keys.secret),
        ("alice's key", alice.keys.secret.clone()),
        ("alice's password", PASSWORD.to_owned()),
        ("alice's second password", SECOND_PASSWORD.to_owned()),
        ("alice's third password", THIRD_PASSWORD.to_owned()),
        ("a guess at alice's password", GUESS.to_owned()),
        ("the device's seed", device.base32.clone()),
        ("the session's secret", session.keys.secret.clone()),
        ("the session's token", session.token().to_owned()),
        ("the signature of the session's token", signature(&session)),
        ("the role session's secret", assumed.keys.secret.clone()),
        ("the signature of the role session's token", signature(&assumed)),
        ("a server's private key", line(server.key())),
        ("a private key that was refused", line(other.key())),
        ("a password for a service", password_of(Some(&password))),
        ("a later password for a service", password_of(reset.service_specific_credential())),
        ("a key for a service", password_of(key.service_specific_credential())),
    ]
}

#[tokio::test]
async fn no_secret_is_in_the_store_the_audit_trail_or_the_log() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    // For the whole process: with a subscriber of one thread, a line that another test's thread comes by first is switched off
    // for all. What other stories log beside this one is looked through with it.
    tracing::subscriber::set_global_default(subscriber).expect("no other story listens to the log");
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let mut secrets = a_story_full_of_secrets(&world, &broker).await;
    // A broker that stops writes what it has still to write.
    broker.stop().await;
    let broker = world.another_broker().await;
    let query = AuditQuery { limit: 10_000, ..AuditQuery::default() };
    let rows = broker.broker.store.audit(&query).await.expect("the trail");
    let audit: Vec<u8> = rows.into_iter().flat_map(|(_, row)| [row.body, b"\n".to_vec()].concat()).collect();
    broker.stop().await;

    let mut places = vec![
        ("the audit trail".to_owned(), audit),
        ("the log".to_owned(), log.0.lock().unwrap_or_else(PoisonError::into_inner).clone()),
    ];
    for file in std::fs::read_dir(world.folder.path()).expect("the data folder") {
        let path = file.expect("a file").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).expect("readable");
        if name == "master.key" {
            secrets.push(("the master key", String::from_utf8_lossy(&bytes).trim().to_owned()));
        } else {
            places.push((name, bytes));
        }
    }
    assert!(secrets.iter().any(|(name, _)| *name == "the master key"));
    // What is no secret is found where it belongs, so a secret would be found as well.
    for place in ["the audit trail", "brevet.db", "the log"] {
        let bytes = &places.iter().find(|(name, _)| name == place).expect("there").1;
        let plain: &[u8] = if place == "the log" { b"signing key" } else { b"alice" };
        assert!(contains(bytes, plain), "{place} was not looked through");
    }
    for (name, secret) in &secrets {
        assert!(secret.len() >= 16, "{name} is too short to be looked for");
        for (look, bytes) in looks(name, secret) {
            for (place, content) in &places {
                assert!(!contains(content, &bytes), "{look}, is in {place}");
            }
        }
    }
}

/// A resource's name is what an asker makes of a URL, and URLs carry tokens. Whoever may not ask has it recorded nevertheless.
#[tokio::test]
async fn a_refused_question_leaves_no_token_in_the_audit_trail() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let stranger = root.user_with("stranger", &allow("brevet:VerifyRequest", "*")).await;
    let alice = root.user("alice").await;
    let session = Session::of(alice.sts(&broker).get_session_token().send().await.granted().credentials());
    let name = |door: &str| {
        // As long as a resource's name may be; of a session token, one does not get further than its beginning.
        let beginning: String = session.token().chars().take(400).collect();
        format!("https://ann:hunter2-{door}@h/{door}?token=opensesame&X-Amz-Signature=abcdef0123&t={beginning}.x")
    };
    let question = |door: &str| {
        json!({
            "subject": { "type": "user", "id": "alice" },
            "action": { "name": "web:get" },
            "resource": { "type": "web", "id": name(door) },
        })
    };
    let alone = ask(&broker, &stranger, &question("alone")).await;
    assert_eq!(alone.status, 403, "{alone:?}");
    let batch = json!({ "evaluations": [question("batch")] }).to_string();
    let signer: Option<(&dyn ActorKeys, &str)> = Some((&stranger, "brevet"));
    let batch = post(&broker, "/access/v1/evaluations", "application/json", &batch, signer).await;
    assert_eq!((batch.status, batch.json()["evaluations"][0]["context"]["error"]["status"].as_u64()), (200, Some(403)));
    let signed = Request::get("/x").signed(&alice.keys, "web", world.now()).told_whole();
    let resource = format!("arn:aws:web:::{}", name("signed"));
    let asked = json!({ "action": "other:get", "resource": resource });
    let signed = verify_and_ask(&broker, &stranger, "web", signed, asked).await;
    assert_eq!(signed.status, 403, "{signed:?}");

    broker.stop().await;
    let trail = world.trail("Evaluate").await;
    for door in ["alone", "batch", "signed"] {
        assert!(trail.contains(&format!("h/{door}?token=(removed)&X-Amz-Signature=(removed)")), "{door}: {trail}");
    }
    for hidden in ["hunter2", "opensesame", "abcdef0123", "eyJ"] {
        assert!(!trail.contains(hidden), "{hidden} is in {trail}");
    }
}

#[tokio::test]
async fn no_secret_is_in_a_record_on_postgres_either() {
    let (world, broker) = World::begin(Backend::Postgres).await;
    let secrets = a_story_full_of_secrets(&world, &broker).await;
    let url = world.config.store.database.as_ref().expect("a database").expose().to_owned();
    broker.stop().await;
    let options: sqlx::postgres::PgConnectOptions = url.parse().expect("a URL");
    let mut connection = sqlx::ConnectOptions::connect(&options).await.expect("PostgreSQL answers");
    let records = "SELECT body FROM records UNION ALL SELECT body FROM audit UNION ALL SELECT key FROM records";
    let rows: Vec<(Vec<u8>,)> = sqlx::query_as(records).fetch_all(&mut connection).await.expect("rows");
    let everything: Vec<u8> = rows.into_iter().flat_map(|(row,)| row).collect();
    assert!(contains(&everything, b"alice"));
    for (name, secret) in &secrets {
        for (look, bytes) in looks(name, secret) {
            assert!(!contains(&everything, &bytes), "{look}, is in the database");
        }
    }
}

#[test]
fn a_secret_that_is_there_would_be_found() {
    let place = b"a line\nwith c2VjcmV0LXNlY3JldA in it";
    assert!(looks("it", "secret-secret").iter().any(|(_, bytes)| contains(place, bytes)));
    assert!(!looks("it", "another").iter().any(|(_, bytes)| contains(place, bytes)));
}
