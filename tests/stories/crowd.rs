//! Many callers at once: exactly one wins where one can, and what is left fits together.

use std::collections::BTreeSet;

use aws_sdk_iam::Client;

use crate::world::policies::{allow, trust};
use crate::world::{Actor, Backend, Outcome, World};

on_both_stores! {
    one_user_joins_eight_groups_at_the_same_time => eight_groups;
    of_many_who_create_one_name_exactly_one_does => one_name;
    a_group_that_is_deleted_while_users_join_leaves_no_membership_behind => deleted_group;
    a_group_that_is_renamed_while_users_join_keeps_them => renamed_group;
    a_policy_that_is_deleted_while_it_is_attached_hangs_nowhere => deleted_policy;
    no_more_than_two_access_keys_are_made_however_many_ask => two_keys;
}

/// Whether AWS's clients would try this again by themselves.
fn may_try_again(code: &str) -> bool {
    code == "ConcurrentModification"
}

/// Calls until the broker says something else than that others were faster.
async fn insist<F: Future<Output = String>>(mut call: impl FnMut() -> F) -> String {
    for _ in 0..50 {
        let code = call().await;
        if !may_try_again(&code) {
            return code;
        }
    }
    panic!("others are always faster")
}

async fn groups_of(iam: &Client, user: &str) -> BTreeSet<String> {
    let list = iam.list_groups_for_user().user_name(user).send().await.granted();
    list.groups().iter().map(|group| group.group_name().to_owned()).collect()
}

async fn eight_groups(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    let root = world.root.at(&here);
    root.user("alice").await;
    let names: Vec<String> = (0..8).map(|n| format!("g{n}")).collect();
    for name in &names {
        root.iam.create_group().group_name(name).send().await.granted();
    }
    let tasks = names.iter().enumerate().map(|(n, name)| {
        let iam = world.root.iam(if n % 2 == 0 { &here } else { &there });
        let name = name.clone();
        tokio::spawn(async move {
            insist(|| async { iam.add_user_to_group().user_name("alice").group_name(&name).send().await.code() }).await
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        assert_eq!(task.await.expect("no panic"), "Ok");
    }
    assert_eq!(groups_of(&root.iam, "alice").await, names.iter().cloned().collect());
    for name in &names {
        let group = root.iam.get_group().group_name(name).send().await.granted();
        assert_eq!(group.users().iter().map(|user| user.user_name()).collect::<Vec<_>>(), ["alice"], "{name}");
    }
}

async fn one_name(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    for round in 0..3 {
        let tasks = (0..8).map(|n| {
            let iam = world.root.iam(if n % 2 == 0 { &here } else { &there });
            // Names that differ in case only are one name.
            let name = if n % 3 == 0 { format!("Same{round}") } else { format!("same{round}") };
            tokio::spawn(
                async move { insist(|| async { iam.create_user().user_name(&name).send().await.code() }).await },
            )
        });
        let mut codes = Vec::new();
        for task in tasks.collect::<Vec<_>>() {
            codes.push(task.await.expect("no panic"));
        }
        codes.sort();
        assert_eq!(codes[0..7], ["EntityAlreadyExists"; 7], "round {round}");
        assert_eq!(codes[7], "Ok", "round {round}");
    }
    assert_eq!(world.root.iam(&here).list_users().send().await.granted().users().len(), 3);
}

async fn deleted_group(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    let root = world.root.at(&here);
    for name in ["u0", "u1", "u2"] {
        root.user(name).await;
    }
    for round in 0..10 {
        root.iam.create_group().group_name("crew").send().await.granted();
        let join = |user: &'static str| {
            let iam = world.root.iam(&there);
            tokio::spawn(async move {
                insist(|| async { iam.add_user_to_group().user_name(user).group_name("crew").send().await.code() })
                    .await
            })
        };
        let joins: Vec<_> = ["u0", "u1", "u2"].map(join).into_iter().collect();
        let iam = world.root.iam(&here);
        let delete = tokio::spawn(async move {
            insist(|| async { iam.delete_group().group_name("crew").send().await.code() }).await
        });
        let deleted = delete.await.expect("no panic");
        let mut joined = Vec::new();
        for (user, task) in ["u0", "u1", "u2"].into_iter().zip(joins) {
            let code = task.await.expect("no panic");
            assert!(matches!(code.as_str(), "Ok" | "NoSuchEntity"), "round {round}: {code}");
            if code == "Ok" {
                joined.push(user);
            }
        }
        if deleted == "Ok" {
            assert_eq!(joined, Vec::<&str>::new(), "round {round}: somebody joined a deleted group");
        } else {
            assert_eq!(deleted, "DeleteConflict", "round {round}");
            assert_eq!(joined.len(), 3, "round {round}");
            for user in joined {
                root.leave(user, "crew").await;
            }
            root.iam.delete_group().group_name("crew").send().await.granted();
        }
        for user in ["u0", "u1", "u2"] {
            assert_eq!(groups_of(&root.iam, user).await, BTreeSet::new(), "round {round}: {user}");
        }
    }
}

async fn deleted_policy(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    let root = world.root.at(&here);
    let alice = root.user("alice").await;
    root.role("worker", &trust(&alice.arn, &["sts:AssumeRole"], None), &allow("a:b", "*")).await;
    for round in 0..10 {
        let arn = root.policy("shared", &allow("iam:ListUsers", "*")).await;
        let (one, two, three) = (world.root.iam(&there), world.root.iam(&there), world.root.iam(&here));
        let (user, role, deleted) = tokio::join!(
            insist(|| async { one.attach_user_policy().user_name("alice").policy_arn(&arn).send().await.code() }),
            insist(|| async { two.attach_role_policy().role_name("worker").policy_arn(&arn).send().await.code() }),
            insist(|| async { three.delete_policy().policy_arn(&arn).send().await.code() }),
        );
        let attached = [&user, &role].into_iter().filter(|code| *code == "Ok").count();
        if deleted == "Ok" {
            assert_eq!(attached, 0, "round {round}: {user} {role}");
        } else {
            assert_eq!((deleted.as_str(), attached), ("DeleteConflict", 2), "round {round}: {user} {role}");
            root.iam.detach_user_policy().user_name("alice").policy_arn(&arn).send().await.granted();
            root.iam.detach_role_policy().role_name("worker").policy_arn(&arn).send().await.granted();
            root.iam.delete_policy().policy_arn(&arn).send().await.granted();
        }
        let left = root.iam.list_attached_user_policies().user_name("alice").send().await.granted();
        assert!(left.attached_policies().is_empty(), "round {round}: {left:?}");
    }
}

async fn two_keys(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let root = world.root.at(&here);
    root.iam.create_user().user_name("alice").send().await.granted();
    let tasks = (0..8).map(|_| {
        let iam = world.root.iam(&here);
        tokio::spawn(async move {
            insist(|| async { iam.create_access_key().user_name("alice").send().await.code() }).await
        })
    });
    let mut made = 0;
    for task in tasks.collect::<Vec<_>>() {
        match task.await.expect("no panic").as_str() {
            "Ok" => made += 1,
            other => assert_eq!(other, "LimitExceeded"),
        }
    }
    assert_eq!(made, 2);
    let keys = root.iam.list_access_keys().user_name("alice").send().await.granted();
    assert_eq!(keys.access_key_metadata().len(), 2);
}

async fn renamed_group(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    let root = world.root.at(&here);
    root.iam.create_group().group_name("crew").send().await.granted();
    let users: Vec<String> = (0..6).map(|n| format!("u{n}")).collect();
    for user in &users {
        root.iam.create_user().user_name(user).send().await.granted();
    }
    let join = |user: &String| {
        let (iam, user) = (world.root.iam(&there), user.clone());
        tokio::spawn(async move {
            insist(|| async { iam.add_user_to_group().user_name(&user).group_name("crew").send().await.code() }).await
        })
    };
    let joins: Vec<_> = users.iter().map(join).collect();
    let rename = root.iam.update_group().group_name("crew").new_group_name("team");
    let renamed = insist(|| async { rename.clone().send().await.code() }).await;
    assert_eq!(renamed, "Ok");
    let members = |list: &aws_sdk_iam::operation::get_group::GetGroupOutput| -> BTreeSet<String> {
        list.users().iter().map(|user| user.user_name().to_owned()).collect()
    };
    let mut joined = BTreeSet::new();
    for (user, task) in users.iter().zip(joins) {
        match task.await.expect("no panic").as_str() {
            "Ok" => drop(joined.insert(user.clone())),
            other => assert_eq!(other, "NoSuchEntity"),
        }
    }
    assert_eq!(members(&root.iam.get_group().group_name("team").send().await.granted()), joined);
    for user in &users {
        let expected: BTreeSet<String> = joined.get(user).map(|_| "team".to_owned()).into_iter().collect();
        assert_eq!(groups_of(&root.iam, user).await, expected, "{user}");
    }
}
