//! The library for services: both of its modes against a broker, what it keeps and for how long, and what it does not fall for.

use std::sync::Arc;

use brevet::client::{Broker, BrokerSettings, ClientError};
use brevet::clock::SystemRandom;
use brevet::service::{Caller, Mode, Question, Received, Refused, Settings, Verifier};
use brevet::sigv4::{Content, Coverage, RequestParts};

use crate::world::policies::{allow, document, statement, trust};
use crate::world::received::{HOST, Request, with_wrong_secret};
use crate::world::{Actor, Backend, Hand, Keys, Outcome, Running, Session, User, World};

const MODES: [Mode; 2] = [Mode::Ask, Mode::DerivedKeys];

async fn service_and_alice(root: &Hand<'_>) -> (User, User) {
    let policy =
        document([statement("Allow", "brevet:VerifyRequest", "*"), statement("Allow", "brevet:DeriveKeys", "*")]);
    let service = root.user_with("files", &policy).await;
    (service, root.user_with("alice", &allow("s3:GetObject", "arn:aws:s3:::b/*")).await)
}

fn verifier(world: &World, at: &Running, service: &User, mode: Mode) -> Verifier {
    let mut settings = BrokerSettings::at(&at.url, "us-east-1");
    settings.backoff.base = std::time::Duration::from_millis(1);
    let broker = Broker::new(&settings, Arc::new(world.clock.clone()), Arc::new(SystemRandom)).expect("settings");
    let own = service.keys.credentials();
    let settings = Settings { mode, hosts: vec![HOST.to_owned()], ..Settings::of("s3") };
    Verifier::new(broker, Box::new(move || Ok(own.clone())), settings)
}

async fn check(verifier: &Verifier, request: &Request) -> Result<Caller, Refused> {
    let headers: Vec<(&str, &[u8])> =
        request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let (method, path, query) = (request.method, request.path.as_str(), request.query.as_str());
    let parts = RequestParts { method, path, query, headers: &headers, body: &request.body };
    verifier.verify(&Received { parts, content: Content::Whole(&request.body) }).await
}

/// Whose the request is, or what its sender is answered.
async fn whose(verifier: &Verifier, request: &Request) -> String {
    match check(verifier, request).await {
        Ok(caller) => caller.arn,
        Err(refused) => refused.answer().0.to_owned(),
    }
}

fn get(keys: &Keys, world: &World) -> Request {
    Request::get("/b/k").signed(keys, "s3", world.now())
}

#[tokio::test]
async fn both_modes_tell_the_same() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let (service, alice) = service_and_alice(&root).await;
    let role = root.role("worker", &trust(&alice.arn, &["sts:AssumeRole"], None), "").await;
    root.let_user("alice", "assume", &allow("sts:AssumeRole", "*")).await;
    let assumed = alice.sts(&broker).assume_role().role_arn(&role).role_session_name("work").send().await;
    let session = Session::of(assumed.granted().credentials());
    let partner = world.another_account("partner").await;
    let bob = partner.at(&broker).user("bob").await;
    for mode in MODES {
        let verifier = verifier(&world, &broker, &service, mode);
        // Twice: the second time a key may be at hand.
        for _ in 0..2 {
            let caller = check(&verifier, &get(&session.keys, &world)).await.expect("a caller");
            assert_eq!((caller.kind.as_str(), caller.principal.as_str()), ("AssumedRole", role.as_str()));
            assert_eq!((caller.session_name.as_deref(), &caller.body), (Some("work"), &Coverage::Signed));
            assert_eq!(caller.expires.map(|at| at.seconds()), Some(session.expires));
            assert!(caller.signed_headers.iter().any(|name| name == "x-amz-security-token"));
            assert!(!format!("{caller:?}").contains(session.token()));
            assert_eq!(whose(&verifier, &get(&alice.keys, &world)).await, alice.arn);
            // Her key is not to be had, so the broker is asked; it makes no difference.
            assert_eq!(whose(&verifier, &get(&bob.keys, &world)).await, bob.arn);
            let presigned = Request::get("/b/k").presigned(&alice.keys, "s3", 604_800, world.now().plus(-86_400));
            assert_eq!(whose(&verifier, &presigned).await, alice.arn, "a key of yesterday's is not to be had");
            let good = get(&alice.keys, &world);
            let with = |change: fn(&mut Request)| {
                let mut request = good.clone();
                change(&mut request);
                request
            };
            for (request, expected) in [
                (get(&with_wrong_secret(&alice.keys), &world), "SignatureDoesNotMatch"),
                (get(&with_wrong_secret(&session.keys), &world), "SignatureDoesNotMatch"),
                (get(&Keys::long_lived("AKIAIOSFODNN7EXAMPLE", "x"), &world), "InvalidAccessKeyId"),
                (get(&Keys { token: None, ..session.keys.clone() }, &world), "InvalidToken"),
                (Request::get("/b/k"), "AccessDenied"),
                (Request::get("/b/k").signed(&alice.keys, "db", world.now()), "AuthorizationHeaderMalformed"),
                (Request::get("/b/k").signed(&alice.keys, "s3", world.now().plus(-901)), "RequestTimeTooSkewed"),
                (Request::get("/b/k").presigned(&alice.keys, "s3", 60, world.now().plus(-61)), "AccessDenied"),
                (with(|request| request.path = "/b/other".to_owned()), "SignatureDoesNotMatch"),
                (with(|request| request.body = b"x".to_vec()), "XAmzContentSHA256Mismatch"),
                (with(|request| request.headers.push(("x-amz-acl".to_owned(), "public".to_owned()))), "AccessDenied"),
            ] {
                assert_eq!(whose(&verifier, &request).await, expected, "{mode:?}: {:?}", request.told());
            }
        }
        // Sent to somebody else, who passes it on.
        let mut elsewhere = Request::get("/b/k");
        elsewhere.headers[0].1 = "evil.example".to_owned();
        let elsewhere = elsewhere.signed(&alice.keys, "s3", world.now());
        assert_eq!(whose(&verifier, &elsewhere).await, "SignatureDoesNotMatch");
    }
}

#[tokio::test]
async fn with_a_derived_key_the_broker_is_not_asked_until_its_word_is_old() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let (service, alice) = service_and_alice(&root).await;
    let verifier = verifier(&world, &broker, &service, Mode::DerivedKeys);
    assert_eq!(whose(&verifier, &get(&alice.keys, &world)).await, alice.arn);
    let question = Question::new("s3:GetObject", "arn:aws:s3:::b/k");
    let caller = check(&verifier, &get(&alice.keys, &world)).await.expect("a caller");
    assert!(verifier.allowed(&caller, &question).await.expect("an answer").allowed);
    broker.stop().await;
    assert_eq!(whose(&verifier, &get(&alice.keys, &world)).await, alice.arn);
    assert_eq!(whose(&verifier, &get(&with_wrong_secret(&alice.keys), &world)).await, "SignatureDoesNotMatch");
    let kept = verifier.allowed(&caller, &question).await.expect("a kept answer");
    assert!(kept.allowed && kept.kept);
    // Every other question is another, and so is every other caller.
    for other in [
        Question::new("s3:GetObject", "arn:aws:s3:::b/k2"),
        Question::new("s3:PutObject", "arn:aws:s3:::b/k"),
        question.clone().with_key("aws:SourceIp", "192.0.2.1"),
        question.clone().with_property("class", "hot"),
        question.clone().with_policy("{}"),
        question.clone().of_account("111122223333"),
    ] {
        assert!(matches!(verifier.allowed(&caller, &other).await, Err(Refused::Broker(_))), "{other:?}");
    }
    world.advance(6);
    assert_eq!(whose(&verifier, &get(&alice.keys, &world)).await, "ServiceUnavailable");
    assert!(matches!(verifier.allowed(&caller, &question).await, Err(Refused::Broker(ClientError::Connect(_)))));
}

#[tokio::test]
async fn what_is_revoked_or_denied_at_the_broker_ends_here_too() {
    for mode in MODES {
        let (world, broker) = World::begin(Backend::Sqlite).await;
        let root = world.root.at(&broker);
        let (service, alice) = service_and_alice(&root).await;
        let verifier = verifier(&world, &broker, &service, mode);
        let question = Question::new("s3:GetObject", "arn:aws:s3:::b/k");
        let caller = check(&verifier, &get(&alice.keys, &world)).await.expect("a caller");
        let asked = || async { verifier.allowed(&caller, &question).await.expect("an answer") };
        assert!(asked().await.allowed);
        root.let_user("alice", "no", &document([statement("Deny", "s3:*", "*")])).await;
        world.advance(6);
        let denied = asked().await;
        assert!(!denied.allowed && denied.reason.contains("explicit deny"), "{denied:?}");
        // Still alice, whom the broker was asked about again.
        assert_eq!(whose(&verifier, &get(&alice.keys, &world)).await, alice.arn);
        let off = root.iam.update_access_key().user_name("alice").access_key_id(&alice.keys.id);
        off.status("Inactive".into()).send().await.granted();
        world.advance(6);
        assert_eq!(whose(&verifier, &get(&alice.keys, &world)).await, "InvalidAccessKeyId", "{mode:?}");
        let on = root.iam.update_access_key().user_name("alice").access_key_id(&alice.keys.id);
        on.status("Active".into()).send().await.granted();
        assert_eq!(whose(&verifier, &get(&alice.keys, &world)).await, alice.arn, "{mode:?}");
    }
}

#[tokio::test]
async fn a_service_that_may_not_ask_serves_nobody() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let (nobody, alice) = (root.user("nobody").await, root.user("alice").await);
    for mode in MODES {
        let verifier = verifier(&world, &broker, &nobody, mode);
        let refused = check(&verifier, &get(&alice.keys, &world)).await.expect_err("not enrolled");
        assert_eq!((refused.answer().0, refused.answer().1), ("ServiceUnavailable", 503));
        assert!(refused.to_string().contains("AccessDenied"), "{refused}");
    }
}
