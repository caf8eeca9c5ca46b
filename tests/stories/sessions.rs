//! Temporary credentials: what ends them, and what passes for them but is none.

use brevet::clock::SystemRandom;
use brevet::session::Previous;
use brevet::sigv4::{RequestParts, presign};
use serde_json::Value;

use crate::world::policies::allow;
use crate::world::raw::get;
use crate::world::{Actor, Backend, Keys, Outcome, Running, Session, User, World, within_a_second};

on_both_stores! {
    a_key_that_is_made_inactive_is_refused_at_once_by_the_whole_fleet => inactive_key;
    keys_rotate_while_sessions_live_on => rotation;
}

async fn session_of(user: &User, at: &Running) -> Session {
    Session::of(user.sts(at).get_session_token().send().await.granted().credentials())
}

async fn alice(world: &World, at: &Running) -> User {
    world.root.at(at).user_with("alice", &allow("iam:GetUser", "*")).await
}

/// The code with which these keys are refused, or `Ok`.
async fn who_am_i(keys: &Keys, at: &Running) -> String {
    keys.sts(at).get_caller_identity().send().await.code()
}

#[tokio::test]
async fn a_session_ends_at_its_second() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let alice = alice(&world, &broker).await;
    let given = alice.sts(&broker).get_session_token().duration_seconds(900).send().await.granted();
    let session = Session::of(given.credentials());
    assert_eq!(session.expires, world.now().seconds() + 900);
    world.advance(899);
    assert_eq!(who_am_i(&session.keys, &broker).await, "Ok");
    world.advance(1);
    let message = session.sts(&broker).get_caller_identity().send().await.refused("ExpiredToken");
    assert_eq!(message, "The security token included in the request is expired");
    // So does another broker say, that has never seen it.
    let other = world.another_broker().await;
    assert_eq!(who_am_i(&session.keys, &other).await, "ExpiredToken");
    assert_eq!(who_am_i(&alice.keys, &broker).await, "Ok");
}

#[tokio::test]
async fn every_changed_byte_of_a_token_is_noticed() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let session = session_of(&alice(&world, &broker).await, &broker).await;
    let token = session.token().to_owned();
    let step = token.len() / 40;
    for at in (0..token.len()).step_by(step.max(1)) {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let keys = Keys { token: Some(String::from_utf8(bytes).expect("ASCII")), ..session.keys.clone() };
        assert_eq!(who_am_i(&keys, &broker).await, "InvalidClientTokenId", "byte {at}");
    }
    for other in ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."] {
        let keys = Keys { token: Some(other.to_owned()), ..session.keys.clone() };
        assert_ne!(who_am_i(&keys, &broker).await, "Ok", "{other:?}");
    }
    assert_eq!(who_am_i(&session.keys, &broker).await, "Ok");
}

#[tokio::test]
async fn a_token_of_another_installation_is_none_here() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (elsewhere, other) = World::begin(Backend::Sqlite).await;
    let stranger = session_of(&alice(&elsewhere, &other).await, &other).await;
    alice(&world, &broker).await;
    assert_eq!(who_am_i(&stranger.keys, &broker).await, "InvalidClientTokenId");
    assert_eq!(who_am_i(&stranger.keys, &other).await, "Ok");
}

#[tokio::test]
async fn token_key_and_secret_belong_together() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let alice = alice(&world, &broker).await;
    let (one, two) = (session_of(&alice, &broker).await, session_of(&alice, &broker).await);
    let mixed = |id: &Session, secret: &Session, token: &Session| Keys {
        id: id.keys.id.clone(),
        secret: secret.keys.secret.clone(),
        token: token.keys.token.clone(),
    };
    assert_eq!(who_am_i(&mixed(&two, &one, &one), &broker).await, "InvalidClientTokenId");
    assert_eq!(who_am_i(&mixed(&two, &two, &one), &broker).await, "InvalidClientTokenId");
    assert_eq!(who_am_i(&mixed(&one, &two, &one), &broker).await, "SignatureDoesNotMatch");
    let without_token = Keys { token: None, ..one.keys.clone() };
    assert_eq!(who_am_i(&without_token, &broker).await, "InvalidClientTokenId");
    let with_a_users_key = Keys { token: one.keys.token.clone(), ..alice.keys.clone() };
    assert_eq!(who_am_i(&with_a_users_key, &broker).await, "InvalidClientTokenId");
}

#[tokio::test]
async fn a_token_is_no_bearer_token() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let session = session_of(&alice(&world, &broker).await, &broker).await;
    let form = "Action=GetCallerIdentity&Version=2011-06-15";
    let client = reqwest::Client::new();
    for header in ["authorization", "x-amz-security-token"] {
        let value =
            if header == "authorization" { format!("Bearer {}", session.token()) } else { session.token().into() };
        let request = client.post(&broker.url).header("content-type", "application/x-www-form-urlencoded");
        let answer = request.header(header, value).body(form).send().await.expect("an answer");
        assert!(matches!(answer.status().as_u16(), 400 | 403), "{header}: {}", answer.status());
        let body = answer.text().await.expect("a document");
        assert!(!body.contains("GetCallerIdentityResult"), "{body}");
    }
}

#[tokio::test]
async fn a_session_does_not_pass_to_a_later_user_of_the_same_name() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow("iam:*", "*")).await;
    let session = root.session_with_mfa(&alice).await;
    assert_eq!(session.iam(&broker).list_users().send().await.code(), "Ok");
    root.iam.delete_user_policy().user_name("alice").policy_name("own").send().await.granted();
    let device = format!("arn:aws:iam::{}:mfa/alice", root.account);
    root.iam.deactivate_mfa_device().user_name("alice").serial_number(device).send().await.granted();
    root.iam.delete_access_key().user_name("alice").access_key_id(&alice.keys.id).send().await.granted();
    root.iam.delete_user().user_name("alice").send().await.granted();
    assert_eq!(who_am_i(&alice.keys, &broker).await, "InvalidClientTokenId");
    assert_eq!(who_am_i(&session.keys, &broker).await, "InvalidClientTokenId");
    root.user_with("alice", &allow("iam:*", "*")).await;
    assert_eq!(who_am_i(&session.keys, &broker).await, "InvalidClientTokenId");
    let code = session.iam(&broker).list_users().send().await.code();
    assert_eq!(code, "InvalidClientTokenId");
}

#[tokio::test]
async fn a_session_has_no_more_than_its_user_has_now() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = alice(&world, &broker).await;
    let device = root.device_of(&alice).await;
    let login = alice.sts(&broker).get_session_token().serial_number(&device.serial).token_code(device.next_code());
    let session = Session::of(login.send().await.granted().credentials());
    let call = || session.iam(&broker).get_user().user_name("alice").send();
    assert_eq!(call().await.code(), "Ok");
    root.iam.delete_user_policy().user_name("alice").policy_name("own").send().await.granted();
    assert_eq!(call().await.code(), "AccessDenied");
}

#[tokio::test]
async fn sessions_cannot_ask_for_further_sessions() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let session = session_of(&alice(&world, &broker).await, &broker).await;
    let message = session.sts(&broker).get_session_token().send().await.refused("AccessDenied");
    assert_eq!(message, "Cannot call GetSessionToken with session credentials");
}

async fn inactive_key(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    let root = world.root.at(&here);
    let alice = alice(&world, &here).await;
    within_a_second("the other broker knows the new key", || async { who_am_i(&alice.keys, &there).await == "Ok" })
        .await;
    assert_eq!(who_am_i(&alice.keys, &here).await, "Ok");
    let inactive = aws_sdk_iam::types::StatusType::Inactive;
    let update = root.iam.update_access_key().user_name("alice").access_key_id(&alice.keys.id).status(inactive);
    update.send().await.granted();
    assert_eq!(who_am_i(&alice.keys, &here).await, "InvalidClientTokenId");
    within_a_second("the other broker refuses the key", || async {
        who_am_i(&alice.keys, &there).await == "InvalidClientTokenId"
    })
    .await;
}

async fn kids(at: &Running) -> Vec<String> {
    let set = get(at, "/.well-known/jwks.json").await.json();
    let kid = |key: &Value| key["kid"].as_str().expect("a key id").to_owned();
    set["keys"].as_array().expect("keys").iter().map(kid).collect()
}

fn kid_of(session: &Session) -> String {
    jsonwebtoken::decode_header(session.token()).expect("a JWT").kid.expect("a key id")
}

async fn rotation(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    let alice = alice(&world, &here).await;
    within_a_second("the other broker knows alice", || async { who_am_i(&alice.keys, &there).await == "Ok" }).await;
    let old = session_of(&alice, &here).await;
    let published = kids(&here).await;
    assert!(published.contains(&kid_of(&old)));
    assert!(published.len() >= 2, "the next key is shown before it signs: {published:?}");

    world.rotate_keys(Previous::UntilExpired).await;
    world.advance(2);
    for broker in [&here, &there] {
        within_a_second("the new key signs", || async { kid_of(&session_of(&alice, broker).await) != kid_of(&old) })
            .await;
        let new = session_of(&alice, broker).await;
        assert!(published.contains(&kid_of(&new)), "the key that signs now was published before");
        assert_eq!(who_am_i(&old.keys, broker).await, "Ok");
        assert_eq!(who_am_i(&new.keys, broker).await, "Ok");
        assert!(kids(broker).await.contains(&kid_of(&old)), "what it signed can still be verified");
    }

    // A leaked key is dropped, and its sessions end.
    world.rotate_keys(Previous::DropAtOnce).await;
    world.advance(2);
    for broker in [&here, &there] {
        within_a_second("sessions of dropped keys end", || async {
            who_am_i(&old.keys, broker).await == "InvalidClientTokenId"
        })
        .await;
        assert!(!kids(broker).await.contains(&kid_of(&old)));
        assert_eq!(who_am_i(&session_of(&alice, broker).await.keys, broker).await, "Ok");
    }
}

#[tokio::test]
async fn a_key_that_nobody_has_looks_like_one_that_was_deleted() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let id = brevet::types::AccessKeyId::long_lived(world.root.account, &SystemRandom);
    let nobody = Keys::long_lived(id.as_str(), "c2VjcmV0");
    let message = nobody.sts(&broker).get_caller_identity().send().await.refused("InvalidClientTokenId");
    assert_eq!(message, "The security token included in the request is invalid.");
    let wrong_secret = Keys::long_lived(&world.root.keys.id, "c2VjcmV0");
    assert_eq!(who_am_i(&wrong_secret, &broker).await, "SignatureDoesNotMatch");
}

/// Signed for a week, and good for fifteen minutes: as at AWS's STS.
#[tokio::test]
async fn a_presigned_proof_of_who_one_is_does_not_last() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let alice = alice(&world, &broker).await;
    let headers: [(&str, &[u8]); 1] = [("host", broker.host().as_bytes())];
    let query = "Action=GetCallerIdentity&Version=2011-06-15";
    let parts = RequestParts { method: "GET", path: "/", query, headers: &headers, body: b"" };
    let signed = presign(&parts, &alice.keys.credentials(), "us-east-1", "sts", 604_800, world.now());
    let path = format!("/?{signed}");
    let look = || get(&broker, &path);
    assert_eq!(look().await.status, 200);
    world.advance(900);
    assert_eq!(look().await.status, 200);
    world.advance(1);
    assert_eq!(look().await.code(), "RequestExpired");
}
