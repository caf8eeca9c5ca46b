//! The management account of an organization acts as another account's root user, for one task.

use aws_sdk_sts::types::PolicyDescriptorType;
use serde_json::{Value, json};

use super::federation::{Service, events};
use crate::world::policies::{allow, document, statement, trust};
use crate::world::{Actor, Backend, Outcome, Root, Running, Session, User, World};

on_both_stores! {
    the_management_account_audits_and_deletes_root_credentials_of_a_member => credentials;
}

const AUDIT: &str = "IAMAuditRootUserCredentials";
const DELETE: &str = "IAMDeleteRootUserCredentials";
const PASSWORD: &str = "IAMCreateRootUserPassword";
const BUCKET: &str = "S3UnlockBucketPolicy";
const QUEUE: &str = "SQSUnlockQueuePolicy";
const TASKS: [&str; 5] = [AUDIT, PASSWORD, DELETE, BUCKET, QUEUE];

fn task(name: &str) -> PolicyDescriptorType {
    PolicyDescriptorType::builder().arn(format!("arn:aws:iam::aws:policy/root-task/{name}")).build()
}

fn asked(
    who: &impl Actor,
    target: &str,
    name: &str,
    at: &Running,
) -> aws_sdk_sts::operation::assume_root::builders::AssumeRootFluentBuilder {
    who.sts(at).assume_root().target_principal(target).task_policy_arn(task(name))
}

async fn code(who: &impl Actor, target: &str, name: &str, at: &Running) -> String {
    asked(who, target, name, at).send().await.code()
}

pub async fn as_root(who: &impl Actor, member: &Root, name: &str, at: &Running) -> Session {
    let given = asked(who, &member.account.to_string(), name, at).send().await.granted();
    Session::of(given.credentials())
}

/// An administrator of the management account, and a member, with both features on.
pub async fn organization(world: &World, broker: &Running) -> (User, Root) {
    let root = world.root.at(broker);
    let member = world.another_account("member").await;
    root.iam.enable_organizations_root_sessions().send().await.granted();
    root.iam.enable_organizations_root_credentials_management().send().await.granted();
    (root.user_with("administrator", &allow("*", "*")).await, member)
}

async fn credentials(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let administrator = root.user_with("administrator", &allow("*", "*")).await;
    let member = world.another_account("member").await;
    let number = member.account.to_string();
    let arn = format!("arn:aws:iam::{number}:root");
    // Each task waits for the feature that it is part of.
    for name in TASKS {
        assert_eq!(code(&administrator, &number, name, &broker).await, "AccessDenied", "{name}");
    }
    root.iam.enable_organizations_root_credentials_management().send().await.granted();
    for (name, expected) in [(AUDIT, "Ok"), (DELETE, "Ok"), (PASSWORD, "AccessDenied"), (BUCKET, "AccessDenied")] {
        assert_eq!(code(&administrator, &number, name, &broker).await, expected, "{name}");
    }
    root.iam.disable_organizations_root_credentials_management().send().await.granted();
    root.iam.enable_organizations_root_sessions().send().await.granted();
    for (name, expected) in [(AUDIT, "AccessDenied"), (PASSWORD, "Ok"), (BUCKET, "Ok"), (QUEUE, "Ok")] {
        assert_eq!(code(&administrator, &number, name, &broker).await, expected, "{name}");
    }
    root.iam.enable_organizations_root_credentials_management().send().await.granted();

    // By number or ARN; the session is root, for a quarter of an hour.
    let given = asked(&administrator, &arn, AUDIT, &broker).send().await.granted();
    let audit = Session::of(given.credentials());
    assert_eq!((audit.expires - world.now().seconds(), given.source_identity()), (900, None));
    let me = audit.sts(&broker).get_caller_identity().send().await.granted();
    assert_eq!(
        (me.arn(), me.user_id(), me.account()),
        (Some(arn.as_str()), Some(number.as_str()), Some(number.as_str()))
    );

    let iam = audit.iam(&broker);
    let keys = iam.list_access_keys().send().await.granted();
    let key = keys.access_key_metadata()[0].access_key_id().expect("an id").to_owned();
    assert_eq!(key, member.keys.id);
    assert_eq!(iam.get_user().send().await.granted().user().map(|user| user.arn()), Some(arn.as_str()));
    iam.get_access_key_last_used().access_key_id(&key).send().await.granted();
    iam.get_account_summary().send().await.granted();
    assert!(iam.list_mfa_devices().send().await.granted().mfa_devices().is_empty());
    assert!(iam.list_signing_certificates().send().await.granted().certificates().is_empty());
    let told = iam.get_login_profile().send().await.refused("NoSuchEntity");
    assert_eq!(told, format!("Login Profile for User {number} cannot be found."));
    iam.delete_access_key().access_key_id(&key).send().await.refused("AccessDenied");

    let delete = as_root(&administrator, &member, DELETE, &broker).await.iam(&broker);
    delete.delete_login_profile().send().await.refused("NoSuchEntity");
    let device = format!("arn:aws:iam::{number}:mfa/root");
    delete.deactivate_mfa_device().serial_number(&device).send().await.refused("NoSuchEntity");
    delete.delete_access_key().access_key_id(&key).send().await.granted();
    assert!(delete.list_access_keys().send().await.granted().access_key_metadata().is_empty());
    member.sts(&broker).get_caller_identity().send().await.refused("InvalidClientTokenId");
    // Root users have no passwords here, and that is what is said.
    let password = as_root(&administrator, &member, PASSWORD, &broker).await.iam(&broker);
    password.create_login_profile().send().await.refused("NotImplemented");
    password.get_login_profile().send().await.refused("NoSuchEntity");
    // The session ends at its second.
    world.advance(900);
    audit.sts(&broker).get_caller_identity().send().await.refused("ExpiredToken");
}

#[tokio::test]
async fn a_root_session_does_nothing_but_its_task() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (administrator, member) = organization(&world, &broker).await;
    let theirs = member.at(&broker);
    let victim = theirs.user("victim").await;
    let everybody = trust(&member.account.to_string(), &["sts:AssumeRole"], None);
    let role = theirs.role("any", &everybody, &allow("*", "*")).await;
    let service = Service::of(&world.root.at(&broker)).await;
    let their_service = Service::of(&theirs).await;
    for name in TASKS {
        let session = as_root(&administrator, &member, name, &broker).await;
        let iam = session.iam(&broker);
        let codes = [
            iam.list_users().send().await.code(),
            iam.create_access_key().send().await.code(),
            iam.create_access_key().user_name("victim").send().await.code(),
            iam.list_access_keys().user_name("victim").send().await.code(),
            iam.delete_access_key().user_name("victim").access_key_id(&victim.keys.id).send().await.code(),
            iam.get_login_profile().user_name("victim").send().await.code(),
            iam.delete_login_profile().user_name("victim").send().await.code(),
            iam.get_user().user_name("victim").send().await.code(),
            iam.create_user().user_name("mole").send().await.code(),
            iam.put_user_policy()
                .user_name("victim")
                .policy_name("p")
                .policy_document(allow("*", "*"))
                .send()
                .await
                .code(),
            iam.enable_organizations_root_sessions().send().await.code(),
        ];
        assert!(codes.iter().all(|code| code == "AccessDenied"), "{name}: {codes:?}");
        let sts = session.sts(&broker);
        let codes = [
            sts.get_session_token().send().await.code(),
            sts.get_federation_token().name("Eve").policy(allow("*", "*")).send().await.code(),
            sts.assume_role().role_arn(&role).role_session_name("work").send().await.code(),
            sts.get_access_key_info().access_key_id(&victim.keys.id).send().await.code(),
            code(&session, &world.root.account.to_string(), name, &broker).await,
            code(&session, &member.account.to_string(), name, &broker).await,
        ];
        assert!(codes.iter().all(|code| code == "AccessDenied"), "{name}: {codes:?}");
        // What services ask about it: they hear of root and of its task.
        let bucket = "arn:aws:s3:::ledger";
        assert_eq!(their_service.allows_on(&session, "s3:DeleteBucketPolicy", bucket).await, name == BUCKET, "{name}");
        assert!(!their_service.allows_on(&session, "s3:GetObject", "arn:aws:s3:::ledger/k").await, "{name}");
        let queue = format!("arn:aws:sqs:us-east-1:{}:orders", member.account);
        assert_eq!(their_service.allows_on(&session, "sqs:SetQueueAttributes", &queue).await, name == QUEUE, "{name}");
        let elses = format!("arn:aws:sqs:us-east-1:{}:orders", world.root.account);
        assert!(!their_service.allows_on(&session, "sqs:GetQueueAttributes", &elses).await, "{name}");
        assert!(!service.allows(&session, "reports:Read").await, "{name}: another account's service hears nothing");
    }
    assert_eq!(theirs.iam.list_users().send().await.granted().users().len(), 2, "victim and the service");
}

#[tokio::test]
async fn who_may_not_enter_an_account_as_root() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (administrator, member) = organization(&world, &broker).await;
    let root = world.root.at(&broker);
    let (own, theirs) = (root.account.to_string(), member.account.to_string());
    // Not the root user, nobody into the management account itself, and not into an account that is not there.
    let sentence = |arn: &str, account: &str| {
        format!("User: {arn} is not authorized to perform: sts:AssumeRoot on resource: arn:aws:iam::{account}:root")
    };
    let told = asked(&world.root, &theirs, AUDIT, &broker).send().await.refused("AccessDenied");
    assert_eq!(told, sentence(&format!("arn:aws:iam::{own}:root"), &theirs));
    let told = asked(&administrator, &own, AUDIT, &broker).send().await.refused("AccessDenied");
    assert_eq!(told, sentence(&administrator.arn, &own));
    let told = asked(&administrator, "999999999999", AUDIT, &broker).send().await.refused("AccessDenied");
    assert_eq!(told, sentence(&administrator.arn, "999999999999"));
    // Members do not enter one another, nor the management account.
    let neighbour = world.another_account("neighbour").await;
    let mighty = member.at(&broker).user_with("mighty", &allow("*", "*")).await;
    for account in [&own, &theirs, &neighbour.account.to_string()] {
        assert_eq!(code(&mighty, account, AUDIT, &broker).await, "AccessDenied", "{account}");
        assert_eq!(code(&member, account, AUDIT, &broker).await, "AccessDenied", "{account}");
    }
    // A session of the user's own may not call it; one of a role may.
    let session = root.session_with_mfa(&administrator).await;
    assert_eq!(code(&session, &theirs, AUDIT, &broker).await, "AccessDenied");
    let trusted = trust(&administrator.arn, &["sts:AssumeRole", "sts:SetSourceIdentity"], None);
    let role = root.role("root-access", &trusted, &allow("sts:AssumeRoot", "*")).await;
    let assume = administrator.sts(&broker).assume_role().role_arn(&role).role_session_name("work");
    let assumed = assume.source_identity("ann@hq").send().await.granted();
    let assumed = Session::of(assumed.credentials());
    let given = asked(&assumed, &theirs, AUDIT, &broker).send().await.granted();
    assert_eq!(given.source_identity(), Some("ann@hq"));
    // Switched off, it is over at once for whoever has no session yet.
    root.iam.disable_organizations_root_credentials_management().send().await.granted();
    assert_eq!(code(&administrator, &theirs, AUDIT, &broker).await, "AccessDenied");
}

#[tokio::test]
async fn policies_say_whose_root_user_and_for_which_task() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (administrator, member) = organization(&world, &broker).await;
    let other = world.another_account("other").await;
    let root = world.root.at(&broker);
    let (theirs, others) = (member.account.to_string(), other.account.to_string());
    let mut only = statement("Allow", "sts:AssumeRoot", &format!("arn:aws:iam::{theirs}:root"));
    only["Condition"] = json!({
        "ArnEquals": { "sts:TaskPolicyArn": format!("arn:aws:iam::aws:policy/root-task/{AUDIT}") },
        "StringEquals": { "aws:ResourceAccount": theirs },
    });
    let auditor = root.user_with("auditor", &document([only])).await;
    assert_eq!(code(&auditor, &theirs, AUDIT, &broker).await, "Ok");
    assert_eq!(code(&auditor, &theirs, DELETE, &broker).await, "AccessDenied");
    assert_eq!(code(&auditor, &others, AUDIT, &broker).await, "AccessDenied");
    let nobody = root.user("nobody").await;
    assert_eq!(code(&nobody, &theirs, AUDIT, &broker).await, "AccessDenied");
    // No policy but those of the tasks makes a root session, whoever wrote it.
    let everything = root.policy("everything", &allow("*", "*")).await;
    for wrong in [
        everything.as_str(),
        "arn:aws:iam::aws:policy/AdministratorAccess",
        "arn:aws:iam::aws:policy/IAMAuditRootUserCredentials",
        "arn:aws:iam::aws:policy/root-task/AdministratorAccess",
        "arn:aws-cn:iam::aws:policy/root-task/IAMAuditRootUserCredentials",
        "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials ",
    ] {
        let wrong = PolicyDescriptorType::builder().arn(wrong).build();
        let call = administrator.sts(&broker).assume_root().target_principal(&theirs).task_policy_arn(wrong);
        call.send().await.refused("ValidationError");
    }
    let none = PolicyDescriptorType::builder().build();
    let call = administrator.sts(&broker).assume_root().target_principal(&theirs).task_policy_arn(none);
    call.send().await.refused("ValidationError");
    for wrong in
        ["12345678901", "arn:aws:iam::123456789012:user/x", "arn:aws-cn:iam::123456789012:root", "123456789012x"]
    {
        assert_eq!(code(&administrator, wrong, AUDIT, &broker).await, "ValidationError", "{wrong}");
    }
    let for_seconds = |seconds| asked(&administrator, &theirs, AUDIT, &broker).duration_seconds(seconds).send();
    for_seconds(901).await.refused("ValidationError");
    for_seconds(-1).await.refused("ValidationError");
    let short = Session::of(for_seconds(60).await.granted().credentials());
    assert_eq!(short.expires - world.now().seconds(), 60);
    // Zero is within AWS's range, and of no use: the shortest that there is.
    let none = Session::of(for_seconds(0).await.granted().credentials());
    assert_eq!(none.expires - world.now().seconds(), 1);
}

#[tokio::test]
async fn the_trail_tells_that_root_was_assumed() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (administrator, member) = organization(&world, &broker).await;
    let session = as_root(&administrator, &member, AUDIT, &broker).await;
    session.iam(&broker).list_access_keys().send().await.granted();
    let made = &events(&broker, "AssumeRoot", 1).await[0];
    assert_eq!(made["userIdentity"]["arn"], administrator.arn.as_str());
    assert_eq!(made["requestParameters"]["targetPrincipal"], member.account.to_string());
    assert_eq!(
        made["requestParameters"]["taskPolicyArn"]["arn"],
        "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"
    );
    assert_eq!(made["responseElements"]["credentials"]["accessKeyId"], session.keys.id.as_str());
    assert_eq!(made["responseElements"]["credentials"]["sessionToken"], "HIDDEN_DUE_TO_SECURITY_REASONS");
    let used: &Value = &events(&broker, "ListAccessKeys", 1).await[0];
    assert_eq!(used["userIdentity"]["type"], "Root");
    assert_eq!(used["userIdentity"]["accessKeyId"], session.keys.id.as_str());
    assert_eq!(used["userIdentity"]["sessionContext"]["assumedRoot"], "true");
    assert_eq!(used["recipientAccountId"], member.account.to_string());
    // Who acted stands in the token, as for roles.
    let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(session.token()).expect("a JWT").claims;
    assert_eq!((&claims["act"]["sub"], &claims["kind"]), (&json!(administrator.arn), &json!("rt")));
}
