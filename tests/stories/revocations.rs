//! Revoked sessions: what ends, what lives on, who may end what, and how soon everybody knows.

use brevet::clock::SystemRandom;
use brevet::session::revocation::Revocation;
use brevet::store::{Tx, layout};
use serde_json::{Value, json};

use crate::world::issuer::Issuer;
use crate::world::policies::{allow, allow_if, trust};
use crate::world::raw::{ActorKeys, Answer, ask, get, post};
use crate::world::{Actor, Backend, Keys, Outcome, Running, Session, User, World, within_a_second};

on_both_stores! {
    a_session_is_revoked_at_every_broker_and_after_a_restart => whole_fleet;
    a_role_that_is_revoked_at_one_broker_is_assumed_anew_at_another => role_in_a_fleet;
    what_is_over_is_swept_away => swept;
}

/// Asks the door to revoke.
async fn revoke(who: &dyn ActorKeys, at: &Running, what: &Value) -> Answer {
    post(at, "/sessions/v1/revoke", "application/json", &what.to_string(), Some((who, "brevet"))).await
}

async fn revoked(who: &dyn ActorKeys, at: &Running, what: Value) -> Value {
    let answer = revoke(who, at, &what).await;
    assert_eq!(answer.status, 200, "{what}: {answer:?}");
    answer.json()
}

async fn refused(who: &dyn ActorKeys, at: &Running, what: Value) -> (u16, String) {
    let answer = revoke(who, at, &what).await;
    (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

/// The code with which a caller is refused, or `Ok`.
async fn state(who: &impl Actor, at: &Running) -> String {
    who.sts(at).get_caller_identity().send().await.code()
}

async fn login(user: &impl Actor, at: &Running) -> Session {
    Session::of(user.sts(at).get_session_token().send().await.granted().credentials())
}

async fn assume(who: &impl Actor, role: &str, at: &Running) -> Session {
    let assumed = who.sts(at).assume_role().role_arn(role).role_session_name("work").send().await;
    Session::of(assumed.granted().credentials())
}

fn claims(session: &Session) -> Value {
    let part = session.token().split('.').nth(1).expect("a JWT");
    let bytes = data_encoding::BASE64URL_NOPAD.decode(part.as_bytes()).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// Alice, and two roles that trust her account, both of whom may do everything.
async fn alice_and_two_roles(world: &World, at: &Running) -> (User, String, String) {
    let root = world.root.at(at);
    let alice = root.user_with("alice", &allow("*", "*")).await;
    let trusted = trust(&world.root.account.to_string(), &["sts:AssumeRole"], None);
    let one = root.role("one", &trusted, &allow("*", "*")).await;
    let two = root.role("two", &trusted, &allow("*", "*")).await;
    (alice, one, two)
}

#[tokio::test]
async fn a_session_ends_alone_by_its_key_or_by_its_id() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (alice, one, _) = alice_and_two_roles(&world, &broker).await;
    let (first, second, third) =
        (login(&alice, &broker).await, assume(&alice, &one, &broker).await, assume(&alice, &one, &broker).await);
    let child = assume(&first, &one, &broker).await;
    let answer = revoked(&world.root, &broker, json!({ "accessKeyId": first.keys.id })).await;
    assert_eq!((&answer["revoked"], &answer["descendants"]), (&json!("session"), &json!(false)), "{answer}");
    let message = first.sts(&broker).get_caller_identity().send().await.refused("ExpiredToken");
    assert_eq!(message, "The security token included in the request was revoked");
    assert_eq!(first.iam(&broker).list_users().send().await.code(), "ExpiredToken");
    // Who cannot sign is not told of it.
    let wrong = Keys { secret: "c2VjcmV0".to_owned(), ..first.keys.clone() };
    assert_eq!(state(&wrong, &broker).await, "SignatureDoesNotMatch");
    revoked(&world.root, &broker, json!({ "jti": claims(&second)["jti"] })).await;
    assert_eq!(state(&second, &broker).await, "ExpiredToken");
    for alive in [&third, &child] {
        assert_eq!(state(alive, &broker).await, "Ok");
    }
    assert_eq!(state(&alice, &broker).await, "Ok");
    // It is recorded, and cannot be taken back: saying it again only widens it.
    revoked(&world.root, &broker, json!({ "accessKeyId": first.keys.id, "descendants": true })).await;
    assert_eq!(state(&child, &broker).await, "ExpiredToken");
    let again = revoked(&world.root, &broker, json!({ "accessKeyId": first.keys.id })).await;
    assert_eq!(again["descendants"], true);
    assert_eq!(state(&child, &broker).await, "ExpiredToken");
}

#[tokio::test]
async fn a_login_ends_with_all_that_descends_from_it() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (alice, one, two) = alice_and_two_roles(&world, &broker).await;
    let begun = login(&alice, &broker).await;
    let mut chain = vec![begun.clone()];
    // Longer than what a token keeps of its descent: the beginning stays.
    for number in 0..12 {
        let role = if number % 2 == 0 { &one } else { &two };
        chain.push(assume(chain.last().expect("a session"), role, &broker).await);
    }
    let (another, by_key) = (login(&alice, &broker).await, assume(&alice, &one, &broker).await);
    revoked(&world.root, &broker, json!({ "accessKeyId": chain[10].keys.id, "descendants": true })).await;
    for (place, session) in chain.iter().enumerate() {
        assert_eq!(state(session, &broker).await, if place < 10 { "Ok" } else { "ExpiredToken" }, "{place}");
    }
    revoked(&world.root, &broker, json!({ "accessKeyId": begun.keys.id, "descendants": true })).await;
    for session in &chain {
        assert_eq!(state(session, &broker).await, "ExpiredToken");
    }
    for alive in [&another, &by_key] {
        assert_eq!(state(alive, &broker).await, "Ok");
    }
}

/// A session renews itself for ever, but does not shed the role that it was made from in the middle of its chain.
#[tokio::test]
async fn a_role_in_the_middle_of_a_long_chain_still_ends_what_descends_from_it() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (alice, hub, target) = alice_and_two_roles(&world, &broker).await;
    let through = assume(&login(&alice, &broker).await, &hub, &broker).await;
    let mut renewed = assume(&through, &target, &broker).await;
    let straight = assume(&login(&alice, &broker).await, &target, &broker).await;
    for _ in 0..12 {
        renewed = assume(&renewed, &target, &broker).await;
    }
    revoked(&world.root, &broker, json!({ "principal": hub, "descendants": true })).await;
    assert_eq!((&*state(&renewed, &broker).await, &*state(&straight, &broker).await), ("ExpiredToken", "Ok"));
}

#[tokio::test]
async fn what_a_leaked_key_has_bought_ends_and_the_key_goes_on_until_it_is_disabled() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (alice, one, two) = alice_and_two_roles(&world, &broker).await;
    let other_key = world.root.at(&broker).access_key("alice").await;
    let (session, role) = (login(&alice, &broker).await, assume(&alice, &one, &broker).await);
    let chained = assume(&role, &two, &broker).await;
    let spared = login(&other_key, &broker).await;
    let answer = revoked(&world.root, &broker, json!({ "accessKeyId": alice.keys.id })).await;
    assert_eq!(answer["revoked"], "access-key");
    for ended in [&session, &role, &chained] {
        assert_eq!(state(ended, &broker).await, "ExpiredToken");
    }
    assert_eq!(state(&spared, &broker).await, "Ok");
    // In the same second new sessions can be had, and they live.
    let new = assume(&alice, &one, &broker).await;
    assert_eq!(state(&new, &broker).await, "Ok");
    // The same for a key that was deleted since.
    let root = world.root.at(&broker);
    root.iam.delete_access_key().user_name("alice").access_key_id(&alice.keys.id).send().await.granted();
    assert_eq!(state(&new, &broker).await, "Ok", "AWS lets sessions of deleted keys live");
    world.advance(2);
    revoked(&world.root, &broker, json!({ "accessKeyId": alice.keys.id })).await;
    assert_eq!(state(&new, &broker).await, "ExpiredToken");
}

#[tokio::test]
async fn all_sessions_of_a_role_until_a_second_end_and_those_issued_afterwards_live() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (alice, one, two) = alice_and_two_roles(&world, &broker).await;
    let old = assume(&alice, &one, &broker).await;
    let middle = world.now();
    world.advance(1);
    let later = assume(&alice, &one, &broker).await;
    let (chained, of_two) = (assume(&later, &two, &broker).await, assume(&alice, &two, &broker).await);
    let renewed = assume(&old, &one, &broker).await;
    // Until an earlier second, itself included; what renewed itself from such a session is no newer.
    revoked(&world.root, &broker, json!({ "principal": one, "issuedUntil": middle.iso8601() })).await;
    assert_eq!((&*state(&old, &broker).await, &*state(&renewed, &broker).await), ("ExpiredToken", "ExpiredToken"));
    assert_eq!(state(&later, &broker).await, "Ok");
    // Until now.
    let answer = revoked(&world.root, &broker, json!({ "principal": one })).await;
    assert_eq!((&answer["issuedUntil"], &answer["revoked"]), (&json!(world.now().iso8601()), &json!("principal")));
    assert_eq!(state(&later, &broker).await, "ExpiredToken");
    for alive in [&chained, &of_two] {
        assert_eq!(state(alive, &broker).await, "Ok", "the other role's sessions are others");
    }
    // Whoever assumes the role anew in the very second must not get a dead session: it begins with the next second.
    let new = assume(&alice, &one, &broker).await;
    assert_eq!(claims(&new)["iat"].as_i64(), Some(world.now().seconds() + 1));
    assert_eq!(state(&new, &broker).await, "Ok");
    // Saying an earlier second does not give any of it back.
    revoked(&world.root, &broker, json!({ "principal": one, "issuedUntil": middle.iso8601() })).await;
    assert_eq!(state(&later, &broker).await, "ExpiredToken");
    // With what was made from them.
    world.advance(1);
    revoked(&world.root, &broker, json!({ "principal": one, "descendants": true })).await;
    assert_eq!((&*state(&chained, &broker).await, &*state(&of_two, &broker).await), ("ExpiredToken", "Ok"));
}

#[tokio::test]
async fn sessions_of_a_user_and_of_the_root_end_and_what_the_user_assumed_only_if_that_was_said() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (alice, one, _) = alice_and_two_roles(&world, &broker).await;
    let (session, by_key) = (login(&alice, &broker).await, assume(&alice, &one, &broker).await);
    let by_session = assume(&session, &one, &broker).await;
    let guest = alice.sts(&broker).get_federation_token().name("guest").send().await.granted();
    let guest = Session::of(guest.credentials());
    assert_eq!(state(&guest, &broker).await, "Ok");
    revoked(&world.root, &broker, json!({ "principal": alice.arn })).await;
    for ended in [&session, &guest] {
        assert_eq!(state(ended, &broker).await, "ExpiredToken");
    }
    assert_eq!((&*state(&by_key, &broker).await, &*state(&by_session, &broker).await), ("Ok", "Ok"), "as at AWS");
    assert_eq!(state(&login(&alice, &broker).await, &broker).await, "Ok");
    revoked(&world.root, &broker, json!({ "principal": alice.arn, "descendants": true })).await;
    assert_eq!(
        (&*state(&by_key, &broker).await, &*state(&by_session, &broker).await),
        ("ExpiredToken", "ExpiredToken")
    );
    assert_eq!(state(&assume(&alice, &one, &broker).await, &broker).await, "Ok");
    let root = login(&world.root, &broker).await;
    assert_eq!(state(&root, &broker).await, "Ok");
    let arn = format!("arn:aws:iam::{}:root", world.root.account);
    revoked(&world.root, &broker, json!({ "principal": arn })).await;
    assert_eq!((&*state(&root, &broker).await, &*state(&world.root, &broker).await), ("ExpiredToken", "Ok"));
}

#[tokio::test]
async fn everybody_may_log_out_and_nobody_may_log_out_others() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user("alice").await;
    let bob = root.user_with("bob", &allow("brevet:RevokeSessions", "arn:aws:iam::*:user/${aws:username}")).await;
    let trusted = trust(&alice.arn, &["sts:AssumeRole"], None);
    let role = root.role("worker", &trusted, "").await;
    let (mine, other, theirs) =
        (login(&alice, &broker).await, login(&alice, &broker).await, login(&bob, &broker).await);
    let work = assume(&mine, &role, &broker).await;
    for what in [
        json!({ "accessKeyId": mine.keys.id }),
        json!({ "accessKeyId": theirs.keys.id, "descendants": true }),
        json!({ "jti": claims(&mine)["jti"] }),
        json!({ "accessKeyId": alice.keys.id }),
        json!({ "accessKeyId": bob.keys.id }),
        json!({ "principal": alice.arn }),
        json!({ "principal": bob.arn, "descendants": true }),
        json!({ "principal": role }),
        // Whether there is such a role is not told to whoever may not ask.
        json!({ "principal": role.replace("worker", "ghost") }),
        json!({ "principal": format!("arn:aws:iam::{}:root", world.root.account) }),
    ] {
        for who in [&alice.keys, &mine.keys, &work.keys] {
            assert_eq!(refused(who, &broker, what.clone()).await, (403, "AccessDenied".to_owned()), "{what}");
        }
    }
    for session in [&mine, &other, &theirs, &work] {
        assert_eq!(state(session, &broker).await, "Ok");
    }
    // Bob may revoke all of his own by policy, and no more.
    revoked(&bob, &broker, json!({ "principal": bob.arn })).await;
    assert_eq!(state(&theirs, &broker).await, "ExpiredToken");
    assert_eq!(refused(&bob, &broker, json!({ "principal": alice.arn })).await.0, 403);
    // One's own session is ended without any permission; a session is not made better by what was made from it.
    assert_eq!(refused(&alice, &broker, json!({ "ownSession": true })).await, (400, "ValidationError".to_owned()));
    let logged_out = revoked(&mine, &broker, json!({ "ownSession": true, "descendants": true })).await;
    assert_eq!(logged_out["accessKeyId"], mine.keys.id.as_str());
    assert_eq!((&*state(&mine, &broker).await, &*state(&work, &broker).await), ("ExpiredToken", "ExpiredToken"));
    assert_eq!(state(&other, &broker).await, "Ok");
}

#[tokio::test]
async fn another_account_is_out_of_reach() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (alice, one, _) = alice_and_two_roles(&world, &broker).await;
    let stranger = world.another_account("stranger").await;
    let session = login(&alice, &broker).await;
    for what in [
        json!({ "accessKeyId": session.keys.id }),
        json!({ "accessKeyId": alice.keys.id }),
        json!({ "accessKeyId": world.root.keys.id }),
        json!({ "principal": alice.arn }),
        json!({ "principal": one, "descendants": true }),
        json!({ "principal": one.replace("one", "ghost") }),
        json!({ "principal": format!("arn:aws:iam::{}:root", world.root.account) }),
    ] {
        assert_eq!(refused(&stranger, &broker, what.clone()).await, (403, "AccessDenied".to_owned()), "{what}");
    }
    // A jti means one of the asker's own account, whatever it is.
    revoked(&stranger, &broker, json!({ "jti": claims(&session)["jti"], "descendants": true })).await;
    assert_eq!(state(&session, &broker).await, "Ok");
    // A session of a role of theirs is theirs to end, and so is all that their own key has bought here.
    let trusted = trust(&stranger.account.to_string(), &["sts:AssumeRole"], None);
    let guest_role = world.root.at(&broker).role("guest", &trusted, "").await;
    let carol = stranger.at(&broker).user_with("carol", &allow("sts:AssumeRole", "*")).await;
    let guest = assume(&carol, &guest_role, &broker).await;
    assert_eq!(refused(&stranger, &broker, json!({ "accessKeyId": guest.keys.id })).await.0, 403);
    revoked(&stranger, &broker, json!({ "accessKeyId": carol.keys.id })).await;
    assert_eq!(state(&guest, &broker).await, "ExpiredToken");
    let guest = assume(&carol, &guest_role, &broker).await;
    revoked(&world.root, &broker, json!({ "accessKeyId": guest.keys.id })).await;
    assert_eq!(state(&guest, &broker).await, "ExpiredToken");
}

#[tokio::test]
async fn a_revoked_session_does_nothing_any_more() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (alice, one, two) = alice_and_two_roles(&world, &broker).await;
    let service = world.root.at(&broker).user_with("service", &allow("brevet:Evaluate", "*")).await;
    let session = assume(&alice, &one, &broker).await;
    let question = json!({
        "subject": { "type": "session", "id": "s", "properties": { "session_token": session.token() } },
        "action": { "name": "iam:ListUsers" },
        "resource": { "type": "users", "id": format!("arn:aws:iam::{}:user/", world.root.account) },
    });
    // What was kept of it must not be told any more either.
    for _ in 0..2 {
        assert_eq!(ask(&broker, &service, &question).await.json()["decision"], true);
    }
    revoked(&world.root, &broker, json!({ "accessKeyId": session.keys.id })).await;
    let answer = ask(&broker, &service, &question).await.json();
    assert_eq!((&answer["decision"], &answer["context"]["max_age"]), (&json!(false), &json!(0)), "{answer}");
    let again = session.sts(&broker).assume_role().role_arn(&two).role_session_name("again").send().await;
    assert_eq!(again.code(), "ExpiredToken");
    assert_eq!(session.sts(&broker).get_session_token().send().await.code(), "ExpiredToken");
    let own = json!({ "ownSession": true });
    assert_eq!(refused(&session, &broker, own).await, (401, "ExpiredToken".to_owned()));
    assert_eq!(ask(&broker, &session, &question).await.status, 401);
}

#[tokio::test]
async fn what_is_no_revocation_is_refused() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (alice, one, _) = alice_and_two_roles(&world, &broker).await;
    let session = login(&alice, &broker).await;
    let tomorrow = world.now().plus(1).iso8601();
    for (what, code) in [
        (json!([]), "MalformedInput"),
        (json!("x"), "MalformedInput"),
        (json!({}), "ValidationError"),
        (json!({ "descendants": true }), "ValidationError"),
        (json!({ "ownSession": true, "principal": one }), "ValidationError"),
        (json!({ "accessKeyId": session.keys.id, "jti": "x" }), "ValidationError"),
        (json!({ "accessKeyId": 7 }), "MalformedInput"),
        (json!({ "accessKeyId": "short" }), "ValidationError"),
        (json!({ "accessKeyId": "ASIA0000000000000000" }), "ValidationError"),
        (json!({ "accessKeyId": session.keys.id.to_lowercase() }), "ValidationError"),
        (json!({ "accessKeyId": "chosen_by_nobody_at_all" }), "ValidationError"),
        (json!({ "jti": "" }), "ValidationError"),
        (json!({ "jti": "AAAA" }), "ValidationError"),
        (json!({ "principal": "alice" }), "ValidationError"),
        (json!({ "principal": "arn:aws:iam:::role/one" }), "ValidationError"),
        (json!({ "principal": one, "until": "now" }), "MalformedInput"),
        (json!({ "principal": one, "issuedUntil": "now" }), "ValidationError"),
        // A moment to come would lock the role out until then.
        (json!({ "principal": one, "issuedUntil": tomorrow }), "ValidationError"),
        (json!({ "principal": one, "issuedUntil": "9999-12-31T23:59:59Z" }), "ValidationError"),
        (json!({ "accessKeyId": alice.keys.id, "issuedUntil": tomorrow }), "ValidationError"),
        (json!({ "accessKeyId": session.keys.id, "issuedUntil": world.now().iso8601() }), "ValidationError"),
    ] {
        assert_eq!(refused(&world.root, &broker, what.clone()).await, (400, code.to_owned()), "{what}");
    }
    for name in ["ghost", "*", "path/one"] {
        let nobody = json!({ "principal": one.replace("one", name) });
        assert_eq!(refused(&world.root, &broker, nobody).await, (404, "NoSuchEntity".to_owned()), "{name}");
    }
    let path = "/sessions/v1/revoke";
    let text = json!({ "principal": one }).to_string();
    let unsigned = post(&broker, path, "application/json", &text, None).await;
    assert_eq!((unsigned.status, unsigned.json()["code"].as_str()), (401, Some("MissingAuthenticationToken")));
    for (kind, body, service, status) in [
        ("application/json", text.as_str(), "sts", 401),
        ("application/json", text.as_str(), "iam", 401),
        ("text/plain", text.as_str(), "brevet", 400),
        ("application/json", "{", "brevet", 400),
        ("application/json", &"[".repeat(10_000), "brevet", 400),
        ("application/json", &" ".repeat(17 << 10), "brevet", 413),
    ] {
        let answer = post(&broker, path, kind, body, Some((&world.root, service))).await;
        assert_eq!(answer.status, status, "{kind} {service} {answer:?}");
    }
    assert_eq!(get(&broker, path).await.status, 405);
    assert_eq!(state(&session, &broker).await, "Ok");
    assert_eq!(state(&assume(&alice, &one, &broker).await, &broker).await, "Ok");
}

#[tokio::test]
async fn who_may_revoke_cannot_fill_every_brokers_memory() {
    let few = |config: &mut brevet::config::Config| config.quotas.revocations = 2;
    let (world, broker) = World::begin_with(Backend::Sqlite, few).await;
    let (alice, one, two) = alice_and_two_roles(&world, &broker).await;
    let made_up = || {
        let bits = brevet::types::random_uuid(&SystemRandom).into_bytes();
        let bits: [u8; 16] = bits[..16].try_into().expect("16 bytes");
        json!({ "accessKeyId": brevet::session::revocation::session_key(world.root.account, &bits).as_str() })
    };
    // Whoever logs in and out again leaves half of the room to those who need a permission.
    let (own, more) = (login(&alice, &broker).await, login(&alice, &broker).await);
    revoked(&own, &broker, json!({ "ownSession": true })).await;
    assert_eq!(refused(&more, &broker, json!({ "ownSession": true })).await, (409, "LimitExceeded".to_owned()));
    let first = made_up();
    revoked(&alice, &broker, first.clone()).await;
    assert_eq!(refused(&alice, &broker, made_up()).await, (409, "LimitExceeded".to_owned()));
    // What is there is widened; and all sessions of one role can be ended still.
    revoked(&alice, &broker, first).await;
    revoked(&alice, &broker, json!({ "principal": one })).await;
    assert_eq!(refused(&alice, &broker, json!({ "principal": two })).await, (409, "LimitExceeded".to_owned()));
    revoked(&alice, &broker, json!({ "principal": one })).await;
}

#[tokio::test]
async fn who_revoked_what_stands_in_the_audit_trail_and_so_do_refusals() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (alice, one, _) = alice_and_two_roles(&world, &broker).await;
    let nobody = world.root.at(&broker).user("nobody").await;
    assert_eq!(refused(&nobody, &broker, json!({ "principal": one })).await.0, 403);
    let answer = revoke(&alice, &broker, &json!({ "principal": one, "descendants": true })).await;
    assert_eq!(answer.status, 200);
    within_a_second("the refusal is written", || async {
        records(&broker).await.iter().any(|record| record["errorCode"] == "AccessDenied")
    })
    .await;
    let records = records(&broker).await;
    let done = records.iter().find(|record| record["errorCode"].is_null()).expect("a record of the revocation");
    assert_eq!(done["userIdentity"]["arn"], alice.arn.as_str());
    assert_eq!(done["requestParameters"], json!({ "principal": one, "descendants": true }));
    assert_eq!(done["responseElements"], answer.json());
    assert_eq!(done["readOnly"], false);
    let denied = records.iter().find(|record| record["errorCode"] == "AccessDenied").expect("a record of the refusal");
    assert_eq!(denied["userIdentity"]["arn"], nobody.arn.as_str());
}

async fn records(at: &Running) -> Vec<Value> {
    let query = brevet::store::AuditQuery { newest_first: true, limit: 50, ..Default::default() };
    let rows = at.broker.store.audit(&query).await.expect("the trail can be read");
    let records = rows.iter().map(|(_, row)| serde_json::from_slice::<Value>(&row.body).expect("JSON"));
    records.filter(|record| record["eventName"] == "RevokeSessions").collect()
}

async fn whole_fleet(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    let (alice, one, _) = alice_and_two_roles(&world, &here).await;
    let session = login(&alice, &here).await;
    let child = assume(&session, &one, &there).await;
    assert_eq!((&*state(&session, &here).await, &*state(&session, &there).await), ("Ok", "Ok"), "both have kept it");
    let answer = revoke(&world.root, &here, &json!({ "accessKeyId": session.keys.id, "descendants": true })).await;
    assert_eq!(answer.status, 200);
    // The next request here; there as soon as the feed is read.
    assert_eq!((&*state(&session, &here).await, &*state(&child, &here).await), ("ExpiredToken", "ExpiredToken"));
    within_a_second("the other broker refuses it", || async {
        state(&session, &there).await == "ExpiredToken" && state(&child, &there).await == "ExpiredToken"
    })
    .await;
    here.stop().await;
    let again = world.another_broker().await;
    assert_eq!((&*state(&session, &again).await, &*state(&child, &again).await), ("ExpiredToken", "ExpiredToken"));
    assert_eq!(state(&alice, &again).await, "Ok");
}

async fn role_in_a_fleet(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    let (alice, one, _) = alice_and_two_roles(&world, &here).await;
    let old = assume(&alice, &one, &there).await;
    world.advance(2);
    let last = assume(&alice, &one, &there).await;
    revoked(&world.root, &here, json!({ "principal": one })).await;
    // A thief who asks the other broker before it knows gets a session that is dead as soon as it knows.
    let renewed = old.sts(&there).assume_role().role_arn(&one).role_session_name("thief").send().await;
    let renewed = renewed.ok().map(|answer| Session::of(answer.credentials()));
    within_a_second("the other broker knows", || async { state(&last, &there).await == "ExpiredToken" }).await;
    for broker in [&here, &there] {
        if let Some(renewed) = &renewed {
            assert_eq!(state(renewed, broker).await, "ExpiredToken");
        }
        assert_eq!(state(&old, broker).await, "ExpiredToken");
        assert_eq!(state(&assume(&alice, &one, broker).await, broker).await, "Ok");
    }
}

async fn swept(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let (alice, one, two) = alice_and_two_roles(&world, &broker).await;
    let session = login(&alice, &broker).await;
    revoked(&world.root, &broker, json!({ "accessKeyId": session.keys.id })).await;
    revoked(&world.root, &broker, json!({ "accessKeyId": alice.keys.id })).await;
    revoked(&world.root, &broker, json!({ "principal": one })).await;
    world.advance(36 * 3_600 + 599);
    revoked(&world.root, &broker, json!({ "principal": two })).await;
    let sweep = || async { broker.broker.revocations.sweep(world.now()).await.expect("the store answers") };
    assert_eq!(sweep().await, 0, "they may be needed still, where a clock goes wrong");
    world.advance(1);
    assert_eq!(sweep().await, 3);
    assert_eq!(sweep().await, 0);
    let mut tx = Tx::new(std::sync::Arc::clone(&broker.broker.store));
    let left = tx.scan::<Revocation>(&layout::revocations(), 10).await.expect("the store answers");
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(tx.count(&layout::revocations_of(world.root.account)).await.expect("the store answers"), 1);
}

/// What AWS documents of sessions whose user, key or role changes ("Disabling permissions for temporary security credentials").
#[tokio::test]
async fn what_changes_under_a_session_does_to_it_what_aws_documents() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let (alice, one, _) = alice_and_two_roles(&world, &broker).await;
    let (session, role) = (login(&alice, &broker).await, assume(&alice, &one, &broker).await);
    // The key goes: sessions stay.
    let inactive = aws_sdk_iam::types::StatusType::Inactive;
    let update = root.iam.update_access_key().user_name("alice").access_key_id(&alice.keys.id).status(inactive);
    update.send().await.granted();
    assert_eq!((&*state(&session, &broker).await, &*state(&role, &broker).await), ("Ok", "Ok"));
    root.iam.delete_access_key().user_name("alice").access_key_id(&alice.keys.id).send().await.granted();
    assert_eq!((&*state(&session, &broker).await, &*state(&role, &broker).await), ("Ok", "Ok"));
    // Nobody is trusted any more: nobody assumes the role, and who has it keeps it.
    let nobody = trust("arn:aws:iam::999999999999:root", &["sts:AssumeRole"], None);
    root.iam.update_assume_role_policy().role_name("one").policy_document(nobody).send().await.granted();
    let anew = session.sts(&broker).assume_role().role_arn(&one).role_session_name("again").send().await;
    assert_eq!(anew.code(), "AccessDenied");
    assert_eq!(role.iam(&broker).list_users().send().await.code(), "Ok");
    // Permissions are looked up at every request.
    root.iam.delete_role_policy().role_name("one").policy_name("own").send().await.granted();
    assert_eq!(role.iam(&broker).list_users().send().await.code(), "AccessDenied");
    assert_eq!(state(&role, &broker).await, "Ok");
    // The user goes: its own sessions end, and the role's do not.
    root.iam.delete_user_policy().user_name("alice").policy_name("own").send().await.granted();
    root.iam.delete_user().user_name("alice").send().await.granted();
    assert_eq!((&*state(&session, &broker).await, &*state(&role, &broker).await), ("InvalidClientTokenId", "Ok"));
    root.user("alice").await;
    assert_eq!(state(&session, &broker).await, "InvalidClientTokenId", "another alice is another");
    // The role goes.
    root.iam.delete_role().role_name("one").send().await.granted();
    assert_eq!(state(&role, &broker).await, "InvalidClientTokenId");
    root.role("one", &trust("*", &["sts:AssumeRole"], None), &allow("*", "*")).await;
    assert_eq!(state(&role, &broker).await, "InvalidClientTokenId");
}

/// AWS's own way: "Revoking IAM role temporary security credentials" puts this policy on the role.
#[tokio::test]
async fn aws_revoke_older_sessions_and_a_policy_on_one_session_name_work() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let (alice, one, _) = alice_and_two_roles(&world, &broker).await;
    let old = assume(&alice, &one, &broker).await;
    let may = |session: Session| {
        let broker = &broker;
        async move { session.iam(broker).list_users().send().await.code() }
    };
    world.advance(1);
    let older = json!({ "DateLessThan": { "aws:TokenIssueTime": world.now().iso8601() } });
    let denial = allow_if("*", older).replace("Allow", "Deny");
    let put = root.iam.put_role_policy().role_name("one").policy_name("AWSRevokeOlderSessions");
    put.policy_document(denial).send().await.granted();
    assert_eq!(may(old).await, "AccessDenied");
    // As at AWS the second itself is not reached.
    assert_eq!(may(assume(&alice, &one, &broker).await).await, "Ok");
    let role = root.iam.get_role().role_name("one").send().await.granted();
    let id = role.role().expect("a role").role_id().to_owned();
    let named = json!({ "StringEquals": { "aws:userid": format!("{id}:work") } });
    let put = root.iam.put_role_policy().role_name("one").policy_name("not-work");
    put.policy_document(allow_if("*", named).replace("Allow", "Deny")).send().await.granted();
    let other = alice.sts(&broker).assume_role().role_arn(&one).role_session_name("play").send().await.granted();
    assert_eq!(may(Session::of(other.credentials())).await, "Ok");
    assert_eq!(may(assume(&alice, &one, &broker).await).await, "AccessDenied");
}

/// Sessions that begin in other ways are reached like any other: whom an identity provider vouched for, and root for a task.
#[tokio::test]
async fn sessions_of_every_origin_end() {
    let issuer = Issuer::begin().await;
    let (world, broker) = super::web_identity::world_of(&issuer).await;
    let root = world.root.at(&broker);
    let provider = super::web_identity::provider(&root).await;
    let trusted = super::web_identity::trust(&provider, &["sts:AssumeRoleWithWebIdentity"], json!({}));
    let role = root.role("ship", &trusted, &allow("*", "*")).await;
    let chained = root.role("next", &trust(&role, &["sts:AssumeRole"], None), &allow("*", "*")).await;
    let enter = || async {
        let token = issuer.token(&Issuer::claims(world.now(), "pipeline"));
        Session::of(super::web_identity::assume(&broker, &role, &token).await.granted().credentials())
    };
    let (one, two) = (enter().await, enter().await);
    let child = assume(&one, &chained, &broker).await;
    revoked(&world.root, &broker, json!({ "accessKeyId": one.keys.id, "descendants": true })).await;
    for over in [&one, &child] {
        assert_eq!(state(over, &broker).await, "ExpiredToken");
    }
    assert_eq!(state(&two, &broker).await, "Ok");
    revoked(&world.root, &broker, json!({ "principal": role })).await;
    assert_eq!(state(&two, &broker).await, "ExpiredToken");
    assert_eq!(state(&enter().await, &broker).await, "Ok");
}

#[tokio::test]
async fn a_root_session_ends_by_the_hand_of_its_account() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (manager, member) = super::assume_root::organization(&world, &broker).await;
    let session = super::assume_root::as_root(&manager, &member, "IAMAuditRootUserCredentials", &broker).await;
    assert_eq!(state(&session, &broker).await, "Ok");
    revoked(&member, &broker, json!({ "accessKeyId": session.keys.id })).await;
    assert_eq!(state(&session, &broker).await, "ExpiredToken");
    let session = super::assume_root::as_root(&manager, &member, "IAMAuditRootUserCredentials", &broker).await;
    // Who began it may be stopped too, with all that they began.
    let whole = json!({ "principal": manager.arn, "descendants": true });
    revoked(&world.root, &broker, whole).await;
    assert_eq!(state(&session, &broker).await, "ExpiredToken");
}
