//! Counts requests by door, operation and outcome, and how long they took.
//!
//! Looking a metric up by its labels makes a list of them, hashes it and looks in a map behind a lock, for each; so what was looked up is
//! kept. There are as many as there are operations and outcomes, none of which a caller chooses.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;

use crate::telemetry::{Spans, Tally, names};

/// The counters that were used.
pub struct Counts {
    /// Where each is looked for first, without a lock; who comes first stays.
    busy: [OnceLock<(Labels, Arc<Meters>)>; BUSY],
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    meters: HashMap<Labels, Arc<Meters>>,
    /// By door.
    seconds: HashMap<&'static str, Spans>,
}

/// Places for the busy ones: more than there are operations.
const BUSY: usize = 512;
/// Places where one may be.
const NEAR: usize = 8;

/// Door, operation and code.
type Labels = (&'static str, &'static str, Code);

struct Meters {
    requests: Tally,
    seconds: Spans,
}

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

impl Code {
    fn is_success(self) -> bool {
        match self {
            Self::Named(name) => name == "Success",
            Self::Status(status) => status.is_success(),
        }
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self { busy: [const { OnceLock::new() }; BUSY], known: Mutex::default() }
    }
}

impl Counts {
    /// Counts a request that was answered.
    pub(super) fn answered(&self, labels: Labels, took: Duration) {
        // Refusals come in as many kinds as strangers can think of: places are for what succeeds.
        if !labels.2.is_success() {
            return self.looked_up(labels).count(took);
        }
        let first = place(labels);
        for near in (first..first + NEAR).filter_map(|place| self.busy.get(place % BUSY)) {
            // Another thread may have set it to something else meanwhile.
            let (known, meters) = near.get_or_init(|| (labels, self.looked_up(labels)));
            if *known == labels {
                return meters.count(took);
            }
        }
        self.looked_up(labels).count(took);
    }

    fn looked_up(&self, labels: Labels) -> Arc<Meters> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Known { meters, seconds } = &mut *known;
        let of_door = |door| Spans::of(metrics::histogram!(names::REQUEST_SECONDS, "door" => door));
        let seconds = seconds.entry(labels.0).or_insert_with_key(|door| of_door(*door));
        Arc::clone(meters.entry(labels).or_insert_with(|| Arc::new(Meters::of(labels, seconds.clone()))))
    }
}

impl Meters {
    fn of((door, operation, code): Labels, seconds: Spans) -> Self {
        let code = match code {
            Code::Named(name) => name.to_owned(),
            Code::Status(status) => status.as_str().to_owned(),
        };
        let requests = metrics::counter!(names::REQUESTS, "door" => door, "operation" => operation, "code" => code);
        Self { requests: Tally::of(requests), seconds }
    }

    fn count(&self, took: Duration) {
        self.requests.add(1);
        self.seconds.record(took.as_secs_f64());
    }
}

/// Where it is looked for: by where its texts are, each of which is in one place most times, and found by what they say.
fn place((door, operation, code): Labels) -> usize {
    let code = match code {
        Code::Named(name) => name.as_ptr().addr(),
        Code::Status(status) => usize::from(status.as_u16()),
    };
    let mixed = door.as_ptr().addr() ^ operation.as_ptr().addr().rotate_left(5) ^ code.rotate_left(9);
    // The lowest bits of addresses may be alike.
    (mixed ^ (mixed >> 6) ^ (mixed >> 12)) % BUSY
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counts").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_place_and_meters_of_its_own() {
        let counts = Counts::default();
        for number in 0..1_000 {
            let operation: &'static str = Box::leak(format!("operation {number}").into_boxed_str());
            for code in [Code::Named("Success"), Code::Status(StatusCode::FORBIDDEN)] {
                assert!(place(("door", operation, code)) < BUSY);
                counts.answered(("door", operation, code), Duration::ZERO);
            }
        }
        let known = counts.known.lock().expect("nobody panicked");
        assert_eq!((known.meters.len(), known.seconds.len()), (2_000, 1));
        let busy: Vec<_> = counts.busy.iter().filter_map(OnceLock::get).collect();
        assert!(busy.len() > BUSY / 2);
        assert!(busy.iter().all(|(labels, _)| labels.2.is_success()));
        for (labels, meters) in busy {
            assert!(Arc::ptr_eq(meters, &known.meters[labels]));
        }
    }
}
