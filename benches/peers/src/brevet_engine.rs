//! brevet: the policies as they are.

use std::sync::Arc;

use brevet::policy::{
    Context, Document, Kind, Policies, Policy, PolicySet, Principal, PrincipalKind, Request, evaluate,
};

use crate::Engine;
use crate::scenario::{self, Question, Spread, USER};

struct Brevet {
    identity: PolicySet,
    boundary: PolicySet,
    principal: Principal,
}

pub fn load(count: usize, spread: Spread) -> Box<dyn Engine> {
    let identity = scenario::policies(count, spread);
    Box::new(Brevet {
        identity: set(&identity, Kind::Identity),
        boundary: set(&[scenario::boundary()], Kind::Boundary),
        principal: Principal {
            kind: PrincipalKind::User,
            account: "111122223333".to_owned(),
            arn: format!("arn:aws:iam::111122223333:user/{USER}"),
            issuer_arn: None,
            unique_id: "AIDAEXAMPLE".to_owned(),
        },
    })
}

fn set(texts: &[String], kind: Kind) -> PolicySet {
    let compiled = texts.iter().enumerate().map(|(i, text)| {
        let document = Document::parse(text, kind).expect("a valid policy");
        Arc::new(Policy::compile(&document, kind, format!("policy-{i}")))
    });
    PolicySet::new(compiled.collect())
}

impl Engine for Brevet {
    fn ask<'a>(&'a mut self, question: &Question) -> Box<dyn FnMut() -> bool + 'a> {
        let mut context = Context::new();
        context.set("aws:SourceIp", question.source_ip.parse::<std::net::IpAddr>().expect("an address"));
        context.set("aws:MultiFactorAuthPresent", question.mfa);
        context.set("aws:username", USER);
        let question = question.clone();
        Box::new(move || {
            let policies = Policies { boundary: Some(&self.boundary), ..Policies::of(&self.identity) };
            let request = Request {
                principal: &self.principal,
                action: question.action,
                resource: &question.resource,
                resource_account: None,
                context: &context,
            };
            evaluate(&request, &policies).is_allowed()
        })
    }
}
