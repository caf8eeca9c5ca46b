//! Opens the store that a location names.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::contract::{Revision, Store, StoreError};
use super::postgres::PostgresStore;
use super::sqlite::SqliteStore;
use crate::types::SecretText;

/// Where the records are.
#[derive(Clone, Debug)]
pub enum Location {
    /// In this file, which is created when it is not there; its directory must exist.
    Sqlite(PathBuf),
    /// In the database that a `postgres://` URL names.
    Postgres(SecretText),
}

/// Limits of a store.
#[derive(Clone, Copy, Debug)]
pub struct Tuning {
    /// How many revisions the change feed reaches back, roughly. A broker that was away for longer forgets its caches.
    pub feed_revisions: u64,
    /// To how many pages of 4 KiB an SQLite file may grow before it counts as full.
    pub sqlite_pages: Option<u32>,
    /// How long a caller waits for an answer before it is told that the store is not available.
    pub patience: Duration,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { feed_revisions: 100_000, sqlite_pages: None, patience: Duration::from_secs(5) }
    }
}

impl Tuning {
    /// The longest that connecting takes, so that there is time left to ask something.
    pub(super) fn connect_time(&self) -> Duration {
        self.patience * 3 / 5
    }

    /// The longest that a statement takes, waiting for locks included: it must end before the transaction that it is in.
    pub(super) fn statement_time(&self) -> Duration {
        self.patience * 4 / 5
    }

    /// The longest that a transaction takes, a repetition included: it must end before its callers go away.
    pub(super) fn transaction_time(&self) -> Duration {
        self.patience * 9 / 10
    }

    /// The new floor of the feed, when it is time to trim it: now and then, so that most commits have nothing to do with it.
    pub(super) fn trim(&self, latest: Revision, floor: u64) -> Option<u64> {
        let wanted = latest.0.saturating_sub(self.feed_revisions);
        (wanted > floor.saturating_add(self.feed_revisions / 100)).then_some(wanted)
    }
}

/// Opens the store, and brings its schema up to date.
///
/// # Errors
/// It cannot be reached, or its schema is newer than this binary knows.
pub async fn open(location: &Location) -> Result<Arc<dyn Store>, StoreError> {
    open_with(location, Tuning::default()).await
}

/// As [`open`], with other limits.
///
/// # Errors
/// As [`open`].
pub async fn open_with(location: &Location, tuning: Tuning) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match location {
        Location::Sqlite(path) => Arc::new(SqliteStore::open(path, tuning).await?),
        Location::Postgres(url) => Arc::new(PostgresStore::open(url, tuning).await?),
    })
}
