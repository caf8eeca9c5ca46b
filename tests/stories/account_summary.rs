//! How much an account holds and may hold: the summary says what the quotas enforce.

use std::collections::HashMap;

use crate::world::policies::{allow, trust};
use crate::world::{Actor, Backend, Hand, Outcome, World};

on_both_stores! {
    the_summary_follows_what_comes_and_goes => comes_and_goes;
    an_account_holds_what_its_operator_allows => quotas;
    a_crowd_is_counted_right => crowd;
}

async fn summary(hand: &Hand<'_>) -> HashMap<String, i32> {
    let told = hand.iam.get_account_summary().send().await.granted();
    let map = told.summary_map.expect("a summary");
    map.into_iter().map(|(key, value)| (key.as_str().to_owned(), value)).collect()
}

/// What is different in the second summary.
fn difference(before: &HashMap<String, i32>, after: &HashMap<String, i32>) -> Vec<(String, i32)> {
    let mut all: Vec<(String, i32)> = after.iter().map(|(key, value)| (key.clone(), value - before[key])).collect();
    all.retain(|(_, difference)| *difference != 0);
    all.sort();
    all
}

fn pairs(expected: &[(&str, i32)]) -> Vec<(String, i32)> {
    expected.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect()
}

async fn comes_and_goes(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let empty = summary(&root).await;
    let defaults = [
        ("AccountAccessKeysPresent", 1),
        ("AccountMFAEnabled", 0),
        ("AttachedPoliciesPerRoleQuota", 10),
        ("GroupsPerUserQuota", 10),
        ("GroupsQuota", 300),
        ("Policies", 0),
        ("PolicyVersionsInUseQuota", 10_000),
        ("RolePolicySizeQuota", 10_240),
        ("Users", 0),
        ("UsersQuota", 5_000),
        ("VersionsPerPolicyQuota", 5),
    ];
    for (key, value) in defaults {
        assert_eq!(empty[key], value, "{key}");
    }

    let alice = root.user("alice").await;
    root.group("crew", "").await;
    root.role("worker", &trust(&root.account.to_string(), &["sts:AssumeRole"], None), "").await;
    let policy = root.policy("notes", &allow("notes:Read", "*")).await;
    let version = root.iam.create_policy_version().policy_arn(&policy).policy_document(allow("notes:*", "*"));
    version.send().await.granted();
    root.iam.create_instance_profile().instance_profile_name("machines").send().await.granted();
    let device = root.device_of(&alice).await;
    root.device("spare").await;
    let full = summary(&root).await;
    let expected = [
        ("Groups", 1),
        ("InstanceProfiles", 1),
        ("MFADevices", 2),
        ("MFADevicesInUse", 1),
        ("Policies", 1),
        ("PolicyVersionsInUse", 2),
        ("Roles", 1),
        ("Users", 1),
    ];
    assert_eq!(difference(&empty, &full), pairs(&expected));

    // What is changed, renamed or refused is not counted again.
    root.iam.create_user().user_name("Alice").send().await.refused("EntityAlreadyExists");
    root.iam.update_user().user_name("alice").new_user_name("alicia").send().await.granted();
    root.join("alicia", "crew").await;
    root.leave("alicia", "crew").await;
    assert_eq!(difference(&full, &summary(&root).await), []);

    // Another account has its own numbers.
    let partner = world.another_account("partner").await;
    assert_eq!(difference(&empty, &summary(&partner.at(&broker)).await), []);

    let serial = &device.serial;
    root.iam.deactivate_mfa_device().user_name("alicia").serial_number(serial).send().await.granted();
    root.iam.delete_policy_version().policy_arn(&policy).version_id("v2").send().await.granted();
    let expected = [("MFADevicesInUse", -1), ("PolicyVersionsInUse", -1)];
    assert_eq!(difference(&full, &summary(&root).await), pairs(&expected));
    for key in root.iam.list_access_keys().user_name("alicia").send().await.granted().access_key_metadata() {
        let delete = root.iam.delete_access_key().user_name("alicia");
        delete.access_key_id(key.access_key_id().expect("an id")).send().await.granted();
    }
    root.iam.delete_user().user_name("alicia").send().await.granted();
    root.iam.delete_group().group_name("crew").send().await.granted();
    root.iam.delete_role().role_name("worker").send().await.granted();
    root.iam.delete_policy().policy_arn(&policy).send().await.granted();
    root.iam.delete_instance_profile().instance_profile_name("machines").send().await.granted();
    for device in root.iam.list_virtual_mfa_devices().send().await.granted().virtual_mfa_devices() {
        root.iam.delete_virtual_mfa_device().serial_number(device.serial_number()).send().await.granted();
    }
    assert_eq!(difference(&empty, &summary(&root).await), []);
}

async fn quotas(backend: Backend) {
    let (world, broker) = World::begin_with(backend, |config| {
        config.quotas.users = 1;
        config.quotas.groups = 1;
        config.quotas.roles = 1;
        config.quotas.policies = 2;
        config.quotas.policy_versions = 2;
        config.quotas.instance_profiles = 1;
    })
    .await;
    let root = world.root.at(&broker);
    let trusting = trust(&root.account.to_string(), &["sts:AssumeRole"], None);
    let full = |name: &str, limit: u64| format!("Cannot exceed quota for {name}: {limit}");
    let iam = &root.iam;

    let user = |name: &str| iam.create_user().user_name(name).send();
    user("one").await.granted();
    assert_eq!(user("two").await.refused("LimitExceeded"), full("UsersPerAccount", 1));
    // Whose name is taken hears that, and whoever may not create hears nothing of quotas.
    user("one").await.refused("EntityAlreadyExists");
    let one = root.access_key("one").await;
    let nobody = crate::world::User { account: root.account, name: "one".into(), arn: String::new(), keys: one };
    nobody.iam(&broker).create_user().user_name("two").send().await.refused("AccessDenied");
    let device = |name: &str| iam.create_virtual_mfa_device().virtual_mfa_device_name(name).send();
    device("one").await.granted();
    assert_eq!(device("two").await.refused("LimitExceeded"), full("VirtualMFADevicesPerAccount", 1));
    let group = |name: &str| iam.create_group().group_name(name).send();
    group("one").await.granted();
    assert_eq!(group("two").await.refused("LimitExceeded"), full("GroupsPerAccount", 1));
    let role = |name: &str| iam.create_role().role_name(name).assume_role_policy_document(&trusting).send();
    role("one").await.granted();
    assert_eq!(role("two").await.refused("LimitExceeded"), full("RolesPerAccount", 1));
    let profile = |name: &str| iam.create_instance_profile().instance_profile_name(name).send();
    profile("one").await.granted();
    assert_eq!(profile("two").await.refused("LimitExceeded"), full("InstanceProfilesPerAccount", 1));

    let one = root.policy("one", &allow("notes:Read", "*")).await;
    root.policy("two", &allow("notes:Read", "*")).await;
    let policy = iam.create_policy().policy_name("three").policy_document(allow("notes:Read", "*")).send();
    assert_eq!(policy.await.refused("LimitExceeded"), full("PoliciesPerAccount", 2));
    let version = || iam.create_policy_version().policy_arn(&one).policy_document(allow("notes:Read", "*")).send();
    assert_eq!(version().await.refused("LimitExceeded"), full("PolicyVersionsInUse", 2));

    // What goes makes room, and the summary tells the operator's numbers.
    iam.delete_group().group_name("one").send().await.granted();
    group("two").await.granted();
    let told = summary(&root).await;
    assert_eq!((told["GroupsQuota"], told["Groups"], told["PoliciesQuota"], told["Policies"]), (1, 1, 2, 2));
}

async fn crowd(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..40 {
        let iam = world.root.iam(if number % 2 == 0 { &here } else { &there });
        tasks.spawn(async move {
            // Twenty names, each wanted twice at once.
            let name = format!("user-{}", number / 2);
            let made = iam.create_user().user_name(&name).send().await.is_ok();
            if made && number % 3 == 0 {
                iam.delete_user().user_name(&name).send().await.granted();
            }
        });
    }
    tasks.join_all().await;
    let root = world.root.at(&here);
    let listed = root.iam.list_users().send().await.granted().users().len();
    assert_eq!(summary(&root).await["Users"], i32::try_from(listed).expect("few"));
}
