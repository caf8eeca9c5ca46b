//! The algebra of the language, on generated policies and requests: laws that hold whatever the policies say.
//!
//! Each law is tried 1,500 times; `PROPTEST_CASES` raises that, here and in `agreement`. A night's run is
//!
//! ```sh
//! PROPTEST_CASES=1000000 cargo test --test policy -- laws agreement
//! ```

use std::cell::RefCell;

use brevet::clock::Timestamp;
use brevet::policy::{Context, Effect, Fact, Facts, Key, PrincipalKind};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value as Json, json};

use crate::case::{Asked, Texts, principal};
use crate::generate::{Form, context, everything, generous, policy, question, statement};

pub fn config() -> ProptestConfig {
    let cases = ProptestConfig::default().cases.max(1_500);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn effect(texts: &Texts, asked: &Asked) -> Effect {
    texts.compile().decide(asked).effect
}

fn allowed(texts: &Texts, asked: &Asked) -> bool {
    effect(texts, asked) == Effect::Allowed
}

/// A statement of each form.
#[derive(Debug)]
struct OfForms([Json; 4]);

impl OfForms {
    fn text(&self, form: Form) -> String {
        let OfForms([own, resource, trust, everyone]) = self;
        policy(match form {
            Form::Own => own,
            Form::Resource => resource,
            Form::Trust => trust,
            Form::Everyone => everyone,
        })
    }
}

fn any_statement(effect: &'static str) -> impl Strategy<Value = OfForms> {
    let of = |form| {
        statement(form).prop_map(move |mut statement| {
            statement["Effect"] = json!(effect);
            statement
        })
    };
    [of(Form::Own), of(Form::Resource), of(Form::Trust), of(Form::Everyone)].prop_map(OfForms)
}

/// Every place that a policy can be in, as the policies with one more there. A boundary, a session policy or a policy of the
/// resource that was not there is there then; levels are only added to.
fn with_one_more(texts: &Texts, text: impl Fn(Form) -> String) -> Vec<(String, Texts)> {
    let mut all = Vec::new();
    let mut put = |place: String, change: &dyn Fn(&mut Texts)| {
        let mut more = texts.clone();
        change(&mut more);
        all.push((place, more));
    };
    let resource = if texts.trust { Form::Trust } else { Form::Resource };
    put("identity".into(), &|more| more.identity.push(text(Form::Own)));
    put("boundary".into(), &|more| more.boundary.get_or_insert_default().push(text(Form::Own)));
    put("session".into(), &|more| more.session.get_or_insert_default().push(text(Form::Own)));
    put("resource".into(), &|more| more.resource.get_or_insert_default().push(text(resource)));
    for level in 0..texts.scps.len() {
        put(format!("scps {level}"), &|more| more.scps[level].push(text(Form::Own)));
    }
    for level in 0..texts.rcps.len() {
        put(format!("rcps {level}"), &|more| more.rcps[level].push(text(Form::Everyone)));
    }
    all
}

/// Facts that remember what they were asked for.
#[derive(Debug)]
struct Watched<'c> {
    context: &'c Context,
    asked_for: RefCell<Vec<String>>,
}

impl Facts for Watched<'_> {
    fn fact(&self, key: &Key) -> Option<Fact<'_>> {
        self.asked_for.borrow_mut().push(key.name().to_owned());
        self.context.fact(key)
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn adding_a_denial_never_allows_more((texts, asked) in question(), denial in any_statement("Deny")) {
        let before = effect(&texts, &asked);
        for (place, more) in with_one_more(&texts, |form| denial.text(form)) {
            let after = effect(&more, &asked);
            prop_assert!(after != Effect::Allowed || before == Effect::Allowed, "{place}");
            prop_assert!(before != Effect::ExplicitlyDenied || after == Effect::ExplicitlyDenied, "{place}");
        }
    }

    #[test]
    fn a_denial_of_everything_denies_everything_it_applies_to((texts, asked) in question()) {
        let who = asked.principal.kind;
        let stranger = matches!(who, PrincipalKind::Service | PrincipalKind::Federated | PrincipalKind::Anonymous);
        let linked = asked.principal.issuer_arn.as_ref().is_some_and(|arn| arn.contains("/AWSServiceRoleFor"));
        let by_root = asked.principal.issuer_arn.as_ref().is_some_and(|arn| arn.ends_with(":root"));
        for (place, more) in with_one_more(&texts, |form| policy(&everything(form, "Deny"))) {
            let applies = match place.split(' ').next().unwrap() {
                "identity" | "boundary" => who != PrincipalKind::Root && !by_root && !stranger,
                "scps" => !stranger && !linked,
                "rcps" => !linked,
                // Trust policies can only speak of actions of STS.
                "resource" => !texts.trust || asked.action.to_ascii_lowercase().starts_with("sts:"),
                _ => !stranger,
            };
            prop_assert!(!applies || effect(&more, &asked) == Effect::ExplicitlyDenied, "{place}");
        }
    }

    #[test]
    fn adding_an_allowance_never_allows_less((texts, asked) in question(), allowance in any_statement("Allow")) {
        let before = effect(&texts, &asked);
        for (place, more) in with_one_more(&texts, |form| allowance.text(form)) {
            // A first boundary or session policy narrows by being there.
            let narrows = (place == "boundary" && texts.boundary.is_none()) || (place == "session" && texts.session.is_none());
            let after = effect(&more, &asked);
            prop_assert!(narrows || after == Effect::Allowed || before != Effect::Allowed, "{place}");
            // NotPrincipal with Deny reaches whoever has a boundary, so a first one may even deny.
            let bounds = place == "boundary" && texts.boundary.is_none();
            let denied = |effect| effect == Effect::ExplicitlyDenied;
            prop_assert!(bounds || denied(before) == denied(after), "{place}");
        }
    }

    #[test]
    fn what_limits_never_adds((texts, asked) in question(), own in generous(Form::Own, 0.5), all in generous(Form::Everyone, 0.5)) {
        let mut limited = vec![
            Texts { boundary: Some(own.clone()), ..texts.clone() },
            Texts { boundary: None, ..texts.clone() },
        ];
        // A federated user has nothing at all without a session policy.
        if asked.principal.kind != PrincipalKind::FederatedUser {
            limited.push(Texts { session: Some(own.clone()), ..texts.clone() });
            limited.push(Texts { session: None, ..texts.clone() });
        }
        for pair in limited.chunks(2) {
            prop_assert!(!allowed(&pair[0], &asked) || allowed(&pair[1], &asked));
        }
        let before = allowed(&texts, &asked);
        for at in 0..=texts.scps.len() {
            let mut more = texts.clone();
            more.scps.insert(at, own.clone());
            prop_assert!(before || !allowed(&more, &asked), "service control level {at}");
        }
        for at in 0..=texts.rcps.len() {
            let mut more = texts.clone();
            more.rcps.insert(at, all.clone());
            prop_assert!(before || !allowed(&more, &asked), "resource control level {at}");
        }
    }

    #[test]
    fn levels_that_allow_everything_change_nothing((texts, asked) in question()) {
        let mut more = texts.clone();
        more.scps.push(vec![policy(&everything(Form::Own, "Allow"))]);
        more.rcps.insert(0, vec![policy(&everything(Form::Everyone, "Allow"))]);
        prop_assert_eq!(effect(&texts, &asked), effect(&more, &asked));
    }

    #[test]
    fn order_and_repetition_never_matter((texts, asked) in question()) {
        let again = |texts: &Vec<String>| -> Vec<String> {
            texts.iter().rev().chain(texts).map(|text| {
                let mut policy: Json = serde_json::from_str(text).unwrap();
                if let Some(statements) = policy["Statement"].as_array_mut() {
                    statements.reverse();
                    statements.extend(statements.clone());
                }
                policy.to_string()
            }).collect()
        };
        let levels = |levels: &[Vec<String>]| levels.iter().rev().chain(levels).map(again).collect();
        let shuffled = Texts {
            identity: again(&texts.identity),
            boundary: texts.boundary.as_ref().map(again),
            session: texts.session.as_ref().map(again),
            resource: texts.resource.as_ref().map(again),
            scps: levels(&texts.scps),
            rcps: levels(&texts.rcps),
            ..texts
        };
        prop_assert_eq!(effect(&texts, &asked), effect(&shuffled, &asked));
    }

    #[test]
    fn how_a_policy_is_cut_into_statements_never_matters((texts, asked) in question()) {
        // One statement in each policy, so that the set's own work (indexes, order) is all that remains.
        let cut = |texts: &Vec<String>| -> Vec<String> {
            texts.iter().flat_map(|text| {
                let policy: Json = serde_json::from_str(text).unwrap();
                let statements = match &policy["Statement"] {
                    Json::Array(statements) => statements.clone(),
                    one => vec![one.clone()],
                };
                statements.into_iter().map(move |one| {
                    let mut policy = policy.clone();
                    policy["Statement"] = one;
                    policy.to_string()
                })
            }).collect()
        };
        let apart = Texts {
            identity: cut(&texts.identity),
            boundary: texts.boundary.as_ref().map(cut),
            session: texts.session.as_ref().map(cut),
            resource: texts.resource.as_ref().map(cut),
            scps: texts.scps.iter().map(cut).collect(),
            rcps: texts.rcps.iter().map(cut).collect(),
            ..texts
        };
        let (whole, apart) = (texts.compile().decide(&asked), apart.compile().decide(&asked));
        prop_assert_eq!(whole.effect, apart.effect);
        prop_assert_eq!(whole.statements.len(), apart.statements.len());
    }

    #[test]
    fn a_decision_depends_on_no_other_key_than_the_set_says((texts, asked) in question(), other in context()) {
        let compiled = texts.compile();
        let sets = compiled.sets();
        let reads = |key: &str| sets.iter().any(|set| set.keys().contains(key));
        let mut changed = Context::new();
        for (key, value) in asked.context.iter().filter(|(key, _)| reads(key.name())) {
            changed.set(key.name(), value.clone());
        }
        for (key, value) in other.iter().filter(|(key, _)| !reads(key.name())) {
            changed.set(key.name(), value.clone());
        }
        let decision = compiled.decide(&asked);
        prop_assert_eq!(&decision, &compiled.decide_by(&asked, &changed));
        let watched = Watched { context: &asked.context, asked_for: RefCell::default() };
        prop_assert_eq!(&decision, &compiled.decide_by(&asked, &watched));
        for key in watched.asked_for.take() {
            prop_assert!(reads(&key), "{key} is read, and no set says so");
        }
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
}
