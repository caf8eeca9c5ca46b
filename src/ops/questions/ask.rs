//! Asking: the one way in which every door gets its answers.

use std::sync::Arc;

use serde_json::json;

use super::{Answered, Demand, Named, PERMISSION, Refusal, Resolved, SERVICE, Said, Who};
use crate::authn::Caller;
use crate::clock::Timestamp;
use crate::decision::{Answer, Asked, Consent, Refused, RequestFacts};
use crate::ops::{self, Broker, Call};
use crate::policy::{PolicySet, ResourceRule};
use crate::types::Arn;
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
    /// Facts of the asker's own request.
    pub facts: RequestFacts,
}

impl Asking<'_> {
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
        Ok(if resolved.exists { named } else { Named::Nobody("the subject does not exist") })
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
                    let parameters = json!({ "subject": { "arn": about.entity.as_str() }, "question": shown() });
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
        let about = match named {
            Named::Somebody(about) => about,
            Named::Nobody(reason) => return self.nobody(reason),
        };
        self.note_reached(about, question.action).await;
        let trust = self.trust(question).await?;
        let consent = match (&trust, question.policy) {
            (Some(trust), _) => Consent::Trust(trust),
            (None, Some(passed)) => Consent::Policy(passed),
            (None, None) => Consent::None,
        };
        let asked = Asked {
            keys: question.said.keys(),
            consent,
            degraded: true,
            ..Asked::plain(question.action, question.resource.as_str(), question.resource.account())
        };
        match self.broker.authorizer.decide(&about.subject, &self.theirs(), asked).await {
            Ok(answer) => Ok(self.answered(answer, about, question.resource)),
            Err(Refused::NoPrincipal) => self.nobody("the subject does not exist"),
            Err(other) => Err(other.into()),
        }
    }

    /// The question is about a request that the asker has received: where that came from is for the asker to say.
    fn theirs(&self) -> RequestFacts {
        RequestFacts {
            now: self.facts.now,
            source_ip: None,
            user_agent: None,
            secure_transport: None,
            region: None,
            mfa_now: None,
        }
    }

    fn answered(&self, answer: Answer, about: &Resolved, resource: &Arn) -> Answered {
        let max_age = max_age(self.broker, &answer, about, self.facts.now);
        Answered {
            revision: answer.revision,
            degraded: answer.degraded,
            foreign: resource.account().is_some_and(|owner| owner != self.asker.account()),
            answer: Some(answer),
            nobody: "",
            max_age,
        }
    }

    fn nobody(&self, reason: &'static str) -> Result<Answered, Refusal> {
        let known = self.broker.feed.known().map_err(|stale| Refusal::from(Refused::Stale(stale)))?;
        let (revision, degraded) = (known.revision, known.degraded);
        Ok(Answered { answer: None, nobody: reason, revision, max_age: 0, degraded, foreign: false })
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

/// For how many seconds the asker may keep the answer.
fn max_age(broker: &Broker, answer: &Answer, about: &Resolved, now: Timestamp) -> i64 {
    if answer.degraded {
        return 0;
    }
    let bound = i64::try_from(broker.feed.bound().as_secs()).unwrap_or(0);
    [answer.until, about.ends]
        .into_iter()
        .flatten()
        .map(|end| end.seconds() - now.seconds())
        .fold(bound, i64::min)
        .max(0)
}
