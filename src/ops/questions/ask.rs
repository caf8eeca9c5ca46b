//! Asking: the one way in which every door gets its answers.

use std::sync::Arc;

use serde_json::json;

use super::{Answered, Demand, Named, PERMISSION, Refusal, Resolved, SERVICE, Said, Who};
use crate::audit::decisions::json_without_credentials;
use crate::authn::Caller;
use crate::clock::Timestamp;
use crate::decision::{Answer, Asked, Consent, Refused, RequestFacts};
use crate::ops::resources::KnownResource;
use crate::ops::{self, Broker, Call};
use crate::policy::{PolicySet, ResourceRule};
use crate::store::{Known, Revision};
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
    pub facts: RequestFacts,
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

    /// The subject, if the asker may ask about it. `shown` is what the audit trail says of a question that is refused.
    ///
    /// # Errors
    /// The asker may not, or it cannot be found out.
    pub async fn about(&self, who: &Who, shown: impl FnOnce() -> serde_json::Value) -> Result<Named, Refusal> {
        let named = who.resolve(self.broker, self.facts.now).await?;
        let Named::Somebody(resolved) = &named else { return Ok(named) };
        // Whether somebody exists is told only to those who may ask about them.
        self.permitted(resolved, shown).await?;
        self.note_asked().await;
        Ok(if resolved.exists { named } else { Named::Absent(resolved.entity.clone()) })
    }

    /// As [`Asking::about`], and nothing is recorded or noted: for those who ask about many at once.
    ///
    /// # Errors
    /// It cannot be found out. `None`: the asker may not.
    pub async fn about_quietly(&self, who: &Who) -> Result<Option<Named>, Refusal> {
        let named = who.resolve(self.broker, self.facts.now).await?;
        let Named::Somebody(resolved) = &named else { return Ok(Some(named)) };
        if !self.may_ask_about(resolved).await? {
            return Ok(None);
        }
        Ok(Some(if resolved.exists { named } else { Named::Absent(resolved.entity.clone()) }))
    }

    pub(super) async fn may_ask_about(&self, about: &Resolved) -> Result<bool, Refusal> {
        let account = Some(about.subject.account);
        let asked = Asked { degraded: true, ..Asked::plain(PERMISSION, about.entity.as_str(), account) };
        let answer = self.broker.authorizer.decide(self.asker.subject(), &self.facts, asked).await?;
        Ok(answer.decision.is_allowed())
    }

    async fn permitted(&self, about: &Resolved, shown: impl FnOnce() -> serde_json::Value) -> Result<(), Refusal> {
        let account = Some(about.subject.account);
        let asked = Asked { degraded: true, ..Asked::plain(PERMISSION, about.entity.as_str(), account) };
        match self.broker.authorizer.authorize(self.asker.subject(), &self.facts, asked).await {
            Ok(_permit) => Ok(()),
            Err(refused) => {
                if let Refused::Denied(denial) = &refused {
                    let request_id = &self.broker.new_id();
                    let facts = self.facts.clone();
                    let call = Call { broker: self.broker, caller: self.asker, facts, request_id };
                    // What resources are called can carry tokens: whoever asks about a URL writes it as it came.
                    let question = json_without_credentials(shown());
                    let parameters =
                        json!({ "subject": { "arn": about.entity.as_str() }, "question": question, "door": self.door });
                    let said = denial.to_string();
                    ops::record_refusal(&call, SERVICE, "Evaluate", parameters, "AccessDenied", &said).await;
                }
                Err(refused.into())
            }
        }
    }

    /// The answer to a question about somebody whom the asker may ask about.
    ///
    /// # Errors
    /// Nothing can be decided.
    pub async fn answer(&self, named: &Named, question: &Question<'_>) -> Result<Answered, Refusal> {
        self.answer_for(named, question, None).await
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
        self.answer_for(named, question, Some(owner)).await
    }

    async fn answer_for(
        &self,
        named: &Named,
        question: &Question<'_>,
        said: Option<AccountId>,
    ) -> Result<Answered, Refusal> {
        let answered = self.found(named, question, said).await;
        self.recorded(named, question, answered).await
    }

    async fn found(
        &self,
        named: &Named,
        question: &Question<'_>,
        said: Option<AccountId>,
    ) -> Result<Answered, Refusal> {
        let about = match named {
            Named::Somebody(about) => about,
            Named::Absent(_) => return self.nobody(ABSENT),
            Named::Nobody(reason) => return self.nobody(reason),
        };
        self.note_reached(about, question.action).await;
        self.decided(about, question, said).await
    }

    /// The answer to a question that nobody has asked by itself: it is not noted that the subject reached for something.
    ///
    /// # Errors
    /// Nothing can be decided.
    pub(super) async fn decided(
        &self,
        about: &Resolved,
        question: &Question<'_>,
        said: Option<AccountId>,
    ) -> Result<Answered, Refusal> {
        // What is looked up before the decision is made is of this revision or a later one.
        let before = self.broker.feed.known().map_err(Refused::Stale)?;
        let stored = self.stored(question.resource, said).await?;
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
        match self.decide(&about.subject, asked).await {
            Ok((answer, told)) => {
                let revision = answer.revision.min(before.revision);
                Ok(Answered { told, ..self.answered(Answer { revision, ..answer }, about, owner) })
            }
            Err(Refused::NoPrincipal) => self.nobody(ABSENT),
            Err(other) => Err(other.into()),
        }
    }

    /// What the owner of a resource has stored of it. Of an ARN that names no account anybody can be the first to store something, so it
    /// counts for that account's own askers alone.
    pub(super) async fn stored(
        &self,
        resource: &Arn,
        owner: Option<AccountId>,
    ) -> Result<Option<Arc<KnownResource>>, Refusal> {
        let owner = owner.or(resource.account()).unwrap_or(self.asker.account());
        let stored = self.broker.resources.find(resource).await?;
        Ok(stored.filter(|stored| stored.account == owner))
    }

    /// The question is about a request that the asker has received: where that came from is for the asker to say.
    pub(super) fn theirs(&self) -> RequestFacts {
        RequestFacts {
            now: self.facts.now,
            source_ip: None,
            user_agent: None,
            secure_transport: None,
            region: None,
            mfa_now: None,
        }
    }

    fn answered(&self, answer: Answer, about: &Resolved, owner: Option<AccountId>) -> Answered {
        let holds_for = holds_for(&answer, about, self.facts.now);
        let max_age = max_age(self.broker, &answer, holds_for);
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

    pub(super) fn known(&self) -> Result<Known, Refusal> {
        self.broker.feed.known().map_err(|stale| Refused::Stale(stale).into())
    }

    fn nobody(&self, reason: &'static str) -> Result<Answered, Refusal> {
        let known = self.known()?;
        let (revision, degraded) = (known.revision, known.degraded);
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

    /// Notes that the asker asked.
    async fn note_asked(&self) {
        let asked = Use { service: SERVICE, action: "Evaluate", at: self.facts.now, region: self.asker.region() };
        let _ = ops::note_use(self.broker, self.asker, asked).await;
    }

    /// Notes what the subject reached for: the asker tells of a request that it has received.
    async fn note_reached(&self, about: &Resolved, action: &str) {
        let (service, name) = action.split_once(':').unwrap_or((action, ""));
        let reached = Use { service, action: name, at: self.facts.now, region: self.asker.region() };
        // That the subject does not exist any more is told where the question is decided.
        let _ = ops::note_reach(self.broker, &about.subject, reached).await;
    }
}

/// Why there is nobody, where the name is that of nobody.
const ABSENT: &str = "the subject does not exist";

/// A policy that the broker keeps and one that came with the question: what either denies is denied.
fn together(stored: &PolicySet, passed: &PolicySet) -> Option<PolicySet> {
    let policies: Vec<_> = stored.policies().iter().chain(passed.policies()).cloned().collect();
    (!policies.is_empty()).then(|| PolicySet::new(policies))
}

/// For how many seconds time alone changes nothing about the answer.
fn holds_for(answer: &Answer, about: &Resolved, now: Timestamp) -> Option<i64> {
    let ends = [answer.until, about.ends].into_iter().flatten();
    ends.map(|end| (end.seconds() - now.seconds()).max(0)).min()
}

/// For how many seconds the asker may keep the answer.
fn max_age(broker: &Broker, answer: &Answer, holds_for: Option<i64>) -> i64 {
    if answer.degraded {
        return 0;
    }
    let bound = i64::try_from(broker.feed.bound().as_secs()).unwrap_or(0);
    holds_for.map_or(bound, |seconds| seconds.min(bound))
}
