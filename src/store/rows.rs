//! Rows of either database as values of the contract, and the statements that both understand.

use sqlx::{ColumnIndex, Decode, Row, Type};

use super::audit_block;
use super::contract::{AuditCursor, AuditQuery, AuditRow, Change, Changes, Record, Revision};
use super::error::{StoreError, from_driver};
use super::key::Key;

pub(super) const GET: &str = "SELECT key, version, body FROM records WHERE key = $1";
pub(super) const SCAN: &str =
    "SELECT key, version, body FROM records WHERE key >= $1 AND key < $2 ORDER BY key LIMIT $3";
pub(super) const COUNT: &str = "SELECT records FROM counts WHERE family = $1";
pub(super) const REVISION: &str = "SELECT revision FROM meta WHERE id = 1";
/// One statement, so that revision, floor and feed are seen at one moment. `$2` is the place of the last change asked for, counted
/// from 0; the commit that it belongs to is given whole. `$3` is a revision that no commit reaches.
pub(super) const CHANGES: &str = "SELECT meta.revision, meta.floor, part.revision, part.key FROM meta LEFT JOIN \
     (SELECT revision, key FROM feed WHERE revision > $1 AND revision <= COALESCE((SELECT revision FROM feed \
     WHERE revision > $1 ORDER BY revision, key LIMIT 1 OFFSET $2), $3) ORDER BY revision, key) AS part ON TRUE \
     WHERE meta.id = 1 ORDER BY part.revision, part.key";

/// The audit trail: within bounds, then one account or all, oldest or newest first.
pub(super) fn audit_statement(query: &AuditQuery) -> &'static str {
    match (query.account.is_some(), query.newest_first) {
        (false, false) => {
            "SELECT time, sequence, records, id, account, body FROM audit WHERE (time, sequence) > ($1, $2) AND \
             (time, sequence) < ($3, $4) ORDER BY time, sequence LIMIT $5"
        }
        (false, true) => {
            "SELECT time, sequence, records, id, account, body FROM audit WHERE (time, sequence) > ($1, $2) AND \
             (time, sequence) < ($3, $4) ORDER BY time DESC, sequence DESC LIMIT $5"
        }
        (true, false) => {
            "SELECT time, sequence, records, id, account, body FROM audit WHERE account = $6 AND (time, sequence) > ($1, $2) AND \
             (time, sequence) < ($3, $4) ORDER BY time, sequence LIMIT $5"
        }
        (true, true) => {
            "SELECT time, sequence, records, id, account, body FROM audit WHERE account = $6 AND (time, sequence) > ($1, $2) AND \
             (time, sequence) < ($3, $4) ORDER BY time DESC, sequence DESC LIMIT $5"
        }
    }
}

/// The rows between which the wanted records lie, both excluded.
pub(super) fn audit_bounds(query: &AuditQuery) -> ((i64, i64), (i64, i64)) {
    let at = |time: Option<i64>, otherwise: i64| (time.unwrap_or(otherwise), i64::MIN);
    let (mut low, mut high) = (at(query.since, i64::MIN), at(query.until, i64::MAX));
    // The row of a cursor may have more records behind it.
    match query.after {
        Some(after) if query.newest_first => {
            let more = i64::from(after.place != AuditCursor::FIRST);
            high = high.min((after.time, after.sequence.saturating_add(more)));
        }
        Some(after) => {
            let more = i64::from(after.place != AuditCursor::LAST);
            low = low.max((after.time, after.sequence.saturating_sub(more)));
        }
        None => {}
    }
    (low, high)
}

/// A limit as the databases take it.
pub(super) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A revision as the databases take it.
pub(super) fn number(revision: Revision) -> i64 {
    i64::try_from(revision.0).unwrap_or(i64::MAX)
}

/// A revision as the databases give it.
pub(super) fn revision(number: i64) -> Result<Revision, StoreError> {
    let number = u64::try_from(number).map_err(|_| StoreError::corrupt("meta", "a negative revision"))?;
    Ok(Revision(number))
}

/// A value of a row.
pub(super) fn column<'r, R: Row, T>(row: &'r R, index: usize) -> Result<T, StoreError>
where
    usize: ColumnIndex<R>,
    T: Decode<'r, R::Database> + Type<R::Database>,
{
    row.try_get(index).map_err(|error| from_driver(&error))
}

/// A row of [`GET`] or [`SCAN`].
pub(super) fn record<R: Row>(row: &R) -> Result<Record, StoreError>
where
    usize: ColumnIndex<R>,
    for<'r> Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
{
    let key = Key::from_stored(column(row, 0)?);
    let version = revision(column(row, 1)?)?;
    Ok(Record { key, version, body: column(row, 2)? })
}

/// The rows of [`COUNT`]: one, or none of a family that never had a record.
pub(super) fn count<R: Row>(rows: &[R]) -> Result<u64, StoreError>
where
    usize: ColumnIndex<R>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
{
    let Some(row) = rows.first() else { return Ok(0) };
    u64::try_from(column::<_, i64>(row, 0)?).map_err(|_| StoreError::corrupt("counts", "fewer records than none"))
}

/// The records of a row of an audit statement.
pub(super) fn audit_records<R: Row>(row: &R) -> Result<Vec<(AuditCursor, AuditRow)>, StoreError>
where
    usize: ColumnIndex<R>,
    for<'r> Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
{
    let shared =
        AuditRow { id: column(row, 3)?, time: column(row, 0)?, account: column(row, 4)?, body: column(row, 5)? };
    audit_block::unpack(column(row, 1)?, column(row, 2)?, shared)
}

/// The rows of [`CHANGES`], asked for behind `since`.
pub(super) fn changes<R: Row>(rows: &[R], since: Revision, limit: usize) -> Result<Changes, StoreError>
where
    usize: ColumnIndex<R>,
    for<'r> Option<Vec<u8>>: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
{
    let first = rows.first().ok_or_else(|| StoreError::corrupt("meta", "the row is missing"))?;
    let (latest, floor) = (revision(column(first, 0)?)?, revision(column(first, 1)?)?);
    // A revision from the future was read before the database was put back to an older state.
    if since < floor || since > latest {
        return Ok(Changes { changes: Vec::new(), through: latest, gap: true });
    }
    let mut changes = Vec::with_capacity(rows.len());
    for row in rows {
        let (Some(at), Some(key)) = (column::<_, Option<i64>>(row, 2)?, column::<_, Option<Vec<u8>>>(row, 3)?) else {
            continue;
        };
        changes.push(Change { revision: revision(at)?, key: Key::from_stored(key) });
    }
    let through = changes.last().filter(|_| changes.len() >= limit).map_or(latest, |change| change.revision);
    Ok(Changes { changes, through, gap: false })
}

/// Puts records that were found in any order into the order of the keys that were asked for.
pub(super) fn in_order(keys: &[Key], found: Vec<Record>) -> Vec<Option<Record>> {
    let found: std::collections::HashMap<Key, Record> =
        found.into_iter().map(|record| (record.key.clone(), record)).collect();
    keys.iter().map(|key| found.get(key).cloned()).collect()
}
