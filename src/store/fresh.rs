//! Caches of values that were computed from records, and forgotten the moment one of those records changes.
//!
//! Whoever fills such a cache says which keys the value was read from. A commit of this broker, or one that the change feed
//! brings from another, names the keys that it wrote; every value that read one of them is dropped. A value whose loading was
//! overtaken by such a change is used once and not kept.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::bounded::{Bounded, Names, Room};
use super::key::Key;

/// The point in the order of changes at which a load began.
#[derive(Clone, Copy, Debug)]
pub struct Ticket(u64);

/// Tells every cache which records have changed.
#[derive(Default)]
pub struct Invalidations {
    state: Mutex<State>,
    /// How many changes there were. It rises under the lock of `state`, and is read without it, several times a request.
    sequence: AtomicU64,
    /// How many of them every cache has forgotten what it must of. Where that is as many as there were, none is under way.
    settled: AtomicU64,
}

#[derive(Default)]
struct State {
    /// The latest changes, newest last; long enough that any load in progress finds what overtook it.
    recent: VecDeque<(u64, Key)>,
    /// Everything at or before this point may have changed without being in `recent`.
    forgotten_through: u64,
    caches: Vec<Weak<dyn Forget>>,
}

/// Changes remembered for loads in progress.
const RECENT: usize = 10_000;

trait Forget: Send + Sync {
    fn forget(&self, keys: &[Key]);
    fn forget_all(&self);
}

impl Invalidations {
    /// Makes every cache forget what it computed from these records.
    pub fn apply(&self, keys: &[Key]) {
        let caches = {
            let mut state = lock(&self.state);
            for key in keys {
                let at = self.next();
                state.recent.push_back((at, key.clone()));
                if state.recent.len() > RECENT
                    && let Some((dropped, _)) = state.recent.pop_front()
                {
                    state.forgotten_through = dropped;
                }
            }
            state.live_caches()
        };
        for cache in caches {
            cache.forget(keys);
        }
        self.settled.fetch_add(keys.len() as u64, Ordering::AcqRel);
    }

    /// Makes every cache forget everything: the change feed has a gap.
    pub fn apply_all(&self) {
        let caches = {
            let mut state = lock(&self.state);
            state.forgotten_through = self.next();
            state.recent.clear();
            state.live_caches()
        };
        for cache in caches {
            cache.forget_all();
        }
        self.settled.fetch_add(1, Ordering::AcqRel);
    }

    /// The point up to which every cache has forgotten the past. While a change is under way, when some have and others not, it has
    /// been passed already: nothing has been quiet since.
    pub(super) fn settled(&self) -> Ticket {
        Ticket(self.settled.load(Ordering::Acquire))
    }

    pub(super) fn begin(&self) -> Ticket {
        Ticket(self.sequence.load(Ordering::Acquire))
    }

    pub(super) fn quiet_since(&self, ticket: Ticket) -> bool {
        self.sequence.load(Ordering::Acquire) == ticket.0
    }

    /// The number of one more change. Whoever calls it holds the lock.
    fn next(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::AcqRel) + 1
    }

    fn overtaken(&self, ticket: Ticket, reads: &HashSet<Key>) -> bool {
        let state = lock(&self.state);
        state.forgotten_through > ticket.0
            || state.recent.iter().rev().take_while(|(at, _)| *at > ticket.0).any(|(_, key)| reads.contains(key))
    }
}

impl State {
    fn live_caches(&mut self) -> Vec<Arc<dyn Forget>> {
        self.caches.retain(|cache| cache.strong_count() > 0);
        self.caches.iter().filter_map(Weak::upgrade).collect()
    }
}

impl fmt::Debug for Invalidations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invalidations").finish_non_exhaustive()
    }
}

/// One cache, bounded in entries or in what they take.
pub struct Fresh<V, K = String> {
    entries: Bounded<K, Arc<Entry<V>>>,
    weight: fn(&V) -> u32,
    /// Which entries read a record, by the hashes of their names. Entries come and go under this lock, so that it tells of exactly
    /// those that are there; who only looks one up does not need it.
    readers: Mutex<Readers>,
    invalidations: Arc<Invalidations>,
}

struct Entry<V> {
    value: Arc<V>,
    reads: Box<[Key]>,
    weight: u32,
}

type Readers = HashMap<Key, HashSet<u64>>;

impl<V: Send + Sync + 'static, K: Eq + Hash + Send + Sync + 'static> Fresh<V, K> {
    /// A cache of at most `capacity` entries that listens to `invalidations`. `name` is its name in the metrics.
    pub fn new(name: &'static str, capacity: u64, invalidations: &Arc<Invalidations>) -> Arc<Self> {
        Self::within(name, Room::entries(capacity), |_| 1, invalidations)
    }

    /// A cache of entries that together take at most `bytes`, for values of which one may be far larger than another.
    pub fn weighing(
        name: &'static str,
        bytes: u64,
        weight: fn(&V) -> u32,
        invalidations: &Arc<Invalidations>,
    ) -> Arc<Self> {
        Self::within(name, Room::bytes(bytes, |entry: &Arc<Entry<V>>| entry.weight), weight, invalidations)
    }

    fn within(
        name: &'static str,
        room: Room<Arc<Entry<V>>>,
        weight: fn(&V) -> u32,
        invalidations: &Arc<Invalidations>,
    ) -> Arc<Self> {
        let cache = Arc::new(Self {
            entries: Bounded::new(name, room),
            weight,
            readers: Mutex::default(),
            invalidations: Arc::clone(invalidations),
        });
        let listener: Weak<dyn Forget> = Arc::downgrade(&(Arc::clone(&cache) as Arc<dyn Forget>));
        lock(&invalidations.state).caches.push(listener);
        cache
    }

    /// The value, if it is there and nothing that it was computed from has changed.
    pub fn find(&self, id: &(impl Names<K> + ?Sized)) -> Option<Arc<V>> {
        self.entries.find_part(id, |entry| Arc::clone(&entry.value))
    }

    /// As [`Fresh::find`], one of many that are [counted](Fresh::looked) together.
    pub fn look(&self, id: &(impl Names<K> + ?Sized)) -> Option<Arc<V>> {
        self.entries.look(id, |entry| Arc::clone(&entry.value))
    }

    /// Counts how many were found, and how many were not.
    pub fn looked(&self, found: u64, missed: u64) {
        self.entries.looked(found, missed);
    }

    /// What the value was computed from that is kept under this id, if there is one.
    pub fn reads(&self, id: &(impl Names<K> + ?Sized)) -> Option<Vec<Key>> {
        self.entries.look(id, |entry| entry.reads.to_vec())
    }

    /// Say this before reading the first record that a value is computed from.
    pub fn begin(&self) -> Ticket {
        self.invalidations.begin()
    }

    /// Whether no change has been heard of since: what was found meanwhile, here or in a cache of the same invalidations, is of one
    /// moment.
    pub fn quiet_since(&self, ticket: Ticket) -> bool {
        self.invalidations.quiet_since(ticket)
    }

    /// Keeps a value that was computed from `reads`, unless one of them has changed since `ticket`.
    pub fn keep(&self, ticket: Ticket, id: impl Into<K>, value: V, reads: impl IntoIterator<Item = Key>) -> Arc<V> {
        let id = id.into();
        let hash = self.entries.hash(&id);
        let weight = (self.weight)(&value);
        let value = Arc::new(value);
        let reads: HashSet<Key> = reads.into_iter().collect();
        let entry = Entry { value: Arc::clone(&value), reads: reads.iter().cloned().collect(), weight };
        let mut readers = lock(&self.readers);
        // Under this lock, and before anybody can find it: whatever changes from now on waits for the lock, and finds the entry then.
        if self.invalidations.overtaken(ticket, &reads) {
            return value;
        }
        let entry = Arc::new(entry);
        let fits = self.entries.fits(&entry);
        let gone = self.entries.insert(hash, id, entry);
        for (hash, entry) in gone {
            unmark(&mut readers, hash, &entry.reads);
        }
        // What was too large to be kept is marked nowhere: nothing would take the marks away.
        for key in reads.iter().filter(|_| fits) {
            readers.entry(key.clone()).or_default().insert(hash);
        }
        value
    }

    fn drop_entry(&self, hash: u64, readers: &mut Readers) {
        if let Some(entry) = self.entries.remove(hash) {
            unmark(readers, hash, &entry.reads);
        }
    }
}

fn unmark(readers: &mut Readers, hash: u64, reads: &[Key]) {
    for key in reads {
        if let Some(marks) = readers.get_mut(key) {
            marks.remove(&hash);
            if marks.is_empty() {
                readers.remove(key);
            }
        }
    }
}

impl<V: Send + Sync + 'static, K: Eq + Hash + Send + Sync + 'static> Forget for Fresh<V, K> {
    fn forget(&self, keys: &[Key]) {
        let mut readers = lock(&self.readers);
        let hashes: HashSet<u64> = keys.iter().filter_map(|key| readers.get(key)).flatten().copied().collect();
        for hash in hashes {
            self.drop_entry(hash, &mut readers);
        }
    }

    fn forget_all(&self) {
        let mut readers = lock(&self.readers);
        self.entries.clear();
        readers.clear();
    }
}

impl<V, K> fmt::Debug for Fresh<V, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fresh").finish_non_exhaustive()
    }
}

/// A panic while the lock was held leaves nothing half-done here that a later reader could trip over.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::of(&["user", name])
    }

    fn cache<V: Send + Sync + 'static>(invalidations: &Arc<Invalidations>) -> Arc<Fresh<V>> {
        Fresh::new("test", 10, invalidations)
    }

    #[test]
    fn a_value_is_forgotten_when_a_record_it_read_changes() {
        let invalidations = Arc::new(Invalidations::default());
        let cache = cache(&invalidations);
        let ticket = cache.begin();
        cache.keep(ticket, "alice", 1, [key("alice"), key("group")]);
        invalidations.apply(&[key("bob")]);
        assert!(cache.find("alice").is_some());
        invalidations.apply(&[key("group")]);
        assert!(cache.find("alice").is_none());
    }

    #[test]
    fn a_load_that_was_overtaken_is_not_kept() {
        let invalidations = Arc::new(Invalidations::default());
        let cache = cache(&invalidations);
        let ticket = cache.begin();
        invalidations.apply(&[key("alice")]);
        assert_eq!(*cache.keep(ticket, "alice", 1, [key("alice")]), 1);
        assert!(cache.find("alice").is_none());
        let ticket = cache.begin();
        invalidations.apply_all();
        cache.keep(ticket, "alice", 1, [key("alice")]);
        assert!(cache.find("alice").is_none());
    }

    /// A cache that finds out, when it is to forget something, what a question would find that came just then.
    struct Asked {
        invalidations: Arc<Invalidations>,
        other: Arc<Fresh<u32>>,
        lasted: std::sync::atomic::AtomicBool,
    }

    impl Forget for Asked {
        fn forget(&self, _: &[Key]) {
            self.forget_all();
        }

        fn forget_all(&self) {
            let moment = self.invalidations.settled();
            // The other one's turn comes later.
            assert!(self.other.find("alice").is_some());
            self.lasted.fetch_or(self.invalidations.quiet_since(moment), Ordering::SeqCst);
        }
    }

    #[test]
    fn no_moment_begins_while_some_have_forgotten_the_past_and_others_not() {
        for everything in [false, true] {
            let invalidations = Arc::new(Invalidations::default());
            let asked = Arc::new_cyclic(|asked: &Weak<Asked>| {
                lock(&invalidations.state).caches.push(asked.clone() as Weak<dyn Forget>);
                let (invalidations, other) = (Arc::clone(&invalidations), cache(&invalidations));
                Asked { invalidations, other, lasted: false.into() }
            });
            asked.other.keep(asked.other.begin(), "alice", 1, [key("alice")]);
            assert!(invalidations.quiet_since(invalidations.settled()));
            if everything {
                invalidations.apply_all()
            } else {
                invalidations.apply(&[key("alice"), key("bob")])
            }
            assert!(!asked.lasted.load(Ordering::SeqCst), "an answer that was made meanwhile would last");
            assert!(asked.other.find("alice").is_none() && invalidations.quiet_since(invalidations.settled()));
        }
    }

    #[test]
    fn a_load_that_was_overtaken_takes_nobodys_place() {
        let invalidations = Arc::new(Invalidations::default());
        let cache = cache(&invalidations);
        let overtaken = cache.begin();
        invalidations.apply(&[key("alice")]);
        cache.keep(cache.begin(), "alice", 2, [key("alice")]);
        assert_eq!(*cache.keep(overtaken, "alice", 1, [key("alice")]), 1);
        assert_eq!(cache.find("alice").as_deref(), Some(&2));
    }

    #[test]
    fn what_weighs_more_takes_the_room_of_more() {
        let invalidations = Arc::new(Invalidations::default());
        let cache: Arc<Fresh<u32>> = Fresh::weighing("test", 100, |weight: &u32| *weight, &invalidations);
        for number in 0..1_000 {
            let name = format!("heavy-{number}");
            cache.keep(cache.begin(), &name, 30, [key(&name)]);
        }
        assert_eq!((cache.entries.len(), lock(&cache.readers).len()), (3, 3));
        cache.keep(cache.begin(), "too heavy", 101, [key("too heavy")]);
        assert!(cache.find("too heavy").is_none());
    }

    #[test]
    fn a_gap_forgets_everything() {
        let invalidations = Arc::new(Invalidations::default());
        let cache = cache(&invalidations);
        let ticket = cache.begin();
        cache.keep(ticket, "alice", 1, [key("alice")]);
        invalidations.apply_all();
        assert!(cache.find("alice").is_none());
    }

    #[test]
    fn what_is_loaded_after_a_gap_is_forgotten_like_anything_else() {
        let invalidations = Arc::new(Invalidations::default());
        let cache = cache(&invalidations);
        cache.keep(cache.begin(), "alice", 1, [key("alice")]);
        invalidations.apply_all();
        cache.keep(cache.begin(), "alice", 2, [key("alice")]);
        invalidations.apply(&[key("alice")]);
        assert!(cache.find("alice").is_none(), "the end of the old entry took the new one's marks with it");
    }

    #[test]
    fn of_two_loads_at_once_none_is_kept_unmarked() {
        for round in 0..2_000 {
            let invalidations = Arc::new(Invalidations::default());
            let cache = cache(&invalidations);
            let overtaken = cache.begin();
            invalidations.apply(&[key("alice")]);
            let other = Arc::clone(&cache);
            let thread = std::thread::spawn(move || drop(other.keep(overtaken, "alice", 1, [key("alice")])));
            cache.keep(cache.begin(), "alice", 2, [key("alice")]);
            thread.join().expect("the other load ends");
            invalidations.apply(&[key("alice")]);
            assert!(cache.find("alice").is_none(), "round {round}: stale for ever");
        }
    }
}
