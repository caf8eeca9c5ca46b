//! Service-linked roles: made for a service, deleted by a task, and otherwise not to be changed.

use brevet::types::AccountId;
use serde_json::{Value, json};

use crate::world::policies::{allow, allow_if, trust};
use crate::world::{Actor, Backend, Hand, Outcome, World};

on_both_stores! {
    a_service_linked_role_lives => a_life;
}

const NAME: &str = "AWSServiceRoleForElasticBeanstalk";
const SERVICE: &str = "elasticbeanstalk.amazonaws.com";

fn arn(account: AccountId) -> String {
    format!("arn:aws:iam::{account}:role/aws-service-role/{SERVICE}/{NAME}")
}

async fn create(root: &Hand<'_>) -> aws_sdk_iam::types::Role {
    let made = root.iam.create_service_linked_role().aws_service_name(SERVICE).description("for the farm");
    made.send().await.granted().role().expect("a role").clone()
}

async fn delete(root: &Hand<'_>) -> String {
    let deleted = root.iam.delete_service_linked_role().role_name(NAME).send().await.granted();
    deleted.deletion_task_id().to_owned()
}

async fn a_life(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let made = create(&root).await;
    assert_eq!((made.role_name(), made.arn()), (NAME, arn(root.account).as_str()));
    assert_eq!(made.path(), format!("/aws-service-role/{SERVICE}/"));
    assert_eq!(made.description(), Some("for the farm"));
    let policy = made.assume_role_policy_document().expect("a trust policy");
    let policy = percent_encoding::percent_decode_str(policy).decode_utf8().expect("UTF-8");
    let policy: Value = serde_json::from_str(&policy).expect("JSON");
    assert_eq!(policy["Statement"][0]["Principal"], json!({ "Service": SERVICE }));
    let taken = format!("Service role name {NAME} has been taken in this account, please try a different suffix.");
    let again = || root.iam.create_service_linked_role().aws_service_name(SERVICE);
    assert_eq!(again().send().await.refused("InvalidInput"), taken);
    let other = again().custom_suffix("two").send().await.granted();
    assert_eq!(other.role().expect("a role").role_name(), format!("{NAME}_two"));
    let listed = root.iam.list_roles().path_prefix("/aws-service-role/").send().await.granted();
    assert_eq!(listed.roles().len(), 2);

    let status = |task: &str| root.iam.get_service_linked_role_deletion_status().deletion_task_id(task).send();
    let task = delete(&root).await;
    let form = format!("task/aws-service-role/{SERVICE}/{NAME}/");
    assert!(task.strip_prefix(&form).is_some_and(|rest| rest.len() == 36), "{task}");
    assert_eq!(status(&task).await.granted().status().as_str(), "SUCCEEDED");
    root.iam.get_role().role_name(NAME).send().await.refused("NoSuchEntity");
    let gone = root.iam.delete_service_linked_role().role_name(NAME).send().await.refused("NoSuchEntity");
    assert_eq!(gone, format!("The role with name {NAME} cannot be found."));
    status(&format!("{form}00000000-0000-4000-8000-000000000000")).await.refused("NoSuchEntity");
    for nonsense in ["x", "task/", "task/aws-service-role/x", "task/somewhere/x/y/z", "task/aws-service-role/a/b c/d"] {
        status(nonsense).await.refused("InvalidInput");
    }
    // Another account knows nothing of the task.
    let partner = world.another_account("partner").await;
    let theirs = partner.iam(&broker).get_service_linked_role_deletion_status().deletion_task_id(&task).send();
    theirs.await.refused("NoSuchEntity");

    // The name is free again, and the next deletion has its own task.
    let next = create(&root).await;
    assert_ne!(next.role_id(), made.role_id());
    let next = delete(&root).await;
    assert_ne!(next, task);
    assert_eq!(status(&next).await.granted().status().as_str(), "SUCCEEDED");
}

#[tokio::test]
async fn nothing_but_description_and_tags_of_it_can_be_changed() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let iam = &root.iam;
    create(&root).await;
    let policy = root.policy("notes", &allow("notes:Read", "*")).await;
    iam.create_instance_profile().instance_profile_name("machines").send().await.granted();
    let protected =
        format!("Cannot perform the operation on the protected role '{NAME}' - this role is only modifiable by AWS");
    let own_trust = trust(&root.account.to_string(), &["sts:AssumeRole"], None);
    let refusals = [
        iam.attach_role_policy().role_name(NAME).policy_arn(&policy).send().await.refused("UnmodifiableEntity"),
        iam.detach_role_policy().role_name(NAME).policy_arn(&policy).send().await.refused("UnmodifiableEntity"),
        iam.put_role_policy()
            .role_name(NAME)
            .policy_name("own")
            .policy_document(allow("*", "*"))
            .send()
            .await
            .refused("UnmodifiableEntity"),
        iam.delete_role_policy().role_name(NAME).policy_name("own").send().await.refused("UnmodifiableEntity"),
        iam.put_role_permissions_boundary()
            .role_name(NAME)
            .permissions_boundary(&policy)
            .send()
            .await
            .refused("UnmodifiableEntity"),
        iam.delete_role_permissions_boundary().role_name(NAME).send().await.refused("UnmodifiableEntity"),
        iam.update_assume_role_policy()
            .role_name(NAME.to_lowercase())
            .policy_document(own_trust)
            .send()
            .await
            .refused("UnmodifiableEntity"),
        iam.update_role().role_name(NAME).max_session_duration(7_200).send().await.refused("UnmodifiableEntity"),
        iam.delete_role().role_name(NAME).send().await.refused("UnmodifiableEntity"),
        iam.add_role_to_instance_profile()
            .instance_profile_name("machines")
            .role_name(NAME)
            .send()
            .await
            .refused("UnmodifiableEntity"),
        iam.remove_role_from_instance_profile()
            .instance_profile_name("machines")
            .role_name(NAME)
            .send()
            .await
            .refused("UnmodifiableEntity"),
    ];
    assert!(refusals.iter().all(|message| *message == protected), "{refusals:?}");
    let role = iam.get_role().role_name(NAME).send().await.granted();
    let role = role.role().expect("a role");
    assert_eq!((role.max_session_duration(), role.permissions_boundary().is_none()), (Some(3_600), true));

    iam.update_role().role_name(NAME).description("another").send().await.granted();
    iam.update_role_description().role_name(NAME).description("a third").send().await.granted();
    let tag = aws_sdk_iam::types::Tag::builder().key("team").value("crew").build().expect("a tag");
    iam.tag_role().role_name(NAME).tags(tag).send().await.granted();
    iam.untag_role().role_name(NAME).tag_keys("team").send().await.granted();

    // Neither by another way in: a role of one's own cannot be put there, nor deleted by the task.
    let there = iam.create_role().role_name("mine").path(format!("/aws-service-role/{SERVICE}/"));
    let there = there.assume_role_policy_document(trust(&root.account.to_string(), &["sts:AssumeRole"], None));
    there.send().await.refused("InvalidInput");
    root.role("worker", &trust(&root.account.to_string(), &["sts:AssumeRole"], None), "").await;
    iam.delete_service_linked_role().role_name("worker").send().await.refused("NoSuchEntity");
    iam.get_role().role_name("worker").send().await.granted();
    // A user at such a path is a user as any other.
    iam.create_user().user_name("odd").path("/aws-service-role/x/").send().await.granted();
    root.let_user("odd", "own", &allow("notes:Read", "*")).await;
}

#[tokio::test]
async fn nobody_assumes_it_who_is_not_the_service() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    create(&root).await;
    let administrator = root.user_with("administrator", &allow("*", "*")).await;
    let assume = administrator.sts(&broker).assume_role().role_arn(arn(root.account)).role_session_name("work").send();
    assume.await.refused("AccessDenied");
}

#[tokio::test]
async fn a_service_that_is_none_has_no_role() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let create = |service: &str| root.iam.create_service_linked_role().aws_service_name(service);
    for service in ["lex", "Lex.amazonaws.com", "a..b", "-.amazonaws.com", "x@y.com"] {
        create(service).send().await.refused("InvalidInput");
    }
    create("../x.com").send().await.refused("ValidationError");
    create("lex.amazonaws.com").custom_suffix("x".repeat(64)).send().await.refused("InvalidInput");
    create("lex.amazonaws.com").custom_suffix("a/b").send().await.refused("ValidationError");
    let own = create("notes.example.com").send().await.granted();
    assert_eq!(own.role().expect("a role").role_name(), "AWSServiceRoleForNotesExampleCom");
}

#[tokio::test]
async fn the_service_and_the_roles_arn_decide_who_may_make_and_delete_it() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let lex = json!({ "StringLike": { "iam:AWSServiceName": "lex.amazonaws.com" } });
    let alice = root.user_with("alice", &allow_if("iam:CreateServiceLinkedRole", lex)).await.iam(&broker);
    alice.create_service_linked_role().aws_service_name(SERVICE).send().await.refused("AccessDenied");
    alice.create_service_linked_role().aws_service_name("lex.amazonaws.com").send().await.granted();
    let below = format!("arn:aws:iam::*:role/aws-service-role/{SERVICE}/AWSServiceRoleFor*");
    let bob = root.user_with("bob", &allow("iam:*ServiceLinkedRole*", &below)).await.iam(&broker);
    bob.create_service_linked_role().aws_service_name("batch.amazonaws.com").send().await.refused("AccessDenied");
    bob.create_service_linked_role().aws_service_name(SERVICE).send().await.granted();
    bob.delete_service_linked_role().role_name("AWSServiceRoleForLexBots").send().await.refused("AccessDenied");
    let task = bob.delete_service_linked_role().role_name(NAME).send().await.granted();
    let task = task.deletion_task_id().to_owned();
    bob.get_service_linked_role_deletion_status().deletion_task_id(&task).send().await.granted();
    alice.get_service_linked_role_deletion_status().deletion_task_id(&task).send().await.refused("AccessDenied");
}

/// `PowerUserAccess` lets its users make service-linked roles and no others. They must not be able to keep an administrator from
/// making roles, nor to make roles without end.
#[tokio::test]
async fn whoever_may_make_nothing_else_neither_takes_others_room_nor_makes_them_without_end() {
    let (world, broker) = World::begin_with(Backend::Sqlite, |config| config.quotas.roles = 2).await;
    let root = world.root.at(&broker);
    let mallory = root.user_with("mallory", &allow("notes:Read", "*")).await;
    let attach = root.iam.attach_user_policy().user_name("mallory");
    attach.policy_arn("arn:aws:iam::aws:policy/PowerUserAccess").send().await.granted();
    let mallory = mallory.iam(&broker);
    let make = |service: &str| mallory.create_service_linked_role().aws_service_name(service).send();
    let full = "Cannot exceed quota for ServiceLinkedRolesPerAccount: 2";
    make("one.example.com").await.granted();
    make("two.example.com").await.granted();
    assert_eq!(make("three.example.com").await.refused("LimitExceeded"), full);

    let trusting = trust(&root.account.to_string(), &["sts:AssumeRole"], None);
    root.role("one", &trusting, "").await;
    root.role("two", &trusting, "").await;
    let third = root.iam.create_role().role_name("three").assume_role_policy_document(&trusting).send();
    assert_eq!(third.await.refused("LimitExceeded"), "Cannot exceed quota for RolesPerAccount: 2");
    let told = root.iam.get_account_summary().send().await.granted();
    let roles = |(key, value): (&aws_sdk_iam::types::SummaryKeyType, &i32)| (key.as_str() == "Roles").then_some(*value);
    assert_eq!(told.summary_map().expect("a summary").iter().find_map(roles), Some(4), "they are roles all the same");

    // What goes makes room, of its own kind.
    let delete = |name: &str| mallory.delete_service_linked_role().role_name(name).send();
    let first = delete("AWSServiceRoleForOneExampleCom").await.granted().deletion_task_id().to_owned();
    make("one.example.com").await.granted();
    assert_eq!(make("three.example.com").await.refused("LimitExceeded"), full);
    // A later deletion of the same role takes nothing from the task of an earlier one.
    delete("AWSServiceRoleForOneExampleCom").await.granted();
    let status = root.iam.get_service_linked_role_deletion_status().deletion_task_id(&first).send().await.granted();
    assert_eq!(status.status().as_str(), "SUCCEEDED");
}
