//! A request and a policy, both from strangers: the fields of the input are divided by NUL bytes.
//!
//! Patterns, variables, dates, numbers and addresses meet values of every kind. Nothing may panic or run away, and the answer
//! about many statements must be the one that the statements give one by one: an index must not lose or invent any.
#![no_main]

use std::net::IpAddr;
use std::sync::Arc;

use brevet::clock::Timestamp;
use brevet::policy::{
    Context, Document, Effect, Kind, Policies, Policy, PolicySet, Principal, PrincipalKind, Request, evaluate,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut fields = text.splitn(5, '\0');
    let (Some(action), Some(resource), Some(key), Some(value), Some(document)) =
        (fields.next(), fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return;
    };
    let Ok(document) = Document::parse(document, Kind::Identity) else { return };
    let principal = Principal {
        kind: PrincipalKind::User,
        account: "111122223333".to_owned(),
        arn: "arn:aws:iam::111122223333:user/ann".to_owned(),
        issuer_arn: None,
        unique_id: "AIDAEXAMPLE".to_owned(),
    };
    let mut context = Context::new();
    context.set("aws:username", "ann");
    context.set("aws:CurrentTime", Timestamp(1_585_699_200));
    context.set("aws:EpochTime", 1_585_699_200);
    context.set("aws:SourceIp", IpAddr::from([203, 0, 113, 7]));
    context.set("aws:TagKeys", value.split(',').map(str::to_owned).collect::<Vec<_>>());
    context.set(key, value);
    let request = Request { principal: &principal, action, resource, resource_account: None, context: &context };
    let effect = |texts: &[Arc<Policy>]| {
        let set = PolicySet::new(texts.to_vec());
        let _ = set.valid_until(Timestamp(1_585_699_200), &context);
        let verdict = evaluate(&request, &Policies::of(&set));
        let _ = verdict.explain().because(action);
        verdict.effect()
    };
    let whole = Arc::new(Policy::compile(&document, Kind::Identity, "whole"));
    let each: Vec<Effect> = whole.statements().map(|one| effect(&[Arc::new(one)])).collect();
    let expected = if each.contains(&Effect::ExplicitlyDenied) {
        Effect::ExplicitlyDenied
    } else if each.contains(&Effect::Allowed) {
        Effect::Allowed
    } else {
        Effect::ImplicitlyDenied
    };
    assert_eq!(effect(&[whole]), expected);
});
