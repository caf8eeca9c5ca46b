//! Several brokers on one store: whoever wrote sees it at once, and everybody else soon.

use crate::world::policies::{allow, trust};
use crate::world::raw::ask;
use crate::world::{Actor, Backend, Outcome, Session, World, within_a_second};
use serde_json::json;

on_both_stores! {
    what_was_written_is_read_at_once_where_it_was_written => read_your_write;
    a_change_is_seen_by_the_other_broker => seen_elsewhere;
    a_session_of_one_broker_is_one_for_all_of_them => shared_sessions;
    a_broker_that_stops_and_starts_forgets_nothing => restart;
}

async fn read_your_write(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let alice = root.user("alice").await;
    let me = alice.iam(&broker);
    for round in 0..10 {
        root.let_user("alice", "own", &allow("iam:ListUsers", "*")).await;
        assert_eq!(me.list_users().send().await.code(), "Ok", "round {round}");
        root.iam.delete_user_policy().user_name("alice").policy_name("own").send().await.granted();
        assert_eq!(me.list_users().send().await.code(), "AccessDenied", "round {round}");
    }
}

async fn seen_elsewhere(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    let (one, two) = (world.root.at(&here), world.root.at(&there));
    let alice = one.user("alice").await;
    // Records are read from the store itself, so they are never old; what is kept of them is forgotten within a second.
    two.iam.get_user().user_name("alice").send().await.granted();
    assert_eq!(alice.iam(&there).list_users().send().await.code(), "AccessDenied");
    two.let_user("alice", "own", &allow("iam:ListUsers", "*")).await;
    within_a_second("the first broker grants it", || async { alice.iam(&here).list_users().send().await.is_ok() })
        .await;
    one.iam.delete_user_policy().user_name("alice").policy_name("own").send().await.granted();
    within_a_second("the second broker denies it", || async { alice.iam(&there).list_users().send().await.is_err() })
        .await;
    // An account that another process makes is known at once.
    let partner = world.another_account("partner").await;
    assert_eq!(partner.iam(&there).list_users().send().await.granted().users().len(), 0);
}

async fn shared_sessions(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    let root = world.root.at(&here);
    let alice = root.user("alice").await;
    let role = root.role("worker", &trust(&alice.arn, &["sts:AssumeRole"], None), &allow("iam:ListUsers", "*")).await;
    let session = alice.sts(&here).assume_role().role_arn(&role).role_session_name("work").send().await.granted();
    let session = Session::of(session.credentials());
    assert_eq!(session.iam(&here).list_users().send().await.code(), "Ok");
    assert_eq!(session.iam(&there).list_users().send().await.code(), "Ok");
    root.iam.delete_role_policy().role_name("worker").policy_name("own").send().await.granted();
    assert_eq!(session.iam(&here).list_users().send().await.code(), "AccessDenied");
    within_a_second("the other broker denies it", || async { session.iam(&there).list_users().send().await.is_err() })
        .await;
}

async fn restart(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow("iam:ListUsers", "*")).await;
    let session = Session::of(alice.sts(&broker).get_session_token().send().await.granted().credentials());
    let service = root.user_with("service", &allow("brevet:Evaluate", "*")).await;
    let url = broker.url.clone();
    let question = json!({
        "subject": { "type": "session", "id": "s", "properties": { "session_token": session.token() } },
        "action": { "name": "iam:ListUsers" },
        "resource": { "type": "users", "id": format!("arn:aws:iam::{}:user/", world.root.account) },
    });
    assert_eq!(ask(&broker, &service, &question).await.json()["decision"], true);
    broker.stop().await;
    assert!(reqwest::get(format!("{url}/health/live")).await.is_err(), "nobody listens any more");
    let broker = world.another_broker().await;
    assert_eq!(alice.iam(&broker).list_users().send().await.granted().users().len(), 2);
    assert_eq!(ask(&broker, &service, &question).await.json()["decision"], true);
    assert_eq!(session.sts(&broker).get_caller_identity().send().await.code(), "Ok");
}
