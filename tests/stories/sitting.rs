//! Questions of one batch, with changes between them: what was got ready for one counts for the next only while nothing has changed.

use std::time::Duration;

use brevet::authn::Caller;
use brevet::decision::RequestFacts;
use brevet::ops::questions::{Answered, Asking, Named, Question, Refusal, Said, Stored, Who};
use brevet::types::{Arn, SecretText};
use serde_json::{Value, json};

use crate::world::policies::{allow, allow_if, deny};
use crate::world::raw::{ActorKeys, caller, post};
use crate::world::{Actor, Backend, Outcome, Running, Session, World, within};

async fn store(who: &dyn ActorKeys, at: &Running, arn: &str, status: &str) {
    let what = json!({ "arn": arn, "attributes": { "status": status } }).to_string();
    let answer = post(at, "/resources/v1/put", "application/json", &what, Some((who, "brevet"))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn asking<'a>(at: &'a Running, asker: &'a Caller, facts: &'a RequestFacts) -> Asking<'a> {
    Asking { broker: &at.broker, asker, door: "authzen", facts }
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
    let asking = asking(&broker, &asker, &facts);
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
    // Who alice is was found out before: it speaks of no later revision than that.
    assert!(!closed.is_allowed() && closed.revision == first.revision);
    store(&world.root, &there, &arn, "open").await;
    broker.settled().await;
    let stored = at_hand().await;
    assert!(sitting.answer(&question, stored.clone()).await.expect("an answer").is_allowed());

    // Nor does what was got ready of alice.
    world.root.at(&there).let_user("alice", "no", &deny("record:read", "*")).await;
    broker.settled().await;
    let denied = sitting.answer(&question, stored.clone()).await.expect("an answer");
    assert!(!denied.is_allowed());
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

/// Once nothing was heard of the store for longer than the staleness bound nothing is decided, also where all is at hand; where the
/// operator chose degraded service, answers say so.
async fn out_of_touch(degraded_for: Duration) -> Result<Answered, Refusal> {
    let (world, broker) = World::begin_with(Backend::Sqlite, |config| {
        config.store.staleness_bound = Duration::from_secs(1);
        config.store.degraded_service = degraded_for;
    })
    .await;
    let root = world.root.at(&broker);
    let service = root.user_with("service", &allow("brevet:Evaluate", "*")).await;
    root.user_with("alice", &allow("record:read", "*")).await;
    // What is forgotten once the store is out of reach cannot be read again.
    broker.settled().await;
    let (asker, facts) = caller(&broker, &service, "brevet").await;
    let asking = asking(&broker, &asker, &facts);
    let who = Who::entity(&broker.broker, world.root.account, "user", "alice").expect("a name");
    let alice = asking.leave().about(&who, || json!({})).await.expect("it may ask");
    let theirs = asking.theirs();
    let resource: Arn = format!("arn:aws:record::{}:r1", world.root.account).parse().expect("an ARN");
    let said = Said::nothing();
    let question = Question { action: "record:read", resource: &resource, said: &said, policy: None };
    let stored = asking.stored_of_all(&[&resource]).await.pop().flatten();
    let mut sitting = asking.sitting(&alice, &theirs);
    let fresh = sitting.answer(&question, stored.clone()).await.expect("an answer");
    assert!(fresh.is_allowed() && !fresh.degraded && fresh.max_age == 1);
    broker.broker.store.close().await;
    within(Duration::from_secs(20), "the broker is out of touch", || async {
        broker.broker.feed.known().is_ok_and(|known| known.degraded) || broker.broker.feed.known().is_err()
    })
    .await;
    sitting.answer(&question, stored).await
}

#[tokio::test]
async fn nothing_is_decided_on_what_is_too_old() {
    let refused = out_of_touch(Duration::ZERO).await.expect_err("it is refused");
    assert!(matches!(refused, Refusal::Unavailable), "{refused:?}");
}

#[tokio::test]
async fn what_is_decided_on_what_is_old_says_so() {
    let answered = out_of_touch(Duration::from_secs(3_600)).await.expect("an answer");
    assert!(answered.is_allowed() && answered.degraded && answered.max_age == 0, "{answered:?}");
}

/// What this broker has committed itself counts at once, although its change feed brings it only later: no answer is made of what alice
/// was before and what the resource is after.
async fn changed_here(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let service = root.user_with("service", &allow("brevet:Evaluate", "*")).await;
    let open = json!({ "StringEquals": { "brevet:Resource/status": "open" } });
    root.user_with("alice", &allow_if("record:read", open)).await;
    let arn = format!("arn:aws:record::{}:r1", world.root.account);
    let (asker, facts) = caller(&broker, &service, "brevet").await;
    let asking = asking(&broker, &asker, &facts);
    let who = Who::entity(&broker.broker, world.root.account, "user", "alice").expect("a name");
    let resource: Arn = arn.parse().expect("an ARN");
    let said = Said::nothing();
    let question = Question { action: "record:read", resource: &resource, said: &said, policy: None };
    for _ in 0..5 {
        store(&world.root, &broker, &arn, "closed").await;
        let alice = asking.leave().about(&who, || json!({})).await.expect("it may ask");
        let theirs = asking.theirs();
        let mut sitting = asking.sitting(&alice, &theirs);
        assert!(!sitting.answer(&question, None).await.expect("an answer").is_allowed(), "it is closed");
        root.let_user("alice", "no", &deny("record:read", "*")).await;
        store(&world.root, &broker, &arn, "open").await;
        assert!(!sitting.answer(&question, None).await.expect("an answer").is_allowed(), "she is denied");
        root.iam.delete_user_policy().user_name("alice").policy_name("no").send().await.granted();
        assert!(sitting.answer(&question, None).await.expect("an answer").is_allowed());
    }
}

/// Who somebody is was found out when the batch began: no answer speaks of a later revision, so that whoever follows the changes drops it.
async fn revoked(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let there = world.another_broker().await;
    let root = world.root.at(&broker);
    let service = root.user_with("service", &allow("brevet:Evaluate", "*")).await;
    let alice = root.user_with("alice", &allow("record:read", "*")).await;
    let session = Session::of(alice.sts(&broker).get_session_token().send().await.granted().credentials());
    broker.settled().await;
    let (asker, facts) = caller(&broker, &service, "brevet").await;
    let asking = asking(&broker, &asker, &facts);
    let resource: Arn = format!("arn:aws:record::{}:r1", world.root.account).parse().expect("an ARN");
    let said = Said::nothing();
    let question = Question { action: "record:read", resource: &resource, said: &said, policy: None };
    let token = Who::Session(SecretText::new(session.token()));
    let carol = Who::entity(&broker.broker, world.root.account, "user", "carol").expect("a name");
    let bearer = asking.leave().about(&token, || json!({})).await.expect("it may ask");
    let nobody = asking.leave().about(&carol, || json!({})).await.expect("it may ask");
    assert!(matches!(bearer, Named::Somebody(_)) && matches!(nobody, Named::Absent(..)));
    let begun = broker.broker.store.revision().await.expect("a revision");

    let body = json!({ "accessKeyId": session.keys.id }).to_string();
    let signer: Option<(&dyn ActorKeys, &str)> = Some((&world.root, "brevet"));
    let ended = post(&there, "/sessions/v1/revoke", "application/json", &body, signer).await;
    assert_eq!(ended.status, 200, "{ended:?}");
    world.root.at(&there).user_with("carol", &allow("record:read", "*")).await;
    broker.settled().await;
    for named in [&bearer, &nobody] {
        let answered = asking.answer(named, &question).await.expect("an answer");
        assert!(answered.revision <= begun, "{answered:?}");
    }
    let later = asking.leave().about(&token, || json!({})).await.expect("it may ask");
    let later = asking.answer(&later, &question).await.expect("an answer");
    assert!(!later.is_allowed() && later.revision > begun, "{later:?}");
    let later = asking.leave().about(&carol, || json!({})).await.expect("it may ask");
    assert!(asking.answer(&later, &question).await.expect("an answer").is_allowed());
}

/// Changes come while a batch is answered: an answer that speaks of one is made on it, whichever of a thousand it is.
async fn under_way(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let there = world.another_broker().await;
    let root = world.root.at(&there);
    let service = root.user_with("service", &allow("brevet:Evaluate", "*")).await;
    root.user_with("alice", &allow("record:read", "*")).await;
    broker.settled().await;
    let items: Vec<Value> =
        (0..1_000).map(|i| json!({ "resource": { "type": "record", "id": format!("r{i}") } })).collect();
    let batch =
        json!({ "subject": { "type": "user", "id": "alice" }, "action": { "name": "read" }, "evaluations": items });
    let batch = batch.to_string();
    for round in 0..10 {
        let signer: Option<(&dyn ActorKeys, &str)> = Some((&service, "brevet"));
        let asked = post(&broker, "/access/v1/evaluations", "application/json", &batch, signer);
        let denied = round % 2 == 0;
        let change = async {
            if denied {
                root.let_user("alice", "no", &deny("record:read", "*")).await;
            } else {
                root.iam.delete_user_policy().user_name("alice").policy_name("no").send().await.granted();
            }
            there.broker.store.revision().await.expect("a revision").0
        };
        let (answer, changed) = tokio::join!(asked, change);
        let answers = answer.json()["evaluations"].as_array().expect("a list").clone();
        assert_eq!(answers.len(), 1_000);
        for answer in &answers {
            let revision = answer["context"]["revision"].as_u64().expect("a revision");
            assert!(revision < changed || answer["decision"] == !denied, "{changed}: {answer}");
        }
        broker.settled().await;
    }
}

on_both_stores! {
    a_change_between_two_questions_counts_for_the_second => changed;
    a_change_by_the_broker_itself_counts_at_once => changed_here;
    answers_of_a_batch_are_made_on_what_they_speak_of => under_way;
    no_answer_speaks_of_what_happened_after_its_subject_was_found => revoked;
}
