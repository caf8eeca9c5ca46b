//! Answers as AuthZEN has them: a decision, and in its context why, on what knowledge, and for how long it may be kept.

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::http::refusal::Refusal;
use crate::ops::questions::Answered;

/// Statements that an answer in a batch tells of: a batch has a thousand answers.
const STATEMENTS_IN_A_BATCH: usize = 16;

/// What is answered, as JSON.
pub(super) fn body(answer: &impl Serialize) -> Result<Vec<u8>, Refusal> {
    /// Most answers fit, so that few are moved while they are written.
    const USUAL: usize = 1_024;
    let mut body = Vec::with_capacity(USUAL);
    serde_json::to_writer(&mut body, answer)
        .map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure", error.to_string()))?;
    Ok(body)
}

/// An answer in a batch.
pub(super) fn in_a_batch(answered: &Answered, action: &str) -> Value {
    json!(answered.shown(action, STATEMENTS_IN_A_BATCH))
}

/// The answer to what is no question, in a batch of which others are.
pub(super) fn error(status: u16, message: &str) -> Value {
    json!({ "decision": false, "context": { "reason": message, "error": { "status": status, "message": message } } })
}
