//! Escalation by names and tags: entities that move to where a policy looks, that take the name of another, or that give
//! themselves the tag that opens a door.

use serde_json::json;

use super::escalation::{ADMINISTRATOR, Scene, begin};
use crate::world::policies::{allow, document, statement, trust};
use crate::world::{Actor, Outcome};

fn tag(key: &str, value: &str) -> aws_sdk_iam::types::Tag {
    aws_sdk_iam::types::Tag::builder().key(key).value(value).build().expect("a tag")
}

/// Who has the tag `team=admin` may do everything; everybody may give themselves a nickname.
#[tokio::test]
async fn a_tag_that_opens_a_door() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let own = scene.arn("user/${aws:username}");
    let policy = document([
        json!({ "Effect": "Allow", "Action": ["iam:TagUser", "iam:UntagUser"], "Resource": own,
            "Condition": { "ForAllValues:StringEquals": { "aws:TagKeys": ["nickname"] } } }),
        json!({ "Effect": "Allow", "Action": "*", "Resource": "*",
            "Condition": { "StringEquals": { "aws:PrincipalTag/team": "admin" } } }),
    ]);
    let ann = scene.root.user_with("ann", &policy).await;
    scene.root.iam.tag_user().user_name("ann").tags(tag("team", "guest")).send().await.granted();
    scene.root.user("bob").await;
    let mut tried = vec![
        "TagUser UserName=bob Tags.member.1.Key=nickname Tags.member.1.Value=b".to_owned(),
        "TagUser UserName=ann Tags.member.1.Key=nickname Tags.member.1.Value=a Tags.member.2.Key=team Tags.member.2.Value=admin"
            .to_owned(),
        "UntagUser UserName=ann TagKeys.member.1=nickname TagKeys.member.2=team".to_owned(),
        "CreateUser UserName=new Tags.member.1.Key=team Tags.member.1.Value=admin".to_owned(),
        "ListUsers".to_owned(),
    ];
    for key in ["team", "Team", "TEAM", "aws:PrincipalTag/team"] {
        tried.push(format!("TagUser UserName=ann Tags.member.1.Key={key} Tags.member.1.Value=admin"));
        tried.push(format!("UntagUser UserName=ann TagKeys.member.1={key}"));
    }
    scene.refuses(&ann, &tried).await;
    scene
        .grants(
            &ann,
            requests! {
                "TagUser UserName=ann Tags.member.1.Key=nickname Tags.member.1.Value=admin";
                "UntagUser UserName=ann TagKeys.member.1=nickname";
            },
        )
        .await;
    scene.refuses(&ann, requests! { "ListUsers" }).await;
    // It is the tag that opens the door, in any case of its key.
    scene.root.iam.tag_user().user_name("ann").tags(tag("TEAM", "admin")).send().await.granted();
    scene.grants(&ann, requests! { "ListUsers" }).await;
}

/// A denial that names the tag in the request holds in any case of the key; and no other letter passes for one of it.
#[tokio::test]
async fn a_tag_that_a_denial_names() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let deny = |condition: serde_json::Value| json!({ "Effect": "Deny", "Action": ["iam:TagUser", "iam:UntagUser"], "Resource": "*", "Condition": condition });
    let policy = document([
        statement("Allow", "iam:TagUser", "*"),
        statement("Allow", "iam:UntagUser", "*"),
        deny(json!({ "Null": { "aws:RequestTag/task": "false" } })),
        deny(json!({ "ForAnyValue:StringLike": { "aws:TagKeys": ["task", "Task", "TASK", "tAsK"] } })),
        json!({ "Effect": "Deny", "Action": "iam:ListUsers", "Resource": "*",
            "Condition": { "StringEquals": { "aws:PrincipalTag/task": "none" } } }),
        statement("Allow", "iam:ListUsers", "*"),
    ]);
    let ann = scene.root.user_with("ann", &policy).await;
    scene.root.iam.tag_user().user_name("ann").tags(tag("task", "none")).send().await.granted();
    let mut tried = vec!["UntagUser UserName=ann TagKeys.member.1=task".to_owned(), "ListUsers".to_owned()];
    tried.extend(
        ["task", "TASK", "tAsK"]
            .map(|key| format!("TagUser UserName=ann Tags.member.1.Key={key} Tags.member.1.Value=all")),
    );
    scene.refuses(&ann, &tried).await;
    // The sign for kelvin is a letter of its own: a tag beside the other, which stays.
    scene
        .grants(&ann, requests! { "TagUser UserName=ann Tags.member.1.Key=tas\u{212a} Tags.member.1.Value=all" })
        .await;
    scene.refuses(&ann, requests! { "ListUsers" }).await;
}

#[tokio::test]
async fn a_session_tag_that_opens_a_door() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let ann = scene.root.user("ann").await;
    let statements = [
        json!({ "Effect": "Allow", "Principal": { "AWS": ann.arn }, "Action": ["sts:AssumeRole"] }),
        json!({ "Effect": "Allow", "Principal": { "AWS": ann.arn }, "Action": ["sts:TagSession"],
            "Condition": { "StringEquals": { "aws:RequestTag/team": "guest" }, "ForAllValues:StringEquals": { "aws:TagKeys": ["team"] } } }),
    ];
    let door = document([json!({ "Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*",
        "Condition": { "StringEquals": { "aws:PrincipalTag/team": "admin" } } })]);
    let role = scene.root.role("desk", &document(statements), &door).await;
    let assume = |key: &str, value: &str| {
        format!("AssumeRole RoleArn={role} RoleSessionName=desk Tags.member.1.Key={key} Tags.member.1.Value={value}")
    };
    scene
        .refuses(
            &ann,
            &[assume("team", "admin"), assume("Team", "admin"), assume("TEAM", "guest"), assume("crew", "guest")],
        )
        .await;
    let assumed = ann.sts(&broker).assume_role().role_arn(&role).role_session_name("desk");
    let guest = aws_sdk_sts::types::Tag::builder().key("team").value("guest").build().expect("a tag");
    let session = crate::world::Session::of(assumed.tags(guest).send().await.granted().credentials());
    scene.refuses(&session, requests! { "ListUsers" }).await;
    scene.root.iam.tag_role().role_name("desk").tags(tag("team", "admin")).send().await.granted();
    // A session's tag hides the role's own.
    scene.refuses(&session, requests! { "ListUsers" }).await;
    let plain = ann.sts(&broker).assume_role().role_arn(&role).role_session_name("desk").send().await.granted();
    scene.grants(&crate::world::Session::of(plain.credentials()), requests! { "ListUsers" }).await;
}

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

/// Whoever administers what is tagged `team=red` tags nothing red that is not, and nothing of theirs out of reach of others.
#[tokio::test]
async fn a_tag_on_what_one_would_like_to_own() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let red = document([
        json!({ "Effect": "Allow", "Action": "iam:*", "Resource": "*",
            "Condition": { "StringEquals": { "aws:ResourceTag/team": "red" } } }),
        json!({ "Effect": "Deny", "Action": ["iam:Tag*", "iam:Untag*"], "Resource": "*",
            "Condition": { "ForAnyValue:StringEquals": { "aws:TagKeys": ["team", "Team", "TEAM"] } } }),
        json!({ "Effect": "Deny", "Action": "iam:Tag*", "Resource": "*",
            "Condition": { "Null": { "aws:RequestTag/team": "false" } } }),
    ]);
    let ann = scene.root.user_with("ann", &red).await;
    let trusting = trust(&scene.root.account.to_string(), &["sts:AssumeRole"], None);
    let iam = &scene.root.iam;
    for (user, team) in [("bob", "blue"), ("tim", "red")] {
        iam.create_user().user_name(user).tags(tag("team", team)).send().await.granted();
    }
    for (role, team) in [("blue", "blue"), ("red", "red")] {
        let role = iam.create_role().role_name(role).assume_role_policy_document(&trusting);
        role.tags(tag("team", team)).send().await.granted();
    }
    let blue =
        iam.create_policy().policy_name("blue").policy_document(allow("notes:Read", "*")).tags(tag("team", "blue"));
    let blue = blue.send().await.granted().policy().and_then(|made| made.arn()).expect("an ARN").to_owned();
    let to_ann = trust(&ann.arn, &["sts:AssumeRole"], None);
    let tags = |key: &str| format!("Tags.member.1.Key={key} Tags.member.1.Value=red");
    let mut tried = vec![
        format!("CreateUser UserName=new {}", tags("team")),
        format!("CreateRole RoleName=new AssumeRolePolicyDocument={to_ann} {}", tags("team")),
        format!("CreatePolicyVersion PolicyArn={blue} PolicyDocument={} SetAsDefault=true", allow("*", "*")),
        "CreateAccessKey UserName=bob".to_owned(),
        format!("UpdateAssumeRolePolicy RoleName=blue PolicyDocument={to_ann}"),
        "UntagUser UserName=tim TagKeys.member.1=team".to_owned(),
        "UntagRole RoleName=red TagKeys.member.1=Team".to_owned(),
    ];
    for key in ["team", "Team", "tEaM"] {
        for whom in ["TagUser UserName=bob", "TagUser UserName=tim", "TagUser UserName=ann", "TagRole RoleName=blue"] {
            tried.push(format!("{whom} {}", tags(key)));
        }
        tried.push(format!("TagPolicy PolicyArn={blue} {}", tags(key)));
    }
    scene.refuses(&ann, &tried).await;
    scene
        .grants(
            &ann,
            requests! {
                "CreateAccessKey UserName=tim";
                "TagUser UserName=tim Tags.member.1.Key=room Tags.member.1.Value=7";
                "UpdateAssumeRolePolicy RoleName=red PolicyDocument={to_ann}";
                "AssumeRole RoleArn={} RoleSessionName=desk", scene.arn("role/red");
            },
        )
        .await;
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
