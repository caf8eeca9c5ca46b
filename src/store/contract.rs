//! What a store is: records under ordered keys, atomic commits with expected versions, and a feed of what changed.
//!
//! The conformance suite in `tests/store` holds every backend to this page.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use super::error::{CommitError, StoreError};
use super::key::{Key, Range};

/// The place of a commit in the one order of all commits of an installation. A commit that begins after another one has
/// returned has a greater revision; there may be holes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A record as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it lies.
    pub key: Key,
    /// The commit that last wrote it.
    pub version: Revision,
    /// What was written; may hold secrets, so it does not print.
    pub body: Vec<u8>,
}

impl Record {
    /// The longest body that a store accepts, in bytes.
    pub const MAX_BODY_BYTES: usize = 1 << 20;
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({} at {}, {} bytes)", self.key, self.version, self.body.len())
    }
}

/// What a batch expects of a record before it is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Nothing.
    Any,
    /// There is no such record.
    Absent,
    /// It was last written by this commit.
    Version(Revision),
    /// There is such a record.
    Present,
}

impl Expect {
    /// Whether a record of this version (or none) is what was expected.
    pub fn accepts(self, found: Option<Revision>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => found.is_none(),
            Self::Version(expected) => found == Some(expected),
            Self::Present => found.is_some(),
        }
    }
}

/// What is committed together or not at all.
///
/// Every expectation is judged against the state before the batch. A key should be written once; otherwise deletes come after
/// puts and the later of each wins.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Records to write.
    pub puts: Vec<(Key, Expect, Vec<u8>)>,
    /// Records to delete. Deleting one that is not there is no conflict, unless the expectation says so.
    pub deletes: Vec<(Key, Expect)>,
    /// Records that are only expected to be so.
    pub checks: Vec<(Key, Expect)>,
    /// Audit records that become durable with it.
    pub audit: Vec<AuditRow>,
}

impl Batch {
    /// Whether it changes records, so that its commit gets a revision of its own.
    pub fn writes(&self) -> bool {
        !self.puts.is_empty() || !self.deletes.is_empty()
    }

    /// Refuses what no backend could store.
    pub(super) fn check_sizes(&self) -> Result<(), StoreError> {
        let expectations = self.deletes.iter().chain(&self.checks).map(|(key, _)| key);
        for key in self.puts.iter().map(|(key, _, _)| key).chain(expectations) {
            if key.as_bytes().len() > Key::MAX_BYTES {
                return Err(StoreError::TooLarge { place: key.to_string(), limit: Key::MAX_BYTES });
            }
        }
        match self.puts.iter().find(|(_, _, body)| body.len() > Record::MAX_BODY_BYTES) {
            Some((key, _, _)) => Err(StoreError::TooLarge { place: key.to_string(), limit: Record::MAX_BODY_BYTES }),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let puts: Vec<_> = self.puts.iter().map(|(key, expect, _)| (key, expect)).collect();
        f.debug_struct("Batch")
            .field("puts", &puts)
            .field("deletes", &self.deletes)
            .field("checks", &self.checks)
            .field("audit", &self.audit.len())
            .finish()
    }
}

/// An audit record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// The event's id.
    pub id: String,
    /// Seconds since the epoch.
    pub time: i64,
    /// Whose trail it belongs to.
    pub account: String,
    /// The event as JSON, on one line.
    pub body: Vec<u8>,
}

/// Which audit records are wanted.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Only this account's.
    pub account: Option<String>,
    /// Not before this second.
    pub since: Option<i64>,
    /// Before this second.
    pub until: Option<i64>,
    /// Behind this one, in the order asked for.
    pub after: Option<AuditCursor>,
    /// Newest first instead of oldest first. Records of one second come in the order in which they were stored (or in its
    /// reverse).
    pub newest_first: bool,
    /// No more than this many.
    pub limit: usize,
}

/// The place of a record in the audit trail.
///
/// Brokers append at the same time, so a record may still appear in front of a cursor while its second is young. Whoever follows
/// the trail to its end should stay some seconds behind it (`until`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditCursor {
    pub(super) time: i64,
    pub(super) sequence: i64,
    /// Which of the records that were stored together in one row, counted from [`AuditCursor::FIRST`].
    pub(super) place: u32,
}

impl AuditCursor {
    /// The first record of a row.
    pub(super) const FIRST: u32 = 0;
    /// Behind which no row has a record.
    pub(super) const LAST: u32 = u32::MAX;
}

impl fmt::Display for AuditCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.time, self.sequence, self.place)
    }
}

impl std::str::FromStr for AuditCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (time, rest) = text.split_once('.').ok_or(InvalidCursor)?;
        // Cursors that were written before records shared rows have no place.
        let (sequence, place) = rest.split_once('.').unwrap_or((rest, "0"));
        Ok(Self {
            time: time.parse().map_err(|_| InvalidCursor)?,
            sequence: sequence.parse().map_err(|_| InvalidCursor)?,
            place: place.parse().map_err(|_| InvalidCursor)?,
        })
    }
}

/// The text is not a cursor that [`AuditCursor`] has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of the audit trail")]
pub struct InvalidCursor;

/// A record was written or deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// By this commit.
    pub revision: Revision,
    /// This record.
    pub key: Key,
}

/// A stretch of the change feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// What changed, in the order of commits.
    pub changes: Vec<Change>,
    /// Nothing up to here is missing from `changes`.
    pub through: Revision,
    /// The feed does not reach back (or not yet forward) to where it was asked to begin: whoever asks must forget everything that
    /// it has read before.
    pub gap: bool,
}

/// A durable store of records.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    /// The record at `key`. Sees every commit that returned before.
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError>;

    /// The records at these keys, in this order, all as of one moment.
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError>;

    /// The first `limit` records of a range in the order of their keys, all as of one moment.
    async fn scan(&self, range: &Range, limit: usize) -> Result<Vec<Record>, StoreError>;

    /// How many records have this [family](Key::family): it is kept with each commit, so asking costs the same however many
    /// there are. Sees every commit that returned before.
    async fn count(&self, family: &Key) -> Result<u64, StoreError>;

    /// Commits a batch: all of it or nothing, durable when this returns. A batch that writes no record gets no revision of its own.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] names one of the keys that were not as expected. After [`StoreError::Unavailable`] the batch may
    /// or may not have been committed, as a whole.
    async fn commit(&self, batch: Batch) -> Result<Revision, CommitError>;

    /// Makes audit records durable. Callers that wait at the same time share the cost.
    ///
    /// # Errors
    /// After [`StoreError::Unavailable`] the records may have been stored; whoever tries again may store them twice, with one id.
    async fn append_audit(&self, rows: Vec<AuditRow>) -> Result<(), StoreError> {
        self.append_shared_audit(Arc::new(rows)).await
    }

    /// As [`Store::append_audit`], for whoever keeps the records to try again.
    ///
    /// # Errors
    /// As there.
    async fn append_shared_audit(&self, rows: Arc<Vec<AuditRow>>) -> Result<(), StoreError>;

    /// Audit records, each with its place in the trail.
    async fn audit(&self, query: &AuditQuery) -> Result<Vec<(AuditCursor, AuditRow)>, StoreError>;

    /// What changed after `since`. Gives whole commits, at least `limit` changes if there are as many.
    async fn changes(&self, since: Revision, limit: usize) -> Result<Changes, StoreError>;

    /// The latest commit's revision.
    async fn revision(&self) -> Result<Revision, StoreError>;

    /// Waits until somebody, this process or another, may have committed something after what [`Store::changes`] last returned,
    /// and for a second at the most. Ends without a reason at times.
    async fn changed(&self);

    /// Whether the store answers.
    async fn health(&self) -> Result<(), StoreError>;

    /// Finishes what has been begun and lets go of everything. Whatever is asked afterwards is answered with
    /// [`StoreError::Unavailable`].
    async fn close(&self);
}
