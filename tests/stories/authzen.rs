//! The evaluation door: who may ask, what is no question, and how fresh and how exact the answers are.

use serde_json::{Value, json};

use crate::world::policies::{allow, allow_if, document, statement};
use crate::world::raw::{ask, get, post};
use crate::world::{Actor, Backend, Outcome, Running, Session, User, World};

/// May this user do `reports:Read` on the third quarter's report?
fn about(user: &User) -> Value {
    json!({
        "subject": { "type": "user", "id": user.arn },
        "action": { "name": "reports:Read" },
        "resource": { "type": "report", "id": "arn:aws:reports:::q3" },
    })
}

fn with_context(mut question: Value, context: Value) -> Value {
    question["context"] = context;
    question
}

/// A service that may ask, and alice with these permissions.
async fn service_and_alice(world: &World, at: &Running, policy: &str) -> (User, User) {
    let root = world.root.at(at);
    let service = root.user_with("service", &allow("brevet:Evaluate", "*")).await;
    (service, root.user_with("alice", policy).await)
}

#[tokio::test]
async fn who_does_not_sign_is_asked_to_and_who_may_not_ask_is_refused() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (service, alice) = service_and_alice(&world, &broker, &allow("reports:*", "*")).await;
    let question = about(&alice);
    let unsigned = post(&broker, "/access/v1/evaluation", "application/json", &question.to_string(), None).await;
    assert_eq!(unsigned.status, 401, "{unsigned:?}");
    let text = question.to_string();
    let for_sts = post(&broker, "/access/v1/evaluation", "application/json", &text, Some((&service, "sts"))).await;
    assert_eq!(for_sts.status, 401);
    let nobody = world.root.at(&broker).user("nobody").await;
    let refused = ask(&broker, &nobody, &question).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(refused.json()["decision"].is_null(), "a refusal is no decision: {refused:?}");
    // Not about herself either, unless policy says so; and whether somebody exists is not told.
    assert_eq!(ask(&broker, &alice, &question).await.status, 403);
    let mut about_nobody = question.clone();
    about_nobody["subject"]["id"] = json!(alice.arn.replace("alice", "ghost"));
    assert_eq!(ask(&broker, &nobody, &about_nobody).await.status, 403);
    let ghost = ask(&broker, &service, &about_nobody).await;
    assert_eq!((ghost.status, &ghost.json()["decision"]), (200, &json!(false)), "{ghost:?}");
    assert_eq!(ask(&broker, &service, &question).await.json()["decision"], true);
    // The ARN of another path is another user's, whom there is not.
    about_nobody["subject"]["id"] = json!(alice.arn.replace("user/", "user/elsewhere/"));
    let elsewhere = ask(&broker, &service, &about_nobody).await;
    assert_eq!((elsewhere.status, &elsewhere.json()["decision"]), (200, &json!(false)), "{elsewhere:?}");
}

#[tokio::test]
async fn a_service_may_be_allowed_to_ask_about_some_only() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let (alice, bob) = (root.user("alice").await, root.user("bob").await);
    let service = root.user_with("service", &allow("brevet:Evaluate", &alice.arn)).await;
    assert_eq!(ask(&broker, &service, &about(&alice)).await.status, 200);
    assert_eq!(ask(&broker, &service, &about(&bob)).await.status, 403);
    // Another account's users are not its business.
    let partner = world.another_account("partner").await;
    let theirs = partner.at(&broker).user("alice").await;
    let asks_all = root.user_with("all", &allow("brevet:Evaluate", "*")).await;
    assert_eq!(ask(&broker, &asks_all, &about(&theirs)).await.status, 403);
}

#[tokio::test]
async fn what_anothers_trust_policy_says_is_not_told_beside_the_decision() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let service = root.user_with("service", &allow("brevet:Evaluate", "*")).await;
    let alice = root.user_with("alice", &allow("sts:AssumeRole", "*")).await;
    let partner = world.another_account("partner").await;
    let trusting = |effect: &str| {
        document([json!({ "Sid": "MergerTalks", "Effect": effect, "Action": "sts:AssumeRole",
            "Principal": { "AWS": root.account.to_string() } })])
    };
    for (name, effect) in [("open", "Allow"), ("closed", "Deny")] {
        for (owner, told) in [(&root, 2), (&partner.at(&broker), 1)] {
            let role = owner.role(name, &trusting(effect), "").await;
            let mut question = about(&alice);
            question["action"]["name"] = json!("sts:AssumeRole");
            question["resource"]["id"] = json!(role);
            let answer = ask(&broker, &service, &question).await.json();
            assert_eq!(answer["decision"], json!(effect == "Allow"), "{answer}");
            let told = if effect == "Allow" { told } else { told - 1 };
            assert_eq!(answer["context"]["statements"].as_array().map(Vec::len), Some(told), "{answer}");
            assert_eq!(answer.to_string().contains("MergerTalks"), owner.account == root.account, "{answer}");
        }
    }
}

#[tokio::test]
async fn what_is_no_question_is_a_bad_request() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (service, alice) = service_and_alice(&world, &broker, &allow("reports:*", "*")).await;
    let good = about(&alice);
    let changed = |pointer: &str, value: Value| {
        let mut question = good.clone();
        *question.pointer_mut(pointer).expect("a member") = value;
        question
    };
    let without = |member: &str| {
        let mut question = good.clone();
        question.as_object_mut().expect("an object").remove(member);
        question
    };
    for bad in [
        json!([]),
        json!("x"),
        json!({}),
        without("subject"),
        without("action"),
        without("resource"),
        changed("/subject/type", json!("group")),
        changed("/subject/id", json!("arn:aws:s3:::alice")),
        changed("/subject/id", json!(alice.arn.replace("user/", "role/"))),
        changed("/subject/type", json!("session")),
        changed("/action/name", json!("")),
        changed("/action/name", json!("read it")),
        changed("/resource/type", json!("re:port"))
            .as_object()
            .map(|question| {
                let mut question = question.clone();
                question["action"]["name"] = json!("read");
                Value::Object(question)
            })
            .expect("an object"),
        changed("/action/name", json!("reports:*")),
        changed("/resource/id", json!("")),
        changed("/resource/id", json!(7)),
        with_context(good.clone(), json!([])),
        with_context(good.clone(), json!({ "team": [["x"]] })),
        with_context(good.clone(), json!({ "team": vec!["x"; 201] })),
    ] {
        let answer = ask(&broker, &service, &bad).await;
        assert_eq!(answer.status, 400, "{bad} → {answer:?}");
        assert!(answer.json()["error"].is_string(), "{answer:?}");
    }
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (kind, body) in [
        ("application/json", "{".to_owned()),
        ("application/json", nested),
        ("application/json", "\u{0}".to_owned()),
        ("text/plain", good.to_string()),
    ] {
        let answer = post(&broker, "/access/v1/evaluation", kind, &body, Some((&service, "brevet"))).await;
        assert_eq!(answer.status, 400, "{kind}: {answer:?}");
    }
    let long = " ".repeat(2 << 20);
    let long = post(&broker, "/access/v1/evaluation", "application/json", &long, Some((&service, "brevet"))).await;
    assert_eq!(long.status, 413);
}

#[tokio::test]
async fn there_are_no_other_doors() {
    let (_world, broker) = World::begin(Backend::Sqlite).await;
    for path in ["/access/v1/search", "/access/v1", "/access/v1/evaluation/", "/admin", "/index.html"] {
        let answer = get(&broker, path).await;
        assert_eq!((answer.status, answer.code()), (404, "UnknownEndpoint"), "{path}: {answer:?}");
    }
    assert_eq!(get(&broker, "/access/v1/evaluation").await.status, 405);
    assert_eq!(get(&broker, "/health/live").await.status, 200);
    assert_eq!(get(&broker, "/health/ready").await.status, 200);
}

#[tokio::test]
async fn the_second_answer_is_the_first_and_a_change_makes_another_at_a_later_revision() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (service, alice) = service_and_alice(&world, &broker, &allow("reports:*", "*")).await;
    broker.settled().await;
    let first = ask(&broker, &service, &about(&alice)).await;
    let second = ask(&broker, &service, &about(&alice)).await;
    assert_eq!(first.body, second.body, "the same question has the same answer, byte for byte");
    let (first, second) = (first.json(), second.json());
    assert_eq!((&first["decision"], &second["decision"]), (&json!(true), &json!(true)));
    assert_eq!(first["context"]["statements"], second["context"]["statements"]);
    let bound = first["context"]["max_age"].as_i64().expect("a number");
    assert!((1..=5).contains(&bound), "no longer than a change may take to be seen: {bound}");
    let root = world.root.at(&broker);
    root.iam.delete_user_policy().user_name("alice").policy_name("own").send().await.granted();
    let third = ask(&broker, &service, &about(&alice)).await.json();
    assert_eq!(third["decision"], false);
    assert!(third["context"]["reason"].as_str().is_some_and(|reason| reason.contains("reports:Read")), "{third}");
    let revision = |answer: &Value| answer["context"]["revision"].as_u64().expect("a revision");
    crate::world::within_a_second("the revision rises", || async {
        revision(&ask(&broker, &service, &about(&alice)).await.json()) > revision(&first)
    })
    .await;
}

#[tokio::test]
async fn only_keys_that_the_policies_read_make_it_another_answer() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let policy = allow_if("reports:Read", json!({ "StringEquals": { "reports:Quarter": "q3" } }));
    let (service, alice) = service_and_alice(&world, &broker, &policy).await;
    broker.settled().await;
    let asked = |context: Value| {
        let question = with_context(about(&alice), context);
        let (broker, service) = (&broker, &service);
        async move { ask(broker, service, &question).await.json()["decision"] == true }
    };
    assert!(asked(json!({ "reports:Quarter": "q3" })).await);
    assert!(asked(json!({ "reports:Quarter": "q3", "reports:Page": "7" })).await);
    assert!(asked(json!({ "REPORTS:quarter": "q3" })).await);
    assert!(!asked(json!({ "reports:Quarter": "q4" })).await);
    assert!(!asked(json!({})).await);
    assert!(!asked(json!({ "reports:Quarter": "" })).await);
}

#[tokio::test]
async fn what_the_broker_knows_by_itself_cannot_be_claimed() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let policy = document([
        json!({ "Effect": "Allow", "Action": "reports:Read", "Resource": "*",
            "Condition": { "Bool": { "aws:MultiFactorAuthPresent": "true" } } }),
        json!({ "Effect": "Allow", "Action": "reports:Read", "Resource": "*",
            "Condition": { "StringEquals": { "aws:PrincipalTag/team": "red" } } }),
        json!({ "Effect": "Allow", "Action": "reports:Read", "Resource": "*",
            "Condition": { "StringEquals": { "aws:username": "root" } } }),
    ]);
    let (service, alice) = service_and_alice(&world, &broker, &policy).await;
    for (key, value) in [
        ("aws:MultiFactorAuthPresent", json!(true)),
        ("AWS:multifactorauthpresent", json!("true")),
        ("aws:PrincipalTag/team", json!("red")),
        ("aws:username", json!("root")),
        ("aws:PrincipalArn", json!("arn:aws:iam::1:root")),
        ("aws:CurrentTime", json!("2020-01-01T00:00:00Z")),
        ("aws:TokenIssueTime", json!("2020-01-01T00:00:00Z")),
        ("aws:SourceIdentity", json!("root")),
        ("sts:ExternalId", json!("x")),
        ("iam:ResourceTag/team", json!("red")),
        ("aws:PrincipalOrgID", json!("o-a1b2c3d4e5")),
        ("aws:NoSuchKey", json!("x")),
    ] {
        let answer = ask(&broker, &service, &with_context(about(&alice), json!({ key: value }))).await;
        assert_eq!(answer.status, 400, "{key}: {answer:?}");
    }
    assert_eq!(ask(&broker, &service, &about(&alice)).await.json()["decision"], false);
    let properties = json!({ "aws:username": "root", "team": "red" });
    let mut question = about(&alice);
    question["subject"]["properties"] = properties;
    assert_eq!(ask(&broker, &service, &question).await.json()["decision"], false);
}

#[tokio::test]
async fn facts_of_the_request_are_the_askers_to_say() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let policy = allow_if("reports:Read", json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } }));
    let (service, alice) = service_and_alice(&world, &broker, &policy).await;
    for (address, expected) in [("10.1.2.3", true), ("192.0.2.1", false)] {
        let question = with_context(about(&alice), json!({ "aws:SourceIp": address }));
        assert_eq!(ask(&broker, &service, &question).await.json()["decision"], expected, "{address}");
    }
    let nonsense = with_context(about(&alice), json!({ "aws:SourceIp": "nonsense" }));
    assert_eq!(ask(&broker, &service, &nonsense).await.status, 400);
    // The asker's own address is not the subject's.
    assert_eq!(ask(&broker, &service, &about(&alice)).await.json()["decision"], false);
}

#[tokio::test]
async fn whose_a_resource_is_its_arn_says_and_only_without_one_the_asker() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let account = root.account.to_string();
    let own = json!({ "StringEquals": { "aws:ResourceAccount": account } });
    let policy = document([
        json!({ "Effect": "Allow", "Action": "reports:Read", "Resource": "*", "Condition": own }),
        json!({ "Effect": "Allow", "Action": "iam:GetUser", "Resource": "*", "Condition": own }),
    ]);
    let (service, alice) = service_and_alice(&world, &broker, &policy).await;
    let asked = |resource: String, context: Value| {
        let mut question = with_context(about(&alice), context);
        question["resource"]["id"] = json!(resource);
        let (broker, service) = (&broker, &service);
        async move { ask(broker, service, &question).await.json()["decision"] == true }
    };
    let (named, unnamed) = (format!("arn:aws:reports::{account}:q3"), "arn:aws:reports:::q3".to_owned());
    let claimed = |account: &str| json!({ "aws:ResourceAccount": account });
    assert!(asked(named.clone(), json!({})).await);
    assert!(asked(named, claimed("000000000000")).await, "the ARN says whose it is");
    assert!(!asked(unnamed.clone(), json!({})).await);
    assert!(asked(unnamed.clone(), claimed(&account)).await);
    assert!(!asked(unnamed, claimed("000000000000")).await);
    // The broker's own entities have an owner too.
    alice.iam(&broker).get_user().user_name("alice").send().await.granted();
}

#[tokio::test]
async fn facts_that_come_with_a_network_or_a_source_are_the_askers_to_say_too() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let policy = document([
        json!({ "Effect": "Allow", "Action": "reports:Read", "Resource": "*",
            "Condition": { "StringEquals": { "aws:VpceOrgID": "o-a1b2c3d4e5" } } }),
        json!({ "Effect": "Allow", "Action": "reports:Read", "Resource": "*",
            "Condition": { "ForAnyValue:StringLike": { "aws:SourceOrgPaths": "o-a1b2c3d4e5/*" } } }),
    ]);
    let (service, alice) = service_and_alice(&world, &broker, &policy).await;
    for (context, expected) in [
        (json!({ "aws:VpceOrgID": "o-a1b2c3d4e5" }), true),
        (json!({ "aws:VpceOrgID": "o-zzzzzzzzzz" }), false),
        (json!({ "aws:SourceOrgPaths": ["o-a1b2c3d4e5/r-ab12/"] }), true),
        (json!({}), false),
    ] {
        let answer = ask(&broker, &service, &with_context(about(&alice), context.clone())).await;
        assert_eq!(answer.json()["decision"], expected, "{context}: {answer:?}");
    }
}

#[tokio::test]
async fn a_kept_answer_does_not_outlive_the_moment_at_which_time_changes_it() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let noon = world.now().plus(3_600);
    let policy = allow_if("reports:Read", json!({ "DateLessThan": { "aws:CurrentTime": noon.iso8601() } }));
    let (service, alice) = service_and_alice(&world, &broker, &policy).await;
    broker.settled().await;
    let asked = || async { ask(&broker, &service, &about(&alice)).await.json() };
    assert_eq!(asked().await["decision"], true);
    world.advance(3_597);
    let late = asked().await;
    assert_eq!(late["decision"], true);
    assert!(late["context"]["max_age"].as_i64().is_some_and(|seconds| seconds <= 3), "{late}");
    world.advance(3);
    assert_eq!(asked().await["decision"], false);
    world.advance(86_400);
    assert_eq!(asked().await["decision"], false);
}

#[tokio::test]
async fn a_second_factor_grows_old() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let policy = allow_if("reports:Read", json!({ "NumericLessThan": { "aws:MultiFactorAuthAge": "600" } }));
    let (service, alice) = service_and_alice(&world, &broker, &policy).await;
    let device = world.root.at(&broker).device_of(&alice).await;
    let login = alice.sts(&broker).get_session_token().serial_number(&device.serial).token_code(device.next_code());
    let session = Session::of(login.send().await.granted().credentials());
    let mut question = about(&alice);
    question["subject"] = json!({ "type": "session", "id": "s", "properties": { "session_token": session.token() } });
    let asked = || async { ask(&broker, &service, &question).await.json()["decision"].clone() };
    assert_eq!(asked().await, true);
    world.advance(599);
    assert_eq!(asked().await, true);
    world.advance(1);
    assert_eq!(asked().await, false);
}

#[tokio::test]
async fn a_session_is_asked_about_by_its_token_and_a_bad_token_is_a_no() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let policy = document([statement("Allow", "reports:*", "*")]);
    let (service, alice) = service_and_alice(&world, &broker, &policy).await;
    let given = alice.sts(&broker).get_session_token().duration_seconds(900).send().await.granted();
    let session = Session::of(given.credentials());
    let asked = |token: String| {
        let mut question = about(&alice);
        question["subject"] = json!({ "type": "session", "id": "s", "properties": { "session_token": token } });
        let (broker, service) = (&broker, &service);
        async move { ask(broker, service, &question).await }
    };
    let yes = asked(session.token().to_owned()).await;
    assert_eq!((yes.status, &yes.json()["decision"]), (200, &json!(true)));
    for bad in ["", "x", "a.b.c", &session.token()[1..]] {
        let answer = asked(bad.to_owned()).await;
        assert_eq!((answer.status, &answer.json()["decision"]), (200, &json!(false)), "{bad:?}: {answer:?}");
    }
    world.advance(898);
    let late = asked(session.token().to_owned()).await.json();
    assert!(late["context"]["max_age"].as_i64().is_some_and(|seconds| seconds <= 2), "{late}");
    world.advance(2);
    assert_eq!(asked(session.token().to_owned()).await.json()["decision"], false);
}
