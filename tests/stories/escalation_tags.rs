//! Escalation by tags: people who give themselves, or what they would like to own, the tag that opens a door.

use serde_json::json;

use super::escalation::{Scene, begin};
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
