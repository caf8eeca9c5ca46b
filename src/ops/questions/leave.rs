//! Whom an asker may ask about. Whoever asks about many gets the asker's own policies ready once.

use serde_json::json;

use super::ready::Ready;
use super::{Asking, Named, PERMISSION, Refusal, Resolved, SERVICE, Who};
use crate::audit::decisions::json_without_credentials;
use crate::decision::{Asked, Denial, Refused};
use crate::ops::{self, Call};
use crate::usage::Use;

/// The asker's leave to ask about others, one after the other.
#[derive(Debug)]
pub struct Leave<'a> {
    asking: &'a Asking<'a>,
    asker: Ready<'a>,
    /// Whether it is noted that the asker asked: the notes of one request would be the same.
    noted: bool,
}

impl Asking<'_> {
    /// What finds out whom the asker may ask about.
    pub fn leave(&self) -> Leave<'_> {
        let asker = Ready::new(self.broker, self.asker.subject(), self.facts, self.asker.found());
        Leave { asking: self, asker, noted: false }
    }

    /// The subject, if the asker may ask about it. That is decided on what was known when the subject was found out; whoever answers looks at how
    /// old it is once more. `shown` is what the audit trail says of a question that is refused.
    ///
    /// # Errors
    /// The asker may not, or it cannot be found out.
    pub async fn about(&self, who: &Who, shown: impl FnOnce() -> serde_json::Value) -> Result<Named, Refusal> {
        self.leave().about(who, shown).await
    }
}

impl Leave<'_> {
    /// As [`Asking::about`].
    ///
    /// # Errors
    /// As [`Asking::about`].
    pub async fn about(&mut self, who: &Who, shown: impl FnOnce() -> serde_json::Value) -> Result<Named, Refusal> {
        let named = who.resolve(self.asking.broker, self.asking.facts.now).await?;
        let Named::Somebody(resolved) = &named else { return Ok(named) };
        self.asker.known_already(resolved.found.as_ref().map(|found| found.known));
        // Whether somebody exists is told only to those who may ask about them.
        self.permitted(resolved, shown).await?;
        self.note_asked().await;
        Ok(if resolved.exists { named } else { Named::Absent(resolved.entity.clone(), resolved.as_of) })
    }

    /// As [`Leave::about`], and nothing is recorded or noted: for those who ask about many at once.
    ///
    /// # Errors
    /// It cannot be found out. `None`: the asker may not.
    pub async fn about_quietly(&mut self, who: &Who) -> Result<Option<Named>, Refusal> {
        let named = who.resolve(self.asking.broker, self.asking.facts.now).await?;
        let Named::Somebody(resolved) = &named else { return Ok(Some(named)) };
        if !self.may_ask_about(resolved).await? {
            return Ok(None);
        }
        Ok(Some(if resolved.exists { named } else { Named::Absent(resolved.entity.clone(), resolved.as_of) }))
    }

    pub(super) async fn may_ask_about(&mut self, about: &Resolved) -> Result<bool, Refusal> {
        let asker = self.asker.now().await?;
        Ok(self.asking.broker.authorizer.decided(asker, asked(about))?.is_allowed())
    }

    async fn permitted(&mut self, about: &Resolved, shown: impl FnOnce() -> serde_json::Value) -> Result<(), Refusal> {
        let asking = self.asking;
        let (asker, moment) = self.asker.of_moment().await?;
        asking.asker.keep_found(moment, asker.compiled());
        match asking.broker.authorizer.permit(asker, asked(about)) {
            Ok(_permit) => Ok(()),
            Err(refused) => {
                if let Refused::Denied(denial) = &refused {
                    // Apart, as it is rare and large.
                    Box::pin(self.record_refusal(about, denial, shown())).await;
                }
                Err(refused.into())
            }
        }
    }

    async fn record_refusal(&self, about: &Resolved, denial: &Denial, shown: serde_json::Value) {
        let asking = self.asking;
        let request_id = &asking.broker.new_id();
        let facts = asking.facts.clone();
        let call = Call { broker: asking.broker, caller: asking.asker, facts, request_id };
        // What resources are called can carry tokens: whoever asks about a URL writes it as it came.
        let question = json_without_credentials(shown);
        let parameters =
            json!({ "subject": { "arn": about.entity.as_str() }, "question": question, "door": asking.door });
        ops::record_refusal(&call, SERVICE, "Evaluate", parameters, "AccessDenied", &denial.to_string()).await;
    }

    /// Notes that the asker asked.
    async fn note_asked(&mut self) {
        if !std::mem::replace(&mut self.noted, true) {
            let Asking { broker, asker, facts, .. } = self.asking;
            let asked = Use { service: SERVICE, action: "Evaluate", at: facts.now, region: asker.region() };
            if let Ok(ready) = self.asker.now().await
                && asker.is_to_be_noted(facts.now)
            {
                ops::used::note_use_of(broker, asker, ready.compiled(), asked);
            }
        }
    }
}

/// May somebody be asked about?
fn asked(about: &Resolved) -> Asked<'_> {
    Asked { degraded: true, ..Asked::plain(PERMISSION, about.entity.as_str(), Some(about.subject.account)) }
}
