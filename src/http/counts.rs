//! Counts requests by door, operation and outcome, and how long they took.
//!
//! Looking a metric up by its labels makes a list of them, hashes it and looks in a map behind a lock, for each; so what was looked up is
//! kept. There are as many as there are operations and outcomes, none of which a caller chooses.

use std::collections::HashMap;
use std::fmt;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use axum::http::StatusCode;
use metrics::{Counter, Histogram};

use crate::telemetry::names;

/// The counters that were used.
#[derive(Default)]
pub struct Counts {
    known: RwLock<HashMap<Labels, (Counter, Histogram)>>,
}

/// Door, operation and code.
type Labels = (&'static str, &'static str, Code);

/// How a request ended: by AWS's name for it, or by the status of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Code {
    Named(&'static str),
    Status(StatusCode),
}

impl From<&'static str> for Code {
    fn from(name: &'static str) -> Self {
        Self::Named(name)
    }
}

impl From<StatusCode> for Code {
    fn from(status: StatusCode) -> Self {
        Self::Status(status)
    }
}

impl Counts {
    /// Counts a request that was answered.
    pub(super) fn answered(&self, labels: Labels, took: Duration) {
        let seconds = took.as_secs_f64();
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if let Some((requests, span)) = known.get(&labels) {
                requests.increment(1);
                span.record(seconds);
                return;
            }
        }
        let (door, operation, code) = labels;
        let code = match code {
            Code::Named(name) => name.to_owned(),
            Code::Status(status) => status.as_str().to_owned(),
        };
        let requests = metrics::counter!(names::REQUESTS, "door" => door, "operation" => operation, "code" => code);
        let span = metrics::histogram!(names::REQUEST_SECONDS, "door" => door);
        requests.increment(1);
        span.record(seconds);
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(labels, (requests, span));
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counts").finish_non_exhaustive()
    }
}
