//! AWS's managed policies: attached, listed, simulated and obeyed as in an account of AWS, and changed by nobody.

use aws_sdk_iam::types::{PolicyScopeType, PolicyUsageType};
use aws_sdk_sts::types::PolicyDescriptorType;
use brevet::identity::AwsPolicy;
use serde_json::json;

use crate::world::policies::{allow, allow_if, document, statement, trust};
use crate::world::{Actor, Backend, Outcome, Running, Session, User, World, within_a_second};

const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
const VIEW_ONLY: &str = "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess";
const DENY_ALL: &str = "arn:aws:iam::aws:policy/AWSDenyAll";

on_both_stores! {
    an_administrator_by_its_group_acts_and_acts_no_more => an_administrator_by_its_group;
}

async fn makes_a_group(user: &User, name: &str, at: &Running) -> String {
    user.iam(at).create_group().group_name(name).send().await.code()
}

async fn lists_users(user: &User, at: &Running) -> String {
    user.iam(at).list_users().send().await.code()
}

async fn an_administrator_by_its_group(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    let root = world.root.at(&here);
    root.group("administrators", "").await;
    let alice = root.user("alice").await;
    root.join("alice", "administrators").await;
    assert_eq!(makes_a_group(&alice, "one", &here).await, "AccessDenied");
    assert_eq!(lists_users(&alice, &there).await, "AccessDenied");
    root.iam.attach_group_policy().group_name("administrators").policy_arn(ADMINISTRATOR).send().await.granted();
    assert_eq!(makes_a_group(&alice, "one", &here).await, "Ok");
    within_a_second("the other broker grants it", || async { lists_users(&alice, &there).await == "Ok" }).await;
    // Whoever may do everything may take it from itself, too.
    let detach = alice.iam(&here).detach_group_policy().group_name("administrators");
    detach.policy_arn(ADMINISTRATOR).send().await.granted();
    assert_eq!(makes_a_group(&alice, "two", &here).await, "AccessDenied");
    within_a_second("the other broker denies it", || async { lists_users(&alice, &there).await == "AccessDenied" })
        .await;
}

#[tokio::test]
async fn what_a_policy_allows_is_what_aws_published() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user("alice").await;
    let attach = |arn: &str| root.iam.attach_user_policy().user_name("alice").policy_arn(arn).send();
    attach(READ_ONLY).await.granted();
    assert_eq!([lists_users(&alice, &broker).await, makes_a_group(&alice, "g", &broker).await], ["Ok", "AccessDenied"]);
    attach("arn:aws:iam::aws:policy/IAMFullAccess").await.granted();
    assert_eq!(makes_a_group(&alice, "g", &broker).await, "Ok");
    attach(DENY_ALL).await.granted();
    let message = alice.iam(&broker).list_users().send().await.refused("AccessDenied");
    assert!(message.contains("with an explicit deny in an identity-based policy"), "{message}");
}

#[tokio::test]
async fn a_policy_is_looked_at_like_any_other() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let found = root.iam.get_policy().policy_arn(VIEW_ONLY).send().await.granted();
    let policy = found.policy().expect("a policy");
    assert_eq!((policy.policy_name(), policy.path()), (Some("ViewOnlyAccess"), Some("/job-function/")));
    assert_eq!((policy.policy_id(), policy.arn()), (Some("ANPAID22R6XPJATWOFDK6"), Some(VIEW_ONLY)));
    assert!(policy.is_attachable() && policy.description().is_some_and(|text| text.starts_with("This policy grants")));
    assert!(policy.create_date() < policy.update_date() && policy.tags().is_empty());
    let version = policy.default_version_id().expect("a version");
    let versions = root.iam.list_policy_versions().policy_arn(VIEW_ONLY).send().await.granted();
    let listed: Vec<_> = versions.versions().iter().map(|it| (it.version_id(), it.is_default_version())).collect();
    assert_eq!(listed, [(Some(version), true)]);
    let get = |id: &str| root.iam.get_policy_version().policy_arn(VIEW_ONLY).version_id(id).send();
    let got = get(version).await.granted();
    let document = got.policy_version().and_then(|version| version.document()).expect("a document");
    assert!(document.starts_with("%7B%0A%20%20%20%20%22Version%22") && document.contains("s3%3AListAllMyBuckets"));
    get("v1").await.refused("NoSuchEntity");
    let tags = root.iam.list_policy_tags().policy_arn(VIEW_ONLY).send().await.granted();
    assert!(tags.tags().is_empty() && !tags.is_truncated());
    root.user("alice").await;
    for other in [
        "arn:aws:iam::aws:policy/ViewOnlyAccess",
        "arn:aws:iam::aws:policy/NoSuchAccess",
        "arn:aws-cn:iam::aws:policy/ReadOnlyAccess",
        "arn:aws:iam:us-east-1:aws:policy/ReadOnlyAccess",
        "arn:aws:iam::aws:policy/readonlyaccess",
    ] {
        root.iam.get_policy().policy_arn(other).send().await.refused("NoSuchEntity");
        let attach = root.iam.attach_user_policy().user_name("alice").policy_arn(other);
        let message = attach.send().await.refused("NoSuchEntity");
        assert_eq!(message, format!("Policy {other} does not exist or is not attachable."));
    }
}

#[tokio::test]
async fn nobody_changes_what_is_aws() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let iam = &root.iam;
    iam.delete_policy().policy_arn(READ_ONLY).send().await.refused("AccessDenied");
    let version = iam.create_policy_version().policy_arn(READ_ONLY).policy_document(allow("*", "*"));
    version.set_as_default(true).send().await.refused("AccessDenied");
    iam.set_default_policy_version().policy_arn(READ_ONLY).version_id("v1").send().await.refused("AccessDenied");
    iam.delete_policy_version().policy_arn(READ_ONLY).version_id("v1").send().await.refused("AccessDenied");
    let tag = aws_sdk_iam::types::Tag::builder().key("team").value("crew").build().expect("a tag");
    iam.tag_policy().policy_arn(READ_ONLY).tags(tag).send().await.refused("AccessDenied");
    iam.untag_policy().policy_arn(READ_ONLY).tag_keys("team").send().await.refused("AccessDenied");
    let local = iam.list_policies().scope(PolicyScopeType::Local).send().await.granted();
    assert!(local.policies().is_empty(), "{local:?}");
    // That it is AWS's is told to those who may ask for the change at all.
    let nobody = root.user("nobody").await;
    let message = nobody.iam(&broker).delete_policy().policy_arn(READ_ONLY).send().await.refused("AccessDenied");
    assert!(message.contains("because no identity-based policy allows the iam:DeletePolicy action"), "{message}");
}

/// The names of all policies of a list, page by page; the account's own with an exclamation mark.
async fn names(iam: &aws_sdk_iam::Client, scope: PolicyScopeType, prefix: Option<&str>, size: i32) -> Vec<String> {
    let mut all = Vec::new();
    let mut marker = None;
    loop {
        let list = iam.list_policies().scope(scope.clone()).set_path_prefix(prefix.map(str::to_owned)).max_items(size);
        let page = list.set_marker(marker).send().await.granted();
        assert!(page.policies().len() <= usize::try_from(size).expect("a size"));
        for policy in page.policies() {
            let own = if policy.arn().is_some_and(|arn| arn.contains("::aws:")) { "" } else { "!" };
            all.push(format!("{}{own}", policy.policy_name().expect("a name")));
        }
        assert_eq!(page.is_truncated(), page.marker().is_some());
        marker = page.marker().map(str::to_owned);
        if marker.is_none() {
            return all;
        }
    }
}

#[tokio::test]
async fn the_accounts_own_and_aws_are_one_list() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    for name in ["aaa", "readonlyaccess", "IAMFullAccess", "zzz"] {
        root.policy(name, &allow("notes:Read", "*")).await;
    }
    let mut expected: Vec<String> = AwsPolicy::all().iter().map(|policy| policy.name.to_owned()).collect();
    expected.extend(["aaa!", "readonlyaccess!", "IAMFullAccess!", "zzz!"].map(str::to_owned));
    expected.sort_by_key(|name| {
        let own = name.ends_with('!');
        (name.trim_end_matches('!').to_ascii_lowercase(), !own)
    });
    for size in [1, 2, 7, 1_000] {
        assert_eq!(names(&root.iam, PolicyScopeType::All, None, size).await, expected, "pages of {size}");
    }
    let own = names(&root.iam, PolicyScopeType::Local, None, 3).await;
    assert_eq!(own, ["aaa!", "IAMFullAccess!", "readonlyaccess!", "zzz!"]);
    let theirs = names(&root.iam, PolicyScopeType::Aws, None, 50).await;
    assert_eq!(theirs.len(), AwsPolicy::all().len());
    let jobs = names(&root.iam, PolicyScopeType::All, Some("/job-function/"), 1).await;
    assert!(jobs.contains(&"ViewOnlyAccess".to_owned()) && !jobs.contains(&"ReadOnlyAccess".to_owned()), "{jobs:?}");
    // By default everything is listed, and lists leave out what describes a policy.
    let default = root.iam.list_policies().send().await.granted();
    assert_eq!(default.policies().len(), expected.len());
    assert!(default.policies().iter().all(|policy| policy.description().is_none()));
}

#[tokio::test]
async fn uses_are_counted_in_each_account_by_itself() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let partner = world.another_account("partner").await;
    let partner = partner.at(&broker);
    let own = root.policy("ReadOnlyAccess", &allow("notes:Read", "*")).await;
    root.user("alice").await;
    root.group("crew", "").await;
    root.role("worker", &trust(&root.account.to_string(), &["sts:AssumeRole"], None), "").await;
    root.iam.attach_user_policy().user_name("alice").policy_arn(READ_ONLY).send().await.granted();
    root.iam.attach_user_policy().user_name("alice").policy_arn(READ_ONLY).send().await.granted();
    root.iam.attach_user_policy().user_name("alice").policy_arn(&own).send().await.granted();
    root.iam.attach_group_policy().group_name("crew").policy_arn(READ_ONLY).send().await.granted();
    root.iam.attach_role_policy().role_name("worker").policy_arn(VIEW_ONLY).send().await.granted();
    root.iam.put_role_permissions_boundary().role_name("worker").permissions_boundary(READ_ONLY).send().await.granted();
    partner.user("bob").await;
    partner.iam.attach_user_policy().user_name("bob").policy_arn(READ_ONLY).send().await.granted();
    let counts = async |iam: &aws_sdk_iam::Client, arn: &str| {
        let found = iam.get_policy().policy_arn(arn).send().await.granted();
        let policy = found.policy().expect("a policy");
        (policy.attachment_count(), policy.permissions_boundary_usage_count())
    };
    assert_eq!(counts(&root.iam, READ_ONLY).await, (Some(2), Some(1)));
    assert_eq!(counts(&root.iam, &own).await, (Some(1), Some(0)));
    assert_eq!(counts(&partner.iam, READ_ONLY).await, (Some(1), Some(0)));
    assert_eq!(counts(&partner.iam, ADMINISTRATOR).await, (Some(0), Some(0)));
    let attached = root.iam.list_attached_user_policies().user_name("alice").send().await.granted();
    let arns: Vec<_> = attached.attached_policies().iter().filter_map(|policy| policy.policy_arn()).collect();
    assert_eq!(arns, [READ_ONLY, own.as_str()]);
    let used = root.iam.list_policies().only_attached(true).send().await.granted();
    let used: Vec<_> = used.policies().iter().filter_map(|policy| policy.arn()).collect();
    assert_eq!(used, [own.as_str(), READ_ONLY, VIEW_ONLY]);
    let bounding = root.iam.list_policies().policy_usage_filter(PolicyUsageType::PermissionsBoundary);
    let bounding = bounding.send().await.granted();
    assert_eq!(bounding.policies().iter().filter_map(|policy| policy.arn()).collect::<Vec<_>>(), [READ_ONLY]);
    // A user that gets another name is found under it.
    root.iam.update_user().user_name("alice").new_user_name("alicia").send().await.granted();
    let entities = root.iam.list_entities_for_policy().policy_arn(READ_ONLY).send().await.granted();
    let users: Vec<_> = entities.policy_users().iter().filter_map(|user| user.user_name()).collect();
    let groups: Vec<_> = entities.policy_groups().iter().filter_map(|group| group.group_name()).collect();
    let roles: Vec<_> = entities.policy_roles().iter().filter_map(|role| role.role_name()).collect();
    assert_eq!((users, groups, roles), (vec!["alicia"], vec!["crew"], vec!["worker"]));
    // What is gone is not counted: boundaries go with their entities, attached policies must be taken off.
    let worker = || root.iam.delete_role().role_name("worker").send();
    worker().await.refused("DeleteConflict");
    root.iam.detach_role_policy().role_name("worker").policy_arn(VIEW_ONLY).send().await.granted();
    worker().await.granted();
    let detach = || root.iam.detach_user_policy().user_name("alicia").policy_arn(READ_ONLY).send();
    detach().await.granted();
    detach().await.refused("NoSuchEntity");
    assert_eq!(counts(&root.iam, READ_ONLY).await, (Some(1), Some(0)));
    assert_eq!(counts(&root.iam, VIEW_ONLY).await, (Some(0), Some(0)));
}

#[tokio::test]
async fn the_quota_of_attached_policies_counts_both_kinds() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    root.user("alice").await;
    let attach = |arn: String| root.iam.attach_user_policy().user_name("alice").policy_arn(arn).send();
    for policy in AwsPolicy::all().iter().filter(|policy| policy.path == "/").take(9) {
        attach(format!("arn:aws:iam::aws:policy/{}", policy.name)).await.granted();
    }
    attach(root.policy("own", &allow("notes:Read", "*")).await).await.granted();
    let message = attach(VIEW_ONLY.to_owned()).await.refused("LimitExceeded");
    assert_eq!(message, "Cannot exceed quota for PoliciesPerUser: 10");
}

#[tokio::test]
async fn a_boundary_of_aws_bounds() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow("iam:*", "*")).await;
    let bound =
        |arn: &str| root.iam.put_user_permissions_boundary().user_name("alice").permissions_boundary(arn).send();
    bound(READ_ONLY).await.granted();
    assert_eq!([lists_users(&alice, &broker).await, makes_a_group(&alice, "g", &broker).await], ["Ok", "AccessDenied"]);
    bound("arn:aws:iam::aws:policy/NoSuchAccess").await.refused("NoSuchEntity");
    bound(ADMINISTRATOR).await.granted();
    assert_eq!(makes_a_group(&alice, "g", &broker).await, "Ok");
    root.iam.delete_user_permissions_boundary().user_name("alice").send().await.granted();
    let used =
        root.iam.list_policies().policy_usage_filter(PolicyUsageType::PermissionsBoundary).send().await.granted();
    assert!(used.policies().is_empty());
    let made = root.iam.create_user().user_name("bob").permissions_boundary(READ_ONLY).send().await.granted();
    let boundary = made.user().and_then(|user| user.permissions_boundary()).expect("a boundary");
    assert_eq!(boundary.permissions_boundary_arn(), Some(READ_ONLY));
}

#[tokio::test]
async fn who_may_attach_one_policy_attaches_no_other() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let namesake = root.policy("ReadOnlyAccess", &allow("*", "*")).await;
    let only = json!({ "ArnEquals": { "iam:PolicyARN": READ_ONLY } });
    let helper = root.user_with("helper", &allow_if("iam:Attach*", only)).await;
    let attach = |arn: &str| helper.iam(&broker).attach_user_policy().user_name("helper").policy_arn(arn).send();
    for other in [ADMINISTRATOR, namesake.as_str(), "arn:aws:iam::aws:policy/readonlyaccess", DENY_ALL] {
        attach(other).await.refused("AccessDenied");
    }
    for spelt in ["arn:aws:iam::aws:policy/*", "arn:aws:iam::*:policy/ReadOnlyAccess"] {
        assert_ne!(attach(spelt).await.code(), "Ok", "{spelt}");
    }
    attach(READ_ONLY).await.granted();
    assert_eq!(lists_users(&helper, &broker).await, "Ok");
    assert_eq!(makes_a_group(&helper, "g", &broker).await, "AccessDenied");
    // Everything of AWS, and nothing of the account.
    let theirs = json!({ "ArnLike": { "iam:PolicyARN": "arn:aws:iam::aws:policy/*" } });
    let second = root.user_with("second", &allow_if("iam:AttachUserPolicy", theirs)).await;
    let attach = |arn: &str| second.iam(&broker).attach_user_policy().user_name("second").policy_arn(arn).send();
    attach(&namesake).await.refused("AccessDenied");
    attach(VIEW_ONLY).await.granted();
}

#[tokio::test]
async fn a_session_is_bounded_by_policies_of_aws() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user("alice").await;
    let role = root.role("everything", &trust(&alice.arn, &["sts:AssumeRole"], None), &allow("iam:*", "*")).await;
    let assume = |arn: &str| {
        let call = alice.sts(&broker).assume_role().role_arn(&role).role_session_name("work");
        call.policy_arns(PolicyDescriptorType::builder().arn(arn).build()).send()
    };
    let session = Session::of(assume(READ_ONLY).await.granted().credentials());
    session.iam(&broker).list_users().send().await.granted();
    session.iam(&broker).create_group().group_name("g").send().await.refused("AccessDenied");
    let session = Session::of(assume(DENY_ALL).await.granted().credentials());
    session.iam(&broker).list_users().send().await.refused("AccessDenied");
    for unknown in ["arn:aws:iam::aws:policy/NoSuchAccess", "arn:aws-cn:iam::aws:policy/ReadOnlyAccess"] {
        assume(unknown).await.refused("ValidationError");
    }
}

#[tokio::test]
async fn the_simulator_sees_them() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user("alice").await;
    root.group("changers", "").await;
    root.join("alice", "changers").await;
    let own_password = "arn:aws:iam::aws:policy/IAMUserChangePassword";
    root.iam.attach_group_policy().group_name("changers").policy_arn(own_password).send().await.granted();
    let asked = "iam:GetAccountPasswordPolicy";
    let simulate = root.iam.simulate_principal_policy().policy_source_arn(&alice.arn);
    let answer = simulate.action_names(asked).action_names("iam:ListUsers").send().await.granted();
    let results: Vec<_> = answer.evaluation_results().iter().map(|it| it.eval_decision().as_str()).collect();
    assert_eq!(results, ["allowed", "implicitDeny"]);
    let matched = answer.evaluation_results()[0].matched_statements();
    assert_eq!(matched[0].source_policy_id(), Some("IAMUserChangePassword"));
    let keys = root.iam.get_context_keys_for_principal_policy().policy_source_arn(&alice.arn).send().await.granted();
    assert_eq!(keys.context_key_names(), ["aws:username"]);
    root.iam.put_user_permissions_boundary().user_name("alice").permissions_boundary(DENY_ALL).send().await.granted();
    let simulate = root.iam.simulate_principal_policy().policy_source_arn(&alice.arn).action_names(asked);
    let answer = simulate.send().await.granted();
    assert_eq!(answer.evaluation_results()[0].eval_decision().as_str(), "explicitDeny");
}

#[tokio::test]
async fn another_partition_has_them_under_its_own_name() {
    let set = |config: &mut brevet::config::Config| config.realm.partition = "example".to_owned();
    let (world, broker) = World::begin_with(Backend::Sqlite, set).await;
    let root = world.root.at(&broker);
    let alice = root.user("alice").await;
    let attach = |arn: &str| root.iam.attach_user_policy().user_name("alice").policy_arn(arn).send();
    attach(ADMINISTRATOR).await.refused("NoSuchEntity");
    attach("arn:example:iam::aws:policy/AdministratorAccess").await.granted();
    assert_eq!(lists_users(&alice, &broker).await, "Ok");
    let own = root.iam.get_policy_version().policy_arn("arn:example:iam::aws:policy/IAMUserChangePassword");
    let got = own.version_id("v5").send().await.granted();
    let document = got.policy_version().and_then(|version| version.document()).expect("a document");
    assert!(document.contains("arn%3Aexample%3Aiam%3A%3A") && !document.contains("arn%3Aaws%3A"), "{document}");
}

/// `service: policy of entity or ARN, ...` of each service.
async fn granting(iam: &aws_sdk_iam::Client, arn: &str, services: &[&str]) -> Vec<String> {
    let services = services.iter().map(|&service| service.to_owned()).collect();
    let list = iam.list_policies_granting_service_access().arn(arn).set_service_namespaces(Some(services));
    let answer = list.send().await.granted();
    assert!(!answer.is_truncated() && answer.marker().is_none());
    let told = answer.policies_granting_service_access().iter().map(|entry| {
        let policies = entry.policies().iter().map(|policy| match policy.policy_type().as_str() {
            "MANAGED" => {
                assert!(policy.entity_name().is_none() && policy.entity_type().is_none());
                format!("{} {}", policy.policy_name(), policy.policy_arn().expect("an ARN"))
            }
            _ => {
                assert!(policy.policy_arn().is_none());
                let kind = policy.entity_type().expect("a type").as_str();
                format!("{} {kind} {}", policy.policy_name(), policy.entity_name().expect("a name"))
            }
        });
        format!("{}: {}", entry.service_namespace().expect("a service"), policies.collect::<Vec<_>>().join(", "))
    });
    told.collect()
}

#[tokio::test]
async fn the_policies_that_open_a_service_are_named() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let mixed = document([statement("Allow", "notes:Read", "*"), statement("Deny", "s3:*", "*")]);
    let alice = root.user_with("alice", &mixed).await;
    root.group("crew", &allow("sqs:*", "*")).await;
    root.join("alice", "crew").await;
    for (arn, group) in [(READ_ONLY, true), (READ_ONLY, false), ("arn:aws:iam::aws:policy/PowerUserAccess", true)] {
        if group {
            root.iam.attach_group_policy().group_name("crew").policy_arn(arn).send().await.granted();
        } else {
            root.iam.attach_user_policy().user_name("alice").policy_arn(arn).send().await.granted();
        }
    }
    // A boundary grants nothing.
    root.iam
        .put_user_permissions_boundary()
        .user_name("alice")
        .permissions_boundary(ADMINISTRATOR)
        .send()
        .await
        .granted();
    let power = "PowerUserAccess arn:aws:iam::aws:policy/PowerUserAccess";
    let read = format!("ReadOnlyAccess {READ_ONLY}");
    let found = granting(&root.iam, &alice.arn, &["s3", "notes", "unheard-of", "s3"]).await;
    assert_eq!(
        found,
        [format!("notes: own USER alice, {power}"), format!("s3: {power}, {read}"), format!("unheard-of: {power}"),]
    );
    let group = alice.arn.replace("user/alice", "group/crew");
    let found = granting(&root.iam, &group, &["sqs"]).await;
    assert_eq!(found, [format!("sqs: own GROUP crew, {power}, {read}")]);
    let role = root.role("worker", &trust(&alice.arn, &["sts:AssumeRole"], None), &allow("iam:Get*", "*")).await;
    assert_eq!(granting(&root.iam, &role, &["iam", "s3"]).await, ["iam: own ROLE worker", "s3: "]);
    // The list of services has pages.
    let many: Vec<String> = (0..130).map(|number| format!("service-{number:03}")).collect();
    let ask = |marker: Option<String>| {
        let list = root.iam.list_policies_granting_service_access().arn(&role).set_marker(marker);
        list.set_service_namespaces(Some(many.clone())).send()
    };
    let first = ask(None).await.granted();
    assert_eq!((first.policies_granting_service_access().len(), first.is_truncated()), (100, true));
    let second = ask(first.marker().map(str::to_owned)).await.granted();
    assert_eq!((second.policies_granting_service_access().len(), second.is_truncated()), (30, false));
}

#[tokio::test]
async fn what_opens_a_service_is_told_of_ones_own_entities_to_who_may_ask() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let action = "iam:ListPoliciesGrantingServiceAccess";
    let me = format!("arn:aws:iam::{}:user/asker", root.account);
    let asker = root.user_with("asker", &allow(action, &me)).await;
    let other = root.user_with("other", &allow("s3:*", "*")).await;
    let ask = |arn: &str| {
        let list = asker.iam(&broker).list_policies_granting_service_access().arn(arn);
        list.service_namespaces("s3").send()
    };
    ask(&me).await.granted();
    ask(&other.arn).await.refused("AccessDenied");
    let root_asks = |arn: String| {
        let list = root.iam.list_policies_granting_service_access().arn(arn);
        list.service_namespaces("s3").send()
    };
    root_asks(format!("arn:aws:iam::{}:user/none", root.account)).await.refused("NoSuchEntity");
    root_asks(READ_ONLY.to_owned()).await.refused("InvalidInput");
    let partner = world.another_account("partner").await;
    let theirs = partner.at(&broker).user("theirs").await;
    assert_ne!(root_asks(theirs.arn.clone()).await.code(), "Ok");
}

/// Every use of a policy is counted in one record of the account. Programs attach one policy to many entities at once, and nobody who
/// may do so must hear that others were faster.
#[tokio::test]
async fn many_attach_one_policy_at_once() {
    const MANY: usize = 40;
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let policy = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    for number in 0..MANY {
        root.iam.create_user().user_name(format!("user-{number}")).send().await.granted();
    }
    let attach = |number: usize| {
        let user = root.iam.attach_user_policy().user_name(format!("user-{number}"));
        tokio::spawn(user.policy_arn(policy).send())
    };
    for attached in (0..MANY).map(attach).collect::<Vec<_>>() {
        attached.await.expect("an answer").granted();
    }
    let used = root.iam.get_policy().policy_arn(policy).send().await.granted();
    assert_eq!(used.policy().and_then(|policy| policy.attachment_count()), i32::try_from(MANY).ok());
}
