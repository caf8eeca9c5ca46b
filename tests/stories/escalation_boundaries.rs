//! Escalation past permissions boundaries: somebody who may make and change users and roles, but only bounded ones.
//!
//! Source: "Delegating responsibility to others using permissions boundaries", `access_policies_boundaries` of the IAM user guide.

use serde_json::json;

use super::escalation::{ADMINISTRATOR, Scene, begin};
use crate::world::policies::{allow, document, statement, trust};
use crate::world::{Outcome, User};

/// Zhang, who delegates within the boundary; `bounded` and `worker` have it, `free` and `master` do not.
async fn zhang(scene: &Scene<'_>) -> (User, String) {
    let boundary = scene.root.policy("Boundary", &allow("notes:*", "*")).await;
    let with_it = [
        "iam:CreateUser",
        "iam:PutUserPolicy",
        "iam:DeleteUserPolicy",
        "iam:AttachUserPolicy",
        "iam:DetachUserPolicy",
        "iam:PutUserPermissionsBoundary",
        "iam:CreateRole",
        "iam:DeleteRole",
        "iam:PutRolePolicy",
        "iam:DeleteRolePolicy",
        "iam:AttachRolePolicy",
        "iam:DetachRolePolicy",
        "iam:UpdateAssumeRolePolicy",
        "iam:PutRolePermissionsBoundary",
    ];
    let protected =
        ["iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion"];
    let removing = ["iam:DeleteUserPermissionsBoundary", "iam:DeleteRolePermissionsBoundary"];
    let policy = document([
        json!({ "Effect": "Allow", "Action": with_it, "Resource": "*",
            "Condition": { "StringEquals": { "iam:PermissionsBoundary": boundary } } }),
        statement("Allow", "iam:*Policy*", &scene.arn("policy/*")),
        json!({ "Effect": "Allow", "Action": removing, "Resource": "*" }),
        json!({ "Effect": "Deny", "Action": protected, "Resource": boundary }),
        json!({ "Effect": "Deny", "Action": removing, "Resource": "*" }),
    ]);
    let zhang = scene.root.user_with("zhang", &policy).await;
    scene.root.user_with("free", &allow("iam:ListUsers", "*")).await;
    scene.root.user("bounded").await;
    let trusting = trust(&scene.root.account.to_string(), &["sts:AssumeRole"], None);
    scene.root.role("master", &trusting, &allow("*", "*")).await;
    scene.root.role("worker", &trusting, "").await;
    let iam = &scene.root.iam;
    iam.put_user_permissions_boundary().user_name("bounded").permissions_boundary(&boundary).send().await.granted();
    iam.put_role_permissions_boundary().role_name("worker").permissions_boundary(&boundary).send().await.granted();
    (zhang, boundary)
}

#[tokio::test]
async fn making_somebody_without_the_boundary() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let (zhang, boundary) = zhang(&scene).await;
    let loose = scene.root.policy("Loose", &allow("*", "*")).await;
    let trusting = trust(&zhang.arn, &["sts:AssumeRole"], None);
    let twin = boundary.replace("policy/Boundary", "policy/boundary");
    let elsewhere = boundary.replace("policy/Boundary", "policy/x/Boundary");
    let others = [loose.as_str(), twin.as_str(), elsewhere.as_str(), ADMINISTRATOR];
    let mut tried = vec![
        "CreateUser UserName=new".to_owned(),
        format!("CreateRole RoleName=new AssumeRolePolicyDocument={trusting}"),
    ];
    for other in others {
        tried.push(format!("CreateUser UserName=new PermissionsBoundary={other}"));
        tried.push(format!("CreateRole RoleName=new AssumeRolePolicyDocument={trusting} PermissionsBoundary={other}"));
        tried.push(format!("PutUserPermissionsBoundary UserName=bounded PermissionsBoundary={other}"));
        tried.push(format!("PutUserPermissionsBoundary UserName=zhang PermissionsBoundary={other}"));
        tried.push(format!("PutRolePermissionsBoundary RoleName=worker PermissionsBoundary={other}"));
    }
    scene.refuses(&zhang, &tried).await;
    scene
        .grants(
            &zhang,
            requests! {
                "CreateUser UserName=new PermissionsBoundary={boundary}";
                "CreateRole RoleName=new AssumeRolePolicyDocument={trusting} PermissionsBoundary={boundary}";
                "PutUserPermissionsBoundary UserName=free PermissionsBoundary={boundary}";
            },
        )
        .await;
}

#[tokio::test]
async fn taking_the_boundary_away_or_emptying_it() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let (zhang, boundary) = zhang(&scene).await;
    // A second version that would open everything lies ready.
    let version = scene.root.iam.create_policy_version().policy_arn(&boundary).policy_document(allow("*", "*"));
    version.send().await.granted();
    scene
        .refuses(
            &zhang,
            requests! {
                "DeleteUserPermissionsBoundary UserName=bounded";
                "DeleteUserPermissionsBoundary UserName=zhang";
                "DeleteRolePermissionsBoundary RoleName=worker";
                "CreatePolicyVersion PolicyArn={boundary} PolicyDocument={} SetAsDefault=true", allow("*", "*");
                "SetDefaultPolicyVersion PolicyArn={boundary} VersionId=v2";
                "DeletePolicyVersion PolicyArn={boundary} VersionId=v2";
                "DeletePolicy PolicyArn={boundary}";
                "DeleteUser UserName=bounded";
            },
        )
        .await;
    // A name that differs in case is not the policy that the denial names, and reaches none either.
    let twin = boundary.replace("policy/Boundary", "policy/boundary");
    scene
        .fails(
            &zhang,
            "NoSuchEntity",
            requests! { "SetDefaultPolicyVersion PolicyArn={twin} VersionId=v2"; "DeletePolicy PolicyArn={twin}" },
        )
        .await;
    // Other policies are hers to write.
    let own = scene.root.policy("own", &allow("notes:Read", "*")).await;
    let version = requests! { "CreatePolicyVersion PolicyArn={own} PolicyDocument={}", allow("notes:*", "*") };
    scene.grants(&zhang, version).await;
}

#[tokio::test]
async fn changing_those_whom_no_boundary_holds() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let (zhang, boundary) = zhang(&scene).await;
    let other = scene.root.policy("Other", &allow("*", "*")).await;
    scene.root.user_with("other", &allow("iam:ListUsers", "*")).await;
    let bound = scene.root.iam.put_user_permissions_boundary().user_name("other").permissions_boundary(&other);
    bound.send().await.granted();
    let trusting = trust(&zhang.arn, &["sts:AssumeRole"], None);
    let mut tried = vec![
        format!("UpdateAssumeRolePolicy RoleName=master PolicyDocument={trusting}"),
        "DeleteRolePolicy RoleName=master PolicyName=own".to_owned(),
        format!("PutRolePolicy RoleName=master PolicyName=own PolicyDocument={}", allow("*", "*")),
        format!("AttachRolePolicy RoleName=master PolicyArn={ADMINISTRATOR}"),
        "DeleteRole RoleName=master".to_owned(),
    ];
    for user in ["zhang", "free", "other", "ZHANG"] {
        tried.push(format!("PutUserPolicy UserName={user} PolicyName=own PolicyDocument={}", allow("*", "*")));
        tried.push(format!("DeleteUserPolicy UserName={user} PolicyName=own"));
        tried.push(format!("AttachUserPolicy UserName={user} PolicyArn={ADMINISTRATOR}"));
        tried.push(format!("DetachUserPolicy UserName={user} PolicyArn={ADMINISTRATOR}"));
    }
    scene.refuses(&zhang, &tried).await;
    // Whoever has the boundary gets what they like, and stays within it.
    scene
        .grants(
            &zhang,
            requests! {
                "AttachUserPolicy UserName=bounded PolicyArn={ADMINISTRATOR}";
                "PutRolePolicy RoleName=worker PolicyName=all PolicyDocument={}", allow("*", "*");
                "UpdateAssumeRolePolicy RoleName=worker PolicyDocument={trusting}";
                "PutUserPermissionsBoundary UserName=other PermissionsBoundary={boundary}";
                "AssumeRole RoleArn={} RoleSessionName=desk", scene.arn("role/worker");
            },
        )
        .await;
    let bounded = scene.root.access_key("bounded").await;
    scene.refuses(&bounded, requests! { "ListUsers"; "DeleteUserPermissionsBoundary UserName=bounded" }).await;
}

/// The policy is gone that a boundary names: then it bounds everything away, and nobody takes its name to lift it.
#[tokio::test]
async fn a_boundary_whose_policy_is_in_use_stays() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let boundary = scene.root.policy("boundary", &allow("iam:ListGroups", "*")).await;
    let ann = scene.root.user_with("ann", &allow("iam:*", "*")).await;
    let bound = scene.root.iam.put_user_permissions_boundary().user_name("ann").permissions_boundary(&boundary);
    bound.send().await.granted();
    let keeper = scene.root.user_with("keeper", &allow("iam:DeletePolicy", "*")).await;
    scene.fails(&keeper, "DeleteConflict", requests! { "DeletePolicy PolicyArn={boundary}" }).await;
    scene.refuses(&ann, requests! { "ListUsers"; "DeleteUserPermissionsBoundary UserName=ann" }).await;
    scene.grants(&ann, requests! { "ListGroups" }).await;
    // Once nobody has it, it goes.
    scene.root.iam.delete_user_permissions_boundary().user_name("ann").send().await.granted();
    scene.grants(&keeper, requests! { "DeletePolicy PolicyArn={boundary}" }).await;
}
