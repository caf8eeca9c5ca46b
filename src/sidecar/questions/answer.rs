//! An answer of the broker's, under which terms it may be kept, and what the sidecar makes of it when it answers itself: it says so,
//! says how old the answer is, and for how long it may still be kept.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{AGE, CACHE_CONTROL, CONTENT_TYPE, VARY, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::kept::{Standing, Terms};
use crate::client::Passed;

/// Says who answered: `broker` or `sidecar`.
pub(super) const SERVED_BY: HeaderName = HeaderName::from_static("x-brevet-served-by");
/// Says that the broker is out of reach.
pub(super) const CUT_OFF: HeaderName = HeaderName::from_static("x-brevet-cut-off");
const DEGRADED: HeaderName = HeaderName::from_static("x-brevet-degraded");
const REVISION: HeaderName = HeaderName::from_static("x-brevet-revision");
const MAX_AGE: HeaderName = HeaderName::from_static("x-brevet-max-age");
const HOLDS_FOR: HeaderName = HeaderName::from_static("x-brevet-holds-for");
const DEPENDS: HeaderName = HeaderName::from_static("x-brevet-depends");
/// Headers of the broker's answers that are passed on, beside those that begin with `x-brevet-`.
const PASSED_ON: [HeaderName; 4] = [CONTENT_TYPE, CACHE_CONTROL, VARY, WWW_AUTHENTICATE];
/// Words that an answer may stand on, at the most.
const MOST_WORDS: usize = 256;
/// The longest span that is believed, in seconds, a year: moments can be moved by that much, and nothing is kept for as long.
const LONGEST: u64 = 365 * 86_400;

/// What the broker answered, and when it was asked.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) terms: Terms,
    pub(super) asked: Instant,
    /// What it was rendered as last: seconds are what changes about it.
    rendered: Mutex<Option<(Marks, Bytes)>>,
}

/// What is said of an answer that the broker did not give just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marks {
    /// How many seconds ago the broker gave it.
    pub(super) age: u64,
    /// For how many more it may be kept.
    pub(super) left: u64,
    /// Every change up to this one is in it.
    pub(super) revision: u64,
    /// Whether the broker is out of reach.
    pub(super) cut_off: bool,
    /// Whether it is older than it should be, because the operator chose that.
    pub(super) degraded: bool,
}

impl Marks {
    pub(super) fn of(answer: &Answer, standing: Standing, now: Instant, cut_off: bool) -> Self {
        Self {
            age: now.saturating_duration_since(answer.asked).as_secs(),
            left: standing.left.as_secs(),
            revision: standing.revision,
            cut_off,
            degraded: !standing.is_good(),
        }
    }
}

impl Answer {
    pub(super) fn of(passed: Passed, asked: Instant) -> Self {
        let terms = terms(&passed);
        let mut headers = HeaderMap::new();
        for (name, value) in &passed.headers {
            if PASSED_ON.contains(name) || name.as_str().starts_with("x-brevet-") {
                headers.append(name, value.clone());
            }
        }
        headers.remove(DEPENDS);
        let rendered = Mutex::default();
        Self { status: passed.status, headers, body: passed.body, terms, asked, rendered }
    }

    /// As the broker gave it.
    pub(super) fn passed_on(&self) -> Response {
        let mut response = self.with(self.body.clone());
        response.headers_mut().insert(SERVED_BY, HeaderValue::from_static("broker"));
        response
    }

    /// As the sidecar gives it.
    pub(super) fn kept(&self, marks: Marks) -> Response {
        let mut response = self.with(self.marked(marks));
        let headers = response.headers_mut();
        headers.insert(SERVED_BY, HeaderValue::from_static("sidecar"));
        headers.insert(AGE, HeaderValue::from(marks.age));
        headers.insert(REVISION, HeaderValue::from(marks.revision));
        headers.insert(MAX_AGE, HeaderValue::from(marks.left));
        if let Some(seconds) = self.terms.holds_for {
            let left = seconds.as_secs().saturating_sub(marks.age);
            headers.insert(HOLDS_FOR, HeaderValue::from(left));
        }
        if headers.get(CACHE_CONTROL).is_some_and(|value| value.as_bytes().starts_with(b"max-age=")) {
            let keep = HeaderValue::from_str(&format!("max-age={}", marks.left));
            headers.insert(CACHE_CONTROL, keep.unwrap_or(HeaderValue::from_static("no-store")));
            // `Age` would be taken off once more.
            headers.remove(AGE);
        }
        if marks.cut_off {
            headers.insert(CUT_OFF, HeaderValue::from_static("true"));
        }
        if marks.degraded {
            headers.insert(DEGRADED, HeaderValue::from_static("true"));
        }
        response
    }

    fn with(&self, body: Bytes) -> Response {
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        response
    }

    fn marked(&self, marks: Marks) -> Bytes {
        let is_json =
            self.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
        // What stands in a key set or in a discovery document is not the sidecar's to change.
        if !is_json || self.terms.depends.is_empty() {
            return self.body.clone();
        }
        let mut rendered = self.rendered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, body)) = rendered.as_ref().filter(|(before, _)| *before == marks) {
            return body.clone();
        }
        let Ok(mut value) = serde_json::from_slice::<Value>(&self.body) else { return self.body.clone() };
        mark(&mut value, marks);
        let body = Bytes::from(value.to_string());
        *rendered = Some((marks, body.clone()));
        body
    }
}

/// Writes into every decision what is said of it, and into every `max_age` what is left of it.
fn mark(value: &mut Value, marks: Marks) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| mark(item, marks)),
        Value::Object(members) => {
            members.values_mut().for_each(|member| mark(member, marks));
            if let Some(seconds) = members.get("max_age").and_then(Value::as_u64) {
                members.insert("max_age".to_owned(), Value::from(seconds.min(marks.left)));
            }
            if members.get("decision").is_some_and(Value::is_boolean) {
                match members.get_mut("context").and_then(Value::as_object_mut) {
                    Some(context) => say(context, marks),
                    None => say(members, marks),
                }
            }
        }
        _ => {}
    }
}

fn say(members: &mut Map<String, Value>, marks: Marks) {
    members.insert("served_by".to_owned(), Value::from("sidecar"));
    members.insert("age".to_owned(), Value::from(marks.age));
    members.insert("revision".to_owned(), Value::from(marks.revision));
    if marks.cut_off {
        members.insert("cut_off".to_owned(), Value::from(true));
    }
    if marks.degraded {
        members.insert("degraded".to_owned(), Value::from(true));
    }
}

/// Under which terms it may be kept: not at all where the broker does not say all of it.
fn terms(passed: &Passed) -> Terms {
    let number = |name: &HeaderName| passed.headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
    let never = Terms { revision: 0, max_age: Duration::ZERO, holds_for: None, depends: Box::default() };
    if passed.status != StatusCode::OK && passed.status != StatusCode::FORBIDDEN {
        return never;
    }
    let depends = passed.headers.get(DEPENDS).and_then(|value| words(value.to_str().ok()?));
    match (number(&REVISION), number(&MAX_AGE), depends) {
        (Some(revision), Some(seconds), Some(depends)) if !depends.is_empty() => {
            Terms { revision, max_age: span(seconds), holds_for: number(&HOLDS_FOR).map(span), depends }
        }
        _ if passed.status == StatusCode::OK => {
            Terms { max_age: public_for(&passed.headers).unwrap_or_default(), ..never }
        }
        _ => never,
    }
}

fn words(text: &str) -> Option<Box<[u64]>> {
    let digits = |word: &str| word.len() == 16 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let words = text.split(',').map(|word| u64::from_str_radix(word, 16).ok().filter(|_| digits(word)));
    words.collect::<Option<Box<[u64]>>>().filter(|words| words.len() <= MOST_WORDS)
}

/// For how long anybody may keep what is the same for everybody.
fn public_for(headers: &HeaderMap) -> Option<Duration> {
    let control = headers.get(CACHE_CONTROL)?.to_str().ok()?;
    let mut directives = control.split(',').map(str::trim);
    if !directives.clone().any(|directive| directive == "public") {
        return None;
    }
    let seconds = directives.find_map(|directive| directive.strip_prefix("max-age=")?.parse().ok())?;
    Some(span(seconds))
}

fn span(seconds: u64) -> Duration {
    Duration::from_secs(seconds.min(LONGEST))
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
