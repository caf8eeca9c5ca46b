//! Batches: when they end, how much they may have, and what whoever may not ask learns.

use serde_json::{Value, json};

use crate::authzen_certification::{Fixture, admin, named, question, user};
use crate::world::policies::{allow, document, statement, trust};
use crate::world::raw::{ActorKeys, Answer, post};
use crate::world::{Outcome, Running, within_a_second};

fn record(id: &str) -> Value {
    json!({ "type": "record", "id": id })
}

/// Something else may have been written between two answers.
fn without_revision(mut answer: Value) -> Value {
    answer["context"]["revision"] = Value::Null;
    answer
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

/// Whatever the broker writes meanwhile, a batch is answered, and be it of one question: who its subject is may have to be found out again.
#[tokio::test]
async fn a_batch_is_answered_while_much_is_written() {
    let fixture = Fixture::begin().await;
    let account = fixture.world.root.account;
    let questions = async {
        for round in 0..100 {
            // Of resources that nobody has looked up yet, so that the store is waited for.
            let items: Vec<Value> = (0..1 + round % 2)
                .map(|at| json!({ "resource": record(&format!("new-{round}-{at}")), "subject": user("alice") }))
                .collect();
            let one = json!({ "resource": record(&format!("{round}")) });
            let asked = json!({ "subject": user("bob"), "action": named("read"), "evaluations": [one] });
            assert_eq!(fixture.decisions(asked).await, [true], "round {round}");
            let asked = json!({ "action": named("read"), "evaluations": items });
            assert!(fixture.decisions(asked).await.iter().all(|decision| *decision), "round {round}");
        }
    };
    let changes = async |writer: usize| {
        for number in 0.. {
            let stored = json!({ "arn": format!("arn:aws:record::{account}:{writer}"),
                "attributes": { "number": format!("{number}") } });
            let signer: (&dyn ActorKeys, &str) = (&fixture.world.root, "brevet");
            let path = "/resources/v1/put";
            let done = post(&fixture.broker, path, "application/json", &stored.to_string(), Some(signer)).await;
            assert_eq!(done.status, 200, "{done:?}");
        }
    };
    tokio::select! {
        () = questions => {}
        () = async { tokio::join!(changes(0), changes(1), changes(2)); } => panic!("they do not end"),
    }
}

/// Also where the answers differ from one resource to the next: policies of resources that are another account's, keys, whose policy must
/// allow, roles, defective names; with actions in any case, and addresses in all ways of writing them.
#[tokio::test]
async fn questions_in_a_row_are_answered_as_each_is_alone() {
    let fixture = Fixture::begin().await;
    let account = fixture.world.root.account;
    let root = fixture.world.root.at(&fixture.broker);
    let partner = fixture.world.another_account("partner").await;
    let theirs = partner.account;
    let erin = format!("arn:aws:iam::{account}:user/erin");
    let own = |name: &str| format!("arn:aws:record::{account}:{name}");
    let statements = [
        ("Allow", "Record:*", own("in-*"), "IpAddress", json!("192.0.2.0/24")),
        ("Allow", "record:W*", own("text-*"), "StringEquals", json!(["2001:DB8::1", "192.0.2.7"])),
        ("Allow", "record:?rite", own("like-*"), "StringLike", json!(["*ffff*", "2001:db8::*"])),
        ("Allow", "record:write", own("any-*"), "ForAnyValue:StringLike", json!("*:*")),
        ("Allow", "record:write", own("none-*"), "Null", json!("true")),
        ("Allow", "record:write", own("at-${aws:SourceIp}"), "Null", json!("false")),
        ("Deny", "record:WRITE", "*".to_owned(), "IpAddress", json!(["10.0.0.0/8", "::ffff:192.0.2.9/128"])),
        ("Allow", "*:write", "arn:aws:other:*".to_owned(), "NotIpAddress", json!("2001:db8::/32")),
        ("Allow", "*:write", format!("arn:aws:record::{theirs}:*"), "StringNotEquals", json!("2001:db8::1")),
        ("Allow", "kms:*", "*".to_owned(), "StringNotLike", json!("x")),
        ("Allow", "sts:*", "*".to_owned(), "Null", json!("false")),
    ];
    let may = document(statements.map(|(effect, action, resource, operator, expected)| {
        let mut statement = statement(effect, action, &resource);
        statement["Condition"] = json!({ operator: { "aws:SourceIp": expected } });
        statement
    }));
    let may = root.policy("erin-may", &may).await;
    root.iam.create_user().user_name("erin").send().await.granted();
    root.iam.attach_user_policy().user_name("erin").policy_arn(&may).send().await.granted();
    let trusting = trust(&erin, &["sts:AssumeRole"], None);
    root.iam.create_role().role_name("trusting").assume_role_policy_document(trusting).send().await.granted();
    let other = trust(&theirs.to_string(), &["sts:AssumeRole"], None);
    root.iam.create_role().role_name("other").assume_role_policy_document(other).send().await.granted();
    let granting = |effect: &str, resource: &str| {
        document([
            json!({ "Sid": "Theirs", "Effect": effect, "Action": "*", "Resource": resource, "Principal": { "AWS": erin } }),
        ])
    };
    let mut resources = Vec::new();
    for (at, (whose, arn, effect)) in [
        (&fixture.world.root, own("in-1"), Some("Deny")),
        (&fixture.world.root, own("in-2"), Some("Allow")),
        (&fixture.world.root, own("other-2"), Some("Allow")),
        (&fixture.world.root, own("other-3"), None),
        (&partner, format!("arn:aws:record::{theirs}:1"), Some("Allow")),
        (&partner, format!("arn:aws:record::{theirs}:2"), Some("Deny")),
        (&partner, format!("arn:aws:record::{theirs}:3"), Some("Allow")),
        (&partner, format!("arn:aws:record::{theirs}:4"), None),
        (&partner, "arn:aws:record:::theirs".to_owned(), Some("Allow")),
        (&fixture.world.root, "arn:aws:record:::ours".to_owned(), Some("Allow")),
        (&fixture.world.root, format!("arn:aws:kms:eu-west-1:{account}:alias/a"), None),
    ]
    .into_iter()
    .enumerate()
    {
        let mut stored = json!({ "arn": arn, "attributes": { "number": format!("{at}") } });
        if let Some(effect) = effect {
            stored["policy"] = granting(effect, &arn).into();
        }
        let signer: (&dyn ActorKeys, &str) = (whose, "brevet");
        let path = "/resources/v1/put";
        let done = post(&fixture.broker, path, "application/json", &stored.to_string(), Some(signer)).await;
        assert_eq!(done.status, 200, "{arn}: {done:?}");
        resources.push(json!({ "type": "record", "id": arn }));
    }
    let ids =
        "in-3 in-4 text-1 text-2 like-1 any-1 none-1 at-192.0.2.7 at-2001:DB8::1 at-2001:db8::1 at-::ffff:192.0.2.9";
    for id in ids.split(' ').chain(["a?b", "a*b", "not\u{7}printed", "", "\u{e9}\"\\"]) {
        resources.push(record(id));
        resources.push(json!({ "type": "other", "id": id }));
    }
    for role in ["trusting", "other", "nobodys", "path/trusting"] {
        resources.push(json!({ "type": "role", "id": format!("arn:aws:iam::{account}:role/{role}") }));
    }
    resources.extend([
        json!({ "type": "a b", "id": "x" }),
        json!({ "id": "x" }),
        json!({ "type": "kms", "id": "key/3" }),
        json!({ "type": "x", "id": format!("arn:aws:KMS:eu-west-1:{account}:key/1") }),
        json!([]),
        json!({ "type": "record", "id": 7 }),
        json!({ "type": "record", "id": "in-5", "properties": { "a": 1 } }),
        json!({ "type": "record", "id": "in-6", "properties": {} }),
        json!({ "type": "record", "id": "in-7", "properties": null }),
    ]);

    let addresses = [
        None,
        Some("192.0.2.7"),
        Some("10.1.1.1"),
        Some("2001:db8::1"),
        Some("2001:DB8::1"),
        Some("2001:db8:0::1"),
        Some("::ffff:192.0.2.9"),
        Some("::FFFF:192.0.2.9"),
        Some("::c000:207"),
        Some("nowhere"),
    ];
    let mut outcomes = std::collections::BTreeSet::new();
    for (round, address) in addresses.iter().enumerate() {
        let mut context = json!({ "aws:SecureTransport": round % 2 == 0 });
        if let Some(address) = address {
            context[if round % 2 == 0 { "aws:SourceIp" } else { "AWS:sourceIP" }] = json!(address);
        }
        let actions: &[&str] = if round == 1 {
            &[
                "write",
                "WRITE",
                "Record:Write",
                "kms:Decrypt",
                "KMS:DECRYPT",
                "sts:AssumeRole",
                "STS:assumerole",
                "wr*te",
            ]
        } else {
            &["record:WRITE"]
        };
        for action in actions {
            let common = json!({ "subject": user("erin"), "action": named(action), "context": context });
            let mut single = Vec::new();
            for resource in &resources {
                let mut alone = common.clone();
                alone["resource"] = resource.clone();
                let answer = fixture.ask("evaluation", &alone).await;
                single.push((answer.status, without_revision(answer.json())));
            }
            let mut asked = common.clone();
            asked["evaluations"] = resources.iter().map(|resource| json!({ "resource": resource })).collect();
            for semantic in ["execute_all", "deny_on_first_deny", "permit_on_first_permit"] {
                asked["options"] = json!({ "evaluations_semantic": semantic });
                let answer = fixture.answer("evaluations", asked.clone()).await;
                let answers = answer["evaluations"].as_array().expect("a list");
                for ((resource, (status, alone)), together) in resources.iter().zip(&single).zip(answers) {
                    let what = format!("{address:?} {action} {resource} {semantic}");
                    if *status == 200 {
                        assert_eq!(without_revision(together.clone()), *alone, "{what}");
                        outcomes.insert(format!("{}{}", alone["context"]["reason"], alone["context"]["statements"]));
                    } else {
                        assert_eq!(
                            together["context"]["error"],
                            json!({ "status": status, "message": alone["error"] }),
                            "{what}"
                        );
                        assert_eq!(together["decision"], false, "{what}");
                    }
                }
                let last = |decision: &Value| match semantic {
                    "deny_on_first_deny" => *decision == false,
                    "permit_on_first_permit" => *decision == true,
                    _ => false,
                };
                let decision = |(status, alone): &(u16, Value)| json!(*status == 200 && alone["decision"] == true);
                let ends = single.iter().position(|alone| last(&decision(alone)));
                assert_eq!(answers.len(), ends.map_or(single.len(), |at| at + 1), "{address:?} {action} {semantic}");
            }
        }
    }
    // A test of nothing would be one in which all come out alike.
    assert!(outcomes.len() > 12, "{outcomes:?}");
}
