//! Patterns put together from their alphabet, against texts from the same: shapes that nobody would think of.

use brevet::policy::Context;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::policy;
use crate::case::{Asked, Texts, principal};

fn letters(alphabet: Vec<&'static str>, most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(select(alphabet), 0..=most).prop_map(|parts| parts.concat())
}

fn question(statement: &serde_json::Value, resource: &str, context: Context) -> (Texts, Asked) {
    let texts = Texts { identity: vec![policy(statement)], ..Texts::default() };
    let asked = Asked {
        principal: principal("user/ann"),
        action: "s3:GetObject".to_owned(),
        resource: resource.to_owned(),
        resource_account: None,
        context,
    };
    (texts, asked)
}

fn named(name: &str) -> Context {
    let mut context = Context::new();
    context.set("k:v", name);
    context
}

/// A pattern in `Resource` or `NotResource`.
pub fn resource_question() -> impl Strategy<Value = (Texts, Asked)> {
    let front = letters(vec!["a", "b", ":", ":", "*", "?", "-"], 7);
    let back = letters(vec!["a", "b", ":", "/", "*", "?", "${k:v}", "${*}", "é"], 5);
    let pattern = (front, back).prop_map(|(front, back)| {
        // Variables are only known after the fifth colon, and every ARN has five.
        let missing = 4_usize.saturating_sub(front.matches(':').count());
        format!("arn:aws{front}{}{back}", ":".repeat(missing))
    });
    let resource = letters(vec!["a", "b", ":", ":", "/", "-", "*", "é"], 10).prop_map(|rest| format!("arn:aws{rest}"));
    (pattern, resource, any::<bool>(), letters(vec!["a", "*", ":"], 2)).prop_map(|(pattern, resource, not, value)| {
        let mut statement = json!({"Effect": "Allow", "Action": "*"});
        statement[if not { "NotResource" } else { "Resource" }] = json!(pattern);
        question(&statement, &resource, named(&value))
    })
}

/// Many statements with patterns of few letters, so that most begin like others, for what finds statements by beginnings.
pub fn crowd() -> impl Strategy<Value = (Texts, Asked)> {
    let action = letters(vec!["a", "b", "a", "*", "?"], 4)
        .prop_map(|name| format!("s3:{}", if name.is_empty() { "*" } else { &name }));
    let action = prop_oneof![6 => action, 1 => Just("*".to_owned()), 1 => Just("*:a*".to_owned())];
    let resource = letters(vec!["a", "b", "a", "/", "*", "?", "${k:v}"], 5);
    let resource =
        prop_oneof![6 => resource.prop_map(|name| format!("arn:aws:s3:::{name}")), 1 => Just("*".to_owned())];
    let (actions, resources) = (prop::collection::vec(action, 1..3), prop::collection::vec(resource, 1..3));
    let effect = prop::bool::weighted(0.1).prop_map(|deny| if deny { "Deny" } else { "Allow" });
    let negated = prop::bool::weighted(0.05);
    let statement = (effect, actions, resources, negated, negated).prop_map(
        |(effect, actions, resources, not_action, not_resource)| {
            let mut statement = json!({"Effect": effect});
            statement[if not_action { "NotAction" } else { "Action" }] = json!(actions);
            statement[if not_resource { "NotResource" } else { "Resource" }] = json!(resources);
            policy(&statement)
        },
    );
    let action = letters(vec!["a", "b", "A"], 4).prop_map(|name| format!("s3:{name}"));
    let resource = letters(vec!["a", "b", "/"], 5).prop_map(|name| format!("arn:aws:s3:::{name}"));
    (prop::collection::vec(statement, 1..30), action, resource, letters(vec!["a", "b"], 2)).prop_map(
        |(identity, action, resource, value)| {
            let (texts, asked) = question(&json!([]), &resource, named(&value));
            (Texts { identity, ..texts }, Asked { action, ..asked })
        },
    )
}

/// A pattern in a condition on texts.
pub fn text_question() -> impl Strategy<Value = (Texts, Asked)> {
    let pattern = letters(vec!["a", "b", "A", "*", "?", "${k:v}", "${?}", "é", "É"], 7);
    let operator = select(vec!["StringLike", "StringNotLike", "StringEquals", "StringEqualsIgnoreCase"]);
    (operator, pattern, letters(vec!["a", "b", "A", "*", "?", "é"], 8)).prop_map(|(operator, pattern, text)| {
        let statement =
            json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {operator: {"k:v": pattern}}});
        question(&statement, "*", named(&text))
    })
}

/// A pattern in a condition on ARNs.
pub fn arn_question() -> impl Strategy<Value = (Texts, Asked)> {
    let pattern = letters(vec!["a", "b", ":", ":", "*", "?", "${k:v}"], 12);
    let arn = letters(vec!["a", "b", ":", ":"], 12);
    (select(vec!["ArnLike", "ArnNotEquals"]), pattern, arn).prop_map(|(operator, pattern, arn)| {
        let statement =
            json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {operator: {"k:v": pattern}}});
        question(&statement, "*", named(&arn))
    })
}
