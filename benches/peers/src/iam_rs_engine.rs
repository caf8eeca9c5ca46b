//! iam-rs: the policies as they are. It knows no permissions boundaries, so the boundary is a second evaluation, and both must
//! allow.

use iam_rs::{
    Arn, Context, ContextValue, Decision, EvaluationOptions, IAMPolicy, IAMRequest, PolicyEvaluator, Principal,
    PrincipalId,
};

use crate::Engine;
use crate::scenario::{self, Question, Spread, USER};

struct IamRs {
    identity: PolicyEvaluator,
    boundary: PolicyEvaluator,
}

pub fn load(count: usize, spread: Spread) -> Box<dyn Engine> {
    Box::new(IamRs {
        identity: evaluator(&scenario::policies(count, spread)),
        boundary: evaluator(&[scenario::boundary()]),
    })
}

fn evaluator(texts: &[String]) -> PolicyEvaluator {
    let policies = texts.iter().map(|text| serde_json::from_str::<IAMPolicy>(text).expect("a valid policy"));
    // By itself it gives up after 1,000 statements.
    let options = EvaluationOptions { max_statements: usize::MAX, ..EvaluationOptions::default() };
    PolicyEvaluator::with_policies(policies.collect()).with_options(options)
}

impl Engine for IamRs {
    fn ask<'a>(&'a mut self, question: &Question) -> Box<dyn FnMut() -> bool + 'a> {
        let mut context = Context::new();
        context.insert("aws:SourceIp".to_owned(), ContextValue::String(question.source_ip.to_owned()));
        context.insert("aws:MultiFactorAuthPresent".to_owned(), ContextValue::Boolean(question.mfa));
        context.insert("aws:username".to_owned(), ContextValue::String(USER.to_owned()));
        let user = Principal::Aws(PrincipalId::String(format!("arn:aws:iam::111122223333:user/{USER}")));
        let resource = Arn::parse(&question.resource).expect("an ARN");
        let request = IAMRequest::new_with_context(user, question.action, resource, context);
        Box::new(move || {
            let allows = |evaluator: &PolicyEvaluator| {
                matches!(evaluator.evaluate(&request).expect("a decision").decision, Decision::Allow)
            };
            allows(&self.identity) && allows(&self.boundary)
        })
    }
}
