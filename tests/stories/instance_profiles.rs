//! Instance profiles: how one lives with its role, who may put a role into it, and what stands in whose way.

use aws_sdk_iam::types::{InstanceProfile, Tag};
use brevet::clock::SystemRandom;
use brevet::identity::InstanceProfile as Record;
use brevet::server::Foundation;
use brevet::store::{Tx, layout};
use brevet::types::{UniqueId, UniqueIdKind};
use serde_json::json;

use crate::world::policies::{allow, allow_if, document, statement, trust};
use crate::world::{Actor, Backend, Hand, Outcome, World};

on_both_stores! {
    a_profile_lives_with_its_role => a_life;
    a_role_is_not_deleted_while_it_is_put_into_a_profile => a_race;
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().expect("a tag")
}

/// A role that EC2 would take on, if there were one.
async fn worker(root: &Hand<'_>, name: &str) -> String {
    root.role(name, &trust(&root.account.to_string(), &["sts:AssumeRole"], None), "").await
}

async fn profile(root: &Hand<'_>, name: &str) {
    root.iam.create_instance_profile().instance_profile_name(name).send().await.granted();
}

async fn get(root: &Hand<'_>, name: &str) -> InstanceProfile {
    let found = root.iam.get_instance_profile().instance_profile_name(name).send().await.granted();
    found.instance_profile().expect("a profile").clone()
}

async fn profiles_of(root: &Hand<'_>, role: &str) -> Vec<String> {
    let listed = root.iam.list_instance_profiles_for_role().role_name(role).send().await.granted();
    assert!(!listed.is_truncated());
    listed.instance_profiles().iter().map(|one| one.instance_profile_name().to_owned()).collect()
}

async fn a_life(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let (role, _) = (worker(&root, "worker").await, worker(&root, "other").await);
    let create = root.iam.create_instance_profile().instance_profile_name("Machines").path("/farm/");
    let made = create.tags(tag("team", "crew")).send().await.granted();
    let made = made.instance_profile().expect("a profile");
    assert_eq!(made.arn(), format!("arn:aws:iam::{}:instance-profile/farm/Machines", root.account));
    assert!(made.instance_profile_id().starts_with("AIPA") && made.instance_profile_id().len() == 21, "{made:?}");
    assert_eq!((made.path(), made.roles().len(), made.tags()), ("/farm/", 0, [tag("team", "crew")].as_slice()));
    let again = root.iam.create_instance_profile().instance_profile_name("MACHINES").send().await;
    assert_eq!(again.refused("EntityAlreadyExists"), "Instance Profile MACHINES already exists.");

    let add = |name: &str| root.iam.add_role_to_instance_profile().instance_profile_name("machines").role_name(name);
    let remove =
        |name: &str| root.iam.remove_role_from_instance_profile().instance_profile_name("machines").role_name(name);
    let message = remove("worker").send().await.refused("NoSuchEntity");
    assert_eq!(message, "The role worker is not in the instance profile Machines.");
    add("WORKER").send().await.granted();
    let full = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1";
    assert_eq!(add("worker").send().await.refused("LimitExceeded"), full, "the same role again");
    assert_eq!(add("other").send().await.refused("LimitExceeded"), full);
    remove("other").send().await.refused("NoSuchEntity");

    // Wherever the profile is shown, its role is shown; lists leave out its tags.
    let shown = get(&root, "machines").await;
    assert_eq!(shown.tags(), [tag("team", "crew")]);
    let listed = root.iam.list_instance_profiles().send().await.granted();
    let of_role = root.iam.list_instance_profiles_for_role().role_name("worker").send().await.granted();
    assert!(listed.instance_profiles()[0].tags().is_empty() && of_role.instance_profiles()[0].tags().is_empty());
    for shown in [&shown, &listed.instance_profiles()[0], &of_role.instance_profiles()[0]] {
        assert_eq!((shown.instance_profile_name(), shown.roles().len()), ("Machines", 1));
        let held = &shown.roles()[0];
        assert_eq!((held.role_name(), held.arn()), ("worker", role.as_str()));
        assert!(held.role_id().starts_with("AROA"), "{held:?}");
        assert!(held.assume_role_policy_document().is_some_and(|trust| trust.contains("sts%3AAssumeRole")), "{held:?}");
    }

    let in_the_way = "Cannot delete entity, must remove roles from instance profile first.";
    let delete = || root.iam.delete_instance_profile().instance_profile_name("machines").send();
    assert_eq!(delete().await.refused("DeleteConflict"), in_the_way);
    let delete_role = || root.iam.delete_role().role_name("worker").send();
    assert_eq!(delete_role().await.refused("DeleteConflict"), in_the_way);
    profile(&root, "second").await;
    root.iam.add_role_to_instance_profile().instance_profile_name("second").role_name("worker").send().await.granted();
    assert_eq!(profiles_of(&root, "worker").await, ["Machines", "second"]);
    remove("worker").send().await.granted();
    assert_eq!(profiles_of(&root, "worker").await, ["second"]);
    assert_eq!(delete_role().await.refused("DeleteConflict"), in_the_way, "it is in the second one still");
    let last = root.iam.remove_role_from_instance_profile().instance_profile_name("second").role_name("worker");
    last.send().await.granted();
    delete_role().await.granted();
    assert!(get(&root, "machines").await.roles().is_empty());
    delete().await.granted();
    assert_eq!(delete().await.refused("NoSuchEntity"), "Instance Profile machines cannot be found.");
    // A role that has the name of a deleted one is in no profile.
    worker(&root, "worker").await;
    assert!(profiles_of(&root, "worker").await.is_empty());
    root.iam.delete_role().role_name("worker").send().await.granted();
}

async fn a_race(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    let (root, elsewhere) = (world.root.at(&here), world.root.at(&there));
    profile(&root, "machines").await;
    for round in 0..5 {
        worker(&root, "worker").await;
        let add = root.iam.add_role_to_instance_profile().instance_profile_name("machines").role_name("worker").send();
        let delete = elsewhere.iam.delete_role().role_name("worker").send();
        let (added, deleted) = tokio::join!(add, delete);
        let held = get(&root, "machines").await.roles().len();
        match (added.code().as_str(), deleted.code().as_str()) {
            ("Ok", "DeleteConflict") => {
                assert_eq!((held, profiles_of(&root, "worker").await.len()), (1, 1), "round {round}");
                let remove = root.iam.remove_role_from_instance_profile().instance_profile_name("machines");
                remove.role_name("worker").send().await.granted();
                root.iam.delete_role().role_name("worker").send().await.granted();
            }
            ("NoSuchEntity", "Ok") => assert_eq!(held, 0, "round {round}"),
            other => panic!("round {round}: {other:?}"),
        }
    }
    root.iam.delete_instance_profile().instance_profile_name("machines").send().await.granted();
}

#[tokio::test]
async fn what_does_not_exist_is_named_and_what_breaks_a_rule_is_refused() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let iam = &root.iam;
    worker(&root, "worker").await;
    profile(&root, "machines").await;
    let no_profile = "Instance Profile ghost cannot be found.";
    let message = iam.get_instance_profile().instance_profile_name("ghost").send().await.refused("NoSuchEntity");
    assert_eq!(message, no_profile);
    let message = iam.delete_instance_profile().instance_profile_name("ghost").send().await.refused("NoSuchEntity");
    assert_eq!(message, no_profile);
    let add = iam.add_role_to_instance_profile().instance_profile_name("ghost").role_name("worker");
    assert_eq!(add.send().await.refused("NoSuchEntity"), no_profile);
    let remove = iam.remove_role_from_instance_profile().instance_profile_name("ghost").role_name("worker");
    assert_eq!(remove.send().await.refused("NoSuchEntity"), no_profile);
    let tagged = iam.tag_instance_profile().instance_profile_name("ghost").tags(tag("a", "b"));
    assert_eq!(tagged.send().await.refused("NoSuchEntity"), no_profile);
    let untagged = iam.untag_instance_profile().instance_profile_name("ghost").tag_keys("a");
    assert_eq!(untagged.send().await.refused("NoSuchEntity"), no_profile);
    let message = iam.list_instance_profile_tags().instance_profile_name("ghost").send().await.refused("NoSuchEntity");
    assert_eq!(message, no_profile);

    let no_role = "The role with name ghost cannot be found.";
    let add = iam.add_role_to_instance_profile().instance_profile_name("machines").role_name("ghost");
    assert_eq!(add.send().await.refused("NoSuchEntity"), no_role);
    let remove = iam.remove_role_from_instance_profile().instance_profile_name("machines").role_name("ghost");
    assert_eq!(remove.send().await.refused("NoSuchEntity"), no_role);
    let listed = iam.list_instance_profiles_for_role().role_name("ghost").send().await;
    assert_eq!(listed.refused("NoSuchEntity"), no_role);

    let create = |name: &str, path: &str| iam.create_instance_profile().instance_profile_name(name).path(path).send();
    create("two words", "/").await.refused("ValidationError");
    create(&"x".repeat(129), "/").await.refused("ValidationError");
    create("fine", "farm").await.refused("ValidationError");
    iam.list_instance_profiles().path_prefix("farm").send().await.refused("ValidationError");
    iam.list_instance_profiles().marker("nonsense").send().await.refused("ValidationError");
    create(&"x".repeat(128), "/farm/north/").await.granted();
}

#[tokio::test]
async fn tags_of_a_profile_come_and_go() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let iam = &root.iam;
    let twice = iam.create_instance_profile().instance_profile_name("machines").tags(tag("a", "1")).tags(tag("A", "2"));
    twice.send().await.refused("InvalidInput");
    profile(&root, "machines").await;
    let tagged = iam.tag_instance_profile().instance_profile_name("machines");
    tagged.tags(tag("team", "crew")).tags(tag("stage", "test")).send().await.granted();
    let again = iam.tag_instance_profile().instance_profile_name("Machines").tags(tag("TEAM", "other"));
    again.send().await.granted();
    let list = || iam.list_instance_profile_tags().instance_profile_name("machines");
    assert_eq!(list().send().await.granted().tags(), [tag("stage", "test"), tag("TEAM", "other")]);
    let first = list().max_items(1).send().await.granted();
    assert_eq!((first.tags(), first.is_truncated()), ([tag("stage", "test")].as_slice(), true));
    let rest = list().set_marker(first.marker().map(str::to_owned)).send().await.granted();
    assert_eq!((rest.tags(), rest.is_truncated()), ([tag("TEAM", "other")].as_slice(), false));
    let many = (0..49).map(|n| tag(&format!("k{n}"), "")).collect();
    let more = iam.tag_instance_profile().instance_profile_name("machines").set_tags(Some(many)).send().await;
    assert_eq!(more.refused("LimitExceeded"), "Cannot exceed quota for TagsPerEntity: 50");
    iam.untag_instance_profile().instance_profile_name("machines").tag_keys("team").send().await.granted();
    assert_eq!(get(&root, "machines").await.tags(), [tag("stage", "test")]);
}

#[tokio::test]
async fn pages_follow_the_order_of_names_and_join_up() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    worker(&root, "worker").await;
    for (name, path) in [("Zebra", "/farm/"), ("ant", "/farm/"), ("Bee", "/farm/north/"), ("cow", "/town/")] {
        root.iam.create_instance_profile().instance_profile_name(name).path(path).send().await.granted();
        let add = root.iam.add_role_to_instance_profile().instance_profile_name(name).role_name("worker");
        add.send().await.granted();
    }
    let names = |profiles: &[InstanceProfile]| -> Vec<String> {
        profiles.iter().map(|one| one.instance_profile_name().to_owned()).collect()
    };
    let all = root.iam.list_instance_profiles().send().await.granted();
    assert_eq!(names(all.instance_profiles()), ["ant", "Bee", "cow", "Zebra"]);
    let (mut seen, mut marker, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = root.iam.list_instance_profiles().path_prefix("/farm/").max_items(1).set_marker(marker);
        let page = page.send().await.granted();
        seen.extend(names(page.instance_profiles()));
        pages += 1;
        assert_eq!(page.is_truncated(), page.marker().is_some());
        marker = page.marker().map(str::to_owned);
        if marker.is_none() {
            break;
        }
    }
    assert_eq!((seen, pages), (vec!["ant".to_owned(), "Bee".to_owned(), "Zebra".to_owned()], 3));
    let first = root.iam.list_instance_profiles_for_role().role_name("worker").max_items(3).send().await.granted();
    assert_eq!(names(first.instance_profiles()), ["ant", "Bee", "cow"]);
    let rest = root.iam.list_instance_profiles_for_role().role_name("worker");
    let rest = rest.set_marker(first.marker().map(str::to_owned)).send().await.granted();
    assert_eq!((names(rest.instance_profiles()), rest.is_truncated()), (vec!["Zebra".to_owned()], false));
    let none = root.iam.list_instance_profiles().path_prefix("/sea/").send().await.granted();
    assert!(none.instance_profiles().is_empty());
}

#[tokio::test]
async fn who_puts_a_role_into_a_profile_must_be_allowed_to_pass_it_to_ec2() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let role = worker(&root, "worker").await;
    profile(&root, "machines").await;
    let add = statement("Allow", "iam:AddRoleToInstanceProfile", "*");
    let alice = root.user_with("alice", &document([add])).await;
    let try_it = || {
        let add = alice.iam(&broker).add_role_to_instance_profile();
        add.instance_profile_name("machines").role_name("worker").send()
    };
    let message = try_it().await.refused("AccessDenied");
    let told = format!("User: {} is not authorized to perform: iam:PassRole on resource: {role}", alice.arn);
    assert!(message.starts_with(&told), "{message}");
    let other = json!({ "StringEquals": { "iam:PassedToService": "lambda.amazonaws.com" } });
    root.let_user("alice", "pass", &allow_if("iam:PassRole", other)).await;
    try_it().await.refused("AccessDenied");
    let one_instance = format!("arn:aws:ec2:eu-west-1:{}:instance/i-1", root.account);
    let narrow = json!({ "StringEquals": { "iam:AssociatedResourceArn": one_instance } });
    root.let_user("alice", "pass", &allow_if("iam:PassRole", narrow)).await;
    try_it().await.refused("AccessDenied");
    let instances = format!("arn:aws:ec2:*:{}:instance/*", root.account);
    let ec2 = json!({
        "StringEquals": { "iam:PassedToService": "ec2.amazonaws.com", "iam:AssociatedResourceArn": instances },
    });
    root.let_user("alice", "pass", &allow_if("iam:PassRole", ec2)).await;
    try_it().await.granted();
    // Taking the role out passes nothing.
    let bob = root.user_with("bob", &allow("iam:RemoveRoleFromInstanceProfile", "*")).await;
    let out = bob.iam(&broker).remove_role_from_instance_profile().instance_profile_name("machines");
    out.role_name("worker").send().await.granted();
}

#[tokio::test]
async fn tags_and_paths_decide_who_may_do_what_to_a_profile() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let farm = format!("arn:aws:iam::{}:instance-profile/farm/*", root.account);
    let alice = root.user_with("alice", &allow("iam:*", &farm)).await;
    let iam = alice.iam(&broker);
    iam.create_instance_profile().instance_profile_name("inside").path("/farm/").send().await.granted();
    iam.create_instance_profile().instance_profile_name("outside").send().await.refused("AccessDenied");
    iam.get_instance_profile().instance_profile_name("inside").send().await.granted();
    iam.get_instance_profile().instance_profile_name("ghost").send().await.refused("AccessDenied");
    iam.list_instance_profiles().path_prefix("/farm/").send().await.granted();
    iam.list_instance_profiles().send().await.refused("AccessDenied");

    let crew = allow_if("iam:*", json!({ "StringEquals": { "aws:ResourceTag/team": "crew" } }));
    let bob = root.user_with("bob", &crew).await.iam(&broker);
    bob.get_instance_profile().instance_profile_name("inside").send().await.refused("AccessDenied");
    root.iam.tag_instance_profile().instance_profile_name("inside").tags(tag("team", "crew")).send().await.granted();
    bob.get_instance_profile().instance_profile_name("inside").send().await.granted();
    bob.list_instance_profile_tags().instance_profile_name("inside").send().await.granted();

    let labelled = json!({
        "StringEquals": { "aws:RequestTag/stage": "test" },
        "ForAllValues:StringEquals": { "aws:TagKeys": ["stage"] },
    });
    let carol = root.user_with("carol", &allow_if("iam:*", labelled)).await.iam(&broker);
    let create =
        |tags: Vec<Tag>| carol.create_instance_profile().instance_profile_name("labelled").set_tags(Some(tags));
    create(vec![]).send().await.refused("AccessDenied");
    create(vec![tag("stage", "test"), tag("more", "")]).send().await.refused("AccessDenied");
    create(vec![tag("stage", "test")]).send().await.granted();
    let label = |value: &str| carol.tag_instance_profile().instance_profile_name("labelled").tags(tag("stage", value));
    label("live").send().await.refused("AccessDenied");
    label("test").send().await.granted();
}

#[tokio::test]
async fn an_account_has_a_thousand_profiles_at_the_most() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let random: std::sync::Arc<dyn brevet::clock::Random> = std::sync::Arc::new(SystemRandom);
    let foundation = Foundation::find(&world.config.store, None, &random).await.expect("the store is set up");
    let mut tx = Tx::new(std::sync::Arc::clone(&foundation.store));
    for number in 0..999 {
        let record = Record {
            name: format!("made-{number}").parse().expect("a name"),
            path: "/".parse().expect("a path"),
            id: UniqueId::random(UniqueIdKind::InstanceProfile, &SystemRandom),
            created: world.now(),
            tags: brevet::types::Tags::default(),
            role: None,
        };
        tx.put(&layout::instance_profile(root.account, &record.name), &record).expect("staged");
    }
    tx.commit().await.expect("committed");
    profile(&root, "last").await;
    let create = || root.iam.create_instance_profile().instance_profile_name("more").send();
    let message = create().await.refused("LimitExceeded");
    assert_eq!(message, "Cannot exceed quota for InstanceProfilesPerAccount: 1000");
    root.iam.delete_instance_profile().instance_profile_name("made-7").send().await.granted();
    create().await.granted();
    // Another account has a thousand of its own.
    let partner = world.another_account("partner").await;
    profile(&partner.at(&broker), "first").await;
}
