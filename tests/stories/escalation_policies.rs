//! Escalation by policies: new versions, attachments, inline policies, groups, trust policies, roles that are passed on.

use serde_json::json;

use super::escalation::{ADMINISTRATOR, Scene, begin};
use crate::world::policies::{allow, document, statement, trust};
use crate::world::{Actor, Outcome};

/// Who may write versions of one policy writes none of another; whoever has that one policy becomes what they write, as at AWS,
/// up to their boundary.
#[tokio::test]
async fn a_new_version_of_a_policy() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let own = scene.root.policy("own", &allow("iam:GetGroup", "*")).await;
    let crew = scene.root.policy("crew", &allow("iam:GetGroup", "*")).await;
    scene.root.group("crew", "").await;
    scene.root.iam.attach_group_policy().group_name("crew").policy_arn(&crew).send().await.granted();
    let ann = scene.root.user_with("ann", &allow("iam:CreatePolicyVersion", &own)).await;
    scene.root.join("ann", "crew").await;
    scene.root.iam.attach_user_policy().user_name("ann").policy_arn(&own).send().await.granted();
    let all = allow("*", "*");
    scene
        .refuses(
            &ann,
            requests! {
                "CreatePolicyVersion PolicyArn={crew} PolicyDocument={all} SetAsDefault=true";
                "CreatePolicyVersion PolicyArn={} PolicyDocument={all} SetAsDefault=true", scene.arn("policy/OWN");
                "CreatePolicyVersion PolicyArn={} PolicyDocument={all} SetAsDefault=true", scene.arn("policy/x/own");
                "CreatePolicyVersion PolicyArn={ADMINISTRATOR} PolicyDocument={all} SetAsDefault=true";
                "SetDefaultPolicyVersion PolicyArn={own} VersionId=v1";
                "DeletePolicyVersion PolicyArn={own} VersionId=v1";
                "DeletePolicy PolicyArn={own}";
                "ListUsers";
            },
        )
        .await;
    // With a boundary she gains nothing by it ...
    let boundary = scene.root.policy("boundary", &allow("iam:CreatePolicyVersion", "*")).await;
    let bound = scene.root.iam.put_user_permissions_boundary().user_name("ann").permissions_boundary(&boundary);
    bound.send().await.granted();
    scene
        .grants(&ann, requests! { "CreatePolicyVersion PolicyArn={own} PolicyDocument={all} SetAsDefault=true" })
        .await;
    scene.refuses(&ann, requests! { "ListUsers"; "DeleteUserPermissionsBoundary UserName=ann" }).await;
    // ... and without she has what it says: who may write her policy may write anything into it.
    scene.root.iam.delete_user_permissions_boundary().user_name("ann").send().await.granted();
    scene.grants(&ann, requests! { "ListUsers" }).await;
}

#[tokio::test]
async fn an_older_version_of_a_policy() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let own = scene.root.policy("own", &allow("iam:*", "*")).await;
    let other = scene.root.policy("other", &allow("iam:*", "*")).await;
    let narrow = allow("iam:GetGroup", "*");
    for arn in [&own, &other] {
        let version = scene.root.iam.create_policy_version().policy_arn(arn).policy_document(&narrow);
        version.set_as_default(true).send().await.granted();
    }
    let ann = scene.root.user_with("ann", &allow("iam:SetDefaultPolicyVersion", &own)).await;
    for arn in [&own, &other] {
        scene.root.iam.attach_user_policy().user_name("ann").policy_arn(arn).send().await.granted();
    }
    scene
        .refuses(
            &ann,
            requests! {
                "SetDefaultPolicyVersion PolicyArn={other} VersionId=v1";
                "CreatePolicyVersion PolicyArn={own} PolicyDocument={narrow}";
                "ListUsers";
            },
        )
        .await;
    // The version that was left behind on the policy that she may switch is hers to take: delete such versions.
    scene.root.iam.delete_policy_version().policy_arn(&own).version_id("v1").send().await.granted();
    scene.fails(&ann, "NoSuchEntity", requests! { "SetDefaultPolicyVersion PolicyArn={own} VersionId=v1" }).await;
    scene.refuses(&ann, requests! { "ListUsers" }).await;
    let wide = scene.root.iam.create_policy_version().policy_arn(&own).policy_document(allow("iam:*", "*"));
    wide.send().await.granted();
    scene.grants(&ann, requests! { "SetDefaultPolicyVersion PolicyArn={own} VersionId=v3"; "ListUsers" }).await;
}

#[tokio::test]
async fn a_policy_that_is_attached() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let readers = scene.root.policy("readers", &allow("iam:ListGroups", "*")).await;
    let namesake = scene.root.policy("ReadOnlyAccess", &allow("*", "*")).await;
    let theirs = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let attaching = ["iam:AttachUserPolicy", "iam:AttachGroupPolicy", "iam:AttachRolePolicy"];
    let policy = document([json!({ "Effect": "Allow", "Action": attaching, "Resource": scene.arn("*/team/*"),
        "Condition": { "ArnEquals": { "iam:PolicyARN": [readers, theirs] } } })]);
    let ann = scene.root.user_with("ann", &policy).await;
    let trusting = trust(&scene.root.account.to_string(), &["sts:AssumeRole"], None);
    let iam = &scene.root.iam;
    iam.create_user().user_name("tim").path("/team/").send().await.granted();
    iam.create_group().group_name("team").path("/team/").send().await.granted();
    let role = iam.create_role().role_name("team").path("/team/").assume_role_policy_document(&trusting);
    role.send().await.granted();
    scene.root.group("crew", "").await;
    scene.root.role("worker", &trusting, "").await;
    let mut tried = Vec::new();
    for what in ["AttachUserPolicy UserName=tim", "AttachGroupPolicy GroupName=team", "AttachRolePolicy RoleName=team"]
    {
        // Not AWS's policy of all permissions, and not one of the account that is called as one that she may attach.
        tried.extend([ADMINISTRATOR, &namesake, &theirs.to_uppercase()].map(|arn| format!("{what} PolicyArn={arn}")));
    }
    for what in
        ["AttachUserPolicy UserName=ann", "AttachGroupPolicy GroupName=crew", "AttachRolePolicy RoleName=worker"]
    {
        tried.push(format!("{what} PolicyArn={readers}"));
    }
    scene.refuses(&ann, &tried).await;
    scene
        .grants(
            &ann,
            requests! {
                "AttachUserPolicy UserName=tim PolicyArn={readers}";
                "AttachGroupPolicy GroupName=team PolicyArn={theirs}";
                "AttachRolePolicy RoleName=team PolicyArn={readers}";
            },
        )
        .await;
    // What takes a denial away is a change too.
    scene.refuses(&ann, requests! { "DetachUserPolicy UserName=tim PolicyArn={readers}" }).await;
}

#[tokio::test]
async fn an_inline_policy() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let trusting = trust(&scene.root.account.to_string(), &["sts:AssumeRole"], None);
    let putting = ["iam:PutUserPolicy", "iam:PutGroupPolicy", "iam:PutRolePolicy"];
    let policy = document([json!({ "Effect": "Allow", "Action": putting, "Resource": scene.arn("*/team/*") })]);
    let ann = scene.root.user_with("ann", &policy).await;
    scene.root.group("crew", "").await;
    scene.root.join("ann", "crew").await;
    scene.root.role("worker", &trusting, "").await;
    scene.root.iam.create_user().user_name("tim").path("/team/").send().await.granted();
    let all = allow("*", "*");
    scene
        .refuses(
            &ann,
            requests! {
                "PutUserPolicy UserName=ann PolicyName=own PolicyDocument={all}";
                "PutUserPolicy UserName=ANN PolicyName=new PolicyDocument={all}";
                "PutGroupPolicy GroupName=crew PolicyName=new PolicyDocument={all}";
                "PutRolePolicy RoleName=worker PolicyName=new PolicyDocument={all}";
                "DeleteUserPolicy UserName=tim PolicyName=none";
                "ListUsers";
            },
        )
        .await;
    scene.grants(&ann, requests! { "PutUserPolicy UserName=TIM PolicyName=new PolicyDocument={all}" }).await;
}

#[tokio::test]
async fn a_group_that_one_joins() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let ann = scene.root.user_with("ann", &allow("iam:AddUserToGroup", &scene.arn("group/interns"))).await;
    scene.root.group("interns", &allow("iam:ListGroups", "*")).await;
    scene.root.group("admins", &allow("*", "*")).await;
    scene.root.iam.create_group().group_name("interns2").path("/interns/").send().await.granted();
    scene
        .refuses(
            &ann,
            requests! {
                "AddUserToGroup GroupName=admins UserName=ann";
                "AddUserToGroup GroupName=ADMINS UserName=ann";
                "AddUserToGroup GroupName=interns2 UserName=ann";
                "RemoveUserFromGroup GroupName=interns UserName=ann";
                "UpdateGroup GroupName=admins NewGroupName=interns3";
                "ListUsers";
            },
        )
        .await;
    scene.grants(&ann, requests! { "AddUserToGroup GroupName=INTERNS UserName=ann"; "ListGroups" }).await;
}

#[tokio::test]
async fn a_trust_policy() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let ann = scene.root.user_with("ann", &allow("iam:UpdateAssumeRolePolicy", &scene.arn("role/apps/*"))).await;
    let nobody = trust(
        &world.root.account.to_string(),
        &["sts:AssumeRole"],
        Some(json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } })),
    );
    let admin = scene.root.role("admin", &nobody, &allow("*", "*")).await;
    let app = scene.root.iam.create_role().role_name("app").path("/apps/").assume_role_policy_document(&nobody);
    let app = app.send().await.granted().role().expect("a role").arn().to_owned();
    let opened = trust(&ann.arn, &["sts:AssumeRole"], None);
    scene
        .refuses(
            &ann,
            requests! {
                "UpdateAssumeRolePolicy RoleName=admin PolicyDocument={opened}";
                "UpdateAssumeRolePolicy RoleName=Admin PolicyDocument={opened}";
                "CreateRole RoleName=mine Path=/apps/ AssumeRolePolicyDocument={opened}";
                "PutRolePolicy RoleName=app PolicyName=all PolicyDocument={}", allow("*", "*");
                "UpdateRole RoleName=app MaxSessionDuration=43200";
                "AssumeRole RoleArn={admin} RoleSessionName=desk";
                "AssumeRole RoleArn={app} RoleSessionName=desk";
            },
        )
        .await;
    scene
        .grants(
            &ann,
            requests! {
                "UpdateAssumeRolePolicy RoleName=app PolicyDocument={opened}";
                "AssumeRole RoleArn={app} RoleSessionName=desk";
            },
        )
        .await;
}

/// Only bounded roles are hers to open, to change and to delete.
#[tokio::test]
async fn a_trust_policy_of_a_role_that_no_boundary_holds() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let boundary = scene.root.policy("boundary", &allow("iam:ListGroups", "*")).await;
    let roles =
        ["iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription", "iam:DeleteRole", "iam:GetRole"];
    let policy = document([json!({ "Effect": "Allow", "Action": roles, "Resource": "*",
        "Condition": { "ArnEquals": { "iam:PermissionsBoundary": boundary } } })]);
    let ann = scene.root.user_with("ann", &policy).await;
    let nobody = trust("arn:aws:iam::111122223333:root", &["sts:AssumeRole"], None);
    scene.root.role("free", &nobody, &allow("*", "*")).await;
    scene.root.role("held", &nobody, &allow("*", "*")).await;
    let bound = scene.root.iam.put_role_permissions_boundary().role_name("held").permissions_boundary(&boundary);
    bound.send().await.granted();
    let opened = trust(&ann.arn, &["sts:AssumeRole"], None);
    let everything = |role: &str| {
        [
            format!("GetRole RoleName={role}"),
            format!("UpdateRole RoleName={role} Description=mine"),
            format!("UpdateRoleDescription RoleName={role} Description=mine"),
            format!("UpdateAssumeRolePolicy RoleName={role} PolicyDocument={opened}"),
        ]
    };
    scene.refuses(&ann, &everything("free")).await;
    scene.refuses(&ann, requests! { "DeleteRole RoleName=free" }).await;
    scene.grants(&ann, &everything("held")).await;
    // She takes the held role on, and has no more than the boundary.
    let held = ann.sts(&broker).assume_role().role_arn(scene.arn("role/held")).role_session_name("desk").send().await;
    let held = crate::world::Session::of(held.granted().credentials());
    scene.grants(&held, requests! { "ListGroups" }).await;
    scene.refuses(&held, requests! { "ListUsers"; "DeleteRolePermissionsBoundary RoleName=held" }).await;
}

#[tokio::test]
async fn a_role_that_is_passed_on() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let trusting = trust(&scene.root.account.to_string(), &["sts:AssumeRole"], None);
    for role in ["admin", "worker", "batch"] {
        scene.root.role(role, &trusting, "").await;
    }
    for profile in ["one", "two"] {
        scene.root.iam.create_instance_profile().instance_profile_name(profile).send().await.granted();
    }
    let pass = |role: &str, service: &str| {
        json!({ "Effect": "Allow", "Action": "iam:PassRole", "Resource": scene.arn(role),
            "Condition": { "StringEquals": { "iam:PassedToService": service } } })
    };
    let policy = document([
        statement("Allow", "iam:AddRoleToInstanceProfile", &scene.arn("instance-profile/one")),
        pass("role/worker", "ec2.amazonaws.com"),
        pass("role/batch", "lambda.amazonaws.com"),
    ]);
    let ann = scene.root.user_with("ann", &policy).await;
    scene
        .refuses(
            &ann,
            requests! {
                "AddRoleToInstanceProfile InstanceProfileName=one RoleName=admin";
                "AddRoleToInstanceProfile InstanceProfileName=one RoleName=batch";
                "AddRoleToInstanceProfile InstanceProfileName=two RoleName=worker";
                "RemoveRoleFromInstanceProfile InstanceProfileName=one RoleName=worker";
            },
        )
        .await;
    let passer = scene.root.user_with("passer", &allow("iam:PassRole", "*")).await;
    scene.refuses(&passer, requests! { "AddRoleToInstanceProfile InstanceProfileName=one RoleName=worker" }).await;
    scene.grants(&ann, requests! { "AddRoleToInstanceProfile InstanceProfileName=one RoleName=WORKER" }).await;
}
