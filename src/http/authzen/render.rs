//! Answers as AuthZEN has them: a decision, and in its context why, on what knowledge, and for how long it may be kept.

use std::borrow::Cow;

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use super::frame::Refusal;
use crate::ops::questions::Answered;

/// Statements that an answer in a batch tells of: a batch has a thousand answers.
const STATEMENTS_IN_A_BATCH: usize = 16;

/// What is answered, as JSON.
pub(super) fn body(answer: &impl Serialize) -> Result<Vec<u8>, Refusal> {
    /// Most answers fit, so that few are moved while they are written.
    const USUAL: usize = 1_024;
    let mut body = Vec::with_capacity(USUAL);
    serde_json::to_writer(&mut body, answer)
        .map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(body)
}

/// An answer in a batch.
pub(super) fn in_a_batch(answered: &Answered, action: &str) -> Value {
    json!(answered.shown(action, STATEMENTS_IN_A_BATCH))
}

/// Characters of a message in a batch: it may quote what the question says, and a thousand questions may say the same.
const LONGEST_MESSAGE: usize = 1_024;

/// The answer to what is no question, in a batch of which others are.
pub(super) fn error(status: u16, message: &str) -> Value {
    let message = match message.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => Cow::Owned(format!("{}...", message.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(message),
    };
    json!({ "decision": false, "context": { "reason": message, "error": { "status": status, "message": message } } })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a megabyte that was quoted a thousand times there were two gigabytes.
    #[test]
    fn a_batch_does_not_repeat_what_is_long() {
        let message = |text: &str| error(400, text)["context"]["error"]["message"].as_str().expect("a text").to_owned();
        assert_eq!(message("`action` is missing"), "`action` is missing");
        assert_eq!(message(&"ä".repeat(1 << 20)), format!("{}...", "ä".repeat(LONGEST_MESSAGE)));
    }
}
