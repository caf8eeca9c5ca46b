//! The exact cache of decisions.
//!
//! A policy set knows which condition keys it reads, so a decision is kept under the principal's stamp, the action, the
//! resource and the values of just those keys. Time itself is not part of the key: a decision that read the time is kept no
//! longer than until the first moment at which time could change it.

use std::sync::Arc;

use moka::sync::Cache;

use crate::clock::Timestamp;
use crate::policy::{Context, Decision, KeySet, PolicySet, Value};

/// Time runs on by itself; these keys are accounted for by [`Kept::until`] instead.
const TIME_KEYS: [&str; 3] = ["aws:currenttime", "aws:epochtime", "aws:multifactorauthage"];

/// A decision and how long it holds.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) decision: Arc<Decision>,
    /// The first moment at which it may come out otherwise.
    pub(super) until: Option<Timestamp>,
}

/// Everything that a decision depends on, written out in full: two different questions never share a key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Question(Box<[u8]>);

impl Question {
    pub(super) fn new(
        stamp: u64,
        session: Option<&str>,
        action: &str,
        resource: &str,
        resource_account: Option<&str>,
        context: &Context,
        sets: &[&PolicySet],
    ) -> Self {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(&stamp.to_le_bytes());
        put(&mut bytes, session);
        put(&mut bytes, Some(&action.to_ascii_lowercase()));
        put(&mut bytes, Some(resource));
        put(&mut bytes, resource_account);
        for set in sets {
            put_keys(&mut bytes, set.keys(), context);
        }
        Self(bytes.into_boxed_slice())
    }
}

fn put_keys(bytes: &mut Vec<u8>, keys: &KeySet, context: &Context) {
    for key in keys.iter() {
        if TIME_KEYS.contains(&key) {
            continue;
        }
        put(bytes, Some(key));
        match context.get(key) {
            None => put(bytes, None),
            Some(value) => put_value(bytes, value),
        }
    }
}

/// Kind and canonical text: `true` and `"true"` may be compared differently, so they are different values.
fn put_value(bytes: &mut Vec<u8>, value: &Value) {
    bytes.push(match value {
        Value::Text(_) => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::Time(_) => 3,
        Value::Ip(_) => 4,
        Value::Bytes(_) => 5,
        Value::List(_) => 6,
    });
    put(bytes, Some(&value.as_text()));
}

/// Length and bytes, so that neighbouring texts cannot run into each other; an absent text differs from an empty one.
fn put(bytes: &mut Vec<u8>, text: Option<&str>) {
    match text {
        None => bytes.extend_from_slice(&u32::MAX.to_le_bytes()),
        Some(text) => {
            bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX - 1).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
    }
}

/// Holds decisions, bounded by the bytes of their keys.
#[derive(Debug)]
pub(super) struct Decisions(Cache<Question, Arc<Kept>>);

impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Question({} bytes)", self.0.len())
    }
}

impl Decisions {
    pub(super) fn new(bytes: u64) -> Self {
        /// What an entry costs beyond its key, roughly.
        const OVERHEAD: usize = 400;
        let weigher = |question: &Question, _: &Arc<Kept>| u32::try_from(question.0.len() + OVERHEAD).unwrap_or(u32::MAX);
        Self(Cache::builder().max_capacity(bytes).weigher(weigher).build())
    }

    /// A decision that still holds at `now`.
    pub(super) fn find(&self, question: &Question, now: Timestamp) -> Option<Arc<Kept>> {
        self.0.get(question).filter(|kept| kept.until.is_none_or(|until| now < until))
    }

    pub(super) fn keep(&self, question: Question, kept: Arc<Kept>) {
        self.0.insert(question, kept);
    }
}
