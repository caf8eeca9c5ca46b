//! What was found in a cache lately, at hand without asking the cache again.
//!
//! A request looks the same few things up several times, and the next request of the same caller does so again. The cache behind counts
//! each look, to know what to keep; here a look is a hash, a lock that nobody waits for, and a comparison. Nothing is kept alive, and
//! whoever asks must see for themselves that what they were given still counts.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, TryLockError, Weak};

/// Places for what was found lately; each name has one, which it shares with others.
pub(super) struct Near<E> {
    hasher: RandomState,
    places: Box<[Mutex<Place<E>>]>,
}

struct Place<E> {
    name: String,
    entry: Weak<E>,
    looks: u32,
}

/// Places of one cache.
const PLACES: usize = 256;
/// One look in so many goes to the cache, so that it does not take for forgotten what is used most.
const SHOWN: u32 = 32;

impl<E> Near<E> {
    pub(super) fn new() -> Self {
        let place = |_| Mutex::new(Place { name: String::new(), entry: Weak::new(), looks: 0 });
        Self { hasher: RandomState::new(), places: (0..PLACES).map(place).collect() }
    }

    /// What was found under this name, unless it is gone or it is time to ask the cache.
    pub(super) fn find(&self, name: &str) -> Option<Arc<E>> {
        self.at(name, |place| {
            if place.name != name {
                return None;
            }
            place.looks = place.looks.wrapping_add(1);
            if place.looks.is_multiple_of(SHOWN) { None } else { place.entry.upgrade() }
        })?
    }

    /// Remembers what was found.
    pub(super) fn put(&self, name: &str, entry: &Arc<E>) {
        self.at(name, |place| {
            if place.name != name {
                place.name.clear();
                place.name.push_str(name);
            }
            place.entry = Arc::downgrade(entry);
        });
    }

    /// Does something at the place of this name, unless somebody else is there.
    fn at<T>(&self, name: &str, what: impl FnOnce(&mut Place<E>) -> T) -> Option<T> {
        let hash = usize::try_from(self.hasher.hash_one(name) % PLACES as u64).ok()?;
        match self.places.get(hash)?.try_lock() {
            Ok(mut place) => Some(what(&mut place)),
            // Whoever panicked left a name without its entry at the worst, or the entry of before.
            Err(TryLockError::Poisoned(_) | TryLockError::WouldBlock) => None,
        }
    }
}

impl<E> fmt::Debug for Near<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Near").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_at_hand_until_it_is_gone() {
        let near = Near::new();
        let entry = Arc::new(1);
        assert!(near.find("alice").is_none());
        near.put("alice", &entry);
        assert_eq!(near.find("alice").as_deref(), Some(&1));
        assert!(near.find("bob").is_none());
        drop(entry);
        assert!(near.find("alice").is_none(), "it was kept alive");
    }

    #[test]
    fn now_and_then_the_cache_is_asked() {
        let near = Near::new();
        let entry = Arc::new(1);
        near.put("alice", &entry);
        let found = (0..320).filter(|_| near.find("alice").is_some()).count();
        assert_eq!(found, 310);
    }

    #[test]
    fn names_that_share_a_place_are_told_apart() {
        let near = Near::new();
        let entries: Vec<Arc<usize>> = (0..10_000).map(Arc::new).collect();
        for (number, entry) in entries.iter().enumerate() {
            near.put(&number.to_string(), entry);
            for other in [number, number / 2, number / 3] {
                assert!(near.find(&other.to_string()).is_none_or(|found| *found == other));
            }
        }
    }
}
