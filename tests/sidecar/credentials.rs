//! The credentials command: the cache, and how often a person is asked for a code.

use std::collections::VecDeque;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use brevet::cli::credentials::{CredentialsArgs, CredentialsError, obtain, run};
use brevet::client::Environment;
use brevet::client::prompt::{AskForCode, PromptError};
use brevet::clock::SystemRandom;
use brevet::types::SecretText;
use clap::Parser;

use crate::fake_sts::{Answer, FakeSts};

const ROLE: &str = "arn:aws:iam::123456789012:role/app";
const MFA: &str = "arn:aws:iam::123456789012:mfa/bob";

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    credentials: CredentialsArgs,
}

/// A person who has so many codes to give.
struct Person(Mutex<VecDeque<&'static str>>);

impl Person {
    fn with(codes: &[&'static str]) -> Self {
        Self(Mutex::new(codes.iter().copied().collect()))
    }
}

impl AskForCode for Person {
    fn ask(&self, serial: &str) -> Result<SecretText, PromptError> {
        assert_eq!(serial, MFA);
        self.0.lock().expect("whole").pop_front().map(SecretText::new).ok_or(PromptError::NoCode)
    }
}

struct World {
    fake: FakeSts,
    home: tempfile::TempDir,
    person: Person,
}

impl World {
    async fn new(codes: &[&'static str]) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        Self { fake: FakeSts::start().await, home, person: Person::with(codes) }
    }

    fn environment(&self) -> Environment {
        Environment::of([
            ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "long-lived-secret"),
            ("AWS_ENDPOINT_URL_STS", &self.fake.endpoint),
            ("HOME", self.home.path().to_str().expect("a Unicode path")),
        ])
    }

    async fn get(&self, line: &str) -> Result<String, CredentialsError> {
        self.get_as(line, &self.environment()).await
    }

    async fn get_as(&self, line: &str, environment: &Environment) -> Result<String, CredentialsError> {
        let clock = Arc::new(self.fake.clock.clone());
        let session = obtain(&args(line), environment, clock, Arc::new(SystemRandom), &self.person).await?;
        Ok(session.access_key_id)
    }

    fn cache(&self) -> PathBuf {
        self.home.path().join(".cache/brevet/credentials")
    }

    /// The sessions in the cache.
    fn kept(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.cache()).expect("a cache").map(|entry| entry.expect("an entry").path());
        files.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect()
    }
}

fn args(line: &str) -> CredentialsArgs {
    Cli::parse_from(std::iter::once("brevet").chain(line.split_whitespace())).credentials
}

#[tokio::test]
async fn a_session_is_kept_until_five_minutes_before_its_end() {
    let world = World::new(&[]).await;
    let line = format!("--role-arn {ROLE}");
    assert_eq!(world.get(&line).await.expect("credentials"), "ASIA1");
    world.fake.clock.advance(3_600 - 310);
    assert_eq!(world.get(&line).await.expect("credentials"), "ASIA1");
    world.fake.clock.advance(20);
    assert_eq!(world.get(&line).await.expect("credentials"), "ASIA2");
    assert_eq!(world.kept().len(), 1);
}

#[tokio::test]
async fn every_setting_makes_another_session() {
    let world = World::new(&[]).await;
    let lines = [
        String::new(),
        "--duration-seconds 900".to_owned(),
        "--region eu-west-1".to_owned(),
        format!("--role-arn {ROLE}"),
        format!("--role-arn {ROLE}2"),
        format!("--role-arn {ROLE} --role-session-name other"),
        format!("--role-arn {ROLE} --duration-seconds 900"),
        format!("--role-arn {ROLE} --external-id x"),
        format!("--role-arn {ROLE} --policy x"),
        format!("--role-arn {ROLE} --policy-arn x"),
        format!("--role-arn {ROLE} --tag x=y"),
        format!("--role-arn {ROLE} --transitive-tag-key x"),
        format!("--role-arn {ROLE} --source-identity x"),
    ];
    for (n, line) in (1..).zip(&lines) {
        assert_eq!(world.get(line).await.expect("credentials"), format!("ASIA{n}"), "{line}");
    }
    for (n, line) in (1..).zip(&lines) {
        assert_eq!(world.get(line).await.expect("credentials"), format!("ASIA{n}"), "{line}");
    }
    let other_key = [
        ("AWS_ACCESS_KEY_ID", "AKIAOTHER"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_ENDPOINT_URL", &world.fake.endpoint),
        ("HOME", world.home.path().to_str().expect("a Unicode path")),
    ];
    let answer = world.get_as("", &Environment::of(other_key)).await;
    assert_eq!(answer.expect("credentials"), format!("ASIA{}", lines.len() + 1));
}

#[tokio::test]
async fn a_kept_session_is_for_who_has_the_secret() {
    let world = World::new(&[]).await;
    let line = format!("--role-arn {ROLE}");
    let with = |secret: &'static str| {
        Environment::of([
            ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", secret),
            ("AWS_ENDPOINT_URL_STS", &world.fake.endpoint),
            ("HOME", world.home.path().to_str().expect("a Unicode path")),
        ])
    };
    for (n, line) in [(1, line.as_str()), (3, "")] {
        for (secret, got) in [("one", n), ("another", n + 1), ("one", n)] {
            let answer = world.get_as(line, &with(secret)).await.expect("credentials");
            assert_eq!(answer, format!("ASIA{got}"), "{secret} {line}");
        }
    }
}

/// A person who removes the cache before giving a code: nothing can be kept any more.
struct Saboteur(PathBuf);

impl AskForCode for Saboteur {
    fn ask(&self, _: &str) -> Result<SecretText, PromptError> {
        std::fs::remove_dir_all(&self.0).expect("removed");
        Ok(SecretText::new("111111"))
    }
}

#[tokio::test]
async fn a_session_that_cannot_be_kept_is_still_given() {
    for (role, key) in [(String::new(), "ASIA1"), (format!("--role-arn {ROLE}"), "ASIA2")] {
        let world = World::new(&[]).await;
        let (environment, clock) = (world.environment(), Arc::new(world.fake.clock.clone()));
        let (args, saboteur) = (args(&format!("--mfa-serial {MFA} {role}")), Saboteur(world.cache()));
        let session = obtain(&args, &environment, clock, Arc::new(SystemRandom), &saboteur).await;
        assert_eq!(session.expect("credentials").access_key_id, key);
        assert!(!world.cache().exists());
    }
}

#[tokio::test]
async fn one_code_serves_several_roles() {
    let world = World::new(&["111111"]).await;
    for role in ["a", "b", "c"] {
        world.get(&format!("--mfa-serial {MFA} --role-arn {ROLE}-{role}")).await.expect("credentials");
    }
    assert_eq!(world.fake.actions(), ["GetSessionToken", "AssumeRole", "AssumeRole", "AssumeRole"]);
    let calls = world.fake.calls();
    assert_eq!((calls[0].get("TokenCode"), calls[0].get("SerialNumber")), (Some("111111"), Some(MFA)));
    let signers: Vec<&str> = calls.iter().map(|call| call.access_key_id.as_str()).collect();
    assert_eq!(signers, ["AKIAEXAMPLE", "ASIA1", "ASIA1", "ASIA1"]);
    assert!(calls[1..].iter().all(|call| call.get("TokenCode").is_none()));
}

#[tokio::test]
async fn processes_at_the_same_time_ask_once() {
    let world = World::new(&["111111"]).await;
    let line = format!("--mfa-serial {MFA} --role-arn {ROLE}");
    let (a, b, c) = tokio::join!(world.get(&line), world.get(&line), world.get(&line));
    assert_eq!([a, b, c].map(|answer| answer.expect("credentials")), ["ASIA2", "ASIA2", "ASIA2"]);
    assert_eq!(world.fake.actions(), ["GetSessionToken", "AssumeRole"]);
}

#[tokio::test]
async fn a_kept_session_that_was_revoked_is_bought_anew_once() {
    let world = World::new(&["111111", "222222", "333333"]).await;
    world.get(&format!("--mfa-serial {MFA} --role-arn {ROLE}-a")).await.expect("credentials");
    world.fake.then([Answer::Error(403, "ExpiredToken")]);
    world.get(&format!("--mfa-serial {MFA} --role-arn {ROLE}-b")).await.expect("credentials");
    assert_eq!(world.fake.actions(), ["GetSessionToken", "AssumeRole", "AssumeRole", "GetSessionToken", "AssumeRole"]);
    assert_eq!(world.fake.calls()[3].get("TokenCode"), Some("222222"));
    // Another refusal is not mended by another code.
    world.fake.then([Answer::Error(403, "AccessDenied")]);
    assert!(world.get(&format!("--mfa-serial {MFA} --role-arn {ROLE}-c")).await.is_err());
    assert_eq!(world.fake.actions().len(), 6);
}

#[tokio::test]
async fn without_a_cache_the_code_goes_with_the_role() {
    let world = World::new(&["111111"]).await;
    world.get(&format!("--no-cache --mfa-serial {MFA} --role-arn {ROLE}")).await.expect("credentials");
    assert_eq!(world.fake.actions(), ["AssumeRole"]);
    assert_eq!(world.fake.calls()[0].get("TokenCode"), Some("111111"));
    assert!(!world.cache().exists());
}

#[tokio::test]
async fn the_device_alone_gives_a_session_of_the_user() {
    let world = World::new(&["111111"]).await;
    world.get(&format!("--mfa-serial {MFA} --duration-seconds 900")).await.expect("credentials");
    world.get(&format!("--mfa-serial {MFA} --duration-seconds 900")).await.expect("credentials");
    assert_eq!(world.fake.actions(), ["GetSessionToken"]);
    assert_eq!(world.fake.calls()[0].get("DurationSeconds"), Some("900"));
}

#[tokio::test]
async fn a_failure_keeps_nothing() {
    let world = World::new(&[]).await;
    world.fake.then([Answer::Error(403, "AccessDenied"), Answer::Credentials(-5)]);
    let line = format!("--role-arn {ROLE}");
    assert!(world.get(&line).await.is_err());
    assert!(world.get(&line).await.is_err());
    assert_eq!(world.kept(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_cache_that_others_can_read_is_refused() {
    let world = World::new(&[]).await;
    world.get("").await.expect("credentials");
    let file = world.kept().remove(0);
    assert_eq!(std::fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(world.cache()).expect("there").permissions().mode() & 0o777, 0o700);
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).expect("changed");
    assert!(matches!(world.get("").await, Err(CredentialsError::Obtain(_))));
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).expect("changed");
    std::fs::set_permissions(world.cache(), PermissionsExt::from_mode(0o755)).expect("changed");
    assert!(matches!(world.get("").await, Err(CredentialsError::Cache(_))));
    assert_eq!(world.fake.calls().len(), 1);
}

#[tokio::test]
async fn the_output_is_the_document_and_nothing_else() {
    let world = World::new(&[]).await;
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let clock = Arc::new(world.fake.clock.clone());
    run(args(&format!("--role-arn {ROLE}")), &world.environment(), clock, Arc::new(SystemRandom), &mut out, &mut err)
        .await;
    let document: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
    let members: Vec<&String> = document.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["AccessKeyId", "Expiration", "SecretAccessKey", "SessionToken", "Version"]);
    assert_eq!((&document["Version"], &document["SessionToken"]), (&1.into(), &"token-1".into()));
    assert!(err.is_empty());
}
