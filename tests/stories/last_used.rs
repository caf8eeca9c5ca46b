//! When keys and roles were last used: known at once by the broker that was asked, and by others when it is written.

use aws_sdk_iam::types::AccessKeyLastUsed;

use crate::world::policies::{allow, trust};
use crate::world::{Actor, Backend, Hand, Outcome, Session, World};

on_both_stores! {
    a_key_is_known_by_its_last_use => key;
    a_role_is_known_by_its_last_use => role;
    uses_outlive_the_broker_and_reach_the_fleet => fleet;
}

async fn last_use(hand: &Hand<'_>, id: &str) -> (Option<i64>, String, String) {
    let told = hand.iam.get_access_key_last_used().access_key_id(id).send().await.granted();
    of(told.access_key_last_used().expect("a last use"))
}

fn of(told: &AccessKeyLastUsed) -> (Option<i64>, String, String) {
    let date = told.last_used_date().map(aws_sdk_iam::primitives::DateTime::secs);
    (date, told.service_name().to_owned(), told.region().to_owned())
}

async fn key(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow("iam:GetUser", "*")).await;
    let id = alice.keys.id.as_str();
    assert_eq!(last_use(&root, id).await, (None, "N/A".to_owned(), "N/A".to_owned()));

    alice.sts(&broker).get_caller_identity().send().await.granted();
    let now = world.now().seconds();
    assert_eq!(last_use(&root, id).await, (Some(now), "sts".to_owned(), "us-east-1".to_owned()));
    // What is refused is a use too; a second factor later in the day is a later one.
    world.advance(3_600);
    alice.iam(&broker).list_users().send().await.refused("AccessDenied");
    let told = root.iam.get_access_key_last_used().access_key_id(id).send().await.granted();
    assert_eq!(told.user_name(), Some("alice"));
    let expected = (Some(now + 3_600), "iam".to_owned(), "us-east-1".to_owned());
    assert_eq!(of(told.access_key_last_used().expect("a last use")), expected);
    // A session that the key began is another credential.
    let session = alice.sts(&broker).get_session_token().send().await.granted();
    let session = Session::of(session.credentials());
    world.advance(60);
    session.sts(&broker).get_caller_identity().send().await.granted();
    assert_eq!(last_use(&root, id).await.0, Some(now + 3_600));

    // The root user's key is used right now.
    let told = root.iam.get_access_key_last_used().access_key_id(&world.root.keys.id).send().await.granted();
    assert_eq!((told.user_name(), of(told.access_key_last_used().expect("a use")).0), (None, Some(now + 3_660)));

    // Another account's keys, and those that are gone, do not exist for anybody else.
    let partner = world.another_account("partner").await;
    let missing = format!("The Access Key with id {id} cannot be found.");
    let asked = |hand: Hand<'_>| hand.iam.get_access_key_last_used().access_key_id(id).send();
    assert_eq!(asked(partner.at(&broker)).await.refused("NoSuchEntity"), missing);
    let curious = root.user_with("curious", &allow("iam:GetAccessKeyLastUsed", "arn:aws:iam::*:user/curious")).await;
    curious.iam(&broker).get_access_key_last_used().access_key_id(id).send().await.refused("AccessDenied");
    curious.iam(&broker).get_access_key_last_used().access_key_id(&curious.keys.id).send().await.granted();
    root.iam.delete_access_key().user_name("alice").access_key_id(id).send().await.granted();
    assert_eq!(asked(world.root.at(&broker)).await.refused("NoSuchEntity"), missing);
    // 400 days later nobody tells of it any more.
    let id = curious.keys.id.as_str();
    assert!(last_use(&root, id).await.0.is_some());
    world.advance(400 * 86_400 + 1);
    let root = crate::world::raw::call(
        &broker,
        Some(&world.root),
        "iam",
        &[("Action", "GetAccessKeyLastUsed"), ("AccessKeyId", id)],
    )
    .await;
    assert!(root.body.contains("<ServiceName>N/A</ServiceName>"), "{}", root.body);
}

async fn role(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let last = async || {
        let role = root.iam.get_role().role_name("worker").send().await.granted();
        let used = role.role().and_then(|role| role.role_last_used().cloned()).expect("always there");
        (used.last_used_date().map(aws_sdk_iam::primitives::DateTime::secs), used.region().map(str::to_owned))
    };
    let trusting = trust(&root.account.to_string(), &["sts:AssumeRole"], None);
    let arn = root.role("worker", &trusting, "").await;
    assert_eq!(last().await, (None, None));
    let alice = root.user_with("alice", &allow("sts:AssumeRole", "*")).await;
    let session = alice.sts(&broker).assume_role().role_arn(&arn).role_session_name("work").send().await.granted();
    let session = Session::of(session.credentials());
    // To take a role on is not to use it.
    assert_eq!(last().await, (None, None));
    session.sts(&broker).get_caller_identity().send().await.granted();
    assert_eq!(last().await, (Some(world.now().seconds()), Some("us-east-1".to_owned())));
    // Lists leave it out.
    let listed = root.iam.list_roles().send().await.granted();
    assert!(listed.roles()[0].role_last_used().is_none());
    // A role that takes the name has been used by nobody.
    root.iam.delete_role().role_name("worker").send().await.granted();
    root.role("worker", &trusting, "").await;
    assert_eq!(last().await, (None, None));
}

async fn fleet(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    let alice = world.root.at(&here).user("alice").await;
    let bob = world.root.at(&here).user("bob").await;
    alice.sts(&here).get_caller_identity().send().await.granted();
    bob.sts(&here).get_caller_identity().send().await.granted();
    let first = world.now().seconds();
    assert_eq!(last_use(&world.root.at(&there), &alice.keys.id).await.0, None);
    here.broker.usage.flush().await.expect("the store takes it");
    assert_eq!(last_use(&world.root.at(&there), &alice.keys.id).await.0, Some(first));
    // Each has noted something of its own: the later wins, whoever writes last.
    world.advance(10);
    alice.sts(&there).get_caller_identity().send().await.granted();
    world.advance(10);
    alice.sts(&here).get_caller_identity().send().await.granted();
    here.broker.usage.flush().await.expect("the store takes it");
    there.broker.usage.flush().await.expect("the store takes it");
    assert_eq!(last_use(&world.root.at(&there), &alice.keys.id).await.0, Some(first + 20));
    // What is noted of a key that is deleted meanwhile does not come back with a later writing.
    bob.sts(&here).get_caller_identity().send().await.granted();
    let root = world.root.at(&there);
    root.iam.delete_access_key().user_name("bob").access_key_id(&bob.keys.id).send().await.granted();
    root.iam.delete_user().user_name("bob").send().await.granted();
    world.advance(10);
    alice.sts(&here).get_caller_identity().send().await.granted();
    here.stop().await;
    let root = world.root.at(&there);
    assert_eq!(last_use(&root, &alice.keys.id).await.0, Some(first + 30));
    let left = there.broker.store.scan(&brevet::store::Key::of(&["key-use"]).children(), 10).await.expect("the store");
    let ids: Vec<String> = left.iter().filter_map(|record| record.key.parts()?.pop()).collect();
    assert!(!ids.contains(&bob.keys.id) && ids.contains(&alice.keys.id), "{ids:?}");
}
