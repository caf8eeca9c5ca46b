//! What is kept of the broker's answers, and for how long: bounded in bytes, and told by the broker what changes.
//!
//! An answer is good while one of these is so, and it is not over by time or its subject's end:
//! - it is younger than the broker said that anybody may keep it;
//! - the change stream has told everything up to the answer's revision and later, and nothing of what it stands on had changed at a
//!   moment that is no longer ago than the broker's staleness bound.
//!
//! Nothing here looks at a clock: the present moment is an argument.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::answer::Answer;

/// What an answer is kept under: a digest of everything that was asked.
pub(super) type Key = [u8; 32];

/// However quiet the stream is, an answer is asked for again after this.
const LONGEST: Duration = Duration::from_secs(900);
/// Changes that are remembered for answers that were under way when they were told.
const REMEMBERED: usize = 10_000;
/// What an entry costs beyond its bytes, roughly.
const OVERHEAD: usize = 512;

/// Under which terms the broker lets an answer be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Terms {
    /// Every change up to this one is in it.
    pub(super) revision: u64,
    /// For how long anybody may keep it.
    pub(super) max_age: Duration,
    /// For how long it is true if nothing changes.
    pub(super) holds_for: Option<Duration>,
    /// What it stands on; nothing if that was not said, and then only its age counts.
    pub(super) depends: Box<[u64]>,
}

/// How an answer stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// For how long it is still good; nothing if it is not.
    pub(super) left: Duration,
    /// How long ago it was last known to be good; nothing while it is.
    pub(super) over_for: Duration,
    /// Every change up to this one is in it.
    pub(super) revision: u64,
}

impl Standing {
    pub(super) fn is_good(self) -> bool {
        !self.left.is_zero()
    }
}

/// The answers that are kept.
#[derive(Debug)]
pub(super) struct Kept {
    room: usize,
    bytes: usize,
    entries: HashMap<Key, Arc<Answer>>,
    standing_on: HashMap<u64, HashSet<Key>>,
    /// The oldest first; keys may be there that are gone.
    order: VecDeque<(Key, u64)>,
    number: u64,
    numbers: HashMap<Key, u64>,
    /// What changed lately, and by which commit.
    changed: HashMap<u64, u64>,
    changed_order: VecDeque<(u64, u64)>,
    /// Of changes up to this one nothing is remembered.
    forgotten: u64,
    followed: Option<Followed>,
}

/// What the change stream has told.
#[derive(Debug, Clone, Copy)]
struct Followed {
    /// Everything up to this revision.
    through: u64,
    /// At this moment there was nothing later.
    as_of: Instant,
    /// How old that may be.
    bound: Duration,
}

impl Kept {
    pub(super) fn new(room: usize) -> Self {
        Self {
            room,
            bytes: 0,
            entries: HashMap::new(),
            standing_on: HashMap::new(),
            order: VecDeque::new(),
            number: 0,
            numbers: HashMap::new(),
            changed: HashMap::new(),
            changed_order: VecDeque::new(),
            forgotten: 0,
            followed: None,
        }
    }

    /// Keeps an answer, unless it may not be, is too large, or was overtaken by a change.
    pub(super) fn keep(&mut self, key: Key, answer: &Arc<Answer>) {
        let terms = &answer.terms;
        let overtaken = terms
            .depends
            .iter()
            .any(|footing| self.changed.get(footing).is_some_and(|revision| *revision > terms.revision));
        let unknown = !terms.depends.is_empty() && terms.revision < self.forgotten;
        let weight = weight(answer);
        self.drop_entry(&key);
        if terms.max_age.is_zero() || overtaken || unknown || weight > self.room / 8 {
            return;
        }
        self.bytes += weight;
        self.number += 1;
        self.order.push_back((key, self.number));
        self.numbers.insert(key, self.number);
        for footing in &terms.depends {
            self.standing_on.entry(*footing).or_default().insert(key);
        }
        self.entries.insert(key, Arc::clone(answer));
        while self.bytes > self.room || self.order.len() > 2 * self.entries.len() + 64 {
            let Some((oldest, number)) = self.order.pop_front() else { break };
            if self.numbers.get(&oldest) == Some(&number) {
                if self.bytes > self.room {
                    self.drop_entry(&oldest);
                } else {
                    self.order.push_back((oldest, number));
                }
            }
        }
    }

    /// An answer, and how it stands.
    pub(super) fn find(&self, key: &Key, now: Instant) -> Option<(Arc<Answer>, Standing)> {
        let answer = self.entries.get(key)?;
        Some((Arc::clone(answer), self.standing(answer, now)))
    }

    /// How an answer stands that nothing was told against.
    pub(super) fn standing(&self, answer: &Answer, now: Instant) -> Standing {
        let terms = &answer.terms;
        let mut revision = terms.revision;
        let mut until = answer.asked + terms.max_age;
        let followed = self.followed.filter(|followed| {
            !terms.depends.is_empty() && !terms.max_age.is_zero() && followed.through >= terms.revision
        });
        if let Some(followed) = followed {
            let then = (followed.as_of + followed.bound).min(answer.asked + LONGEST);
            if then > until {
                (until, revision) = (then, followed.through);
            }
        }
        if let Some(holds_for) = terms.holds_for {
            until = until.min(answer.asked + holds_for);
        }
        Standing {
            left: until.saturating_duration_since(now),
            over_for: now.saturating_duration_since(until),
            revision,
        }
    }

    /// Whether time or the subject's end has made an answer untrue: then nobody gets it, whatever the operator chose.
    pub(super) fn is_over(answer: &Answer, now: Instant) -> bool {
        answer.terms.holds_for.is_some_and(|holds_for| now >= answer.asked + holds_for)
    }

    /// The stream has told everything up to a revision, and at `as_of` there was nothing later.
    pub(super) fn heard(&mut self, through: u64, as_of: Instant, bound: Duration) {
        let before = self.followed.map(|followed| (followed.through, followed.as_of));
        let (through, as_of) = before.map_or((through, as_of), |(t, a)| (t.max(through), a.max(as_of)));
        self.followed = Some(Followed { through, as_of, bound });
    }

    /// A commit changed these.
    pub(super) fn changed(&mut self, revision: u64, footings: impl IntoIterator<Item = u64>) {
        for footing in footings {
            let latest = self.changed.entry(footing).or_insert(revision);
            *latest = revision.max(*latest);
            self.changed_order.push_back((footing, revision));
            for key in self.standing_on.get(&footing).cloned().unwrap_or_default() {
                if self.entries.get(&key).is_some_and(|answer| answer.terms.revision < revision) {
                    self.drop_entry(&key);
                }
            }
        }
        while self.changed_order.len() > REMEMBERED {
            let Some((footing, revision)) = self.changed_order.pop_front() else { break };
            self.forgotten = self.forgotten.max(revision);
            if self.changed.get(&footing) == Some(&revision) {
                self.changed.remove(&footing);
            }
        }
    }

    /// Anything may have changed up to `revision`.
    pub(super) fn gap(&mut self, revision: u64) {
        self.forget();
        self.changed.clear();
        self.changed_order.clear();
        // Where a store was put back, revisions begin again.
        self.forgotten = revision;
        self.followed = None;
    }

    /// Drops all answers.
    pub(super) fn forget(&mut self) {
        self.entries.clear();
        self.standing_on.clear();
        self.order.clear();
        self.numbers.clear();
        self.bytes = 0;
    }

    /// Everything up to this revision was told, if anything was.
    pub(super) fn through(&self) -> Option<u64> {
        self.followed.map(|followed| followed.through)
    }

    /// Whether what the stream told last is recent.
    pub(super) fn is_recent(&self, now: Instant) -> bool {
        self.followed.is_some_and(|followed| now < followed.as_of + followed.bound)
    }

    /// How many are kept, and their bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.entries.len(), self.bytes)
    }

    fn drop_entry(&mut self, key: &Key) {
        let Some(answer) = self.entries.remove(key) else { return };
        self.numbers.remove(key);
        self.bytes -= weight(&answer);
        for footing in &answer.terms.depends {
            if let Some(keys) = self.standing_on.get_mut(footing) {
                keys.remove(key);
                if keys.is_empty() {
                    self.standing_on.remove(footing);
                }
            }
        }
    }
}

fn weight(answer: &Answer) -> usize {
    // The body once as it came, and once as it was rendered last.
    2 * answer.body.len() + answer.terms.depends.len() * 64 + OVERHEAD
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;
