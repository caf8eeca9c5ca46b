//! Questions about one subject, one after the other: what differs from one to the next is all that is looked up for each.
//!
//! Each answer is what it would have been by itself: what is known of the subject is looked up anew once the broker has heard of any
//! change, and an answer never speaks of a later revision than what it was made from.

use std::sync::Arc;

use super::ready::Ready;
use super::{Answered, Asking, Named, Question, Refusal, Resolved, Stored};
use crate::decision::RequestFacts;
use crate::store::Revision;
use crate::types::AccountId;

/// One subject's questions.
#[derive(Debug)]
pub struct Sitting<'a> {
    pub(super) asking: &'a Asking<'a>,
    named: &'a Named,
    /// Whom decisions are about, or why there is nobody.
    pub(super) somebody: Result<Somebody<'a>, (&'static str, Revision)>,
    /// The action that the subject was last noted to have reached for.
    reached: Option<String>,
    /// The action of its row, in lower case.
    pub(super) lower: String,
}

/// A subject that there is, at hand.
#[derive(Debug)]
pub(super) struct Somebody<'a> {
    pub(super) about: &'a Resolved,
    pub(super) ready: Ready<'a>,
}

impl Asking<'_> {
    /// Questions about somebody whom the asker may ask about; `theirs` are [`Asking::theirs`].
    pub fn sitting<'a>(&'a self, named: &'a Named, theirs: &'a RequestFacts) -> Sitting<'a> {
        let somebody = match named {
            Named::Somebody(about) => Ok(self.somebody(about, theirs)),
            Named::Absent(_, as_of) => Err((super::ask::ABSENT, *as_of)),
            Named::Nobody(reason, as_of) => Err((*reason, *as_of)),
        };
        Sitting { asking: self, named, somebody, reached: None, lower: String::new() }
    }

    pub(super) fn somebody<'a>(&'a self, about: &'a Resolved, theirs: &'a RequestFacts) -> Somebody<'a> {
        let found = about.found.as_ref().map(|found| (found.moment, Arc::clone(&found.compiled)));
        let mut ready = Ready::new(self.broker, &about.subject, theirs, found);
        ready.known_already(about.found.as_ref().map(|found| found.known));
        Somebody { about, ready }
    }

    /// Facts of the request that a question is about: the asker has received it, and where it came from is for the asker to say.
    pub fn theirs(&self) -> RequestFacts {
        RequestFacts {
            now: self.facts.now,
            source_ip: None,
            user_agent: None,
            secure_transport: None,
            region: None,
            mfa_now: None,
        }
    }
}

impl Sitting<'_> {
    /// The answer to a question, with what is stored of its resource if that is at hand.
    ///
    /// # Errors
    /// Nothing can be decided.
    pub async fn answer(&mut self, question: &Question<'_>, stored: Option<Stored>) -> Result<Answered, Refusal> {
        self.note_reached(question.action).await;
        let answered = self.found(question, None, stored).await;
        self.asking.recorded(self.named, question, answered).await
    }

    /// The answer to the only question that there is, about a resource of `owner`'s if that is said.
    ///
    /// # Errors
    /// Nothing can be decided.
    pub(super) async fn only(mut self, question: &Question<'_>, owner: Option<AccountId>) -> Result<Answered, Refusal> {
        if let Ok(somebody) = &mut self.somebody {
            self.asking.note_reached(somebody, question.action).await;
        }
        let answered = self.found(question, owner, None).await;
        self.asking.recorded(self.named, question, answered).await
    }

    async fn found(
        &mut self,
        question: &Question<'_>,
        owner: Option<AccountId>,
        stored: Option<Stored>,
    ) -> Result<Answered, Refusal> {
        match &mut self.somebody {
            Ok(somebody) => self.asking.decided(somebody, question, owner, stored).await,
            Err((reason, as_of)) => self.asking.nobody(reason, *as_of),
        }
    }

    /// Notes what the subject reached for, if that was not the last thing: a second note of the same second would say nothing that the
    /// first has not.
    pub(super) async fn note_reached(&mut self, action: &str) {
        let Ok(somebody) = &mut self.somebody else { return };
        if self.reached.as_deref() != Some(action) {
            self.asking.note_reached(somebody, action).await;
            self.reached = Some(action.to_owned());
        }
    }
}
