//! Asking: the one way in which every door gets its answers.

use std::sync::Arc;

use super::sitting::Somebody;
use super::{Answered, Demand, Named, Refusal, Resolved, Said};
use crate::authn::Caller;
use crate::clock::Timestamp;
use crate::decision::{Answer, Asked, Consent, Refused, RequestFacts};
use crate::ops::resources::KnownResource;
use crate::ops::{self, Broker};
use crate::policy::{PolicySet, ResourceRule};
use crate::store::{Known, Moment, Revision};
use crate::types::{AccountId, Arn};
use crate::usage::Use;

/// A question, in IAM's terms.
#[derive(Debug)]
pub struct Question<'a> {
    /// What is to be done.
    pub action: &'a str,
    /// With what.
    pub resource: &'a Arn,
    /// What else is said.
    pub said: &'a Said,
    /// A policy of the resource that the asker passes along.
    pub policy: Option<&'a PolicySet>,
}

/// What is stored of a resource, looked up before the question is asked; it counts for as long as the broker has heard of no change.
#[derive(Clone, Debug)]
pub struct Stored {
    pub(super) moment: Moment,
    pub(super) resource: Option<Arc<KnownResource>>,
}

/// An asker, asking.
#[derive(Debug)]
pub struct Asking<'a> {
    /// The broker that is asked.
    pub broker: &'a Broker,
    /// Who asks.
    pub asker: &'a Caller,
    /// At which door, by the name that metrics have for it.
    pub door: &'static str,
    /// Facts of the asker's own request.
    pub facts: &'a RequestFacts,
}

impl Asking<'_> {
    /// Whether what is demanded has not been heard of yet, so that meeting it reads the store.
    pub fn is_behind(&self, demand: Demand) -> bool {
        demand.at_least.is_some_and(|revision| !self.broker.feed.has_applied(revision))
    }

    /// Waits for what is demanded of the answer's freshness.
    ///
    /// # Errors
    /// It cannot be met.
    pub async fn demand(&self, demand: Demand) -> Result<(), Refusal> {
        demand.met(self.broker).await
    }

    /// The answer to a question about somebody whom the asker may ask about.
    ///
    /// # Errors
    /// Nothing can be decided.
    pub async fn answer(&self, named: &Named, question: &Question<'_>) -> Result<Answered, Refusal> {
        self.sitting(named, &self.theirs()).only(question, None).await
    }

    /// The answer to a question about a resource of `owner`'s, which its ARN may not tell. What another account has stored of it does
    /// not count: of an ARN without an account, anybody can be the first to store something.
    ///
    /// # Errors
    /// Nothing can be decided.
    pub async fn answer_about(
        &self,
        named: &Named,
        question: &Question<'_>,
        owner: AccountId,
    ) -> Result<Answered, Refusal> {
        self.sitting(named, &self.theirs()).only(question, Some(owner)).await
    }

    /// The answer by itself: what comes with it, a note that the subject reached for something and a record in the log, is the caller's.
    ///
    /// # Errors
    /// Nothing can be decided.
    pub(super) async fn decided(
        &self,
        somebody: &mut Somebody<'_>,
        question: &Question<'_>,
        said: Option<AccountId>,
        at_hand: Option<Stored>,
    ) -> Result<Answered, Refusal> {
        // What is looked up before the decision is made is of this revision or a later one.
        let heard = self.broker.feed.heard();
        let stored = match at_hand.filter(|stored| self.broker.feed.lasts(&stored.moment)) {
            Some(stored) => stored.resource.filter(|resource| self.counts(resource, question.resource, said)),
            None => self.stored(question.resource, said).await?,
        };
        let trust = self.trust(question).await?;
        let both = stored.as_deref().and_then(|stored| together(stored.policy.as_deref()?, question.policy?));
        let kept = stored.as_deref().and_then(|stored| stored.policy.as_deref());
        let policy = both.as_ref().or(question.policy).or(kept);
        let consent = match (&trust, policy) {
            (Some(trust), _) => Consent::Trust(trust),
            (None, Some(policy)) => Consent::Policy(policy),
            (None, None) => Consent::None,
        };
        let owner = said.or(stored.as_ref().map(|stored| stored.account)).or(question.resource.account());
        let asked = Asked {
            keys: question.said.keys(),
            attributes: stored.as_ref().map(|stored| &stored.attributes),
            consent,
            degraded: true,
            ..Asked::plain(question.action, question.resource.as_str(), owner)
        };
        let subject = match somebody.ready.now().await {
            Ok(subject) => subject,
            Err(Refused::NoPrincipal) => return self.nobody(ABSENT, somebody.about.as_of),
            Err(other) => return Err(other.into()),
        };
        // Once all is at hand: looking things up may have taken its time.
        let known = self.known()?;
        let decided = self.broker.authorizer.decided(subject, asked)?;
        let (answer, told) = self.told(&decided);
        let answer = Answer {
            revision: answer.revision.min(heard).min(somebody.about.as_of),
            degraded: answer.degraded || known.degraded,
            ..answer
        };
        Ok(Answered { told, ..self.answered(answer, somebody.about, owner) })
    }

    /// What the owner of a resource has stored of it.
    pub(super) async fn stored(
        &self,
        resource: &Arn,
        owner: Option<AccountId>,
    ) -> Result<Option<Arc<KnownResource>>, Refusal> {
        let stored = self.broker.resources.find(resource).await?;
        Ok(stored.filter(|stored| self.counts(stored, resource, owner)))
    }

    /// Whether the owner of a resource has stored that. Of an ARN that names no account anybody can be the first to store something, so
    /// it counts for that account's own askers alone.
    pub(super) fn counts(&self, stored: &KnownResource, resource: &Arn, owner: Option<AccountId>) -> bool {
        stored.account == owner.or(resource.account()).unwrap_or(self.asker.account())
    }

    /// What is stored of resources that questions will be about in a moment, looked up together. Where that fails nothing is at hand, and
    /// each question finds out by itself.
    pub async fn stored_of_all(&self, resources: &[&Arn]) -> Vec<Option<Stored>> {
        let nothing = || resources.iter().map(|_| None).collect();
        let Ok(moment) = self.moment() else { return nothing() };
        match self.broker.resources.find_all(resources).await {
            Ok(found) => found.into_iter().map(|resource| Some(Stored { moment, resource })).collect(),
            Err(_) => nothing(),
        }
    }

    /// As [`Asking::stored_of_all`], of one.
    pub(super) async fn stored_of(&self, resource: &Arn) -> Option<Stored> {
        let moment = self.broker.feed.present();
        let resource = self.broker.resources.find(resource).await.ok()?;
        Some(Stored { moment, resource })
    }

    fn answered(&self, answer: Answer, about: &Resolved, owner: Option<AccountId>) -> Answered {
        let holds_for = holds_for(answer.until, about, self.facts.now);
        let max_age = max_age(self.broker, answer.degraded, holds_for);
        Answered {
            revision: answer.revision,
            degraded: answer.degraded,
            foreign: owner.is_some_and(|owner| owner != self.asker.account()),
            answer: Some(answer),
            nobody: "",
            max_age,
            holds_for,
            decision_id: None,
            told: None,
            owner,
        }
    }

    /// Every change up to this revision is known here.
    ///
    /// # Errors
    /// What is known is too old.
    pub fn revision(&self) -> Result<Revision, Refusal> {
        Ok(self.known()?.revision)
    }

    /// What is got ready now is good for as long as this lasts.
    ///
    /// # Errors
    /// What is known is too old.
    pub fn moment(&self) -> Result<Moment, Refusal> {
        self.broker.feed.moment().map_err(|stale| Refused::Stale(stale).into())
    }

    pub(super) fn known(&self) -> Result<Known, Refusal> {
        self.broker.feed.known().map_err(|stale| Refused::Stale(stale).into())
    }

    /// The answer about nobody, which was found out on knowledge of `as_of`.
    pub(super) fn nobody(&self, reason: &'static str, as_of: Revision) -> Result<Answered, Refusal> {
        let known = self.known()?;
        let (revision, degraded) = (known.revision.min(as_of), known.degraded);
        Ok(Answered {
            answer: None,
            nobody: reason,
            revision,
            max_age: 0,
            holds_for: Some(0),
            degraded,
            foreign: false,
            decision_id: None,
            told: None,
            owner: None,
        })
    }

    /// The trust policy of the role that is asked about, where a role is to be taken on: without it nobody may.
    async fn trust(&self, question: &Question<'_>) -> Result<Option<Arc<PolicySet>>, Refusal> {
        let resource = question.resource;
        if ResourceRule::of(question.action, resource.as_str()) != ResourceRule::Trust {
            return Ok(None);
        }
        let name = resource.name_of_kind("role").and_then(|name| name.parse().ok());
        let (Some(account), Some(name)) = (resource.account(), name) else { return Ok(None) };
        let known = self.broker.roles.find(account, &name).await?;
        // A role of another path is another role.
        Ok(known.filter(|known| known.arn == *resource).map(|known| Arc::clone(&known.trust)))
    }

    /// Notes what the subject reached for: the asker tells of a request that it has received.
    pub(super) async fn note_reached(&self, somebody: &mut Somebody<'_>, action: &str) {
        let (service, name) = action.split_once(':').unwrap_or((action, ""));
        let reached = Use { service, action: name, at: self.facts.now, region: self.asker.region() };
        // That the subject does not exist any more is told where the question is decided.
        if let Ok(ready) = somebody.ready.now().await {
            ops::used::note_reach_of(self.broker, &somebody.about.subject, ready.compiled(), None, reached);
        }
    }
}

/// Why there is nobody, where the name is that of nobody.
pub(super) const ABSENT: &str = "the subject does not exist";

/// A policy that the broker keeps and one that came with the question: what either denies is denied.
fn together(stored: &PolicySet, passed: &PolicySet) -> Option<PolicySet> {
    let policies: Vec<_> = stored.policies().iter().chain(passed.policies()).cloned().collect();
    (!policies.is_empty()).then(|| PolicySet::new(policies))
}

/// For how many seconds time alone changes nothing about the answer.
pub(super) fn holds_for(until: Option<Timestamp>, about: &Resolved, now: Timestamp) -> Option<i64> {
    let ends = [until, about.ends].into_iter().flatten();
    ends.map(|end| (end.seconds() - now.seconds()).max(0)).min()
}

/// For how many seconds the asker may keep the answer.
pub(super) fn max_age(broker: &Broker, degraded: bool, holds_for: Option<i64>) -> i64 {
    if degraded {
        return 0;
    }
    let bound = i64::try_from(broker.feed.bound().as_secs()).unwrap_or(0);
    holds_for.map_or(bound, |seconds| seconds.min(bound))
}
