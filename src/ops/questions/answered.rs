//! An answer, with all that an asker is told of it.

use std::borrow::Cow;

use crate::decision::{Answer, Told};
use crate::policy::{Effect, MatchedStatement, StatementRef};
use crate::store::Revision;
use crate::types::AccountId;

/// The answer to a question.
#[derive(Clone, Debug)]
pub struct Answered {
    /// What was decided; nothing where there is nobody to decide about, which means no.
    pub answer: Option<Answer>,
    /// Why there is nobody.
    pub nobody: &'static str,
    /// Every change up to this one is in it.
    pub revision: Revision,
    /// For how many seconds the asker may keep it: no longer than changes may take to be seen, than time leaves it true, and than the
    /// subject lasts.
    pub max_age: i64,
    /// For how many seconds time and the subject leave it true if nothing changes; for ever where absent.
    pub holds_for: Option<i64>,
    /// Whether it was made on knowledge that may be older than the staleness bound, because the operator chose degraded service.
    pub degraded: bool,
    /// Whether the resource is not of the asker's account: what stands in its own policy is then its owner's business.
    pub foreign: bool,
    /// By what id the decision log has it, if it has.
    pub decision_id: Option<String>,
    /// What the log's record is to say beside the answer.
    pub(super) told: Option<Told>,
    /// Who owns the resource, as the decision took it.
    pub(super) owner: Option<AccountId>,
}

impl Answered {
    /// Whether it is allowed.
    pub fn is_allowed(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.decision.is_allowed())
    }

    /// How it came out; nothing where there is nobody to decide about.
    pub fn effect(&self) -> Option<Effect> {
        self.answer.as_ref().map(|answer| answer.decision.effect)
    }

    /// Why, in AWS's words as far as it has any.
    pub fn reason(&self, action: &str) -> Cow<'static, str> {
        match &self.answer {
            None => Cow::Borrowed(self.nobody),
            Some(answer) if answer.decision.effect == Effect::Allowed => reason(None),
            Some(answer) => reason(Some(&answer.decision.because(action))),
        }
    }

    /// The statements that made it, as far as they are the asker's business.
    pub fn statements(&self) -> impl Iterator<Item = &MatchedStatement> {
        let all = self.answer.iter().flat_map(|answer| &answer.decision.statements);
        all.filter(|matched| is_shown(matched.as_ref(), self.foreign))
    }
}

/// Why it was decided so: of a denial [because](crate::policy::Decision::because) of what.
pub(super) fn reason(denied: Option<&str>) -> Cow<'static, str> {
    match denied {
        None => Cow::Borrowed("allowed"),
        Some(because) => Cow::Owned(format!("denied{because}")),
    }
}

/// Whether a statement is the asker's business, of a `foreign` resource or its own.
pub(super) fn is_shown(statement: StatementRef<'_>, foreign: bool) -> bool {
    !(foreign && statement.kind.names_principals())
}
