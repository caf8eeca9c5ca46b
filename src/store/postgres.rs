//! The store in PostgreSQL, or in anything that speaks its protocol, for a fleet of brokers that keep nothing themselves.
//!
//! # Why revisions are in the order in which commits become visible
//!
//! Every transaction that writes records begins with `UPDATE meta … RETURNING revision`, which takes the lock of that row and
//! keeps it to the end. So at any time one transaction at the most has a revision and is not finished; the next writer gets its
//! revision after the one before it has committed and become visible, or has been rolled back. Whoever sees revision `n` in `meta`
//! sees all of the commits up to `n`, and `n` is in the feed together with what it wrote. Under READ COMMITTED each statement sees
//! what was committed before it began, so the expectations that are read after the lock was taken are judged against the state
//! that the writes will meet: no serialisable isolation is needed. (Databases that always serialise, such as CockroachDB, may ask
//! for a repetition instead, which they get.) Audit records of commits ride along; those appended alone have no revision and take
//! no lock.
//!
//! Only SQL that such databases share: no advisory locks, no extensions. LISTEN and NOTIFY are used where they exist.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::{Connection, Postgres};
use tokio::time::{Instant, timeout_at};

use super::audit_block::Pages;
use super::contract::{
    AuditCursor, AuditQuery, AuditRow, Batch, Changes, CommitError, Record, Revision, Store, StoreError,
};
use super::error::from_driver;
use super::key::{Key, Range};
use super::lanes::Lanes;
use super::open::Tuning;
use super::postgres_link::{self as link, Address, Listener};
use super::postgres_writer::PostgresEngine;
use super::rows;
use super::signal::Signal;
use super::writer::Writer;
use crate::types::SecretText;

/// A store in PostgreSQL.
#[derive(Debug)]
pub(super) struct PostgresStore {
    address: Address,
    patience: Duration,
    readers: Lanes<PgConnection>,
    commits: Writer,
    /// Audit records that are appended alone do not wait for commits, nor commits for them.
    audit: Writer,
    signal: Arc<Signal>,
    listening: Arc<AtomicBool>,
    listener: Listener,
}

/// Connections of one broker that read at the same time.
const READERS: usize = 8;
/// How often the revision is asked for while somebody waits for a change and notifications do not come.
const POLL: Duration = Duration::from_millis(40);
/// The same while they do: one may get lost with the broker that should have sent it.
const POLL_WHILE_LISTENING: Duration = Duration::from_millis(500);

impl PostgresStore {
    pub(super) async fn open(url: &SecretText, tuning: Tuning) -> Result<Self, StoreError> {
        let address = Address::parse(url, tuning)?;
        let end = Instant::now() + tuning.patience;
        let mut connection = address.connect(end).await?;
        timeout_at(end, link::migrate(&mut connection)).await.map_err(|_| StoreError::late("migration"))??;
        let signal = Arc::new(Signal::new());
        let listening = Arc::new(AtomicBool::new(false));
        let engine = |connection| {
            PostgresEngine::new(address.clone(), connection, Arc::clone(&signal), Arc::clone(&listening), tuning)
        };
        Ok(Self {
            readers: Lanes::new(READERS),
            commits: Writer::start(engine(Some(connection)), tuning.patience),
            audit: Writer::start(engine(None), tuning.patience),
            listener: Listener::start(address.clone(), Arc::clone(&signal), Arc::clone(&listening)),
            signal,
            listening,
            address,
            patience: tuning.patience,
        })
    }

    /// Runs one reading statement. A connection that has died while it was idle is replaced.
    async fn fetch(
        &self,
        query: impl Fn() -> sqlx::query::Query<'static, Postgres, PgArguments> + Send + Sync,
    ) -> Result<Vec<PgRow>, StoreError> {
        let end = Instant::now() + self.patience;
        let fetching = async {
            let lane = self.readers.enter().await?;
            loop {
                let (mut connection, is_new) = match lane.idle() {
                    Some(connection) => (connection, false),
                    None => (self.address.connect(end).await?, true),
                };
                match query().fetch_all(&mut connection).await {
                    Ok(rows) => {
                        lane.keep(connection);
                        return Ok(rows);
                    }
                    Err(error) => match from_driver(&error) {
                        StoreError::Unavailable(_) if !is_new => {}
                        error => return Err(error),
                    },
                }
            }
        };
        timeout_at(end, fetching).await.map_err(|_| StoreError::late("answer"))?
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        let found = self.fetch(|| sqlx::query(rows::GET).bind(key.as_bytes())).await?;
        found.first().map(rows::record).transpose()
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let list: Vec<&[u8]> = keys.iter().map(Key::as_bytes).collect();
        let statement = "SELECT key, version, body FROM records WHERE key = ANY($1)";
        let found = self.fetch(|| sqlx::query(statement).bind(&list)).await?;
        let found: Result<Vec<Record>, StoreError> = found.iter().map(rows::record).collect();
        Ok(rows::in_order(keys, found?))
    }

    async fn scan(&self, range: &Range, limit: usize) -> Result<Vec<Record>, StoreError> {
        let query = || sqlx::query(rows::SCAN).bind(range.start()).bind(range.end()).bind(rows::limit(limit));
        self.fetch(query).await?.iter().map(rows::record).collect()
    }

    async fn count(&self, family: &Key) -> Result<u64, StoreError> {
        rows::count(&self.fetch(|| sqlx::query(rows::COUNT).bind(family.as_bytes())).await?)
    }

    async fn commit(&self, batch: Batch) -> Result<Revision, CommitError> {
        self.commits.commit(batch).await
    }

    async fn append_shared_audit(&self, rows: Arc<Vec<AuditRow>>) -> Result<(), StoreError> {
        self.audit.append_audit(rows).await
    }

    async fn audit(&self, query: &AuditQuery) -> Result<Vec<(AuditCursor, AuditRow)>, StoreError> {
        let mut pages = Pages::of(query);
        while let Some(asked) = pages.next() {
            let (low, high) = rows::audit_bounds(&asked);
            let statement = || {
                let statement = sqlx::query(rows::audit_statement(&asked))
                    .bind(low.0)
                    .bind(low.1)
                    .bind(high.0)
                    .bind(high.1)
                    .bind(rows::limit(asked.limit));
                match &asked.account {
                    Some(account) => statement.bind(account.as_str()),
                    None => statement,
                }
            };
            let found: Result<_, _> = self.fetch(statement).await?.iter().map(rows::audit_records).collect();
            if !pages.take(found?) {
                break;
            }
        }
        Ok(pages.records())
    }

    async fn changes(&self, since: Revision, limit: usize) -> Result<Changes, StoreError> {
        let limit = limit.max(1);
        let query = || sqlx::query(rows::CHANGES).bind(rows::number(since)).bind(rows::limit(limit - 1)).bind(i64::MAX);
        let changes = rows::changes(&self.fetch(query).await?, since, limit)?;
        self.signal.told(changes.through);
        Ok(changes)
    }

    async fn revision(&self) -> Result<Revision, StoreError> {
        let found = self.fetch(|| sqlx::query(rows::REVISION)).await?;
        let row = found.first().ok_or_else(|| StoreError::corrupt("meta", "the row is missing"))?;
        rows::revision(rows::column(row, 0)?)
    }

    async fn changed(&self) {
        let tick = if self.listening.load(Ordering::Acquire) { POLL_WHILE_LISTENING } else { POLL };
        self.signal.wait(tick, || async { self.revision().await.ok() }).await;
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.revision().await.map(drop)
    }

    async fn close(&self) {
        self.listener.stop();
        self.commits.close().await;
        self.audit.close().await;
        for connection in self.readers.close() {
            // A farewell that the database does not hear is no loss.
            let _ = timeout_at(Instant::now() + Duration::from_secs(1), connection.close()).await;
        }
    }
}
