//! Short forms in which cases and generators speak of principals, requests and policies.

use std::sync::Arc;

use brevet::policy::{
    Context, Decision, Document, Facts, Kind, Policies, Policy, PolicySet, Principal, PrincipalKind, Request,
    ResourceRule, Value, evaluate,
};

use crate::model::{Answer, Missing, Near, Reason};

/// The account of principals that name none.
pub const HOME: &str = "111122223333";

/// `root`, `user/ann`, `session/role/name`, `linked/service/role` (a session of a service-linked role), `federated/bob`, `federated-by-root/bob`,
/// `service/ec2.amazonaws.com`, `oidc/accounts.google.com`, `saml/corp`, `anonymous`; of another account with `@444455556666`
/// behind.
pub fn principal(text: &str) -> Principal {
    let (name, account) = text.split_once('@').unwrap_or((text, HOME));
    let mut parts = name.split('/');
    let (kind, first, second) = (parts.next().unwrap(), parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let make = |kind, account: &str, arn: String, issuer_arn: Option<String>, unique_id: String| Principal {
        kind,
        account: account.to_owned(),
        arn,
        issuer_arn,
        unique_id,
    };
    match kind {
        "root" => make(PrincipalKind::Root, account, format!("arn:aws:iam::{account}:root"), None, account.to_owned()),
        "user" => make(
            PrincipalKind::User,
            account,
            format!("arn:aws:iam::{account}:user/{first}"),
            None,
            format!("AIDA{}", first.to_uppercase()),
        ),
        "session" => make(
            PrincipalKind::AssumedRole,
            account,
            format!("arn:aws:sts::{account}:assumed-role/{first}/{second}"),
            Some(format!("arn:aws:iam::{account}:role/{first}")),
            format!("AROA{}:{second}", first.to_uppercase()),
        ),
        "linked" => make(
            PrincipalKind::AssumedRole,
            account,
            format!("arn:aws:sts::{account}:assumed-role/{second}/s"),
            Some(format!("arn:aws:iam::{account}:role/aws-service-role/{first}/{second}")),
            format!("AROA{}:s", second.to_uppercase()),
        ),
        "federated" | "federated-by-root" => make(
            PrincipalKind::FederatedUser,
            account,
            format!("arn:aws:sts::{account}:federated-user/{first}"),
            Some(format!(
                "arn:aws:iam::{account}:{}",
                if kind == "federated" { format!("user/{first}") } else { "root".to_owned() }
            )),
            format!("{account}:{first}"),
        ),
        "service" => make(PrincipalKind::Service, "", first.to_owned(), None, String::new()),
        "oidc" => {
            let provider = format!("arn:aws:iam::{account}:oidc-provider/{first}");
            make(PrincipalKind::Federated, "", first.to_owned(), Some(provider), String::new())
        }
        "saml" => {
            let provider = format!("arn:aws:iam::{account}:saml-provider/{first}");
            make(PrincipalKind::Federated, "", provider, None, String::new())
        }
        "anonymous" => make(PrincipalKind::Anonymous, "", String::new(), None, String::new()),
        other => panic!("no kind of principal: {other}"),
    }
}

/// The policies of a case, as JSON.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    pub identity: Vec<String>,
    pub boundary: Option<Vec<String>>,
    pub session: Option<Vec<String>>,
    pub resource: Option<Vec<String>>,
    /// Whether `resource` is a trust policy.
    pub trust: bool,
    /// `None`: what the action and the resource say.
    pub rule: Option<ResourceRule>,
    /// Service control policies by level, the root of the organization first.
    pub scps: Vec<Vec<String>>,
    /// Resource control policies by level.
    pub rcps: Vec<Vec<String>>,
}

pub struct Compiled {
    pub identity: PolicySet,
    boundary: Option<PolicySet>,
    session: Option<PolicySet>,
    resource: Option<PolicySet>,
    rule: Option<ResourceRule>,
    service_control: Vec<Arc<PolicySet>>,
    resource_control: Vec<Arc<PolicySet>>,
}

impl Texts {
    pub fn compile(&self) -> Compiled {
        let optional = |texts: &Option<Vec<String>>, kind| texts.as_ref().map(|texts| set(texts, kind, None));
        let levels = |levels: &[Vec<String>], kind| {
            levels.iter().enumerate().map(|(level, texts)| Arc::new(set(texts, kind, Some(level)))).collect()
        };
        Compiled {
            identity: set(&self.identity, Kind::Identity, None),
            boundary: optional(&self.boundary, Kind::Boundary),
            session: optional(&self.session, Kind::Session),
            resource: optional(&self.resource, if self.trust { Kind::Trust } else { Kind::Resource }),
            rule: self.rule,
            service_control: levels(&self.scps, Kind::ServiceControl),
            resource_control: levels(&self.rcps, Kind::ResourceControl),
        }
    }
}

impl Compiled {
    pub fn decide(&self, asked: &Asked) -> Decision {
        self.decide_by(asked, &asked.context)
    }

    /// Decides by what `facts` say, and not by the request's own context.
    pub fn decide_by(&self, asked: &Asked, facts: &dyn Facts) -> Decision {
        let policies = Policies {
            boundary: self.boundary.as_ref(),
            session: self.session.as_ref(),
            resource: self.resource.as_ref(),
            resource_rule: self.rule.unwrap_or_else(|| ResourceRule::of(&asked.action, &asked.resource)),
            service_control: &self.service_control,
            resource_control: &self.resource_control,
            ..Policies::of(&self.identity)
        };
        let request = Request {
            principal: &asked.principal,
            action: &asked.action,
            resource: &asked.resource,
            resource_account: asked.resource_account.as_deref(),
            context: facts,
        };
        let verdict = evaluate(&request, &policies);
        let decision = verdict.explain();
        assert_eq!((verdict.effect(), verdict.is_allowed()), (decision.effect, decision.is_allowed()));
        decision
    }

    /// Every set that the request was held to.
    pub fn sets(&self) -> Vec<&PolicySet> {
        let optional = [&self.boundary, &self.session, &self.resource].into_iter().flatten();
        let levels = self.service_control.iter().chain(&self.resource_control).map(|set| &**set);
        std::iter::once(&self.identity).chain(optional).chain(levels).collect()
    }
}

pub fn set(texts: &[String], kind: Kind, level: Option<usize>) -> PolicySet {
    let compile = |(at, text): (usize, &String)| {
        let document = Document::parse(text, kind).unwrap_or_else(|e| panic!("{e} ({}): {text}", e.detail()));
        Arc::new(Policy::compile(&document, kind, id(&format!("{kind:?}"), level, at)))
    };
    PolicySet::new(texts.iter().enumerate().map(compile).collect())
}

/// What a policy is called in decisions.
pub fn id(kind: &str, level: Option<usize>, at: usize) -> String {
    level.map_or_else(|| format!("{kind} {at}"), |level| format!("{kind} {level}.{at}"))
}

/// The engine's answer in the model's words.
pub fn answer(decision: &Decision) -> Answer {
    let statements = decision.statements.iter().map(|s| Reason {
        kind: format!("{:?}", s.kind),
        policy: s.policy.to_string(),
        index: s.index,
        sid: s.sid.as_deref().map(str::to_owned),
    });
    let missing = decision.missing.as_ref().map(|missing| Missing {
        kind: format!("{:?}", missing.kind),
        level: missing.level,
        near: missing.near.as_ref().map(|near| Near {
            policy: near.statement.policy.to_string(),
            index: near.statement.index,
            operator: near.operator.to_string(),
            key: near.key.clone(),
            absent: near.absent,
        }),
    });
    Answer { effect: decision.effect, statements: statements.collect(), missing }
}

/// An owned request.
#[derive(Debug, Clone)]
pub struct Asked {
    pub principal: Principal,
    pub action: String,
    pub resource: String,
    pub resource_account: Option<String>,
    pub context: Context,
}

/// A JSON value as the value of a condition key.
pub fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Bool(v) => Value::from(*v),
        serde_json::Value::Number(v) => Value::from(v.as_i64().unwrap()),
        serde_json::Value::Array(items) => {
            Value::from(items.iter().map(|v| v.as_str().unwrap().to_owned()).collect::<Vec<_>>())
        }
        other => Value::from(other.as_str().unwrap()),
    }
}
