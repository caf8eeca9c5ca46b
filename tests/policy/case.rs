//! Short forms in which cases and generators speak of principals, requests and policies.

use std::sync::Arc;

use brevet::policy::{
    Context, Decision, Document, Kind, Policies, Policy, PolicySet, Principal, PrincipalKind, Request, ResourceRule,
    Value, evaluate,
};

/// The account of principals that name none.
pub const HOME: &str = "111122223333";

/// `root`, `user/ann`, `session/role/name`, `federated/bob`, `service/ec2.amazonaws.com`, `oidc/accounts.google.com`,
/// `anonymous`; of another account with `@444455556666` behind.
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
        "federated" => make(
            PrincipalKind::FederatedUser,
            account,
            format!("arn:aws:sts::{account}:federated-user/{first}"),
            Some(format!("arn:aws:iam::{account}:user/{first}")),
            format!("{account}:{first}"),
        ),
        "service" => make(PrincipalKind::Service, "", first.to_owned(), None, String::new()),
        "oidc" => make(PrincipalKind::Federated, "", first.to_owned(), None, String::new()),
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
    pub trust: bool,
}

pub struct Compiled {
    pub identity: PolicySet,
    pub boundary: Option<PolicySet>,
    pub session: Option<PolicySet>,
    pub resource: Option<PolicySet>,
    trust: bool,
}

impl Texts {
    pub fn compile(&self) -> Compiled {
        let resource_kind = if self.trust { Kind::Trust } else { Kind::Resource };
        Compiled {
            identity: set(&self.identity, Kind::Identity),
            boundary: self.boundary.as_ref().map(|texts| set(texts, Kind::Boundary)),
            session: self.session.as_ref().map(|texts| set(texts, Kind::Session)),
            resource: self.resource.as_ref().map(|texts| set(texts, resource_kind)),
            trust: self.trust,
        }
    }
}

impl Compiled {
    pub fn decide(&self, request: &Asked) -> Decision {
        let policies = Policies {
            boundary: self.boundary.as_ref(),
            session: self.session.as_ref(),
            resource: self.resource.as_ref(),
            resource_rule: if self.trust { ResourceRule::Trust } else { ResourceRule::Suffices },
            ..Policies::of(&self.identity)
        };
        let request = Request {
            principal: &request.principal,
            action: &request.action,
            resource: &request.resource,
            resource_account: request.resource_account.as_deref(),
            context: &request.context,
        };
        evaluate(&request, &policies).explain()
    }
}

pub fn set(texts: &[String], kind: Kind) -> PolicySet {
    let compile = |(index, text): (usize, &String)| {
        let document = Document::parse(text, kind).unwrap_or_else(|e| panic!("{e} ({}): {text}", e.detail()));
        Arc::new(Policy::compile(&document, kind, format!("{kind:?}{index}")))
    };
    PolicySet::new(texts.iter().enumerate().map(compile).collect())
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
