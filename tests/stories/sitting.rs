//! Questions of one batch, with changes between them: what was got ready for one counts for the next only while nothing has changed.

use brevet::ops::questions::{Asking, Named, Question, Said, Stored, Who};
use brevet::types::Arn;
use serde_json::json;

use crate::world::policies::{allow, allow_if, deny};
use crate::world::raw::{ActorKeys, caller, post};
use crate::world::{Backend, Outcome, Running, World};

async fn store(who: &dyn ActorKeys, at: &Running, arn: &str, status: &str) {
    let what = json!({ "arn": arn, "attributes": { "status": status } }).to_string();
    let answer = post(at, "/resources/v1/put", "application/json", &what, Some((who, "brevet"))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

async fn changed(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let there = world.another_broker().await;
    let root = world.root.at(&broker);
    let service = root.user_with("service", &allow("brevet:Evaluate", "*")).await;
    let open = json!({ "StringEquals": { "brevet:Resource/status": "open" } });
    root.user_with("alice", &allow_if("record:read", open)).await;
    let arn = format!("arn:aws:record::{}:r1", world.root.account);
    store(&world.root, &broker, &arn, "open").await;
    broker.settled().await;

    let (asker, facts) = caller(&broker, &service, "brevet").await;
    let asking = Asking { broker: &broker.broker, asker: &asker, door: "authzen", facts };
    let who = Who::entity(&broker.broker, world.root.account, "user", "alice").expect("a name");
    let alice = asking.leave().about(&who, || json!({})).await.expect("it may ask");
    assert!(matches!(alice, Named::Somebody(_)));
    let theirs = asking.theirs();
    let resource: Arn = arn.parse().expect("an ARN");
    let said = Said::nothing();
    let question = Question { action: "record:read", resource: &resource, said: &said, policy: None };
    let at_hand = || async { asking.stored_of_all(&[&resource]).await.pop().flatten() };
    let mut sitting = asking.sitting(&alice, &theirs);

    let stored: Option<Stored> = at_hand().await;
    assert!(stored.is_some(), "it was looked up");
    let first = sitting.answer(&question, stored.clone()).await.expect("an answer");
    let again = sitting.answer(&question, stored.clone()).await.expect("an answer");
    assert!(first.is_allowed() && again.is_allowed() && first.revision == again.revision);

    // Elsewhere the resource is closed: what is at hand of it does not count any more.
    store(&world.root, &there, &arn, "closed").await;
    broker.settled().await;
    let closed = sitting.answer(&question, stored.clone()).await.expect("an answer");
    assert!(!closed.is_allowed() && closed.revision > first.revision);
    store(&world.root, &there, &arn, "open").await;
    broker.settled().await;
    let stored = at_hand().await;
    assert!(sitting.answer(&question, stored.clone()).await.expect("an answer").is_allowed());

    // Nor does what was got ready of alice.
    world.root.at(&there).let_user("alice", "no", &deny("record:read", "*")).await;
    broker.settled().await;
    let denied = sitting.answer(&question, stored.clone()).await.expect("an answer");
    assert!(!denied.is_allowed() && denied.revision > closed.revision);
    world.root.at(&there).iam.delete_user_policy().user_name("alice").policy_name("no").send().await.granted();
    broker.settled().await;
    assert!(sitting.answer(&question, stored.clone()).await.expect("an answer").is_allowed());

    // And whoever is deleted is nobody.
    let root = world.root.at(&there);
    for key in root.iam.list_access_keys().user_name("alice").send().await.granted().access_key_metadata() {
        let id = key.access_key_id().expect("its id");
        root.iam.delete_access_key().user_name("alice").access_key_id(id).send().await.granted();
    }
    root.iam.delete_user_policy().user_name("alice").policy_name("own").send().await.granted();
    root.iam.delete_user().user_name("alice").send().await.granted();
    broker.settled().await;
    let gone = sitting.answer(&question, stored).await.expect("an answer");
    assert!(!gone.is_allowed() && gone.answer.is_none(), "{gone:?}");
}

on_both_stores! {
    a_change_between_two_questions_counts_for_the_second => changed;
}
