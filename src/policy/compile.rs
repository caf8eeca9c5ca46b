//! Statements ready for decisions: everything that can be worked out before a request comes is worked out.

use std::sync::Arc;

use super::condition::Compiled;
use super::document::{Condition, Document, Kind, Listed, PrincipalList, StatementEffect, Version};
use super::fact::Facts;
use super::index::{Known, Starts};
use super::key::Key;
use super::pattern::Pattern;
use super::principal::Principals;
use super::template::Syntax;

/// A compiled policy, to be shared as `Arc`.
#[derive(Debug, Clone)]
pub struct Policy {
    id: Arc<str>,
    kind: Kind,
    pub(super) matchers: Arc<[Matcher]>,
}

impl Policy {
    /// Compiles a document for use as `kind`. `id` names the policy in decisions: an ARN, or owner and name of an inline one.
    ///
    /// A document may be used as another kind than it was read as (a managed policy as boundary). Without principals it
    /// reaches nobody as a trust or resource policy.
    pub fn compile(document: &Document, kind: Kind, id: impl Into<String>) -> Policy {
        Policy { id: id.into().into(), kind, matchers: document.matchers() }
    }

    /// What decisions call it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How it is used.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The same policy in another use.
    pub fn used_as(&self, kind: Kind) -> Policy {
        Policy { id: self.shared_id(), kind, matchers: Arc::clone(&self.matchers) }
    }

    /// The policy taken apart: each statement as a policy of its own, with the same name.
    pub fn statements(&self) -> impl Iterator<Item = Policy> {
        let each = self.matchers.iter();
        each.map(|matcher| Policy { id: self.shared_id(), kind: self.kind, matchers: [matcher.clone()].into() })
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

    fn contain(&self, subject: &str, facts: &dyn Facts) -> bool {
        self.negated != self.patterns.iter().any(|pattern| pattern.matches(subject, facts))
    }

    /// What the patterns begin with, each text once with the most that can be said of what follows it; `None` when one may
    /// begin with anything, or what matches is everything else.
    fn starts(&self) -> Option<Starts<'_>> {
        if self.negated {
            return None;
        }
        let starts = self.patterns.iter().map(Pattern::start);
        let mut starts: Starts<'_> =
            starts.map(|(text, rest)| (!text.is_empty()).then_some((text, rest))).collect::<Option<_>>()?;
        starts.sort_unstable();
        starts.dedup_by_key(|(text, _)| *text);
        Some(starts)
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
        let actions = Patterns::new(actions, |value| Ok(Pattern::text(value, action)?.lower_case()))?;
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

    /// Whether the statement is about this action (in lower case) on this resource, whatever its conditions say. What is known
    /// is not looked at again.
    pub(super) fn covers(&self, known: Known, lower_case_action: &str, resource: &str, facts: &dyn Facts) -> bool {
        (known == Known::Action || self.actions.contain(lower_case_action, facts))
            && (known == Known::Resource
                || self.resources.as_ref().is_none_or(|resources| {
                    resources.contain(resource, facts)
                        && (!self.demands_variables || resources.patterns.iter().all(|p| p.resolvable(facts)))
                }))
    }

    /// The first condition that does not hold.
    pub(super) fn failing_condition(&self, facts: &dyn Facts) -> Option<&Compiled> {
        self.conditions.iter().find(|condition| !condition.holds(facts))
    }

    /// The actions that it allows by their full names, in lower case.
    pub(super) fn allowed_by_name(&self) -> impl Iterator<Item = &str> {
        let allows = self.effect == StatementEffect::Allow && !self.actions.negated;
        self.actions.patterns.iter().filter(move |_| allows).filter_map(|pattern| match pattern {
            Pattern::Exact(name) => Some(&**name),
            _ => None,
        })
    }

    /// What its actions begin with, in lower case; `None` when they may begin with anything.
    pub(super) fn action_starts(&self) -> Option<Starts<'_>> {
        self.actions.starts()
    }

    /// What its resources begin with; `None` when they may begin with anything.
    pub(super) fn resource_starts(&self) -> Option<Starts<'_>> {
        self.resources.as_ref().and_then(Patterns::starts)
    }

    /// Every condition key that the statement reads.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.conditions.iter().map(|condition| &condition.key).chain(self.variables())
    }

    /// The condition keys that it reads as variables.
    pub(super) fn variables(&self) -> impl Iterator<Item = &Key> {
        let resources = self.resources.iter().flat_map(|r| r.patterns.iter().flat_map(Pattern::variables));
        resources.chain(self.conditions.iter().flat_map(|condition| condition.expected.variables()))
    }
}
