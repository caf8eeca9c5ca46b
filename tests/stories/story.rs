//! The story of the second to the sixth step: a group, a user with a second factor, a role in another account, and a service that
//! asks about her.

use serde_json::{Value, json};

use crate::world::policies::{allow, allow_if, document, statement, trust};
use crate::world::raw::{ask, get};
use crate::world::{Actor, Backend, Outcome, Running, Session, User, World};

on_both_stores! {
    alice_becomes_a_partner_reader_and_a_service_asks_about_her => the_story;
}

async fn the_story(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);

    // As root: a group whose managed policy lets assume roles, and whose inline policy wants a second factor.
    root.iam.create_group().group_name("developers").send().await.granted();
    let partners = root.policy("partners", &allow("sts:AssumeRole", "*")).await;
    root.iam.attach_group_policy().group_name("developers").policy_arn(&partners).send().await.granted();
    let with_mfa = allow_if("reports:*", json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } }));
    let inline = root.iam.put_group_policy().group_name("developers").policy_name("reports");
    inline.policy_document(with_mfa).send().await.granted();
    let alice = root.user("alice").await;
    root.user("bob").await;
    let profile = root.iam.create_login_profile().user_name("bob").password("Tr0ub4dor&3-correct");
    let profile = profile.password_reset_required(true).send().await.granted();
    assert!(profile.login_profile().expect("a profile").password_reset_required());
    root.join("alice", "developers").await;
    let device = root.device_of(&alice).await;

    // As alice: a session with her second factor; the code works once.
    let code = device.next_code();
    let sts = alice.sts(&broker);
    let ask_session = || sts.get_session_token().serial_number(&device.serial).token_code(&code).send();
    let session = Session::of(ask_session().await.granted().credentials());
    let again = ask_session().await.refused("AccessDenied");
    assert_eq!(again, "MultiFactorAuthentication failed with invalid MFA one time pass code. ");
    let me = session.sts(&broker).get_caller_identity().send().await.granted();
    assert_eq!(me.arn(), Some(alice.arn.as_str()));
    the_token_says_who_she_is(&session, &broker, &alice).await;

    // Another account's role asks for her account, an external id and a second factor; her own group lets her go there.
    let partner = world.another_account("partner").await;
    let partner_hand = partner.at(&broker);
    let condition = json!({
        "StringEquals": { "sts:ExternalId": "q3-audit" },
        "Bool": { "aws:MultiFactorAuthPresent": "true" },
    });
    let trust = trust(&format!("arn:aws:iam::{}:root", world.root.account), &["sts:AssumeRole"], Some(condition));
    let role = partner_hand.role("partner-read", &trust, &allow("reports:*", "*")).await;
    let only_q3 = allow("reports:Read", "arn:aws:reports:::q3");
    let become_reader = |who: aws_sdk_sts::Client, external: Option<&str>| {
        let call = who.assume_role().role_arn(&role).role_session_name("alice").policy(&only_q3);
        call.set_external_id(external.map(str::to_owned)).send()
    };
    let reader = become_reader(session.sts(&broker), Some("q3-audit")).await.granted();
    #[expect(deprecated, reason = "clients of today read this member")]
    let packed = reader.packed_policy_size();
    assert!(packed.is_some_and(|percent| (1..=100).contains(&percent)));
    let reader = Session::of(reader.credentials());
    let who = reader.sts(&broker).get_caller_identity().send().await.granted();
    let expected = format!("arn:aws:sts::{}:assumed-role/partner-read/alice", partner.account);
    assert_eq!(who.arn(), Some(expected.as_str()));
    assert_eq!(who.account(), Some(partner.account.to_string().as_str()));

    let refusal = format!("User: {} is not authorized to perform: sts:AssumeRole on resource: {role}", alice.arn);
    for (who, external) in [(session.keys(), None), (session.keys(), Some("q4")), (alice.keys(), Some("q3-audit"))] {
        let message = become_reader(who.sts(&broker), external).await.refused("AccessDenied");
        assert!(message.starts_with(&refusal), "{message}");
    }
    root.iam.detach_group_policy().group_name("developers").policy_arn(&partners).send().await.granted();
    let message = become_reader(session.sts(&broker), Some("q3-audit")).await.refused("AccessDenied");
    assert!(message.starts_with(&refusal), "{message}");

    // A service asks what she may do.
    let service = root.user_with("reporting", &allow("brevet:Evaluate", "*")).await;
    broker.settled().await;
    let question = about(&session, "reports:Read", "arn:aws:reports:::q3");
    let first = ask(&broker, &service, &question).await;
    let first = first.json();
    assert_eq!(first["decision"], true, "{first}");
    assert!(first["context"]["revision"].as_u64().is_some_and(|revision| revision > 0), "{first}");
    let second = ask(&broker, &service, &question).await;
    assert_eq!(second.json(), first, "the same question has the same answer");
    root.let_user("alice", "mine", &document([statement("Allow", "notes:Read", "*")])).await;
    root.leave("alice", "developers").await;
    assert_eq!(ask(&broker, &service, &question).await.json()["decision"], false);
    let mine = about(&session, "notes:Read", "arn:aws:notes:::n1");
    assert_eq!(ask(&broker, &service, &mine).await.json()["decision"], true);

    // A restart forgets nothing.
    broker.stop().await;
    let broker = world.another_broker().await;
    let me = session.sts(&broker).get_caller_identity().send().await.granted();
    assert_eq!(me.arn(), Some(alice.arn.as_str()));
    assert_eq!(ask(&broker, &service, &mine).await.json()["decision"], true);
    assert_eq!(ask(&broker, &service, &question).await.json()["decision"], false);
}

fn about(session: &Session, action: &str, resource: &str) -> Value {
    json!({
        "subject": { "type": "session", "id": session.keys.id, "properties": { "session_token": session.token() } },
        "action": { "name": action },
        "resource": { "type": "report", "id": resource },
    })
}

/// What a stranger reads: the token's key is published, and its claims say who and how. (PyJWT checks the signature, in the
/// acceptance suite.)
async fn the_token_says_who_she_is(session: &Session, broker: &Running, alice: &User) {
    let discovery = get(broker, "/.well-known/openid-configuration").await.json();
    let place = discovery["jwks_uri"].as_str().expect("a URL").strip_prefix(&broker.url).expect("the broker's own");
    let set: jsonwebtoken::jwk::JwkSet = serde_json::from_value(get(broker, place).await.json()).expect("a JWK set");
    let head = jsonwebtoken::decode_header(session.token()).expect("a JWT");
    let jwk = set.find(head.kid.as_deref().expect("a key id")).expect("a published key");
    let claims: Value = jsonwebtoken::dangerous::insecure_decode::<Value>(session.token()).expect("claims").claims;
    assert_eq!(jwk.common.key_algorithm.map(|alg| alg.to_string()).as_deref(), Some("ES256"));
    assert_eq!(claims["sub"], alice.arn.as_str());
    assert_eq!(claims["iss"], discovery["issuer"]);
    assert!(claims["amr"].as_array().is_some_and(|methods| methods.contains(&json!("mfa"))), "{claims}");
    assert!(!session.token().contains(&session.keys.secret), "the token does not hold the secret");
}
