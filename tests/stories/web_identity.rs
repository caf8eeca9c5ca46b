//! Taking on a role with the token of an OpenID Connect provider: what it takes, what the session then is, and what is recorded.

use aws_sdk_sts::operation::assume_role_with_web_identity::{
    AssumeRoleWithWebIdentityError, AssumeRoleWithWebIdentityOutput,
};
use aws_sdk_sts::types::PolicyDescriptorType;
use serde_json::{Value, json};

use crate::world::policies::{allow, allow_if, document};
use crate::world::{Actor, Backend, Hand, Issuer, IssuerKey, Outcome, Running, Session, World, sdk, within_a_second};

on_both_stores! {
    a_token_becomes_a_session_of_a_role => whole_life;
}

pub const ASSUME: &str = "sts:AssumeRoleWithWebIdentity";

pub type Answer = Result<
    AssumeRoleWithWebIdentityOutput,
    aws_sdk_sts::error::SdkError<AssumeRoleWithWebIdentityError, aws_sdk_sts::config::http::HttpResponse>,
>;

/// A broker that knows the issuer.
pub async fn world_of(issuer: &Issuer) -> (World, Running) {
    World::begin_with(Backend::Sqlite, |config| issuer.tell(config)).await
}

/// A trust policy for what this provider vouches for.
pub fn trust(provider: &str, actions: &[&str], condition: Value) -> String {
    document([json!({
        "Effect": "Allow", "Principal": { "Federated": provider }, "Action": actions, "Condition": condition,
    })])
}

/// The issuer as a provider of an account; its ARN.
pub async fn provider(root: &Hand<'_>) -> String {
    provider_at(root, &Issuer::url()).await
}

pub async fn provider_at(root: &Hand<'_>, url: &str) -> String {
    provider_of(root, url, Issuer::CLIENT).await
}

/// A provider whose tokens are for `client`.
pub async fn provider_of(root: &Hand<'_>, url: &str, client: &str) -> String {
    let create = root.iam.create_open_id_connect_provider().url(url).client_id_list(client);
    create.send().await.granted().open_id_connect_provider_arn().expect("an ARN").to_owned()
}

pub async fn assume(at: &Running, role: &str, token: &str) -> Answer {
    let assume = sdk::anonymous_sts(at).assume_role_with_web_identity().role_arn(role).role_session_name("work");
    assume.web_identity_token(token).send().await
}

/// The audit records of an operation, once there are so many: refusals are written within moments.
pub async fn records(at: &Running, operation: &str, count: usize) -> Vec<Value> {
    let read = || async {
        let query = brevet::store::AuditQuery { limit: 10_000, ..brevet::store::AuditQuery::default() };
        let rows = at.broker.store.audit(&query).await.expect("the trail");
        let all = rows.into_iter().map(|(_, row)| serde_json::from_slice::<Value>(&row.body).expect("JSON"));
        all.filter(|record| record["eventName"] == operation).collect::<Vec<_>>()
    };
    within_a_second("the records are there", || async { read().await.len() >= count }).await;
    let found = read().await;
    assert_eq!(found.len(), count, "{found:#?}");
    found
}

async fn whole_life(backend: Backend) {
    let issuer = Issuer::begin().await;
    let (world, broker) = World::begin_with(backend, |config| issuer.tell(config)).await;
    let root = world.root.at(&broker);
    let arn = provider(&root).await;
    let aud = format!("{}:aud", Issuer::HOST);
    let sub = format!("{}:sub", Issuer::HOST);
    let condition = json!({ "StringEquals": { &aud: Issuer::CLIENT }, "StringLike": { &sub: "repo:acme/*" } });
    let role = root.role("pipeline", &trust(&arn, &[ASSUME], condition), &allow("iam:ListUsers", "*")).await;
    let claims = Issuer::claims(world.now(), "repo:acme/shop");
    let token = issuer.token(&claims);

    let answer = assume(&broker, &role, &token).await.granted();
    let user = answer.assumed_role_user().expect("a role user");
    let session_arn = format!("arn:aws:sts::{}:assumed-role/pipeline/work", root.account);
    assert_eq!(user.arn(), session_arn);
    assert_eq!(answer.subject_from_web_identity_token(), Some("repo:acme/shop"));
    assert_eq!(answer.provider(), Some(arn.as_str()));
    assert_eq!(answer.audience(), Some(Issuer::CLIENT));
    assert_eq!(answer.source_identity(), None);
    let session = Session::of(answer.credentials());
    assert_eq!(session.expires, world.now().seconds() + 3_600);
    let who = session.sts(&broker).get_caller_identity().send().await.granted();
    assert_eq!((who.arn(), who.user_id()), (Some(session_arn.as_str()), Some(user.assumed_role_id())));
    session.iam(&broker).list_users().send().await.granted();
    session.iam(&broker).list_roles().send().await.refused("AccessDenied");
    session.sts(&broker).get_session_token().send().await.refused("AccessDenied");

    let other = issuer.token(&Issuer::claims(world.now(), "repo:evil/shop"));
    let denied = assume(&broker, &role, &other).await.refused("AccessDenied");
    assert_eq!(denied, format!("Not authorized to perform {ASSUME}"));
    let no_role = role.replace("pipeline", "nothing");
    assert_eq!(assume(&broker, &no_role, &token).await.refused("AccessDenied"), denied, "there is no such role");

    // The provider is not what it was a moment ago.
    let remove = root.iam.remove_client_id_from_open_id_connect_provider().open_id_connect_provider_arn(&arn);
    remove.client_id(Issuer::CLIENT).send().await.granted();
    let refused = assume(&broker, &role, &token).await.refused("InvalidIdentityToken");
    assert_eq!(refused, "Incorrect token audience");
    root.iam.delete_open_id_connect_provider().open_id_connect_provider_arn(&arn).send().await.granted();
    let refused = assume(&broker, &role, &token).await.refused("InvalidIdentityToken");
    assert_eq!(refused, format!("No OpenIDConnect provider found in your account for {}", Issuer::url()));
    session.iam(&broker).list_users().send().await.granted();

    let records = records(&broker, "AssumeRoleWithWebIdentity", 4).await;
    let codes: Vec<&Value> = records.iter().map(|record| &record["errorCode"]).collect();
    assert_eq!(codes, [&Value::Null, &json!("AccessDenied"), &json!("AccessDenied"), &json!("InvalidIdentityToken")]);
    // A stranger is told little; whoever may read the trail finds the condition that was not met.
    let near = records[1].pointer("/additionalEventData/failures/items/0").expect("what was missing").to_string();
    assert!(near.contains(&sub) && near.contains("StringLike"), "{near}");
    let first = &records[0];
    let principal = format!("{arn}:{}:repo:acme/shop", Issuer::CLIENT);
    assert_eq!(
        first["userIdentity"],
        json!({
            "type": "WebIdentityUser", "principalId": principal, "userName": "repo:acme/shop", "identityProvider": arn,
        })
    );
    assert_eq!(first["requestParameters"]["webIdentityToken"], "HIDDEN_DUE_TO_SECURITY_REASONS");
    assert_eq!(first["requestParameters"]["roleArn"], role.as_str());
    assert_eq!(first["recipientAccountId"], root.account.to_string());
    assert_eq!(first["responseElements"]["subjectFromWebIdentityToken"], "repo:acme/shop");
    assert_eq!(first["responseElements"]["credentials"]["secretAccessKey"], "HIDDEN_DUE_TO_SECURITY_REASONS");
    let all = serde_json::to_string(&records).expect("JSON");
    for secret in [token.as_str(), &session.keys.secret, session.token()] {
        assert!(!all.contains(secret), "{secret} is in the trail");
    }
}

#[tokio::test]
async fn tokens_are_taken_that_are_signed_with_any_of_the_algorithms() {
    let issuer = Issuer::begin().await;
    let (world, broker) = world_of(&issuer).await;
    let root = world.root.at(&broker);
    let role = root.role("r", &trust(&provider(&root).await, &[ASSUME], json!({})), "").await;
    let keys = [IssuerKey::es256("a"), IssuerKey::es384("b"), IssuerKey::ed25519("c")];
    issuer.publishes(&keys.each_ref());
    let claims = Issuer::claims(world.now(), "ann");
    for key in &keys {
        assume(&broker, &role, &key.token(&claims)).await.granted();
        // Types that identity and access tokens have, or none; and no key id where one key only can be meant.
        for header in [json!({"typ": "at+jwt"}), json!({"typ": "application/JWT"}), json!({})] {
            let mut header = header;
            header["alg"] = json!(key.alg);
            assume(&broker, &role, &key.sign(&header, claims.to_string().as_bytes())).await.granted();
        }
    }
    assert_eq!(issuer.asked(), 1, "keys are kept");
}

#[tokio::test]
async fn keys_follow_the_issuers_rotation() {
    let issuer = Issuer::begin().await;
    let (world, broker) = world_of(&issuer).await;
    let root = world.root.at(&broker);
    let role = root.role("r", &trust(&provider(&root).await, &[ASSUME], json!({})), "").await;
    let old = issuer.token(&Issuer::claims(world.now().plus(7_000), "ann"));
    assume(&broker, &role, &old).await.refused("IDPRejectedClaim");
    world.advance(7_000);
    assume(&broker, &role, &old).await.granted();
    let next = IssuerKey::ed25519("next");
    let new = next.token(&Issuer::claims(world.now(), "ann"));
    let refused = assume(&broker, &role, &new).await.refused("InvalidIdentityToken");
    assert!(refused.contains("kid") && refused.starts_with("Couldn't retrieve verification key"), "{refused}");
    issuer.publishes(&[&issuer.key, &next]);
    let asked = issuer.asked();
    assume(&broker, &role, &new).await.refused("InvalidIdentityToken");
    assert_eq!(issuer.asked(), asked, "not asked again right away");
    world.advance(10);
    assume(&broker, &role, &new).await.granted();
    assume(&broker, &role, &old).await.granted();
    // What the issuer has withdrawn is taken until the keys are fetched again.
    issuer.publishes(&[&next]);
    assume(&broker, &role, &old).await.granted();
    world.advance(3_600);
    let later = |key: &IssuerKey| key.token(&Issuer::claims(world.now(), "ann"));
    assume(&broker, &role, &later(&issuer.key)).await.refused("InvalidIdentityToken");
    assume(&broker, &role, &later(&next)).await.granted();
}

#[tokio::test]
async fn durations_and_session_policies_are_those_of_roles() {
    let issuer = Issuer::begin().await;
    let (world, broker) = world_of(&issuer).await;
    let root = world.root.at(&broker);
    let trust = trust(&provider(&root).await, &[ASSUME], json!({}));
    let role = root.role("r", &trust, &allow("iam:*", "*")).await;
    let token = issuer.token(&Issuer::claims(world.now(), "ann"));
    let sts = sdk::anonymous_sts(&broker);
    let ask =
        || sts.assume_role_with_web_identity().role_arn(&role).role_session_name("work").web_identity_token(&token);
    for (seconds, code) in
        [(899, "ValidationError"), (900, "Ok"), (3_601, "ValidationError"), (43_201, "ValidationError")]
    {
        assert_eq!(ask().duration_seconds(seconds).send().await.code(), code, "{seconds}");
    }
    root.iam.update_role().role_name("r").max_session_duration(43_200).send().await.granted();
    let long = ask().duration_seconds(43_200).send().await.granted();
    assert_eq!(Session::of(long.credentials()).expires, world.now().seconds() + 43_200);

    let narrow = ask().policy(allow("iam:ListUsers", "*")).send().await.granted();
    #[expect(deprecated, reason = "it is what the broker answers")]
    let packed = narrow.packed_policy_size();
    assert!(packed.is_some_and(|percent| percent > 0));
    let session = Session::of(narrow.credentials());
    session.iam(&broker).list_users().send().await.granted();
    session.iam(&broker).list_roles().send().await.refused("AccessDenied");
    let by_arn = PolicyDescriptorType::builder().arn("arn:aws:iam::aws:policy/IAMReadOnlyAccess").build();
    let session = Session::of(ask().policy_arns(by_arn).send().await.granted().credentials());
    session.iam(&broker).list_roles().send().await.granted();
    session.iam(&broker).create_user().user_name("x").send().await.refused("AccessDenied");
    ask().policy("{}").send().await.refused("MalformedPolicyDocument");

    // What else AWS holds the parameters to.
    ask().role_session_name("a b").send().await.refused("ValidationError");
    ask().role_arn("arn:aws:iam::111122223333:user/ann").send().await.refused("ValidationError");
    ask().provider_id("www.amazon.com").send().await.refused("NotImplemented");
    ask().provider_id(Issuer::HOST).send().await.refused("ValidationError");
    ask().web_identity_token("x".repeat(20_001)).send().await.refused("ValidationError");
}

#[tokio::test]
async fn the_session_keeps_who_vouched_for_whom() {
    let issuer = Issuer::begin().await;
    let (world, broker) = world_of(&issuer).await;
    let root = world.root.at(&broker);
    let arn = provider(&root).await;
    let key = |claim: &str| format!("{}:{claim}", Issuer::HOST);
    let kept = [
        json!({ "StringEquals": { key("sub"): "ann", key("aud"): Issuer::CLIENT } }),
        json!({ "ForAnyValue:StringEquals": { key("amr"): "mfa" } }),
        json!({ "ArnEquals": { "aws:FederatedProvider": &arn } }),
        json!({ "Null": { key("email"): "true", key("oaud"): "true" } }),
    ];
    let mut claims = Issuer::claims(world.now(), "ann");
    claims["amr"] = json!(["pwd", "mfa"]);
    claims["email"] = json!("ann@example.test");
    let token = issuer.token(&claims);
    for (number, condition) in kept.into_iter().enumerate() {
        let name = format!("r{number}");
        let policy = allow_if("iam:ListUsers", condition.clone());
        let role = root.role(&name, &trust(&arn, &[ASSUME], json!({})), &policy).await;
        let session = Session::of(assume(&broker, &role, &token).await.granted().credentials());
        assert_eq!(session.iam(&broker).list_users().send().await.code(), "Ok", "{condition}");
    }
    // A role that is assumed from the session is the role's own business: no provider vouched for it.
    let next_trust = crate::world::policies::trust(&root.account.to_string(), &["sts:AssumeRole"], None);
    let provided =
        allow_if("iam:ListUsers", json!({ "Null": { "aws:FederatedProvider": "true", key("sub"): "true" } }));
    let next = root.role("next", &next_trust, &provided).await;
    let first = root.role("first", &trust(&arn, &[ASSUME], json!({})), &allow("sts:AssumeRole", "*")).await;
    let session = Session::of(assume(&broker, &first, &token).await.granted().credentials());
    let chained = session.sts(&broker).assume_role().role_arn(next).role_session_name("on").send().await.granted();
    Session::of(chained.credentials()).iam(&broker).list_users().send().await.granted();
}

#[tokio::test]
async fn whom_the_broker_does_not_know_is_believed_by_thumbprint() {
    for issuer in [Issuer::begin().await, Issuer::self_signed().await] {
        let (world, broker) = World::begin_with(Backend::Sqlite, |config| issuer.tell_address(config)).await;
        let root = world.root.at(&broker);
        let arn = provider(&root).await;
        let role = root.role("r", &trust(&arn, &[ASSUME], json!({})), "").await;
        let token = issuer.token(&Issuer::claims(world.now(), "ann"));
        let refused = assume(&broker, &role, &token).await.refused("InvalidIdentityToken");
        assert_eq!(refused, "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint");
        let update = root.iam.update_open_id_connect_provider_thumbprint().open_id_connect_provider_arn(&arn);
        update.thumbprint_list(issuer.thumbprint()).send().await.granted();
        assume(&broker, &role, &token).await.granted();
    }
}

#[tokio::test]
async fn keys_may_be_in_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let (key, file) = (IssuerKey::es256("cluster"), folder.path().join("keys.json"));
    std::fs::write(&file, json!({ "keys": [key.jwk()] }).to_string()).expect("written");
    let url = "https://kubernetes.default.svc.cluster.local";
    let issuer = brevet::types::OidcIssuer::from_url(url).expect("an issuer");
    let (world, broker) =
        World::begin_with(Backend::Sqlite, |config| config.web_identity.key_files.push((issuer, file))).await;
    let root = world.root.at(&broker);
    let role = root.role("r", &trust(&provider_at(&root, url).await, &[ASSUME], json!({})), "").await;
    let mut claims = Issuer::claims(world.now(), "system:serviceaccount:shop:till");
    claims["iss"] = json!(url);
    assume(&broker, &role, &key.token(&claims)).await.granted();
}
