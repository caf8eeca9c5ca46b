//! Answers as AuthZEN has them: a decision, and in its context why, on what knowledge, and for how long it may be kept.

use std::borrow::Cow;

use axum::http::StatusCode;
use serde::Serialize;

use super::frame::Answer;
use crate::decision::Outcomes;
use crate::http::refusal::Refusal;
use crate::ops::questions::{self, Answered, Keeping};
use crate::policy::Effect;

/// Statements that an answer in a batch tells of: a batch has a thousand answers.
pub(super) const STATEMENTS_IN_A_BATCH: usize = 16;

/// What is answered, as JSON.
pub(super) fn body(answer: &impl Serialize) -> Result<Vec<u8>, Refusal> {
    serde_json::to_vec(answer)
        .map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure", error.to_string()))
}

/// The answer to one question, as JSON.
pub(super) fn one(answered: &Answered, action: &str) -> Vec<u8> {
    /// Most answers fit, so that few are moved while they are written.
    const USUAL: usize = 1_024;
    let mut body = Vec::with_capacity(USUAL);
    answered.write_json(action, usize::MAX, &mut body);
    body
}

/// The answers to a batch, written one after the other.
pub(super) struct Answers {
    body: Vec<u8>,
    any: bool,
    outcomes: Outcomes,
    degraded: bool,
}

/// Characters of a message in a batch: it may quote what the question says, and a thousand questions may say the same.
const LONGEST_MESSAGE: usize = 1_024;

/// The answer to what is no question, in a batch of which others are.
#[derive(Serialize)]
struct Unanswered<'a> {
    context: Why<'a>,
    decision: bool,
}

#[derive(Serialize)]
struct Why<'a> {
    error: Wrong<'a>,
    reason: &'a str,
}

#[derive(Serialize)]
struct Wrong<'a> {
    message: &'a str,
    status: u16,
}

impl Answers {
    /// None yet, with room for as many as there will be at the most.
    pub(super) fn of(questions: usize) -> Self {
        /// Bytes that most have at the most: what is moved because there is no room is moved as a whole.
        const USUAL: usize = 384;
        let mut body = Vec::with_capacity(questions.saturating_add(1).saturating_mul(USUAL));
        body.extend_from_slice(b"{\"evaluations\":[");
        Self { body, any: false, outcomes: Outcomes::default(), degraded: false }
    }

    /// Adds what a question was answered with; gives the decision.
    pub(super) fn add(&mut self, answered: &Answered, action: &str) -> bool {
        self.separate();
        answered.write_json(action, STATEMENTS_IN_A_BATCH, &mut self.body);
        answered.effect().into_iter().for_each(|effect| self.outcomes.add(effect));
        self.degraded |= answered.degraded;
        answered.is_allowed()
    }

    /// Adds an answer that is written already; gives the decision.
    pub(super) fn add_text(&mut self, effect: Effect, text: &[u8], degraded: bool) -> bool {
        self.separate();
        self.degraded |= degraded;
        self.body.extend_from_slice(text);
        self.outcomes.add(effect);
        effect == Effect::Allowed
    }

    /// Adds why a question has no answer, which is no.
    pub(super) fn error(&mut self, status: StatusCode, message: &str) -> Result<bool, questions::Refusal> {
        let message = &*cut(message);
        let error = Wrong { message, status: status.as_u16() };
        let answer = Unanswered { context: Why { error, reason: message }, decision: false };
        self.separate();
        serde_json::to_writer(&mut self.body, &answer).map_err(|error| {
            tracing::error!(%error, "an answer could not be written");
            questions::Refusal::Unavailable
        })?;
        Ok(false)
    }

    fn separate(&mut self) {
        if std::mem::replace(&mut self.any, true) {
            self.body.push(b',');
        }
    }

    /// Takes note of what was decided about the asker.
    pub(super) fn decided(&mut self, effect: Effect) {
        self.outcomes.add(effect);
    }

    /// All of them; `once` and `keeping` as [`Answer`] has them.
    pub(super) fn into_answer(mut self, once: bool, keeping: Option<Keeping>) -> Answer {
        self.body.extend_from_slice(b"]}");
        Answer { body: self.body.into(), keeping, outcomes: self.outcomes, once: once || self.degraded }
    }
}

fn cut(message: &str) -> Cow<'_, str> {
    match message.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => Cow::Owned(format!("{}...", message.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a megabyte that was quoted a thousand times there were two gigabytes.
    #[test]
    fn a_batch_does_not_repeat_what_is_long() {
        let message = |text: &str| {
            let mut answers = Answers::of(1);
            answers.error(StatusCode::BAD_REQUEST, text).expect("it is written");
            let body: serde_json::Value = serde_json::from_slice(&answers.into_answer(false, None).body).expect("JSON");
            body["evaluations"][0]["context"]["error"]["message"].as_str().expect("a text").to_owned()
        };
        assert_eq!(message("`action` is missing"), "`action` is missing");
        assert_eq!(message(&"ä".repeat(1 << 20)), format!("{}...", "ä".repeat(LONGEST_MESSAGE)));
    }
}
