//! Attacks on decisions that were tried and must go on failing.

use brevet::types::AccountId;
use serde_json::{Value, json};

use crate::world::policies::{allow, document, statement, trust};
use crate::world::raw::{Answer, ask};
use crate::world::{Actor, Backend, Outcome, Running, User, World};

fn question(who: &User, action: &str, resource: &str, context: Value) -> Value {
    json!({
        "subject": { "type": "user", "id": who.arn },
        "action": { "name": action },
        "resource": { "type": "arn", "id": resource },
        "context": context,
    })
}

/// A service that asks, and ann with these permissions.
async fn service_and_ann(world: &World, at: &Running, policy: &str) -> (User, User) {
    let root = world.root.at(at);
    let service = root.user_with("service", &allow("brevet:Evaluate", "*")).await;
    (service, root.user_with("ann", policy).await)
}

fn decided(answer: &Answer) -> bool {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["decision"].as_bool().expect("a decision")
}

#[tokio::test]
async fn being_allowed_everything_is_not_being_trusted_by_a_role_or_by_a_key() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (service, ann) = service_and_ann(&world, &broker, &allow("*", "*")).await;
    let root = world.root.at(&broker);
    let bob = root.user_with("bob", &allow("*", "*")).await;
    let admin = root.role("admin", &trust(&bob.arn, &["sts:AssumeRole"], None), "").await;
    for action in ["sts:AssumeRole", "STS:assumerole"] {
        assert!(!decided(&ask(&broker, &service, &question(&ann, action, &admin, json!({}))).await), "{action}");
        assert!(decided(&ask(&broker, &service, &question(&bob, action, &admin, json!({}))).await), "{action}");
    }
    // Neither does a role that is not there, or a name that differs in its path, pass for an ordinary resource.
    for other in [admin.replace("role/admin", "role/none"), admin.replace("role/admin", "role/x/admin")] {
        assert!(
            !decided(&ask(&broker, &service, &question(&bob, "sts:AssumeRole", &other, json!({}))).await),
            "{other}"
        );
    }
    let key = format!("arn:aws:kms:eu-west-1:{}:key/k", ann.account);
    assert!(!decided(&ask(&broker, &service, &question(&ann, "kms:Decrypt", &key, json!({}))).await));
}

#[tokio::test]
async fn what_a_denial_could_not_read_is_refused_instead_of_allowed() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let mut outside = statement("Deny", "*", "*");
    outside["Condition"] = json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } });
    let mut many = statement("Deny", "*", "*");
    many["Condition"] = json!({ "NumericGreaterThan": { "reports:Rows": "100" } });
    let policy = document([statement("Allow", "*", "*"), outside, many]);
    let (service, ann) = service_and_ann(&world, &broker, &policy).await;
    let asked =
        async |context| ask(&broker, &service, &question(&ann, "reports:Read", "arn:aws:reports:::q3", context)).await;
    assert!(decided(&asked(json!({ "aws:SourceIp": "192.0.2.1", "reports:Rows": 100 })).await));
    assert!(!decided(&asked(json!({ "aws:SourceIp": "10.1.1.1" })).await));
    assert!(!decided(&asked(json!({ "aws:SourceIp": "::ffff:10.1.1.1" })).await));
    for address in ["010.1.1.1", "10.1.1.1:443", " 10.1.1.1", "ten"] {
        assert_eq!(asked(json!({ "aws:SourceIp": address })).await.status, 400, "{address}");
    }
    assert_eq!(asked(json!({ "aws:SourceIp": ["192.0.2.1", "10.1.1.1"] })).await.status, 400);
    for rows in
        [json!(101), json!("101.0000000000000000000"), json!("00000000000000000000101"), json!("1e3"), json!(1e30)]
    {
        assert!(!decided(&asked(json!({ "reports:Rows": rows })).await), "{rows}");
    }
    // Two keys that differ in case are one key, and a body that gives it twice says two things.
    let twice = r#"{"aws:SourceIp":"10.1.1.1","aws:sourceip":"192.0.2.1"}"#;
    let text = question(&ann, "reports:Read", "arn:aws:reports:::q3", json!({}))
        .to_string()
        .replace(r#""context":{}"#, &format!(r#""context":{twice}"#));
    let answer = crate::world::raw::post(
        &broker,
        "/access/v1/evaluation",
        "application/json",
        &text,
        Some((&service, "brevet")),
    )
    .await;
    assert_eq!(answer.status, 400, "{answer:?}");
    // An account that cannot be one does not make the resource ann's own.
    let resource = "arn:aws:reports::99992222333:q3";
    assert_eq!(ask(&broker, &service, &question(&ann, "reports:Read", resource, json!({}))).await.status, 400);
}

/// A policy within the quotas, and a question within the door's limits, that once kept a processor busy for minutes.
#[tokio::test]
async fn a_hostile_policy_and_question_are_answered() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let patterns: Vec<String> = (0..4).map(|at| format!("*{}b{at}*", "a?".repeat(450))).collect();
    let actions: Vec<String> = (0..40).map(|at| format!("x:{}*a", "a".repeat(at))).collect();
    let mut hostile = statement("Deny", "x:*", "*");
    hostile["Action"] = json!(actions);
    hostile["Condition"] = json!({ "ForAnyValue:StringLike": { "x:v": patterns } });
    let policy = document([hostile]);
    let (service, ann) = service_and_ann(&world, &broker, &allow("x:*", "*")).await;
    let root = world.root.at(&broker);
    for name in 0..5 {
        let arn = root.policy(&format!("hostile-{name}"), &policy).await;
        root.iam.attach_user_policy().user_name("ann").policy_arn(arn).send().await.granted();
    }
    let values = vec!["a".repeat(2_000); 16];
    let action = format!("x:{}", "a".repeat(200));
    let asked = question(&ann, &action, "arn:aws:x:::r", json!({ "x:v": values }));
    assert!(decided(&ask(&broker, &service, &asked).await), "none of the patterns matches");
}

#[tokio::test]
async fn nobody_makes_a_role_that_guardrails_would_not_bind_or_one_that_trusts_all_but_one() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let iam = world.root.iam(&broker);
    let account: AccountId = world.root.account;
    let trusting = trust(&account.to_string(), &["sts:AssumeRole"], None);
    let create = |path: &str| {
        iam.create_role().role_name("linked").path(path).assume_role_policy_document(trusting.as_str()).send()
    };
    for path in ["/aws-service-role/", "/aws-service-role/ec2.amazonaws.com/"] {
        create(path).await.refused("InvalidInput");
    }
    create("/aws-service-roles/").await.granted();
    let mut all_but_one = statement("Allow", "sts:AssumeRole", "*");
    all_but_one.as_object_mut().expect("a statement").remove("Resource");
    all_but_one["NotPrincipal"] = json!({ "AWS": account.to_string() });
    let refused = iam.create_role().role_name("open").assume_role_policy_document(document([all_but_one])).send().await;
    assert_eq!(refused.refused("MalformedPolicyDocument"), "Has prohibited field NotPrincipal");
}
