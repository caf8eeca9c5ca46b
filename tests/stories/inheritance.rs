//! What a user may do: its own policies, those of its groups, within its boundary; and how soon a change is felt.

use crate::world::policies::{allow, deny};
use crate::world::{Actor, Backend, Outcome, Running, User, World, within_a_second};

on_both_stores! {
    joining_and_leaving_a_group_is_felt_by_the_whole_fleet => joining_and_leaving;
}

async fn lists_users(user: &User, at: &Running) -> String {
    user.iam(at).list_users().send().await.code()
}

async fn lists_groups(user: &User, at: &Running) -> String {
    user.iam(at).list_groups().send().await.code()
}

async fn joining_and_leaving(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    let root = world.root.at(&here);
    root.group("listers", &allow("iam:ListUsers", "*")).await;
    let alice = root.user_with("alice", &allow("iam:ListGroups", "*")).await;
    assert_eq!(lists_users(&alice, &here).await, "AccessDenied");
    assert_eq!(lists_users(&alice, &there).await, "AccessDenied");
    for round in 0..3 {
        root.join("alice", "listers").await;
        assert_eq!(lists_users(&alice, &here).await, "Ok", "round {round}");
        within_a_second("the other broker grants it", || async { lists_users(&alice, &there).await == "Ok" }).await;
        root.leave("alice", "listers").await;
        assert_eq!(lists_users(&alice, &here).await, "AccessDenied", "round {round}");
        within_a_second("the other broker denies it", || async { lists_users(&alice, &there).await == "AccessDenied" })
            .await;
    }
    // What she has of her own stays.
    assert_eq!(lists_groups(&alice, &here).await, "Ok");
    assert_eq!(lists_groups(&alice, &there).await, "Ok");
}

#[tokio::test]
async fn policies_of_all_groups_add_up() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    root.group("one", &allow("iam:ListUsers", "*")).await;
    root.group("two", "").await;
    let attached = root.policy("groups", &allow("iam:ListGroups", "*")).await;
    root.iam.attach_group_policy().group_name("two").policy_arn(&attached).send().await.granted();
    let alice = root.user("alice").await;
    root.join("alice", "one").await;
    assert_eq!([lists_users(&alice, &broker).await, lists_groups(&alice, &broker).await], ["Ok", "AccessDenied"]);
    root.join("alice", "two").await;
    assert_eq!([lists_users(&alice, &broker).await, lists_groups(&alice, &broker).await], ["Ok", "Ok"]);
    root.leave("alice", "one").await;
    assert_eq!([lists_users(&alice, &broker).await, lists_groups(&alice, &broker).await], ["AccessDenied", "Ok"]);
}

#[tokio::test]
async fn a_deny_wins_wherever_it_comes_from() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    root.group("no", &deny("iam:ListUsers", "*")).await;
    let alice = root.user_with("alice", &allow("iam:*", "*")).await;
    assert_eq!(lists_users(&alice, &broker).await, "Ok");
    root.join("alice", "no").await;
    let message = alice.iam(&broker).list_users().send().await.refused("AccessDenied");
    assert!(message.contains("with an explicit deny in an identity-based policy"), "{message}");
    root.leave("alice", "no").await;
    root.let_user("alice", "no", &deny("iam:ListUsers", "*")).await;
    assert_eq!(lists_users(&alice, &broker).await, "AccessDenied");
    root.iam.delete_user_policy().user_name("alice").policy_name("no").send().await.granted();
    assert_eq!(lists_users(&alice, &broker).await, "Ok");
}

#[tokio::test]
async fn a_boundary_bounds_what_is_inherited_too_and_gives_nothing() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    root.group("all", &allow("iam:*", "*")).await;
    let alice = root.user("alice").await;
    let boundary = root.policy("boundary", &allow("iam:ListUsers", "*")).await;
    root.iam.put_user_permissions_boundary().user_name("alice").permissions_boundary(&boundary).send().await.granted();
    assert_eq!(lists_users(&alice, &broker).await, "AccessDenied", "a boundary gives nothing");
    root.join("alice", "all").await;
    assert_eq!([lists_users(&alice, &broker).await, lists_groups(&alice, &broker).await], ["Ok", "AccessDenied"]);
    let message = alice.iam(&broker).list_groups().send().await.refused("AccessDenied");
    assert!(message.contains("because no permissions boundary allows the iam:ListGroups action"), "{message}");
    // Its new version bounds at once.
    let version = root.iam.create_policy_version().policy_arn(&boundary).set_as_default(true);
    version.policy_document(allow("iam:ListGroups", "*")).send().await.granted();
    assert_eq!([lists_users(&alice, &broker).await, lists_groups(&alice, &broker).await], ["AccessDenied", "Ok"]);
    root.iam.delete_user_permissions_boundary().user_name("alice").send().await.granted();
    assert_eq!([lists_users(&alice, &broker).await, lists_groups(&alice, &broker).await], ["Ok", "Ok"]);
}

#[tokio::test]
async fn what_changes_in_a_policy_changes_for_all_who_have_it() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let policy = root.policy("shared", &allow("iam:ListUsers", "*")).await;
    let (alice, bob) = (root.user("alice").await, root.user("bob").await);
    root.iam.attach_user_policy().user_name("alice").policy_arn(&policy).send().await.granted();
    root.group("team", &allow("notes:Read", "*")).await;
    root.iam.attach_group_policy().group_name("team").policy_arn(&policy).send().await.granted();
    root.join("bob", "team").await;
    for user in [&alice, &bob] {
        assert_eq!([lists_users(user, &broker).await, lists_groups(user, &broker).await], ["Ok", "AccessDenied"]);
    }
    let version = root.iam.create_policy_version().policy_arn(&policy).set_as_default(true);
    version.policy_document(allow("iam:ListGroups", "*")).send().await.granted();
    for user in [&alice, &bob] {
        assert_eq!([lists_users(user, &broker).await, lists_groups(user, &broker).await], ["AccessDenied", "Ok"]);
    }
    root.iam.set_default_policy_version().policy_arn(&policy).version_id("v1").send().await.granted();
    for user in [&alice, &bob] {
        assert_eq!([lists_users(user, &broker).await, lists_groups(user, &broker).await], ["Ok", "AccessDenied"]);
    }
}

#[tokio::test]
async fn a_renamed_user_or_group_keeps_what_it_had() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    root.group("listers", &allow("iam:ListUsers", "*")).await;
    let alice = root.user("alice").await;
    root.join("alice", "listers").await;
    root.iam.update_user().user_name("alice").new_user_name("alicia").send().await.granted();
    assert_eq!(lists_users(&alice, &broker).await, "Ok");
    let me = alice.sts(&broker).get_caller_identity().send().await.granted();
    assert!(me.arn().is_some_and(|arn| arn.ends_with(":user/alicia")), "{me:?}");
    root.iam.update_group().group_name("listers").new_group_name("readers").send().await.granted();
    assert_eq!(lists_users(&alice, &broker).await, "Ok");
    let members = root.iam.get_group().group_name("readers").send().await.granted();
    assert_eq!(members.users().iter().map(|user| user.user_name()).collect::<Vec<_>>(), ["alicia"]);
    root.leave("alicia", "readers").await;
    assert_eq!(lists_users(&alice, &broker).await, "AccessDenied");
}

#[tokio::test]
async fn a_renamed_users_sessions_go_on_and_nobody_inherits_them() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let there = world.another_broker().await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow("iam:ListUsers", "*")).await;
    let session = root.session_with_mfa(&alice).await;
    let name = async |at: &Running| session.sts(at).get_caller_identity().send().await.granted().arn.expect("an ARN");
    assert!(name(&broker).await.ends_with(":user/alice"));
    assert!(name(&there).await.ends_with(":user/alice"));

    let rename = |from: &str, to: &str| root.iam.update_user().user_name(from).new_user_name(to).send();
    rename("alice", "alicia").await.granted();
    // Somebody else takes the name: the session is still alicia's, with alicia's permissions.
    root.user("alice").await;
    assert!(name(&broker).await.ends_with(":user/alicia"));
    assert_eq!(session.iam(&broker).list_users().send().await.code(), "Ok");
    rename("alicia", "alison").await.granted();
    there.settled().await;
    assert!(name(&there).await.ends_with(":user/alison"));
    // A call that leaves the name out is about the present one.
    root.let_user("alison", "look", &allow("iam:GetUser", "*")).await;
    let told = session.iam(&broker).get_user().send().await.granted();
    assert_eq!(told.user().map(aws_sdk_iam::types::User::user_name), Some("alison"));

    for policy in ["own", "look"] {
        root.iam.delete_user_policy().user_name("alison").policy_name(policy).send().await.granted();
    }
    root.iam.delete_access_key().user_name("alison").access_key_id(&alice.keys.id).send().await.granted();
    let device = format!("arn:aws:iam::{}:mfa/alice", root.account);
    root.iam.deactivate_mfa_device().user_name("alison").serial_number(device).send().await.granted();
    root.iam.delete_user().user_name("alison").send().await.granted();
    root.user_with("alison", &allow("*", "*")).await;
    for at in [&broker, &there] {
        at.settled().await;
        assert_eq!(session.iam(at).list_users().send().await.code(), "InvalidClientTokenId");
    }
}
