//! Group commit: what a backend must write for several batches that share one transaction.
//!
//! The judgement is pure. A backend opens a transaction that keeps other writers out, reads the versions of
//! [`Group::judged_keys`], lets [`Group::judge`] decide batch by batch, in their order, as if they had been committed one after
//! the other, and writes the net result. A batch in conflict leaves no trace.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::contract::{AuditRow, Batch, Expect, Revision};
use super::key::Key;

/// Batches that are committed in one transaction, in this order.
#[derive(Debug)]
pub(super) struct Group<'a> {
    batches: &'a [&'a Batch],
}

/// What must be written, and what each batch is told.
#[derive(Debug)]
pub(super) struct Judgement<'a> {
    /// For each batch its revision, or the key that was not as it expected.
    pub(super) verdicts: Vec<Result<Revision, Key>>,
    /// The revision after the group.
    pub(super) revision: Revision,
    /// The state that each touched record must get: version and body, or none.
    pub(super) records: BTreeMap<&'a Key, Option<(Revision, &'a [u8])>>,
    /// By how much the number of records of each family grows or shrinks; never by nothing.
    pub(super) counts: BTreeMap<Key, i64>,
    /// For the change feed.
    pub(super) feed: BTreeSet<(Revision, &'a Key)>,
    /// For the audit trail.
    pub(super) audit: Vec<&'a AuditRow>,
}

impl<'a> Group<'a> {
    pub(super) fn new(batches: &'a [&'a Batch]) -> Self {
        Self { batches }
    }

    /// How many revisions the group needs at the most.
    pub(super) fn revisions(&self) -> u64 {
        self.batches.iter().map(|batch| u64::from(batch.writes())).sum()
    }

    /// The keys whose present versions [`Group::judge`] needs: those of which something is expected, and those by which the
    /// number of a family's records may change.
    pub(super) fn judged_keys(&self) -> BTreeSet<&'a Key> {
        let expectations = self.batches.iter().flat_map(|batch| expectations(batch));
        expectations
            .filter(|(key, expect)| *expect != Expect::Any || key.family().is_some())
            .map(|(key, _)| key)
            .collect()
    }

    /// Decides. `before` is the latest revision that was given away, `versions` those of the judged keys that exist.
    pub(super) fn judge(&self, before: Revision, versions: &HashMap<Vec<u8>, Revision>) -> Judgement<'a> {
        let mut judgement = Judgement {
            verdicts: Vec::with_capacity(self.batches.len()),
            revision: before,
            records: BTreeMap::new(),
            counts: BTreeMap::new(),
            feed: BTreeSet::new(),
            audit: Vec::new(),
        };
        for batch in self.batches {
            let violated = expectations(batch).find(|(key, expect)| {
                let found = match judgement.records.get(key) {
                    Some(state) => state.map(|(version, _)| version),
                    None => versions.get(key.as_bytes()).copied(),
                };
                !expect.accepts(found)
            });
            let verdict = match violated {
                Some((key, _)) => Err(key.clone()),
                None => Ok(judgement.accept(batch)),
            };
            judgement.verdicts.push(verdict);
        }
        judgement.count(versions);
        judgement
    }
}

impl<'a> Judgement<'a> {
    /// Whether there is anything to write.
    pub(super) fn is_empty(&self) -> bool {
        self.feed.is_empty() && self.audit.is_empty()
    }

    fn count(&mut self, versions: &HashMap<Vec<u8>, Revision>) {
        for (key, state) in &self.records {
            let difference = i64::from(state.is_some()) - i64::from(versions.contains_key(key.as_bytes()));
            if difference != 0
                && let Some(family) = key.family()
            {
                *self.counts.entry(family).or_default() += difference;
            }
        }
        self.counts.retain(|_, difference| *difference != 0);
    }

    fn accept(&mut self, batch: &'a Batch) -> Revision {
        if batch.writes() {
            self.revision.0 += 1;
        }
        let revision = self.revision;
        for (key, _, body) in &batch.puts {
            self.records.insert(key, Some((revision, body.as_slice())));
            self.feed.insert((revision, key));
        }
        for (key, _) in &batch.deletes {
            self.records.insert(key, None);
            self.feed.insert((revision, key));
        }
        self.audit.extend(&batch.audit);
        revision
    }
}

fn expectations(batch: &Batch) -> impl Iterator<Item = (&Key, Expect)> {
    let puts = batch.puts.iter().map(|(key, expect, _)| (key, *expect));
    puts.chain(batch.deletes.iter().chain(&batch.checks).map(|(key, expect)| (key, *expect)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(name: &str, expect: Expect) -> Batch {
        Batch { puts: vec![(Key::of(&[name]), expect, name.as_bytes().to_vec())], ..Batch::default() }
    }

    #[test]
    fn a_batch_sees_what_earlier_ones_of_its_group_wrote_and_a_conflict_leaves_no_trace() {
        let (a, b) = (Key::of(&["a"]), Key::of(&["b"]));
        let first = put("a", Expect::Version(Revision(3)));
        let overtaken = Batch { checks: vec![(a.clone(), Expect::Version(Revision(3)))], ..put("b", Expect::Any) };
        let delete = Batch { deletes: vec![(a.clone(), Expect::Version(Revision(8)))], ..Batch::default() };
        let check = Batch { checks: vec![(a.clone(), Expect::Absent)], ..Batch::default() };
        let again = put("a", Expect::Absent);
        let batches = [&first, &overtaken, &delete, &check, &again];
        let group = Group::new(&batches);
        assert_eq!((group.revisions(), group.judged_keys()), (4, BTreeSet::from([&a])));
        let judgement = group.judge(Revision(7), &HashMap::from([(a.as_bytes().to_vec(), Revision(3))]));
        let expected = [Ok(Revision(8)), Err(a.clone()), Ok(Revision(9)), Ok(Revision(9)), Ok(Revision(10))];
        assert_eq!(judgement.verdicts, expected);
        assert_eq!(judgement.records, BTreeMap::from([(&a, Some((Revision(10), b"a".as_slice())))]));
        assert_eq!(judgement.feed, BTreeSet::from([(Revision(8), &a), (Revision(9), &a), (Revision(10), &a)]));
        assert!(!judgement.records.contains_key(&b));
        assert_eq!(judgement.revision, Revision(10));
        assert!(judgement.counts.is_empty(), "keys of one part have no family");
    }

    #[test]
    fn families_grow_by_what_is_new_and_shrink_by_what_was_there() {
        let key = |name: &str| Key::of(&["user", "1", name]);
        let batch = Batch {
            puts: vec![
                (key("old"), Expect::Any, Vec::new()),
                (key("new"), Expect::Any, Vec::new()),
                (Key::of(&["user", "2", "moved"]), Expect::Absent, Vec::new()),
            ],
            deletes: vec![(key("moved"), Expect::Any), (key("was never there"), Expect::Any)],
            ..Batch::default()
        };
        let brief = Batch { deletes: vec![(key("new"), Expect::Present)], ..Batch::default() };
        let there: HashMap<Vec<u8>, Revision> =
            ["old", "moved"].map(|name| (key(name).as_bytes().to_vec(), Revision(1))).into();
        let (batches, both) = ([&batch], [&batch, &brief]);
        let counts = |group: Group<'_>| group.judge(Revision(1), &there).counts;
        let (one, two) = (Key::of(&["user", "1"]), Key::of(&["user", "2"]));
        // One came and one went: account 1 has as many as before.
        assert_eq!(counts(Group::new(&batches)), BTreeMap::from([(two.clone(), 1)]));
        assert_eq!(counts(Group::new(&both)), BTreeMap::from([(one, -1), (two, 1)]));
    }
}
