//! Writes groups of batches into PostgreSQL.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tokio::time::{Instant, timeout, timeout_at};

use super::audit_block;
use super::contract::{AuditRow, Batch, Revision, StoreError};
use super::error::from_driver;
use super::group::{Group, Judgement};
use super::key::Key;
use super::open::Tuning;
use super::postgres_link::{self as link, Address, CHANNEL};
use super::rows;
use super::signal::Signal;
use super::writer::Engine;

/// A connection that writes.
#[derive(Debug)]
pub(super) struct PostgresEngine {
    address: Address,
    /// None after anything went wrong with the last one: the database rolls back what a vanished connection had begun.
    connection: Option<PgConnection>,
    signal: Arc<Signal>,
    listening: Arc<AtomicBool>,
    tuning: Tuning,
}

/// Where in a transaction an error happened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing can have been committed.
    Before,
    /// The commit was asked for.
    Commit,
}

impl PostgresEngine {
    pub(super) fn new(
        address: Address,
        connection: Option<PgConnection>,
        signal: Arc<Signal>,
        listening: Arc<AtomicBool>,
        tuning: Tuning,
    ) -> Self {
        Self { address, connection, signal, listening, tuning }
    }

    async fn attempt(
        &self,
        connection: &mut PgConnection,
        batches: &[&Batch],
        audit: &[&AuditRow],
        stage: &mut Stage,
    ) -> Result<Vec<Result<Revision, Key>>, sqlx::Error> {
        if batches.is_empty() {
            // A statement by itself is a transaction. If its answer gets lost it is repeated: a record that is there twice, with
            // one id, is better than a request that is refused.
            write_audit(connection, audit).await?;
            return Ok(Vec::new());
        }
        let group = Group::new(batches);
        sqlx::query("BEGIN ISOLATION LEVEL READ COMMITTED").execute(&mut *connection).await?;
        let (latest, floor): (i64, i64) =
            sqlx::query_as("UPDATE meta SET revision = revision + $1 WHERE id = 1 RETURNING revision, floor")
                .bind(group.revisions().cast_signed())
                .fetch_one(&mut *connection)
                .await?;
        let before = Revision(latest.unsigned_abs() - group.revisions());
        let versions = versions(connection, &group).await?;
        let judgement = group.judge(before, &versions);
        if judgement.is_empty() && audit.is_empty() {
            sqlx::query("ROLLBACK").execute(&mut *connection).await?;
            return Ok(judgement.verdicts);
        }
        write_records(connection, &judgement).await?;
        let rows: Vec<&AuditRow> = judgement.audit.iter().chain(audit).copied().collect();
        if !rows.is_empty() {
            write_audit(connection, &rows).await?;
        }
        if let Some(floor) = self.tuning.trim(judgement.revision, floor.unsigned_abs()) {
            let floor = floor.cast_signed();
            sqlx::query("DELETE FROM feed WHERE revision <= $1").bind(floor).execute(&mut *connection).await?;
            let raise = "UPDATE meta SET floor = $1 WHERE id = 1";
            sqlx::query(raise).bind(floor).execute(&mut *connection).await?;
        }
        *stage = Stage::Commit;
        sqlx::query("COMMIT").execute(&mut *connection).await?;
        self.signal.committed(judgement.revision);
        Ok(judgement.verdicts)
    }
}

#[async_trait]
impl Engine for PostgresEngine {
    async fn write(
        &mut self,
        batches: &[&Batch],
        audit: &[&AuditRow],
    ) -> Result<Vec<Result<Revision, Key>>, StoreError> {
        let end = Instant::now() + self.tuning.transaction_time();
        loop {
            let (mut connection, is_new) = match self.connection.take() {
                Some(connection) => (connection, false),
                None => (self.address.connect(end).await?, true),
            };
            let mut stage = Stage::Before;
            let attempt = self.attempt(&mut connection, batches, audit, &mut stage);
            let error = match timeout_at(end, attempt).await.map_err(|_| StoreError::late("end of the transaction"))? {
                Ok(verdicts) => {
                    self.connection = Some(connection);
                    return Ok(verdicts);
                }
                Err(error) => error,
            };
            let rolled_back = matches!(link::code(&error).as_deref(), Some("40001" | "40P01"));
            let lost_while_idle = !is_new && stage == Stage::Before;
            let cause = from_driver(&error);
            if !(rolled_back || lost_while_idle && matches!(cause, StoreError::Unavailable(_))) {
                return Err(cause);
            }
        }
    }

    async fn announce(&mut self, latest: Revision) {
        if !self.listening.load(Ordering::Acquire) {
            return;
        }
        let Some(mut connection) = self.connection.take() else { return };
        let tell = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(latest.to_string());
        // One that gets lost is made up for by the poll of whoever waits.
        if let Ok(Ok(_)) = timeout(Duration::from_secs(1), tell.execute(&mut connection)).await {
            self.connection = Some(connection);
        }
    }

    async fn close(self) {
        if let Some(connection) = self.connection {
            let _ = timeout(Duration::from_secs(1), connection.close()).await;
        }
    }
}

async fn versions(connection: &mut PgConnection, group: &Group<'_>) -> Result<HashMap<Vec<u8>, Revision>, sqlx::Error> {
    let keys: Vec<&[u8]> = group.judged_keys().into_iter().map(Key::as_bytes).collect();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<(Vec<u8>, i64)> =
        sqlx::query_as("SELECT key, version FROM records WHERE key = ANY($1)").bind(keys).fetch_all(connection).await?;
    Ok(found.into_iter().map(|(key, version)| (key, Revision(version.unsigned_abs()))).collect())
}

async fn write_records(connection: &mut PgConnection, judgement: &Judgement<'_>) -> Result<(), sqlx::Error> {
    let mut puts: (Vec<&[u8]>, Vec<i64>, Vec<&[u8]>) = Default::default();
    let mut deletes: Vec<&[u8]> = Vec::new();
    for (key, state) in &judgement.records {
        match state {
            Some((version, body)) => {
                puts.0.push(key.as_bytes());
                puts.1.push(rows::number(*version));
                puts.2.push(body);
            }
            None => deletes.push(key.as_bytes()),
        }
    }
    if !puts.0.is_empty() {
        let put = "INSERT INTO records (key, version, body) \
             SELECT * FROM UNNEST($1::bytea[], $2::bigint[], $3::bytea[]) \
             ON CONFLICT (key) DO UPDATE SET version = excluded.version, body = excluded.body";
        sqlx::query(put).bind(puts.0).bind(puts.1).bind(puts.2).execute(&mut *connection).await?;
    }
    if !deletes.is_empty() {
        let delete = "DELETE FROM records WHERE key = ANY($1)";
        sqlx::query(delete).bind(deletes).execute(&mut *connection).await?;
    }
    if !judgement.counts.is_empty() {
        let (families, differences): (Vec<&[u8]>, Vec<i64>) =
            judgement.counts.iter().map(|(family, difference)| (family.as_bytes(), *difference)).unzip();
        let count = "INSERT INTO counts (family, records) SELECT * FROM UNNEST($1::bytea[], $2::bigint[]) \
             ON CONFLICT (family) DO UPDATE SET records = counts.records + excluded.records";
        sqlx::query(count).bind(families).bind(differences).execute(&mut *connection).await?;
    }
    if !judgement.feed.is_empty() {
        let (revisions, keys): (Vec<i64>, Vec<&[u8]>) =
            judgement.feed.iter().map(|(revision, key)| (rows::number(*revision), key.as_bytes())).unzip();
        let feed = "INSERT INTO feed (revision, key) SELECT * FROM UNNEST($1::bigint[], $2::bytea[])";
        sqlx::query(feed).bind(revisions).bind(keys).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn write_audit(connection: &mut PgConnection, rows: &[&AuditRow]) -> Result<(), sqlx::Error> {
    let blocks = audit_block::pack(rows);
    let ids: Vec<&str> = blocks.iter().map(|block| block.ids.as_ref()).collect();
    let times: Vec<i64> = blocks.iter().map(|block| block.time).collect();
    let accounts: Vec<&str> = blocks.iter().map(|block| block.account).collect();
    let bodies: Vec<&[u8]> = blocks.iter().map(|block| block.body.as_ref()).collect();
    let records: Vec<i64> = blocks.iter().map(|block| block.records).collect();
    let insert = "INSERT INTO audit (id, time, account, body, records) \
         SELECT * FROM UNNEST($1::text[], $2::bigint[], $3::text[], $4::bytea[], $5::bigint[])";
    let insert = sqlx::query(insert).bind(ids).bind(times).bind(accounts).bind(bodies).bind(records);
    insert.execute(connection).await?;
    Ok(())
}
