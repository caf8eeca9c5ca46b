//! Stored resources: what the broker is to know of what others guard, who may say it, and what must not be said.

use brevet::ops::resources::KnownResource;
use serde_json::{Value, json};
use std::sync::Arc;

use crate::world::policies::{allow, allow_if, document, statement};
use crate::world::raw::{ActorKeys, Answer, ask, get, post};
use crate::world::{Backend, Outcome, Running, World, within_a_second};

on_both_stores! {
    a_resource_that_is_stored_at_one_broker_is_known_at_another => whole_fleet;
    an_arn_without_an_account_has_one_owner => one_owner;
    a_resource_has_a_whole_life => whole_life;
}

async fn send(who: &dyn ActorKeys, at: &Running, operation: &str, what: &Value) -> Answer {
    let path = format!("/resources/v1/{operation}");
    post(at, &path, "application/json", &what.to_string(), Some((who, "brevet"))).await
}

async fn done(who: &dyn ActorKeys, at: &Running, operation: &str, what: Value) -> Value {
    let answer = send(who, at, operation, &what).await;
    assert_eq!(answer.status, 200, "{operation} {what}: {answer:?}");
    answer.json()
}

async fn refused(who: &dyn ActorKeys, at: &Running, operation: &str, what: Value) -> (u16, String) {
    let answer = send(who, at, operation, &what).await;
    (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

async fn known(at: &Running, arn: &str) -> Option<Arc<KnownResource>> {
    at.broker.resources.find(&arn.parse().expect("an ARN")).await.expect("the store answers")
}

fn no_such() -> (u16, String) {
    (404, "NoSuchEntity".to_owned())
}

fn denied() -> (u16, String) {
    (403, "AccessDenied".to_owned())
}

async fn whole_life(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let (root, account) = (&world.root, world.root.account);
    let arn = format!("arn:aws:record::{account}:record-1");
    assert!(known(&broker, &arn).await.is_none());
    assert_eq!(refused(root, &broker, "get", json!({ "arn": arn })).await, no_such());

    let attributes = json!({ "status": "active", "Owner": "jo" });
    let made = done(root, &broker, "put", json!({ "arn": arn, "attributes": attributes })).await;
    assert_eq!((&made["arn"], &made["attributes"], &made["hasPolicy"]), (&json!(arn), &attributes, &json!(false)));
    // What was not there a moment ago, and was kept as such, is there now.
    let first = known(&broker, &arn).await.expect("it is stored");
    assert_eq!((first.account, first.attributes.get("STATUS")), (account, Some("active")));
    assert!(first.policy.is_none());
    assert!(Arc::ptr_eq(&first, &known(&broker, &arn).await.expect("it is stored")), "it is kept");

    // What is absent stays as it is; what is given takes the place of what there was.
    let anybody = document([json!({ "Effect": "Allow", "Principal": "*", "Action": "record:read", "Resource": arn })]);
    done(root, &broker, "put", json!({ "arn": arn, "policy": anybody })).await;
    let second = known(&broker, &arn).await.expect("it is stored");
    assert!(second.policy.is_some() && second.attributes.len() == 2);
    world.advance(60);
    done(root, &broker, "put", json!({ "arn": arn, "attributes": { "status": "archived" } })).await;
    let shown = done(root, &broker, "get", json!({ "arn": arn })).await;
    assert_eq!((&shown["attributes"], &shown["policy"]), (&json!({ "status": "archived" }), &json!(anybody)));
    assert!(shown["changed"].as_str() > shown["created"].as_str(), "{shown}");
    done(root, &broker, "put", json!({ "arn": arn, "policy": null })).await;
    let third = known(&broker, &arn).await.expect("it is stored");
    assert!(third.policy.is_none() && third.attributes.get("status") == Some("archived"));

    assert_eq!(done(root, &broker, "delete", json!({ "arn": arn })).await, json!({ "deleted": arn }));
    assert!(known(&broker, &arn).await.is_none());
    for operation in ["get", "delete"] {
        assert_eq!(refused(root, &broker, operation, json!({ "arn": arn })).await, no_such());
    }
    let trail = world.trail("PutResource").await;
    assert_eq!(trail.lines().count(), 4, "{trail}");
    assert!(trail.contains("\"status\":\"archived\"") && trail.contains("\"eventSource\":\"brevet\""), "{trail}");
    within_a_second("it is recorded", || async { world.trail("GetResource").await.contains("NoSuchEntity") }).await;
}

async fn whole_fleet(backend: Backend) {
    let (world, one) = World::begin(backend).await;
    let two = world.another_broker().await;
    let arn = format!("arn:aws:record::{}:record-1", world.root.account);
    assert!(known(&two, &arn).await.is_none(), "and that is kept");
    done(&world.root, &one, "put", json!({ "arn": arn, "attributes": { "status": "active" } })).await;
    within_a_second("the other broker hears of it", || async { known(&two, &arn).await.is_some() }).await;
    done(&world.root, &two, "put", json!({ "arn": arn, "attributes": { "status": "archived" } })).await;
    let status = |found: Option<Arc<KnownResource>>| found.and_then(|it| it.attributes.get("status").map(String::from));
    within_a_second("it changes", || async { status(known(&one, &arn).await).as_deref() == Some("archived") }).await;
    done(&world.root, &one, "delete", json!({ "arn": arn })).await;
    within_a_second("it is gone", || async { known(&two, &arn).await.is_none() }).await;
    two.stop().await;
    assert!(known(&world.another_broker().await, &arn).await.is_none());
}

async fn one_owner(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let partner = world.another_account("partner").await;
    let bucket = "arn:aws:s3:::bucket";
    done(&world.root, &broker, "put", json!({ "arn": bucket, "attributes": { "team": "red" } })).await;
    assert_eq!(known(&broker, bucket).await.expect("it is stored").account, world.root.account);
    let taken = (409, "EntityAlreadyExists".to_owned());
    assert_eq!(refused(&partner, &broker, "put", json!({ "arn": bucket, "attributes": {} })).await, taken);
    for operation in ["get", "delete"] {
        assert_eq!(refused(&partner, &broker, operation, json!({ "arn": bucket })).await, no_such());
    }
    assert_eq!(done(&partner, &broker, "list", json!({})).await["resources"], json!([]));
    // Whoever is first has it, also of two at once.
    let contested = json!({ "arn": "arn:aws:s3:::contested" });
    let both = tokio::join!(send(&world.root, &broker, "put", &contested), send(&partner, &broker, "put", &contested));
    let mut both = [both.0.status, both.1.status];
    both.sort_unstable();
    assert_eq!(both, [200, 409]);
    done(&world.root, &broker, "delete", json!({ "arn": bucket })).await;
    assert!(known(&broker, bucket).await.is_none());
    done(&partner, &broker, "put", json!({ "arn": bucket })).await;
    assert_eq!(known(&broker, bucket).await.expect("it is stored").account, partner.account);
}

#[tokio::test]
async fn another_accounts_resources_are_out_of_reach_whatever_policies_say() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let partner = world.another_account("partner").await;
    let arn = format!("arn:aws:record::{}:record-1", world.root.account);
    done(&world.root, &broker, "put", json!({ "arn": arn })).await;
    let mallory = world.another_account("mallory").await.at(&broker).user_with("mallory", &allow("*", "*")).await;
    for operation in ["put", "get", "delete"] {
        assert_eq!(refused(&partner, &broker, operation, json!({ "arn": arn })).await, denied(), "{operation}");
        assert_eq!(refused(&mallory, &broker, operation, json!({ "arn": arn })).await, denied(), "{operation}");
        // Whether it is stored or not.
        let other = json!({ "arn": format!("{arn}0") });
        assert_eq!(refused(&partner, &broker, operation, other).await, denied(), "{operation}");
    }
    assert!(known(&broker, &arn).await.is_some());
}

#[tokio::test]
async fn each_operation_is_a_permission_of_its_own() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (root, account) = (world.root.at(&broker), world.root.account);
    let mine = format!("arn:aws:record::{account}:mine/a");
    let theirs = format!("arn:aws:record::{account}:theirs/a");
    let below = format!("arn:aws:record::{account}:mine/*");
    let alice = root.user_with("alice", &allow("brevet:PutResource", &below)).await;
    let bob = root.user_with("bob", &document([statement("Allow", "brevet:Get*", &below)])).await;
    done(&alice, &broker, "put", json!({ "arn": mine, "attributes": { "a": "b" } })).await;
    assert_eq!(refused(&alice, &broker, "put", json!({ "arn": theirs })).await, denied());
    for operation in ["get", "delete"] {
        assert_eq!(refused(&alice, &broker, operation, json!({ "arn": mine })).await, denied());
    }
    assert_eq!(refused(&alice, &broker, "list", json!({})).await, denied());
    assert_eq!(refused(&alice, &broker, "list-types", json!({})).await, denied());
    let record = json!({ "type": "record", "actions": ["read"] });
    assert_eq!(refused(&alice, &broker, "put-type", record).await, denied());
    assert_eq!(done(&bob, &broker, "get", json!({ "arn": mine })).await["attributes"], json!({ "a": "b" }));
    assert_eq!(refused(&bob, &broker, "put", json!({ "arn": mine })).await, denied());
    // That nothing is stored is told to those only who may look.
    assert_eq!(refused(&bob, &broker, "get", json!({ "arn": format!("{mine}0") })).await, no_such());
    assert_eq!(refused(&bob, &broker, "get", json!({ "arn": theirs })).await, denied());

    // A policy gives permissions: to write one is another permission than to write attributes.
    let grant = document([json!({ "Effect": "Allow", "Principal": { "AWS": alice.arn }, "Action": "record:*",
        "Resource": mine })]);
    assert_eq!(refused(&alice, &broker, "put", json!({ "arn": mine, "policy": grant })).await, denied());
    assert_eq!(refused(&alice, &broker, "put", json!({ "arn": mine, "policy": null })).await, denied());
    root.let_user("alice", "policies", &allow("brevet:PutResourcePolicy", &below)).await;
    done(&alice, &broker, "put", json!({ "arn": mine, "policy": grant })).await;
    within_a_second("the refusal is recorded", || async {
        let trail = world.trail("PutResource").await;
        trail.contains("\"errorCode\":\"AccessDenied\"") && trail.contains("brevet:PutResourcePolicy")
    })
    .await;
}

#[tokio::test]
async fn permissions_can_be_bound_to_attributes() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (root, account) = (world.root.at(&broker), world.root.account);
    let own = |key: &str| json!({ "StringEquals": { key: "red" } });
    let mut create = statement("Allow", "brevet:PutResource", "*");
    create["Condition"] = own("aws:RequestTag/team");
    let mut delete = statement("Allow", "brevet:DeleteResource", "*");
    delete["Condition"] = own("aws:ResourceTag/team");
    let alice = root.user_with("alice", &document([create, delete])).await;
    let (red, blue) = (format!("arn:aws:record::{account}:red"), format!("arn:aws:record::{account}:blue"));
    done(&alice, &broker, "put", json!({ "arn": red, "attributes": { "team": "red" } })).await;
    let wanted = json!({ "arn": blue, "attributes": { "team": "blue" } });
    assert_eq!(refused(&alice, &broker, "put", wanted.clone()).await, denied());
    done(&world.root, &broker, "put", wanted).await;
    assert_eq!(refused(&alice, &broker, "delete", json!({ "arn": blue })).await, denied());
    done(&alice, &broker, "delete", json!({ "arn": red })).await;
}

#[tokio::test]
async fn what_is_no_resource_is_refused() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (root, account) = (&world.root, world.root.account);
    let arn = format!("arn:aws:record::{account}:record-1");
    let mut wrong = vec![
        json!({ "arn": "record-1" }),
        json!({ "arn": "arn:aws:record:::*" }),
        json!({ "arn": "arn:aws:record:::record-?" }),
        json!({ "arn": "arn:aws:record::aws:record-1" }),
        json!({ "arn": "arn:aws-cn:record:::record-1" }),
        json!({ "arn": format!("arn:aws:iam::{account}:user/alice") }),
        json!({ "arn": format!("arn:aws:sts::{account}:self") }),
        json!({ "arn": format!("arn:aws:brevet::{account}:search/subject") }),
        json!({ "arn": format!("arn:aws:record:::{}", "x".repeat(900)) }),
        json!({ "arn": arn, "attributes": { "a*b": "c" } }),
        json!({ "arn": arn, "attributes": { "aws:a": "c" } }),
        json!({ "arn": arn, "attributes": { "a": 7 } }),
        json!({ "arn": arn, "attributes": { "a": "v".repeat(257) } }),
        json!({ "arn": arn, "attributes": (0..=50).map(|n| (format!("k{n}"), json!("v"))).collect::<serde_json::Map<_, _>>() }),
    ];
    for what in wrong.drain(..) {
        assert_eq!(refused(root, &broker, "put", what.clone()).await, (400, "ValidationError".into()), "{what}");
    }
    for what in [
        json!({}),
        json!([]),
        json!({ "arn": 7 }),
        json!({ "arn": arn, "extra": 1 }),
        json!({ "arn": arn, "policy": {} }),
        json!({ "arn": arn, "attributes": [] }),
    ] {
        assert_eq!(refused(root, &broker, "put", what.clone()).await, (400, "MalformedInput".into()), "{what}");
    }
    let twice = format!(r#"{{"arn":"{arn}","attributes":{{"a":"1","A":"2"}}}}"#);
    let raw = |body: String, kind: &'static str| {
        let broker = &broker;
        async move { post(broker, "/resources/v1/put", kind, &body, Some((root, "brevet"))).await }
    };
    assert_eq!(raw(twice, "application/json").await.status, 400);
    assert_eq!(raw(json!({ "arn": arn }).to_string(), "text/plain").await.status, 400);
    assert_eq!(raw(String::new(), "application/json").await.status, 400);
    assert_eq!(raw("x".repeat(200_000), "application/json").await.status, 413);

    let statement = json!({ "Effect": "Allow", "Principal": "*", "Action": "record:read", "Resource": arn });
    let mut without_principal = statement.clone();
    without_principal.as_object_mut().expect("an object").remove("Principal");
    let mut nobody = statement.clone();
    nobody["Principal"] = json!({ "AWS": format!("arn:aws:iam::{account}:user/nobody") });
    for policy in ["", "{}", "no policy", &document([without_principal]), &document([nobody])] {
        let expected = (400, "MalformedPolicyDocument".to_owned());
        assert_eq!(refused(root, &broker, "put", json!({ "arn": arn, "policy": policy })).await, expected, "{policy}");
    }
    let mut long = statement;
    long["Sid"] = json!("S".repeat(20_480));
    let expected = (409, "LimitExceeded".to_owned());
    assert_eq!(refused(root, &broker, "put", json!({ "arn": arn, "policy": document([long]) })).await, expected);
    assert!(known(&broker, &arn).await.is_none(), "nothing of all this was stored");
}

#[tokio::test]
async fn nobody_unsigned_and_no_other_path() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let arn = json!({ "arn": "arn:aws:s3:::bucket" }).to_string();
    for (signer, status) in [(None, 401), (Some((&world.root as &dyn ActorKeys, "sts")), 401)] {
        assert_eq!(post(&broker, "/resources/v1/put", "application/json", &arn, signer).await.status, status);
    }
    for path in ["/resources/v1/", "/resources/v1/other", "/resources/v1/put/x"] {
        let signer = Some((&world.root as &dyn ActorKeys, "brevet"));
        assert_eq!(post(&broker, path, "application/json", &arn, signer).await.status, 404, "{path}");
    }
    assert_eq!(get(&broker, "/resources/v1/put").await.status, 405);
}

/// Whoever takes a deleted user's name does not get what the resource's policy gave the user.
#[tokio::test]
async fn a_policy_means_the_user_that_had_the_name() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    root.iam.create_user().user_name("alice").send().await.granted();
    let id = root.iam.get_user().user_name("alice").send().await.granted().user().expect("a user").user_id().to_owned();
    let arn = format!("arn:aws:iam::{}:user/alice", world.root.account);
    let policy = document([json!({ "Effect": "Allow", "Principal": { "AWS": arn }, "Action": "s3:*",
        "Resource": "arn:aws:s3:::bucket" })]);
    done(&world.root, &broker, "put", json!({ "arn": "arn:aws:s3:::bucket", "policy": policy })).await;
    // As it was written, for whoever reads it.
    let shown = done(&world.root, &broker, "get", json!({ "arn": "arn:aws:s3:::bucket" })).await;
    assert_eq!(shown["policy"], json!(policy));
    let known = known(&broker, "arn:aws:s3:::bucket").await.expect("it is stored");
    let in_force = format!("{:?}", known.policy);
    assert!(in_force.contains(&id) && !in_force.contains("user/alice"), "{in_force}");
}

#[tokio::test]
async fn lists_have_pages_and_prefixes() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (root, account) = (&world.root, world.root.account);
    for name in ["a/1", "a/2", "a/3", "b/1", "a"] {
        done(root, &broker, "put", json!({ "arn": format!("arn:aws:record::{account}:{name}") })).await;
    }
    let prefix = format!("arn:aws:record::{account}:a");
    let mut token = String::new();
    let mut found = Vec::new();
    loop {
        let page = done(root, &broker, "list", json!({ "prefix": prefix, "limit": 3, "token": token })).await;
        let arns = page["resources"].as_array().expect("a list").iter().map(|one| one["arn"].clone());
        found.extend(arns);
        token = page["nextToken"].as_str().expect("a text").to_owned();
        if token.is_empty() {
            break;
        }
        assert_eq!(found.len(), 3);
    }
    let expected: Vec<Value> = ["", "/1", "/2", "/3"].iter().map(|end| json!(format!("{prefix}{end}"))).collect();
    assert_eq!(found, expected);
    assert_eq!(done(root, &broker, "list", json!({})).await["resources"].as_array().map(Vec::len), Some(5));
    for wrong in [
        json!({ "limit": 0 }),
        json!({ "limit": 1_001 }),
        json!({ "token": "*" }),
        json!({ "prefix": "x".repeat(901) }),
    ] {
        assert_eq!(refused(root, &broker, "list", wrong.clone()).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn quotas_hold() {
    let (world, broker) = World::begin_with(Backend::Sqlite, |config| config.quotas.resources = 2).await;
    let root = &world.root;
    for name in ["a", "b"] {
        done(root, &broker, "put", json!({ "arn": format!("arn:aws:s3:::{name}") })).await;
    }
    let full = (409, "LimitExceeded".to_owned());
    assert_eq!(refused(root, &broker, "put", json!({ "arn": "arn:aws:s3:::c" })).await, full);
    // What was refused has no owner.
    assert!(known(&broker, "arn:aws:s3:::c").await.is_none());
    done(root, &broker, "put", json!({ "arn": "arn:aws:s3:::b", "attributes": { "a": "b" } })).await;
    done(root, &broker, "delete", json!({ "arn": "arn:aws:s3:::a" })).await;
    done(root, &broker, "put", json!({ "arn": "arn:aws:s3:::c" })).await;
    let actions: Vec<String> = (0..=200).map(|n| format!("a{n}")).collect();
    assert_eq!(refused(root, &broker, "put-type", json!({ "type": "t", "actions": actions })).await, full);
}

#[tokio::test]
async fn types_are_declared_listed_and_forgotten() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let partner = world.another_account("partner").await;
    let root = &world.root;
    done(root, &broker, "put-type", json!({ "type": "record", "actions": ["write", "read", "reports:Read"] })).await;
    done(root, &broker, "put-type", json!({ "type": "book", "actions": [] })).await;
    let types = done(root, &broker, "list-types", json!({})).await["types"].clone();
    let shown: Vec<(&Value, &Value)> =
        types.as_array().expect("a list").iter().map(|one| (&one["type"], &one["actions"])).collect();
    let actions = json!(["read", "reports:Read", "write"]);
    assert_eq!(shown, [(&json!("book"), &json!([])), (&json!("record"), &actions)]);
    assert_eq!(done(&partner, &broker, "list-types", json!({})).await["types"], json!([]));
    assert_eq!(refused(&partner, &broker, "delete-type", json!({ "type": "record" })).await, no_such());
    done(root, &broker, "delete-type", json!({ "type": "book" })).await;
    assert_eq!(refused(root, &broker, "delete-type", json!({ "type": "book" })).await, no_such());
    for wrong in [
        json!({ "type": "Record", "actions": [] }),
        json!({ "type": "iam", "actions": [] }),
        json!({ "type": "", "actions": [] }),
        json!({ "type": "a:b", "actions": [] }),
        json!({ "type": "a", "actions": ["re*"] }),
        json!({ "type": "a", "actions": [""] }),
    ] {
        assert_eq!(refused(root, &broker, "put-type", wrong.clone()).await.0, 400, "{wrong}");
    }
}

fn question(who: &str, action: &str, resource: &str) -> Value {
    json!({ "subject": { "type": "user", "id": who }, "action": { "name": action },
        "resource": { "type": "record", "id": resource } })
}

/// What is stored takes part in decisions from the next question on, at every broker, whatever was kept.
#[tokio::test]
async fn decisions_know_what_is_stored() {
    let (world, one) = World::begin(Backend::Sqlite).await;
    let two = world.another_broker().await;
    let (root, account) = (world.root.at(&one), world.root.account);
    let service = root.user_with("service", &allow("brevet:Evaluate", "*")).await;
    let both = json!({ "StringEquals": { "brevet:Resource/status": "open", "aws:ResourceTag/status": "open" } });
    root.user_with("alice", &crate::world::policies::allow_if("record:read", both)).await;
    root.user("bob").await;
    let arn = format!("arn:aws:record::{account}:r1");
    let may = |at: &'static str, who: &'static str, action: &'static str, resource: &str| {
        let at = if at == "one" { &one } else { &two };
        let asked = question(who, action, resource);
        let service = &service;
        async move { ask(at, service, &asked).await.json() }
    };
    assert_eq!(may("one", "alice", "read", "r1").await["decision"], false);
    assert_eq!(may("two", "alice", "read", "r1").await["decision"], false);
    done(&world.root, &one, "put", json!({ "arn": arn, "attributes": { "status": "open" } })).await;
    assert_eq!(may("one", "alice", "read", "r1").await["decision"], true);
    within_a_second("the other broker says so", || async {
        may("two", "alice", "read", "r1").await["decision"] == true
    })
    .await;
    // What the question says wins for `brevet:Resource/...`, and never for `aws:ResourceTag/...`.
    let mut said = question("alice", "read", "r2");
    said["resource"]["properties"] = json!({ "status": "open" });
    said["context"] = json!({ "aws:ResourceTag/status": "open" });
    assert_eq!(ask(&one, &service, &said).await.json()["decision"], true, "nothing is stored of r2");
    done(&world.root, &one, "put", json!({ "arn": format!("{arn}x") })).await;
    said["resource"]["id"] = json!("r1x");
    assert_eq!(ask(&one, &service, &said).await.json()["decision"], false, "it is stored without a status");

    // Its policy allows what nobody's own policies do, and denies what they allow.
    assert_eq!(may("one", "bob", "read", "r1").await["decision"], false);
    let bob = format!("arn:aws:iam::{account}:user/bob");
    let grant = json!({ "Effect": "Allow", "Principal": { "AWS": bob }, "Action": "record:read", "Resource": arn });
    done(&world.root, &one, "put", json!({ "arn": arn, "policy": document([grant.clone()]) })).await;
    let answer = may("one", "bob", "read", "r1").await;
    assert_eq!(answer["decision"], true, "{answer}");
    assert_eq!(answer["context"]["statements"][0]["policy"], json!(arn), "{answer}");
    let deny = json!({ "Effect": "Deny", "Principal": "*", "Action": "record:*", "Resource": "*" });
    done(&world.root, &one, "put", json!({ "arn": arn, "policy": document([grant, deny]) })).await;
    for who in ["alice", "bob"] {
        assert_eq!(may("one", who, "read", "r1").await["decision"], false, "{who}");
    }
    done(&world.root, &one, "put", json!({ "arn": arn, "policy": null })).await;
    assert_eq!(may("one", "alice", "read", "r1").await["decision"], true);
    done(&world.root, &one, "delete", json!({ "arn": arn })).await;
    assert_eq!(may("one", "alice", "read", "r1").await["decision"], false);
}

/// Of an ARN without an account anybody can be the first to store something: that counts for its own account's askers alone.
#[tokio::test]
async fn no_account_speaks_of_what_another_one_asks_about() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let partner = world.another_account("partner").await;
    let service = root.user_with("service", &allow("brevet:Evaluate", "*")).await;
    root.user_with("alice", &allow("s3:GetObject", "*")).await;
    let tagged = json!({ "StringEquals": { "aws:ResourceTag/team": "red" } });
    root.user_with("bob", &allow_if("s3:GetObject", tagged)).await;
    let bucket = "arn:aws:s3:::bucket";
    let may = |who: &'static str| {
        let asked = question(who, "s3:GetObject", bucket);
        let (broker, service) = (&broker, &service);
        async move { ask(broker, service, &asked).await.json()["decision"].clone() }
    };
    assert_eq!((may("alice").await, may("bob").await), (json!(true), json!(false)));
    // Neither takes the partner's having it anything away, nor do its attributes and its policy give anything.
    let bob = format!("arn:aws:iam::{}:user/bob", root.account);
    let grant = json!({ "Effect": "Allow", "Principal": { "AWS": bob }, "Action": "s3:*", "Resource": bucket });
    let stored = json!({ "arn": bucket, "attributes": { "team": "red" }, "policy": document([grant.clone()]) });
    done(&partner, &broker, "put", stored).await;
    assert_eq!((may("alice").await, may("bob").await), (json!(true), json!(false)));
    done(&partner, &broker, "delete", json!({ "arn": bucket })).await;
    let stored = json!({ "arn": bucket, "attributes": { "team": "red" }, "policy": null });
    done(&world.root, &broker, "put", stored).await;
    assert_eq!((may("alice").await, may("bob").await), (json!(true), json!(true)), "its own account's word counts");
}

/// The policy of a KMS key must allow in any case, but not that it is stored: the first one could never be.
#[tokio::test]
async fn the_policy_of_a_kms_key_is_stored_and_decides() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let service = root.user_with("service", &allow("brevet:Evaluate", "*")).await;
    let (alice, bob) = (root.user("alice").await, root.user_with("bob", &allow("kms:*", "*")).await);
    let key = format!("arn:aws:kms:eu-west-1:{}:key/k", world.root.account);
    let policy = document([json!({ "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", "Principal": {
        "AWS": alice.arn } })]);
    // Not everybody may say what it is, whatever they may do with keys.
    assert_eq!(refused(&bob, &broker, "put", json!({ "arn": key, "policy": policy })).await, denied());
    done(&world.root, &broker, "put", json!({ "arn": key, "policy": policy })).await;
    for (user, decision) in [(&alice, true), (&bob, false)] {
        let question = json!({ "subject": { "type": "user", "id": user.arn }, "action": { "name": "kms:Decrypt" },
            "resource": { "type": "key", "id": key } });
        let answer = ask(&broker, &service, &question).await.json();
        assert_eq!(answer["decision"], json!(decision), "{answer}");
    }
    done(&world.root, &broker, "delete", json!({ "arn": key })).await;
}
