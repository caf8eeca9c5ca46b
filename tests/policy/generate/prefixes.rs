//! Many statements that begin alike: whatever looks statements up by their beginnings must not lose one.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value as Json, json};

use super::conditions::context;
use super::{AWAY, Form, condition, everything, one_or_many, policy};
use crate::case::{Asked, HOME, Texts, principal};

fn statement(form: Form) -> impl Strategy<Value = Json> {
    let actions = one_or_many(vec![
        "s3:Get*",
        "s3:GetObject",
        "s3:G*",
        "*:Get*",
        "s3:*",
        "*",
        "s3:GetObject*",
        "s3:Get?bject",
        "s3:getobject",
        "S3:GETOBJECTACL",
        "s3:PutObject",
        "*:*Object",
        "iam:Get*",
        "s3:?etObject",
        "s3:*Object",
        "s3-outposts:Get*",
    ]);
    let resources = one_or_many(vec![
        "arn:aws:s3:::team-1-*",
        "arn:aws:s3:::team-*",
        "arn:aws:s3:::*",
        "arn:aws:s3:::team-1-x/${aws:username}/*",
        "arn:aws:s3:::team-1",
        "arn:aws:s3:::team-1-",
        "arn:aws:s3:::team-1-x/*",
        "arn:aws:s3:::team-1?x/*",
        "arn:aws:s3:::team-1-x/ann/a",
        "arn:aws:s3:::team-1-x/*/a",
        "*",
        "arn:aws:s3:::team-${aws:PrincipalTag/Team}-*",
        "arn:aws:s3:::${aws:username}*",
        "arn:aws:s3:::team-1-x/${aws:username, 'ann'}/a",
        "arn:aws:s3*",
        "arn:*",
        "arn:aws:s3:::*-x/*",
        "arn:aws:*:::team-1-*",
        "arn:aws:s?:::team-1-*",
        "arn:a?s:s3:::team-1-*",
        "arn:aws:s3:::team-1-${*}*",
        "arn:aws:iam::*:user/*",
        "arn:aws:s3:::te*m-1*x*/a*",
    ]);
    let principals = one_or_many(vec![
        HOME,
        AWAY,
        "arn:aws:iam::111122223333:user/ann",
        "arn:aws:iam::111122223333:role/r",
        "arn:aws:sts::111122223333:assumed-role/r/s",
    ]);
    let effect = prop::bool::weighted(0.04).prop_map(|deny| if deny { "Deny" } else { "Allow" });
    (
        effect,
        (prop::bool::weighted(0.1), actions),
        (prop::bool::weighted(0.1), resources),
        principals,
        prop::option::weighted(0.3, condition(1..=1)),
    )
        .prop_map(move |(effect, (not_action, actions), (not_resource, resources), principals, condition)| {
            let mut statement = json!({"Effect": effect});
            statement[if not_action { "NotAction" } else { "Action" }] = actions;
            statement[if not_resource { "NotResource" } else { "Resource" }] = resources;
            if form == Form::Resource {
                statement["Principal"] = json!({"AWS": principals});
            }
            if let Some(condition) = condition {
                statement["Condition"] = condition;
            }
            statement
        })
}

fn policies(form: Form, most: usize) -> impl Strategy<Value = Vec<String>> {
    let one = prop::collection::vec(statement(form), 1..4).prop_map(|statements| policy(&Json::Array(statements)));
    prop::collection::vec(one, 1..=most)
}

/// Up to forty policies, in one place or spread over several.
pub fn prefixes() -> impl Strategy<Value = (Texts, Asked)> {
    let world = (
        policies(Form::Own, 40),
        prop::option::weighted(0.2, policies(Form::Own, 10)),
        prop::option::weighted(0.2, policies(Form::Own, 10)),
        prop::option::weighted(0.4, policies(Form::Resource, 20)),
        prop::collection::vec((policies(Form::Own, 5), prop::bool::weighted(0.7)), 0..3),
    );
    let texts = world.prop_map(|(identity, boundary, session, resource, levels)| {
        let level = |(mut texts, full): (Vec<String>, bool)| {
            texts.extend(full.then(|| policy(&everything(Form::Own, "Allow"))));
            texts
        };
        let scps = levels.into_iter().map(level).collect();
        Texts { identity, boundary, session, resource, scps, ..Texts::default() }
    });
    let action = select(vec![
        "s3:GetObject",
        "s3:GetObject",
        "S3:GETOBJECT",
        "s3:GetObjectAcl",
        "s3:Get",
        "s3:G",
        "s3:PutObject",
        "iam:GetUser",
        "s3-outposts:GetObject",
        "s3",
    ]);
    let resource = select(vec![
        "team-1-",
        "team-1-x/ann/a",
        "team-1-x/ann/",
        "team-1-x/ann/b",
        "team-1",
        "team-1x",
        "team-2-x/bob/b",
        "team-",
        "team-ann-z",
        "ann",
        "",
        "team-1-*",
    ]);
    let whole = select(vec!["*", "arn:aws:s3", "arn:aws:iam::1:user/x", "arn:aws-cn:s3:::team-1-x/ann/a"]);
    let resource = prop_oneof![
        6 => resource.prop_map(|name| format!("arn:aws:s3:::{name}")),
        1 => whole.prop_map(str::to_owned),
    ];
    let who = select(vec!["user/ann", "session/r/s", "user/ann@444455556666", "root"]);
    let asked = (who, action, resource, select(vec![None, Some(HOME)]), context()).prop_map(
        |(who, action, resource, account, context)| Asked {
            principal: principal(who),
            action: action.to_owned(),
            resource,
            resource_account: account.map(str::to_owned),
            context,
        },
    );
    (texts, asked)
}
