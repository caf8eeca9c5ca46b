//! The client when the broker misbehaves.

use brevet::client::ClientError;
use brevet::client::sts::{AssumeRole, MfaProof};
use brevet::types::SecretText;

use crate::fake_sts::{Answer, FakeSts, long_lived_key};

fn role() -> AssumeRole {
    AssumeRole {
        role_arn: "arn:aws:iam::123456789012:role/app".to_owned(),
        session_name: "s".to_owned(),
        ..AssumeRole::default()
    }
}

async fn assume(fake: &FakeSts) -> Result<String, ClientError> {
    let assumed = fake.broker().assume_role(&role(), &long_lived_key()).await?;
    Ok(assumed.credentials.access_key_id)
}

#[tokio::test]
async fn every_member_arrives() {
    let fake = FakeSts::start().await;
    let input = AssumeRole {
        duration_seconds: Some(900),
        external_id: Some("x/y z".to_owned()),
        policy: Some(r#"{"Version":"2012-10-17"}"#.to_owned()),
        policy_arns: vec!["arn:1".to_owned(), "arn:2".to_owned()],
        mfa: Some(MfaProof { serial: "arn:mfa".to_owned(), code: SecretText::new("123456") }),
        tags: vec![("team".to_owned(), "a&b".to_owned())],
        transitive_tag_keys: vec!["team".to_owned()],
        source_identity: Some("bob".to_owned()),
        ..role()
    };
    let assumed = fake.broker().assume_role(&input, &long_lived_key()).await.expect("assumed");
    assert_eq!(assumed.packed_policy_size, Some(7));
    assert_eq!(assumed.credentials.session_token.expose(), "token-1");
    let call = fake.calls().remove(0);
    for (name, value) in [
        ("Action", "AssumeRole"),
        ("Version", "2011-06-15"),
        ("RoleArn", "arn:aws:iam::123456789012:role/app"),
        ("RoleSessionName", "s"),
        ("DurationSeconds", "900"),
        ("ExternalId", "x/y z"),
        ("Policy", r#"{"Version":"2012-10-17"}"#),
        ("PolicyArns.member.1.arn", "arn:1"),
        ("PolicyArns.member.2.arn", "arn:2"),
        ("SerialNumber", "arn:mfa"),
        ("TokenCode", "123456"),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "a&b"),
        ("TransitiveTagKeys.member.1", "team"),
        ("SourceIdentity", "bob"),
    ] {
        assert_eq!(call.get(name), Some(value), "{name}");
    }
    assert_eq!((call.form.len(), call.access_key_id.as_str()), (15, "AKIAEXAMPLE"));
}

#[tokio::test]
async fn the_caller_is_told_who_it_is() {
    let fake = FakeSts::start().await;
    let identity = fake.broker().get_caller_identity(&long_lived_key()).await.expect("answered");
    assert_eq!((identity.account.as_str(), identity.user_id.as_str()), ("123456789012", "AIDAX"));
}

#[tokio::test]
async fn passing_failures_are_tried_three_times_in_all() {
    for passing in [
        Answer::Error(500, "InternalFailure"),
        Answer::Error(429, "X"),
        Answer::Error(400, "Throttling"),
        Answer::Raw(502, "<html>".to_owned()),
    ] {
        let fake = FakeSts::start().await;
        fake.then([passing.clone(), passing.clone()]);
        assert_eq!(assume(&fake).await.as_deref(), Ok("ASIA3"), "{passing:?}");
        fake.then([passing.clone(), passing.clone(), passing.clone()]);
        assert!(assume(&fake).await.is_err(), "{passing:?}");
        assert_eq!(fake.calls().len(), 6);
    }
}

#[tokio::test]
async fn a_refusal_is_final_and_carries_the_brokers_words() {
    let fake = FakeSts::start().await;
    fake.then([Answer::Error(403, "AccessDenied")]);
    let refused = ClientError::Refused {
        status: 403,
        code: "AccessDenied".to_owned(),
        message: "told to".to_owned(),
        request_id: Some("req-1".to_owned()),
    };
    assert_eq!(assume(&fake).await, Err(refused));
    assert_eq!(fake.calls().len(), 1);
}

#[tokio::test]
async fn a_code_is_not_sent_twice_when_it_may_be_used_up() {
    let mfa = MfaProof { serial: "arn:mfa".to_owned(), code: SecretText::new("123456") };
    let fake = FakeSts::start().await;
    fake.then([Answer::Error(500, "InternalFailure")]);
    assert!(fake.broker().get_session_token(None, Some(&mfa), &long_lived_key()).await.is_err());
    assert_eq!(fake.calls().len(), 1);
    fake.then([Answer::Error(400, "Throttling")]);
    assert!(fake.broker().get_session_token(None, Some(&mfa), &long_lived_key()).await.is_ok());
}

#[tokio::test]
async fn garbage_is_not_taken_for_an_answer() {
    let half = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId></Credentials></AssumeRoleResult></AssumeRoleResponse>";
    for (answer, status) in [
        (Answer::Raw(200, String::new()), 200),
        (Answer::Raw(200, "{}".to_owned()), 200),
        (Answer::Raw(200, "<AssumeRoleResponse><Assume".to_owned()), 200),
        (Answer::Raw(200, half.to_owned()), 200),
        (Answer::Raw(403, "<html><body>proxy</body></html>".to_owned()), 403),
        (Answer::Redirect, 302),
    ] {
        let fake = FakeSts::start().await;
        fake.then([answer.clone()]);
        match assume(&fake).await {
            Err(ClientError::Malformed { status: found, .. }) => assert_eq!(found, status, "{answer:?}"),
            other => panic!("{answer:?}: {other:?}"),
        }
        assert_eq!(fake.calls().len(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn answers_that_are_too_large_too_late_or_too_old_are_refused() {
    let fake = FakeSts::start().await;
    fake.then([Answer::Flood(1024 * 1024 + 1), Answer::Silence, Answer::Credentials(0)]);
    assert_eq!(assume(&fake).await, Err(ClientError::TooLarge { limit: 1024 * 1024 }));
    assert_eq!(assume(&fake).await, Err(ClientError::Timeout));
    assert!(matches!(assume(&fake).await, Err(ClientError::ExpiredOnArrival { .. })));
    assert_eq!(fake.calls().len(), 3);
}

#[tokio::test]
async fn no_broker_is_said_so() {
    let mut fake = FakeSts::start().await;
    // A port that was free a moment ago.
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    fake.endpoint = format!("http://{}", free.local_addr().expect("an address"));
    drop(free);
    assert!(matches!(assume(&fake).await, Err(ClientError::Connect(_))));
}

#[tokio::test]
async fn no_error_tells_a_secret() {
    let fake = FakeSts::start().await;
    fake.then([Answer::Raw(200, "<a>secret-1".to_owned()), Answer::Error(403, "AccessDenied"), Answer::Silence]);
    for _ in 0..3 {
        let error = assume(&fake).await.expect_err("an error");
        let told = format!("{error} {error:?}");
        assert!(!told.contains("secret"), "{told}");
    }
    let broker = format!("{:?} {:?}", fake.broker(), long_lived_key());
    assert!(!broker.contains("long-lived-secret"), "{broker}");
}
