//! The store in one SQLite file, for a broker that needs nothing else. Several processes may share the file.
//!
//! Write-ahead log, so that readers never wait; `synchronous = FULL`, so that a commit is on disk when it is answered; one writer
//! connection per process, whose transactions begin by taking the file's write lock.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row, Sqlite};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::audit_block::Pages;
use super::contract::{
    AuditCursor, AuditQuery, AuditRow, Batch, Changes, CommitError, Record, Revision, Store, StoreError,
};
use super::error::from_driver;
use super::key::{Key, Range};
use super::lanes::Lanes;
use super::open::Tuning;
use super::signal::Signal;
use super::sqlite_writer::SqliteEngine;
use super::writer::Writer;
use super::{migrations, rows};

/// A store in an SQLite file.
#[derive(Debug)]
pub(super) struct SqliteStore {
    path: PathBuf,
    options: SqliteConnectOptions,
    tuning: Tuning,
    readers: Lanes<SqliteConnection>,
    writer: Writer,
    signal: Arc<Signal>,
    watch: Mutex<Option<Watch>>,
}

/// Sees from `PRAGMA data_version` whether another connection, of whatever process, has committed.
#[derive(Debug)]
struct Watch {
    connection: SqliteConnection,
    data_version: i64,
}

/// Connections that read at the same time; more would only wait for the same cores.
const READERS: usize = 4;
/// How often another process's commits are looked for while somebody waits for them.
const WATCH_TICK: Duration = Duration::from_millis(40);
/// Keys that one `SELECT … IN` takes; prepared for the powers of two up to here.
const KEYS_AT_ONCE: usize = 64;

impl SqliteStore {
    pub(super) async fn open(path: &Path, tuning: Tuning) -> Result<Self, StoreError> {
        make_private(path).map_err(|error| file_error(&error))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .busy_timeout(tuning.statement_time())
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // The log is written back in larger steps than by default, and does not stay large after a burst.
            .pragma("wal_autocheckpoint", "4000")
            .pragma("journal_size_limit", "67108864")
            .disable_statement_logging();
        let mut connection = connect(&options, tuning.connect_time()).await?;
        migrate(&mut connection).await?;
        let signal = Arc::new(Signal::new());
        let engine = SqliteEngine::new(connection, Arc::clone(&signal), tuning).await?;
        let options = options.pragma("query_only", "ON");
        Ok(Self {
            path: path.to_owned(),
            options,
            tuning,
            readers: Lanes::new(READERS),
            writer: Writer::start_thread(engine, tuning.patience)?,
            signal,
            watch: Mutex::new(None),
        })
    }

    /// Runs one reading statement.
    async fn fetch(
        &self,
        query: sqlx::query::Query<'static, Sqlite, SqliteArguments>,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let lane = self.readers.enter().await?;
        let mut connection = match lane.idle() {
            Some(connection) => connection,
            None => connect(&self.options, self.tuning.connect_time()).await?,
        };
        let rows = query.fetch_all(&mut connection).await.map_err(|error| from_driver(&error))?;
        lane.keep(connection);
        Ok(rows)
    }

    async fn fetch_keys(&self, keys: &[Key]) -> Result<Vec<Record>, StoreError> {
        let Some(last) = keys.last() else { return Ok(Vec::new()) };
        let places = keys.len().next_power_of_two();
        let list: Vec<String> = (1..=places).map(|place| format!("${place}")).collect();
        let statement = format!("SELECT key, version, body FROM records WHERE key IN ({})", list.join(", "));
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for place in 0..places {
            query = query.bind(keys.get(place).unwrap_or(last).as_bytes());
        }
        self.fetch(query).await?.iter().map(rows::record).collect()
    }

    /// The latest revision, if the file has changed since this was last asked.
    async fn news(&self) -> Option<Revision> {
        let mut watch = self.watch.lock().await;
        let first = watch.is_none();
        if first {
            let connection = connect(&self.options, self.tuning.connect_time()).await.ok()?;
            *watch = Some(Watch { connection, data_version: 0 });
        }
        let watching = watch.as_mut()?;
        let Ok(row) = sqlx::query("PRAGMA data_version").fetch_one(&mut watching.connection).await else {
            *watch = None;
            return None;
        };
        let data_version: i64 = row.try_get(0).ok()?;
        if data_version == watching.data_version && !first {
            return None;
        }
        watching.data_version = data_version;
        drop(watch);
        self.revision().await.ok()
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        let found = self.fetch(sqlx::query(rows::GET).bind(key.as_bytes())).await?;
        found.first().map(rows::record).transpose()
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        if keys.len() <= KEYS_AT_ONCE {
            return Ok(rows::in_order(keys, self.fetch_keys(keys).await?));
        }
        // More than one statement sees one moment only if nothing was committed from the first to the last of them.
        let end = Instant::now() + self.tuning.patience;
        while Instant::now() < end {
            let before = self.revision().await?;
            let mut found = Vec::with_capacity(keys.len());
            for some in keys.chunks(KEYS_AT_ONCE) {
                found.extend(self.fetch_keys(some).await?);
            }
            if self.revision().await? == before {
                return Ok(rows::in_order(keys, found));
            }
        }
        Err(StoreError::late("quiet moment"))
    }

    async fn scan(&self, range: &Range, limit: usize) -> Result<Vec<Record>, StoreError> {
        let query = sqlx::query(rows::SCAN).bind(range.start()).bind(range.end()).bind(rows::limit(limit));
        self.fetch(query).await?.iter().map(rows::record).collect()
    }

    async fn count(&self, family: &Key) -> Result<u64, StoreError> {
        rows::count(&self.fetch(sqlx::query(rows::COUNT).bind(family.as_bytes())).await?)
    }

    async fn commit(&self, batch: Batch) -> Result<Revision, CommitError> {
        self.writer.commit(batch).await
    }

    async fn append_shared_audit(&self, rows: Arc<Vec<AuditRow>>) -> Result<(), StoreError> {
        self.writer.append_audit(rows).await
    }

    async fn audit(&self, query: &AuditQuery) -> Result<Vec<(AuditCursor, AuditRow)>, StoreError> {
        let mut pages = Pages::of(query);
        while let Some(asked) = pages.next() {
            let (low, high) = rows::audit_bounds(&asked);
            let statement = sqlx::query(rows::audit_statement(&asked))
                .bind(low.0)
                .bind(low.1)
                .bind(high.0)
                .bind(high.1)
                .bind(rows::limit(asked.limit));
            let statement = match asked.account {
                Some(account) => statement.bind(account),
                None => statement,
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
        let query = sqlx::query(rows::CHANGES).bind(rows::number(since)).bind(rows::limit(limit - 1)).bind(i64::MAX);
        let changes = rows::changes(&self.fetch(query).await?, since, limit)?;
        self.signal.told(changes.through);
        Ok(changes)
    }

    async fn revision(&self) -> Result<Revision, StoreError> {
        let found = self.fetch(sqlx::query(rows::REVISION)).await?;
        let row = found.first().ok_or_else(|| StoreError::corrupt("meta", "the row is missing"))?;
        rows::revision(rows::column(row, 0)?)
    }

    async fn changed(&self) {
        self.signal.wait(WATCH_TICK, || self.news()).await;
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.revision().await.map(drop)
    }

    async fn close(&self) {
        self.writer.close().await;
        for connection in self.readers.close() {
            let _ = connection.close().await;
        }
        if let Some(watch) = self.watch.lock().await.take() {
            let _ = watch.connection.close().await;
        }
        tracing::debug!(path = %self.path.display(), "the store is closed");
    }
}

/// Creates the file, or makes an existing one private: it holds sealed secrets and everybody's policies. SQLite gives the files
/// beside it the same mode.
fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let file =
        std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

fn file_error(error: &std::io::Error) -> StoreError {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => StoreError::Full,
        _ => StoreError::Location(error.to_string()),
    }
}

/// Connects. Turning a new file to the write-ahead log does not wait for locks by itself, so that is tried again.
async fn connect(options: &SqliteConnectOptions, wait: Duration) -> Result<SqliteConnection, StoreError> {
    let end = Instant::now() + wait;
    loop {
        match options.connect().await {
            Ok(connection) => return Ok(connection),
            Err(error) if is_busy(&error) && Instant::now() < end => sleep(Duration::from_millis(5)).await,
            Err(error) => return Err(from_driver(&error)),
        }
    }
}

fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.and_then(|code| code.parse::<i32>().ok()).is_some_and(|code| code & 0xff == 5)
}

async fn migrate(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    if let Ok(found) = schema_version(connection).await
        && found >= migrations::LATEST
    {
        return migrations::pending(found, migrations::SQLITE).map(drop);
    }
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(|error| from_driver(&error))?;
    for statement in migrations::PREPARE {
        execute(&mut transaction, statement.to_owned()).await?;
    }
    let found = schema_version(&mut transaction).await?;
    for statement in migrations::pending(found, migrations::SQLITE)? {
        execute(&mut transaction, statement).await?;
    }
    execute(&mut transaction, format!("UPDATE meta SET schema_version = {}", migrations::LATEST)).await?;
    transaction.commit().await.map_err(|error| from_driver(&error))
}

async fn schema_version(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    let row = sqlx::query("SELECT schema_version FROM meta WHERE id = 1").fetch_one(connection).await;
    rows::column(&row.map_err(|error| from_driver(&error))?, 0)
}

async fn execute(connection: &mut SqliteConnection, statement: String) -> Result<(), StoreError> {
    let done = sqlx::query(AssertSqlSafe(statement)).persistent(false).execute(connection).await;
    done.map(drop).map_err(|error| from_driver(&error))
}
