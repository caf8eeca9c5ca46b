//! What has been noted a moment ago, so that a request that is like another of its second costs next to nothing.
//!
//! A note says nothing finer than a second: whoever asks the same thing ten thousand times in one leaves the same note as whoever asks
//! once.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Fingerprints of the latest notes. The hash is keyed anew in each process, so nobody can make one note look like another.
pub(super) struct Lately {
    hasher: RandomState,
    seen: Box<[AtomicU64]>,
}

/// Notes that are remembered: each displaces one that falls on its place.
const PLACES: usize = 4_096;

impl Lately {
    pub(super) fn new() -> Self {
        Self { hasher: RandomState::new(), seen: (0..PLACES).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Whether this was noted a moment ago; from now on it was.
    pub(super) fn has(&self, note: &impl Hash) -> bool {
        // No fingerprint is what an empty place holds.
        let mark = self.hasher.hash_one(note) | 1;
        let place = usize::try_from(mark >> 1).unwrap_or_default() % PLACES;
        let Some(seen) = self.seen.get(place) else { return false };
        if seen.load(Ordering::Relaxed) == mark {
            return true;
        }
        seen.store(mark, Ordering::Relaxed);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_known_and_nothing_else() {
        let lately = Lately::new();
        assert!(!lately.has(&("alice", 1)));
        assert!(lately.has(&("alice", 1)));
        assert!((0..100_000).all(|n| !lately.has(&("bob", n))), "another note passed for one that was there");
    }
}
