//! Batches: when they end, how much they may have, and what whoever may not ask learns.

use serde_json::{Value, json};

use crate::authzen_certification::{Fixture, admin, named, question, user};
use crate::world::policies::{allow, document};
use crate::world::raw::{ActorKeys, Answer, post};
use crate::world::{Outcome, Running, within_a_second};

fn record(id: &str) -> Value {
    json!({ "type": "record", "id": id })
}

async fn batch(at: &Running, who: &dyn ActorKeys, asked: &Value) -> Answer {
    post(at, "/access/v1/evaluations", "application/json", &asked.to_string(), Some((who, "brevet"))).await
}

#[tokio::test]
async fn a_batch_ends_where_it_is_told_to() {
    let fixture = Fixture::begin().await;
    let asked = |actions: &[&str], semantic: Option<&str>| {
        let evaluations: Vec<Value> = actions.iter().map(|name| json!({ "action": named(name) })).collect();
        let mut asked = json!({ "subject": user("bob"), "resource": record("record-1"), "evaluations": evaluations });
        if let Some(semantic) = semantic {
            asked["options"] = json!({ "evaluations_semantic": semantic, "another": "option" });
        }
        asked
    };
    for (actions, semantic, expected) in [
        (["read", "write", "read"], None, vec![true, false, true]),
        (["read", "write", "read"], Some("execute_all"), vec![true, false, true]),
        (["read", "write", "read"], Some("deny_on_first_deny"), vec![true, false]),
        (["read", "read", "read"], Some("deny_on_first_deny"), vec![true, true, true]),
        (["write", "read", "write"], Some("permit_on_first_permit"), vec![false, true]),
        (["write", "write", "write"], Some("permit_on_first_permit"), vec![false, false, false]),
        // A question that is none is a denial here too.
        (["read", "re*d", "read"], Some("deny_on_first_deny"), vec![true, false]),
        (["re*d", "read", "read"], Some("permit_on_first_permit"), vec![false, true]),
    ] {
        assert_eq!(fixture.decisions(asked(&actions, semantic)).await, expected, "{actions:?} {semantic:?}");
    }
    for wrong in [json!({ "evaluations_semantic": "bogus_value" }), json!({ "evaluations_semantic": 1 }), json!("x")] {
        let mut asked = asked(&["read"], None);
        asked["options"] = wrong.clone();
        assert_eq!(fixture.ask("evaluations", &asked).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn parts_are_taken_from_the_top_as_a_whole() {
    let fixture = Fixture::begin().await;
    // The item's resource has no properties, and those at the top are not its.
    let asked = json!({ "subject": user("alice"), "action": named("write"),
        "resource": { "type": "record", "id": "record-9", "properties": { "status": "archived" } },
        "evaluations": [{}, { "resource": record("record-1") }, { "resource": { "id": "record-1" } },
            { "action": named("read") }, { "subject": admin("bob") }, { "subject": {} }, 7, null, []] });
    let answer = fixture.answer("evaluations", asked).await;
    let answers = answer["evaluations"].as_array().expect("a list");
    let decisions: Vec<&Value> = answers.iter().map(|answer| &answer["decision"]).collect();
    let expected = [false, true, false, true, true, false, false, false, false].map(Value::from);
    assert_eq!(decisions, expected.iter().collect::<Vec<_>>());
    for (at, answer) in answers.iter().enumerate() {
        let status = &answer["context"]["error"]["status"];
        assert_eq!(*status == json!(400), [2, 5, 6, 7, 8].contains(&at), "{at}: {answer}");
        assert!(answer["context"]["reason"].is_string(), "{answer}");
    }
    assert!(answers[1]["context"]["revision"].as_u64().is_some(), "{answer}");
}

#[tokio::test]
async fn what_a_batch_may_have_is_bounded() {
    let fixture = Fixture::begin().await;
    let of = |count: usize| {
        json!({ "subject": user("alice"), "resource": record("record-1"),
            "evaluations": vec![json!({ "action": named("read") }); count] })
    };
    let decisions = fixture.decisions(of(1_000)).await;
    assert!(decisions.len() == 1_000 && decisions.iter().all(|decision| *decision));
    assert_eq!(fixture.ask("evaluations", &of(1_001)).await.status, 400);
    for wrong in [json!({}), json!("x"), json!(7), Value::Null] {
        let mut asked = of(1);
        asked["evaluations"] = wrong.clone();
        assert_eq!(fixture.ask("evaluations", &asked).await.status, 400, "{wrong}");
    }
    // Much that all questions have in common is read once, and refused to each.
    let mut large = of(1_000);
    large["context"] = json!({ "text": "x".repeat(900_000) });
    let answer = fixture.answer("evaluations", large).await;
    let reasons: Vec<&Value> = answer["evaluations"].as_array().expect("a list").iter().collect();
    assert!(reasons.len() == 1_000 && reasons.iter().all(|answer| answer["decision"] == false));
    let wrong =
        json!({ "subject": "alice", "evaluations": [question(user("alice"), named("read"), "record-1", None)] });
    assert_eq!(fixture.ask("evaluations", &wrong).await.status, 400);
}

/// Whether somebody exists is told only to those who may ask about them, question by question; and a flood of questions that nobody
/// may ask makes no flood of records.
#[tokio::test]
async fn the_askers_permission_is_asked_for_each_subject() {
    let fixture = Fixture::begin().await;
    let root = fixture.world.root.at(&fixture.broker);
    let alice = format!("arn:aws:iam::{}:user/alice", root.account);
    let narrow = root.user_with("narrow", &allow("brevet:Evaluate", &alice)).await;
    let mut evaluations = vec![json!({ "subject": user("alice") }), json!({ "subject": user("bob") })];
    evaluations.extend((0..50).map(|n| json!({ "subject": user(&format!("nobody-{n}")) })));
    evaluations.push(json!({ "subject": user("alice") }));
    let asked = json!({ "action": named("read"), "resource": record("record-1"), "evaluations": evaluations });
    let answer = batch(&fixture.broker, &narrow, &asked).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answers = answer.json()["evaluations"].as_array().expect("a list").clone();
    assert_eq!(answers.len(), evaluations.len());
    for (at, answer) in answers.iter().enumerate() {
        let may = at == 0 || at == answers.len() - 1;
        assert_eq!(answer["decision"], json!(may), "{at}: {answer}");
        assert_eq!(answer["context"]["error"]["status"] == json!(403), !may, "{at}: {answer}");
    }
    // Whether there is such a user or not, the answer has the same form.
    let form =
        |at: usize| answers[at]["context"]["error"]["message"].as_str().expect("a text").replace("bob", "nobody-0");
    assert_eq!(form(1), form(2));
    // Alone it is refused as a whole, and recorded behind all those before it.
    let alone = question(user("bob"), named("read"), "record-1", None);
    assert_eq!(batch(&fixture.broker, &narrow, &alone).await.status, 403);
    let recorded = || async { fixture.world.trail("Evaluate").await.lines().count() };
    within_a_second("ten of the batch are recorded, and the last", || async { recorded().await >= 11 }).await;
    assert_eq!(recorded().await, 11);
}

/// A batch is as exact as single questions: each of a thousand, after a change.
#[tokio::test]
async fn a_batch_knows_what_single_questions_know() {
    let fixture = Fixture::begin().await;
    let root = fixture.world.root.at(&fixture.broker);
    let subjects = [user("alice"), user("bob"), user("nobody"), admin("alice")];
    let mut questions = Vec::new();
    for subject in &subjects {
        for action in ["read", "write", "delete", "record:read", "other:read"] {
            for id in ["record-1", "record-2", "record-3"] {
                for status in [None, Some("archived"), Some("active")] {
                    questions.push(question(subject.clone(), named(action), id, status));
                }
            }
        }
    }
    for round in 0..2 {
        let together = fixture.decisions(json!({ "evaluations": questions })).await;
        for (asked, decision) in questions.iter().zip(together) {
            assert_eq!(fixture.decision(asked.clone()).await, decision, "{round} {asked}");
        }
        root.iam.untag_user().user_name("bob").tag_keys("role").send().await.granted();
    }
}

/// Whatever questions stand beside it, each is answered as it would be by itself: with resources that are stored and that are not, of the
/// asker's account, another's and none, looked up for the first time, again, and after a change; and of more than one subject in turn.
#[tokio::test]
async fn a_question_of_a_batch_is_answered_as_it_is_alone() {
    let fixture = Fixture::begin().await;
    let account = fixture.world.root.account;
    let partner = fixture.world.another_account("partner").await;
    let may = document([json!({ "Effect": "Allow", "Action": "record:*", "Resource": "*", "Condition": {
        "StringEquals": { "brevet:Resource/status": "archived" } } })]);
    let root = fixture.world.root.at(&fixture.broker);
    for name in ["carol", "dave"] {
        root.user_with(name, &may).await;
    }
    let put = async |signer: &dyn ActorKeys, arn: String, status: &str| {
        let stored = json!({ "arn": arn, "attributes": { "status": status } }).to_string();
        let done =
            post(&fixture.broker, "/resources/v1/put", "application/json", &stored, Some((signer, "brevet"))).await;
        assert_eq!(done.status, 200, "{done:?}");
    };
    let records: Vec<String> = (0..60).map(|n| format!("arn:aws:record::{account}:many-{n}")).collect();
    for (at, record) in records.iter().enumerate().filter(|(at, _)| at % 3 > 0) {
        put(&fixture.world.root, record.clone(), if at % 3 == 1 { "archived" } else { "active" }).await;
    }
    // Some have policies of their own: that deny, and that allow what nothing else would.
    let soon = json!({ "DateLessThan": { "aws:CurrentTime": fixture.world.now().plus(2).iso8601() } });
    for (at, effect, whom, condition) in [
        (1, "Deny", "carol", None),
        (4, "Deny", "carol", None),
        (5, "Allow", "carol", None),
        (8, "Allow", "carol", None),
        (40, "Deny", "carol", None),
        // Of another's business, but what it leaves of her answer's time is in it.
        (21, "Allow", "alice", Some(&soon)),
    ] {
        let mut statement = json!({ "Effect": effect, "Action": "record:*", "Resource": records[at],
            "Principal": { "AWS": format!("arn:aws:iam::{account}:user/{whom}") } });
        let status = if let Some(condition) = condition {
            statement["Condition"] = condition.clone();
            "active"
        } else {
            "archived"
        };
        let stored = json!({ "arn": records[at], "attributes": { "status": status }, "policy": document([statement]) });
        let signer: (&dyn ActorKeys, &str) = (&fixture.world.root, "brevet");
        let path = "/resources/v1/put";
        let done = post(&fixture.broker, path, "application/json", &stored.to_string(), Some(signer)).await;
        assert_eq!(done.status, 200, "{done:?}");
    }
    put(&fixture.world.root, "arn:aws:record:::ours".to_owned(), "archived").await;
    put(&partner, "arn:aws:record:::theirs".to_owned(), "archived").await;
    let mut ids = records.clone();
    ids.extend(["ours", "theirs", "nobodys"].map(|name| format!("arn:aws:record:::{name}")));
    ids.extend(["many-1", "many-1", "record-2"].map(str::to_owned));
    ids.extend([format!("arn:aws:iam::{account}:user/alice"), "arn:aws:record::7:x".to_owned(), "a*".to_owned()]);
    let subjects = ["carol", "alice", "nobody-at-all", "dave"];
    let items: Vec<Value> = ids
        .iter()
        .enumerate()
        .map(|(at, id)| {
            let mut item = json!({ "resource": { "type": "record", "id": id } });
            // Most are about whom the whole batch is about, some in between about others.
            if at % 4 > 1 {
                item["subject"] = user(subjects[(at / 4) % subjects.len()]);
            }
            if at % 7 == 3 {
                item["context"] = json!({ "aws:SourceIp": "192.0.2.7" });
            }
            item
        })
        .collect();
    for round in 0..3 {
        // By its whole name or by that which it has with a resource's type.
        let action = named(if round == 1 { "record:write" } else { "write" });
        let asked = json!({ "subject": user("carol"), "action": action, "evaluations": items });
        if round == 2 {
            put(&fixture.world.root, records[0].clone(), "archived").await;
            put(&fixture.world.root, records[1].clone(), "active").await;
            root.iam.delete_user_policy().user_name("dave").policy_name("own").send().await.granted();
        }
        let together = fixture.answer("evaluations", asked.clone()).await;
        let answers = together["evaluations"].as_array().expect("a list");
        assert_eq!(answers.len(), items.len());
        for (item, answer) in items.iter().zip(answers) {
            let mut alone = item.clone();
            alone["action"] = action.clone();
            if alone["subject"].is_null() {
                alone["subject"] = user("carol");
            }
            let single = fixture.ask("evaluation", &alone).await;
            // Something else may have been written in between.
            let without_revision = |mut answer: Value| {
                answer["context"]["revision"] = Value::Null;
                answer
            };
            match single.status {
                200 => {
                    let (alone, together) = (without_revision(single.json()), without_revision(answer.clone()));
                    assert_eq!(alone, together, "round {round}: {item}");
                }
                status => {
                    assert_eq!(answer["context"]["error"]["status"], json!(status), "round {round}: {item}");
                    assert_eq!(answer["context"]["error"]["message"], single.json()["error"], "round {round}: {item}");
                }
            }
        }
        let allowed = answers.iter().filter(|answer| answer["decision"] == true).count();
        assert!((10..60).contains(&allowed), "round {round}: {allowed} of {}", answers.len());
    }
}
