//! Questions of downstream services: in their own words, signed in as they can, and on state as fresh as they demand.

use aws_sdk_sts::types::Tag;
use serde_json::{Value, json};

use crate::world::policies::{allow, allow_if, document, trust};
use crate::world::raw::{ask, ask_as_bearer, ask_with, call};
use crate::world::{Actor, Backend, Keys, Outcome, Running, Session, User, World, within_a_second};

/// May this subject read the record?
fn read(kind: &str, id: &str) -> Value {
    json!({
        "subject": { "type": kind, "id": id },
        "action": { "name": "read" },
        "resource": { "type": "record", "id": "r1" },
    })
}

/// A web identity token of whoever has these keys.
async fn token(who: &Keys, at: &Running, audience: &str) -> String {
    let ask = who.sts(at).get_web_identity_token().audience(audience).signing_algorithm("ES256");
    let given = ask.duration_seconds(600).send().await.granted();
    given.web_identity_token().expect("a token").to_owned()
}

#[tokio::test]
async fn names_are_those_of_the_askers_account() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let account = root.account;
    let service = root.user_with("service", &allow("brevet:Evaluate", "*")).await;
    root.user_with("alice", &allow("record:read", &format!("arn:aws:record::{account}:r1"))).await;
    root.role("worker", &trust(&account.to_string(), &["sts:AssumeRole"], None), &allow("record:*", "*")).await;
    for (kind, id, expected) in [
        ("user", "alice", true),
        ("role", "worker", true),
        ("user", "worker", false),
        ("user", "no such, name!", false),
    ] {
        let answer = ask(&broker, &service, &read(kind, id)).await;
        assert_eq!((answer.status, &answer.json()["decision"]), (200, &json!(expected)), "{kind} {id}: {answer:?}");
    }
    let mut another = read("user", "alice");
    another["resource"]["id"] = json!("r2");
    assert_eq!(ask(&broker, &service, &another).await.json()["decision"], false);
    // The same words mean another account's things to a service of another account.
    let partner = world.another_account("partner").await;
    let partner = partner.at(&broker);
    let theirs = partner.user_with("service", &allow("brevet:Evaluate", "*")).await;
    let answer = ask(&broker, &theirs, &read("user", "alice")).await.json();
    assert_eq!(
        (&answer["decision"], &answer["context"]["reason"]),
        (&json!(false), &json!("the subject does not exist"))
    );
}

#[tokio::test]
async fn properties_are_condition_keys_of_their_own() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let service = root.user_with("service", &allow("brevet:Evaluate", "*")).await;
    let if_all = json!({ "StringEquals": {
        "brevet:Subject/team": "red", "brevet:Resource/state": "open" }, "Bool": { "brevet:Action/soft": "true" } });
    root.user_with("alice", &allow_if("record:read", if_all)).await;
    let asked = |subject: Value, resource: Value, action: Value| {
        let mut question = read("user", "alice");
        question["subject"]["properties"] = subject;
        question["resource"]["properties"] = resource;
        question["action"]["properties"] = action;
        let (broker, service) = (&broker, &service);
        async move { ask(broker, service, &question).await }
    };
    let (red, open, soft) = (json!({ "team": "red" }), json!({ "state": "open" }), json!({ "soft": true }));
    assert_eq!(asked(red.clone(), open.clone(), soft.clone()).await.json()["decision"], true);
    assert_eq!(
        asked(open.clone(), red.clone(), soft.clone()).await.json()["decision"],
        false,
        "each is of its own thing"
    );
    assert_eq!(asked(json!({ "team": "blue" }), open.clone(), soft.clone()).await.json()["decision"], false);
    assert_eq!(asked(json!({}), open.clone(), soft.clone()).await.json()["decision"], false);
    // What the broker has stored stands for what the question does not carry, and only for that.
    let tag = aws_sdk_iam::types::Tag::builder().key("team").value("red").build().expect("a tag");
    root.iam.tag_user().user_name("alice").tags(tag).send().await.granted();
    assert_eq!(asked(json!({}), open.clone(), soft.clone()).await.json()["decision"], true);
    assert_eq!(asked(json!({ "team": "blue" }), open.clone(), soft.clone()).await.json()["decision"], false);
    // Nobody says them as context, and too much is too much wherever it stands.
    let mut claimed = read("user", "alice");
    claimed["context"] = json!({ "brevet:Subject/team": "red" });
    assert_eq!(ask(&broker, &service, &claimed).await.status, 400);
    let many = |from: usize| Value::Object((from..from + 101).map(|at| (format!("p{at}"), json!("x"))).collect());
    assert_eq!(asked(many(0), many(0), json!({})).await.status, 400);
    assert_eq!(asked(json!({ "team": "x".repeat(2_049) }), open, soft).await.status, 400);
}

/// What a service may that asks with web identity tokens of its own.
fn may_bear() -> String {
    document([json!({ "Effect": "Allow", "Action": ["brevet:Evaluate", "sts:GetWebIdentityToken"], "Resource": "*" })])
}

/// Such a service, in an account that has such tokens.
async fn bearer(world: &World, at: &Running) -> User {
    let root = world.root.at(at);
    root.iam.enable_outbound_web_identity_federation().send().await.granted();
    root.user_with("service", &may_bear()).await
}

/// What a token was obtained with is sealed with a key of sessions: once that is gone nobody is known by the token, known before or not.
#[tokio::test]
async fn a_token_ends_with_the_key_that_seals_what_it_was_obtained_with() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let service = bearer(&world, &broker).await;
    let (known, new) =
        (token(&service.keys, &broker, &broker.url).await, token(&service.keys, &broker, &broker.url).await);
    let question = read("user", "alice");
    assert_eq!(ask_as_bearer(&broker, &known, &question).await.status, 200);
    let keys = &broker.broker.keys;
    let kid = keys.ring().active(world.now()).expect("a key that signs").kid().to_owned();
    world.remove_key(&kid).await;
    within_a_second("the broker has heard of it", || async { keys.rings().find(&kid).is_none() }).await;
    for token in [&new, &known] {
        let refused = ask_as_bearer(&broker, token, &question).await;
        assert_eq!(refused.status, 401, "{refused:?}");
    }
}

#[tokio::test]
async fn a_service_signs_in_with_a_token_that_is_meant_for_the_broker() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let service = bearer(&world, &broker).await;
    root.user_with("alice", &allow("record:read", "*")).await;
    let question = read("user", "alice");

    let good = token(&service.keys, &broker, &broker.url).await;
    let answer = ask_as_bearer(&broker, &good, &question).await;
    assert_eq!((answer.status, &answer.json()["decision"]), (200, &json!(true)), "{answer:?}");

    let for_others = token(&service.keys, &broker, "https://elsewhere.example").await;
    let refused = ask_as_bearer(&broker, &for_others, &question).await;
    assert_eq!(refused.status, 401, "{refused:?}");
    let (head, tail) = good.rsplit_once('.').expect("a JWT");
    let forged = format!("{head}.{}", tail.chars().rev().collect::<String>());
    // A signature is good for what it was made over, also once it is known: of another token of the service's own, or one letter later.
    let (others, _) = for_others.rsplit_once('.').expect("a JWT");
    let another = format!("{others}.{tail}");
    let longer = format!("{head}A.{tail}");
    let session = world.root.sts(&broker).get_session_token().send().await.granted();
    let session = session.credentials().expect("credentials").session_token().to_owned();
    for bad in [forged.as_str(), &another, &longer, &session, "", "x", "a.b.c", &"x".repeat(20_000)] {
        let refused = ask_as_bearer(&broker, bad, &question).await;
        assert!([401, 431].contains(&refused.status), "{bad:.20}: {refused:?}");
    }
    // It signs in to nothing but questions.
    let bearer = format!("Bearer {good}");
    let form = "Action=GetCallerIdentity&Version=2011-06-15";
    let kind = "application/x-www-form-urlencoded";
    let more = [("authorization", bearer.as_str())];
    let sts = crate::world::raw::post_with(&broker, "/", kind, form, None, &more).await;
    assert!((400..500).contains(&sts.status), "{sts:?}");
    let revoke = json!({ "ownSession": true }).to_string();
    let path = "/sessions/v1/revoke";
    let revoke = crate::world::raw::post_with(&broker, path, "application/json", &revoke, None, &more).await;
    assert_eq!(revoke.status, 401, "{revoke:?}");

    // It ends with its time, with the user, and a user of the same name is another one.
    world.advance(601);
    assert_eq!(ask_as_bearer(&broker, &good, &question).await.status, 401);
    let again = token(&service.keys, &broker, &broker.url).await;
    assert_eq!(ask_as_bearer(&broker, &again, &question).await.status, 200);
    let keys = root.iam.list_access_keys().user_name("service").send().await.granted();
    for key in keys.access_key_metadata() {
        let id = key.access_key_id().expect("an id");
        root.iam.delete_access_key().user_name("service").access_key_id(id).send().await.granted();
    }
    root.iam.delete_user_policy().user_name("service").policy_name("own").send().await.granted();
    root.iam.delete_user().user_name("service").send().await.granted();
    assert_eq!(ask_as_bearer(&broker, &again, &question).await.status, 401);
    root.user_with("service", &may_bear()).await;
    assert_eq!(ask_as_bearer(&broker, &again, &question).await.status, 401);
}

#[tokio::test]
async fn a_token_is_worth_no_more_than_the_session_that_it_was_obtained_with() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    root.iam.enable_outbound_web_identity_federation().send().await.granted();
    let service = root.user_with("service", &allow("brevet:Evaluate", "*")).await;
    let everything = allow("*", "*");
    let role = root.role("worker", &trust(&root.account.to_string(), &["sts:AssumeRole"], None), &everything).await;
    let alice = root.user_with("alice", &allow("sts:AssumeRole", "*")).await;
    let bounded = document([json!({ "Effect": "Allow",
        "Action": ["sts:GetWebIdentityToken", "record:list"], "Resource": "*" })]);
    let assume = alice.sts(&broker).assume_role().role_arn(&role).role_session_name("small").policy(&bounded);
    let session = Session::of(assume.send().await.granted().credentials());
    let whole = alice.sts(&broker).assume_role().role_arn(&role).role_session_name("whole");
    let whole = Session::of(whole.send().await.granted().credentials());

    // As a subject: the session's policy bounds it.
    let asked = |token: &str, audience: &str, action: &str| {
        let mut question = read("token", "whoever");
        question["subject"]["properties"] = json!({ "token": token, "audience": audience });
        question["action"]["name"] = json!(action);
        let (broker, service) = (&broker, &service);
        async move { ask(broker, service, &question).await.json() }
    };
    let (small, large) = (
        token(session.keys(), &broker, "https://records.example").await,
        token(whole.keys(), &broker, "https://records.example").await,
    );
    assert_eq!(asked(&large, "https://records.example", "read").await["decision"], true);
    assert_eq!(asked(&small, "https://records.example", "read").await["decision"], false);
    assert_eq!(asked(&small, "https://records.example", "list").await["decision"], true);
    let elsewhere = asked(&large, "https://other.example", "read").await;
    assert_eq!(elsewhere["decision"], false);
    assert!(elsewhere["context"]["reason"].as_str().is_some_and(|why| why.contains("another audience")), "{elsewhere}");
    // As an asker: a session that may not ask does not by way of a token.
    root.user_with("bob", &allow("record:read", "*")).await;
    let question = read("user", "bob");
    let restricted = token(session.keys(), &broker, &broker.url).await;
    assert_eq!(ask_as_bearer(&broker, &restricted, &question).await.status, 403);
    let free = token(whole.keys(), &broker, &broker.url).await;
    assert_eq!(ask_as_bearer(&broker, &free, &question).await.status, 200);
    // What revokes the session revokes its tokens.
    let revoke = json!({ "principal": role }).to_string();
    let signer: (&dyn crate::world::raw::ActorKeys, &str) = (&world.root, "brevet");
    let done = crate::world::raw::post(&broker, "/sessions/v1/revoke", "application/json", &revoke, Some(signer)).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert_eq!(ask_as_bearer(&broker, &free, &question).await.status, 401);
    assert_eq!(asked(&large, "https://records.example", "read").await["decision"], false);
}

#[tokio::test]
async fn a_tokens_session_keeps_its_tags_and_its_source() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    root.iam.enable_outbound_web_identity_federation().send().await.granted();
    let service = root.user_with("service", &allow("brevet:Evaluate", "*")).await;
    let red = json!({ "StringEquals": { "aws:PrincipalTag/team": "red", "aws:SourceIdentity": "ann" } });
    let policy = document([
        json!({ "Effect": "Allow", "Action": "sts:GetWebIdentityToken", "Resource": "*" }),
        json!({ "Effect": "Allow", "Action": "record:read", "Resource": "*", "Condition": red }),
    ]);
    let actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];
    let role = root.role("worker", &trust(&root.account.to_string(), &actions, None), &policy).await;
    let alice = root.user_with("alice", &allow("sts:*", "*")).await;
    for (team, expected) in [("red", true), ("blue", false)] {
        let tag = Tag::builder().key("team").value(team).build().expect("a tag");
        let assume = alice.sts(&broker).assume_role().role_arn(&role).role_session_name("small").tags(tag);
        let session = Session::of(assume.source_identity("ann").send().await.granted().credentials());
        let token = token(session.keys(), &broker, "https://records.example").await;
        let mut question = read("token", "");
        question["subject"]["properties"] = json!({ "token": token, "audience": "https://records.example" });
        assert_eq!(ask(&broker, &service, &question).await.json()["decision"], expected, "{team}");
    }
}

#[tokio::test]
async fn whoever_has_written_demands_that_its_write_is_seen() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let other = world.another_broker().await;
    let root = world.root.at(&broker);
    let service = root.user_with("service", &allow("brevet:Evaluate", "*")).await;
    root.user("alice").await;
    let question = read("user", "alice");
    for round in 0..20 {
        let effect = if round % 2 == 0 { "Allow" } else { "Deny" };
        let policy = document([json!({ "Effect": effect, "Action": "record:read", "Resource": "*" })]);
        let parameters =
            [("Action", "PutUserPolicy"), ("UserName", "alice"), ("PolicyName", "own"), ("PolicyDocument", &policy)];
        let written = call(&broker, Some(&world.root), "iam", &parameters).await;
        assert_eq!(written.status, 200, "{written:?}");
        let revision = written.revision.expect("a write says its revision");
        let demand = revision.to_string();
        let answer = ask_with(&other, &service, &question, &[("x-brevet-at-least-revision", &demand)]).await.json();
        assert_eq!(answer["decision"], json!(effect == "Allow"), "round {round}: {answer}");
        assert!(answer["context"]["revision"].as_u64() >= Some(revision), "{answer}");
    }
    let never = ask_with(&other, &service, &question, &[("x-brevet-at-least-revision", "999999999")]).await;
    assert_eq!(never.status, 412, "{never:?}");
    for bad in ["x", "-1", "1.5", ""] {
        let refused = ask_with(&other, &service, &question, &[("x-brevet-at-least-revision", bad)]).await;
        assert_eq!(refused.status, 400, "{bad}: {refused:?}");
    }
}
