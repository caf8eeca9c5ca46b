//! The certification scenario of the AuthZEN Authorization API 1.0, with IAM policies, tags and stored resources as its fixture.
//!
//! Source: `certification/authorization-api-1_0-scenario.md` of the OpenID AuthZEN working group; the names of the tests here follow its
//! sections.

use serde_json::{Value, json};

use crate::world::policies::{allow, document, statement};
use crate::world::raw::{Answer, get, post, post_with};
use crate::world::{Backend, Outcome, Running, User, World};

/// The scenario's fixture in a running broker, and the enforcement point that asks.
pub struct Fixture {
    pub world: World,
    pub broker: Running,
    pub enforcer: User,
}

impl Fixture {
    pub async fn begin() -> Self {
        let (world, broker) = World::begin(Backend::Sqlite).await;
        let (root, account) = (world.root.at(&broker), world.root.account);
        let records = format!("arn:aws:record::{account}:*");

        // Who may read, and who may write what is archived: one policy for everybody.
        let mut write_archived = statement("Allow", "record:write", &records);
        write_archived["Condition"] =
            json!({ "StringEquals": { "brevet:Subject/role": "admin", "brevet:Resource/status": "archived" } });
        let everybody =
            root.policy("everybody", &document([statement("Allow", "record:read", &records), write_archived])).await;
        // Alice writes what is not archived, and deletes softly.
        let mut write = statement("Allow", "record:write", &records);
        write["Condition"] = json!({ "StringNotEquals": { "brevet:Resource/status": "archived" } });
        let mut delete = statement("Allow", "record:delete", &records);
        delete["Condition"] = json!({ "Bool": { "brevet:Action/soft": "true" } });
        let editors = root.policy("editors", &document([write, delete])).await;
        for (name, policies) in [("alice", vec![&everybody, &editors]), ("bob", vec![&everybody])] {
            root.iam.create_user().user_name(name).send().await.granted();
            for policy in policies {
                root.iam.attach_user_policy().user_name(name).policy_arn(policy).send().await.granted();
            }
        }
        let role = aws_sdk_iam::types::Tag::builder().key("role").value("admin").build().expect("a tag");
        root.iam.tag_user().user_name("bob").tags(role).send().await.granted();
        for (record, status) in [("record-1", "active"), ("record-2", "archived")] {
            let arn = format!("arn:aws:record::{account}:{record}");
            store(&world, &broker, "put", json!({ "arn": arn, "attributes": { "status": status } })).await;
        }
        store(&world, &broker, "put-type", json!({ "type": "record", "actions": ["read", "write", "delete"] })).await;
        let may =
            document([json!({ "Effect": "Allow", "Action": ["brevet:Evaluate", "brevet:Search"], "Resource": "*" })]);
        let enforcer = root.user_with("enforcer", &may).await;
        Self { world, broker, enforcer }
    }

    /// Asks a door.
    pub async fn ask(&self, door: &str, question: &Value) -> Answer {
        self.send(door, "application/json", &question.to_string(), &[]).await
    }

    pub async fn send(&self, door: &str, kind: &str, body: &str, more: &[(&str, &str)]) -> Answer {
        let path = format!("/access/v1/{door}");
        post_with(&self.broker, &path, kind, body, Some((&self.enforcer, "brevet")), more).await
    }

    /// The answer of a door, which is one.
    pub async fn answer(&self, door: &str, question: Value) -> Value {
        let answer = self.ask(door, &question).await;
        assert_eq!(answer.status, 200, "{door} {question}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        answer.json()
    }

    pub async fn decision(&self, question: Value) -> bool {
        let answer = self.answer("evaluation", question).await;
        assert!(answer["context"].is_object(), "{answer}");
        answer["decision"].as_bool().expect("a decision is a boolean")
    }

    pub async fn decisions(&self, question: Value) -> Vec<bool> {
        let answer = self.answer("evaluations", question).await;
        assert!(answer.get("decision").is_none(), "{answer}");
        let answers = answer["evaluations"].as_array().expect("a list");
        answers.iter().map(|answer| answer["decision"].as_bool().expect("a boolean")).collect()
    }

    /// What a search finds, in one page.
    pub async fn results(&self, what: &str, question: Value) -> Vec<Value> {
        let answer = self.answer(&format!("search/{what}"), question).await;
        assert_eq!(answer["page"]["next_token"], "", "{answer}");
        answer["results"].as_array().expect("a list").clone()
    }
}

async fn store(world: &World, at: &Running, operation: &str, what: Value) {
    let path = format!("/resources/v1/{operation}");
    let done = post(at, &path, "application/json", &what.to_string(), Some((&world.root, "brevet"))).await;
    assert_eq!(done.status, 200, "{done:?}");
}

/// A question by short names: subject, action and record.
pub fn question(subject: Value, action: Value, record: &str, status: Option<&str>) -> Value {
    let mut resource = json!({ "type": "record", "id": record });
    if let Some(status) = status {
        resource["properties"] = json!({ "status": status });
    }
    json!({ "subject": subject, "action": action, "resource": resource })
}

pub fn user(id: &str) -> Value {
    json!({ "type": "user", "id": id })
}

pub fn admin(id: &str) -> Value {
    json!({ "type": "user", "id": id, "properties": { "role": "admin" } })
}

pub fn named(action: &str) -> Value {
    json!({ "name": action })
}

fn softly(soft: bool) -> Value {
    json!({ "name": "delete", "properties": { "soft": soft } })
}

/// Section 1.4: the eight decisions, alone, repeated, and with a context that must not change them.
#[tokio::test]
async fn required_policy_behaviour() {
    let fixture = Fixture::begin().await;
    for (number, (asked, expected)) in [
        (question(user("alice"), named("read"), "record-1", None), true),
        (question(user("alice"), named("write"), "record-1", None), true),
        (question(user("bob"), named("read"), "record-1", None), true),
        (question(user("bob"), named("write"), "record-1", None), false),
        (question(user("alice"), named("write"), "record-2", Some("archived")), false),
        (question(admin("bob"), named("write"), "record-2", Some("archived")), true),
        (question(user("alice"), softly(true), "record-1", None), true),
        (question(user("alice"), softly(false), "record-1", None), false),
    ]
    .into_iter()
    .enumerate()
    {
        let mut with_context = asked.clone();
        with_context["context"] = json!({ "time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1" });
        for _ in 0..3 {
            assert_eq!(fixture.decision(asked.clone()).await, expected, "rule {}", number + 1);
            assert_eq!(fixture.decision(with_context.clone()).await, expected, "rule {}", number + 1);
        }
        let (one, other) = (fixture.ask("evaluation", &asked).await, fixture.ask("evaluation", &asked).await);
        assert_eq!(one.body, other.body, "the same question has the same answer");
    }
}

/// Sections 2.2.8 and 2.2.9: more properties, and members that nobody knows, at every place.
#[tokio::test]
async fn what_is_more_is_ignored() {
    let fixture = Fixture::begin().await;
    assert!(
        fixture
            .decision(json!({
                "subject": { "type": "user", "id": "alice", "properties": { "department": "Sales", "role": "manager" } },
                "action": { "name": "read", "properties": { "method": "GET" } },
                "resource": { "type": "record", "id": "record-1",
                    "properties": { "status": "active", "owner": "bob", "deep": { "er": [1, null] } } },
            }))
            .await
    );
    assert!(
        fixture
            .decision(json!({
                "subject": { "type": "user", "id": "alice", "x": 1 },
                "action": { "name": "read", "x": {} },
                "resource": { "type": "record", "id": "record-1", "x": [] },
                "foo": "bar", "futureField": { "nested": true }, "options": 7, "page": "x",
            }))
            .await
    );
}

/// Section 2.4: each 400, at the door for one question and at the one for many.
#[tokio::test]
async fn error_handling() {
    let fixture = Fixture::begin().await;
    let (subject, action) = (user("alice"), named("read"));
    let record = json!({ "type": "record", "id": "record-1" });
    for bad in [
        json!({ "action": action, "resource": record }),
        json!({ "subject": subject, "resource": record }),
        json!({ "subject": subject, "action": action }),
        json!({ "subject": { "id": "alice" }, "action": action, "resource": record }),
        json!({ "subject": { "type": "user" }, "action": action, "resource": record }),
        json!({ "subject": subject, "action": {}, "resource": record }),
        json!({ "subject": subject, "action": action, "resource": { "id": "record-1" } }),
        json!({ "subject": subject, "action": action, "resource": { "type": "record" } }),
        json!({ "subject": "alice", "action": action, "resource": record }),
        json!({ "subject": subject, "action": "read", "resource": record }),
        json!({ "subject": subject, "action": { "name": 123 }, "resource": record }),
        json!({ "subject": subject, "action": action, "resource": ["record"] }),
        json!({ "subject": subject, "action": action, "resource": record, "context": "x" }),
        json!({ "subject": { "type": "user", "id": "alice", "properties": [] }, "action": action, "resource": record }),
        json!([]),
        json!({}),
    ] {
        for door in ["evaluation", "evaluations"] {
            let answer = fixture.ask(door, &bad).await;
            assert_eq!(answer.status, 400, "{door} {bad}: {answer:?}");
            assert!(answer.json()["error"].is_string(), "{answer:?}");
        }
    }
    let good = question(user("alice"), named("read"), "record-1", None).to_string();
    for door in ["evaluation", "evaluations", "search/subject", "search/resource", "search/action"] {
        for (kind, body) in [
            ("application/json", ""),
            ("application/json", "{"),
            ("application/json", "{\"subject\": }"),
            ("application/json", "\u{0}"),
            ("application/json", "{\"subject\":1,\"subject\":2}"),
            ("text/plain", &good),
            ("application/x-www-form-urlencoded", &good),
            ("", &good),
        ] {
            let answer = fixture.send(door, kind, body, &[("x-request-id", "r-1")]).await;
            assert_eq!(answer.status, 400, "{door} {kind} {body}: {answer:?}");
            assert_eq!(answer.header("x-request-id"), Some("r-1"), "{door}");
        }
        assert_eq!(get(&fixture.broker, &format!("/access/v1/{door}")).await.status, 405);
        let path = format!("/access/v1/{door}");
        let stranger = post(&fixture.broker, &path, "application/json", &good, None).await;
        assert_eq!(stranger.status, 401, "{door}");
        let charset = fixture.send(door, "application/json; charset=utf-8", &good, &[]).await;
        assert_eq!(charset.status, 200, "{door}: {charset:?}");
        let large = format!("{{\"x\":\"{}\"}}", "x".repeat(2 << 20));
        assert_eq!(fixture.send(door, "application/json", &large, &[]).await.status, 413);
    }
}

/// Section 2.5: a request's own name comes back, and none is needed.
#[tokio::test]
async fn header_handling() {
    let fixture = Fixture::begin().await;
    let good = question(user("alice"), named("read"), "record-1", None).to_string();
    for door in ["evaluation", "evaluations", "search/subject", "search/resource", "search/action"] {
        for id in ["bfe9eb29-ab87-4ca3-be83-a1d5d8305716", "any thing/at all", ""] {
            let answer = fixture.send(door, "application/json", &good, &[("x-request-id", id)]).await;
            assert_eq!((answer.status, answer.header("x-request-id")), (200, Some(id)), "{door}: {answer:?}");
        }
        assert_eq!(fixture.send(door, "application/json", &good, &[]).await.header("x-request-id"), None);
    }
}

/// Section 3.2: the batches of the scenario.
#[tokio::test]
async fn batches() {
    let fixture = Fixture::begin().await;
    let record = |id: &str, status: Option<&str>| question(json!({}), json!({}), id, status)["resource"].clone();
    let two = fixture
        .decisions(json!({ "subject": user("alice"), "action": named("read"),
            "evaluations": [{ "resource": record("record-1", None) }, { "resource": record("record-2", None) }] }))
        .await;
    assert_eq!(two, [true, true]);
    assert_eq!(
        fixture
            .decisions(json!({ "subject": user("bob"), "resource": record("record-1", None),
                "evaluations": [{ "action": named("read") }, { "action": named("write") }] }))
            .await,
        [true, false]
    );
    assert_eq!(
        fixture
            .decisions(json!({ "subject": user("alice"), "action": named("write"),
                "evaluations": [{ "resource": record("record-1", Some("active")) },
                    { "resource": record("record-2", Some("archived")) }] }))
            .await,
        [true, false]
    );
    assert_eq!(
        fixture
            .decisions(json!({ "action": named("write"), "resource": record("record-2", Some("archived")),
                "evaluations": [{ "subject": user("alice") }, { "subject": admin("bob") }] }))
            .await,
        [false, true]
    );
    assert_eq!(
        fixture
            .decisions(json!({ "evaluations": [
                question(user("alice"), named("read"), "record-1", None),
                question(user("bob"), named("write"), "record-1", None)] }))
            .await,
        [true, false]
    );
    assert_eq!(
        fixture
            .decisions(json!({ "subject": user("alice"), "action": named("read"),
                "context": { "time": "2025-06-27T18:03-07:00" },
                "evaluations": [{ "resource": record("record-1", None) },
                    { "resource": record("record-2", None), "context": { "time": "2025-06-27T19:00-07:00",
                        "source": "batch-override" } }] }))
            .await,
        [true, true]
    );
    // Section 3.2.7, as the conformance suite has it: a default that is no whole resource is in nobody's way who has one.
    assert_eq!(
        fixture
            .decisions(json!({ "subject": user("alice"), "action": named("write"), "resource": { "type": "record" },
                "evaluations": [{ "resource": record("record-1", Some("active")) },
                    { "resource": record("record-2", Some("archived")) }] }))
            .await,
        [true, false]
    );
    // Section 3.4.1: what is wrong with one question is no fault of the others.
    assert_eq!(
        fixture
            .decisions(json!({ "subject": user("alice"), "action": named("read"),
                "evaluations": [{ "resource": record("record-1", None) }, {}] }))
            .await,
        [true, false]
    );
    // Sections 3.4.2 and 3.4.3: without questions of its own, the request is one.
    for evaluations in [None, Some(json!([]))] {
        let mut asked = question(user("alice"), named("read"), "record-1", None);
        if let Some(evaluations) = evaluations {
            asked["evaluations"] = evaluations;
        }
        let answer = fixture.answer("evaluations", asked).await;
        assert_eq!((&answer["decision"], answer.get("evaluations")), (&json!(true), None), "{answer}");
    }
}

/// Sections 4.2 to 4.4: the six searches.
#[tokio::test]
async fn searches() {
    let fixture = Fixture::begin().await;
    let record = |id: &str, status: Option<&str>| question(json!({}), json!({}), id, status)["resource"].clone();
    let context = json!({ "time": "2025-06-27T18:03-07:00" });
    let (a_user, a_record) = (json!({ "type": "user" }), json!({ "type": "record" }));

    let mut asked = json!({ "subject": a_user, "action": named("read"), "resource": record("record-1", None) });
    let readers = fixture.results("subject", asked.clone()).await;
    assert_eq!(readers, [user("alice"), user("bob")]);
    asked["context"] = context.clone();
    asked["subject"]["id"] = json!("ignored-stray-id");
    assert_eq!(fixture.results("subject", asked).await, readers);

    let mut asked = json!({ "subject": user("alice"), "action": named("read"), "resource": a_record });
    let both = [json!({ "type": "record", "id": "record-1" }), json!({ "type": "record", "id": "record-2" })];
    assert_eq!(fixture.results("resource", asked.clone()).await, both);
    asked["resource"]["id"] = json!(7);
    assert_eq!(fixture.results("resource", asked).await, both);

    let mut asked = json!({ "subject": user("alice"), "resource": record("record-1", None) });
    let actions = fixture.results("action", asked.clone()).await;
    assert_eq!(actions, [named("read"), named("write")]);
    asked["context"] = context;
    asked["action"] = json!("not looked at");
    assert_eq!(fixture.results("action", asked).await, actions);

    // His role, and the status of the record, are what is stored.
    let asked =
        json!({ "subject": a_user, "action": named("write"), "resource": record("record-2", Some("archived")) });
    assert_eq!(fixture.results("subject", asked).await, [user("bob")]);
    let asked = json!({ "subject": admin("bob"), "action": named("write"), "resource": a_record });
    assert_eq!(fixture.results("resource", asked).await, [json!({ "type": "record", "id": "record-2" })]);
    let asked = json!({ "subject": admin("bob"), "resource": record("record-2", Some("archived")) });
    assert_eq!(fixture.results("action", asked).await, [named("read"), named("write")]);
}

/// Sections 4.5 to 4.7: pages, what nobody knows, and what is missing.
#[tokio::test]
async fn pages_and_errors_of_searches() {
    let fixture = Fixture::begin().await;
    let record = json!({ "type": "record", "id": "record-1" });
    let mut asked = json!({ "subject": { "type": "user" }, "action": named("read"), "resource": record,
        "page": { "limit": 1 } });
    let first = fixture.answer("search/subject", asked.clone()).await;
    assert_eq!((&first["results"], &first["page"]["count"]), (&json!([user("alice")]), &json!(1)));
    let token = first["page"]["next_token"].as_str().filter(|token| !token.is_empty()).expect("there is more");
    asked["page"] = json!({ "token": token });
    let second = fixture.answer("search/subject", asked).await;
    assert_eq!((&second["results"], &second["page"]["next_token"]), (&json!([user("bob")]), &json!("")));

    for (what, asked) in [
        ("action", json!({ "subject": user("nonexistent-user"), "resource": record })),
        ("action", json!({ "subject": { "type": "spaceship", "id": "x" }, "resource": record })),
        ("action", json!({ "subject": user("alice"), "resource": { "type": "space ship!", "id": "x" } })),
        ("resource", json!({ "subject": user("nobody"), "action": named("read"), "resource": { "type": "record" } })),
        ("resource", json!({ "subject": user("alice"), "action": named("read"), "resource": { "type": "spaceship" } })),
        (
            "resource",
            json!({ "subject": { "type": "spaceship", "id": "x" }, "action": named("read"),
            "resource": { "type": "record" } }),
        ),
        ("subject", json!({ "subject": { "type": "spaceship" }, "action": named("read"), "resource": record })),
        ("subject", json!({ "subject": { "type": "session" }, "action": named("read"), "resource": record })),
        ("subject", json!({ "subject": { "type": "user" }, "action": named("fly"), "resource": record })),
        (
            "subject",
            json!({ "subject": { "type": "user" }, "action": named("read"),
            "resource": { "type": "spaceship", "id": "record-1" } }),
        ),
    ] {
        assert_eq!(fixture.results(what, asked.clone()).await, Vec::<Value>::new(), "{what} {asked}");
    }
    let a_record = json!({ "type": "record" });
    for (what, bad) in [
        ("subject", json!({ "subject": { "type": "user" }, "resource": record })),
        ("subject", json!({ "subject": { "type": "user" }, "action": named("read") })),
        ("subject", json!({ "action": named("read"), "resource": record })),
        ("subject", json!({ "subject": {}, "action": named("read"), "resource": record })),
        ("subject", json!({ "subject": { "type": "user" }, "action": "read", "resource": record })),
        ("subject", json!({ "subject": { "type": "user" }, "action": named("read"), "resource": a_record })),
        ("subject", json!({ "subject": { "type": "user" }, "action": named("read"), "resource": { "id": "r" } })),
        ("resource", json!({ "action": named("read"), "resource": a_record })),
        ("resource", json!({ "subject": user("alice"), "resource": a_record })),
        ("resource", json!({ "subject": user("alice"), "action": named("read") })),
        ("resource", json!({ "subject": { "type": "user" }, "action": named("read"), "resource": a_record })),
        ("resource", json!({ "subject": user("alice"), "action": named("read"), "resource": {} })),
        ("action", json!({ "subject": user("alice") })),
        ("action", json!({ "resource": record })),
        ("action", json!({ "subject": "alice", "resource": record })),
        ("action", json!({ "subject": user("alice"), "resource": a_record })),
        ("action", json!({ "subject": { "type": "user" }, "resource": record })),
        ("action", json!({ "subject": user("alice"), "resource": record, "page": { "limit": 0 } })),
        ("action", json!({ "subject": user("alice"), "resource": record, "page": { "limit": "x" } })),
        ("action", json!({ "subject": user("alice"), "resource": record, "page": { "token": "x" } })),
    ] {
        assert_eq!(fixture.ask(&format!("search/{what}"), &bad).await.status, 400, "{what} {bad}");
    }
}

/// Section 6: where everything is. The signature is checked by others in the acceptance suite.
#[tokio::test]
async fn discovery() {
    let (_world, broker) =
        World::begin_with(Backend::Sqlite, |config| config.server.public_url = Some("https://pdp.example".to_owned()))
            .await;
    let answer = get(&broker, "/.well-known/authzen-configuration").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let metadata = answer.json();
    let expected = json!({
        "policy_decision_point": "https://pdp.example",
        "access_evaluation_endpoint": "https://pdp.example/access/v1/evaluation",
        "access_evaluations_endpoint": "https://pdp.example/access/v1/evaluations",
        "search_subject_endpoint": "https://pdp.example/access/v1/search/subject",
        "search_resource_endpoint": "https://pdp.example/access/v1/search/resource",
        "search_action_endpoint": "https://pdp.example/access/v1/search/action",
        "signed_metadata": metadata["signed_metadata"],
    });
    assert_eq!(metadata, expected);
    let parts: Vec<Value> = metadata["signed_metadata"]
        .as_str()
        .expect("a JWT")
        .split('.')
        .take(2)
        .map(|part| data_encoding::BASE64URL_NOPAD.decode(part.as_bytes()).expect("base64url"))
        .map(|bytes| serde_json::from_slice(&bytes).expect("JSON"))
        .collect();
    let (header, claims) = (&parts[0], &parts[1]);
    assert_eq!(header["typ"], "authzen-metadata+jwt");
    assert_eq!(claims["iss"], "https://pdp.example");
    assert!(claims.get("signed_metadata").is_none());
    assert_eq!(claims["search_action_endpoint"], expected["search_action_endpoint"]);
    assert!(claims["exp"].as_i64() > claims["iat"].as_i64(), "{claims}");
    let keys = get(&broker, "/.well-known/jwks.json").await.json();
    let published = keys["keys"].as_array().expect("keys");
    assert!(published.iter().any(|key| key["kid"] == header["kid"]), "{keys} {header}");
    // It is signed once for many who ask.
    assert_eq!(get(&broker, "/.well-known/authzen-configuration").await.body, answer.body);
    assert_eq!(get(&broker, "/.well-known/authzen-configuration/tenant1").await.status, 404);
}

/// What is found is allowed: results of searches, fed into the door for one question.
#[tokio::test]
async fn what_is_found_is_allowed() {
    let fixture = Fixture::begin().await;
    for found in fixture
        .results("action", json!({ "subject": admin("bob"), "resource": { "type": "record", "id": "record-2" } }))
        .await
    {
        assert!(fixture.decision(question(admin("bob"), found.clone(), "record-2", None)).await, "{found}");
    }
    let service = fixture.world.root.at(&fixture.broker).user_with("other", &allow("brevet:Evaluate", "*")).await;
    let asked = json!({ "subject": { "type": "user" }, "action": named("read"),
        "resource": { "type": "record", "id": "record-1" } });
    let path = "/access/v1/search/subject";
    let kind = "application/json";
    let refused = post(&fixture.broker, path, kind, &asked.to_string(), Some((&service, "brevet"))).await;
    assert_eq!(refused.status, 403, "{refused:?}");
}

/// Whatever stands wherever in a request, each door answers it or says why it is no request.
#[tokio::test]
async fn nothing_is_too_strange_for_any_door() {
    let fixture = Fixture::begin().await;
    let whole = json!({
        "subject": { "type": "user", "id": "alice", "properties": { "role": "admin" } },
        "action": { "name": "read", "properties": { "soft": true } },
        "resource": { "type": "record", "id": "record-1", "properties": { "status": "active" } },
        "context": { "aws:SourceIp": "192.0.2.7", "time": "now" },
        "options": { "evaluations_semantic": "execute_all" },
        "page": { "limit": 10, "token": "", "properties": {} },
    });
    let mut batch = whole.clone();
    batch["evaluations"] = json!([{}, { "action": { "name": "write" } }, { "subject": { "type": "role", "id": "x" } }]);
    let strange = [
        Value::Null,
        json!(true),
        json!(0),
        json!(-1.5e300),
        json!(""),
        json!("\u{0}\u{202e}*?${aws:username}"),
        json!("arn:aws:iam::111111111111:user/alice"),
        json!("arn:aws:::::"),
        json!("x".repeat(3_000)),
        json!([]),
        json!([[1], { "a": null }, "x"]),
        json!({}),
        json!({ "type": "session", "id": "x", "properties": { "session_token": "a.b.c" } }),
        json!({ "type": "token", "id": "x", "properties": { "token": "e30.e30.x", "audience": "" } }),
        json!({ "AWS:sourceip": 1, "aws:SourceIp": 2 }),
    ];
    let mut pointers = Vec::new();
    places(&batch, String::new(), &mut pointers);
    assert!(pointers.len() > 25, "{pointers:?}");
    for door in ["evaluation", "evaluations", "search/subject", "search/resource", "search/action"] {
        for pointer in &pointers {
            for value in &strange {
                let mut asked = if door == "evaluations" { batch.clone() } else { whole.clone() };
                let Some(place) = asked.pointer_mut(pointer) else { continue };
                *place = value.clone();
                let answer = fixture.ask(door, &asked).await;
                assert!([200, 400, 403].contains(&answer.status), "{door} {pointer} {value}: {answer:?}");
                assert!(answer.json().is_object());
            }
        }
    }
}

fn places(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| places(value, format!("{at}/{}", name.replace('/', "~1")), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(place, value)| places(value, format!("{at}/{place}"), found));
        }
        _ => {}
    }
    found.push(at);
}
