//! Questions as strangers write them, at the AuthZEN doors of a broker: JSON, names of actions and resources, properties, pages.
//!
//! First byte: which door; up to the first newline: what is demanded of the answer's freshness; the rest: the body. An answer is yes
//! only where the policies below say so of what stands in the body, a batch says what its questions say one by one, everything that is
//! found is allowed, and JSON that is taken is JSON to everybody, with each member once.
#![no_main]

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::LazyLock;

use axum::http::StatusCode;
use brevet::ops::questions::{self, Demand};
use brevet::types::{Arn, Realm};
use brevet::wire::strict_json;
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::{Value, json};
use world::{ACCOUNT, World};

#[path = "world/mod.rs"]
mod world;

/// As deep as a body may be.
const DEEPEST: usize = 32;

const ALICE: &str = r#"{"Version":"2012-10-17","Statement":[
  {"Effect":"Allow","Action":"record:read","Resource":"arn:aws:record::111122223333:r*"},
  {"Effect":"Allow","Action":"record:write","Resource":"arn:aws:record::111122223333:*",
   "Condition":{"StringEquals":{"brevet:Resource/owner":"alice"}}},
  {"Effect":"Deny","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"198.51.100.0/24"}}}]}"#;

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let world = World::start("");
    world.user("alice", ALICE);
    world.user("bob", r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#);
    for name in ["r1", "r2", "x1"] {
        let arn = format!("arn:aws:record::{ACCOUNT}:{name}");
        let put = json!({ "arn": arn, "attributes": { "owner": if name == "x1" { "alice" } else { "bob" } } });
        assert_eq!(world.by_root("/resources/v1/put", put.to_string().as_bytes()).status, StatusCode::OK);
    }
    let declared = json!({ "type": "record", "actions": ["read", "write"] });
    assert_eq!(world.by_root("/resources/v1/put-type", declared.to_string().as_bytes()).status, StatusCode::OK);
    let question = json!({ "subject": { "type": "user", "id": "alice" }, "action": { "name": "read" },
        "resource": { "type": "record", "id": "r1" } });
    let answer = world.by_gate("/access/v1/evaluation", &[], question.to_string().into_bytes()).expect("a request");
    let answer: Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!(answer["decision"], json!(true), "what may be, is: {answer}");
    world
});

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (demanded, body) = rest.split_at(end);
    let body = body.get(1..).unwrap_or_default();
    json_is_what_it_says(body);
    match first % 8 {
        0 | 1 => evaluation(demanded, body),
        2 => batch(body),
        3 => searched("subject", body),
        4 => searched("resource", body),
        5 => searched("action", body),
        6 => stored(body),
        _ => names(body),
    }
});

/// JSON as it is written.
enum Written {
    Leaf,
    List(Vec<Written>),
    Object(Vec<(String, Written)>),
}

impl Written {
    fn is_strict(&self, left: usize) -> bool {
        let inner = left.checked_sub(1);
        match self {
            Self::Leaf => true,
            Self::List(items) => inner.is_some_and(|left| items.iter().all(|item| item.is_strict(left))),
            Self::Object(members) => {
                let names: HashSet<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
                let each = |left| members.iter().all(|(_, value): &(_, Self)| value.is_strict(left));
                names.len() == members.len() && inner.is_some_and(each)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Written;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Written, E> {
        Ok(Written::Leaf)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Written, E> {
        Ok(Written::Leaf)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Written, E> {
        Ok(Written::Leaf)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Written, E> {
        Ok(Written::Leaf)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Written, E> {
        Ok(Written::Leaf)
    }

    fn visit_str<E>(self, _: &str) -> Result<Written, E> {
        Ok(Written::Leaf)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Written, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Written::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Written, A::Error> {
        let mut object = Vec::new();
        while let Some(member) = members.next_entry()? {
            object.push(member);
        }
        Ok(Written::Object(object))
    }
}

/// What is taken is what everybody reads in it, and all is taken that is an object with each member once.
fn json_is_what_it_says(body: &[u8]) {
    let written: Option<Written> = serde_json::from_slice(body).ok();
    for deepest in [2, DEEPEST] {
        match strict_json::object(body, deepest) {
            Ok(members) => {
                let plain: Value = serde_json::from_slice(body).expect("JSON to everybody");
                assert_eq!(Value::Object(members), plain);
                assert!(written.as_ref().is_some_and(|written| written.is_strict(deepest)));
            }
            Err(_) => {
                let object = |written: &Written| matches!(written, Written::Object(_)) && written.is_strict(deepest);
                assert!(!written.as_ref().is_some_and(object), "an object that nothing is wrong with");
            }
        }
    }
}

/// Whoever asks is known and may ask: what else is wrong is with the question.
fn read(answer: &world::Answer) -> Option<Value> {
    let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
    match answer.status {
        StatusCode::OK => Some(body),
        StatusCode::BAD_REQUEST | StatusCode::PRECONDITION_FAILED | StatusCode::SERVICE_UNAVAILABLE => {
            assert!(body["error"].as_str().is_some_and(|why| !why.is_empty()));
            None
        }
        // Only of somebody else's account.
        StatusCode::FORBIDDEN => None,
        other => panic!("{other}: {body}"),
    }
}

fn ask(door: &str, demanded: &[u8], body: &[u8]) -> Option<Value> {
    let keep = ("x-brevet-tell-depends", b"1".as_slice());
    let demand = ("x-brevet-at-least-revision", demanded);
    let headers = if demanded.is_empty() { vec![keep] } else { vec![keep, demand] };
    read(&WORLD.by_gate(&format!("/access/v1/{door}"), &headers, body.to_vec())?)
}

fn evaluation(demanded: &[u8], body: &[u8]) {
    let demand = Demand::parse(Some(demanded));
    if let Ok(demand) = demand {
        // Nobody waits for a revision that is far away.
        assert_eq!(demand.at_least.map(|revision| revision.0.to_string()).as_deref(), {
            let plain = std::str::from_utf8(demanded).expect("digits").trim_start_matches('0');
            Some(if plain.is_empty() { "0" } else { plain })
        });
    }
    let Some(answer) = ask("evaluation", demanded, body) else { return };
    assert!(demanded.is_empty() || demand.is_ok());
    let question: Value = serde_json::from_slice(body).expect("JSON");
    let decision = answer["decision"].as_bool().expect("a decision");
    assert!(answer["context"]["revision"].is_u64() && answer["context"]["max_age"].is_u64());
    if decision {
        assert!(may(&question), "{question}");
    }
    // A question in a batch has the answer that it has alone.
    let alone = json!({ "evaluations": [question] }).to_string();
    let all = json!({ "evaluations": [{}], "subject": question["subject"], "action": question["action"],
        "resource": question["resource"], "context": question.get("context").unwrap_or(&json!({})) });
    for batch in [alone, all.to_string()] {
        // It is nested deeper by two.
        if let Some(answer) = ask("evaluations", b"", batch.as_bytes()) {
            assert_eq!(answer["evaluations"][0]["decision"], json!(decision), "{batch}");
        }
    }
}

/// Whether the policies can allow it: no more than a look at what they say, by other means than theirs.
fn may(question: &Value) -> bool {
    let text = |part: &str, member: &str| question[part][member].as_str().unwrap_or_default();
    let realm = Realm { partition: "aws".to_owned(), region: "us-east-1".to_owned() };
    let account = ACCOUNT.parse().expect("an account");
    let (kind, id) = (text("resource", "type"), text("resource", "id"));
    let resource = questions::resource(&realm, account, kind, id).expect("an ARN");
    let action = questions::action(text("action", "name"), kind).expect("an action").to_ascii_lowercase();
    assert_eq!(text("subject", "type"), "user");
    // An ARN is one user's, a name is of any case.
    let subject = match text("subject", "id") {
        "arn:aws:iam::111122223333:user/alice" => "alice".to_owned(),
        "arn:aws:iam::111122223333:user/bob" => "bob".to_owned(),
        other => other.to_ascii_lowercase(),
    };
    if subject == "bob" {
        return resource.account().is_none_or(|owner| owner.to_string() == ACCOUNT);
    }
    let own = |value: &Value| match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::String(one) => vec![one.clone()],
        _ => Vec::new(),
    };
    let of = |members: &Value, key: &str| -> Vec<String> {
        let members = members.as_object().into_iter().flatten();
        members.filter(|(name, _)| name.eq_ignore_ascii_case(key)).flat_map(|(_, value)| own(value)).collect()
    };
    let denied = of(&question["context"], "aws:SourceIp").iter().any(|ip| {
        matches!(ip.parse::<IpAddr>().map(|ip| ip.to_canonical()), Ok(IpAddr::V4(ip)) if ip.octets()[..3] == [198, 51, 100])
    });
    let records = resource.as_str().strip_prefix("arn:aws:record::111122223333:");
    let owned = || {
        records == Some("x1") || of(&question["resource"]["properties"], "owner").iter().any(|owner| owner == "alice")
    };
    subject == "alice"
        && !denied
        && records.is_some_and(|name| match action.as_str() {
            "record:read" => name.starts_with('r'),
            "record:write" => owned(),
            _ => false,
        })
}

fn batch(body: &[u8]) {
    let Some(answer) = ask("evaluations", b"", body) else { return };
    let question: Value = serde_json::from_slice(body).expect("JSON");
    let items = question["evaluations"].as_array().map(Vec::as_slice).unwrap_or_default();
    if items.is_empty() {
        assert!(!answer["decision"].as_bool().expect("a decision") || may(&question));
        return;
    }
    let answers = answer["evaluations"].as_array().expect("answers");
    let decisions: Vec<bool> = answers.iter().map(|one| one["decision"].as_bool().expect("a decision")).collect();
    let ends =
        |wanted: bool| decisions.iter().position(|decision| *decision == wanted).map_or(items.len(), |at| at + 1);
    let expected = match question["options"]["evaluations_semantic"].as_str() {
        Some("deny_on_first_deny") => ends(false),
        Some("permit_on_first_permit") => ends(true),
        _ => items.len(),
    };
    assert_eq!(answers.len(), expected);
    for (item, decision) in items.iter().zip(decisions).take(20) {
        // What a question does not carry it has from the top.
        let mut whole = item.clone();
        for part in ["subject", "action", "resource", "context"] {
            if let (Some(members), None, Some(default)) = (whole.as_object_mut(), item.get(part), question.get(part)) {
                members.insert(part.to_owned(), default.clone());
            }
        }
        assert!(!decision || may(&whole), "{whole}");
        let alone = ask("evaluation", b"", whole.to_string().as_bytes());
        assert_eq!(alone.is_some_and(|alone| alone["decision"] == json!(true)), decision, "{whole}");
    }
}

/// All that is found is allowed, and a page's token goes on in this search alone.
fn searched(what: &str, body: &[u8]) {
    let Some(answer) = ask(&format!("search/{what}"), b"", body) else { return };
    let mut question: Value = serde_json::from_slice(body).expect("JSON");
    let results = answer["results"].as_array().expect("results");
    assert_eq!(answer["page"]["count"], json!(results.len()));
    for found in results.iter().take(8) {
        // Of an action that is searched for nothing is looked at.
        let properties = question[what].get("properties").filter(|_| what != "action").cloned();
        question[what] = found.clone();
        if let Some(properties) = properties {
            question[what]["properties"] = properties;
        }
        let asked = ask("evaluation", b"", question.to_string().as_bytes());
        assert_eq!(asked.expect("a question")["decision"], json!(true), "{question}");
    }
    let mut next: Value = serde_json::from_slice(body).expect("JSON");
    let token = answer["page"]["next_token"].as_str().expect("a token, or none");
    if !token.is_empty() {
        next["page"] = json!({ "token": token, "limit": 1 });
        assert!(ask(&format!("search/{what}"), b"", next.to_string().as_bytes()).is_some());
        let mine = next["context"] == json!({ "other:key": "x" });
        next["context"] = if mine { json!({ "other:key": "y" }) } else { json!({ "other:key": "x" }) };
        assert!(ask(&format!("search/{what}"), b"", next.to_string().as_bytes()).is_none());
    }
}

/// What is stored of a resource is what was put.
fn stored(body: &[u8]) {
    let put: Option<Value> = serde_json::from_slice(body).ok();
    let arn = put.as_ref().and_then(|put| put["arn"].as_str()).unwrap_or_default();
    if arn.contains(":record:") {
        return;
    }
    let answer = WORLD.by_root("/resources/v1/put", body);
    if answer.status != StatusCode::OK {
        assert!(answer.status.is_client_error(), "{}", answer.status);
        return;
    }
    let named = json!({ "arn": arn }).to_string();
    let got = WORLD.by_root("/resources/v1/get", named.as_bytes());
    assert_eq!(got.status, StatusCode::OK);
    let got: Value = serde_json::from_slice(&got.body).expect("JSON");
    assert_eq!(got["arn"], json!(arn));
    let put = put.expect("JSON");
    if let Some(policy) = put["policy"].as_str() {
        assert_eq!(got["policy"], json!(policy));
    }
    assert_eq!(WORLD.by_root("/resources/v1/delete", named.as_bytes()).status, StatusCode::OK);
    assert!(WORLD.by_root("/resources/v1/get", named.as_bytes()).status.is_client_error());
}

/// Names become actions and ARNs that say what was said, and belong to whom they say.
fn names(body: &[u8]) {
    let Ok(text) = std::str::from_utf8(body) else { return };
    let mut lines = text.split('\n');
    let [name, kind, id] = [(); 3].map(|()| lines.next().unwrap_or_default());
    let realm = Realm { partition: "aws".to_owned(), region: "us-east-1".to_owned() };
    let asker = ACCOUNT.parse().expect("an account");
    if let Ok(action) = questions::action(name, kind) {
        let (service, _) = action.split_once(':').expect("a service");
        assert!(action.ends_with(name) && (name.contains(':') || service == kind));
        assert!(!action.contains(['*', '?', ' ']));
        assert_eq!(questions::action(&action, "").as_deref().ok(), Some(&*action));
    }
    if let Ok(arn) = questions::resource(&realm, asker, kind, id) {
        assert_eq!(arn.as_str().parse::<Arn>().as_ref(), Ok(&arn));
        assert_eq!(questions::resource(&realm, asker, "", arn.as_str()).ok().as_ref(), Some(&arn));
        if id.starts_with("arn:") {
            assert_eq!(arn.as_str(), id);
            assert!(arn.account().is_some() || ["", "aws"].contains(&arn.owner()));
        } else {
            assert_eq!((arn.account(), arn.service(), arn.resource()), (Some(asker), kind, id));
        }
    }
}
