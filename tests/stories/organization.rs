//! The accounts of an installation as an organization, and what else is switched per account.

use std::sync::Arc;

use aws_sdk_iam::types::{FeatureType, GlobalEndpointTokenVersion};
use brevet::identity::{Organization, RootFeature, TokenPreferences};
use brevet::store::{Tx, layout};

use crate::world::policies::allow;
use crate::world::{Actor, Backend, Hand, Outcome, World, raw};

on_both_stores! {
    the_management_account_switches_what_may_be_done_about_root_users => features;
    accounts_made_at_once_begin_one_organization => at_once;
}

async fn organization(at: &Hand<'_>) -> Option<Organization> {
    Tx::new(Arc::clone(&at.at.broker.store)).get(&layout::organization()).await.expect("the store")
}

async fn features(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let iam = &root.iam;
    // One account is no organization.
    let alone = iam.list_organizations_features().send().await.refused("OrganizationNotFoundException");
    assert_eq!(alone, "The request was rejected because no organization is associated with your account.");
    iam.enable_organizations_root_sessions().send().await.refused("OrganizationNotFoundException");
    assert!(organization(&root).await.is_none());

    let partner = world.another_account("partner").await;
    let listed = iam.list_organizations_features().send().await.granted();
    let id = listed.organization_id().expect("an id").to_owned();
    assert!(id.starts_with("o-") && id.len() == 18 && listed.enabled_features().is_empty(), "{listed:?}");
    // A third one joins the same.
    let third = world.another_account("third").await;
    assert_eq!(iam.list_organizations_features().send().await.granted().organization_id(), Some(id.as_str()));

    let on = iam.enable_organizations_root_sessions().send().await.granted();
    assert_eq!(
        (on.organization_id(), on.enabled_features()),
        (Some(id.as_str()), [FeatureType::RootSessions].as_slice())
    );
    let both = [FeatureType::RootCredentialsManagement, FeatureType::RootSessions];
    for _ in 0..2 {
        let on = iam.enable_organizations_root_credentials_management().send().await.granted();
        assert_eq!(on.enabled_features(), both);
    }
    let kept = organization(&root).await.expect("an organization");
    assert!(kept.allows(RootFeature::RootCredentialsManagement) && kept.allows(RootFeature::RootSessions));
    assert_eq!(kept.management_account, root.account);

    // The others have no say, root users or not; the refusals say which account is asked for.
    for other in [partner.at(&broker), third.at(&broker)] {
        let administrator = other.user_with("administrator", &allow("*", "*")).await.iam(&broker);
        for iam in [&other.iam, &administrator] {
            let not_managing = "AccountNotManagementOrDelegatedAdministratorException";
            iam.list_organizations_features().send().await.refused(not_managing);
            iam.disable_organizations_root_sessions().send().await.refused(not_managing);
            iam.disable_organizations_root_credentials_management().send().await.refused(not_managing);
            let not_managing = "CallerIsNotManagementAccountException";
            iam.enable_organizations_root_sessions().send().await.refused(not_managing);
            iam.enable_organizations_root_credentials_management().send().await.refused(not_managing);
        }
    }
    assert_eq!(iam.list_organizations_features().send().await.granted().enabled_features(), both);

    for _ in 0..2 {
        let off = iam.disable_organizations_root_credentials_management().send().await.granted();
        assert_eq!(off.enabled_features(), [FeatureType::RootSessions]);
    }
    let off = iam.disable_organizations_root_sessions().send().await.granted();
    assert!(off.enabled_features().is_empty() && off.organization_id() == Some(id.as_str()));
    assert!(!organization(&root).await.expect("an organization").allows(RootFeature::RootSessions));
}

async fn at_once(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let (one, two) = tokio::join!(world.another_account("one"), world.another_account("two"));
    assert_ne!(one.account, two.account);
    let root = world.root.at(&broker);
    assert_eq!(organization(&root).await.expect("an organization").management_account, root.account);
    root.iam.list_organizations_features().send().await.granted();
}

#[tokio::test]
async fn a_store_that_is_older_than_organizations_has_one_after_the_next_start() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    world.advance(60);
    world.another_account("partner").await;
    let mut tx = Tx::new(Arc::clone(&broker.broker.store));
    tx.delete(&layout::organization()).expect("staged");
    tx.commit().await.expect("deleted");
    root.iam.list_organizations_features().send().await.refused("OrganizationNotFoundException");
    let next = world.another_broker().await;
    world.root.iam(&next).list_organizations_features().send().await.granted();
    assert_eq!(organization(&root).await.expect("an organization").management_account, root.account);
}

#[tokio::test]
async fn outbound_federation_is_switched_per_account() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let partner = world.another_account("partner").await;
    let other = partner.at(&broker);
    let info = |who: &Hand<'_>| who.iam.get_outbound_web_identity_federation_info().send();
    let enable = |who: &Hand<'_>| who.iam.enable_outbound_web_identity_federation().send();
    let disable = |who: &Hand<'_>| who.iam.disable_outbound_web_identity_federation().send();
    info(&root).await.refused("FeatureDisabled");
    disable(&root).await.refused("FeatureDisabled");
    let issuer = enable(&root).await.granted().issuer_identifier().expect("an issuer").to_owned();
    enable(&root).await.refused("FeatureEnabled");
    let found = info(&root).await.granted();
    assert_eq!((found.issuer_identifier(), found.jwt_vending_enabled()), (Some(issuer.as_str()), true));
    // It is the account's own, and its discovery is below it.
    let path = issuer.strip_prefix(&broker.url).expect("an issuer below the broker's");
    assert_eq!(path, format!("/outbound/{}", root.account));
    let discovery = raw::get(&broker, &format!("{path}/.well-known/openid-configuration")).await.json();
    assert_eq!(discovery["issuer"], issuer.as_str());
    info(&other).await.refused("FeatureDisabled");
    disable(&other).await.refused("FeatureDisabled");
    disable(&root).await.granted();
    info(&root).await.refused("FeatureDisabled");
    enable(&root).await.granted();
}

#[tokio::test]
async fn preferences_for_tokens_are_kept_per_account() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let preferences = async || {
        let mut tx = Tx::new(Arc::clone(&broker.broker.store));
        tx.get::<TokenPreferences>(&layout::token_preferences(root.account))
            .await
            .expect("the store")
            .unwrap_or_default()
    };
    assert_eq!(preferences().await.global_endpoint.number(), 1);
    let set = |version: GlobalEndpointTokenVersion| {
        root.iam.set_security_token_service_preferences().global_endpoint_token_version(version).send()
    };
    set(GlobalEndpointTokenVersion::V2Token).await.granted();
    assert_eq!(preferences().await.global_endpoint.number(), 2);
    set(GlobalEndpointTokenVersion::V1Token).await.granted();
    assert_eq!(preferences().await.global_endpoint.number(), 1);
    set("v3Token".into()).await.refused("ValidationError");
}

#[tokio::test]
async fn each_switch_is_allowed_by_its_own_name() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    world.another_account("partner").await;
    let alice = root.user_with("alice", &allow("iam:List*", "*")).await.iam(&broker);
    alice.list_organizations_features().send().await.granted();
    alice.enable_organizations_root_sessions().send().await.refused("AccessDenied");
    alice.enable_organizations_root_credentials_management().send().await.refused("AccessDenied");
    alice.disable_organizations_root_sessions().send().await.refused("AccessDenied");
    alice.disable_organizations_root_credentials_management().send().await.refused("AccessDenied");
    alice.enable_outbound_web_identity_federation().send().await.refused("AccessDenied");
    alice.get_outbound_web_identity_federation_info().send().await.refused("AccessDenied");
    alice.disable_outbound_web_identity_federation().send().await.refused("AccessDenied");
    let set = alice.set_security_token_service_preferences();
    let set = set.global_endpoint_token_version(GlobalEndpointTokenVersion::V2Token).send().await;
    set.refused("AccessDenied");
    root.let_user("alice", "one", &allow("iam:EnableOrganizationsRootSessions", "*")).await;
    alice.enable_organizations_root_sessions().send().await.granted();
    alice.enable_organizations_root_credentials_management().send().await.refused("AccessDenied");
}
