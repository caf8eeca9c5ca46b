//! A bounded map that many read at once: what every cache of a request's way is held in.
//!
//! What goes when room is short is decided by SIEVE (Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024): entries stand in the order
//! in which they came, a hand moves from the oldest to the newest, spares whoever was asked for since it last came by, and takes the
//! first that was not. A look-up therefore sets one mark and moves nothing, so that readers share their locks, and what is asked for
//! once goes before what is asked for again and again.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::telemetry::CacheMeters;

/// What an entry can be found by: the key itself, or what it borrows as. It must hash as the key does.
pub trait Names<K>: Hash {
    /// Whether `key` is the one that is meant.
    fn names(&self, key: &K) -> bool;
}

impl<K: Eq + Hash> Names<K> for K {
    fn names(&self, key: &K) -> bool {
        self == key
    }
}

impl Names<String> for str {
    fn names(&self, key: &String) -> bool {
        self == key
    }
}

/// What a cache may hold.
#[derive(Clone, Copy, Debug)]
pub struct Room<V> {
    /// All entries together weigh no more.
    pub most: u64,
    /// What one weighs.
    pub weight: fn(&V) -> u32,
    /// Whether weights are bytes; entries are counted otherwise.
    pub bytes: bool,
}

impl<V> Room<V> {
    /// So many entries.
    pub fn entries(most: u64) -> Self {
        Self { most, weight: |_| 1, bytes: false }
    }

    /// So many bytes, of which `weight` says how many an entry takes.
    pub fn bytes(most: u64, weight: fn(&V) -> u32) -> Self {
        Self { most, weight, bytes: true }
    }
}

/// A bounded map.
pub struct Bounded<K, V> {
    shards: Box<[RwLock<Shard<K, V>>]>,
    hasher: RandomState,
    room: Room<V>,
    weight: AtomicU64,
    meters: CacheMeters,
}

/// Entries whose hashes have four bits in common.
struct Shard<K, V> {
    /// Where the entry of a hash is. Hashes are keyed, so two keys with one are as good as never; the later takes the place then.
    places: HashMap<u64, usize, BuildHasherDefault<AsItIs>>,
    slots: Vec<Option<Slot<K, V>>>,
    free: Vec<usize>,
    newest: Option<usize>,
    oldest: Option<usize>,
    hand: Option<usize>,
}

struct Slot<K, V> {
    key: K,
    value: V,
    hash: u64,
    weight: u32,
    /// Whether it was asked for since the hand last came by.
    asked: AtomicBool,
    newer: Option<usize>,
    older: Option<usize>,
}

/// Locks of their own for sixteen parts.
const SHARDS: usize = 16;

/// An entry that is gone: its hash, and its value.
pub(super) type Gone<V> = (u64, V);

impl<K: Eq + Hash, V: Clone> Bounded<K, V> {
    /// An empty map. `name` is its name in the metrics.
    pub fn new(name: &'static str, room: Room<V>) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::new(Shard::default())).collect(),
            hasher: RandomState::new(),
            meters: CacheMeters::new(name, room.bytes),
            room,
            weight: AtomicU64::new(0),
        }
    }

    /// The value of a key.
    pub fn find(&self, id: &(impl Names<K> + ?Sized)) -> Option<V> {
        self.find_part(id, V::clone)
    }

    /// The value of a key, if it is still good. One that is not counts as not found, and stays for whoever replaces it.
    pub fn find_if(&self, id: &(impl Names<K> + ?Sized), is_good: impl FnOnce(&V) -> bool) -> Option<V> {
        let found = self.look(id, |value| is_good(value).then(|| value.clone())).flatten();
        self.meters.asked(found.is_some());
        found
    }

    /// As much of the value of a key as one wants.
    pub(super) fn find_part<T>(&self, id: &(impl Names<K> + ?Sized), part: impl FnOnce(&V) -> T) -> Option<T> {
        let found = self.look(id, part);
        self.meters.asked(found.is_some());
        found
    }

    /// Counts look-ups that were not counted one by one.
    pub(super) fn looked(&self, found: u64, missed: u64) {
        self.meters.asked_often(found, missed);
    }

    /// The same for whoever does not need the value, or counts by themselves: nobody counts it.
    pub(super) fn look<T>(&self, id: &(impl Names<K> + ?Sized), part: impl FnOnce(&V) -> T) -> Option<T> {
        let hash = self.hash(id);
        let shard = read(self.shard(hash));
        shard.slot(hash).filter(|slot| id.names(&slot.key)).map(|slot| {
            // Most are marked already, and a line of memory that nobody writes is shared by all cores.
            if !slot.asked.load(Ordering::Relaxed) {
                slot.asked.store(true, Ordering::Relaxed);
            }
            part(&slot.value)
        })
    }

    /// Keeps a value; one that the key had before is replaced.
    pub fn keep(&self, key: K, value: V) {
        let hash = self.hash(&key);
        self.insert(hash, key, value);
    }

    /// Forgets the value of a key.
    pub fn forget(&self, id: &(impl Names<K> + ?Sized)) {
        self.remove(self.hash(id));
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| read(shard).places.len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What all entries weigh.
    pub fn weight(&self) -> u64 {
        self.weight.load(Ordering::Relaxed)
    }

    pub(super) fn hash(&self, id: &(impl Hash + ?Sized)) -> u64 {
        self.hasher.hash_one(id)
    }

    /// Keeps a value under the hash of its key, and tells which entries went for it.
    pub(super) fn insert(&self, hash: u64, key: K, value: V) -> Vec<Gone<V>> {
        let weight = (self.room.weight)(&value);
        let mut gone = Vec::new();
        let mut shard = write(self.shard(hash));
        if let Some(replaced) = shard.remove(hash) {
            self.count_out(&replaced);
            gone.push((hash, replaced.value));
        }
        if u64::from(weight) > self.room.most {
            return gone;
        }
        // Counted before anybody can take it out again.
        self.weight.fetch_add(u64::from(weight), Ordering::Relaxed);
        self.meters.entered(weight);
        shard.push(Slot { key, value, hash, weight, asked: AtomicBool::new(false), newer: None, older: None });
        drop(shard);
        self.make_room(hash, &mut gone);
        gone
    }

    /// Whether a value can be kept at all.
    pub(super) fn fits(&self, value: &V) -> bool {
        u64::from((self.room.weight)(value)) <= self.room.most
    }

    /// Forgets the entry of a hash.
    pub(super) fn remove(&self, hash: u64) -> Option<V> {
        let removed = write(self.shard(hash)).remove(hash)?;
        self.count_out(&removed);
        self.meters.forgotten();
        Some(removed.value)
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        for shard in &self.shards {
            let cleared = std::mem::take(&mut *write(shard));
            for slot in cleared.slots.into_iter().flatten() {
                self.count_out(&slot);
                self.meters.forgotten();
            }
        }
    }

    /// Takes what the hands find until all fits, beginning with the part that has just grown. The entry of `spared` has just come. Two
    /// rounds are enough: the first takes away the marks of all that it spares.
    fn make_room(&self, spared: u64, gone: &mut Vec<Gone<V>>) {
        let first = Self::place_of(spared);
        for at in (0..2 * SHARDS).map(|further| (first + further) % SHARDS) {
            let Some(shard) = self.shards.get(at) else { continue };
            while self.weight() > self.room.most {
                let Some(taken) = write(shard).sift(spared) else { break };
                self.count_out(&taken);
                self.meters.evicted();
                gone.push((taken.hash, taken.value));
            }
        }
    }

    fn count_out(&self, slot: &Slot<K, V>) {
        self.weight.fetch_sub(u64::from(slot.weight), Ordering::Relaxed);
        self.meters.left(slot.weight);
    }

    fn shard(&self, hash: u64) -> &RwLock<Shard<K, V>> {
        &self.shards[Self::place_of(hash)]
    }

    fn place_of(hash: u64) -> usize {
        // The map takes its bits from both ends.
        (hash >> 32) as usize % SHARDS
    }
}

impl<K, V> Drop for Bounded<K, V> {
    fn drop(&mut self) {
        for shard in &self.shards {
            read(shard).slots.iter().flatten().for_each(|slot| self.meters.left(slot.weight));
        }
    }
}

impl<K, V> Shard<K, V> {
    fn slot(&self, hash: u64) -> Option<&Slot<K, V>> {
        self.slots.get(*self.places.get(&hash)?)?.as_ref()
    }

    fn at(&mut self, place: Option<usize>) -> Option<&mut Slot<K, V>> {
        self.slots.get_mut(place?)?.as_mut()
    }

    /// Adds the newest.
    fn push(&mut self, mut slot: Slot<K, V>) {
        let hash = slot.hash;
        slot.older = self.newest;
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                self.slots.push(None);
                self.slots.len() - 1
            }
        };
        if let Some(before) = self.at(self.newest) {
            before.newer = Some(place);
        }
        self.newest = Some(place);
        self.oldest = self.oldest.or(Some(place));
        if let Some(empty) = self.slots.get_mut(place) {
            *empty = Some(slot);
        }
        self.places.insert(hash, place);
    }

    fn remove(&mut self, hash: u64) -> Option<Slot<K, V>> {
        let place = self.places.remove(&hash)?;
        let slot = self.slots.get_mut(place)?.take()?;
        self.free.push(place);
        match slot.newer {
            Some(_) => self.at(slot.newer)?.older = slot.older,
            None => self.newest = slot.older,
        }
        match slot.older {
            Some(_) => self.at(slot.older)?.newer = slot.newer,
            None => self.oldest = slot.newer,
        }
        if self.hand == Some(place) {
            self.hand = slot.newer;
        }
        Some(slot)
    }

    /// Takes the first entry, from the hand on towards the newest and round once, that was not asked for since the hand came by; never
    /// the one of `spared`.
    fn sift(&mut self, spared: u64) -> Option<Slot<K, V>> {
        for _ in 0..self.places.len() {
            let place = self.hand.or(self.oldest)?;
            let slot = self.slots.get_mut(place)?.as_mut()?;
            let (hash, newer) = (slot.hash, slot.newer);
            if hash == spared || std::mem::take(slot.asked.get_mut()) {
                self.hand = newer;
            } else {
                return self.remove(hash);
            }
        }
        None
    }
}

impl<K, V> Default for Shard<K, V> {
    fn default() -> Self {
        Self { places: HashMap::default(), slots: Vec::new(), free: Vec::new(), newest: None, oldest: None, hand: None }
    }
}

/// Hashes are spread well already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// A panic while a lock was held can have left an entry out of order: it is found by its hash all the same, or not at all.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

impl<K, V> fmt::Debug for Bounded<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bounded").field("most", &self.room.most).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Walks a part from both ends.
    fn in_order<K, V>(shard: &Shard<K, V>) -> Vec<u64> {
        let mut hashes = Vec::new();
        let (mut at, mut before) = (shard.oldest, None);
        while let Some(place) = at {
            let slot = shard.slots[place].as_ref().expect("an entry");
            assert_eq!((slot.older, shard.places[&slot.hash]), (before, place));
            hashes.push(slot.hash);
            (before, at) = (at, slot.newer);
        }
        assert_eq!(shard.newest, before);
        assert!(shard.hand.is_none_or(|hand| shard.slots[hand].is_some()), "the hand points at nothing");
        assert_eq!(hashes.len() + shard.free.len(), shard.slots.len());
        hashes
    }

    fn check<K: Eq + Hash, V: Clone>(map: &Bounded<K, V>) {
        let entries: usize = map.shards.iter().map(|shard| in_order(&read(shard)).len()).sum();
        assert_eq!(entries, map.len());
        let slots = |shard: &Shard<K, V>| shard.slots.iter().flatten().map(|slot| u64::from(slot.weight)).sum::<u64>();
        assert_eq!(map.shards.iter().map(|shard| slots(&read(shard))).sum::<u64>(), map.weight());
        assert!(map.weight() <= map.room.most, "{} is more than fits", map.weight());
    }

    #[test]
    fn what_is_asked_for_stays_and_what_is_not_goes() {
        let map: Bounded<u64, u64> = Bounded::new("test", Room::entries(100));
        for key in 0..50 {
            map.keep(key, key);
        }
        for key in 50..10_000 {
            (0..50).for_each(|often| assert_eq!(map.find(&often), Some(often), "lost when {key} came"));
            map.keep(key, key);
        }
        assert_eq!(map.len(), 100);
        check(&map);
    }

    #[test]
    fn what_is_found_by_a_part_of_its_name_is_no_other() {
        let map: Bounded<String, u32> = Bounded::new("test", Room::entries(10));
        map.keep("alice".to_owned(), 1);
        assert_eq!((map.find("alice"), map.find("alic"), map.find("bob")), (Some(1), None, None));
        map.keep("alice".to_owned(), 2);
        assert_eq!((map.find("alice"), map.len()), (Some(2), 1));
        map.forget("alice");
        assert_eq!((map.find("alice"), map.len()), (None, 0));
    }

    #[test]
    fn two_keys_of_one_hash_are_told_apart() {
        let map: Bounded<&str, u32> = Bounded::new("test", Room::entries(10));
        let hash = map.hash(&"b");
        map.insert(hash, "a", 1);
        assert_eq!(map.find(&"b"), None, "the value of another key");
        map.keep("b", 2);
        assert_eq!((map.find(&"b"), map.len()), (Some(2), 1));
    }

    proptest! {
        /// Whatever is done to it: it holds no more than fits, gives nothing but what was kept last, and loses nothing without
        /// telling.
        #[test]
        fn it_is_a_map_that_forgets(
            steps in prop::collection::vec((0_u8..4, 0_u16..60, 1_u32..40), 1..400),
            most in 1_u64..300,
        ) {
            let room = Room { most, weight: |value: &(u32, usize)| value.0, bytes: true };
            let map: Bounded<u16, (u32, usize)> = Bounded::new("test", room);
            let mut there: HashMap<u16, (u32, usize)> = HashMap::new();
            for (at, (what, key, weight)) in steps.into_iter().enumerate() {
                match what {
                    0 | 1 => {
                        let hash = map.hash(&key);
                        let gone = map.insert(hash, key, (weight, at));
                        for (_, value) in gone {
                            there.retain(|_, known| *known != value);
                        }
                        if u64::from(weight) <= most {
                            there.insert(key, (weight, at));
                        }
                    }
                    2 => prop_assert_eq!(map.find(&key), there.get(&key).copied()),
                    _ => {
                        map.forget(&key);
                        there.remove(&key);
                    }
                }
                prop_assert_eq!(map.len(), there.len());
                check(&map);
            }
            map.clear();
            prop_assert_eq!((map.len(), map.weight()), (0, 0));
            check(&map);
        }

        /// The mark that is set at a look-up is what the order of going is decided by: the model keeps entries in a list.
        #[test]
        fn it_goes_by_sieve(steps in prop::collection::vec((any::<bool>(), 0_u64..30), 1..300)) {
            let mut shard: Shard<u64, ()> = Shard::default();
            let mut model: Vec<(u64, bool)> = Vec::new();
            let mut hand = 0;
            for (ask, hash) in steps {
                let known = model.iter_mut().find(|(known, _)| *known == hash);
                match (ask, known) {
                    (true, Some(known)) => {
                        known.1 = true;
                        shard.slot(hash).expect("an entry").asked.store(true, Ordering::Relaxed);
                    }
                    (false, None) => {
                        shard.push(Slot {
                            key: hash, value: (), hash, weight: 1, asked: AtomicBool::new(false), newer: None, older: None,
                        });
                        model.push((hash, false));
                        if model.len() > 10 {
                            loop {
                                hand = if hand < model.len() { hand } else { 0 };
                                if model[hand].0 == hash || std::mem::take(&mut model[hand].1) {
                                    hand += 1;
                                } else {
                                    break;
                                }
                            }
                            let taken = shard.sift(hash).or_else(|| shard.sift(hash)).expect("one goes");
                            prop_assert_eq!(taken.hash, model.remove(hand).0);
                        }
                    }
                    _ => {}
                }
                prop_assert_eq!(in_order(&shard), model.iter().map(|(hash, _)| *hash).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn many_at_once_leave_it_in_order() {
        let map: Bounded<u64, u64> = Bounded::new("test", Room::entries(64));
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let map = &map;
                scope.spawn(move || {
                    for step in 0..20_000_u64 {
                        let key = step.wrapping_mul(2_654_435_761 + thread) % 200;
                        match step % 5 {
                            0 => map.keep(key, key),
                            1 if step % 50 == 1 => map.forget(&key),
                            _ => assert!(map.find(&key).is_none_or(|value| value == key)),
                        }
                    }
                });
            }
        });
        check(&map);
    }
}
