//! Random histories, held against a map.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use brevet::store::{Batch, CommitError, Expect, Key, Revision, Store};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRng, TestRunner};

use crate::place::Place;

/// What a step expects of a record; versions are named by how many writes of the record ago they were.
#[derive(Clone, Copy, Debug)]
enum Wish {
    Any,
    Absent,
    Present,
    Current,
    Stale,
}

#[derive(Clone, Debug)]
struct Step {
    puts: BTreeMap<u8, (Wish, u8)>,
    deletes: BTreeMap<u8, Wish>,
    checks: BTreeMap<u8, Wish>,
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        3 => Just(Wish::Any),
        2 => Just(Wish::Current),
        1 => Just(Wish::Absent),
        1 => Just(Wish::Present),
        1 => Just(Wish::Stale),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    use proptest::collection::btree_map;
    (
        btree_map(0..8_u8, (wish(), any::<u8>()), 0..4),
        btree_map(0..8_u8, wish(), 0..3),
        btree_map(0..8_u8, wish(), 0..2),
    )
        .prop_map(|(puts, mut deletes, checks)| {
            deletes.retain(|key, _| !puts.contains_key(key));
            Step { puts, deletes, checks }
        })
}

/// What must be there: versions and bodies, and which keys each commit changed.
#[derive(Default)]
struct Model {
    records: BTreeMap<Key, (Revision, Vec<u8>)>,
    history: Vec<(Revision, BTreeSet<Key>)>,
}

pub async fn check(place: Place) {
    let store = place.open().await;
    let handle = tokio::runtime::Handle::current();
    let run = move || {
        let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
        let algorithm = config.rng_algorithm;
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(algorithm));
        let mut case = 0;
        let case = std::cell::RefCell::new(&mut case);
        let histories = (proptest::collection::vec(step(), 1..14), 1..5_usize);
        runner.run(&histories, |(steps, page)| {
            **case.borrow_mut() += 1;
            let root = Key::of(&["case", &case.borrow().to_string()]);
            handle.block_on(replay(&store, &root, &steps, page));
            Ok(())
        })
    };
    tokio::task::spawn_blocking(run).await.unwrap().unwrap();
}

async fn replay(store: &Arc<dyn Store>, root: &Key, steps: &[Step], page: usize) {
    let start = store.revision().await.unwrap();
    let mut model = Model::default();
    for step in steps {
        let batch = model.batch(root, step);
        let violated: BTreeSet<Key> = model.violated(&batch);
        match store.commit(batch.clone()).await {
            Ok(revision) => {
                assert_eq!(violated, BTreeSet::new(), "a conflict was not noticed in {batch:?}");
                model.apply(batch, revision);
            }
            Err(CommitError::Conflict(key)) => assert!(violated.contains(&key), "{key} is as {batch:?} expects"),
            Err(error) => panic!("{error}"),
        }
    }
    let mut found = BTreeMap::new();
    let mut range = root.children();
    loop {
        let records = store.scan(&range, page).await.unwrap();
        let Some(last) = records.last() else { break };
        range = range.after(&last.key);
        found.extend(records.into_iter().map(|record| (record.key, (record.version, record.body))));
    }
    assert_eq!(found, model.records);
    assert_eq!(store.count(root).await.unwrap(), model.records.len() as u64);
    let keys: Vec<Key> = (0..8).map(|name| key(root, name)).collect();
    for (key, record) in keys.iter().zip(store.get_many(&keys).await.unwrap()) {
        let expected = model.records.get(key).cloned();
        assert_eq!(record.clone().map(|record| (record.version, record.body)), expected);
        assert_eq!(store.get(key).await.unwrap(), record);
    }
    let mut feed: BTreeMap<Revision, BTreeSet<Key>> = BTreeMap::new();
    let mut since = start;
    loop {
        let part = store.changes(since, page).await.unwrap();
        let is_last = part.changes.len() < page;
        for change in part.changes {
            feed.entry(change.revision).or_default().insert(change.key);
        }
        since = part.through;
        if is_last {
            break;
        }
    }
    assert_eq!(feed, model.history.into_iter().collect());
}

fn key(root: &Key, name: u8) -> Key {
    // Neighbours, prefixes of each other, and parts of several lengths.
    ["", "a", "a\0", "a\u{1}", "aa", "b", "é", "zzzz"].get(usize::from(name)).map(|part| root.child(part)).unwrap()
}

impl Model {
    fn batch(&self, root: &Key, step: &Step) -> Batch {
        let expect = |name: u8, wish: Wish| match (wish, self.records.get(&key(root, name))) {
            (Wish::Any, _) => Expect::Any,
            (Wish::Absent, _) | (Wish::Current, None) => Expect::Absent,
            (Wish::Present, _) => Expect::Present,
            (Wish::Current, Some((version, _))) => Expect::Version(*version),
            (Wish::Stale, found) => Expect::Version(Revision(found.map_or(0, |(version, _)| version.0 - 1))),
        };
        Batch {
            puts: step
                .puts
                .iter()
                .map(|(name, (wish, body))| (key(root, *name), expect(*name, *wish), vec![*body; 3]))
                .collect(),
            deletes: step.deletes.iter().map(|(name, wish)| (key(root, *name), expect(*name, *wish))).collect(),
            checks: step.checks.iter().map(|(name, wish)| (key(root, *name), expect(*name, *wish))).collect(),
            audit: Vec::new(),
        }
    }

    fn violated(&self, batch: &Batch) -> BTreeSet<Key> {
        let all = batch.puts.iter().map(|(key, expect, _)| (key, *expect));
        let all = all.chain(batch.deletes.iter().chain(&batch.checks).map(|(key, expect)| (key, *expect)));
        let violated = all.filter(|(key, expect)| {
            let version = self.records.get(*key).map(|(version, _)| *version);
            match expect {
                Expect::Any => false,
                Expect::Absent => version.is_some(),
                Expect::Present => version.is_none(),
                Expect::Version(expected) => version != Some(*expected),
            }
        });
        violated.map(|(key, _)| key.clone()).collect()
    }

    fn apply(&mut self, batch: Batch, revision: Revision) {
        let mut keys = BTreeSet::new();
        for (key, _, body) in batch.puts {
            keys.insert(key.clone());
            self.records.insert(key, (revision, body));
        }
        for (key, _) in batch.deletes {
            keys.insert(key.clone());
            self.records.remove(&key);
        }
        if !keys.is_empty() {
            self.history.push((revision, keys));
        }
    }
}
