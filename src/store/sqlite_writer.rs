//! Writes groups of batches into the SQLite file.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection};

use super::audit_block::{self, Block};
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

/// Rows in one statement, at the most.
const AT_ONCE: usize = 32;
/// Blocks of audit records in one statement, at the most.
const AUDIT_AT_ONCE: usize = 256;

impl SqliteEngine {
    pub(super) async fn new(
        mut connection: SqliteConnection,
        signal: Arc<Signal>,
        tuning: Tuning,
    ) -> Result<Self, StoreError> {
        if let Some(pages) = tuning.sqlite_pages {
            let limit = format!("PRAGMA max_page_count = {pages}");
            let set = sqlx::query(AssertSqlSafe(limit)).fetch_all(&mut connection).await;
            set.map_err(|error| from_driver(&error))?;
        }
        Ok(Self { connection, signal, tuning })
    }

    /// Audit records alone need nothing that is read first, so the whole transaction is one trip to the connection's thread.
    async fn append(&mut self, audit: &[&AuditRow]) -> Result<Written, sqlx::Error> {
        let blocks = audit_block::pack(audit);
        let pieces = blocks.len().div_ceil(AUDIT_AT_ONCE);
        for (at, some) in in_pieces(blocks).enumerate() {
            let begin = if at == 0 { "BEGIN IMMEDIATE; " } else { "" };
            let commit = if at + 1 == pieces { "; COMMIT" } else { "" };
            insert_audit(&mut self.connection, begin, some, commit).await?;
        }
        Ok(Written { verdicts: Vec::new(), revision: Revision(0) })
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
        let written = match batches {
            [] => self.append(audit).await,
            _ => self.transaction(batches, audit).await,
        };
        match written {
            Ok(written) => {
                if !batches.is_empty() {
                    self.signal.committed(written.revision);
                }
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
    let keys: Vec<&Key> = group.judged_keys().into_iter().collect();
    let mut versions = HashMap::with_capacity(keys.len());
    for some in handfuls(&keys) {
        let statement = format!("SELECT key, version FROM records WHERE key IN {}", places(1, some.len()));
        let mut query = sqlx::query_as(AssertSqlSafe(statement));
        for key in some {
            query = query.bind(key.as_bytes());
        }
        let found: Vec<(Vec<u8>, i64)> = query.fetch_all(&mut *connection).await?;
        versions.extend(found.into_iter().map(|(key, version)| (key, Revision(version.unsigned_abs()))));
    }
    Ok(versions)
}

async fn write_records(connection: &mut SqliteConnection, judgement: &Judgement<'_>) -> Result<(), sqlx::Error> {
    let mut puts = Vec::new();
    for (key, state) in &judgement.records {
        match state {
            Some((version, body)) => puts.push((key, version, body)),
            None => {
                let delete = sqlx::query("DELETE FROM records WHERE key = $1").bind(key.as_bytes());
                delete.execute(&mut *connection).await?;
            }
        }
    }
    for some in handfuls(&puts) {
        let statement = format!(
            "INSERT INTO records (key, version, body) VALUES {} \
             ON CONFLICT (key) DO UPDATE SET version = excluded.version, body = excluded.body",
            places(some.len(), 3)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for (key, version, body) in some {
            query = query.bind(key.as_bytes()).bind(rows::number(**version)).bind(**body);
        }
        query.execute(&mut *connection).await?;
    }
    let counts: Vec<(&Key, &i64)> = judgement.counts.iter().collect();
    for some in handfuls(&counts) {
        let statement = format!(
            "INSERT INTO counts (family, records) VALUES {} \
             ON CONFLICT (family) DO UPDATE SET records = records + excluded.records",
            places(some.len(), 2)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for (family, difference) in some {
            query = query.bind(family.as_bytes()).bind(**difference);
        }
        query.execute(&mut *connection).await?;
    }
    let feed: Vec<&(Revision, &Key)> = judgement.feed.iter().collect();
    for some in handfuls(&feed) {
        let statement = format!("INSERT INTO feed (revision, key) VALUES {}", places(some.len(), 2));
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for (revision, key) in some {
            query = query.bind(rows::number(*revision)).bind(key.as_bytes());
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

async fn write_audit(connection: &mut SqliteConnection, audit: &[&AuditRow]) -> Result<(), sqlx::Error> {
    for some in in_pieces(audit_block::pack(audit)) {
        insert_audit(connection, "", some, "").await?;
    }
    Ok(())
}

/// As many blocks as one statement takes, again and again.
fn in_pieces(blocks: Vec<Block<'_>>) -> impl Iterator<Item = Vec<Block<'_>>> {
    let mut rest = blocks.into_iter();
    std::iter::from_fn(move || {
        Some(rest.by_ref().take(AUDIT_AT_ONCE).collect()).filter(|some: &Vec<_>| !some.is_empty())
    })
}

/// One statement for so many blocks, between `begin` and `commit`. It has room for a power of two of them, so that few different
/// statements are prepared; places without a block are NULL and leave none.
async fn insert_audit(
    connection: &mut SqliteConnection,
    begin: &str,
    blocks: Vec<Block<'_>>,
    commit: &str,
) -> Result<(), sqlx::Error> {
    let room = blocks.len().next_power_of_two();
    let statement = format!(
        "{begin}INSERT INTO audit (id, time, account, body, records) \
         SELECT column1, column2, column3, column4, column5 FROM (VALUES {}) WHERE column1 IS NOT NULL{commit}",
        places(room, 5)
    );
    let mut query = sqlx::query(AssertSqlSafe(statement));
    // A block that was put together is handed over as it is, not copied.
    for Block { ids, time, account, body, records } in blocks {
        query = query.bind(ids).bind(time).bind(account).bind(body).bind(records);
    }
    query.execute(&mut *connection).await.map(|_| ())
}

/// What one statement takes: each costs a trip to the connection's thread and back, but every size is prepared by itself. So as
/// many as possible of at most [`AT_ONCE`], in powers of two.
fn handfuls<T>(all: &[T]) -> impl Iterator<Item = &[T]> {
    let mut rest = all;
    std::iter::from_fn(move || {
        let size = 1 << rest.len().min(AT_ONCE).checked_ilog2()?;
        let (some, others) = rest.split_at(size);
        rest = others;
        Some(some)
    })
}

/// `(?, ?), (?, ?)`: the places of so many rows.
fn places(rows: usize, columns: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(", "));
    vec![row; rows].join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handfuls_are_powers_of_two_and_leave_nothing_out() {
        let all: Vec<u32> = (0..75).collect();
        let sizes: Vec<usize> = handfuls(&all).map(<[u32]>::len).collect();
        assert_eq!(sizes, [32, 32, 8, 2, 1]);
        assert_eq!(handfuls(&all).collect::<Vec<_>>().concat(), all);
        assert_eq!(handfuls::<u32>(&[]).count(), 0);
        assert_eq!(places(2, 3), "(?, ?, ?), (?, ?, ?)");
    }
}
