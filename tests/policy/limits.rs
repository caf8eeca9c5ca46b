//! Hostile input: whatever the text, the parser answers; whatever the pattern, the decision comes in time.

use std::sync::Arc;

use brevet::policy::{Context, Document, Effect, Kind, Policy, PolicySet};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::case::{Asked, Texts, principal};
use crate::laws::config;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>(), cut in 0_usize..400) {
        let policy = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": text,
            "Condition": {"StringLike": {"k:x": text}, "DateEquals": {"k:y": text}}}}).to_string();
        let cut: String = policy.chars().take(cut).collect();
        for kind in Kind::ALL {
            for source in [&text, &policy, &cut] {
                if let Ok(document) = Document::parse(source, kind) {
                    let _ = PolicySet::new(vec![Arc::new(Policy::compile(&document, kind, "p"))]);
                }
            }
        }
    }
}

fn effect(mut statement: Json, resource: &str, value: &str) -> Effect {
    statement["Effect"] = json!("Allow");
    statement["Action"] = json!("*");
    if statement.get("Resource").is_none() && statement.get("NotResource").is_none() {
        statement["Resource"] = json!("*");
    }
    let identity = vec![json!({"Version": "2012-10-17", "Statement": statement}).to_string()];
    let mut context = Context::new();
    context.set("k:v", value);
    context.set("k:list", vec![value.to_owned(); 100]);
    let (principal, action, resource) = (principal("user/ann"), "s3:GetObject".to_owned(), resource.to_owned());
    let asked = Asked { principal, action, resource, resource_account: None, context };
    Texts { identity, ..Texts::default() }.compile().decide(&asked).effect
}

/// The time for a pattern must not depend on its shape: twice the length may cost four times as much (the product of the
/// lengths), never a thousand times. An exponential matcher would not come back within the age of the universe.
#[test]
fn no_pattern_is_exponential() {
    let a = |length: usize| "a".repeat(length);
    let s3 = |rest: &str| format!("arn:aws:s3:::{rest}");
    for (name, pattern, resource, matches) in [
        ("stars and letters", s3(&format!("{}b", "*a".repeat(1_000))), s3(&a(2_000)), false),
        ("the same, with a match", s3(&format!("{}b", "*a".repeat(1_000))), s3(&format!("{}b", a(2_000))), true),
        ("stars and question marks", s3(&format!("{}b", "*a?".repeat(600))), s3(&a(2_000)), false),
        ("stars next to question marks", s3(&format!("{}b", "*?".repeat(1_000))), s3(&a(2_000)), false),
        ("many stars in a row", s3(&format!("{}b", "*".repeat(2_000))), s3(&a(2_000)), false),
        ("question marks only", s3(&"?".repeat(2_000)), s3(&a(1_999)), false),
        ("question marks only, with a match", s3(&"?".repeat(2_000)), s3(&a(2_000)), true),
        ("question marks after a star", s3(&format!("*{}", "?".repeat(1_000))), s3(&a(999)), false),
        ("pieces that nearly repeat", s3(&format!("{}*c", "*aab".repeat(300))), s3(&"aaab".repeat(500)), false),
        ("variables", s3(&format!("{}${{k:v}}b", "*a".repeat(1_000))), s3(&a(2_000)), false),
        ("many variables", s3(&"*${k:v}".repeat(500)), s3(&a(400)), false),
        ("many variables, with a match", s3(&"*${k:v}".repeat(300)), s3(&a(400)), true),
        ("stars within a part", format!("arn:aws:*a{}:x:1:b", "*a".repeat(200)), s3(&a(2_000)), false),
        (
            "stars within and across",
            format!("arn:aws:{}*:*:*:b", "*a".repeat(200)),
            format!("arn:aws:{}", a(2_000)),
            false,
        ),
        (
            "colons everywhere",
            format!("arn:aws:*:*:*:{}b", "*:".repeat(200)),
            format!("arn:aws{}", ":a".repeat(500)),
            false,
        ),
        ("a tail with stars within", "arn:*:a*b*c:1:x".to_owned(), format!("arn{}:c:1:x", ":ab".repeat(20_000)), false),
        (
            "a tail with stars within, with a match",
            "arn:*:a*b*c:1:x".to_owned(),
            format!("arn{}c:1:x", ":ab".repeat(20_000)),
            true,
        ),
        ("a long resource", s3("*b"), s3(&a(100_000)), false),
        ("a long resource, with a match", s3("*a*a*a*b"), s3(&format!("{}b", a(100_000))), true),
        ("a long resource and stars", s3(&format!("{}b", "*a".repeat(50))), s3(&a(100_000)), false),
        ("a long resource of other characters", s3("*é*b"), s3(&"é".repeat(50_000)), false),
        (
            "a long resource in parts",
            "arn:aws:s*3:x*y:1:b".to_owned(),
            format!("arn:aws:s{}", ":".repeat(20_000)),
            false,
        ),
    ] {
        let expected = |yes| if yes { Effect::Allowed } else { Effect::ImplicitlyDenied };
        assert_eq!(effect(json!({"Resource": pattern}), &resource, "a"), expected(matches), "{name}");
        assert_eq!(effect(json!({"NotResource": pattern}), &resource, "a"), expected(!matches), "not {name}");
    }
}

#[test]
fn no_value_is_too_long_for_a_condition() {
    let long = "a".repeat(100_000);
    let stars = format!("{}b", "*a".repeat(50));
    for (name, condition, allowed) in [
        ("a text", json!({"StringLike": {"k:v": stars}}), false),
        ("many texts", json!({"ForAnyValue:StringLike": {"k:list": "*a*b"}}), false),
        ("all of many texts", json!({"ForAllValues:StringNotLike": {"k:list": "*a*b"}}), true),
        ("itself", json!({"StringEquals": {"k:v": "${k:v}"}}), true),
        ("itself twice", json!({"StringEquals": {"k:v": "${k:v}${k:v}"}}), false),
        ("itself between stars", json!({"StringLike": {"k:v": "*${k:v}*${k:v}*"}}), false),
        ("without case", json!({"StringEqualsIgnoreCase": {"k:v": "A${k:v}"}}), false),
        ("an ARN", json!({"ArnLike": {"k:v": format!("arn:{stars}:*:*:*:*")}}), false),
        ("no number", json!({"NumericLessThan": {"k:v": 1}}), false),
        ("no date", json!({"DateLessThan": {"k:v": "2020"}}), false),
        ("no address", json!({"IpAddress": {"k:v": "::/0"}}), false),
        ("no bytes", json!({"BinaryEquals": {"k:v": "QQ=="}}), false),
    ] {
        let expected = if allowed { Effect::Allowed } else { Effect::ImplicitlyDenied };
        assert_eq!(effect(json!({"Condition": condition}), "*", &long), expected, "{name}");
        let resource = format!("arn:aws:s3:::{long}");
        assert_eq!(effect(json!({"Condition": condition}), &resource, &long), expected, "{name}");
    }
    assert_eq!(
        effect(json!({"Resource": "arn:aws:s3:::${k:v}"}), &format!("arn:aws:s3:::{long}"), &long),
        Effect::Allowed
    );
    assert_eq!(
        effect(json!({"Resource": "arn:aws:s3:::${k:v}*${k:v}"}), &format!("arn:aws:s3:::{long}"), &long),
        Effect::ImplicitlyDenied
    );
}

/// An action may be as long as the request that carries it.
#[test]
fn no_action_is_too_long() {
    let hostile = format!("s3:{}b", "*a".repeat(500));
    let statement = json!({"Effect": "Allow", "Action": [hostile, "s3:G*t"], "Resource": "*"});
    let identity = vec![json!({"Version": "2012-10-17", "Statement": statement}).to_string()];
    let compiled = Texts { identity, ..Texts::default() }.compile();
    for (action, allowed) in [
        (format!("s3:{}", "a".repeat(100_000)), false),
        (format!("S3:{}b", "A".repeat(100_000)), true),
        (format!("s3:g{}", "é".repeat(10_000)), false),
        ("x".repeat(100_000), false),
        (":".repeat(1_000), false),
    ] {
        let (principal, resource, context) = (principal("user/ann"), "*".to_owned(), Context::new());
        let asked = Asked { principal, action, resource, resource_account: None, context };
        assert_eq!(compiled.decide(&asked).is_allowed(), allowed);
    }
}
