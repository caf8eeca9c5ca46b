//! A subject with its policies at hand, and the decisions about it: the way of every question, one or hundreds.
//!
//! Deciding on compiled policies costs less than finding a decision that was kept would, so none is kept. What costs more than that is
//! made on demand: the reasons, what a denial tells, for how long time leaves it true.

use std::sync::Arc;

use super::answer::Answer;
use super::asked::{Asked, Consent};
use super::denial::Denial;
use super::keys::{RequestFacts, RequestKeys};
use super::principal::CompiledPrincipal;
use super::subject::Subject;
use crate::clock::Timestamp;
use crate::policy::{
    Decision, Effect, Policies, PolicySet, Principal, Request, ResourceRule, StatementRef, Verdict, evaluate,
};
use crate::store::{Known, Moment, Stale};
use crate::types::{AccountId, Digits};

/// A principal's compiled policies, as they were found: good for as long as the moment lasts.
#[derive(Clone, Debug)]
pub struct Found {
    /// It began before they were looked for.
    pub moment: Moment,
    /// What was known then.
    pub known: Known,
    /// The policies.
    pub compiled: Arc<CompiledPrincipal>,
}

/// A subject at one moment. Whoever has several questions about it asks them all here: each is decided on the same revision, without
/// waiting for anything.
#[derive(Debug)]
pub struct Prepared<'a> {
    pub(super) subject: &'a Subject,
    pub(super) facts: &'a RequestFacts,
    pub(super) compiled: Arc<CompiledPrincipal>,
    pub(super) session: Option<Arc<PolicySet>>,
    /// Of a session that is known by another name than the entity behind it.
    pub(super) principal: Option<Principal>,
    pub(super) known: Known,
}

impl Prepared<'_> {
    /// The entity behind the subject.
    pub fn compiled(&self) -> &Arc<CompiledPrincipal> {
        &self.compiled
    }

    /// What it is known on.
    pub fn known(&self) -> Known {
        self.known
    }

    /// Decides.
    ///
    /// # Errors
    /// What is known is older than the staleness bound, and the question may not be answered on that.
    pub(super) fn decide<'q>(&'q self, asked: Asked<'q>) -> Result<Decided<'q>, Stale> {
        if self.known.degraded && !asked.degraded {
            return Err(Stale);
        }
        let account = asked.resource_account.map(AccountId::digits);
        let policies = self.policies(&asked);
        let context = self.keys(&asked, account.as_ref());
        let request = Request {
            principal: self.principal(),
            action: asked.action,
            resource: asked.resource,
            resource_account: account.as_deref(),
            context: &context,
        };
        let verdict = evaluate(&request, &policies);
        Ok(Decided { prepared: self, asked, account, verdict })
    }

    fn principal(&self) -> &Principal {
        self.principal.as_ref().unwrap_or(&self.compiled.principal)
    }

    fn policies<'q>(&'q self, asked: &Asked<'q>) -> Policies<'q> {
        let policies = Policies {
            boundary: self.compiled.boundary.as_ref(),
            session: self.session.as_deref(),
            // Where the resource's policy must allow, having none is a denial.
            resource_rule: ResourceRule::of(asked.action, asked.resource),
            ..Policies::of(&self.compiled.identity)
        };
        match asked.consent {
            Consent::None => policies,
            Consent::Policy(set) => Policies { resource: Some(set), ..policies },
            Consent::Trust(set) => Policies { resource: Some(set), resource_rule: ResourceRule::Trust, ..policies },
        }
    }

    fn keys<'q>(&'q self, asked: &Asked<'q>, account: Option<&'q Digits>) -> RequestKeys<'q> {
        RequestKeys {
            facts: self.facts,
            subject: self.subject,
            compiled: &self.compiled,
            principal: self.principal(),
            resource_account: account.map(|digits| &**digits),
            attributes: asked.attributes,
            operation: asked.keys,
        }
    }
}

/// What was known of a request.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The subject's unique id, as in `aws:userid`.
    pub principal_id: String,
    /// Condition keys, as AWS spells them, with their values.
    pub conditions: Vec<(String, Vec<String>)>,
}

/// A decision, whose reasons still stand in the policies that made it.
#[derive(Debug)]
pub struct Decided<'q> {
    prepared: &'q Prepared<'q>,
    asked: Asked<'q>,
    account: Option<Digits>,
    verdict: Verdict<'q>,
}

impl<'q> Decided<'q> {
    /// The outcome and its reasons alone.
    pub fn into_verdict(self) -> Verdict<'q> {
        self.verdict
    }
}

impl Decided<'_> {
    /// Whether it is allowed.
    pub fn is_allowed(&self) -> bool {
        self.verdict.is_allowed()
    }

    /// How it came out.
    pub fn effect(&self) -> Effect {
        self.verdict.effect()
    }

    /// Whether it came out as another and for the same reasons: in words both are the same.
    pub fn reads_like(&self, other: &Verdict<'_>) -> bool {
        self.verdict.reads_like(other)
    }

    /// The decision with all its reasons.
    pub fn explain(&self) -> Decision {
        self.verdict.explain()
    }

    /// The statements that made it, as they stand in the policies.
    pub fn statements(&self) -> impl Iterator<Item = StatementRef<'_>> {
        self.verdict.statements()
    }

    /// What it was decided on.
    pub fn known(&self) -> Known {
        self.prepared.known
    }

    /// The ARN that the subject is known by.
    pub fn principal_arn(&self) -> &str {
        &self.prepared.principal().arn
    }

    /// The first moment at which time alone could change it.
    pub fn until(&self) -> Option<Timestamp> {
        let now = self.prepared.facts.now;
        if matches!(self.asked.consent, Consent::Trust(_)) {
            // Whoever takes on a role asks each time.
            return Some(now);
        }
        if !self.sets().any(PolicySet::reads_the_time) {
            return None;
        }
        let context = self.context();
        self.sets().filter_map(|set| set.valid_until(now, &context)).min()
    }

    /// All that one may want to know about it, by itself.
    pub fn answer(&self) -> Answer {
        Answer {
            decision: self.explain(),
            revision: self.known().revision,
            until: self.until(),
            degraded: self.known().degraded,
            principal_arn: self.principal_arn().to_owned(),
        }
    }

    /// What was known of the request, for whoever keeps a record: the condition keys that the policies read.
    pub fn told(&self) -> Told {
        let conditions = self.context().read_by(self.sets());
        Told { principal_id: self.prepared.principal().unique_id.clone(), conditions }
    }

    /// What the denial that it is tells.
    pub(super) fn denial(&self) -> Denial {
        let Prepared { subject, facts, .. } = self.prepared;
        let principal = self.prepared.principal();
        Denial {
            principal: principal.arn.clone(),
            principal_id: principal.unique_id.clone(),
            principal_account: subject.account,
            action: self.asked.action.to_owned(),
            resource: self.asked.resource.to_owned(),
            resource_account: self.asked.resource_account,
            named: None,
            decision: self.explain(),
            conditions: self.context().carried(),
            at: facts.now,
        }
    }

    /// The policies that it was made from.
    fn sets(&self) -> impl Iterator<Item = &PolicySet> {
        let Prepared { compiled, session, .. } = self.prepared;
        let consent = match self.asked.consent {
            Consent::None => None,
            Consent::Policy(set) | Consent::Trust(set) => Some(set),
        };
        [Some(&compiled.identity), compiled.boundary.as_ref(), session.as_deref(), consent].into_iter().flatten()
    }

    fn context(&self) -> RequestKeys<'_> {
        self.prepared.keys(&self.asked, self.account.as_ref())
    }
}
