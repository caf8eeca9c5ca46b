//! Tokens that must not be taken, and what sending them must not do.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::authorization::{changed, sample};
use super::web_identity::{ASSUME, assume, provider, provider_at, records, trust, world_of};
use crate::world::raw::{ActorKeys, call};
use crate::world::{Actor, Backend, Hand, Issuer, IssuerKey, Outcome, Running, Session, World, sdk};

async fn open_role(root: &Hand<'_>, provider: &str) -> String {
    root.role("open", &trust(provider, &[ASSUME], json!({})), "").await
}

#[tokio::test]
async fn forged_and_misdirected_tokens_are_refused_and_told_why() {
    let issuer = Issuer::begin().await;
    let (world, broker) = world_of(&issuer).await;
    let root = world.root.at(&broker);
    let role = open_role(&root, &provider(&root).await).await;
    let good = || Issuer::claims(world.now(), "someone");
    let with = |claim: &str, value: Value| {
        let mut claims = good();
        claims[claim] = value;
        issuer.token(&claims)
    };
    let without = |claim: &str| {
        let mut claims = good();
        claims.as_object_mut().expect("claims").remove(claim);
        issuer.token(&claims)
    };
    let header = |header: Value| issuer.key.sign(&header, good().to_string().as_bytes());
    let payload = |text: &str| issuer.key.sign(&json!({ "alg": "ES256", "kid": "first" }), text.as_bytes());
    let now = world.now().seconds();
    let whole = issuer.token(&good());
    let [head, body, signature] = *whole.split('.').collect::<Vec<_>>().as_slice() else { panic!("three parts") };
    let stranger = IssuerKey::es256("first");
    let part = |value: Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let public = issuer.key.jwk().to_string();
    let hmac = |message: String| {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, public.as_bytes());
        let mac = BASE64URL_NOPAD.encode(ring::hmac::sign(&key, message.as_bytes()).as_ref());
        format!("{message}.{mac}")
    };
    let twice = good().to_string().replacen('{', r#"{"sub":"boss","#, 1);
    let deep = good().to_string().replacen('{', &format!(r#"{{"x":{}{},"#, "[".repeat(500), "]".repeat(500)), 1);
    let url = Issuer::url();
    let rejected = "IDPRejectedClaim";
    let invalid = "InvalidIdentityToken";
    for (token, code, says) in [
        // Not a token.
        ("e30.e30.AA".to_owned(), invalid, "not a valid JWT"),
        ("text".to_owned(), invalid, "not a valid JWT"),
        (format!("{head}.{body}"), invalid, "not a valid JWT"),
        (format!("{head}.{body}.{signature}."), invalid, "not a valid JWT"),
        (payload("[]"), invalid, "not a JSON object"),
        (payload("{"), invalid, "not a valid JWT"),
        (payload(&twice), invalid, "`sub` is given twice"),
        (payload(&deep), invalid, "nested"),
        // Not signed by the issuer.
        (format!("{}.{body}.", part(json!({ "alg": "none" }))), invalid, "alg is not accepted"),
        (format!("{}.{body}.", part(json!({ "alg": "NoNe", "kid": "first" }))), invalid, "alg is not accepted"),
        (format!("{head}.{body}."), invalid, "signature is invalid"),
        (hmac(format!("{}.{body}", part(json!({ "alg": "HS256", "kid": "first" })))), invalid, "alg is not accepted"),
        (header(json!({ "alg": "ES512", "kid": "first" })), invalid, "alg is not accepted"),
        (header(json!({ "alg": "RS256", "kid": "first" })), invalid, "does not verify RS256"),
        (header(json!({ "alg": "EdDSA", "kid": "first" })), invalid, "does not verify EdDSA"),
        (stranger.token(&good()), invalid, "signature is invalid"),
        (
            stranger.sign(&json!({ "alg": "ES256", "kid": "first", "jwk": stranger.jwk() }), good().to_string().as_bytes()),
            invalid,
            "signature is invalid",
        ),
        (
            stranger.sign(
                &json!({ "alg": "ES256", "kid": "first", "jku": "https://127.0.0.1/keys", "x5u": "https://127.0.0.1/" }),
                good().to_string().as_bytes(),
            ),
            invalid,
            "signature is invalid",
        ),
        (header(json!({ "alg": "ES256", "kid": "../../etc/passwd" })), invalid, "kid"),
        (header(json!({ "alg": "ES256", "kid": "first' OR 1=1" })), invalid, "kid"),
        (header(json!({ "alg": "ES256", "kid": ["first"] })), invalid, "not a valid JWT"),
        (header(json!({ "alg": "ES256", "kid": "first", "crit": ["exp"] })), invalid, "extensions"),
        (header(json!({ "alg": "ES256", "kid": "first", "typ": "brevet-session+jwt" })), invalid, "another type"),
        // Of another issuer, for another audience.
        (with("iss", json!(format!("{url}/"))), invalid, "No OpenIDConnect provider"),
        (with("iss", json!(url.to_uppercase())), invalid, "No OpenIDConnect provider"),
        (with("iss", json!(url.replace("login", "Login"))), invalid, "No OpenIDConnect provider"),
        (with("iss", json!(url.replace("https", "http"))), invalid, "No OpenIDConnect provider"),
        (with("iss", json!(Issuer::HOST)), invalid, "No OpenIDConnect provider"),
        (with("iss", json!(format!("{url}/../x"))), invalid, "No OpenIDConnect provider"),
        (with("iss", json!([&url])), rejected, "iss"),
        (without("iss"), invalid, "Missing a required claim: iss"),
        (with("aud", json!("somebody")), invalid, "Incorrect token audience"),
        (with("aud", json!([])), invalid, "Incorrect token audience"),
        (without("aud"), invalid, "Missing a required claim: aud"),
        (with("azp", json!("somebody")), invalid, "azp"),
        // About nobody.
        (without("sub"), invalid, "Missing a required claim: sub"),
        (with("sub", json!("")), rejected, "sub"),
        (with("sub", json!("x".repeat(256))), rejected, "sub"),
        (with("SUB", json!("boss")), rejected, "same condition key"),
        // Not at this time.
        (with("exp", json!(now - 300)), "ExpiredTokenException", "Token expired"),
        (with("exp", json!(0)), "ExpiredTokenException", "Token expired"),
        (with("exp", json!("never")), rejected, "exp"),
        (without("exp"), invalid, "Missing a required claim: exp"),
        (with("nbf", json!(now + 301)), rejected, "nbf"),
        (with("iat", json!(now + 301)), rejected, "iat"),
    ] {
        let said = assume(&broker, &role, &token).await.refused(code);
        assert!(said.contains(says), "{says}: {said}");
    }
    // Five minutes are between clocks that differ.
    assume(&broker, &role, &with("exp", json!(now - 299))).await.granted();
    assume(&broker, &role, &issuer.token(&good())).await.granted();
    for place in 0..whole.len() {
        let mut bytes = whole.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).expect("ASCII");
        assert_eq!(assume(&broker, &role, &changed).await.code(), invalid, "byte {place}");
    }
}

#[tokio::test]
async fn accounts_trust_their_own_providers_alone() {
    let issuer = Issuer::begin().await;
    let (world, broker) = world_of(&issuer).await;
    let partner = world.another_account("partner").await;
    let (ours, theirs) = (world.root.at(&broker), partner.at(&broker));
    let foreign = provider(&theirs).await;
    // Our role names the partner's provider; we have none.
    let role = open_role(&ours, &foreign).await;
    let token = issuer.token(&Issuer::claims(world.now(), "someone"));
    let said = assume(&broker, &role, &token).await.refused("InvalidIdentityToken");
    assert!(said.starts_with("No OpenIDConnect provider found in your account"), "{said}");
    // With one of our own the trust policy still names another.
    let own = provider(&ours).await;
    assume(&broker, &role, &token).await.refused("AccessDenied");
    // A role that trusts users does not trust tokens, and one that denies a provider's denies them.
    let account = ours.account.to_string();
    let users = crate::world::policies::trust(&account, &["sts:AssumeRole", ASSUME], None);
    let for_users = ours.role("users", &users, "").await;
    assume(&broker, &for_users, &token).await.refused("AccessDenied");
    let another = provider_at(&ours, &format!("{}/other", Issuer::url())).await;
    let for_other = ours.role("other", &trust(&another, &[ASSUME], json!({})), "").await;
    assume(&broker, &for_other, &token).await.refused("AccessDenied");
    let wrong_action = ours.role("action", &trust(&own, &["sts:AssumeRoleWithSAML"], json!({})), "").await;
    assume(&broker, &wrong_action, &token).await.refused("AccessDenied");
    assume(&broker, &open_role_named(&ours, "own", &own).await, &token).await.granted();
}

async fn open_role_named(root: &Hand<'_>, name: &str, provider: &str) -> String {
    root.role(name, &trust(provider, &[ASSUME], json!({})), "").await
}

#[tokio::test]
async fn the_brokers_own_tokens_are_not_taken() {
    let issuer = Issuer::begin().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port");
    let (world, mut broker) = World::begin_with(Backend::Sqlite, |config| {
        issuer.tell(config);
        config.server.listen = free;
        config.server.public_url = Some(Issuer::url());
    })
    .await;
    broker.url = format!("http://{free}");
    let root = world.root.at(&broker);
    for path in ["", "/t"] {
        let role = open_role_named(
            &root,
            &format!("r{}", path.len()),
            &provider_at(&root, &format!("{}{path}", Issuer::url())).await,
        )
        .await;
        let mut claims = Issuer::claims(world.now(), "someone");
        claims["iss"] = json!(format!("{}{path}", Issuer::url()));
        let said = assume(&broker, &role, &issuer.token(&claims)).await.refused("InvalidIdentityToken");
        assert!(said.contains("this broker"), "{said}");
    }
    // One that it has made itself, for an account that would take it.
    let identifier = root.iam.enable_outbound_web_identity_federation().send().await.granted();
    let url = identifier.issuer_identifier().expect("an issuer").to_owned();
    assert!(url.starts_with(&Issuer::url()), "{url}");
    let role = open_role_named(&root, "outbound", &provider_at(&root, &url).await).await;
    let ask = world.root.sts(&broker).get_web_identity_token().audience(Issuer::CLIENT).signing_algorithm("ES384");
    let made = ask.send().await.granted();
    let said = assume(&broker, &role, made.web_identity_token().expect("a token")).await;
    assert!(said.refused("InvalidIdentityToken").contains("this broker"));
}

#[tokio::test]
async fn issuers_inside_are_not_asked() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let key = IssuerKey::es256("k");
    for (number, host) in
        ["localhost", "127.0.0.1", "2130706433", "169.254.169.254", "10.0.0.1"].into_iter().enumerate()
    {
        let url = format!("https://{host}");
        let role = open_role_named(&root, &format!("r{number}"), &provider_at(&root, &url).await).await;
        let mut claims = Issuer::claims(world.now(), "someone");
        claims["iss"] = json!(url);
        let said = assume(&broker, &role, &key.token(&claims)).await.refused("IDPCommunicationError");
        assert!(said.contains("web_identity.allow_networks"), "{host}: {said}");
    }
}

#[tokio::test]
async fn nothing_else_is_done_without_a_signature() {
    let issuer = Issuer::begin().await;
    let (world, broker) = world_of(&issuer).await;
    let root = world.root.at(&broker);
    let role = open_role(&root, &provider(&root).await).await;
    let token = issuer.token(&Issuer::claims(world.now(), "someone"));
    let registry = brevet::ops::Registry::new();
    let mut since = broker.broker.store.revision().await.expect("the store answers");
    let mut tried = 0;
    for service in [brevet::wire::model::Service::Iam, brevet::wire::model::Service::Sts] {
        let model = brevet::wire::model::Model::of(service);
        for operation in model.operations() {
            let name = operation.name.as_str();
            let unsigned = name == "AssumeRoleWithWebIdentity";
            let mut pairs = vec![("Action".to_owned(), name.to_owned())];
            for member in
                operation.input.iter().filter(|member| member.required && registry.names(service).contains(&name))
            {
                pairs.extend(sample(&member.name, root.account));
            }
            for (member, value) in
                [("WebIdentityToken", &token), ("RoleArn", &role), ("RoleSessionName", &"work".to_owned())]
            {
                pairs.retain(|(name, _)| name != member);
                pairs.push((member.to_owned(), value.clone()));
            }
            let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let answer = call(&broker, None, service.name(), &pairs).await;
            let expected = match (unsigned, operation.unsigned) {
                (true, _) => "",
                (false, true) => "NotImplemented",
                (false, false) => "MissingAuthenticationToken",
            };
            assert_eq!(answer.code(), expected, "{name}: {answer:?}");
            assert!(changed(&broker, &mut since).await.is_empty(), "{name} changed something");
            tried += 1;
        }
    }
    assert!(tried > 150, "{tried}");
    // In another service's name, with other letters, or beside another action it is not the operation.
    for (service, action) in [
        ("iam", "AssumeRoleWithWebIdentity"),
        ("sts", "assumerolewithwebidentity"),
        ("sts", "AssumeRoleWithWebIdentity "),
    ] {
        let pairs = [
            ("Action", action),
            ("RoleArn", role.as_str()),
            ("RoleSessionName", "work"),
            ("WebIdentityToken", token.as_str()),
        ];
        assert_eq!(call(&broker, None, service, &pairs).await.code(), "MissingAuthenticationToken", "{action}");
    }
    let twice = [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Action", "GetCallerIdentity"),
        ("WebIdentityToken", token.as_str()),
    ];
    assert_ne!(call(&broker, None, "sts", &twice).await.status, 200);
    // A signature changes nothing: the token counts.
    let session = Session::of(assume(&broker, &role, &token).await.granted().credentials());
    let signer: &dyn ActorKeys = &session;
    let pairs = [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("RoleArn", role.as_str()),
        ("RoleSessionName", "work"),
        ("WebIdentityToken", "e30.e30.AA"),
    ];
    assert_eq!(call(&broker, Some(signer), "sts", &pairs).await.code(), "InvalidIdentityToken");
    session.iam(&broker).list_users().send().await.refused("AccessDenied");
}

#[tokio::test]
async fn strangers_do_not_fill_the_trail() {
    let issuer = Issuer::begin().await;
    let (world, broker) = world_of(&issuer).await;
    let root = world.root.at(&broker);
    let arn = provider(&root).await;
    let sub = format!("{}:sub", Issuer::HOST);
    let role = root.role("ours", &trust(&arn, &[ASSUME], json!({ "StringEquals": { &sub: "ours" } })), "").await;
    let forged = IssuerKey::es256("first").token(&Issuer::claims(world.now(), "anybody"));
    for _ in 0..20 {
        assume(&broker, &role, &forged).await.refused("InvalidIdentityToken");
    }
    let stranger = issuer.token(&Issuer::claims(world.now(), "stranger"));
    for _ in 0..130 {
        assume(&broker, &role, &stranger).await.refused("AccessDenied");
    }
    // What anybody can write is not recorded, and of what any account at the issuer can get no more than so much.
    for record in records(&broker, "AssumeRoleWithWebIdentity", 100).await {
        assert_eq!(record["userIdentity"]["userName"], "stranger");
    }
    world.advance(1);
    assume(&broker, &role, &stranger).await.refused("AccessDenied");
    assume(&broker, &role, &issuer.token(&Issuer::claims(world.now(), "ours"))).await.granted();
    // What is granted is recorded whatever happens.
    let found = records(&broker, "AssumeRoleWithWebIdentity", 102).await;
    let counted: Vec<&Value> =
        found.iter().filter_map(|record| record.pointer("/additionalEventData/refusalsNotRecorded")).collect();
    assert_eq!(counted, [&json!(30)]);
}

#[tokio::test]
async fn made_up_key_ids_do_not_make_the_broker_ask() {
    let issuer = Issuer::begin().await;
    let (world, broker) = world_of(&issuer).await;
    let root = world.root.at(&broker);
    let role = open_role(&root, &provider(&root).await).await;
    for number in 0..20 {
        let key = IssuerKey::es256(&format!("made-up-{number}"));
        assume(&broker, &role, &key.token(&Issuer::claims(world.now(), "x"))).await.refused("InvalidIdentityToken");
    }
    assert_eq!(issuer.asked(), 1);
}

/// The SDK sends no signature, and the broker wants none.
#[tokio::test]
async fn the_sdk_needs_no_credentials() {
    let issuer = Issuer::begin().await;
    let (world, broker) = world_of(&issuer).await;
    let root = world.root.at(&broker);
    let role = open_role(&root, &provider(&root).await).await;
    let token = issuer.token(&Issuer::claims(world.now(), "someone"));
    assert_session(&sdk::anonymous_sts(&broker), &role, &token, &broker).await;
}

async fn assert_session(sts: &aws_sdk_sts::Client, role: &str, token: &str, broker: &Running) {
    let assumed =
        sts.assume_role_with_web_identity().role_arn(role).role_session_name("work").web_identity_token(token);
    let session = Session::of(assumed.send().await.granted().credentials());
    session.sts(broker).get_caller_identity().send().await.granted();
    sts.get_caller_identity().send().await.expect_err("without credentials there is nobody to be");
}
