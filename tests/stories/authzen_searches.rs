//! Searches: who may search, what is found and what is not, pages that stay the same, and tokens that nobody bends.

use serde_json::{Value, json};

use crate::authzen_certification::{Fixture, named, user};
use crate::world::policies::{allow, document, statement, trust};
use crate::world::raw::{ActorKeys, Answer, post};
use crate::world::{Outcome, Running, Session, within_a_second};

async fn search(at: &Running, who: &dyn ActorKeys, what: &str, asked: &Value) -> Answer {
    let path = format!("/access/v1/search/{what}");
    post(at, &path, "application/json", &asked.to_string(), Some((who, "brevet"))).await
}

fn readers() -> Value {
    json!({ "subject": { "type": "user" }, "action": named("read"), "resource": { "type": "record", "id": "record-1" } })
}

/// All pages of a search, and how many there were.
async fn all(fixture: &Fixture, what: &str, mut asked: Value, limit: usize) -> (Vec<Value>, usize) {
    let (mut results, mut pages, mut token) = (Vec::new(), 0, String::new());
    loop {
        asked["page"] = json!({ "limit": limit, "token": token });
        let page = fixture.answer(&format!("search/{what}"), asked.clone()).await;
        let found = page["results"].as_array().expect("a list");
        assert!(found.len() <= limit, "{page}");
        assert_eq!(page["page"]["count"], found.len());
        results.extend(found.iter().cloned());
        pages += 1;
        token = page["page"]["next_token"].as_str().expect("a text").to_owned();
        if token.is_empty() {
            return (results, pages);
        }
    }
}

#[tokio::test]
async fn who_searches_finds_only_those_that_it_may_ask_about() {
    let fixture = Fixture::begin().await;
    let (root, account) = (fixture.world.root.at(&fixture.broker), fixture.world.root.account);
    let about = |name: &str| statement("Allow", "brevet:Evaluate", &format!("arn:aws:iam::{account}:user/{name}"));
    let of = |what: &str| statement("Allow", "brevet:Search", &format!("arn:aws:brevet::{account}:search/{what}"));
    let narrow = root.user_with("narrow", &document([about("bob"), of("subject")])).await;
    let found = search(&fixture.broker, &narrow, "subject", &readers()).await;
    assert_eq!(found.json()["results"], json!([user("bob")]), "{found:?}");
    // Searching is no way round the permission to ask, nor asking round the permission to search.
    let actions = json!({ "subject": user("bob"), "resource": { "type": "record", "id": "record-1" } });
    assert_eq!(search(&fixture.broker, &narrow, "action", &actions).await.status, 403);
    let other = root.user_with("other", &document([of("action"), of("resource")])).await;
    assert_eq!(search(&fixture.broker, &other, "action", &actions).await.status, 403);
    let records = json!({ "subject": user("bob"), "action": named("read"), "resource": { "type": "record" } });
    assert_eq!(search(&fixture.broker, &other, "resource", &records).await.status, 403);
    // It is recorded who may not, and not whom a search has passed over.
    within_a_second("it is recorded", || async { fixture.world.trail("Search").await.contains("AccessDenied") }).await;
    assert!(!fixture.world.trail("Evaluate").await.contains("user/alice"));
}

#[tokio::test]
async fn pages_go_on_where_the_last_one_ended() {
    let fixture = Fixture::begin().await;
    let root = fixture.world.root.at(&fixture.broker);
    for number in 0..12 {
        let name = if number % 3 == 0 { format!("Reader-{number:02}") } else { format!("other-{number:02}") };
        root.iam.create_user().user_name(&name).send().await.granted();
        if number % 3 == 0 {
            root.let_user(&name, "own", &allow("record:read", "*")).await;
        }
    }
    let (whole, pages) = all(&fixture, "subject", readers(), 100).await;
    let names: Vec<&str> = whole.iter().map(|one| one["id"].as_str().expect("a name")).collect();
    assert_eq!(names, ["alice", "bob", "Reader-00", "Reader-03", "Reader-06", "Reader-09"]);
    assert_eq!(pages, 1);
    for limit in 1..7 {
        let (paged, _) = all(&fixture, "subject", readers(), limit).await;
        assert_eq!(paged, whole, "{limit}");
    }
    // Whoever is made between two pages is found if it belongs behind the first.
    let mut asked = readers();
    asked["page"] = json!({ "limit": 3 });
    let first = fixture.answer("search/subject", asked.clone()).await;
    for name in ["aaron", "zoe"] {
        root.iam.create_user().user_name(name).send().await.granted();
        root.let_user(name, "own", &allow("record:read", "*")).await;
    }
    root.iam.delete_user_policy().user_name("Reader-03").policy_name("own").send().await.granted();
    asked["page"] = json!({ "token": first["page"]["next_token"] });
    let second = fixture.answer("search/subject", asked).await;
    let names: Vec<&Value> = second["results"].as_array().expect("a list").iter().map(|one| &one["id"]).collect();
    assert_eq!(names, ["Reader-06", "Reader-09", "zoe"]);
}

#[tokio::test]
async fn a_token_is_good_for_its_search_and_its_asker_alone() {
    let fixture = Fixture::begin().await;
    let root = fixture.world.root.at(&fixture.broker);
    let mut asked = readers();
    asked["page"] = json!({ "limit": 1 });
    let token =
        fixture.answer("search/subject", asked).await["page"]["next_token"].as_str().expect("a text").to_owned();
    assert!(!token.is_empty() && !token.contains("alice"), "{token}");
    let with = |mut asked: Value, token: &str| {
        asked["page"] = json!({ "token": token, "limit": 7 });
        asked
    };
    assert_eq!(
        fixture.ask("search/subject", &with(readers(), &token)).await.status,
        200,
        "another limit is no other search"
    );
    let changed = |pointer: &str, value: Value| {
        let mut asked = with(readers(), &token);
        *asked.pointer_mut(pointer).expect("it is there") = value;
        asked
    };
    let mut with_context = with(readers(), &token);
    with_context["context"] = json!({ "time": "now" });
    for other in [
        changed("/action/name", json!("write")),
        changed("/resource/id", json!("record-2")),
        changed("/subject/type", json!("role")),
        with_context,
        with(readers(), &token.chars().rev().collect::<String>()),
        with(readers(), token.get(1..).expect("a token")),
        with(readers(), &format!("{token}AA")),
        with(readers(), &"A".repeat(3_000)),
        with(readers(), "YWxpY2U"),
    ] {
        let refused = fixture.ask("search/subject", &other).await;
        assert_eq!(refused.status, 400, "{other}: {refused:?}");
    }
    let may = document([json!({ "Effect": "Allow", "Action": ["brevet:Evaluate", "brevet:Search"], "Resource": "*" })]);
    let other = root.user_with("another-enforcer", &may).await;
    assert_eq!(search(&fixture.broker, &other, "subject", &with(readers(), &token)).await.status, 400);
    // Any broker of the installation goes on with it.
    let elsewhere = fixture.world.another_broker().await;
    let page = search(&elsewhere, &fixture.enforcer, "subject", &with(readers(), &token)).await;
    assert_eq!(page.json()["results"][0], user("bob"), "{page:?}");
}

/// A search is no use of what it looks at: what is found has not been reached for.
#[tokio::test]
async fn nobody_has_used_what_a_search_looked_at() {
    let fixture = Fixture::begin().await;
    let (root, account) = (fixture.world.root.at(&fixture.broker), fixture.world.root.account);
    root.role("reader", &trust(&account.to_string(), &["sts:AssumeRole"], None), &allow("record:read", "*")).await;
    let used = async || {
        let role = root.iam.get_role().role_name("reader").send().await.granted();
        role.role().and_then(|role| role.role_last_used()).and_then(|used| used.last_used_date()).is_some()
    };
    let mut asked = readers();
    asked["subject"] = json!({ "type": "role" });
    assert_eq!(fixture.results("subject", asked.clone()).await, [json!({ "type": "role", "id": "reader" })]);
    assert!(!used().await);
    asked["subject"]["id"] = json!("reader");
    assert!(fixture.decision(asked).await);
    assert!(used().await, "a service that asks tells of a request that it has received");
}

#[tokio::test]
async fn roles_and_sessions_and_tokens_are_subjects_too() {
    let fixture = Fixture::begin().await;
    let (root, account) = (fixture.world.root.at(&fixture.broker), fixture.world.root.account);
    let trusted = trust(&account.to_string(), &["sts:AssumeRole"], None);
    root.role("reader", &trusted, &allow("record:read", "*")).await;
    let writer = root.role("writer", &trusted, &allow("record:write", "*")).await;
    let mut asked = readers();
    asked["subject"] = json!({ "type": "role" });
    assert_eq!(fixture.results("subject", asked).await, [json!({ "type": "role", "id": "reader" })]);
    let alice = root.user_with("assumer", &allow("sts:AssumeRole", "*")).await;
    let bounded = allow("record:*", &format!("arn:aws:record::{account}:record-2"));
    let assumed =
        crate::world::Actor::sts(&alice, &fixture.broker).assume_role().role_arn(&writer).role_session_name("work");
    let session = Session::of(assumed.policy(&bounded).send().await.granted().credentials());
    let holder = json!({ "type": "session", "id": "x", "properties": { "session_token": session.token() } });
    let asked = json!({ "subject": holder, "action": named("write"), "resource": { "type": "record" } });
    // The session's own policy bounds it.
    assert_eq!(fixture.results("resource", asked).await, [json!({ "type": "record", "id": "record-2" })]);
    let mut asked = json!({ "subject": holder, "resource": { "type": "record", "id": "record-2" } });
    assert_eq!(fixture.results("action", asked.clone()).await, [named("write")]);
    asked["subject"]["properties"]["session_token"] = json!("x");
    assert_eq!(fixture.results("action", asked.clone()).await, Vec::<Value>::new());
    asked["subject"]["properties"] = json!({});
    assert_eq!(fixture.ask("search/action", &asked).await.status, 400, "a session is known by its token");
}

#[tokio::test]
async fn resources_are_found_by_their_ids_or_their_arns() {
    let fixture = Fixture::begin().await;
    let (root, account) = (fixture.world.root.at(&fixture.broker), fixture.world.root.account);
    let partner = fixture.world.another_account("partner").await;
    let put = |who: &dyn ActorKeys, what: Value| {
        let body = what.to_string();
        let (broker, keys) = (&fixture.broker, who.signing_keys().clone());
        async move {
            let done = post(broker, "/resources/v1/put", "application/json", &body, Some((&keys, "brevet"))).await;
            assert_eq!(done.status, 200, "{done:?}");
        }
    };
    let in_a_region = format!("arn:aws:s3:eu-west-1:{account}:regional");
    let arn_like = format!("arn:aws:s3::{account}:arn:x");
    let own = format!("arn:aws:s3::{account}:own");
    for arn in ["arn:aws:s3:::shared", &in_a_region, &arn_like, &own, "arn:aws:s3x:::other"] {
        put(&fixture.world.root, json!({ "arn": arn })).await;
    }
    put(&partner, json!({ "arn": "arn:aws:s3:::partners" })).await;
    root.user_with("reader", &allow("s3:GetObject", "*")).await;
    let asked = json!({ "subject": user("reader"), "action": named("GetObject"), "resource": { "type": "s3" } });
    let found = fixture.results("resource", asked).await;
    let mut ids: Vec<&str> = found.iter().map(|one| one["id"].as_str().expect("a text")).collect();
    ids.sort_unstable();
    let mut expected = ["arn:aws:s3:::shared", &in_a_region, &arn_like, "own"];
    expected.sort_unstable();
    assert_eq!(ids, expected);
    // Each is what the evaluation door knows by that id.
    for id in ids {
        let asked =
            json!({ "subject": user("reader"), "action": named("GetObject"), "resource": { "type": "s3", "id": id } });
        assert!(fixture.decision(asked).await, "{id}");
    }
}

#[tokio::test]
async fn actions_are_those_that_are_declared_or_allowed_by_name() {
    let fixture = Fixture::begin().await;
    let (root, account) = (fixture.world.root.at(&fixture.broker), fixture.world.root.account);
    let policy = document([
        json!({ "Effect": "Allow", "Action": ["book:Borrow", "BOOK:Shelve", "book:list*", "other:Thing"], "Resource": "*" }),
        json!({ "Effect": "Deny", "Action": ["book:shelve", "book:Burn"], "Resource": "*" }),
        json!({ "Effect": "Allow", "Action": "book:write", "Resource": "*" }),
    ]);
    root.user_with("reader", &policy).await;
    let asked = json!({ "subject": user("reader"), "resource": { "type": "book", "id": "b1" } });
    assert_eq!(fixture.results("action", asked.clone()).await, [named("borrow"), named("write")]);
    let put = async |operation: &str, what: Value| {
        let path = format!("/resources/v1/{operation}");
        let (broker, body) = (&fixture.broker, what.to_string());
        let done = post(broker, &path, "application/json", &body, Some((&fixture.world.root, "brevet"))).await;
        assert_eq!(done.status, 200, "{done:?}");
    };
    put("put-type", json!({ "type": "book", "actions": ["Borrow", "Burn", "listPages", "other:Thing"] })).await;
    let declared = [named("Borrow"), named("listPages"), named("other:Thing"), named("write")];
    assert_eq!(fixture.results("action", asked.clone()).await, declared);
    // What the resource's own policy allows by name.
    let reader = format!("arn:aws:iam::{account}:user/reader");
    let grant = json!({ "Effect": "Allow", "Principal": { "AWS": reader }, "Action": "book:Lend", "Resource": "*" });
    put("put", json!({ "arn": format!("arn:aws:book::{account}:b1"), "policy": document([grant]) })).await;
    let (found, pages) = all(&fixture, "action", asked, 2).await;
    assert_eq!(found, [named("Borrow"), named("lend"), named("listPages"), named("other:Thing"), named("write")]);
    assert_eq!(pages, 3);
}

/// A page looks at a bounded number of candidates, and comes out short rather than late.
#[tokio::test]
async fn many_candidates_are_looked_at_page_by_page() {
    let fixture = Fixture::begin().await;
    let mut tx = brevet::store::Tx::new(std::sync::Arc::clone(&fixture.broker.broker.store));
    let account = fixture.world.root.account;
    for number in 0..2_500 {
        let arn = format!("arn:aws:many::{account}:{number:05}");
        let stored = json!({ "arn": arn, "created": 0, "changed": 0, "attributes": [{ "Key": "n", "Value": number.to_string() }] });
        let stored: brevet::identity::StoredResource = serde_json::from_value(stored).expect("a resource");
        tx.put(&brevet::store::layout::resource(account, &stored.arn), &stored).expect("staged");
    }
    tx.commit().await.expect("written");
    fixture.broker.settled().await;
    let root = fixture.world.root.at(&fixture.broker);
    let last = json!({ "StringEquals": { "brevet:Resource/n": ["7", "2499"] } });
    root.user_with("picky", &crate::world::policies::allow_if("many:read", last)).await;
    let mut asked = json!({ "subject": user("picky"), "action": named("read"), "resource": { "type": "many" } });
    let first = fixture.answer("search/resource", asked.clone()).await;
    assert_eq!(first["results"], json!([{ "type": "many", "id": "00007" }]));
    assert_ne!(first["page"]["next_token"], "");
    asked["page"] = json!({ "token": first["page"]["next_token"] });
    let second = fixture.answer("search/resource", asked.clone()).await;
    assert_eq!(second["results"], json!([]), "a short page that says that there is more");
    assert_ne!(second["page"]["next_token"], "");
    asked["page"] = json!({ "token": second["page"]["next_token"] });
    let third = fixture.answer("search/resource", asked).await;
    assert_eq!(
        (&third["results"], &third["page"]["next_token"]),
        (&json!([{ "type": "many", "id": "02499" }]), &json!(""))
    );
}
