//! The same question again. An answer follows from what is asked, who asks and how, the second in which that is, and what the broker knows.
//! Where all of that is the same, so is the answer, to the byte; so it is not made again, and nothing about it can be out of date.
//!
//! Whoever asks is authenticated each time: nothing is known of them here but who they are. What is noted of a question (who used and
//! reached for what) is noted by the second. What is kept of a question is a digest, for a body may carry tokens.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use smallvec::SmallVec;

use super::frame::Answer;
use crate::authn::Caller;
use crate::clock::Timestamp;
use crate::crypto::hash::sha256_of;
use crate::decision::{Outcomes, RequestFacts};
use crate::ops::{Broker, Knowledge};
use crate::store::{Bounded, Names, Room};

/// Answers that may be asked for again within their second.
pub struct Repeated {
    kept: Bounded<Asked, Kept>,
    /// What was asked lately. A question is worth its place, and being digested, from the second time on: most are asked once.
    lately: Box<[AtomicU64]>,
    hasher: RandomState,
    room: u64,
}

/// A question, by all that its answer follows from beside the second and what the broker knows.
pub(super) struct Ask<'a> {
    asker: &'a Caller,
    facts: &'a RequestFacts,
    /// Of the door and the body.
    digest: [u8; 32],
}

struct Asked {
    asker: Caller,
    facts: RequestFacts,
    digest: [u8; 32],
}

#[derive(Clone)]
struct Kept {
    body: Bytes,
    outcomes: Outcomes,
    /// When it was asked.
    now: Timestamp,
    /// On what it was made.
    knowledge: Knowledge,
    /// How much memory it takes, with the question.
    bytes: u32,
}

/// What an entry takes beside the answer and what the asker said of themselves, roughly, in bytes.
const OVERHEAD: usize = 640;
/// What is at hand of a session that asks, beside its policies and tags.
const SESSION: usize = 2_048;
/// Questions that are remembered to have been asked.
const LATELY: usize = 4_096;
/// One answer takes this part of the room at the most.
const LARGEST_PART: u64 = 16;

impl Repeated {
    /// Nothing was asked yet. Answers take `room` bytes at the most; without room nothing is kept.
    pub fn new(room: u64) -> Self {
        Self {
            kept: Bounded::new("answers", Room::bytes(room, |kept: &Kept| kept.bytes)),
            lately: (0..LATELY).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
            room,
        }
    }

    /// The question of an asker at a door; `None` where no answers are kept, or it is asked for the first time in this second.
    pub(super) fn ask<'a>(
        &self,
        asker: &'a Caller,
        facts: &'a RequestFacts,
        door: &'static str,
        body: &[u8],
    ) -> Option<Ask<'a>> {
        let again = self.room > 0 && self.was_asked(door, body, facts.now);
        again.then(|| Ask { asker, facts, digest: sha256_of([door.as_bytes(), b"\n", body]) })
    }

    /// The answer that a question had a moment ago, if it would have the same now.
    pub(super) fn find(&self, broker: &Broker, ask: &Ask<'_>) -> Option<Bytes> {
        let lasts = |kept: &Kept| kept.now == ask.facts.now && kept.knowledge.lasts(broker);
        let kept = self.kept.find_if(ask, lasts)?;
        // Where nothing was heard for too long the question is refused, or its answer says so.
        let recent = broker.feed.known().is_ok_and(|known| !known.degraded);
        recent.then(|| {
            broker.authorizer.count(&kept.outcomes);
            kept.body
        })
    }

    /// Keeps the answer that was made with this knowledge at hand.
    pub(super) fn keep(&self, broker: &Broker, ask: Ask<'_>, knowledge: Knowledge, answer: &Answer) {
        if answer.once || !knowledge.lasts(broker) {
            return;
        }
        let bytes = u32::try_from(ask.bytes().saturating_add(answer.body.len())).unwrap_or(u32::MAX);
        if u64::from(bytes) <= self.room / LARGEST_PART {
            let Ask { asker, facts, digest } = ask;
            let (body, outcomes, now) = (without_more_room(&answer.body), answer.outcomes, facts.now);
            let kept = Kept { body, outcomes, now, knowledge, bytes };
            self.kept.keep(Asked { asker: asker.clone(), facts: facts.clone(), digest }, kept);
        }
    }

    /// Whether that was asked in this second before, as far as a look at parts of it tells: what only looks like it is told apart by its
    /// digest. Another question may have taken its place.
    fn was_asked(&self, door: &'static str, body: &[u8], now: Timestamp) -> bool {
        /// Parts of a body that are looked at, of as many bytes as a number has.
        const PARTS: usize = 64;
        const PART: usize = size_of::<u64>();
        let every = body.len().div_ceil(PARTS).max(PART);
        let parts = body.chunks(every).map(|part| part.get(..PART).unwrap_or(part));
        // Beside each other: hashing many small parts takes longer than copying them.
        let mut looked_at = SmallVec::<[u8; PARTS * PART]>::new();
        if every > PART {
            parts.for_each(|part| looked_at.extend_from_slice(part));
        }
        let looked_at = if every > PART { looked_at.as_slice() } else { body };
        let number = self.hasher.hash_one((door, body.len(), looked_at));
        let this = number ^ now.seconds().unsigned_abs();
        let place = usize::try_from(number % LATELY as u64).ok().and_then(|at| self.lately.get(at));
        place.is_some_and(|place| {
            let before = place.load(Ordering::Relaxed) == this;
            if !before {
                place.store(this, Ordering::Relaxed);
            }
            before
        })
    }
}

/// The same in no more memory than it takes: a batch that ends with its first answer was written into room for a thousand.
fn without_more_room(body: &Bytes) -> Bytes {
    Bytes::copy_from_slice(body)
}

impl Ask<'_> {
    /// How much memory the question takes where it is kept. A session may be there for its sake alone, as its token and as a subject.
    fn bytes(&self) -> usize {
        let said = |text: &Option<Arc<str>>| text.as_deref().map_or(0, str::len);
        let session = self.asker.session().map_or(0, |claims| {
            let tags: usize = claims.tags.iter().map(|(key, value)| key.len() + value.len() + 64).sum();
            let arns: usize = claims.policy_arns.iter().map(String::len).sum();
            SESSION + 2 * (claims.policy.as_ref().map_or(0, String::len) + tags + arns)
        });
        OVERHEAD
            + said(&self.facts.user_agent)
            + said(&self.facts.region)
            + self.asker.region().len()
            + session
            + self.asker.bytes()
    }
}

impl Hash for Ask<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // A part of it is as good as all, and takes less time.
        let [a, b, c, d, e, f, g, h, ..] = self.digest;
        state.write_u64(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
        // Services that ask the same are told apart here too, or each would take the other's place.
        if let Some(key) = self.asker.access_key() {
            state.write(key.as_str().as_bytes());
        }
        self.facts.source_ip.hash(state);
    }
}

impl Names<Asked> for Ask<'_> {
    fn names(&self, asked: &Asked) -> bool {
        self.digest == asked.digest
            && self.asker.is_the_same(&asked.asker)
            && self.facts.are_the_same_but_for_the_time(&asked.facts)
    }
}

impl Asked {
    fn ask(&self) -> Ask<'_> {
        Ask { asker: &self.asker, facts: &self.facts, digest: self.digest }
    }
}

impl Hash for Asked {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.ask().hash(state);
    }
}

impl PartialEq for Asked {
    fn eq(&self, other: &Self) -> bool {
        self.ask().names(other)
    }
}

impl Eq for Asked {}

impl fmt::Debug for Repeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repeated").field("answers", &self.kept.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_as_large_as_it_counts() {
        let mut written = Vec::with_capacity(384 << 10);
        written.extend_from_slice(b"{}");
        let kept = without_more_room(&Bytes::from(written));
        assert_eq!(Vec::from(kept).capacity(), 2);
    }
}
