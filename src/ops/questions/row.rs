//! Questions that differ by their resources alone, one after the other: what they have in common is found out once, nothing is waited for,
//! and an answer that reads like the one before is not written anew.

use super::answered::{is_shown, reason};
use super::ask::{holds_for, max_age};
use super::rendered::Written;
use super::sitting::Sitting;
use super::{Asking, Named, Question, Refusal, Resolved, Said, Stored};
use crate::decision::{Asked, Consent, Outcomes, Prepared};
use crate::policy::{Effect, ResourceRule, Verdict};
use crate::store::{Known, Moment};
use crate::types::Arn;

/// What all questions of a row have in common.
#[derive(Debug)]
pub struct Row<'s> {
    asking: &'s Asking<'s>,
    about: &'s Resolved,
    prepared: &'s Prepared<'s>,
    /// What is prepared, and what is known, is of this moment.
    moment: Moment,
    known: Known,
    action: &'s str,
    /// The same in lower case: a decision reads it so.
    lower: &'s str,
    said: &'s Said,
    /// Statements that an answer tells of, at the most.
    most: usize,
    last: Option<Last<'s>>,
    text: Vec<u8>,
    outcomes: Outcomes,
}

/// What the answer before was made of.
#[derive(Debug)]
struct Last<'s> {
    verdict: Verdict<'s>,
    told: Told,
}

/// What else differs between the answers of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    foreign: bool,
    max_age: i64,
}

/// An answer that is written already.
#[derive(Debug)]
pub struct WrittenAnswer {
    /// How it came out.
    pub effect: Effect,
    /// Whether it was made on knowledge that may be too old.
    pub degraded: bool,
    /// The answer, as [`Answered::write_json`](super::Answered::write_json) has it.
    pub body: Vec<u8>,
}

impl Asking<'_> {
    /// The answer to a question about somebody whom the asker may ask about, written straight from the policies that made it. `None` where it
    /// must be [asked](Asking::answer), which also tells why nothing can be decided.
    pub async fn written(&self, named: &Named, question: &Question<'_>) -> Option<WrittenAnswer> {
        /// Most answers fit, so that few are moved while they are written.
        const USUAL: usize = 1_024;
        let alone = self.broker.decision_log.is_some() || ResourceRule::is_of_trust(question.action);
        if alone || question.policy.is_some() || !matches!(named, Named::Somebody(_)) {
            return None;
        }
        let stored = self.stored_of(question.resource).await?;
        let theirs = self.theirs();
        let mut sitting = self.sitting(named, &theirs);
        let mut row = sitting.row(question.action, question.said, usize::MAX).await.ok().flatten()?;
        row.text.reserve(USUAL);
        let effect = row.answer(question.resource, &stored)?.0;
        Some(WrittenAnswer { effect, degraded: row.is_degraded(), body: row.into_text() })
    }
}

impl<'a> Sitting<'a> {
    /// Questions about what `action` may be done with, of which answers tell `most` statements. `None` where each must be asked by itself:
    /// there is nobody to decide about, a record is kept of each, or a role must be looked up for each.
    ///
    /// # Errors
    /// Nothing can be decided.
    pub async fn row<'s>(
        &'s mut self,
        action: &'s str,
        said: &'s Said,
        most: usize,
    ) -> Result<Option<Row<'s>>, Refusal> {
        if self.asking.broker.decision_log.is_some() || ResourceRule::is_of_trust(action) {
            return Ok(None);
        }
        self.note_reached(action).await;
        self.lower = action.to_ascii_lowercase();
        let Self { asking, somebody, lower, .. } = self;
        let asking: &Asking<'_> = asking;
        let Ok(somebody) = somebody else { return Ok(None) };
        let about = somebody.about;
        let (prepared, moment) = somebody.ready.of_moment().await?;
        // Once all is at hand.
        let known = asking.known()?;
        let (last, text, outcomes) = (None, Vec::new(), Outcomes::default());
        Ok(Some(Row { asking, about, prepared, moment, known, action, lower, said, most, last, text, outcomes }))
    }
}

impl<'s> Row<'s> {
    /// Whether its answers say that they are made on knowledge which may be too old.
    pub fn is_degraded(&self) -> bool {
        self.known.degraded || self.prepared.known().degraded
    }

    /// The answer that was made last, as JSON.
    fn into_text(mut self) -> Vec<u8> {
        std::mem::take(&mut self.text)
    }

    /// How it comes out whether that may be done with a resource, and the answer as JSON. `None` where the question must be asked by itself:
    /// something has changed, or is to be looked up.
    pub fn answer(&mut self, resource: &'s Arn, stored: &'s Stored) -> Option<(Effect, &[u8])> {
        let Self { asking, about, prepared, .. } = *self;
        let broker = asking.broker;
        if !(broker.feed.lasts(&self.moment) && broker.feed.lasts(&stored.moment)) {
            return None;
        }
        let stored = stored.resource.as_deref().filter(|stored| asking.counts(stored, resource, None));
        let owner = stored.map(|stored| stored.account).or(resource.account());
        let asked = Asked {
            keys: self.said.keys(),
            attributes: stored.map(|stored| &stored.attributes),
            consent: stored.and_then(|stored| stored.policy.as_deref()).map_or(Consent::None, Consent::Policy),
            degraded: true,
            ..Asked::plain(self.lower, resource.as_str(), owner)
        };
        let decided = broker.authorizer.one_of_many(prepared, asked).ok()?;
        self.outcomes.add(decided.effect());
        let degraded = self.is_degraded();
        let holds_for = holds_for(decided.until(), about, asking.facts.now);
        let told = Told {
            foreign: owner.is_some_and(|owner| owner != asking.asker.account()),
            max_age: max_age(broker, degraded, holds_for),
        };
        let same = self.last.as_ref().is_some_and(|last| last.told == told && decided.reads_like(&last.verdict));
        let effect = decided.effect();
        if !same {
            let revision = decided.known().revision.min(self.known.revision).min(about.as_of);
            let because = (effect != Effect::Allowed).then(|| decided.explain().because(self.action));
            let written = Written {
                decision_id: None,
                degraded,
                max_age: told.max_age,
                reason: &reason(because.as_deref()),
                revision,
                is_allowed: effect == Effect::Allowed,
            };
            self.text.clear();
            let statements = decided.statements().filter(|one| is_shown(*one, told.foreign));
            written.write_json(statements.take(self.most), &mut self.text);
        }
        if !same {
            self.last = Some(Last { verdict: decided.into_verdict(), told });
        }
        Some((effect, &self.text))
    }
}

impl Drop for Row<'_> {
    fn drop(&mut self) {
        self.asking.broker.authorizer.count(&self.outcomes);
    }
}
