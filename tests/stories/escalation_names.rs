//! Escalation by names: entities that move to where a policy looks, or that take the name of another.

use serde_json::json;

use super::escalation::{ADMINISTRATOR, Scene, begin};
use crate::world::policies::{allow, document, trust};
use crate::world::{Actor, Outcome};

/// Who may rename below one path moves nothing in and nothing out.
#[tokio::test]
async fn what_moves_to_another_path() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let renaming = [
        "iam:UpdateUser",
        "iam:UpdateGroup",
        "iam:UpdateServerCertificate",
        "iam:CreateAccessKey",
        "iam:AddUserToGroup",
    ];
    let policy = document([json!({ "Effect": "Allow", "Action": renaming, "Resource": scene.arn("*/interns/*") })]);
    let ann = scene.root.user_with("ann", &policy).await;
    let iam = &scene.root.iam;
    for (name, path) in [("boss", "/admins/"), ("tim", "/interns/")] {
        iam.create_user().user_name(name).path(path).send().await.granted();
    }
    for (name, path) in [("admins", "/admins/"), ("team", "/interns/")] {
        iam.create_group().group_name(name).path(path).send().await.granted();
    }
    for (name, path) in [("www", "/admins/"), ("test", "/interns/")] {
        let made = super::server_certificates::own("www.example.com", world.now());
        let upload = iam.upload_server_certificate().server_certificate_name(name).path(path);
        upload.certificate_body(&made.pem).private_key(made.key()).send().await.granted();
    }
    scene
        .refuses(
            &ann,
            requests! {
                "UpdateServerCertificate ServerCertificateName=www NewPath=/interns/";
                "UpdateServerCertificate ServerCertificateName=test NewPath=/admins/";
                "UpdateServerCertificate ServerCertificateName=test NewPath=/ NewServerCertificateName=own";
                "UpdateUser UserName=boss NewPath=/interns/";
                "UpdateUser UserName=boss NewUserName=bossy";
                "UpdateUser UserName=ann NewPath=/interns/";
                "UpdateUser UserName=tim NewPath=/admins/";
                "UpdateUser UserName=tim NewPath=/";
                "UpdateUser UserName=tim NewPath=/internship/";
                "UpdateGroup GroupName=admins NewPath=/interns/";
                "UpdateGroup GroupName=team NewPath=/admins/";
                "UpdateGroup GroupName=team NewGroupName=crew NewPath=/";
                "CreateAccessKey UserName=boss";
                "AddUserToGroup GroupName=admins UserName=ann";
            },
        )
        .await;
    scene
        .grants(
            &ann,
            requests! {
                "UpdateUser UserName=tim NewUserName=timothy NewPath=/interns/old/";
                "UpdateGroup GroupName=team NewPath=/interns/old/";
                "UpdateServerCertificate ServerCertificateName=test NewPath=/interns/old/";
                "CreateAccessKey UserName=timothy";
                "AddUserToGroup GroupName=team UserName=ann";
            },
        )
        .await;
    scene.fails(&ann, "AccessDenied", requests! { "UpdateUser UserName=boss NewUserName=timothy" }).await;
}

/// Who may list one path lists that path, however the question is put.
#[tokio::test]
async fn a_list_of_another_path() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let listing = ["iam:ListUsers", "iam:ListGroups"];
    let policy = document([json!({ "Effect": "Allow", "Action": listing, "Resource": scene.arn("*/interns/*") })]);
    let ann = scene.root.user_with("ann", &policy).await;
    for (name, path) in [("boss", "/admins/"), ("tim", "/interns/"), ("tom", "/internship/")] {
        scene.root.iam.create_user().user_name(name).path(path).send().await.granted();
    }
    let prefixes = ["/", "/intern", "/interns", "/internship/", "/admins/"];
    let mut tried = vec!["ListUsers".to_owned(), "ListGroups".to_owned(), "ListRoles PathPrefix=/interns/".to_owned()];
    tried.extend(prefixes.map(|prefix| format!("ListUsers PathPrefix={prefix}")));
    scene.refuses(&ann, &tried).await;
    let first = scene.root.iam.list_users().path_prefix("/").max_items(1).send().await.granted();
    let marker = first.marker().expect("there is more").to_owned();
    // The mark of another list leads into no other path.
    for request in requests! { "ListUsers PathPrefix=/interns/"; "ListUsers PathPrefix=/interns/ Marker={marker}"; "ListGroups PathPrefix=/interns/" }
    {
        let answer = scene.tries(&ann, request).await;
        assert_eq!(answer.status, 200, "{request}: {answer:?}");
        assert!(!answer.body.contains("boss") && !answer.body.contains("tom"), "{request}: {answer:?}");
    }
}

/// Taking somebody's name does not take what policies give that name to whoever had it.
#[tokio::test]
async fn a_user_that_takes_anothers_name() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let bob = scene.root.user("bob").await;
    let admin = scene.root.role("admin", &trust(&bob.arn, &["sts:AssumeRole"], None), &allow("*", "*")).await;
    let making = ["iam:CreateUser", "iam:DeleteUser", "iam:UpdateUser", "iam:CreateAccessKey", "iam:DeleteAccessKey"];
    let policy = document([json!({ "Effect": "Allow", "Action": making, "Resource": "*" })]);
    let ann = scene.root.user_with("ann", &policy).await;
    scene.grants(&bob, requests! { "AssumeRole RoleArn={admin} RoleSessionName=desk" }).await;
    scene
        .fails(
            &ann,
            "EntityAlreadyExists",
            requests! { "UpdateUser UserName=ann NewUserName=bob"; "CreateUser UserName=BOB" },
        )
        .await;
    scene
        .grants(
            &ann,
            requests! {
                "DeleteAccessKey UserName=bob AccessKeyId={}", bob.keys.id;
                "DeleteUser UserName=bob";
                "CreateUser UserName=bob";
            },
        )
        .await;
    let again = scene.root.access_key("bob").await;
    scene.refuses(&again, requests! { "AssumeRole RoleArn={admin} RoleSessionName=desk" }).await;
    scene
        .grants(
            &ann,
            requests! { "UpdateUser UserName=bob NewUserName=bill"; "UpdateUser UserName=ann NewUserName=bob" },
        )
        .await;
    scene.refuses(&ann, requests! { "AssumeRole RoleArn={admin} RoleSessionName=desk" }).await;
    // Whoever manages the role says anew whom it trusts.
    let opened = trust(&scene.arn("user/bob"), &["sts:AssumeRole"], None);
    let update = scene.root.iam.update_assume_role_policy().role_name("admin").policy_document(opened);
    update.send().await.granted();
    scene.grants(&ann, requests! { "AssumeRole RoleArn={admin} RoleSessionName=desk" }).await;
    scene.refuses(&again, requests! { "AssumeRole RoleArn={admin} RoleSessionName=desk" }).await;
}

#[tokio::test]
async fn a_role_that_is_made_again_under_its_name() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let ann = scene.root.user_with("ann", &allow("iam:*Role", &scene.arn("role/step"))).await;
    let to_ann = trust(&ann.arn, &["sts:AssumeRole"], None);
    let step = scene.root.role("step", &to_ann, "").await;
    let admin = scene.root.role("admin", &trust(&step, &["sts:AssumeRole"], None), &allow("*", "*")).await;
    let session = async || {
        let assumed = ann.sts(&broker).assume_role().role_arn(&step).role_session_name("desk").send().await.granted();
        crate::world::Session::of(assumed.credentials())
    };
    let further = requests! { "AssumeRole RoleArn={admin} RoleSessionName=desk" };
    scene.grants(&session().await, further).await;
    scene
        .grants(
            &ann,
            requests! { "DeleteRole RoleName=step"; "CreateRole RoleName=step AssumeRolePolicyDocument={to_ann}" },
        )
        .await;
    scene.refuses(&session().await, further).await;
}

/// Two users swap their names: what a trust policy gives goes with the user, not with the name.
#[tokio::test]
async fn users_that_swap_their_names() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let bob = scene.root.user("bob").await;
    let ann = scene.root.user_with("ann", &allow("iam:UpdateUser", "*")).await;
    let admin = scene.root.role("admin", &trust(&bob.arn, &["sts:AssumeRole"], None), &allow("*", "*")).await;
    let rename = requests! {
        "UpdateUser UserName=bob NewUserName=bill";
        "UpdateUser UserName=ann NewUserName=bob";
        "UpdateUser UserName=bill NewUserName=ann"
    };
    scene.grants(&ann, rename).await;
    let assume = requests! { "AssumeRole RoleArn={admin} RoleSessionName=desk" };
    scene.refuses(&ann, assume).await;
    scene.grants(&bob, assume).await;
}

/// Policies of AWS's names in one's own account are one's own policies.
#[tokio::test]
async fn a_policy_that_is_called_as_one_of_awss() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let theirs = "arn:aws:iam::aws:policy/IAMReadOnlyAccess";
    let policies = allow("iam:*Policy*", "arn:aws:iam::*:policy/*");
    let ann = scene.root.user_with("ann", &policies).await;
    scene.root.iam.attach_user_policy().user_name("ann").policy_arn(theirs).send().await.granted();
    let all = allow("*", "*");
    let made = requests! { "CreatePolicy PolicyName=IAMReadOnlyAccess PolicyDocument={all}" };
    scene.grants(&ann, made).await;
    let own = scene.arn("policy/IAMReadOnlyAccess");
    scene.grants(&ann, requests! { "GetPolicy PolicyArn={own}"; "GetPolicy PolicyArn={theirs}"; "ListUsers" }).await;
    scene.refuses(&ann, requests! { "CreateUser UserName=new"; "AttachUserPolicy UserName=ann PolicyArn={own}" }).await;
    // Her permission reaches those too, and they are nobody's to change.
    for arn in [theirs, ADMINISTRATOR] {
        let changes =
            requests! { "CreatePolicyVersion PolicyArn={arn} PolicyDocument={all}"; "DeletePolicy PolicyArn={arn}" };
        scene.refuses(&ann, changes).await;
    }
    scene.refuses(&ann, requests! { "CreateUser UserName=new" }).await;
}
