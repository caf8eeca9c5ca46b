//! Web identity tokens: who somebody is here, proven to services elsewhere; and what such a token is not good for.

use std::time::Duration;

use aws_sdk_sts::operation::get_web_identity_token::{GetWebIdentityTokenError, GetWebIdentityTokenOutput};
use aws_sdk_sts::types::Tag;
use brevet::crypto::alg::Alg;
use brevet::crypto::jwk::JwkSet;
use brevet::crypto::jwt::{Typ, peek_header, verify};
use brevet::crypto::verifying_key::VerifyingKey;
use serde_json::{Value, json};

use crate::world::policies::{allow, allow_if, document, statement, trust};
use crate::world::raw::{ask, call, get};
use crate::world::{Actor, Backend, Keys, Outcome, Running, Session, World};

on_both_stores! {
    a_token_of_an_account_is_verified_by_its_discovery => life;
}

const AUDIENCE: &str = "https://api.example.com";

type Answer = Result<GetWebIdentityTokenOutput, aws_sdk_sts::error::SdkError<GetWebIdentityTokenError>>;

async fn asked(who: &Keys, at: &Running, algorithm: &str, seconds: Option<i32>) -> Answer {
    let ask = who.sts(at).get_web_identity_token().audience(AUDIENCE).signing_algorithm(algorithm);
    ask.set_duration_seconds(seconds).send().await
}

async fn token(who: &Keys, at: &Running) -> String {
    asked(who, at, "ES384", None).await.granted().web_identity_token().expect("a token").to_owned()
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().expect("a tag")
}

/// What a service does that trusts `issuer`: discovery, keys, signature.
async fn verified(token: &str, issuer: &str, at: &Running) -> Value {
    let below = |url: &str| url.strip_prefix(&at.url).expect("a place at the broker").to_owned();
    let discovery = get(at, &format!("{}/.well-known/openid-configuration", below(issuer))).await.json();
    assert_eq!(discovery["issuer"], issuer);
    for required in ["response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported"] {
        assert!(discovery[required].as_array().is_some_and(|values| !values.is_empty()), "{required}: {discovery}");
    }
    let keys = get(at, &below(discovery["jwks_uri"].as_str().expect("a place for the keys"))).await;
    let keys = JwkSet::parse(keys.body.as_bytes()).expect("a key set");
    let header = peek_header(token).expect("a JWT");
    let alg = header.alg.expect("an algorithm");
    let offered = discovery["id_token_signing_alg_values_supported"].as_array().expect("algorithms");
    assert!(offered.contains(&json!(alg.name())), "{discovery}");
    let key = VerifyingKey::from_jwk(keys.find(&header.kid.expect("a key id")).expect("a published key"), alg);
    let claims: Value = verify(token, &key.expect("a key"), Typ::Exactly("JWT")).expect("a good signature");
    assert_eq!(claims["iss"], issuer);
    claims
}

async fn life(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow("sts:GetWebIdentityToken", "*")).await;
    let refused = asked(&alice.keys, &broker, "ES384", None).await;
    refused.refused("OutboundWebIdentityFederationDisabledException");

    let enabled = root.iam.enable_outbound_web_identity_federation().send().await.granted();
    let issuer = enabled.issuer_identifier().expect("an issuer").to_owned();
    for algorithm in ["ES384", "ES256", "EdDSA"] {
        let given = asked(&alice.keys, &broker, algorithm, Some(60)).await.granted();
        let claims = verified(given.web_identity_token().expect("a token"), &issuer, &broker).await;
        let now = world.now().seconds();
        assert_eq!((&claims["iat"], &claims["exp"]), (&json!(now), &json!(now + 60)));
        assert_eq!(given.expiration().map(aws_sdk_sts::primitives::DateTime::secs), Some(now + 60));
        assert_eq!((&claims["sub"], &claims["aud"]), (&json!(alice.arn), &json!(AUDIENCE)));
        let ours = &claims["https://sts.amazonaws.com/"];
        assert_eq!(ours["aws_account"], world.root.account.to_string());
        assert_eq!((&ours["source_region"], &ours["principal_id"]), (&json!("us-east-1"), &json!(alice.arn)));
        for absent in ["org_id", "ou_path", "original_session_exp", "request_tags", "principal_tags"] {
            assert_eq!(ours[absent], Value::Null, "{absent}");
        }
    }
    let (one, two) = (token(&alice.keys, &broker).await, token(&alice.keys, &broker).await);
    assert_ne!(
        verified(&one, &issuer, &broker).await["jti"],
        verified(&two, &issuer, &broker).await["jti"],
        "each token has an id of its own"
    );

    // A token outlives the switch, and so do the keys and the discovery by which it is verified.
    root.iam.disable_outbound_web_identity_federation().send().await.granted();
    asked(&alice.keys, &broker, "ES384", None).await.refused("OutboundWebIdentityFederationDisabledException");
    verified(&one, &issuer, &broker).await;
    // The trail says that a token was made, and not which.
    let trail = world.trail("GetWebIdentityToken").await;
    assert!(trail.contains(AUDIENCE) && !trail.contains(&one), "{trail}");
}

#[tokio::test]
async fn the_token_of_a_session_says_what_the_session_is() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    world.another_account("partner").await;
    let root = world.root.at(&broker);
    root.iam.enable_outbound_web_identity_federation().send().await.granted();
    let alice = root.user("alice").await;
    let may = document([
        statement("Allow", "sts:GetWebIdentityToken", "*"),
        statement("Allow", "sts:TagGetWebIdentityToken", "*"),
    ]);
    let trusts = trust(&alice.arn, &["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], None);
    let made = root.iam.create_role().role_name("deploy").path("/ci/").assume_role_policy_document(trusts);
    let tagged = |key: &str| aws_sdk_iam::types::Tag::builder().key(key).value("of role").build().expect("a tag");
    let made = made.tags(tagged("Team")).tags(tagged("stage")).send().await.granted();
    let role = made.role().expect("a role").arn().to_owned();
    root.iam.put_role_policy().role_name("deploy").policy_name("own").policy_document(may).send().await.granted();
    let assume = alice.sts(&broker).assume_role().role_arn(&role).role_session_name("run-7").source_identity("ann");
    let given = assume.tags(tag("team", "of session")).send().await.granted();
    let session = Session::of(given.credentials());

    let ask = session.sts(&broker).get_web_identity_token().audience(AUDIENCE).audience("second");
    let ask = ask.signing_algorithm("ES384").tags(tag("job", "j-1")).tags(tag("Priority", "")).send().await.granted();
    let issuer = format!("{}/outbound/{}", broker.url, root.account);
    let claims = verified(ask.web_identity_token().expect("a token"), &issuer, &broker).await;
    // The role's own ARN, with its path: the session's name is the caller's choice.
    assert_eq!((&claims["sub"], &claims["aud"]), (&json!(role), &json!([AUDIENCE, "second"])));
    let ours = &claims["https://sts.amazonaws.com/"];
    assert_eq!(ours["principal_tags"], json!({ "team": "of session", "stage": "of role" }));
    assert_eq!(ours["request_tags"], json!({ "job": "j-1", "Priority": "" }));
    assert_eq!(ours["source_identity"], "ann");
    let ends = ours["original_session_exp"].as_str().and_then(brevet::clock::Timestamp::parse_iso8601);
    assert_eq!(ends.map(brevet::clock::Timestamp::seconds), Some(session.expires));
    let organization = ours["org_id"].as_str().expect("two accounts are an organization");
    assert!(ours["ou_path"][0].as_str().expect("a path").starts_with(&format!("{organization}/r-")), "{ours}");
}

#[tokio::test]
async fn no_token_outlives_the_session_that_asks_for_it() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    root.iam.enable_outbound_web_identity_federation().send().await.granted();
    let alice = root.user_with("alice", &allow("sts:GetWebIdentityToken", "*")).await;
    let role = root.role("deploy", &trust(&alice.arn, &["sts:AssumeRole"], None), &allow("sts:*", "*")).await;
    let assume = alice.sts(&broker).assume_role().role_arn(role).role_session_name("work").duration_seconds(900);
    let session = Session::of(assume.send().await.granted().credentials());
    asked(&session.keys, &broker, "ES384", Some(900)).await.granted();
    asked(&session.keys, &broker, "ES384", Some(901)).await.refused("SessionDurationEscalationException");
    world.advance(601);
    // Not even by the default of five minutes.
    asked(&session.keys, &broker, "ES384", None).await.refused("SessionDurationEscalationException");
    asked(&session.keys, &broker, "ES384", Some(299)).await.granted();
    // Who holds the long-lived key is not bound by it.
    asked(&alice.keys, &broker, "ES384", Some(3_600)).await.granted();
}

/// A session that was narrowed, or whose role is gone, gets no proof of being the role.
#[tokio::test]
async fn a_session_proves_no_more_than_it_may() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    root.iam.enable_outbound_web_identity_federation().send().await.granted();
    let alice = root.user("alice").await;
    let role = root.role("deploy", &trust(&alice.arn, &["sts:AssumeRole"], None), &allow("sts:*", "*")).await;
    let assume = || alice.sts(&broker).assume_role().role_arn(&role).role_session_name("arn:aws:iam::1:root");
    // A session's name is the caller's choice; it is nowhere in the token.
    let named = alice.sts(&broker).assume_role().role_arn(&role).role_session_name("admin").send().await.granted();
    let named = Session::of(named.credentials());
    let given = token(&named.keys, &broker).await;
    let issuer = format!("{}/outbound/{}", broker.url, root.account);
    assert!(!verified(&given, &issuer, &broker).await.to_string().contains("admin"));
    assume().send().await.refused("ValidationError");
    let narrow = allow("sts:GetCallerIdentity", "*");
    let narrowed = alice.sts(&broker).assume_role().role_arn(&role).role_session_name("run").policy(narrow);
    let narrowed = Session::of(narrowed.send().await.granted().credentials());
    asked(&narrowed.keys, &broker, "ES384", None).await.refused("AccessDenied");
    root.iam.delete_role_policy().role_name("deploy").policy_name("own").send().await.granted();
    asked(&named.keys, &broker, "ES384", None).await.refused("AccessDenied");
    root.iam.delete_role().role_name("deploy").send().await.granted();
    root.role("deploy", &trust(&alice.arn, &["sts:AssumeRole"], None), &allow("sts:*", "*")).await;
    asked(&named.keys, &broker, "ES384", None).await.refused("InvalidClientTokenId");
}

#[tokio::test]
async fn policies_say_for_whom_for_how_long_and_how_signed() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    root.iam.enable_outbound_web_identity_federation().send().await.granted();
    let nobody = root.user("nobody").await;
    let message = asked(&nobody.keys, &broker, "ES384", None).await.refused("AccessDenied");
    assert!(message.contains("is not authorized to perform: sts:GetWebIdentityToken"), "{message}");

    // AWS's example: only this audience, five minutes at the most, signed with ES384.
    let condition = json!({
        "ForAllValues:StringEquals": { "sts:IdentityTokenAudience": AUDIENCE },
        "Null": { "sts:IdentityTokenAudience": "false" },
        "NumericLessThanEquals": { "sts:DurationSeconds": 300 },
        "StringEquals": { "sts:SigningAlgorithm": "ES384" },
    });
    let alice = root.user_with("alice", &allow_if("sts:GetWebIdentityToken", condition)).await;
    asked(&alice.keys, &broker, "ES384", Some(300)).await.granted();
    asked(&alice.keys, &broker, "ES384", None).await.granted();
    asked(&alice.keys, &broker, "ES384", Some(301)).await.refused("AccessDenied");
    asked(&alice.keys, &broker, "ES256", None).await.refused("AccessDenied");
    let both = alice.sts(&broker).get_web_identity_token().signing_algorithm("ES384").audience(AUDIENCE);
    both.audience("https://elsewhere.example").send().await.refused("AccessDenied");

    // Tags need a permission of their own, which may name audience, keys and values.
    let tagged = |who: &Keys, tags: &[(&str, &str)]| {
        let ask = who.sts(&broker).get_web_identity_token().audience(AUDIENCE).signing_algorithm("ES384");
        ask.set_tags(Some(tags.iter().map(|(key, value)| tag(key, value)).collect())).send()
    };
    let message = tagged(&alice.keys, &[("scope", "read")]).await.refused("AccessDenied");
    assert!(message.contains("sts:TagGetWebIdentityToken"), "{message}");
    let scope = json!({
        "StringEquals": { "aws:RequestTag/scope": "read", "sts:SigningAlgorithm": "ES384" },
        "ForAllValues:StringEquals": { "aws:TagKeys": "scope", "sts:IdentityTokenAudience": AUDIENCE },
    });
    root.let_user("alice", "tags", &allow_if("sts:TagGetWebIdentityToken", scope)).await;
    tagged(&alice.keys, &[("scope", "read")]).await.granted();
    tagged(&alice.keys, &[("scope", "write")]).await.refused("AccessDenied");
    tagged(&alice.keys, &[("scope", "read"), ("role", "admin")]).await.refused("AccessDenied");
    // The resource is the caller's own session, and nobody else's thing.
    let arn = format!("arn:aws:iam::{}:user/bob", root.account);
    let bob = root.user_with("bob", &allow("sts:GetWebIdentityToken", &arn)).await;
    asked(&bob.keys, &broker, "ES384", None).await.refused("AccessDenied");
}

#[tokio::test]
async fn what_cannot_be_in_a_token_is_refused() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    root.iam.enable_outbound_web_identity_federation().send().await.granted();
    let may = document([statement("Allow", "sts:*", "*")]);
    let alice = root.user_with("alice", &may).await;
    for algorithm in ["HS256", "none ", "PS256", "ES512", "es384", "eddsa"] {
        let message = asked(&alice.keys, &broker, algorithm, None).await.refused("ValidationError");
        assert!(message.contains("RS256, ES384, ES256 and EdDSA"), "{message}");
    }
    // There is no key for RS256 before the operator brings one, and the answer says which setting that is.
    let message = asked(&alice.keys, &broker, "RS256", None).await.refused("ValidationError");
    assert!(message.contains("sessions.rsa_keys"), "{message}");
    let offered = get(&broker, &format!("/outbound/{}/.well-known/openid-configuration", root.account)).await.json();
    assert_eq!(offered["id_token_signing_alg_values_supported"], json!(["ES384", "ES256", "EdDSA"]));
    for seconds in [59, 3_601, 0, -1, i32::MAX] {
        asked(&alice.keys, &broker, "ES384", Some(seconds)).await.refused("ValidationError");
    }
    let ask = || alice.sts(&broker).get_web_identity_token().signing_algorithm("ES384");
    ask().set_audience(Some(Vec::new())).send().await.refused("ValidationError");
    ask().set_audience(Some(vec!["a".to_owned(); 11])).send().await.refused("ValidationError");
    ask().audience("").send().await.refused("ValidationError");
    ask().audience("x".repeat(1_001)).send().await.refused("ValidationError");
    ask().audience("x".repeat(1_000)).send().await.granted();
    let twice = ask().audience(AUDIENCE).tags(tag("team", "a")).tags(tag("TEAM", "b")).send().await;
    twice.refused("ValidationError");
    ask().audience(AUDIENCE).tags(tag("aws:team", "a")).send().await.refused("ValidationError");
    let many = (0..51).map(|number| tag(&format!("k{number}"), "v")).collect();
    ask().audience(AUDIENCE).set_tags(Some(many)).send().await.refused("ValidationError");
    // All within their limits, and more than a header can carry.
    let many = (0..50).map(|number| tag(&format!("k{number}"), &"é".repeat(256))).collect();
    let message = ask().audience(AUDIENCE).set_tags(Some(many)).send().await;
    message.refused("JWTPayloadSizeExceededException");
    // Whatever is asked as an audience stays a text in a claim.
    let odd = "a\",\"sub\":\"arn:aws:iam::1:root\",\"x\":\"";
    let given = ask().audience(odd).send().await.granted();
    let issuer = format!("{}/outbound/{}", broker.url, root.account);
    let claims = verified(given.web_identity_token().expect("a token"), &issuer, &broker).await;
    assert_eq!((&claims["aud"], &claims["sub"]), (&json!(odd), &json!(alice.arn)));
}

/// The token is good for its audience, and for nothing at any door of the broker.
#[tokio::test]
async fn a_web_identity_token_opens_no_door_here() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    root.iam.enable_outbound_web_identity_federation().send().await.granted();
    let alice = root.user_with("alice", &allow("*", "*")).await;
    let session = Session::of(alice.sts(&broker).get_session_token().send().await.granted().credentials());
    for algorithm in ["ES384", "ES256", "EdDSA"] {
        let token = asked(&alice.keys, &broker, algorithm, None).await.granted();
        let token = token.web_identity_token().expect("a token").to_owned();
        // As a session token, beside every key that its thief may have.
        for (id, secret) in [(&session.keys.id, &session.keys.secret), (&alice.keys.id, &alice.keys.secret)] {
            let keys = Keys { id: id.clone(), secret: secret.clone(), token: Some(token.clone()) };
            keys.sts(&broker).get_caller_identity().send().await.refused("InvalidClientTokenId");
        }
        // As the session that a service asks about.
        for (about, decision) in [(token.as_str(), false), (session.token(), true)] {
            let question = json!({
                "subject": { "type": "session", "id": "s", "properties": { "session_token": about } },
                "action": { "name": "reports:Read" },
                "resource": { "type": "arn", "id": "arn:aws:reports:::q3" },
            });
            assert_eq!(ask(&broker, &alice, &question).await.json()["decision"], decision);
        }
        // As a bearer token.
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().expect("a client");
        for (path, body) in [
            ("/", "Action=GetCallerIdentity&Version=2011-06-15"),
            ("/", "Action=ListUsers&Version=2010-05-08"),
            ("/access/v1/evaluation", "{}"),
        ] {
            let sent = client.post(format!("{}{path}", broker.url)).bearer_auth(&token).body(body).send().await;
            let status = sent.expect("an answer").status().as_u16();
            assert!([400, 401, 403].contains(&status), "{path}: {status}");
        }
    }
    // Nor is a session's token a web identity token: no key that is published for those verifies it.
    let keys = get(&broker, &format!("/outbound/{}/.well-known/jwks.json", root.account)).await;
    let keys = JwkSet::parse(keys.body.as_bytes()).expect("a key set");
    let kid = peek_header(session.token()).expect("a JWT").kid.expect("a key id");
    assert!(keys.find(&kid).is_none());
    for key in &keys.keys {
        let alg = key.alg.as_deref().and_then(Alg::parse).expect("an algorithm");
        let key = VerifyingKey::from_jwk(key, alg).expect("a key");
        assert!(verify::<Value>(session.token(), &key, Typ::Exactly("brevet-session+jwt")).is_err());
    }
    // And the other way round.
    let sessions = JwkSet::parse(get(&broker, "/.well-known/jwks.json").await.body.as_bytes()).expect("a key set");
    assert!(keys.keys.iter().all(|key| sessions.find(key.kid.as_deref().unwrap_or_default()).is_none()));
}

#[tokio::test]
async fn accounts_are_issuers_of_their_own() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let partner = world.another_account("partner").await;
    let (root, other) = (world.root.at(&broker), partner.at(&broker));
    root.iam.enable_outbound_web_identity_federation().send().await.granted();
    let bob = other.user_with("bob", &allow("sts:GetWebIdentityToken", "*")).await;
    // One account's switch is not another's.
    asked(&bob.keys, &broker, "ES384", None).await.refused("OutboundWebIdentityFederationDisabledException");
    let theirs = other.iam.enable_outbound_web_identity_federation().send().await.granted();
    let theirs = theirs.issuer_identifier().expect("an issuer").to_owned();
    let token = token(&bob.keys, &broker).await;
    let claims = verified(&token, &theirs, &broker).await;
    assert_ne!(claims["iss"], format!("{}/outbound/{}", broker.url, root.account));
    assert_eq!(claims["https://sts.amazonaws.com/"]["aws_account"], partner.account.to_string());

    // Discovery tells nobody which accounts there are, and answers nothing that is not an account's number.
    let ours = get(&broker, "/outbound/123456789012/.well-known/openid-configuration").await;
    assert_eq!((ours.status, &ours.json()["issuer"]), (200, &json!(format!("{}/outbound/123456789012", broker.url))));
    for odd in
        ["1", "12345678901a", "1234567890123", "111111111111%2f", "+11111111111", "%31%31%31%31%31%31%31%31%31%31%31x"]
    {
        for document in ["openid-configuration", "jwks.json"] {
            let answer = get(&broker, &format!("/outbound/{odd}/.well-known/{document}")).await;
            assert_eq!((answer.status, answer.code()), (404, "UnknownEndpoint"), "{odd}: {answer:?}");
        }
    }
    // Verifiers keep the keys for less than a key is shown before it signs.
    let sent = reqwest::get(format!("{theirs}/.well-known/jwks.json")).await.expect("an answer");
    assert_eq!(sent.headers().get("cache-control").and_then(|value| value.to_str().ok()), Some("public, max-age=300"));
}

/// Root, in whose name nobody should work, may all the same; an unsigned request may not.
#[tokio::test]
async fn root_has_a_token_too_and_a_stranger_none() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let issuer = root.iam.enable_outbound_web_identity_federation().send().await.granted();
    let claims =
        verified(&token(&world.root.keys, &broker).await, issuer.issuer_identifier().expect("one"), &broker).await;
    assert_eq!(claims["sub"], format!("arn:aws:iam::{}:root", root.account));
    let parameters =
        [("Action", "GetWebIdentityToken"), ("Audience.member.1", AUDIENCE), ("SigningAlgorithm", "ES384")];
    assert_eq!(call(&broker, None, "sts", &parameters).await.code(), "MissingAuthenticationToken");
}
