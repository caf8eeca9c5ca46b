//! Answers as AuthZEN has them: a decision, and in its context why, on what knowledge, and for how long it may be kept.

use serde_json::{Value, json};

use crate::ops::questions::Answered;

/// Statements that an answer in a batch tells of: a batch has a thousand answers.
pub(super) const STATEMENTS_IN_A_BATCH: usize = 16;

/// An answer, with `most` statements.
pub(super) fn answer(answered: &Answered, action: &str, most: usize) -> Value {
    let statements: Vec<Value> = answered
        .statements()
        .take(most)
        .map(|matched| {
            json!({
                "policy": &*matched.policy,
                "statement": matched.index,
                "sid": matched.sid.as_deref(),
                "effect": format!("{:?}", matched.effect),
            })
        })
        .collect();
    let mut context = json!({
        "reason": answered.reason(action),
        "statements": statements,
        "revision": answered.revision.0,
        "max_age": answered.max_age,
    });
    if let Some(id) = &answered.decision_id {
        context["decision_id"] = json!(id);
    }
    if answered.degraded {
        context["degraded"] = json!(true);
    }
    json!({ "decision": answered.is_allowed(), "context": context })
}

/// The answer to what is no question, in a batch of which others are.
pub(super) fn error(status: u16, message: &str) -> Value {
    json!({ "decision": false, "context": { "reason": message, "error": { "status": status, "message": message } } })
}
