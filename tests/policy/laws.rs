//! Laws on generated policies and requests: the engine says what the model says, and keeps the algebra of the language.

use std::sync::Arc;

use brevet::clock::Timestamp;
use brevet::policy::{Context, Document, Effect, Kind, Policy, PolicySet};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value as Json, json};

use crate::case::{Asked, HOME, Texts, principal};
use crate::model;

const AWAY: &str = "444455556666";

fn who() -> impl Strategy<Value = &'static str> {
    select(vec![
        "user/ann",
        "user/bob",
        "user/ann@444455556666",
        "session/r/s",
        "session/r/t",
        "session/r/s@444455556666",
        "federated/ann",
        "root",
        "root@444455556666",
        "service/ec2.amazonaws.com",
        "oidc/accounts.google.com",
        "anonymous",
    ])
}

fn action() -> impl Strategy<Value = &'static str> {
    select(vec!["s3:GetObject", "s3:PutObject", "S3:getobject", "iam:GetUser", "sqs:SendMessage"])
}

fn resource() -> impl Strategy<Value = &'static str> {
    select(vec![
        "*",
        "arn:aws:s3:::b",
        "arn:aws:s3:::b/ann",
        "arn:aws:s3:::b/ann/x",
        "arn:aws:s3:::b/*",
        "arn:aws:iam::111122223333:user/ann",
        "arn:aws:sqs:eu-west-1:111122223333:q:b",
        "arn:aws:sqs:eu:1:111122223333:q",
    ])
}

fn one_or_many<T: Clone + std::fmt::Debug + Into<Json> + 'static>(values: Vec<T>) -> impl Strategy<Value = Json> {
    let most = values.len().min(3);
    (subsequence(values, 1..=most), any::<bool>()).prop_map(|(chosen, single)| {
        let mut items: Vec<Json> = chosen.into_iter().map(Into::into).collect();
        if items.len() == 1 && single { items.remove(0) } else { Json::Array(items) }
    })
}

fn actions() -> impl Strategy<Value = Json> {
    one_or_many(vec!["*", "s3:*", "s3:GetObject", "s3:Put*", "iam:Get?ser", "*:*Object", "SQS:*message"])
}

fn resources() -> impl Strategy<Value = Json> {
    one_or_many(vec![
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
        1 => Just(json!({"Service": "ec2.amazonaws.com", "AWS": HOME})),
        1 => Just(json!({"Federated": ["accounts.google.com"]})),
    ]
}

fn condition() -> impl Strategy<Value = Json> {
    let set = || select(vec!["", "", "ForAllValues:", "ForAnyValue:"]);
    let exists = || select(vec!["", "", "IfExists"]);
    let of = move |tests: Vec<&'static str>, keys: Vec<&'static str>, values: Vec<&'static str>| {
        (set(), select(tests), exists(), select(keys), one_or_many(values))
            .prop_map(|(set, test, exists, key, values)| json!({ format!("{set}{test}{exists}"): { key: values } }))
    };
    prop_oneof![
        4 => of(
            vec!["StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike"],
            vec!["aws:username", "aws:PrincipalTag/Team", "aws:TagKeys", "k:text"],
            vec!["ann", "ANN", "a*", "?nn", "${aws:username}", "x${aws:PrincipalTag/team}", "${k:none}", "${k:none, 'ann'}", ""],
        ),
        2 => of(
            vec!["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"],
            vec!["k:arn", "aws:TagKeys"],
            vec!["*", "arn:aws:sns:*:1:t", "arn:*:t", "${k:arn}", "arn:aws:sns:eu:1:${aws:username}", "arn:aws:sns:e?:*:t*"],
        ),
        1 => of(vec!["NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericGreaterThanEquals"], vec!["k:number", "k:text"], vec!["0", "-1.5", "10"]),
        1 => of(vec!["IpAddress", "NotIpAddress"], vec!["aws:SourceIp"], vec!["10.0.0.0/8", "10.1.2.3", "2001:db8::/32", "0.0.0.0/0"]),
        1 => of(vec!["Bool"], vec!["k:bool"], vec!["true", "False"]),
        1 => (select(vec!["aws:username", "aws:TagKeys", "k:none"]), select(vec!["true", "false"])).prop_map(|(key, value)| json!({"Null": {key: value}})),
    ]
}

fn statement(kind: Kind) -> impl Strategy<Value = Json> {
    let negate = || prop::bool::weighted(0.15);
    (
        select(vec!["Allow", "Allow", "Deny"]),
        (negate(), actions()),
        (negate(), resources()),
        (negate(), principals()),
        prop::option::weighted(0.5, condition()),
    )
        .prop_map(move |(effect, actions, resources, principals, condition)| {
            let mut statement = json!({"Effect": effect});
            let mut put = |(negated, value): (bool, Json), name: &str| {
                statement[if negated { format!("Not{name}") } else { name.to_owned() }] = value;
            };
            match kind {
                Kind::Trust => put((false, json!(["sts:AssumeRole", "sts:TagSession"])), "Action"),
                _ => put(actions, "Action"),
            }
            if kind != Kind::Trust {
                put(resources, "Resource");
            }
            if kind.names_principals() {
                put(principals, "Principal");
            }
            if let Some(condition) = condition {
                statement["Condition"] = condition;
            }
            statement
        })
}

fn policies(kind: Kind) -> impl Strategy<Value = Vec<String>> {
    let policy =
        (prop::collection::vec(statement(kind), 1..4), prop::bool::weighted(0.9)).prop_map(|(statements, new)| {
            let version = if new { "2012-10-17" } else { "2008-10-17" };
            json!({"Version": version, "Statement": statements}).to_string()
        });
    prop::collection::vec(policy, 0..3)
}

/// A policy that allows everything, half the time: otherwise hardly any request would pass all layers.
fn generous(kind: Kind) -> impl Strategy<Value = Vec<String>> {
    (policies(kind), any::<bool>()).prop_map(|(mut texts, all)| {
        if all {
            texts.push(json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}).to_string());
        }
        texts
    })
}

fn world() -> impl Strategy<Value = Texts> {
    let resource = prop_oneof![
        2 => Just((false, None)),
        3 => policies(Kind::Resource).prop_map(|texts| (false, Some(texts))),
        2 => policies(Kind::Trust).prop_map(|texts| (true, Some(texts))),
    ];
    (
        generous(Kind::Identity),
        prop::option::weighted(0.3, generous(Kind::Boundary)),
        prop::option::weighted(0.3, generous(Kind::Session)),
        resource,
    )
        .prop_map(|(identity, boundary, session, (trust, resource))| Texts {
            identity,
            boundary,
            session,
            resource,
            trust,
        })
}

fn context() -> impl Strategy<Value = Context> {
    let text = || prop::option::of(select(vec!["ann", "Ann", "xann", "", "*", "a:b"]));
    (
        (text(), text(), text()),
        prop::option::of(subsequence(vec!["ann", "bob", "", "arn:aws:sns:eu:1:t"], 0..=3)),
        prop::option::of(select(vec!["arn:aws:sns:eu:1:t", "arn:aws:sns:eu:1:ann", "arn:aws:sns:eu:x:1:t", "no arn"])),
        prop::option::of(select(vec!["0", "-1.5", "9.5", "11", "many"])),
        prop::option::of(select(vec!["10.1.2.3", "192.0.2.1", "2001:db8::1", "nowhere"])),
        prop::option::of(any::<bool>()),
    )
        .prop_map(|((username, tag, text), tags, arn, number, ip, bool)| {
            let mut context = Context::new();
            let texts = [
                ("aws:username", username),
                ("aws:PrincipalTag/Team", tag),
                ("k:text", text),
                ("k:arn", arn),
                ("k:number", number),
                ("aws:SourceIp", ip),
            ];
            for (key, value) in texts {
                if let Some(value) = value {
                    context.set(key, value);
                }
            }
            if let Some(tags) = tags {
                context.set("aws:TagKeys", tags.into_iter().map(str::to_owned).collect::<Vec<_>>());
            }
            if let Some(bool) = bool {
                context.set("k:bool", bool);
            }
            context
        })
}

fn asked(trust: bool) -> impl Strategy<Value = Asked> {
    let action = if trust { select(vec!["sts:AssumeRole", "sts:GetCallerIdentity"]).boxed() } else { action().boxed() };
    (who(), action, resource(), select(vec![None, Some(HOME), Some(HOME), Some(AWAY)]), context()).prop_map(
        |(who, action, resource, account, context)| Asked {
            principal: principal(who),
            action: action.to_owned(),
            resource: resource.to_owned(),
            resource_account: account.map(str::to_owned),
            context,
        },
    )
}

fn question() -> impl Strategy<Value = (Texts, Asked)> {
    world().prop_flat_map(|texts| (Just(texts.clone()), asked(texts.trust)))
}

/// More is more allowed.
fn rank(effect: Effect) -> bool {
    effect == Effect::Allowed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(1_500), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_says_what_the_model_says((texts, asked) in question()) {
        let decision = texts.compile().decide(&asked);
        prop_assert_eq!(decision.effect, model::effect(&texts, &asked), "{:#?}", decision);
        prop_assert_eq!(decision.missing.is_some(), decision.effect == Effect::ImplicitlyDenied);
        prop_assert_eq!(decision.because(&asked.action).is_empty(), decision.is_allowed());
    }

    #[test]
    fn adding_a_denial_never_allows_more((texts, asked) in question(), mut denial in statement(Kind::Identity)) {
        let before = texts.compile().decide(&asked).effect;
        denial["Effect"] = json!("Deny");
        let denial = json!({"Version": "2012-10-17", "Statement": denial}).to_string();
        for layer in 0..3 {
            let mut more = texts.clone();
            match layer {
                0 => more.identity.push(denial.clone()),
                1 => more.boundary.get_or_insert_default().push(denial.clone()),
                _ => more.session.get_or_insert_default().push(denial.clone()),
            }
            // A first boundary or session policy narrows by being there, which is no exception to the law.
            let after = more.compile().decide(&asked).effect;
            if asked.principal.kind != brevet::policy::PrincipalKind::FederatedUser || layer < 2 {
                prop_assert!(rank(after) <= rank(before), "{layer}");
            }
            prop_assert!(before != Effect::ExplicitlyDenied || after == Effect::ExplicitlyDenied, "{layer}");
        }
    }

    #[test]
    fn adding_an_allowance_never_allows_less((texts, asked) in question(), mut allowance in statement(Kind::Identity)) {
        let before = texts.compile().decide(&asked).effect;
        allowance["Effect"] = json!("Allow");
        let mut more = texts.clone();
        more.identity.push(json!({"Version": "2012-10-17", "Statement": allowance}).to_string());
        prop_assert!(rank(before) <= rank(more.compile().decide(&asked).effect));
    }

    #[test]
    fn boundaries_and_session_policies_never_add((texts, asked) in question(), limit in generous(Kind::Boundary)) {
        let without = Texts { boundary: None, ..texts.clone() };
        let with = Texts { boundary: Some(limit.clone()), ..texts.clone() };
        prop_assert!(rank(with.compile().decide(&asked).effect) <= rank(without.compile().decide(&asked).effect));
        if asked.principal.kind != brevet::policy::PrincipalKind::FederatedUser {
            let without = Texts { session: None, ..texts.clone() };
            let with = Texts { session: Some(limit), ..texts };
            prop_assert!(rank(with.compile().decide(&asked).effect) <= rank(without.compile().decide(&asked).effect));
        }
    }

    #[test]
    fn order_and_repetition_never_matter((texts, asked) in question()) {
        let effect = texts.compile().decide(&asked).effect;
        let again = |texts: &[String]| -> Vec<String> {
            texts.iter().rev().chain(texts).map(|text| {
                let mut policy: Json = serde_json::from_str(text).unwrap();
                if let Some(statements) = policy["Statement"].as_array_mut() {
                    statements.reverse();
                    statements.extend(statements.clone());
                }
                policy.to_string()
            }).collect()
        };
        let shuffled = Texts {
            identity: again(&texts.identity),
            boundary: texts.boundary.as_deref().map(again),
            session: texts.session.as_deref().map(again),
            resource: texts.resource.as_deref().map(again),
            trust: texts.trust,
        };
        prop_assert_eq!(effect, shuffled.compile().decide(&asked).effect);
    }

    #[test]
    fn a_decision_depends_on_no_other_key_than_the_set_says((texts, asked) in question(), other in context()) {
        let compiled = texts.compile();
        let sets = [Some(&compiled.identity), compiled.boundary.as_ref(), compiled.session.as_ref(), compiled.resource.as_ref()];
        let reads = |key: &str| sets.iter().flatten().any(|set| set.keys().contains(key));
        let mut changed = Context::new();
        for (key, value) in asked.context.iter().filter(|(key, _)| reads(key.name())) {
            changed.set(key.name(), value.clone());
        }
        for (key, value) in other.iter().filter(|(key, _)| !reads(key.name())) {
            changed.set(key.name(), value.clone());
        }
        prop_assert_eq!(compiled.decide(&asked), compiled.decide(&Asked { context: changed, ..asked.clone() }));
    }

    #[test]
    fn a_decision_holds_until_the_set_says(
        conditions in prop::collection::vec((
            select(vec!["DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals", "DateEquals", "DateNotEquals"]),
            any::<bool>(),
            990_i64..1_020,
            select(vec!["", ".5"]),
        ), 1..4),
        age in prop::option::of((0_i64..20, 0_i64..30)),
    ) {
        let mut statements = Vec::new();
        for (operator, epoch, at, fraction) in conditions {
            let (key, value) = match epoch {
                true => ("aws:EpochTime", at.to_string().replace("1000", "01000")),
                false => ("aws:CurrentTime", Timestamp(at).iso8601().replace('Z', &format!("{fraction}Z"))),
            };
            let value = if value.len() == 4 { format!("0{value}") } else { value };
            statements.push(json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {operator: {key: value}}}));
        }
        if let Some((limit, _)) = age {
            statements.push(json!({"Effect": "Deny", "Action": "*", "Resource": "*",
                "Condition": {"NumericGreaterThan": {"aws:MultiFactorAuthAge": limit}}}));
        }
        let texts = Texts { identity: vec![json!({"Statement": statements}).to_string()], ..Texts::default() };
        let compiled = texts.compile();
        let at = |now: i64| {
            let mut context = Context::new();
            context.set("aws:CurrentTime", Timestamp(now));
            context.set("aws:EpochTime", now);
            if let Some((_, since)) = age {
                context.set("aws:MultiFactorAuthAge", now - 1_000 + since);
            }
            Asked { principal: principal("user/ann"), action: "s3:GetObject".into(), resource: "*".into(), resource_account: None, context }
        };
        let now = 1_000;
        let until = compiled.identity.valid_until(Timestamp(now), &at(now).context).map_or(1_100, Timestamp::seconds);
        prop_assert!(until > now);
        let decision = compiled.decide(&at(now));
        for later in now..until {
            prop_assert_eq!(&decision.effect, &compiled.decide(&at(later)).effect, "{} until {}", later, until);
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>(), cut in 0_usize..400) {
        let policy = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": text,
            "Condition": {"StringLike": {"k:x": text}, "DateEquals": {"k:y": text}}}}).to_string();
        let cut: String = policy.chars().take(cut).collect();
        for kind in [Kind::Identity, Kind::Boundary, Kind::Session, Kind::Trust, Kind::Resource] {
            for source in [&text, &policy, &cut] {
                if let Ok(document) = Document::parse(source, kind) {
                    let _ = PolicySet::new(vec![Arc::new(Policy::compile(&document, kind, "p"))]);
                }
            }
        }
    }
}

/// The time for a pattern must not depend on its shape: twice the length may cost four times as much (the product of the
/// lengths), never a thousand times.
#[test]
fn no_pattern_is_exponential() {
    let texts = |pattern: String| Texts {
        identity: vec![
            json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": pattern}})
                .to_string(),
        ],
        ..Texts::default()
    };
    for (pattern, resource) in [
        (format!("arn:aws:s3:::{}b", "*a".repeat(1_000)), "a".repeat(2_000)),
        (format!("arn:aws:s3:::{}b", "*a?".repeat(600)), "a".repeat(2_000)),
        (format!("arn:aws:s3:::{}${{aws:username}}b", "*a".repeat(1_000)), "a".repeat(2_000)),
        (format!("arn:aws:*a{}:x:1:b", "*a".repeat(200)), "a".repeat(2_000)),
    ] {
        let mut context = Context::new();
        context.set("aws:username", "a");
        let asked = Asked {
            principal: principal("user/ann"),
            action: "s3:GetObject".into(),
            resource: format!("arn:aws:s3:::{resource}"),
            resource_account: None,
            context,
        };
        // An exponential matcher would not come back within the age of the universe.
        assert_eq!(texts(pattern).compile().decide(&asked).effect, Effect::ImplicitlyDenied);
    }
}
