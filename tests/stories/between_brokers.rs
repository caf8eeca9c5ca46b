//! Two installations that know nothing of each other but what is published: what one proves, the other takes for an identity.

use brevet::types::OidcIssuer;
use serde_json::json;

use super::web_identity::{assume, provider_of, trust};
use crate::world::policies::{allow, trust as trusting};
use crate::world::raw::get;
use crate::world::{Actor, Backend, Outcome, Session, World};

const ASSUME: &str = "sts:AssumeRoleWithWebIdentity";
const HERE: &str = "https://books.example";

#[tokio::test]
async fn a_role_of_one_broker_takes_on_a_role_of_another() {
    let (home, broker) = World::begin_with(Backend::Sqlite, |config| {
        config.server.public_url = Some("https://home.example".to_owned());
    })
    .await;
    let root = home.root.at(&broker);
    root.iam.enable_outbound_web_identity_federation().send().await.granted();
    let told = root.iam.get_outbound_web_identity_federation_info().send().await.granted();
    let issuer = told.issuer_identifier().expect("an issuer").to_owned();
    assert_eq!(issuer, format!("https://home.example/outbound/{}", root.account));
    let alice = root.user("alice").await;
    let may = allow("sts:GetWebIdentityToken", "*");
    let deploy = root.role("deploy", &trusting(&alice.arn, &["sts:AssumeRole"], None), &may).await;
    let worker = alice.sts(&broker).assume_role().role_arn(&deploy).role_session_name("build").send().await.granted();
    let worker = Session::of(worker.credentials());
    let token_for = async |audience: &str| {
        let ask = worker.sts(&broker).get_web_identity_token().audience(audience).signing_algorithm("ES384");
        ask.send().await.granted().web_identity_token().expect("a token").to_owned()
    };

    // The other one has been given the keys that are published.
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("home.json");
    let published = get(&broker, &format!("/outbound/{}/.well-known/jwks.json", root.account)).await;
    std::fs::write(&file, &published.body).expect("written");
    let known = OidcIssuer::from_url(&issuer).expect("an issuer");
    let (away, other) =
        World::begin_with(Backend::Sqlite, |config| config.web_identity.key_files.push((known, file.clone()))).await;
    let there = away.root.at(&other);
    let provider = provider_of(&there, &issuer, HERE).await;
    let claim = |name: &str| format!("{}:{name}", issuer.trim_start_matches("https://"));
    let condition = json!({ "StringEquals": { claim("sub"): deploy, claim("aud"): HERE } });
    let role = there.role("books", &trust(&provider, &[ASSUME], condition), &allow("books:Read", "*")).await;

    let answer = assume(&other, &role, &token_for(HERE).await).await.granted();
    assert_eq!(answer.subject_from_web_identity_token(), Some(deploy.as_str()));
    let session = Session::of(answer.credentials());
    let who = session.sts(&other).get_caller_identity().send().await.granted();
    assert_eq!(who.arn(), Some(format!("arn:aws:sts::{}:assumed-role/books/work", there.account).as_str()));

    // For somebody else it is nothing here; nor is one of another principal, or of another account of the same broker.
    assume(&other, &role, &token_for("https://elsewhere.example").await).await.refused("InvalidIdentityToken");
    root.let_user("alice", "tokens", &may).await;
    let own =
        alice.sts(&broker).get_web_identity_token().audience(HERE).signing_algorithm("ES384").send().await.granted();
    assume(&other, &role, own.web_identity_token().expect("a token")).await.refused("AccessDenied");
    let partner = home.another_account("partner").await;
    let partner = partner.at(&broker);
    partner.iam.enable_outbound_web_identity_federation().send().await.granted();
    let eve = partner.user_with("eve", &may).await;
    let foreign =
        eve.sts(&broker).get_web_identity_token().audience(HERE).signing_algorithm("ES384").send().await.granted();
    assume(&other, &role, foreign.web_identity_token().expect("a token")).await.refused("InvalidIdentityToken");
    // And where it comes from it is no way back in.
    let provider = provider_of(&root, &issuer, HERE).await;
    let back = root.role("back", &trust(&provider, &[ASSUME], json!({})), "").await;
    assume(&broker, &back, &token_for(HERE).await).await.refused("InvalidIdentityToken");
}
