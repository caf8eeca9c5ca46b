//! Typed records above the store: what is read together, checked together and written together.
//!
//! A body is JSON in an envelope that carries the version of its form: `{"v":1,"d":…}`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::contract::{AuditRow, Batch, CommitError, Expect, Record, Revision, Store, StoreError};
use super::key::{Key, Range};

/// The form of bodies that this binary writes. A change that old bodies do not survive raises it, and `decode` learns to lift the
/// older form.
const FORM: u32 = 1;

/// What can be stored: any plain value.
pub trait Entity: Serialize + DeserializeOwned + Send {}

impl<T: Serialize + DeserializeOwned + Send> Entity for T {}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    v: u32,
    d: T,
}

fn encode<T: Entity>(key: &Key, value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(&Envelope { v: FORM, d: value })
        .map_err(|_| StoreError::corrupt(&key.to_string(), "what was to be written there is not JSON"))
}

fn decode<T: Entity>(record: &Record) -> Result<T, StoreError> {
    let corrupt = |detail: &str| StoreError::corrupt(&record.key.to_string(), detail);
    let form: Envelope<serde::de::IgnoredAny> = match serde_json::from_slice::<Envelope<T>>(&record.body) {
        Ok(envelope) if envelope.v == FORM => return Ok(envelope.d),
        Ok(_) | Err(_) => serde_json::from_slice(&record.body).map_err(|_| corrupt("it is no JSON in an envelope"))?,
    };
    // serde's own words may quote the body, and the body may hold what nobody may see.
    Err(match form.v {
        FORM => corrupt("it does not have the members that it should have"),
        newer => corrupt(&format!("it has form {newer}, this version of brevet knows {FORM}")),
    })
}

/// Reads records and remembers which, with their versions.
///
/// A record that was read once is answered from memory afterwards.
pub struct Reader {
    store: Arc<dyn Store>,
    seen: BTreeMap<Key, Option<Record>>,
}

impl Reader {
    /// A reader that has read nothing.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, seen: BTreeMap::new() }
    }

    /// The record at `key`.
    ///
    /// # Errors
    /// The store cannot be read, or holds something else there: [`StoreError::Corrupt`].
    pub async fn get<T: Entity>(&mut self, key: &Key) -> Result<Option<T>, StoreError> {
        self.record(key).await?.map(decode).transpose()
    }

    /// Those of the records at these keys that are there, as of one moment if none was read before.
    ///
    /// # Errors
    /// As [`Reader::get`].
    pub async fn get_many<T: Entity>(&mut self, keys: &[Key]) -> Result<Vec<T>, StoreError> {
        self.read_ahead(keys).await?;
        keys.iter().filter_map(|key| self.seen.get(key)?.as_ref()).map(decode).collect()
    }

    /// Reads the records at these keys together, as of one moment if none was read before: each is answered from memory afterwards.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn read_ahead(&mut self, keys: &[Key]) -> Result<(), StoreError> {
        let unread: Vec<Key> = keys.iter().filter(|key| !self.seen.contains_key(key)).cloned().collect();
        for (key, record) in unread.iter().zip(self.store.get_many(&unread).await?) {
            self.seen.insert(key.clone(), record);
        }
        Ok(())
    }

    /// As [`Reader::scan`], with a verdict on each record: for those who must go on although one of them cannot be read.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn scan_each<T: Entity>(
        &mut self,
        range: &Range,
        limit: usize,
    ) -> Result<Vec<(Key, Result<T, StoreError>)>, StoreError> {
        let mut found = Vec::new();
        for record in self.store.scan(range, limit).await? {
            found.push((record.key.clone(), decode(&record)));
            self.seen.entry(record.key.clone()).or_insert(Some(record));
        }
        Ok(found)
    }

    /// The first `limit` records of a range. Of what was read before it keeps the version that it saw then.
    ///
    /// What is found counts as read; that nothing else was there does not.
    ///
    /// # Errors
    /// As [`Reader::get`].
    pub async fn scan<T: Entity>(&mut self, range: &Range, limit: usize) -> Result<Vec<(Key, T)>, StoreError> {
        let mut found = Vec::new();
        for record in self.store.scan(range, limit).await? {
            found.push((record.key.clone(), decode(&record)?));
            self.seen.entry(record.key.clone()).or_insert(Some(record));
        }
        Ok(found)
    }

    /// How many records a family has at present: see [`Store::count`]. It does not count as read, so that entities of one kind
    /// are created side by side; whoever holds the number to a limit may pass it by as many as are created at one moment.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn count(&self, family: &Key) -> Result<u64, StoreError> {
        self.store.count(family).await
    }

    /// Every key that was looked up or found, whether there is a record or not.
    pub fn dependencies(&self) -> Vec<Key> {
        self.seen.keys().cloned().collect()
    }

    /// The version that was read at `key`: outer `None` when it was not read, inner when there was no record.
    pub fn version(&self, key: &Key) -> Option<Option<Revision>> {
        self.seen.get(key).map(|record| record.as_ref().map(|record| record.version))
    }

    /// Whether any record that was read has changed since; then everything is forgotten, and must be read again.
    ///
    /// When it says no, all that was read was the state of one moment: the present one.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn restart_if_changed(&mut self) -> Result<bool, StoreError> {
        // One record is always the state of one moment.
        if self.seen.len() < 2 {
            return Ok(false);
        }
        let keys = self.dependencies();
        let present = self.store.get_many(&keys).await?;
        let version = |record: &Option<Record>| record.as_ref().map(|record| record.version);
        let same = self.seen.values().map(version).eq(present.iter().map(version));
        if !same {
            self.seen.clear();
        }
        Ok(!same)
    }

    async fn record(&mut self, key: &Key) -> Result<Option<&Record>, StoreError> {
        if !self.seen.contains_key(key) {
            let record = self.store.get(key).await?;
            self.seen.insert(key.clone(), record);
        }
        Ok(self.seen.get(key).and_then(Option::as_ref))
    }

    /// What a writer expects that has read this.
    fn expectation(&self, key: &Key) -> Expect {
        match self.version(key) {
            None => Expect::Any,
            Some(None) => Expect::Absent,
            Some(Some(version)) => Expect::Version(version),
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("seen", &self.seen).finish_non_exhaustive()
    }
}

/// An optimistic transaction: it reads, stages writes, and commits them only if the records that it writes are still as it read
/// them.
pub struct Tx {
    reader: Reader,
    staged: BTreeMap<Key, Staged>,
    checks: BTreeMap<Key, Expect>,
    audit: Vec<AuditRow>,
}

struct Staged {
    expect: Expect,
    /// `None` deletes.
    body: Option<Vec<u8>>,
}

impl Tx {
    /// A transaction that has read and staged nothing.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { reader: Reader::new(store), staged: BTreeMap::new(), checks: BTreeMap::new(), audit: Vec::new() }
    }

    /// The record at `key`, as this transaction has staged it or else as it is stored.
    ///
    /// # Errors
    /// The store cannot be read, or holds something else there: [`StoreError::Corrupt`].
    pub async fn get<T: Entity>(&mut self, key: &Key) -> Result<Option<T>, StoreError> {
        match self.staged.get(key) {
            Some(staged) => staged_value(key, staged),
            None => self.reader.get(key).await,
        }
    }

    /// Those of the records at these keys that are stored, whatever this transaction has staged.
    ///
    /// # Errors
    /// As [`Tx::get`].
    pub async fn get_many<T: Entity>(&mut self, keys: &[Key]) -> Result<Vec<T>, StoreError> {
        self.reader.get_many(keys).await
    }

    /// The first `limit` records of a range, as this transaction would leave them.
    ///
    /// # Errors
    /// As [`Tx::get`].
    pub async fn scan<T: Entity>(&mut self, range: &Range, limit: usize) -> Result<Vec<(Key, T)>, StoreError> {
        let staged: Vec<Key> = self.staged.keys().filter(|key| range.contains(key)).cloned().collect();
        // A staged write may hide a stored record, so as many more must be read.
        let stored = self.reader.scan::<T>(range, limit.saturating_add(staged.len())).await?;
        let mut merged: BTreeMap<Key, T> = stored.into_iter().collect();
        for key in staged {
            let Some(write) = self.staged.get(&key) else { continue };
            match staged_value(&key, write)? {
                Some(value) => drop(merged.insert(key, value)),
                None => drop(merged.remove(&key)),
            }
        }
        Ok(merged.into_iter().take(limit).collect())
    }

    /// As [`Reader::count`]; what this transaction itself would write is not in it.
    ///
    /// # Errors
    /// As [`Reader::count`].
    pub async fn count(&self, family: &Key) -> Result<u64, StoreError> {
        self.reader.count(family).await
    }

    /// Stages a write. If this transaction has read the record, the commit expects it to be as it was.
    ///
    /// # Errors
    /// The value cannot be written as JSON.
    pub fn put<T: Entity>(&mut self, key: &Key, value: &T) -> Result<(), StoreError> {
        let body = Some(encode(key, value)?);
        self.stage(key, body, self.reader.expectation(key));
        Ok(())
    }

    /// As [`Reader::scan_each`]: what is stored, whatever this transaction has staged.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn scan_each<T: Entity>(
        &mut self,
        range: &Range,
        limit: usize,
    ) -> Result<Vec<(Key, Result<T, StoreError>)>, StoreError> {
        self.reader.scan_each(range, limit).await
    }

    /// Stages a write of a record that the commit expects not to be there.
    ///
    /// # Errors
    /// The value cannot be written as JSON.
    pub fn create<T: Entity>(&mut self, key: &Key, value: &T) -> Result<(), StoreError> {
        let body = Some(encode(key, value)?);
        // A record that this transaction itself deletes is not in its way.
        let expect = match self.staged.get(key) {
            Some(Staged { expect, body: None }) => *expect,
            _ => Expect::Absent,
        };
        self.stage(key, body, expect);
        Ok(())
    }

    /// Stages a deletion. If this transaction has read the record, the commit expects it to be as it was.
    ///
    /// # Errors
    /// None at present; the signature is that of the other writes.
    pub fn delete(&mut self, key: &Key) -> Result<(), StoreError> {
        self.stage(key, None, self.reader.expectation(key));
        Ok(())
    }

    /// Lets the commit expect that a record which this transaction has read, and does not write, is still as it was. One that it
    /// has not read must be there.
    pub fn require_unchanged(&mut self, key: &Key) {
        let expect = match self.reader.expectation(key) {
            Expect::Any => Expect::Present,
            expect => expect,
        };
        self.checks.insert(key.clone(), expect);
    }

    /// Lets this audit record become durable with the commit.
    pub fn audit(&mut self, row: AuditRow) {
        self.audit.push(row);
    }

    /// Whether a record would be written or deleted.
    pub fn has_writes(&self) -> bool {
        !self.staged.is_empty()
    }

    /// The keys that would be written or deleted.
    pub fn written_keys(&self) -> Vec<Key> {
        self.staged.keys().cloned().collect()
    }

    /// What a commit would ask of the store.
    pub fn into_batch(self) -> Batch {
        let checks = self.checks.into_iter().collect();
        let mut batch = Batch { checks, audit: self.audit, ..Batch::default() };
        for (key, staged) in self.staged {
            match staged.body {
                Some(body) => batch.puts.push((key, staged.expect, body)),
                None => batch.deletes.push((key, staged.expect)),
            }
        }
        batch
    }

    /// Commits.
    ///
    /// # Errors
    /// [`CommitError::Conflict`]: somebody has changed a record in the meantime; read again and try again.
    pub async fn commit(self) -> Result<Revision, CommitError> {
        let store = Arc::clone(&self.reader.store);
        store.commit(self.into_batch()).await
    }

    /// The first write of a key decides what is expected of the stored record; later ones only change what will be there.
    fn stage(&mut self, key: &Key, body: Option<Vec<u8>>, expect: Expect) {
        let expect = self.staged.get(key).map_or(expect, |earlier| match earlier.expect {
            Expect::Any => expect,
            known => known,
        });
        self.staged.insert(key.clone(), Staged { expect, body });
    }
}

fn staged_value<T: Entity>(key: &Key, staged: &Staged) -> Result<Option<T>, StoreError> {
    let Some(body) = &staged.body else { return Ok(None) };
    decode(&Record { key: key.clone(), version: Revision::default(), body: body.clone() }).map(Some)
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx")
            .field("reader", &self.reader)
            .field("written", &self.written_keys())
            .finish_non_exhaustive()
    }
}
