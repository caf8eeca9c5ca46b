//! The answer to a request, with its reasons.
//!
//! Source of the sentences: IAM User Guide, `troubleshoot_access-denied`.

use std::sync::Arc;

use super::document::{Kind, StatementEffect};
use super::operator::Operator;

/// What was decided, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The outcome.
    pub effect: Effect,
    /// The statements that made it: those that deny when the denial is explicit, otherwise those that allow. When a request
    /// is denied implicitly these are the allowances that did not suffice.
    pub statements: Vec<MatchedStatement>,
    /// What was missing, when the denial is implicit.
    pub missing: Option<Missing>,
}

/// The three outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Allowed.
    Allowed,
    /// A statement denies it.
    ExplicitlyDenied,
    /// Nothing denies it, but not everything that must allow it does.
    ImplicitlyDenied,
}

/// A statement that matched a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchedStatement {
    /// The id that the policy was compiled with.
    pub policy: Arc<str>,
    /// How the policy was used.
    pub kind: Kind,
    /// The statement's `Sid`.
    pub sid: Option<Arc<str>>,
    /// Its place in the policy, from 0.
    pub index: usize,
    /// What it does.
    pub effect: StatementEffect,
}

/// A statement that mattered, as it stands in a policy or by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementRef<'a> {
    /// As [`MatchedStatement::policy`].
    pub policy: &'a str,
    /// As [`MatchedStatement::kind`].
    pub kind: Kind,
    /// As [`MatchedStatement::sid`].
    pub sid: Option<&'a str>,
    /// As [`MatchedStatement::index`].
    pub index: usize,
    /// As [`MatchedStatement::effect`].
    pub effect: StatementEffect,
}

impl MatchedStatement {
    /// The same, borrowed.
    pub fn as_ref(&self) -> StatementRef<'_> {
        let Self { policy, kind, sid, index, effect } = self;
        StatementRef { policy, kind: *kind, sid: sid.as_deref(), index: *index, effect: *effect }
    }
}

/// Which kind of policy did not allow a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The kind of policy.
    pub kind: Kind,
    /// The level of the organization, from 0 at its root, for the policies that guard it.
    pub level: Option<usize>,
    /// The first statement there that would have allowed the request but for a condition.
    pub near: Option<NearMiss>,
}

/// A statement that allows the request but for one condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMiss {
    /// The statement.
    pub statement: MatchedStatement,
    /// The first key, in lower case, whose condition does not hold.
    pub key: String,
    /// Its operator.
    pub operator: Operator,
    /// Whether the request does not carry the key at all.
    pub absent: bool,
    /// What the condition expects, as the policy says it: the first values, long ones cut.
    pub expected: Arc<[Box<str>]>,
}

impl Decision {
    /// Whether the request may go on.
    pub fn is_allowed(&self) -> bool {
        self.effect == Effect::Allowed
    }

    /// What AWS adds to "User: … is not authorized to perform: … on resource: …", with the space before it. Empty where AWS
    /// adds nothing.
    pub fn because(&self, action: &str) -> String {
        match self.effect {
            Effect::Allowed => String::new(),
            Effect::ExplicitlyDenied => match self.statements.first() {
                Some(statement) => format!(" with an explicit deny in {}", with_article(statement.kind)),
                None => String::new(),
            },
            Effect::ImplicitlyDenied => match &self.missing {
                Some(missing) => format!(" because no {} allows the {action} action", missing.kind.name()),
                None => String::new(),
            },
        }
    }
}

impl Kind {
    /// What AWS calls such a policy.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Identity => "identity-based policy",
            Kind::Boundary => "permissions boundary",
            Kind::Session => "session policy",
            Kind::Resource => "resource-based policy",
            Kind::Trust => "role trust policy",
            Kind::ServiceControl => "service control policy",
            Kind::ResourceControl => "resource control policy",
        }
    }
}

fn with_article(kind: Kind) -> String {
    let article = match kind {
        Kind::Identity => "an",
        // A role has one.
        Kind::Trust => "the",
        _ => "a",
    };
    format!("{article} {}", kind.name())
}
