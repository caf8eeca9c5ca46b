//! Engine and model on generated policies and requests: the same outcome, for the same reasons.

use std::collections::BTreeMap;

use brevet::policy::Effect;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;

use crate::case::{Asked, Texts, answer, principal};
use crate::generate::{
    arn_question, by_resource, condition, context, crowd, guarded, policy, prefixes, question, resource_question,
    text_question,
};
use crate::laws::config;
use crate::model::{self, Answer};

fn agree(texts: &Texts, asked: &Asked) -> Result<(), TestCaseError> {
    let decision = texts.compile().decide(asked);
    prop_assert_eq!(answer(&decision), model::answer(texts, asked), "the engine says the left");
    prop_assert_eq!(decision.missing.is_some(), decision.effect == Effect::ImplicitlyDenied);
    prop_assert_eq!(decision.because(&asked.action).is_empty(), decision.is_allowed());
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn on_any_policies((texts, asked) in question()) {
        agree(&texts, &asked)?;
    }

    #[test]
    fn on_policies_of_resources((texts, asked) in by_resource()) {
        agree(&texts, &asked)?;
    }

    #[test]
    fn under_guardrails((texts, asked) in guarded()) {
        agree(&texts, &asked)?;
    }

    #[test]
    fn on_many_statements_that_begin_alike((texts, asked) in prefixes()) {
        agree(&texts, &asked)?;
    }

    #[test]
    fn on_many_patterns_that_begin_alike((texts, asked) in crowd()) {
        agree(&texts, &asked)?;
    }

    #[test]
    fn on_conditions(condition in condition(1..=3), context in context(), deny: bool) {
        let effect = if deny { "Deny" } else { "Allow" };
        let statement = json!({"Effect": effect, "Action": "*", "Resource": "*", "Condition": condition});
        let texts = Texts { identity: vec![policy(&statement)], ..Texts::default() };
        let (action, resource) = ("s3:GetObject".to_owned(), "*".to_owned());
        agree(&texts, &Asked { principal: principal("user/ann"), action, resource, resource_account: None, context })?;
    }

    #[test]
    fn on_patterns_of_resources((texts, asked) in resource_question()) {
        agree(&texts, &asked)?;
    }

    #[test]
    fn on_patterns_of_texts((texts, asked) in text_question()) {
        agree(&texts, &asked)?;
    }

    #[test]
    fn on_patterns_of_arns((texts, asked) in arn_question()) {
        agree(&texts, &asked)?;
    }
}

/// What is worth counting about an answer.
fn features(asked: &Asked, answer: &Answer) -> Vec<String> {
    let mut all = vec![format!("{:?}", answer.effect)];
    if let Some(missing) = &answer.missing {
        all.push(format!("missing {}", missing.kind));
        if missing.near.is_some() {
            all.push("near miss".to_owned());
        }
    }
    let has = |kind: &str| answer.statements.iter().any(|s| s.kind == kind);
    match answer.effect {
        Effect::ExplicitlyDenied => all.extend(answer.statements.iter().map(|s| format!("denied by {}", s.kind))),
        Effect::Allowed if (has("Resource") || has("Trust")) && !has("Identity") => {
            all.push(format!("given by a resource to {:?}", asked.principal.kind));
        }
        _ => {}
    }
    if answer.statements.len() > 3 {
        all.push("more than three statements".to_owned());
    }
    all.sort();
    all.dedup();
    all
}

/// Asks 2,000 times and holds the shares of some features, in thousandths, to what is wanted.
fn shares(name: &str, strategy: &impl Strategy<Value = (Texts, Asked)>, wanted: &[(&str, usize)]) {
    const ASKED: usize = 2_000;
    let mut runner = TestRunner::deterministic();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..ASKED {
        let (texts, asked) = strategy.new_tree(&mut runner).unwrap().current();
        for feature in features(&asked, &model::answer(&texts, &asked)) {
            *counts.entry(feature).or_default() += 1;
        }
    }
    for (feature, count) in &counts {
        println!("{name}: {:4} of 1,000 {feature}", count * 1_000 / ASKED);
    }
    for (feature, least) in wanted {
        let found = counts.get(*feature).copied().unwrap_or(0) * 1_000 / ASKED;
        assert!(found >= *least, "{name}: {found} of 1,000 {feature}, {least} are wanted");
    }
}

/// A law on requests that are all denied for the same reason proves little, so the generators are held to variety.
#[test]
fn generated_requests_come_out_in_every_way() {
    let effects = [("Allowed", 100), ("ExplicitlyDenied", 100), ("ImplicitlyDenied", 100)];
    let with = |more: &[(&'static str, usize)]| [&effects, more].concat();
    let wanted = with(&[
        ("near miss", 100),
        ("missing Identity", 50),
        ("missing Boundary", 5),
        ("missing Session", 20),
        ("missing Resource", 50),
        ("missing Trust", 30),
        ("missing ServiceControl", 30),
        ("missing ResourceControl", 30),
        ("denied by Identity", 30),
        ("denied by Boundary", 5),
        ("denied by Session", 10),
        ("denied by Resource", 10),
        ("denied by Trust", 10),
        ("denied by ServiceControl", 10),
        ("denied by ResourceControl", 10),
    ]);
    shares("any policies", &question(), &wanted);
    let given = [("given by a resource to User", 50), ("given by a resource to AssumedRole", 50)];
    shares(
        "policies of resources",
        &by_resource(),
        &with(&[&given[..], &[("given by a resource to FederatedUser", 20)]].concat()),
    );
    let guards =
        ["missing ServiceControl", "missing ResourceControl", "denied by ServiceControl", "denied by ResourceControl"];
    shares("guarded", &guarded(), &with(&guards.map(|feature| (feature, 50))));
    shares("many statements", &prefixes(), &with(&[("near miss", 10), ("more than three statements", 300)]));
    shares("many patterns", &crowd(), &with(&[("more than three statements", 100)]));
    let both = [("Allowed", 100), ("ImplicitlyDenied", 100)];
    shares("patterns of resources", &resource_question(), &both);
    shares("patterns of texts", &text_question(), &both);
    shares("patterns of ARNs", &arn_question(), &both);
}
