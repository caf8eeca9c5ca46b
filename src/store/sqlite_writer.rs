//! Writes groups of batches into the SQLite file.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use super::contract::{AuditRow, Batch, Revision, StoreError};
use super::error::from_driver;
use super::group::{Group, Judgement};
use super::key::Key;
use super::open::Tuning;
use super::rows;
use super::signal::Signal;
use super::writer::Engine;

/// The one connection of this process that writes.
#[derive(Debug)]
pub(super) struct SqliteEngine {
    connection: SqliteConnection,
    signal: Arc<Signal>,
    tuning: Tuning,
}

/// Audit records that one statement inserts when there are as many.
const ROWS_AT_ONCE: usize = 16;

impl SqliteEngine {
    pub(super) async fn new(
        mut connection: SqliteConnection,
        signal: Arc<Signal>,
        tuning: Tuning,
    ) -> Result<Self, StoreError> {
        if let Some(pages) = tuning.sqlite_pages {
            let limit = format!("PRAGMA max_page_count = {pages}");
            let set = sqlx::query(sqlx::AssertSqlSafe(limit)).fetch_all(&mut connection).await;
            set.map_err(|error| from_driver(&error))?;
        }
        Ok(Self { connection, signal, tuning })
    }

    async fn transaction(&mut self, batches: &[&Batch], audit: &[&AuditRow]) -> Result<Written, sqlx::Error> {
        let connection = &mut self.connection;
        // Takes the write lock at once: what is read from here on is what the writes will meet.
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
        let group = Group::new(batches);
        let (before, floor) = if batches.is_empty() { (0, 0) } else { meta(connection).await? };
        let versions = versions(connection, &group).await?;
        let judgement = group.judge(Revision(before.unsigned_abs()), &versions);
        write_records(connection, &judgement).await?;
        let rows: Vec<&AuditRow> = judgement.audit.iter().chain(audit).copied().collect();
        write_audit(connection, &rows).await?;
        if !judgement.feed.is_empty() {
            let floor = self.tuning.trim(judgement.revision, floor.unsigned_abs());
            if let Some(floor) = floor {
                sqlx::query("DELETE FROM feed WHERE revision <= $1")
                    .bind(floor.cast_signed())
                    .execute(&mut *connection)
                    .await?;
            }
            sqlx::query("UPDATE meta SET revision = $1, floor = COALESCE($2, floor) WHERE id = 1")
                .bind(rows::number(judgement.revision))
                .bind(floor.map(u64::cast_signed))
                .execute(&mut *connection)
                .await?;
        }
        let end = if judgement.feed.is_empty() && rows.is_empty() { "ROLLBACK" } else { "COMMIT" };
        sqlx::query(end).execute(&mut *connection).await?;
        Ok(Written { verdicts: judgement.verdicts, revision: judgement.revision })
    }
}

struct Written {
    verdicts: Vec<Result<Revision, Key>>,
    revision: Revision,
}

#[async_trait]
impl Engine for SqliteEngine {
    async fn write(
        &mut self,
        batches: &[&Batch],
        audit: &[&AuditRow],
    ) -> Result<Vec<Result<Revision, Key>>, StoreError> {
        match self.transaction(batches, audit).await {
            Ok(written) => {
                self.signal.committed(written.revision);
                Ok(written.verdicts)
            }
            Err(error) => {
                // SQLite has rolled back by itself after some errors; then this one fails, which is as good.
                let _ = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
                Err(from_driver(&error))
            }
        }
    }

    async fn close(self) {
        let _ = self.connection.close().await;
    }
}

async fn meta(connection: &mut SqliteConnection) -> Result<(i64, i64), sqlx::Error> {
    sqlx::query_as("SELECT revision, floor FROM meta WHERE id = 1").fetch_one(connection).await
}

async fn versions(
    connection: &mut SqliteConnection,
    group: &Group<'_>,
) -> Result<HashMap<Vec<u8>, Revision>, sqlx::Error> {
    let mut versions = HashMap::new();
    for key in group.judged_keys() {
        let found: Option<i64> = sqlx::query_scalar("SELECT version FROM records WHERE key = $1")
            .bind(key.as_bytes())
            .fetch_optional(&mut *connection)
            .await?;
        if let Some(version) = found {
            versions.insert(key.as_bytes().to_vec(), Revision(version.unsigned_abs()));
        }
    }
    Ok(versions)
}

async fn write_records(connection: &mut SqliteConnection, judgement: &Judgement<'_>) -> Result<(), sqlx::Error> {
    for (key, state) in &judgement.records {
        let query = match state {
            Some((version, body)) => sqlx::query(
                "INSERT INTO records (key, version, body) VALUES ($1, $2, $3) \
                 ON CONFLICT (key) DO UPDATE SET version = excluded.version, body = excluded.body",
            )
            .bind(key.as_bytes())
            .bind(rows::number(*version))
            .bind(*body),
            None => sqlx::query("DELETE FROM records WHERE key = $1").bind(key.as_bytes()),
        };
        query.execute(&mut *connection).await?;
    }
    for (revision, key) in &judgement.feed {
        sqlx::query("INSERT INTO feed (revision, key) VALUES ($1, $2)")
            .bind(rows::number(*revision))
            .bind(key.as_bytes())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

async fn write_audit(connection: &mut SqliteConnection, audit: &[&AuditRow]) -> Result<(), sqlx::Error> {
    const ONE: &str = "INSERT INTO audit (id, time, account, body) VALUES (?, ?, ?, ?)";
    const MANY: &str = "INSERT INTO audit (id, time, account, body) VALUES (?, ?, ?, ?), (?, ?, ?, ?), (?, ?, ?, ?), \
         (?, ?, ?, ?), (?, ?, ?, ?), (?, ?, ?, ?), (?, ?, ?, ?), (?, ?, ?, ?), (?, ?, ?, ?), (?, ?, ?, ?), (?, ?, ?, ?), \
         (?, ?, ?, ?), (?, ?, ?, ?), (?, ?, ?, ?), (?, ?, ?, ?), (?, ?, ?, ?)";
    let (many, rest) = audit.as_chunks::<ROWS_AT_ONCE>();
    let single = rest.iter().map(std::slice::from_ref);
    for rows in many.iter().map(<[&AuditRow; ROWS_AT_ONCE]>::as_slice).chain(single) {
        let mut query = sqlx::query(if rows.len() == 1 { ONE } else { MANY });
        for row in rows {
            query = query.bind(row.id.as_str()).bind(row.time).bind(row.account.as_str()).bind(row.body.as_slice());
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}
