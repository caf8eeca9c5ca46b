//! An answer as the doors that speak JSON show it, written straight from what was decided: a tree of values in between would be most
//! of what a kept answer costs.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use super::Answered;
use crate::policy::{MatchedStatement, StatementEffect};

/// The decision, and in its `context` all that is told beside it.
#[derive(Debug, Serialize)]
pub struct Rendered<'a> {
    context: Beside<'a>,
    decision: bool,
}

#[derive(Debug, Serialize)]
struct Beside<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    decision_id: Option<&'a str>,
    /// Told only of an answer that is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    degraded: bool,
    max_age: i64,
    reason: Cow<'static, str>,
    revision: u64,
    #[serde(serialize_with = "statements")]
    statements: (&'a Answered, usize),
}

#[derive(Serialize)]
struct Statement<'a> {
    effect: &'static str,
    policy: &'a str,
    sid: Option<&'a str>,
    statement: usize,
}

impl Answered {
    /// The answer to whether `action` is allowed, to be shown as JSON, with `most` of its statements.
    pub fn shown(&self, action: &str, most: usize) -> Rendered<'_> {
        let context = Beside {
            decision_id: self.decision_id.as_deref(),
            degraded: self.degraded,
            max_age: self.max_age,
            reason: self.reason(action),
            revision: self.revision.0,
            statements: (self, most),
        };
        Rendered { context, decision: self.is_allowed() }
    }
}

fn statements<S: Serializer>((answered, most): &(&Answered, usize), serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(answered.statements().take(*most).map(Statement::of))
}

impl<'a> Statement<'a> {
    fn of(matched: &'a MatchedStatement) -> Self {
        let effect = match matched.effect {
            StatementEffect::Allow => "Allow",
            StatementEffect::Deny => "Deny",
        };
        Self { effect, policy: &matched.policy, sid: matched.sid.as_deref(), statement: matched.index }
    }
}
