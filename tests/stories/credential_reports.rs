//! Credential reports: who has which credentials, in AWS's table, made in the background and kept for four hours.

use std::sync::Arc;
use std::time::Duration;

use brevet::identity::{CredentialReport, ReportState, User as Record};
use brevet::store::{Tx, layout};
use brevet::types::{UniqueId, UniqueIdKind};

use crate::world::policies::allow;
use crate::world::{Actor, Backend, Hand, Outcome, Running, World, within_a_second};

on_both_stores! {
    a_report_is_asked_for_made_and_kept => a_life;
    a_report_of_many_users_lies_in_parts_and_any_broker_hands_it_out => many;
}

const HEAD: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
    password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
    access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
    access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,\
    cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

async fn generate(root: &Hand<'_>) -> (String, Option<String>) {
    let answer = root.iam.generate_credential_report().send().await.granted();
    let state = answer.state().expect("a state").as_str().to_owned();
    (state, answer.description().map(str::to_owned))
}

/// The report's lines, once it is there.
async fn report(root: &Hand<'_>) -> Vec<String> {
    let made = async {
        while root.iam.get_credential_report().send().await.code() == "ReportInProgress" {
            // Whoever asks without a pause takes the machine from whoever makes it.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    // On a machine with much else to do it may take some seconds.
    tokio::time::timeout(Duration::from_secs(60), made).await.expect("the report is made");
    let answer = root.iam.get_credential_report().send().await.granted();
    assert_eq!(answer.report_format().map(|format| format.as_str()), Some("text/csv"));
    let content = answer.content().expect("a content").as_ref().to_vec();
    String::from_utf8(content).expect("UTF-8").split('\n').map(str::to_owned).collect()
}

async fn a_life(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let begun = world.now();
    let moment = |seconds: i64| begun.plus(seconds).iso8601().replace('Z', "+00:00");
    root.iam.get_credential_report().send().await.refused("ReportNotPresent");
    let bob = root.user("Bob").await;
    world.advance(10);
    root.access_key("Bob").await;
    let off = root.iam.update_access_key().user_name("Bob").access_key_id(&bob.keys.id);
    off.status(aws_sdk_iam::types::StatusType::Inactive).send().await.granted();
    root.iam.create_user().user_name("alice").path("/a,b/").send().await.granted();
    root.iam.create_login_profile().user_name("alice").password("Tr0ub4dor&3-first").send().await.granted();
    let carol = root.user("carol").await;
    root.device_of(&carol).await;
    world.advance(10);
    root.iam.update_login_profile().user_name("alice").password("Tr0ub4dor&3-second").send().await.granted();
    root.iam.update_account_password_policy().max_password_age(1).send().await.granted();

    let description = "No report exists. Starting a new report generation task".to_owned();
    assert_eq!(generate(&root).await, ("STARTED".to_owned(), Some(description)));
    let lines = report(&root).await;
    let account = root.account;
    let none = "N/A,N/A,N/A";
    let no_key = "false,N/A,N/A,N/A,N/A";
    let no_certificates = "false,N/A,false,N/A";
    let made = &lines[1].split(',').nth(2).expect("a moment");
    let expected = [
        HEAD.to_owned(),
        format!(
            "<root_account>,arn:aws:iam::{account}:root,{made},not_supported,no_information,not_supported,not_supported,\
             false,true,{made},{},us-east-1,iam,{no_key},{no_certificates}",
            moment(20)
        ),
        format!(
            "alice,\"arn:aws:iam::{account}:user/a,b/alice\",{},true,no_information,{},{},false,{no_key},{no_key},\
             {no_certificates}",
            moment(10),
            moment(20),
            moment(20 + 86_400)
        ),
        format!(
            "Bob,arn:aws:iam::{account}:user/Bob,{0},false,N/A,N/A,N/A,false,false,{0},{none},true,{1},{none},\
             {no_certificates}",
            moment(0),
            moment(10)
        ),
        format!(
            "carol,arn:aws:iam::{account}:user/carol,{0},false,N/A,N/A,N/A,true,true,{0},{none},{no_key},{no_certificates}",
            moment(10)
        ),
    ];
    assert_eq!(lines, expected);

    // For four hours it stays as it was, whoever asks for another one.
    root.user("dave").await;
    world.advance(4 * 3_600);
    assert_eq!(generate(&root).await, ("COMPLETE".to_owned(), None));
    assert_eq!(report(&root).await, expected);
    let answer = root.iam.get_credential_report().send().await.granted();
    assert_eq!(answer.generated_time().expect("a moment").secs(), begun.plus(20).seconds());
    world.advance(1);
    root.iam.get_credential_report().send().await.refused("ReportExpired");
    assert_eq!(generate(&root).await.0, "STARTED");
    let lines = report(&root).await;
    assert!(lines.len() == 6 && lines[5].starts_with("dave,"), "{lines:?}");
    // Another account's report is another's.
    let partner = world.another_account("partner").await;
    let partner = partner.at(&broker);
    partner.iam.get_credential_report().send().await.refused("ReportNotPresent");
    assert_eq!(generate(&partner).await.0, "STARTED");
    assert_eq!(report(&partner).await.len(), 2);
}

/// So many users: the first one as any other, the rest after its likeness beside the API, which would take minutes.
async fn crowd(at: &Running, root: &Hand<'_>, users: usize) {
    let name = |number: usize| format!("user-{number:05}");
    let path = format!("/{}/", "p".repeat(300));
    root.iam.create_user().user_name(name(0)).path(path).send().await.granted();
    let key = layout::user(root.account, &name(0).parse().expect("a name"));
    let first: Record = Tx::new(Arc::clone(&at.broker.store)).get(&key).await.expect("readable").expect("a user");
    let others: Vec<usize> = (1..users).collect();
    for some in others.chunks(500) {
        let mut tx = Tx::new(Arc::clone(&at.broker.store));
        for number in some {
            let mut user = first.clone();
            user.name = name(*number).parse().expect("a name");
            user.id = UniqueId::random(UniqueIdKind::User, &*at.broker.random);
            tx.put(&layout::user(root.account, &user.name), &user).expect("JSON");
        }
        tx.commit().await.expect("committed");
    }
}

async fn many(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    let (root, elsewhere) = (world.root.at(&here), world.root.at(&there));
    crowd(&here, &root, 3_000).await;
    assert_eq!(generate(&root).await.0, "STARTED");
    let lines = report(&elsewhere).await;
    assert_eq!(lines.len(), 3_002);
    for (number, line) in lines[2..].iter().enumerate() {
        assert!(line.starts_with(&format!("user-{number:05},arn:aws:iam::")), "{line}");
        assert_eq!(line.split(',').count(), 22);
    }
    let stored = async || {
        let mut tx = Tx::new(Arc::clone(&there.broker.store));
        let report: CredentialReport =
            tx.get(&layout::credential_report(root.account)).await.expect("readable").expect("a report");
        let parts = layout::report_parts(root.account).children();
        let parts = there.broker.store.scan(&parts, 1_000).await.expect("readable");
        assert!(parts.iter().all(|part| part.body.len() < 512 << 10));
        (report.parts as usize, parts.len())
    };
    let (parts, kept) = stored().await;
    assert!(parts > 3 && parts == kept, "{parts} {kept}");
    // The next one takes the place of the last one's parts.
    world.advance(4 * 3_600 + 1);
    assert_eq!(generate(&elsewhere).await.0, "STARTED");
    assert_eq!(report(&root).await.len(), 3_002);
    assert_eq!(stored().await, (parts, kept));
}

#[tokio::test]
async fn a_report_whose_broker_is_gone_is_begun_anew() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    // What a broker leaves behind that was stopped in the middle.
    let mut tx = Tx::new(Arc::clone(&broker.broker.store));
    let abandoned = CredentialReport::begin("abandoned", world.now());
    tx.put(&layout::credential_report(root.account), &abandoned).expect("JSON");
    tx.commit().await.expect("committed");
    assert_eq!(generate(&root).await, ("INPROGRESS".to_owned(), None));
    root.iam.get_credential_report().send().await.refused("ReportInProgress");
    world.advance(61);
    root.iam.get_credential_report().send().await.refused("ReportNotPresent");
    assert_eq!(generate(&root).await.0, "STARTED");
    assert_eq!(report(&root).await.len(), 2);
}

#[tokio::test]
async fn a_report_that_would_be_too_large_is_refused_and_tried_again_four_hours_later() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let mut tx = Tx::new(Arc::clone(&broker.broker.store));
    let mut found = CredentialReport::begin("large", world.now());
    found.state = ReportState::TooLarge;
    tx.put(&layout::credential_report(root.account), &found).expect("JSON");
    tx.commit().await.expect("committed");
    root.iam.generate_credential_report().send().await.refused("LimitExceeded");
    root.iam.get_credential_report().send().await.refused("ReportNotPresent");
    world.advance(4 * 3_600 + 1);
    assert_eq!(generate(&root).await.0, "STARTED");
    assert_eq!(report(&root).await.len(), 2);
}

#[tokio::test]
async fn of_many_who_ask_at_once_one_starts_a_report() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    crowd(&broker, &root, 200).await;
    let mut asking = Vec::new();
    for _ in 0..10 {
        let iam = root.iam.clone();
        asking.push(tokio::spawn(async move { iam.generate_credential_report().send().await.granted() }));
    }
    let mut started = 0;
    for one in asking {
        started += usize::from(one.await.expect("an answer").state().expect("a state").as_str() == "STARTED");
    }
    assert_eq!(started, 1);
    assert_eq!(report(&root).await.len(), 202);
    within_a_second("the report is complete", || async { generate(&root).await.0 == "COMPLETE" }).await;
}

#[tokio::test]
async fn each_of_the_two_operations_is_allowed_by_its_own_name() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow("iam:GetCredentialReport", "*")).await.iam(&broker);
    alice.get_credential_report().send().await.refused("ReportNotPresent");
    alice.generate_credential_report().send().await.refused("AccessDenied");
    let bob = root.user_with("bob", &allow("iam:GenerateCredentialReport", "*")).await.iam(&broker);
    bob.generate_credential_report().send().await.granted();
    bob.get_credential_report().send().await.refused("AccessDenied");
    report(&root).await;
    alice.get_credential_report().send().await.granted();
}
