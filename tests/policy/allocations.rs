//! A decision allocates nothing, whatever its outcome.

use std::sync::Arc;

use brevet::clock::Timestamp;
use brevet::policy::{Context, Document, Effect, Kind, Policies, Policy, PolicySet, Request, evaluate};

use crate::case::principal;

#[path = "../../benches/scenario/mod.rs"]
mod scenario;

fn set(texts: &[String], kind: Kind) -> PolicySet {
    let compiled = texts.iter().map(|text| {
        let document = Document::parse(text, kind).unwrap();
        Arc::new(Policy::compile(&document, kind, "p"))
    });
    PolicySet::new(compiled.collect())
}

fn allocations(
    identity: &PolicySet,
    boundary: &PolicySet,
    action: &str,
    resource: &str,
    context: &Context,
) -> (Effect, u64) {
    let policies = Policies { boundary: Some(boundary), ..Policies::of(identity) };
    let principal = principal("user/ann");
    let request = Request { principal: &principal, action, resource, resource_account: None, context };
    let mut effect = Effect::Allowed;
    let counted = allocation_counter::measure(|| effect = evaluate(&request, &policies).effect());
    (effect, counted.count_total)
}

#[test]
fn the_scenario_of_the_benches_is_decided_without_allocating() {
    let boundary = set(&[scenario::boundary()], Kind::Boundary);
    for spread in [scenario::Spread::OneService, scenario::Spread::ManyServices] {
        for count in [1, 10, 100] {
            let identity = set(&scenario::policies(count, spread), Kind::Identity);
            for question in scenario::questions(count) {
                let mut context = Context::new();
                context.set("aws:SourceIp", question.source_ip);
                context.set("aws:MultiFactorAuthPresent", question.mfa);
                context.set("aws:username", "ann");
                let (_, counted) = allocations(&identity, &boundary, question.action, &question.resource, &context);
                assert_eq!(counted, 0, "{question:?}");
            }
        }
    }
}

/// Every operator, variables of every type, wildcards in every place.
#[test]
fn nothing_in_the_language_allocates() {
    let boundary = set(&[r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#.to_owned()], Kind::Boundary);
    let mut context = Context::new();
    context.set("aws:username", "ann");
    context.set("aws:CurrentTime", Timestamp(1_795_488_101));
    context.set("aws:EpochTime", 1_795_488_101);
    context.set("aws:SourceIp", "2001:db8::1".parse::<std::net::IpAddr>().unwrap());
    context.set("aws:PrincipalArn", "arn:aws:iam::111122223333:user/ann");
    context.set("aws:TagKeys", vec!["a".to_owned(), "b".to_owned()]);
    context.set("k:bytes", vec![1_u8, 2, 3]);
    for condition in [
        r#""StringEquals":{"aws:CurrentTime":"x","aws:EpochTime":"x","aws:SourceIp":"x"}"#,
        r#""StringLike":{"aws:username":["*n*n*","?${aws:EpochTime}*","${aws:CurrentTime}"]}"#,
        r#""StringEqualsIgnoreCase":{"aws:username":["ANN","${aws:userName}"]}"#,
        r#""ForAllValues:StringLike":{"aws:TagKeys":["a*","?"]}"#,
        r#""ArnLike":{"aws:PrincipalArn":["arn:aws:iam::*:user/*","arn:aws:iam::111122223333:user/${aws:username}","${aws:PrincipalArn}"]}"#,
        r#""NumericLessThan":{"aws:EpochTime":"1795488102"}"#,
        r#""DateGreaterThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"}"#,
        r#""IpAddress":{"aws:SourceIp":["10.0.0.0/8","2001:db8::/32"]}"#,
        r#""BinaryEquals":{"k:bytes":"AQID"}"#,
        r#""Bool":{"aws:username":"true"}"#,
        r#""Null":{"aws:username":"false"}"#,
    ] {
        for resource in
            ["*", "arn:aws:s3:::b/${aws:username}/*", "arn:*:s*3:?:*:b/*k", "arn:aws:s3:::*/${aws:SourceIp}/*"]
        {
            let text = format!(
                r#"{{"Version":"2012-10-17","Statement":[
                    {{"Effect":"Allow","Action":"s3:Get*","Resource":"{resource}","Condition":{{{condition}}}}},
                    {{"Effect":"Deny","NotAction":"s3:*","NotResource":"arn:aws:s3:::c"}}]}}"#
            );
            let identity = set(&[text], Kind::Identity);
            let (_, counted) = allocations(&identity, &boundary, "s3:GetObject", "arn:aws:s3:::b/ann/k", &context);
            assert_eq!(counted, 0, "{condition} {resource}");
        }
    }
}
