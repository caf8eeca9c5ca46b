//! Any text, as any kind of policy: parsing, compiling and deciding must not panic, and the linter must have an error for what
//! is refused, and for nothing else.
#![no_main]

use std::sync::Arc;

use brevet::clock::Timestamp;
use brevet::policy::lint::{FindingType, check, guess};
use brevet::policy::{
    Context, Document, Kind, Policies, Policy, PolicySet, Principal, PrincipalKind, Request, ResourceRule, evaluate,
    statement_spans,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let principal = Principal {
        kind: PrincipalKind::AssumedRole,
        account: "111122223333".to_owned(),
        arn: "arn:aws:sts::111122223333:assumed-role/r/s".to_owned(),
        issuer_arn: Some("arn:aws:iam::111122223333:role/r".to_owned()),
        unique_id: "AROAEXAMPLE:s".to_owned(),
    };
    let mut context = Context::new();
    context.set("aws:username", "ann");
    context.set("aws:CurrentTime", Timestamp(1_585_699_200));
    context.set("aws:SourceIp", "203.0.113.7");
    context.set("aws:TagKeys", vec!["a".to_owned(), "b".to_owned()]);
    let request = Request {
        principal: &principal,
        action: "s3:GetObject",
        resource: "arn:aws:s3:::bucket/ann/x",
        resource_account: Some("444455556666"),
        context: &context,
    };
    let nothing = PolicySet::default();
    let _ = (guess(text), statement_spans(text));
    for kind in Kind::ALL {
        let parsed = Document::parse(text, kind);
        let refused = check(text, kind).iter().any(|finding| finding.finding_type == FindingType::Error);
        assert_eq!(refused, parsed.is_err());
        let Ok(document) = parsed else { continue };
        let set = PolicySet::new(vec![Arc::new(Policy::compile(&document, kind, "fuzzed"))]);
        let levels = [Arc::new(set.clone())];
        let policies = match kind {
            Kind::Identity => Policies::of(&set),
            Kind::Boundary => Policies { boundary: Some(&set), ..Policies::of(&nothing) },
            Kind::Session => Policies { session: Some(&set), ..Policies::of(&nothing) },
            Kind::Trust | Kind::Resource => Policies { resource: Some(&set), ..Policies::of(&nothing) },
            Kind::ServiceControl => Policies { service_control: &levels, ..Policies::of(&nothing) },
            Kind::ResourceControl => Policies { resource_control: &levels, ..Policies::of(&nothing) },
        };
        for resource_rule in [ResourceRule::Suffices, ResourceRule::Trust] {
            let policies = Policies { resource_rule, ..policies };
            let _ = evaluate(&request, &policies).explain().because(request.action);
        }
        let _ = set.valid_until(Timestamp(1_585_699_200), &context);
    }
});
