//! Requests that somebody signed for a service: it hands them over, and learns who sent them and whether they may.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::world::follow::follow;
use crate::world::policies::{allow, document, trust};
use crate::world::raw::{get, post, post_with};
use crate::world::received::{Request, outcome, verify, verify_all, verify_and_ask, with_wrong_secret};
use crate::world::{Actor, Backend, Hand, Keys, Outcome, Running, Session, User, World, within_a_second};

/// The files service, enrolled for `s3`, and alice, who may read the bucket `b`.
async fn service_and_alice(root: &Hand<'_>) -> (User, User) {
    let enrolled = format!("arn:aws:brevet::{}:service/s3", root.account);
    let service = root.user_with("files", &allow("brevet:VerifyRequest", &enrolled)).await;
    (service, root.user_with("alice", &allow("s3:GetObject", "arn:aws:s3:::b/*")).await)
}

async fn assume(who: &impl Actor, role: &str, at: &Running) -> Session {
    let assumed = who.sts(at).assume_role().role_arn(role).role_session_name("work").send().await;
    Session::of(assumed.granted().credentials())
}

fn may_get(key: &str) -> Value {
    json!({ "action": "s3:GetObject", "resource": format!("arn:aws:s3:::b/{key}") })
}

#[tokio::test]
async fn a_service_learns_who_signed_what_it_received() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let (service, alice) = service_and_alice(&root).await;
    let request = Request::get("/b/a%20b").signed(&alice.keys, "s3", world.now());
    let told = verify(&broker, &service, "s3", request.told_whole()).await.json();
    assert_eq!(told["caller"]["arn"], json!(alice.arn), "{told}");
    assert_eq!(told["caller"]["account"], json!(root.account.to_string()));
    assert_eq!((&told["caller"]["type"], &told["caller"]["expires"]), (&json!("IAMUser"), &Value::Null));
    assert_eq!(told["caller"]["access_key_id"], json!(alice.keys.id));
    assert!(told["caller"]["user_id"].as_str().is_some_and(|id| id.starts_with("AIDA")), "{told}");
    assert_eq!((&told["request"]["region"], &told["request"]["presigned"]), (&json!("eu-west-1"), &json!(false)));
    assert_eq!(told["request"]["signed_headers"], json!(["host", "x-amz-content-sha256", "x-amz-date"]));
    assert!(told["revision"].is_number() && told["decision"].is_null(), "{told}");
    assert!(!told.to_string().contains(&alice.keys.secret), "no secret leaves the broker");

    let role = root.role("worker", &trust(&alice.arn, &["sts:AssumeRole"], None), "").await;
    root.let_user("alice", "assume", &allow("sts:AssumeRole", "*")).await;
    let session = assume(&alice, &role, &broker).await;
    for request in [
        Request::get("/b/k").signed(&session.keys, "s3", world.now()),
        Request::get("/b/k").presigned(&session.keys, "s3", 60, world.now()),
    ] {
        let told = verify(&broker, &service, "s3", request.told_whole()).await.json();
        let arn = role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/work";
        assert_eq!((&told["caller"]["arn"], &told["caller"]["principal"]), (&json!(arn), &json!(role)), "{told}");
        assert_eq!((&told["caller"]["type"], &told["caller"]["session_name"]), (&json!("AssumedRole"), &json!("work")));
        let expires = brevet::clock::Timestamp(session.expires).iso8601();
        assert_eq!(told["caller"]["expires"], json!(expires));
        assert!(!told.to_string().contains(session.token()), "tokens are not repeated");
    }
}

#[tokio::test]
async fn of_the_body_is_told_how_far_the_signature_covers_it() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (service, alice) = service_and_alice(&world.root.at(&broker)).await;
    let signed = Request::put("/b/k", b"content").signed(&alice.keys, "s3", world.now());
    let body_of = |answer: &crate::world::raw::Answer| answer.json()["request"]["body"].clone();
    for told in [signed.told_whole(), signed.told_hashed()] {
        assert_eq!(body_of(&verify(&broker, &service, "s3", told).await), "signed");
    }
    // Whoever has not read the body yet is told which one was signed.
    let answer = verify(&broker, &service, "s3", signed.told()).await;
    assert_eq!(body_of(&answer), "declared");
    assert_eq!(answer.json()["request"]["body_sha256"], signed.told_hashed()["body_sha256"]);
    // Another body, whole or hashed.
    let other = Request { body: b"conteNt".to_vec(), ..signed.clone() };
    for told in [other.told_whole(), other.told_hashed()] {
        assert_eq!(outcome(&verify(&broker, &service, "s3", told).await), "XAmzContentSHA256Mismatch");
    }
    // Another hash in the header is another signature.
    let hash = other.told_hashed()["body_sha256"].as_str().unwrap_or_default().to_owned();
    let claimed = other.clone().without("x-amz-content-sha256").header("x-amz-content-sha256", &hash);
    for told in [claimed.told_whole(), claimed.told()] {
        assert_eq!(outcome(&verify(&broker, &service, "s3", told).await), "SignatureDoesNotMatch");
    }
    for (word, coverage) in [
        ("UNSIGNED-PAYLOAD", "unsigned"),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", "streaming"),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "streaming"),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "streaming"),
    ] {
        let open = Request::put("/b/k", b"x").header("x-amz-content-sha256", word);
        let open = open.signed(&alice.keys, "s3", world.now());
        for told in [open.told_whole(), open.told()] {
            assert_eq!(body_of(&verify(&broker, &service, "s3", told).await), coverage, "{word}");
        }
    }
    let odd = Request::put("/b/k", b"x").header("x-amz-content-sha256", "STREAMING-SOMETHING");
    let odd = odd.signed(&alice.keys, "s3", world.now());
    assert_eq!(outcome(&verify(&broker, &service, "s3", odd.told_whole()).await), "InvalidArgument");
    // Presigned, S3 leaves the body open.
    let presigned = Request::put("/b/k", b"x").presigned(&alice.keys, "s3", 60, world.now());
    assert_eq!(body_of(&verify(&broker, &service, "s3", presigned.told()).await), "unsigned");
}

#[tokio::test]
async fn a_service_that_is_not_s3_signs_its_own_way() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user("alice").await;
    let service = root.user_with("service", &allow("brevet:VerifyRequest", "*")).await;
    let request = Request::put("/a/../b%20c//d", b"{}").signed(&alice.keys, "reports", world.now());
    assert_eq!(outcome(&verify(&broker, &service, "reports", request.told_hashed()).await), alice.arn);
    // Without a declared hash somebody must know the body.
    assert_eq!(verify(&broker, &service, "reports", request.told()).await.status, 400);
    let streaming = Request::put("/", b"").header("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    let streaming = streaming.signed(&alice.keys, "reports", world.now());
    assert_eq!(outcome(&verify(&broker, &service, "reports", streaming.told()).await), "IncompleteSignature");
    let wrong = Request::get("/").signed(&with_wrong_secret(&alice.keys), "reports", world.now());
    assert_eq!(outcome(&verify(&broker, &service, "reports", wrong.told_whole()).await), "SignatureDoesNotMatch");
    let unknown = Keys::long_lived("AKIAIOSFODNN7EXAMPLE", "x");
    let unknown = Request::get("/").signed(&unknown, "reports", world.now());
    assert_eq!(outcome(&verify(&broker, &service, "reports", unknown.told_whole()).await), "InvalidClientTokenId");
    let unsigned = verify(&broker, &service, "reports", Request::get("/").told_whole()).await;
    assert_eq!(outcome(&unsigned), "MissingAuthenticationToken");
    assert_eq!(unsigned.json()["refused"]["status"], 403);
}

#[tokio::test]
async fn only_who_is_enrolled_for_a_service_has_its_requests_verified() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let (service, alice) = service_and_alice(&root).await;
    let request = Request::get("/b/k").signed(&alice.keys, "s3", world.now());
    for service in
        [&alice, &root.user_with("other", &allow("brevet:VerifyRequest", "arn:aws:brevet::*:service/db")).await]
    {
        let answer = verify(&broker, service, "s3", request.told_whole()).await;
        assert_eq!((answer.status, &answer.json()["code"]), (403, &json!("AccessDenied")), "{answer:?}");
        assert!(!answer.body.replace(&service.arn, "").contains("alice"), "{answer:?}");
    }
    assert_eq!(verify(&broker, &service, "db", request.told_whole()).await.status, 403);
    within_a_second("the refusals are recorded", || async {
        let trail = world.trail("VerifyRequest").await;
        trail.contains("AccessDenied") && trail.contains("\"service\":\"db\"")
    })
    .await;
    // A key of the service that is not signed in, or for another service.
    let body = json!({ "service": "s3", "request": request.told_whole() }).to_string();
    for signer in [None, Some((&service as &dyn crate::world::raw::ActorKeys, "s3"))] {
        let answer = post(&broker, "/requests/v1/verify", "application/json", &body, signer).await;
        assert_eq!(answer.status, 401, "{answer:?}");
    }
    assert_eq!(get(&broker, "/requests/v1/verify").await.status, 405);
}

#[tokio::test]
async fn a_request_is_for_the_service_that_it_was_signed_for_and_never_for_the_brokers_own() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user("alice").await;
    let service = root.user_with("service", &allow("*", "*")).await;
    let request = Request::get("/").signed(&alice.keys, "s3", world.now());
    assert_eq!(outcome(&verify(&broker, &service, "s3", request.told_whole()).await), alice.arn);
    // Replayed across services.
    assert_eq!(outcome(&verify(&broker, &service, "db", request.told_whole()).await), "SignatureDoesNotMatch");
    for own in ["sts", "iam", "brevet", "STS", "sso", "signin", "", "*", "s3/../sts"] {
        let request = Request::get("/").signed(&alice.keys, own, world.now());
        let answer = verify(&broker, &service, own, request.told_whole()).await;
        assert_eq!(answer.status, 400, "{own}: {answer:?}");
        assert_ne!(outcome(&verify(&broker, &service, "s3", request.told_whole()).await), alice.arn, "{own}");
    }
    // A request that the broker itself would take says nothing to a service.
    let request = Request::get("/").presigned(&alice.keys, "sts", 60, world.now());
    assert_eq!(outcome(&verify(&broker, &service, "s3", request.told_whole()).await), "AuthorizationHeaderMalformed");
}

#[tokio::test]
async fn who_cannot_sign_learns_nothing_of_keys() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let (service, alice) = service_and_alice(&root).await;
    let code = |keys: Keys| {
        let request = Request::get("/b/k").signed(&keys, "s3", world.now());
        let (broker, service) = (&broker, &service);
        async move { outcome(&verify(broker, service, "s3", request.told_whole()).await) }
    };
    let inactive = root.access_key("alice").await;
    let off = root.iam.update_access_key().user_name("alice").access_key_id(&inactive.id).status("Inactive".into());
    off.send().await.granted();
    let token = Session::of(alice.sts(&broker).get_session_token().send().await.granted().credentials());
    let stripped = Keys { token: None, ..token.keys.clone() };
    let mixed = Keys { token: token.keys.token.clone(), ..alice.keys.clone() };
    let forged = Keys { token: Some(token.token().replace('.', "x")), ..token.keys.clone() };
    for (keys, expected) in [
        (with_wrong_secret(&alice.keys), "SignatureDoesNotMatch"),
        (with_wrong_secret(&inactive), "SignatureDoesNotMatch"),
        (with_wrong_secret(&token.keys), "SignatureDoesNotMatch"),
        (inactive, "InvalidAccessKeyId"),
        (Keys::long_lived("AKIAIOSFODNN7EXAMPLE", "x"), "InvalidAccessKeyId"),
        (Keys::long_lived("nonsense", "x"), "InvalidAccessKeyId"),
        (stripped, "InvalidToken"),
        (mixed, "InvalidToken"),
        (forged, "InvalidToken"),
        (token.keys.clone(), alice.arn.as_str()),
    ] {
        assert_eq!(code(keys.clone()).await, expected, "{}", keys.id);
    }
}

#[tokio::test]
async fn a_request_lives_as_long_as_it_says_and_its_sender_does() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let (service, alice) = service_and_alice(&root).await;
    let began = world.now();
    let signed = Request::get("/b/k").signed(&alice.keys, "s3", began);
    let week = Request::get("/b/k").presigned(&alice.keys, "s3", 604_800, began);
    let session = Session::of(
        alice.sts(&broker).get_session_token().duration_seconds(3_600).send().await.granted().credentials(),
    );
    let of_session = Request::get("/b/k").presigned(&session.keys, "s3", 604_800, began);
    let at = |request: &Request| {
        let (broker, service, told) = (&broker, &service, request.told());
        async move { outcome(&verify(broker, service, "s3", told).await) }
    };
    for request in [&signed, &week, &of_session] {
        assert_eq!(at(request).await, alice.arn);
    }
    world.advance(901);
    assert_eq!((at(&signed).await.as_str(), at(&week).await), ("RequestTimeTooSkewed", alice.arn.clone()));
    let early = Request::get("/b/k").signed(&alice.keys, "s3", world.now().plus(901));
    assert_eq!(at(&early).await, "RequestTimeTooSkewed");
    world.advance(3_600);
    assert_eq!((at(&of_session).await.as_str(), at(&week).await), ("ExpiredToken", alice.arn.clone()));
    world.advance(7 * 86_400 - 4_501);
    assert_eq!(at(&week).await, alice.arn);
    world.advance(2);
    assert_eq!(at(&week).await, "AccessDenied");
}

#[tokio::test]
async fn what_was_revoked_or_deleted_signs_nothing_more() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let (service, alice) = service_and_alice(&root).await;
    let role = root.role("worker", &trust(&alice.arn, &["sts:AssumeRole"], None), "").await;
    root.let_user("alice", "assume", &allow("sts:AssumeRole", "*")).await;
    let (one, two) = (assume(&alice, &role, &broker).await, assume(&alice, &role, &broker).await);
    let at = |keys: &Keys| {
        let request = Request::get("/b/k").signed(keys, "s3", world.now());
        let (broker, service) = (&broker, &service);
        async move { outcome(&verify(broker, service, "s3", request.told()).await) }
    };
    assert!(at(&one.keys).await.ends_with("/work") && at(&two.keys).await.ends_with("/work"));
    let ended = json!({ "ownSession": true }).to_string();
    let ended = post(&broker, "/sessions/v1/revoke", "application/json", &ended, Some((&one, "brevet"))).await;
    assert_eq!(ended.status, 200, "{ended:?}");
    assert_eq!(at(&one.keys).await, "ExpiredToken");
    assert!(at(&two.keys).await.ends_with("/work"));
    root.iam.delete_role().role_name("worker").send().await.granted();
    assert_eq!(at(&two.keys).await, "InvalidAccessKeyId");
    root.role("worker", &trust(&alice.arn, &["sts:AssumeRole"], None), "").await;
    assert_eq!(at(&two.keys).await, "InvalidAccessKeyId", "another role of that name");
    root.iam.delete_access_key().user_name("alice").access_key_id(&alice.keys.id).send().await.granted();
    assert_eq!(at(&alice.keys).await, "InvalidAccessKeyId");
}

#[tokio::test]
async fn the_decision_comes_with_the_same_answer() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let (service, alice) = service_and_alice(&root).await;
    let request = Request::get("/b/k").signed(&alice.keys, "s3", world.now());
    let asked = |question: Value| {
        let (broker, service, told) = (&broker, &service, request.told());
        async move { verify_and_ask(broker, service, "s3", told, question).await }
    };
    let answer = asked(may_get("k")).await.json();
    assert_eq!((&answer["caller"]["arn"], &answer["decision"]["decision"]), (&json!(alice.arn), &json!(true)));
    let context = &answer["decision"]["context"];
    assert_eq!((&context["reason"], &context["degraded"]), (&json!("allowed"), &json!(false)), "{answer}");
    assert!(context["revision"].is_number() && context["max_age"].is_number(), "{answer}");
    assert_eq!(context["statements"].as_array().map(Vec::len), Some(1));
    let other = json!({ "action": "s3:PutObject", "resource": "arn:aws:s3:::b/k" });
    let answer = asked(other).await.json();
    assert_eq!((&answer["caller"]["arn"], &answer["decision"]["decision"]), (&json!(alice.arn), &json!(false)));

    // What is asked beside the service's own actions needs the permission that everybody needs for it.
    let foreign = json!({ "action": "iam:GetUser", "resource": alice.arn });
    assert_eq!(asked(foreign.clone()).await.status, 403);
    assert_eq!(asked(json!({ "action": "S3:GetObject", "resource": "arn:aws:s3:::b/k" })).await.status, 403);
    root.let_user("files", "evaluate", &allow("brevet:Evaluate", &alice.arn)).await;
    assert_eq!(asked(foreign).await.json()["decision"]["decision"], false);

    // The region that was signed for, properties and context are condition keys.
    let conditions = json!({ "StringEquals": { "aws:RequestedRegion": "eu-west-1", "s3:prefix": "p",
        "brevet:Resource/class": "hot" } });
    let mut statement = json!({ "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*" });
    statement["Condition"] = conditions;
    root.let_user("alice", "list", &document([statement])).await;
    let mut question = json!({ "action": "s3:ListBucket", "resource": "arn:aws:s3:::b",
        "context": { "s3:prefix": "p" }, "properties": { "resource": { "class": "hot" } } });
    assert_eq!(asked(question.clone()).await.json()["decision"]["decision"], true);
    question["context"]["s3:prefix"] = json!("q");
    assert_eq!(asked(question).await.json()["decision"]["decision"], false);
    for bad in [
        json!({}),
        json!({ "action": "s3:GetObject" }),
        json!({ "action": "GetObject", "resource": "arn:aws:s3:::b/k" }),
        json!({ "action": "s3:*", "resource": "arn:aws:s3:::b/k" }),
        json!({ "action": "s3:GetObject", "resource": "b/k" }),
        json!({ "action": "s3:GetObject", "resource": "arn:aws:s3:::b/k", "resource_account": "12" }),
        json!({ "action": "s3:GetObject", "resource": "arn:aws:s3:::b/k", "resource_policy": {} }),
        json!({ "action": "s3:GetObject", "resource": "arn:aws:s3:::b/k", "resource_policy": "x".repeat(30_000) }),
        json!({ "action": "s3:GetObject", "resource": "arn:aws:s3:::b/k", "context": { "aws:PrincipalArn": "x" } }),
        json!({ "action": "s3:GetObject", "resource": "arn:aws:s3:::b/k", "else": 1 }),
        json!({ "action": "s3:GetObject", "resource": "arn:aws:x::111122223333:y", "resource_account": "444455556666" }),
    ] {
        let answer = asked(bad.clone()).await;
        assert_eq!(answer.status, 400, "{bad}: {answer:?}");
    }
}

#[tokio::test]
async fn between_accounts_both_sides_must_agree() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let (service, alice) = service_and_alice(&root).await;
    let partner = world.another_account("partner").await;
    let partner = partner.at(&broker);
    let bob = partner.user_with("bob", &allow("s3:GetObject", "arn:aws:s3:::b/*")).await;
    let eve = partner.user("eve").await;
    let lets = |arn: &str| {
        json!({ "Version": "2012-10-17", "Statement": [{ "Sid": "Partners", "Effect": "Allow",
            "Principal": { "AWS": arn }, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*" }] })
    };
    let asked = |who: &User, policy: Option<Value>, owner: Option<String>| {
        let mut question = may_get("k");
        if let Some(policy) = policy {
            question["resource_policy"] = policy;
        }
        if let Some(owner) = owner {
            question["resource_account"] = json!(owner);
        }
        let request = Request::get("/b/k").signed(&who.keys, "s3", world.now());
        let (broker, service) = (&broker, &service);
        async move {
            let answer = verify_and_ask(broker, service, "s3", request.told(), question).await.json();
            assert!(answer["caller"]["arn"].is_string(), "{answer}");
            answer["decision"]["decision"] == true
        }
    };
    let theirs = Some(partner.account.to_string());
    // Bob's own account lets him; the bucket's must too.
    assert!(!asked(&bob, None, None).await, "a bucket is the service's account's, unless it says otherwise");
    assert!(asked(&bob, Some(lets(&bob.arn)), None).await);
    assert!(asked(&bob, Some(json!(lets(&bob.arn).to_string())), None).await, "as text");
    assert!(!asked(&eve, Some(lets(&eve.arn)), None).await, "her own account does not let her");
    assert!(!asked(&bob, Some(lets(&alice.arn)), None).await);
    assert!(asked(&bob, None, theirs.clone()).await, "a bucket of his own account");
    assert!(!asked(&alice, None, theirs).await, "is another's to alice");
    // In one account either side suffices, and a denial wins.
    let carol = root.user("carol").await;
    assert!(!asked(&carol, None, None).await);
    assert!(asked(&carol, Some(lets(&carol.arn)), None).await);
    let mut denies = lets(&alice.arn);
    denies["Statement"][0]["Effect"] = json!("Deny");
    assert!(asked(&alice, None, None).await && !asked(&alice, Some(denies), None).await);
}

#[tokio::test]
async fn a_request_that_was_changed_on_its_way_is_nobodys() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (service, alice) = service_and_alice(&world.root.at(&broker)).await;
    let good = Request::get("/b/k").header("x-amz-meta-a", "1").signed(&alice.keys, "s3", world.now());
    assert_eq!(outcome(&verify(&broker, &service, "s3", good.told()).await), alice.arn);
    let changed = |change: fn(&mut Request)| {
        let mut request = good.clone();
        change(&mut request);
        request
    };
    for request in [
        changed(|request| request.method = "DELETE"),
        changed(|request| request.path = "/b/other".to_owned()),
        changed(|request| request.path = "/b//k".to_owned()),
        changed(|request| request.query = "acl".to_owned()),
        changed(|request| request.headers[0].1 = "other.example".to_owned()),
        changed(|request| request.headers[1].1 = "2".to_owned()),
        changed(|request| request.headers.push(("x-amz-meta-a".to_owned(), "2".to_owned()))),
        changed(|request| request.headers.push(("x-amz-acl".to_owned(), "public-read".to_owned()))),
        changed(|request| request.headers.push(("Host".to_owned(), "other.example".to_owned()))),
        changed(|request| request.headers.retain(|(name, _)| name != "x-amz-meta-a")),
    ] {
        let answer = verify(&broker, &service, "s3", request.told()).await;
        assert_ne!(outcome(&answer), alice.arn, "{:?}", request.told());
        assert!(answer.json()["caller"].is_null(), "{answer:?}");
    }
    // Headers that are not signed are not the sender's word, and do not disturb.
    let more = good.clone().header("x-forwarded-for", "10.0.0.1");
    let answer = verify(&broker, &service, "s3", more.told()).await;
    assert_eq!(outcome(&answer), alice.arn);
    assert!(!answer.json()["request"]["signed_headers"].to_string().contains("x-forwarded-for"));
}

#[tokio::test]
async fn what_is_no_request_is_a_bad_one() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (service, alice) = service_and_alice(&world.root.at(&broker)).await;
    let good = Request::get("/b/k").signed(&alice.keys, "s3", world.now());
    let all = json!({ "service": "s3", "request": good.told() });
    let with = |pointer: &str, value: Value| {
        let mut all = all.clone();
        let (place, name) = pointer.rsplit_once('/').expect("a pointer");
        all.pointer_mut(place).expect("a member")[name] = value;
        all
    };
    let mut injected = good.clone();
    injected.headers.push(("x-other".to_owned(), "a\r\nx-amz-acl: public-read".to_owned()));
    let many: Vec<(String, String)> = (0..257).map(|n| (format!("h{n}"), String::new())).collect();
    for bad in [
        json!([]),
        json!({}),
        json!({ "service": "s3" }),
        json!({ "request": good.told() }),
        with("/service", json!(1)),
        with("/else", json!(1)),
        with("/request/else", json!(1)),
        with("/request/method", json!(null)),
        with("/request/headers", json!({})),
        with("/request/headers", json!([["a"]])),
        with("/request/headers", json!(many)),
        with("/request/headers", json!(injected.headers)),
        with("/request/body", json!("%%%")),
        with("/request/body_sha256", json!("00")),
        with("/request/body_sha256", json!("g".repeat(64))),
        with("/question", json!(7)),
    ] {
        let answer = verify_all(&broker, &service, &bad).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("ValidationError")), "{bad}: {answer:?}");
    }
    let mut both = all.clone();
    both["request"]["body"] = json!("");
    both["request"]["body_sha256"] = json!("0".repeat(64));
    assert_eq!(verify_all(&broker, &service, &both).await.status, 400);
    let large = with("/request/body", json!("A".repeat(2 << 20)));
    assert_eq!(verify_all(&broker, &service, &large).await.status, 413);
    for (kind, body) in [("text/plain", all.to_string()), ("application/json", "[".repeat(100_000))] {
        let answer = post(&broker, "/requests/v1/verify", kind, &body, Some((&service, "brevet"))).await;
        assert_eq!(answer.status, 400, "{kind}: {answer:?}");
    }
    for (key, value, status) in
        [("x-brevet-at-least-revision", "x", 400), ("x-brevet-at-least-revision", "99999999", 412)]
    {
        let (body, more) = (all.to_string(), [(key, value)]);
        let signer = Some((&service as &dyn crate::world::raw::ActorKeys, "brevet"));
        let answer = post_with(&broker, "/requests/v1/verify", "application/json", &body, signer, &more).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    // What the door takes for a method, a path or a query is at worst nobody's.
    for (pointer, value) in [
        ("/request/method", "GET\nx"),
        ("/request/method", ""),
        ("/request/path", "\n\u{0}"),
        ("/request/query", "X-Amz-Date=1&X-Amz-Date=2"),
    ] {
        let answer = verify_all(&broker, &service, &with(pointer, json!(value))).await;
        assert_ne!(outcome(&answer), alice.arn, "{pointer} {value:?}");
    }
}

#[tokio::test]
async fn who_follows_the_changes_is_told_what_an_answer_stands_on() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let (service, alice) = service_and_alice(&root).await;
    root.let_user("files", "follow", &allow("brevet:FollowChanges", "*")).await;
    let bob = root.user("bob").await;
    let session = Session::of(alice.sts(&broker).get_session_token().send().await.granted().credentials());
    let depends = |keys: &Keys, question: Option<Value>| {
        let request = Request::get("/b/k").signed(keys, "s3", world.now());
        let body = json!({ "service": "s3", "request": request.told(), "question": question }).to_string();
        let (broker, service) = (&broker, &service);
        async move {
            let signer = Some((service as &dyn crate::world::raw::ActorKeys, "brevet"));
            let more = [("x-brevet-tell-depends", "1")];
            let answer = post_with(broker, "/requests/v1/verify", "application/json", &body, signer, &more).await;
            let text = answer.header("x-brevet-depends").unwrap_or_else(|| panic!("{answer:?}")).to_owned();
            assert!(answer.revision.is_some() && answer.header("x-brevet-max-age").is_some(), "{answer:?}");
            text.split(',').map(str::to_owned).collect::<BTreeSet<String>>()
        }
    };
    let key = depends(&alice.keys, None).await;
    let decision = depends(&alice.keys, Some(may_get("k"))).await;
    let of_session = depends(&session.keys, None).await;
    let others = depends(&bob.keys, None).await;
    assert!(
        key.len() > 1 && key.is_subset(&decision) && !key.is_subset(&of_session),
        "{key:?} {decision:?} {of_session:?}"
    );
    let mut stream = follow(&broker, &service.keys).await;
    let off = root.iam.update_access_key().user_name("alice").access_key_id(&alice.keys.id).status("Inactive".into());
    off.send().await.granted();
    let changed = stream.changed().await;
    assert!(!changed.is_disjoint(&key) && changed.is_disjoint(&others), "{changed:?} {key:?} {others:?}");
    let ended = json!({ "ownSession": true }).to_string();
    let ended = post(&broker, "/sessions/v1/revoke", "application/json", &ended, Some((&session, "brevet"))).await;
    assert_eq!(ended.status, 200, "{ended:?}");
    let (changed, _) = stream.revoked().await;
    assert!(!changed.is_disjoint(&of_session) && changed.is_disjoint(&others), "{changed:?} {of_session:?}");
}
