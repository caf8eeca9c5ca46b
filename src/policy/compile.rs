//! Statements ready for decisions: everything that can be worked out before a request comes is worked out.

use std::sync::Arc;

use super::condition::Compiled;
use super::context::Context;
use super::document::{Condition, Document, Kind, Listed, PrincipalList, StatementEffect, Version};
use super::pattern::Pattern;
use super::principal::Principals;
use super::template::Syntax;

/// A compiled policy, to be shared as `Arc`.
#[derive(Debug, Clone)]
pub struct Policy {
    id: Arc<str>,
    kind: Kind,
    pub(super) matchers: Box<[Matcher]>,
}

impl Policy {
    /// Compiles a document for use as `kind`. `id` names the policy in decisions: an ARN, or owner and name of an inline one.
    ///
    /// A document may be used as another kind than it was read as (a managed policy as boundary). Without principals it
    /// reaches nobody as a trust or resource policy.
    pub fn compile(document: &Document, kind: Kind, id: impl Into<String>) -> Policy {
        let matchers = document.statements().iter().map(|statement| statement.matcher.clone()).collect();
        Policy { id: id.into().into(), kind, matchers }
    }

    /// What decisions call it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How it is used.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn shared_id(&self) -> Arc<str> {
        Arc::clone(&self.id)
    }
}

/// A compiled statement.
#[derive(Debug, Clone)]
pub(super) struct Matcher {
    pub(super) sid: Option<Arc<str>>,
    pub(super) effect: StatementEffect,
    actions: Patterns,
    resources: Option<Patterns>,
    /// Whether a `NotResource` with a variable that has no value must not match: see [`Compiled::new`] for the reason.
    demands_variables: bool,
    pub(super) principals: Option<Principals>,
    pub(super) conditions: Box<[Compiled]>,
}

#[derive(Debug, Clone)]
struct Patterns {
    negated: bool,
    patterns: Box<[Pattern]>,
}

impl Patterns {
    fn new(listed: &Listed, read: impl Fn(&str) -> Result<Pattern, String>) -> Result<Patterns, String> {
        let patterns: Result<_, String> = listed.values.iter().map(|value| read(value)).collect();
        Ok(Patterns { negated: listed.negated, patterns: patterns? })
    }

    fn contain(&self, subject: &str, context: &Context) -> bool {
        self.negated != self.patterns.iter().any(|pattern| pattern.matches(subject, context))
    }
}

impl Matcher {
    /// The error says which value cannot be read.
    pub(super) fn new(
        version: Version,
        sid: Option<&str>,
        effect: StatementEffect,
        principals: Option<&PrincipalList>,
        actions: &Listed,
        resources: Option<&Listed>,
        conditions: &[Condition],
    ) -> Result<Matcher, String> {
        let variables = version == Version::V2012;
        let action = Syntax { wildcards: true, variables: false };
        let allows = effect == StatementEffect::Allow;
        let actions = Patterns::new(actions, |value| Pattern::text(&value.to_ascii_lowercase(), action))?;
        let resources = match resources {
            Some(listed) => Some(Patterns::new(listed, |value| Pattern::resource(value, variables))?),
            None => None,
        };
        let compiled: Result<_, String> =
            conditions.iter().map(|c| Compiled::new(c.operator, &c.key, &c.values, variables, allows)).collect();
        let has_variables = |p: &Patterns| p.patterns.iter().any(|pattern| pattern.variables().next().is_some());
        Ok(Matcher {
            sid: sid.map(Into::into),
            effect,
            demands_variables: allows && resources.as_ref().is_some_and(|r| r.negated && has_variables(r)),
            actions,
            resources,
            principals: principals.map(Principals::new),
            conditions: compiled?,
        })
    }

    /// Whether the statement is about this action (in lower case) on this resource, whatever its conditions say.
    pub(super) fn covers(&self, lower_case_action: &str, resource: &str, context: &Context) -> bool {
        self.actions.contain(lower_case_action, context)
            && self.resources.as_ref().is_none_or(|resources| {
                resources.contain(resource, context)
                    && (!self.demands_variables || resources.patterns.iter().all(|p| p.resolvable(context)))
            })
    }

    /// The first condition that does not hold.
    pub(super) fn failing_condition(&self, context: &Context) -> Option<&Compiled> {
        self.conditions.iter().find(|condition| !condition.holds(context))
    }

    /// The services, in lower case, outside of which the statement is about no action; `None` when there is no such limit.
    pub(super) fn services(&self) -> Option<Vec<&str>> {
        if self.actions.negated {
            return None;
        }
        self.actions.patterns.iter().map(|pattern| Some(pattern.literal_start()?.split_once(':')?.0)).collect()
    }

    /// Every condition key that the statement reads, in lower case.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let conditions = self.conditions.iter().map(|condition| &*condition.key);
        conditions.chain(self.variables())
    }

    /// The condition keys that it reads as variables, in lower case.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        let resources = self.resources.iter().flat_map(|r| r.patterns.iter().flat_map(Pattern::variables));
        resources.chain(self.conditions.iter().flat_map(|condition| condition.expected.variables()))
    }
}
