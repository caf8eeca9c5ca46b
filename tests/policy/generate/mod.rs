//! Generated policies and requests, from small vocabularies: so small that requests meet statements, and keys their conditions.

mod conditions;
mod focused;
mod patterns;
mod prefixes;

use brevet::policy::{Context, ResourceRule};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value as Json, json};

pub use self::conditions::{condition, context};
pub use self::focused::{by_resource, guarded};
pub use self::patterns::{arn_question, crowd, resource_question, text_question};
pub use self::prefixes::prefixes;
use crate::case::{Asked, HOME, Texts, principal};

pub const AWAY: &str = "444455556666";

/// Which elements the statements of a policy have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Identity-based policies, boundaries, session policies, SCPs.
    Own,
    /// Policies of resources.
    Resource,
    /// Trust policies, which name no resource.
    Trust,
    /// RCPs, which are about everybody.
    Everyone,
}

/// What requests are about, so that actions, resources and statements fit each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    Things,
    Roles,
    Keys,
}

fn who() -> impl Strategy<Value = &'static str> {
    select(vec![
        "user/ann",
        "user/ann",
        "user/ann",
        "user/bob",
        "user/ann@444455556666",
        "session/r/s",
        "session/r/s",
        "session/r/s",
        "session/r/t",
        "session/r/s@444455556666",
        "linked/es.amazonaws.com/AWSServiceRoleForES",
        "linked/es.amazonaws.com/r",
        "federated/ann",
        "federated/ann",
        "federated-by-root/ann",
        "root",
        "root",
        "root@444455556666",
        "service/ec2.amazonaws.com",
        "oidc/accounts.google.com",
        "saml/corp",
        "anonymous",
    ])
}

fn action(theme: Theme) -> impl Strategy<Value = &'static str> {
    select(match theme {
        Theme::Things => {
            vec!["s3:GetObject", "s3:PutObject", "S3:getobject", "iam:GetUser", "sqs:SendMessage", "*", ""]
        }
        Theme::Roles => vec!["sts:AssumeRole", "sts:AssumeRole", "STS:tagsession", "sts:GetCallerIdentity"],
        Theme::Keys => vec!["kms:Decrypt", "kms:Decrypt", "KMS:encrypt", "s3:GetObject"],
    })
}

fn resource(theme: Theme) -> impl Strategy<Value = &'static str> {
    select(match theme {
        Theme::Things => vec![
            "*",
            "",
            "arn:aws:s3:::b",
            "arn:aws:s3:::b/ann",
            "arn:aws:s3:::b/ann/x",
            "arn:aws:s3:::b/*",
            "arn:aws:iam::111122223333:user/ann",
            "arn:aws:sqs:eu-west-1:111122223333:q:b",
            "arn:aws:sqs:eu:1:111122223333:q",
        ],
        Theme::Roles => vec![
            "arn:aws:iam::111122223333:role/r",
            "arn:aws-cn:iam::111122223333:role/ops/r",
            "arn:aws:IAM::111122223333:Role/r",
            "arn:aws:iam::111122223333:user/r",
            "*",
        ],
        Theme::Keys => vec![
            "arn:aws:kms:eu-west-1:111122223333:key/k",
            "arn:aws:kms:eu-west-1:111122223333:key/k",
            "arn:aws:kms:eu-west-1:111122223333:alias/k",
            "*",
        ],
    })
}

pub fn one_or_many<T: Clone + std::fmt::Debug + Into<Json> + 'static>(values: Vec<T>) -> impl Strategy<Value = Json> {
    let most = values.len().min(3);
    (subsequence(values, 1..=most), any::<bool>()).prop_map(|(chosen, single)| {
        let mut items: Vec<Json> = chosen.into_iter().map(Into::into).collect();
        if items.len() == 1 && single { items.remove(0) } else { Json::Array(items) }
    })
}

fn actions(form: Form) -> BoxedStrategy<Json> {
    match form {
        Form::Trust => one_or_many(vec!["sts:AssumeRole", "sts:*", "sts:TagSession", "STS:assume*"]).boxed(),
        _ => one_or_many(vec![
            "*",
            "*",
            "s3:*",
            "s3:GetObject",
            "s3:Put*",
            "iam:Get?ser",
            "*:*Object",
            "SQS:*message",
            "sts:AssumeRole",
            "kms:*crypt",
        ])
        .boxed(),
    }
}

fn resources() -> impl Strategy<Value = Json> {
    one_or_many(vec![
        "*",
        "*",
        "arn:aws:s3:::b",
        "arn:aws:s3:::b/*",
        "arn:aws:s3:::*/x",
        "arn:aws:s3:::b/${aws:username}",
        "arn:aws:s3:::b/${aws:username}/*",
        "arn:aws:s3:::b/${aws:PrincipalTag/Team, 'ann'}",
        "arn:aws:s3:::b/${*}",
        "arn:aws:iam::*:user/a?n",
        "arn:aws:sqs:eu-*-1:111122223333:*",
        "arn:aws:sqs:*:q",
        "arn:aws:*q*:eu*1:111122223333:q*b",
        "arn:aws:sqs:e?:1:*",
        "arn:*",
        "arn:aws*:iam::111122223333:role/*",
        "arn:aws:kms:*:111122223333:key/${aws:username}",
    ])
}

fn principals() -> impl Strategy<Value = Json> {
    let aws = one_or_many(vec![
        HOME,
        AWAY,
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::111122223333:user/ann",
        "arn:aws:iam::444455556666:user/ann",
        "arn:aws:iam::111122223333:role/r",
        "arn:aws:sts::111122223333:assumed-role/r/s",
        "arn:aws:sts::111122223333:federated-user/ann",
        "AROAR",
        "AROAR:t",
        "AIDABOB",
        "*",
    ]);
    prop_oneof![
        1 => Just(json!("*")),
        6 => aws.prop_map(|aws| json!({"AWS": aws})),
        // The whole way from the account to the session, which is what NotPrincipal asks for.
        4 => select(vec![
            json!({"AWS": [HOME]}),
            json!({"AWS": ["arn:aws:iam::111122223333:user/ann", HOME]}),
            json!({"AWS": ["arn:aws:sts::111122223333:assumed-role/r/s", "AROAR", "arn:aws:iam::111122223333:root"]}),
            json!({"AWS": ["arn:aws:sts::111122223333:federated-user/ann", "arn:aws:iam::111122223333:user/ann", HOME]}),
        ]),
        1 => Just(json!({"Service": "ec2.amazonaws.com", "AWS": HOME})),
        1 => Just(json!({"Federated": ["accounts.google.com", "arn:aws:iam::111122223333:saml-provider/corp"]})),
        1 => Just(json!({"Federated": "arn:aws:iam::111122223333:oidc-provider/accounts.google.com"})),
    ]
}

pub fn statement(form: Form) -> BoxedStrategy<Json> {
    let negate = |weight| prop::bool::weighted(weight);
    (
        select(vec!["Allow", "Allow", "Allow", "Deny"]),
        (negate(0.1), actions(form)),
        (negate(0.1), resources()),
        (negate(0.25), principals()),
        prop_oneof![1 => Just(json!({})), 1 => condition(1..=2)],
    )
        .prop_map(move |(effect, actions, resources, principals, condition)| {
            let mut statement = json!({"Effect": effect});
            let mut put = |(negated, value): (bool, Json), name: &str| {
                statement[if negated { format!("Not{name}") } else { name.to_owned() }] = value;
            };
            match form {
                Form::Trust => put((false, actions.1), "Action"),
                _ => {
                    put(actions, "Action");
                    put(resources, "Resource");
                }
            }
            match form {
                Form::Own => {}
                Form::Everyone => put((false, json!("*")), "Principal"),
                Form::Resource => put(principals, "Principal"),
                // A trust policy names whom it trusts.
                Form::Trust => put((false, principals.1), "Principal"),
            }
            if condition != json!({}) {
                statement["Condition"] = condition;
            }
            statement
        })
        .boxed()
}

pub fn policy(statements: &Json) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

fn policies(form: Form) -> impl Strategy<Value = Vec<String>> {
    let policy =
        (prop::collection::vec(statement(form), 1..4), prop::bool::weighted(0.9)).prop_map(|(statements, new)| {
            let statements = Json::Array(statements);
            // In the older version a variable is a text, and that text is neither true nor false.
            let new = new || statements.to_string().contains("${k:bool}");
            json!({"Version": if new { "2012-10-17" } else { "2008-10-17" }, "Statement": statements}).to_string()
        });
    prop::collection::vec(policy, 0..=2)
}

/// A statement that is about everything.
pub fn everything(form: Form, effect: &str) -> Json {
    let mut statement = json!({"Effect": effect, "Action": if form == Form::Trust { "sts:*" } else { "*" }});
    if form != Form::Trust {
        statement["Resource"] = json!("*");
    }
    if form != Form::Own {
        statement["Principal"] = json!("*");
    }
    statement
}

/// Policies among which is one that allows everything (with `weight`), or everything under a condition: otherwise hardly any
/// request would pass all layers, or fail one so nearly that there is a condition to name. One of a resource names somebody.
pub fn generous(form: Form, weight: f64) -> BoxedStrategy<Vec<String>> {
    let somebody = prop_oneof![
        Just(json!("*")),
        Just(json!({"AWS": "111122223333"})),
        Just(json!({"AWS": "arn:aws:iam::111122223333:user/ann"})),
        Just(json!({"AWS": "arn:aws:iam::111122223333:role/r"})),
        Just(json!({"AWS": "arn:aws:sts::111122223333:assumed-role/r/s"})),
        Just(json!({"AWS": "arn:aws:sts::111122223333:federated-user/ann", "Service": "ec2.amazonaws.com"})),
    ];
    let nearly = prop::option::weighted(0.6, condition(1..=2));
    (policies(form), prop::bool::weighted(weight), nearly, somebody)
        .prop_map(move |(mut texts, all, condition, somebody)| {
            let mut statement = everything(form, "Allow");
            if matches!(form, Form::Resource | Form::Trust) {
                statement["Principal"] = somebody;
            }
            match condition {
                _ if all => texts.push(policy(&statement)),
                Some(condition) => {
                    statement["Condition"] = condition;
                    texts.push(policy(&statement));
                }
                None => {}
            }
            texts
        })
        .boxed()
}

/// Levels of an organization: none, or up to four, most of which let everything through and say nothing else.
pub fn levels(form: Form) -> impl Strategy<Value = Vec<Vec<String>>> {
    let level = prop_oneof![
        2 => Just(vec![policy(&everything(form, "Allow"))]),
        2 => generous(form, 0.7),
    ];
    prop_oneof![2 => Just(Vec::new()), 2 => prop::collection::vec(level, 1..5)]
}

/// What `make` makes of each theme. The strategies are made once, because making one costs more than drawing from it, and are
/// large, so they live on the heap.
fn of_any_theme<S: Strategy + 'static>(make: impl Fn(Theme) -> S) -> BoxedStrategy<S::Value> {
    let boxed = |theme| make(theme).boxed();
    prop_oneof![4 => boxed(Theme::Things), 2 => boxed(Theme::Roles), 1 => boxed(Theme::Keys)].boxed()
}

pub fn world(theme: Theme) -> impl Strategy<Value = Texts> {
    let form = if theme == Theme::Roles { Form::Trust } else { Form::Resource };
    let rule = select(vec![ResourceRule::Suffices, ResourceRule::Required, ResourceRule::Trust]);
    (
        generous(Form::Own, 0.5),
        prop::option::weighted(0.3, generous(Form::Own, 0.7)),
        prop::option::weighted(0.4, generous(Form::Own, 0.7)),
        prop::option::weighted(0.65, generous(form, 0.4)),
        prop::option::weighted(0.08, rule),
        (levels(Form::Own), levels(Form::Everyone)),
    )
        .prop_map(move |(identity, boundary, session, resource, rule, (scps, rcps))| Texts {
            identity,
            boundary,
            session,
            resource,
            trust: theme == Theme::Roles,
            rule,
            scps,
            rcps,
        })
}

pub fn asked(theme: Theme) -> impl Strategy<Value = Asked> {
    let account = select(vec![None, Some(HOME), Some(HOME), Some(HOME), Some(AWAY)]);
    (who(), action(theme), resource(theme), account, context()).prop_map(ask)
}

fn ask((who, action, resource, account, context): (&str, &str, &str, Option<&str>, Context)) -> Asked {
    Asked {
        principal: principal(who),
        action: action.to_owned(),
        resource: resource.to_owned(),
        resource_account: account.map(str::to_owned),
        context,
    }
}

/// Any policies and any request.
pub fn question() -> impl Strategy<Value = (Texts, Asked)> {
    of_any_theme(|theme| (world(theme), asked(theme)))
}
