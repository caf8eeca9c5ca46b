//! Everything about permissions in one answer: what it shows of each entity, in which order, and how it is paged.

use std::collections::BTreeSet;

use aws_sdk_iam::operation::get_account_authorization_details::GetAccountAuthorizationDetailsOutput as Page;
use aws_sdk_iam::types::{EntityType, Tag};

use crate::world::policies::{allow, deny, trust};
use crate::world::raw::call;
use crate::world::{Actor, Backend, Hand, Outcome, World};

on_both_stores! {
    every_entity_is_shown_with_its_documents => whole;
    pages_follow_one_order_whatever_comes_and_goes => pages;
}

/// A document as it was written, from its percent-encoded form.
fn decoded(document: Option<&str>) -> String {
    let document = document.expect("a document");
    assert!(document.starts_with("%7B%22"), "{document}");
    percent_encoding::percent_decode_str(document).decode_utf8().expect("UTF-8").into_owned()
}

/// The names on a page, in the order of the answer's lists.
fn names(page: &Page) -> Vec<String> {
    let users = page.user_detail_list().iter().filter_map(|user| user.user_name());
    let groups = page.group_detail_list().iter().filter_map(|group| group.group_name());
    let roles = page.role_detail_list().iter().filter_map(|role| role.role_name());
    let policies = page.policies().iter().filter_map(|policy| policy.policy_name());
    users.chain(groups).chain(roles).chain(policies).map(str::to_owned).collect()
}

async fn whole(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let stranger = world.another_account("partner").await;
    stranger.at(&broker).user("stranger").await;
    let tag = Tag::builder().key("team").value("crew + co").build().expect("a tag");
    let (first, second) = (allow("notes:Read", "*"), deny("notes:Write", "*"));
    let policy = root.policy("Notes", &first).await;
    let add = root.iam.create_policy_version().policy_arn(&policy).policy_document(&second);
    add.set_as_default(true).send().await.granted();
    let bounds = root.policy("bounds", &allow("*", "*")).await;
    let user = root.iam.create_user().user_name("Alice").path("/staff/").permissions_boundary(&bounds);
    user.tags(tag.clone()).send().await.granted();
    root.let_user("Alice", "own", &first).await;
    for group in ["writers", "Readers"] {
        root.group(group, &first).await;
        root.join("Alice", group).await;
    }
    let trusting = trust(&root.account.to_string(), &["sts:AssumeRole"], None);
    root.role("worker", &trusting, &second).await;
    root.iam.tag_role().role_name("worker").tags(tag.clone()).send().await.granted();
    root.iam.put_role_permissions_boundary().role_name("worker").permissions_boundary(&bounds).send().await.granted();
    for profile in ["b-machines", "a-machines"] {
        root.iam.create_instance_profile().instance_profile_name(profile).send().await.granted();
        let add = root.iam.add_role_to_instance_profile().instance_profile_name(profile).role_name("worker");
        add.send().await.granted();
    }
    root.iam.attach_user_policy().user_name("Alice").policy_arn(&policy).send().await.granted();
    root.iam.attach_group_policy().group_name("writers").policy_arn(&policy).send().await.granted();
    root.iam.attach_role_policy().role_name("worker").policy_arn(&policy).send().await.granted();

    let page = root.iam.get_account_authorization_details().send().await.granted();
    assert!(!page.is_truncated() && page.marker().is_none());
    assert_eq!(names(&page), ["Alice", "Readers", "writers", "worker", "bounds", "Notes"]);

    let alice = &page.user_detail_list()[0];
    assert_eq!(alice.arn(), Some(format!("arn:aws:iam::{}:user/staff/Alice", root.account).as_str()));
    assert_eq!(
        (alice.path(), alice.group_list()),
        (Some("/staff/"), ["Readers", "writers"].map(String::from).as_slice())
    );
    assert_eq!(alice.tags(), std::slice::from_ref(&tag));
    assert!(alice.user_id().is_some_and(|id| id.starts_with("AIDA")) && alice.create_date().is_some());
    let inline = &alice.user_policy_list()[0];
    assert_eq!((inline.policy_name(), decoded(inline.policy_document())), (Some("own"), first.clone()));
    let attached = &alice.attached_managed_policies()[0];
    assert_eq!((attached.policy_name(), attached.policy_arn()), (Some("Notes"), Some(policy.as_str())));
    let boundary = alice.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn());
    assert_eq!(boundary, Some(bounds.as_str()));

    let writers = &page.group_detail_list()[1];
    assert_eq!(decoded(writers.group_policy_list()[0].policy_document()), first);
    assert_eq!(writers.attached_managed_policies()[0].policy_arn(), Some(policy.as_str()));
    assert!(page.group_detail_list()[0].attached_managed_policies().is_empty());

    let worker = &page.role_detail_list()[0];
    assert!(worker.role_last_used().is_some_and(|used| used.last_used_date().is_none()));
    assert_eq!(decoded(worker.assume_role_policy_document()), trusting);
    assert_eq!(decoded(worker.role_policy_list()[0].policy_document()), second);
    assert_eq!((worker.tags(), worker.attached_managed_policies().len()), (std::slice::from_ref(&tag), 1));
    let profiles: Vec<&str> = worker.instance_profile_list().iter().map(|one| one.instance_profile_name()).collect();
    assert_eq!(profiles, ["a-machines", "b-machines"]);
    assert_eq!(worker.instance_profile_list()[0].roles()[0].role_name(), "worker");
    let boundary = worker.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn());
    assert_eq!(boundary, Some(bounds.as_str()));

    let [bounding, notes] = page.policies() else { panic!("two policies: {:?}", page.policies()) };
    let counts = |policy: &aws_sdk_iam::types::ManagedPolicyDetail| {
        (policy.attachment_count(), policy.permissions_boundary_usage_count())
    };
    assert_eq!((counts(bounding), counts(notes)), ((Some(0), Some(2)), (Some(3), Some(0))));
    assert_eq!((notes.default_version_id(), notes.is_attachable()), (Some("v2"), true));
    let versions: Vec<_> =
        notes.policy_version_list().iter().map(|v| (v.version_id(), v.is_default_version())).collect();
    assert_eq!(versions, [(Some("v2"), true), (Some("v1"), false)]);
    assert_eq!(decoded(notes.policy_version_list()[0].document()), second);
    assert_eq!(decoded(notes.policy_version_list()[1].document()), first);
}

/// All pages of a size, and how many there were.
async fn all(root: &Hand<'_>, size: i32, filter: &[EntityType]) -> (Vec<String>, usize) {
    let (mut marker, mut found, mut pages) = (None, Vec::new(), 0);
    loop {
        let filter = Some(filter.to_vec()).filter(|filter| !filter.is_empty());
        let get = root.iam.get_account_authorization_details().max_items(size).set_filter(filter);
        let page = get.set_marker(marker).send().await.granted();
        assert!(names(&page).len() <= usize::try_from(size).expect("positive"));
        found.extend(names(&page));
        pages += 1;
        assert_eq!(page.is_truncated(), page.marker().is_some());
        marker = page.marker().map(str::to_owned);
        if marker.is_none() {
            return (found, pages);
        }
    }
}

async fn pages(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let trusting = trust(&root.account.to_string(), &["sts:AssumeRole"], None);
    for name in ["u-3", "U-1", "u-2"] {
        root.iam.create_user().user_name(name).send().await.granted();
    }
    for name in ["g-2", "G-1"] {
        root.group(name, "").await;
    }
    root.role("r-1", &trusting, "").await;
    for name in ["p-1", "p-2"] {
        root.policy(name, &allow("*", "*")).await;
    }
    let everything = ["U-1", "u-2", "u-3", "G-1", "g-2", "r-1", "p-1", "p-2"];
    for (size, pages) in [(1, 8), (2, 4), (3, 3), (7, 2), (8, 1), (1_000, 1)] {
        assert_eq!(all(&root, size, &[]).await, (everything.map(String::from).to_vec(), pages), "pages of {size}");
    }
    let of = async |types: &[EntityType]| all(&root, 2, types).await.0;
    assert_eq!(of(&[EntityType::AwsManagedPolicy]).await, [""; 0]);
    assert_eq!(of(&[EntityType::Group]).await, ["G-1", "g-2"]);
    assert_eq!(of(&[EntityType::LocalManagedPolicy, EntityType::Role]).await, ["r-1", "p-1", "p-2"]);
    assert_eq!(of(&[EntityType::User, EntityType::User]).await, ["U-1", "u-2", "u-3"]);

    // Of AWS's policies those are listed that somebody has, behind all others.
    for name in ["SecurityAudit", "AdministratorAccess", "IAMUserChangePassword"] {
        let arn = format!("arn:aws:iam::aws:policy/{name}");
        root.iam.attach_group_policy().group_name("G-1").policy_arn(arn).send().await.granted();
    }
    let of_aws = ["AdministratorAccess", "IAMUserChangePassword", "SecurityAudit"];
    let all_of_them: Vec<String> = everything.iter().chain(&of_aws).map(ToString::to_string).collect();
    for size in [1, 3, 1_000] {
        assert_eq!(all(&root, size, &[]).await.0, all_of_them, "pages of {size}");
    }
    assert_eq!(of(&[EntityType::AwsManagedPolicy]).await, of_aws);
    for name in of_aws {
        let arn = format!("arn:aws:iam::aws:policy/{name}");
        root.iam.detach_group_policy().group_name("G-1").policy_arn(arn).send().await.granted();
    }

    // The entity that a marker names may be gone, and its part of the list with it.
    let get = || root.iam.get_account_authorization_details().max_items(4);
    let page = get().send().await.granted();
    assert_eq!(names(&page), ["U-1", "u-2", "u-3", "G-1"]);
    root.iam.delete_group().group_name("g-1").send().await.granted();
    root.iam.create_user().user_name("u-0").send().await.granted();
    root.iam.create_group().group_name("g-15").send().await.granted();
    let rest = get().marker(page.marker().expect("more")).send().await.granted();
    assert_eq!(names(&rest), ["g-15", "g-2", "r-1", "p-1"]);
}

#[tokio::test]
async fn a_page_of_large_documents_is_short_and_loses_nothing() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    // White space does not count as size of a policy, and is three bytes each in the answer.
    let document = allow("notes:Read", "*").replacen(':', &format!(":{}", " ".repeat(120_000)), 1);
    let expected: BTreeSet<String> = (0..16).map(|number| format!("large-{number:02}")).collect();
    for name in &expected {
        root.policy(name, &document).await;
    }
    let first = root.iam.get_account_authorization_details().max_items(1_000).send().await.granted();
    assert!(first.is_truncated() && (10..16).contains(&names(&first).len()), "{}", names(&first).len());
    let (found, pages) = all(&root, 1_000, &[]).await;
    assert_eq!((found.iter().cloned().collect::<BTreeSet<_>>(), found.len(), pages), (expected, 16, 2));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_only_the_right_permission_lets_in() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    // "user", "group/", a kind that is none, and a name behind no kind.
    for marker in ["nonsense", "dXNlcg", "bm9uZS94", "!"] {
        let get = root.iam.get_account_authorization_details().marker(marker).send().await;
        get.refused("ValidationError");
    }
    let get = |name, value| [("Action", "GetAccountAuthorizationDetails"), (name, value)];
    for (name, value) in [("Filter.member.1", "Robot"), ("MaxItems", "0"), ("MaxItems", "1001")] {
        let answer = call(&broker, Some(&world.root), "iam", &get(name, value)).await;
        assert_eq!((answer.status, answer.code()), (400, "ValidationError"), "{name}={value}");
    }
    let alice = root.user_with("alice", &allow("iam:List*", "*")).await;
    alice.iam(&broker).get_account_authorization_details().send().await.refused("AccessDenied");
    root.let_user("alice", "more", &allow("iam:GetAccountAuthorizationDetails", "*")).await;
    let page = alice.iam(&broker).get_account_authorization_details().send().await.granted();
    assert_eq!(names(&page), ["alice"]);
}
