//! The sidecar's other doors for questions: signed requests, derived keys and searches, as they come out beside a program.

use brevet::crypto::jwe::Recipient;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::beside::begin;
use crate::world::beside::{Beside, Reply, TOKEN, Wire};
use crate::world::policies::allow;
use crate::world::raw::post;
use crate::world::received::{Request, with_wrong_secret};
use crate::world::{Keys, Outcome, Running, World, within};

const VERIFY: &str = "/requests/v1/verify";
const DERIVE: &str = "/keys/v1/derive";

async fn ask(at: &Beside, path: &str, question: &Value) -> Reply {
    let headers = [("content-type", "application/json"), ("x-brevet-sidecar-token", TOKEN)];
    at.send("POST", path, &headers, question.to_string()).await
}

/// Nobody without the sidecar's token asks here, and nobody asks by another method.
async fn only_neighbours_ask(at: &Beside, path: &str, question: &Value) {
    let kind = ("content-type", "application/json");
    let stranger = at.send("POST", path, &[kind], question.to_string()).await;
    assert_eq!((stranger.status, stranger.by(), &stranger.json["code"]), (403, "sidecar", &json!("AccessDenied")));
    let token = ("x-brevet-sidecar-token", TOKEN);
    let read = at.send("GET", path, &[kind, token], String::new()).await;
    assert_eq!((read.status, read.by()), (405, "sidecar"), "{read:?}");
}

/// What the sidecar may ask, besides what it may already.
async fn let_it(world: &World, broker: &Running, beside: &Beside, actions: &str) {
    let put = world.root.at(broker).iam.put_role_policy().role_name("asker").policy_name("more");
    put.policy_document(allow(actions, "*")).send().await.granted();
    beside.follows(broker).await;
}

/// Cut off it does not guess.
async fn refuses_cut_off(wire: &Wire, at: &Beside, path: &str, question: &Value) {
    wire.cut();
    within(std::time::Duration::from_secs(10), "it refuses", || async {
        let reply = ask(at, path, question).await;
        reply.status == 503 && reply.json["code"] == "CutOff" && reply.by() == "sidecar"
    })
    .await;
}

fn received(keys: &Keys, world: &World) -> Value {
    Request::get("/b/k").signed(keys, "s3", world.now()).told_whole()
}

#[tokio::test]
async fn a_signed_request_is_looked_into_beside_the_program_too() {
    let (world, broker, _service, wire, beside) = begin().await;
    let root = world.root.at(&broker);
    let carol = root.user_with("carol", &allow("s3:GetObject", "arn:aws:s3:::b/*")).await;
    beside.follows(&broker).await;
    let told = |request: Value| {
        let asked = json!({ "action": "s3:GetObject", "resource": "arn:aws:s3:::b/k" });
        json!({ "service": "s3", "request": request, "question": asked })
    };
    let question = told(received(&carol.keys, &world));
    only_neighbours_ask(&beside, VERIFY, &question).await;
    for by in ["broker", "sidecar"] {
        let reply = ask(&beside, VERIFY, &question).await;
        assert_eq!((reply.status, reply.by(), &reply.json["caller"]["arn"]), (200, by, &json!(carol.arn)), "{reply:?}");
        let decision = &reply.json["decision"];
        assert_eq!(decision["decision"], true, "{reply:?}");
        assert_eq!(
            decision["context"]["served_by"].as_str().or(decision["served_by"].as_str()),
            (by == "sidecar").then_some(by)
        );
        assert!(!reply.json.to_string().contains(&carol.keys.secret));
    }
    // Whoever signs wrongly is told so as at the broker, and each time by it.
    for _ in 0..2 {
        let reply = ask(&beside, VERIFY, &told(received(&with_wrong_secret(&carol.keys), &world))).await;
        let refused = &reply.json["refused"]["code"];
        assert_eq!((reply.status, reply.by(), refused), (200, "broker", &json!("SignatureDoesNotMatch")), "{reply:?}");
    }
    // One byte of the request is another question: nobody is taken for the sender of what is kept.
    let mut other = question.clone();
    other["request"]["path"] = json!("/b/K");
    let reply = ask(&beside, VERIFY, &other).await;
    assert_eq!((reply.by(), &reply.json["refused"]["code"]), ("broker", &json!("SignatureDoesNotMatch")), "{reply:?}");
    let own = ask(&beside, VERIFY, &json!({ "service": "iam", "request": received(&carol.keys, &world) })).await;
    assert_eq!((own.status, own.by(), &own.json["code"]), (400, "broker", &json!("ValidationError")), "{own:?}");

    let disable = root.iam.update_access_key().user_name("carol").access_key_id(&carol.keys.id);
    disable.status(aws_sdk_iam::types::StatusType::Inactive).send().await.granted();
    within(std::time::Duration::from_secs(10), "the key is not good any more", || async {
        ask(&beside, VERIFY, &question).await.json["refused"]["code"] == "InvalidAccessKeyId"
    })
    .await;
    refuses_cut_off(&wire, &beside, VERIFY, &question).await;
}

#[tokio::test]
async fn a_key_is_derived_for_the_sidecar_and_whoever_asked_it() {
    let (world, broker, service, wire, beside) = begin().await;
    let root = world.root.at(&broker);
    let carol = root.user("carol").await;
    beside.follows(&broker).await;
    let recipient = Recipient::new().expect("randomness");
    let wanted = |recipient: &Recipient| json!({ "service": "s3", "request": received(&carol.keys, &world), "recipient": json!(recipient.public()) });
    let question = wanted(&recipient);
    only_neighbours_ask(&beside, DERIVE, &question).await;
    // It gets no key that the sidecar's role may not have.
    let denied = ask(&beside, DERIVE, &question).await;
    assert_eq!(
        (denied.status, denied.by(), &denied.json["code"]),
        (403, "broker", &json!("AccessDenied")),
        "{denied:?}"
    );
    let_it(&world, &broker, &beside, "brevet:DeriveKeys").await;

    // The key is sealed to the session that the sidecar asks with.
    let party = service.role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/beside";
    let mut sealed = Vec::new();
    for by in ["broker", "sidecar"] {
        let reply = ask(&beside, DERIVE, &question).await;
        assert_eq!((reply.status, reply.by(), &reply.json["caller"]["arn"]), (200, by, &json!(carol.arn)), "{reply:?}");
        assert_eq!(reply.json["key"]["recipient"], json!(party));
        let jwe = reply.json["key"]["jwe"].as_str().expect("a sealed key");
        sealed.push((jwe.to_owned(), reply.json.to_string()));
    }
    let (jwe, told) = &sealed[0];
    assert_eq!(*jwe, sealed[1].0, "what is kept is what the broker sealed");
    // Whoever has another key pair is asked for anew: what is sealed to one is of no use to another.
    let other = Recipient::new().expect("randomness");
    let reply = ask(&beside, DERIVE, &wanted(&other)).await;
    assert!(reply.by() == "broker" && reply.json["key"]["jwe"] != json!(jwe), "{reply:?}");
    assert!(other.open(jwe, &party).is_err());
    let opened = recipient.open(jwe, &party).expect("it opens");
    let jwk: Value = serde_json::from_slice(opened.expose()).expect("a JWK");
    assert_eq!((&jwk["kid"], &jwk["scope"]), (&json!(carol.keys.id), &reply.json["key"]["scope"]));
    let key = jwk["k"].as_str().expect("a key");
    assert!(!told.contains(key), "the key is sealed");
    assert_eq!(BASE64URL_NOPAD.decode(key.as_bytes()).expect("base64url").len(), 32);
    let trail = world.trail("DeriveKeys").await;
    assert!(trail.contains(&carol.arn) && trail.contains(&party), "{trail}");

    root.iam.delete_role_policy().role_name("asker").policy_name("more").send().await.granted();
    within(std::time::Duration::from_secs(10), "it may not any more", || async {
        ask(&beside, DERIVE, &question).await.status == 403
    })
    .await;
    refuses_cut_off(&wire, &beside, DERIVE, &question).await;
}

#[tokio::test]
async fn searches_are_passed_on_and_never_kept() {
    let (world, broker, _service, wire, beside) = begin().await;
    let record = json!({ "type": "record", "id": "r1" });
    let users = json!({ "subject": { "type": "user" }, "action": { "name": "read" }, "resource": record });
    const SUBJECTS: &str = "/access/v1/search/subject";
    only_neighbours_ask(&beside, SUBJECTS, &users).await;
    let denied = ask(&beside, SUBJECTS, &users).await;
    assert_eq!((denied.status, denied.by()), (403, "broker"), "{denied:?}");
    let_it(&world, &broker, &beside, "brevet:Search").await;
    let asked = beside.asked().await;
    for _ in 0..2 {
        let found = ask(&beside, SUBJECTS, &users).await;
        let both = json!([{ "type": "user", "id": "alice" }, { "type": "user", "id": "bob" }]);
        assert_eq!((found.status, found.by(), &found.json["results"]), (200, "broker", &both), "{found:?}");
        assert!(found.json["page"]["properties"]["max_age"].is_u64(), "{found:?}");
    }
    assert_eq!(beside.asked().await, asked + 2);
    // A page goes on where the one before it ended.
    let mut page = users.clone();
    page["page"] = json!({ "limit": 1 });
    let first = ask(&beside, SUBJECTS, &page).await;
    page["page"]["token"] = first.json["page"]["next_token"].clone();
    let second = ask(&beside, SUBJECTS, &page).await;
    assert_eq!((&first.json["results"][0]["id"], &second.json["results"][0]["id"]), (&json!("alice"), &json!("bob")));
    page["page"]["token"] = json!("x");
    assert_eq!(ask(&beside, SUBJECTS, &page).await.status, 400);

    let root = &world.root;
    let account = root.account;
    for (path, what) in [
        ("put", json!({ "arn": format!("arn:aws:record::{account}:r1") })),
        ("put-type", json!({ "type": "record", "actions": ["read", "write"] })),
    ] {
        let path = format!("/resources/v1/{path}");
        let put = post(&broker, &path, "application/json", &what.to_string(), Some((root, "brevet"))).await;
        assert_eq!(put.status, 200, "{put:?}");
    }
    beside.follows(&broker).await;
    let alice = json!({ "type": "user", "id": "alice" });
    let wanted = json!({ "subject": alice, "action": { "name": "read" }, "resource": { "type": "record" } });
    let found = ask(&beside, "/access/v1/search/resource", &wanted).await;
    assert_eq!((found.status, &found.json["results"]), (200, &json!([record])), "{found:?}");
    let wanted = json!({ "subject": alice, "resource": record });
    let found = ask(&beside, "/access/v1/search/action", &wanted).await;
    assert_eq!((found.status, &found.json["results"]), (200, &json!([{ "name": "read" }])), "{found:?}");
    refuses_cut_off(&wire, &beside, SUBJECTS, &users).await;
}
