//! Derived keys: what a service is given, that it opens no other door, and who is given none.

use brevet::crypto::hash::hmac_sha256;
use brevet::crypto::jwe::Recipient;
use brevet::sigv4::{Content, RequestParts, SignedRequest};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde_json::{Value, json};

use crate::world::policies::{allow, document, statement, trust};
use crate::world::raw::{Answer, post};
use crate::world::received::{Request, derive, outcome, verify};
use crate::world::{Actor, Backend, Hand, Keys, Outcome, Running, Session, User, World};

/// The files service, which may have keys of whomever `whose` means, and alice.
async fn service_and_alice(root: &Hand<'_>, whose: &str) -> (User, User) {
    let enrolled = format!("arn:aws:brevet::{}:service/s3", root.account);
    let policy = document([
        statement("Allow", "brevet:VerifyRequest", &enrolled),
        statement("Allow", "brevet:DeriveKeys", &enrolled),
        statement("Allow", "brevet:DeriveKeys", whose),
    ]);
    (root.user_with("files", &policy).await, root.user("alice").await)
}

/// The key of a request, and what was said with it.
async fn derived(at: &Running, service: &User, request: &Request) -> (Vec<u8>, Value) {
    let recipient = Recipient::new().expect("randomness");
    let public = json!(recipient.public());
    let answer = derive(at, service, "s3", request.told(), &public).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let told = answer.json();
    let jwe = told["key"]["jwe"].as_str().unwrap_or_else(|| panic!("no key: {told}"));
    assert_eq!(told["key"]["recipient"], json!(service.arn));
    let opened = recipient.open(jwe, &service.arn).expect("it opens");
    let jwk: Value = serde_json::from_slice(opened.expose()).expect("a JWK");
    assert_eq!((&jwk["kty"], &jwk["scope"]), (&json!("oct"), &told["key"]["scope"]), "{told}");
    let key = BASE64URL_NOPAD.decode(jwk["k"].as_str().unwrap_or_default().as_bytes()).expect("base64url");
    (key, told)
}

/// Why no key came with an answer.
fn no_key(answer: &Answer) -> String {
    let told = answer.json();
    assert!(answer.status == 200 && told["caller"]["arn"].is_string() && told["key"].is_null(), "{answer:?}");
    told["no_key"].as_str().unwrap_or_default().to_owned()
}

/// A request that somebody signs who has nothing but a derived key: the signature is made by hand.
fn forged(template: &Request, key: &[u8]) -> Request {
    let headers: Vec<(&str, &[u8])> =
        template.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let parts = RequestParts {
        method: template.method,
        path: &template.path,
        query: &template.query,
        headers: &headers,
        body: &template.body,
    };
    let signed = SignedRequest::parse_told(&parts, Content::Whole(&template.body)).expect("a request");
    let to_sign = signed.expect("signed").string_to_sign().to_owned();
    let signature = HEXLOWER.encode(&hmac_sha256(key, to_sign.as_bytes()));
    let mut forged = template.clone();
    for (name, value) in &mut forged.headers {
        if name == "authorization" {
            let kept = value.split_once("Signature=").map(|(kept, _)| kept.to_owned()).expect("a signature");
            *value = format!("{kept}Signature={signature}");
        }
    }
    forged
}

#[tokio::test]
async fn a_derived_key_checks_and_makes_signatures_of_its_scope_alone() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let (service, alice) = service_and_alice(&root, "*").await;
    root.let_user("files", "others", &allow("brevet:VerifyRequest", "*")).await;
    let (key, told) = derived(&broker, &service, &Request::get("/b/k").signed(&alice.keys, "s3", world.now())).await;
    assert_eq!(told["caller"]["arn"], json!(alice.arn));
    let today = &world.now().compact()[..8];
    assert_eq!(told["key"]["scope"], json!(format!("{today}/eu-west-1/s3/aws4_request")));
    assert!(!told.to_string().contains(&BASE64URL_NOPAD.encode(&key)), "the key is sealed");
    assert!(told["max_age"].as_i64().is_some_and(|seconds| (1..=5).contains(&seconds)), "{told}");

    // What alice would have to sign, signed by whoever has the key: good in its scope, and in no other.
    let knows_nothing = Keys::long_lived(&alice.keys.id, "not her secret");
    let signed_by_key = |service: &str, region: &str, day: i64| {
        let mut request = Request::get("/b/other").signed(&knows_nothing, service, world.now().plus(day * 86_400));
        for (_, value) in &mut request.headers {
            *value = value.replace("/eu-west-1/", &format!("/{region}/"));
        }
        forged(&request, &key)
    };
    let own = signed_by_key("s3", "eu-west-1", 0);
    assert_eq!(outcome(&verify(&broker, &service, "s3", own.told()).await), alice.arn);
    let elsewhere = signed_by_key("s3", "us-east-1", 0);
    assert_eq!(outcome(&verify(&broker, &service, "s3", elsewhere.told()).await), "SignatureDoesNotMatch");
    let other = signed_by_key("db", "eu-west-1", 0);
    assert_eq!(outcome(&verify(&broker, &service, "db", other.told_whole()).await), "SignatureDoesNotMatch");
    let tomorrow = signed_by_key("s3", "eu-west-1", 1);
    world.advance(86_400);
    assert_eq!(outcome(&verify(&broker, &service, "s3", tomorrow.told()).await), "SignatureDoesNotMatch");
    world.advance(-86_400);

    // The broker's own doors.
    for (to, body) in
        [("sts", "Action=GetCallerIdentity&Version=2011-06-15"), ("iam", "Action=GetUser&Version=2010-05-08")]
    {
        let form = "application/x-www-form-urlencoded";
        let mut request = Request { method: "POST", ..Request::put("/", body.as_bytes()) };
        request.headers =
            vec![("host".to_owned(), broker.host().to_owned()), ("content-type".to_owned(), form.to_owned())];
        let request = forged(&request.signed(&knows_nothing, to, world.now()), &key);
        let mut call = reqwest::Client::new().post(&broker.url).body(body);
        for (name, value) in request.headers.iter().filter(|(name, _)| name != "host") {
            call = call.header(name, value);
        }
        let answer = call.send().await.expect("an answer").text().await.expect("text");
        assert!(answer.contains("<Code>SignatureDoesNotMatch</Code>"), "{to}: {answer}");
    }
}

#[tokio::test]
async fn the_key_of_a_session_ends_with_it() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let (service, alice) = service_and_alice(&root, "*").await;
    let role = root.role("worker", &trust(&alice.arn, &["sts:AssumeRole"], None), "").await;
    root.let_user("alice", "assume", &allow("sts:AssumeRole", "*")).await;
    let ask = alice.sts(&broker).assume_role().role_arn(&role).role_session_name("work").duration_seconds(900);
    let session = Session::of(ask.send().await.granted().credentials());
    let request = Request::get("/b/k").signed(&session.keys, "s3", world.now());
    let (_, told) = derived(&broker, &service, &request).await;
    let ends = told["key"]["good_until"].as_str().unwrap_or_default();
    assert!(ends <= brevet::clock::Timestamp(session.expires).iso8601().as_str(), "{told}");
    let (_, told) = derived(&broker, &service, &Request::get("/b/k").signed(&alice.keys, "s3", world.now())).await;
    let midnight = brevet::clock::Timestamp(world.now().seconds() / 86_400 * 86_400 + 86_400 + 900);
    assert_eq!(told["key"]["good_until"], json!(midnight.iso8601()));
    // Ended, it is asked for in vain.
    let ended = json!({ "ownSession": true }).to_string();
    let ended = post(&broker, "/sessions/v1/revoke", "application/json", &ended, Some((&session, "brevet"))).await;
    assert_eq!(ended.status, 200, "{ended:?}");
    let public = json!(Recipient::new().expect("randomness").public());
    let answer = derive(&broker, &service, "s3", request.told(), &public).await;
    assert_eq!(outcome(&answer), "ExpiredToken");
    assert!(answer.json()["key"].is_null(), "{answer:?}");
}

#[tokio::test]
async fn who_may_not_have_a_key_is_told_who_signed_and_no_more() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alices = format!("arn:aws:iam::{}:user/alice", root.account);
    let (service, alice) = service_and_alice(&root, &alices).await;
    let public = json!(Recipient::new().expect("randomness").public());
    let ask = |keys: &Keys, at: i64| {
        let request = Request::get("/b/k").presigned(keys, "s3", 604_800, world.now().plus(at));
        let (broker, service, public) = (&broker, &service, &public);
        async move { derive(broker, service, "s3", request.told(), public).await }
    };
    assert!(ask(&alice.keys, 0).await.json()["key"].is_object());
    // Of others in the account, of its root user, and of other accounts, whatever the service's own policies say.
    let bob = root.user("bob").await;
    assert_eq!(no_key(&ask(&bob.keys, 0).await), "the service may not have keys of this principal");
    root.let_user("files", "all", &allow("brevet:DeriveKeys", "*")).await;
    assert!(ask(&bob.keys, 0).await.json()["key"].is_object());
    assert_eq!(no_key(&ask(&world.root.keys, 0).await), "keys of root users are not given away");
    let partner = world.another_account("partner").await;
    let theirs = partner.at(&broker).user("alice").await;
    assert_eq!(no_key(&ask(&theirs.keys, 0).await), "keys of other accounts are not given away");
    // Of yesterday, which a presigned request may be of.
    assert_eq!(no_key(&ask(&alice.keys, -86_400).await), "only keys of the present day are given away");
    // With a signature that is none, nothing.
    let wrong = crate::world::received::with_wrong_secret(&alice.keys);
    let refused = ask(&wrong, 0).await;
    assert_eq!((outcome(&refused).as_str(), &refused.json()["key"]), ("SignatureDoesNotMatch", &Value::Null));
    let trail = world.trail("DeriveKeys").await;
    assert!(trail.contains(&format!("\"principal\":\"{alices}\"")) && trail.contains("/s3/aws4_request"), "{trail}");
    assert!(!trail.contains(&alice.keys.secret));
}

#[tokio::test]
async fn keys_of_tomorrow_are_not_given_away_and_of_yesterday_for_a_quarter_of_an_hour() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let (service, alice) = service_and_alice(&root, "*").await;
    let public = json!(Recipient::new().expect("randomness").public());
    let ask = |at: brevet::clock::Timestamp| {
        let request = Request::get("/b/k").signed(&alice.keys, "s3", at);
        let (broker, service, public) = (&broker, &service, &public);
        async move { derive(broker, service, "s3", request.told(), public).await }
    };
    let now = world.now().seconds();
    let midnight = (now / 86_400 + 1) * 86_400;
    world.advance(midnight - 300 - now);
    let after = brevet::clock::Timestamp(midnight + 10);
    assert_eq!(no_key(&ask(after).await), "only keys of the present day are given away");
    assert!(ask(world.now()).await.json()["key"].is_object());
    world.advance(600);
    let before = brevet::clock::Timestamp(midnight - 10);
    assert!(ask(before).await.json()["key"].is_object());
    assert!(ask(world.now()).await.json()["key"].is_object());
}

#[tokio::test]
async fn only_who_is_enrolled_for_it_has_keys_derived() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let (service, alice) = service_and_alice(&root, "*").await;
    let public = json!(Recipient::new().expect("randomness").public());
    let request = Request::get("/b/k").signed(&alice.keys, "s3", world.now());
    let verifies = root.user_with("verifies", &allow("brevet:VerifyRequest", "*")).await;
    let derives = root.user_with("derives", &allow("brevet:DeriveKeys", "*")).await;
    for asker in [&verifies, &derives, &alice] {
        let answer = derive(&broker, asker, "s3", request.told(), &public).await;
        assert_eq!((answer.status, &answer.json()["code"]), (403, &json!("AccessDenied")), "{answer:?}");
    }
    root.let_user("files", "all", &allow("*", "*")).await;
    for own in ["sts", "iam", "brevet", "IAM"] {
        let request = Request::get("/").signed(&alice.keys, own, world.now());
        let answer = derive(&broker, &service, own, request.told(), &public).await;
        assert_eq!(answer.status, 400, "{own}: {answer:?}");
        assert!(answer.json()["key"].is_null());
    }
    // Keys to seal to that are none; a public one of small order would open to everybody.
    for bad in [
        json!(null),
        json!({}),
        json!({ "kty": "oct", "k": "AA" }),
        json!({ "kty": "OKP", "crv": "X25519", "x": "AA" }),
        json!({ "kty": "OKP", "crv": "X25519", "x": BASE64URL_NOPAD.encode(&[0; 32]) }),
        json!({ "kty": "EC", "crv": "P-256", "x": BASE64URL_NOPAD.encode(&[1; 32]), "y": BASE64URL_NOPAD.encode(&[1; 32]) }),
    ] {
        let answer = derive(&broker, &service, "s3", request.told(), &bad).await;
        assert_eq!(answer.status, 400, "{bad}: {answer:?}");
    }
}
