//! What the broker answers, read.

use serde::Deserialize;
use serde_json::Value;

use super::Refused;
use crate::clock::Timestamp;

#[derive(Deserialize)]
pub(super) struct Answer {
    pub(super) caller: Option<Sender>,
    pub(super) refused: Option<Refusal>,
    pub(super) max_age: Option<i64>,
    pub(super) decision: Option<Decided>,
    pub(super) key: Option<Key>,
}

#[derive(Clone, Deserialize)]
pub(super) struct Sender {
    pub(super) arn: String,
    pub(super) account: String,
    pub(super) user_id: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) principal: String,
    pub(super) access_key_id: String,
    pub(super) session_name: Option<String>,
    pub(super) mfa_at: Option<String>,
    pub(super) expires: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Refusal {
    code: String,
    status: u16,
    message: String,
}

#[derive(Deserialize)]
pub(super) struct Decided {
    pub(super) decision: bool,
    pub(super) context: Context,
}

#[derive(Deserialize)]
pub(super) struct Context {
    pub(super) reason: String,
    pub(super) revision: u64,
    pub(super) max_age: i64,
}

#[derive(Deserialize)]
pub(super) struct Key {
    pub(super) jwe: String,
    /// To whom it is sealed.
    pub(super) recipient: String,
    pub(super) good_until: String,
}

/// What stands in the sealed JWE.
#[derive(Deserialize)]
pub(super) struct SealedKey {
    pub(super) k: String,
    pub(super) kid: String,
    pub(super) scope: String,
}

impl Answer {
    pub(super) fn read(answer: Value) -> Result<Self, Refused> {
        serde_json::from_value(answer).map_err(|_| Refused::Malformed("a member is missing"))
    }

    /// Who sent the request, if the broker says so.
    pub(super) fn sender(&self) -> Result<&Sender, Refused> {
        match (&self.caller, &self.refused) {
            (Some(sender), None) => Ok(sender),
            (None, Some(Refusal { code, status, message })) => {
                Err(Refused::Request { code: code.clone(), status: *status, message: message.clone() })
            }
            _ => Err(Refused::Malformed("it tells neither who sent the request nor why nobody did")),
        }
    }
}

/// A time as the broker writes it.
pub(super) fn time(text: &str) -> Result<Timestamp, Refused> {
    Timestamp::parse_iso8601(text).ok_or(Refused::Malformed("a time is none"))
}
