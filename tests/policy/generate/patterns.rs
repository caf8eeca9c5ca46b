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

/// A pattern of pieces from an alphabet, and a text that follows it: in the place of each wildcard stand letters, which may be
/// such as the wildcard does not take. `w` is the value of the variable `k:w`.
fn pair(
    alphabet: Vec<&'static str>,
    letter: Vec<&'static str>,
    most: usize,
) -> impl Strategy<Value = (String, String)> {
    let piece = (select(alphabet), letters(letter.clone(), 3), select(letter));
    prop::collection::vec(piece, 0..=most).prop_map(|pieces| {
        let text = pieces.iter().map(|(piece, several, one)| match *piece {
            "*" => several,
            "?" => *one,
            "${k:w}" => "w",
            "${*}" => "*",
            "${?}" => "?",
            letter => letter,
        });
        (pieces.iter().map(|(piece, _, _)| *piece).collect(), text.collect())
    })
}

fn with_w(mut context: Context) -> Context {
    context.set("k:w", "w");
    context
}

/// A pattern in `Resource` or `NotResource`.
pub fn resource_question() -> impl Strategy<Value = (Texts, Asked)> {
    let front = pair(vec!["a", "b", ":", ":", "*", "?", "-"], vec!["a", "b", ":", "-"], 7);
    let back = pair(vec!["a", "b", ":", "/", "*", "?", "${k:w}", "${*}", "é"], vec!["a", "b", ":", "/", "é"], 5);
    let other = letters(vec!["a", "b", ":", ":", "/", "-", "*", "é"], 10);
    (front, back, prop::option::weighted(0.2, other), any::<bool>()).prop_map(|(front, back, other, not)| {
        // Variables are only known after the fifth colon, and every ARN has five.
        let missing = ":".repeat(4_usize.saturating_sub(front.0.matches(':').count()));
        let resource = format!("arn:aws{}", other.unwrap_or_else(|| format!("{}{missing}{}", front.1, back.1)));
        let mut statement = json!({"Effect": "Allow", "Action": "*"});
        let pattern = format!("arn:aws{}{missing}{}", front.0, back.0);
        statement[if not { "NotResource" } else { "Resource" }] = json!(pattern);
        question(&statement, &resource, with_w(Context::new()))
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
    let pieces = vec!["a", "b", "A", "*", "?", "${k:w}", "${k:v}", "${?}", "é", "É"];
    let operator = select(vec!["StringLike", "StringLike", "StringNotLike", "StringEquals", "StringEqualsIgnoreCase"]);
    in_condition(operator, pair(pieces, vec!["a", "b", "A", "é", "*"], 7), vec!["a", "b", "A", "*", "?", "é"])
}

/// A pattern in a condition on ARNs.
pub fn arn_question() -> impl Strategy<Value = (Texts, Asked)> {
    let pieces = vec!["a", "b", ":", ":", ":", ":", "*", "?", "${k:w}"];
    let operator = select(vec!["ArnLike", "ArnNotEquals"]);
    in_condition(operator, pair(pieces, vec!["a", "a", "b", ":"], 12), vec!["a", "b", ":", ":"])
}

fn in_condition(
    operator: impl Strategy<Value = &'static str>,
    pair: impl Strategy<Value = (String, String)>,
    any: Vec<&'static str>,
) -> impl Strategy<Value = (Texts, Asked)> {
    (operator, pair, prop::option::weighted(0.2, letters(any, 8))).prop_map(|(operator, (pattern, text), any)| {
        let condition = json!({operator: {"k:v": pattern}});
        let statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition});
        question(&statement, "*", with_w(named(&any.unwrap_or(text))))
    })
}
