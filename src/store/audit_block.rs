//! Audit records in blocks: those of one account and one second that are written together share a row. What a row costs the
//! database, with its two indexes, is several times what its bytes cost.
//!
//! A block's ids, and its records, are told apart by line breaks, which neither an id nor JSON on one line contains: so a row reads
//! like a file of JSON lines. A record that does contain one has a row to itself.

use std::borrow::Cow;

use super::contract::{AuditCursor, AuditQuery, AuditRow};
use super::error::StoreError;

/// A row of the audit table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block<'a> {
    pub(super) ids: Cow<'a, str>,
    pub(super) time: i64,
    pub(super) account: &'a str,
    pub(super) body: Cow<'a, [u8]>,
    /// How many records it holds.
    pub(super) records: i64,
}

/// Records in a block, at the most: whoever reads one of them reads them all.
const RECORDS: usize = 256;
/// Bytes from which on a block takes no further record.
const BYTES: usize = 128 << 10;

/// Packs records into blocks. Those of one account and second stay in their order.
pub(super) fn pack<'a>(rows: &[&'a AuditRow]) -> Vec<Block<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for row in rows {
        // The group that was begun last for this account and second, if it has room: few accounts are busy in one batch.
        let group = groups.iter_mut().rev().find(|group| group.is_of(row)).filter(|group| group.takes(row));
        match group {
            Some(group) => group.add(row),
            None => groups.push(Group::of(row)),
        }
    }
    groups.into_iter().map(Group::block).collect()
}

/// The records of a row, in their order, each with its place in the trail.
///
/// # Errors
/// The row does not hold as many as it says.
pub(super) fn unpack(sequence: i64, records: i64, row: AuditRow) -> Result<Vec<(AuditCursor, AuditRow)>, StoreError> {
    let at = |place| AuditCursor { time: row.time, sequence, place };
    if records == 1 {
        return Ok(vec![(at(0), row)]);
    }
    let ids = row.id.split('\n');
    let bodies = row.body.split(|byte| *byte == b'\n');
    let found: Vec<_> = (0..)
        .zip(ids.zip(bodies))
        .map(|(place, (id, body))| {
            let (id, account) = (id.to_owned(), row.account.clone());
            (at(place), AuditRow { id, time: row.time, account, body: body.to_vec() })
        })
        .collect();
    if i64::try_from(found.len()) != Ok(records) {
        return Err(StoreError::corrupt("audit", "a block with fewer records than it says"));
    }
    Ok(found)
}

/// Asks for pages of rows until there are as many records as are wanted, or no more.
#[derive(Debug)]
pub(super) struct Pages {
    query: AuditQuery,
    found: Vec<(AuditCursor, AuditRow)>,
}

/// Rows in a page, at the most: they may be full blocks.
const PAGE: usize = 128;

impl Pages {
    pub(super) fn of(query: &AuditQuery) -> Self {
        Self { query: query.clone(), found: Vec::new() }
    }

    /// What to ask the database for next; its limit is one of rows. `None` when there are enough records.
    pub(super) fn next(&self) -> Option<AuditQuery> {
        let missing = self.query.limit.saturating_sub(self.found.len());
        (missing > 0).then(|| AuditQuery { limit: missing.min(PAGE), ..self.query.clone() })
    }

    /// Takes what the database gave, rows in the order asked for. Says whether there may be more.
    pub(super) fn take(&mut self, rows: Vec<Vec<(AuditCursor, AuditRow)>>) -> bool {
        let full = self.next().is_some_and(|asked| rows.len() >= asked.limit);
        let newest_first = self.query.newest_first;
        // The first row may be the one in whose middle the page before ended.
        let after = self.query.after;
        let behind = |at: &AuditCursor| match after {
            Some(after) if newest_first => *at < after,
            Some(after) => *at > after,
            None => true,
        };
        for mut records in rows {
            if newest_first {
                records.reverse();
            }
            // The next page begins behind the whole row.
            let place = if newest_first { AuditCursor::FIRST } else { AuditCursor::LAST };
            self.query.after = records.last().map(|(at, _)| AuditCursor { place, ..*at }).or(self.query.after);
            self.found.extend(records.into_iter().filter(|(at, _)| behind(at)));
        }
        full
    }

    /// All that were wanted.
    pub(super) fn records(mut self) -> Vec<(AuditCursor, AuditRow)> {
        self.found.truncate(self.query.limit);
        self.found
    }
}

/// A block that is being filled.
struct Group<'a> {
    rows: Vec<&'a AuditRow>,
    bytes: usize,
    alone: bool,
    first: &'a AuditRow,
}

impl<'a> Group<'a> {
    fn of(row: &'a AuditRow) -> Self {
        Self { rows: vec![row], bytes: row.body.len(), alone: !is_one_line(row), first: row }
    }

    fn is_of(&self, row: &AuditRow) -> bool {
        self.first.time == row.time && self.first.account == row.account
    }

    fn takes(&self, row: &AuditRow) -> bool {
        !self.alone && self.rows.len() < RECORDS && self.bytes + row.body.len() <= BYTES && is_one_line(row)
    }

    fn add(&mut self, row: &'a AuditRow) {
        self.rows.push(row);
        self.bytes += row.body.len();
    }

    fn block(self) -> Block<'a> {
        let (ids, body) = match self.rows.as_slice() {
            [one] => (Cow::Borrowed(one.id.as_str()), Cow::Borrowed(one.body.as_slice())),
            rows => {
                let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
                let bodies: Vec<&[u8]> = rows.iter().map(|row| row.body.as_slice()).collect();
                (Cow::Owned(ids.join("\n")), Cow::Owned(bodies.join(&b'\n')))
            }
        };
        let records = i64::try_from(self.rows.len()).unwrap_or(i64::MAX);
        Block { ids, time: self.first.time, account: &self.first.account, body, records }
    }
}

fn is_one_line(row: &AuditRow) -> bool {
    !row.id.contains('\n') && !row.body.contains(&b'\n')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unpacked(blocks: Vec<Block<'_>>) -> Vec<AuditRow> {
        let rows = blocks.into_iter().enumerate().flat_map(|(sequence, block)| {
            let (id, account) = (block.ids.into_owned(), block.account.to_owned());
            let row = AuditRow { id, time: block.time, account, body: block.body.into_owned() };
            unpack(i64::try_from(sequence).unwrap(), block.records, row).unwrap()
        });
        rows.map(|(_, row)| row).collect()
    }

    fn row(id: &str, time: i64, account: &str, bytes: usize) -> AuditRow {
        AuditRow { id: id.to_owned(), time, account: account.to_owned(), body: vec![b'x'; bytes] }
    }

    proptest! {
        /// Whatever ids and bodies are made of: every record comes back as it was, and those of an account in their order.
        #[test]
        fn what_is_packed_is_unpacked(
            rows in prop::collection::vec(
                ("[a-c\n]{0,3}", 0..3_i64, "[12]", prop::collection::vec(prop::sample::select(vec![b'{', b'\n', 0, 255]), 0..4)),
                0..40,
            )
        ) {
            let rows: Vec<AuditRow> =
                rows.into_iter().map(|(id, time, account, body)| AuditRow { id, time, account, body }).collect();
            let found = unpacked(pack(&rows.iter().collect::<Vec<_>>()));
            prop_assert_eq!(found.len(), rows.len());
            for account in ["1", "2"] {
                for time in 0..3 {
                    let of = |row: &&AuditRow| row.account == account && row.time == time;
                    prop_assert_eq!(found.iter().filter(of).collect::<Vec<_>>(), rows.iter().filter(of).collect::<Vec<_>>());
                }
            }
        }
    }

    #[test]
    fn a_block_is_bounded_in_records_and_bytes() {
        let small: Vec<AuditRow> = (0..1_000).map(|n| row(&n.to_string(), 1, "1", 10)).collect();
        let sizes = |rows: &[AuditRow]| -> Vec<i64> {
            pack(&rows.iter().collect::<Vec<_>>()).iter().map(|block| block.records).collect()
        };
        assert_eq!(sizes(&small), [256, 256, 256, 232]);
        let large: Vec<AuditRow> = (0..5).map(|n| row(&n.to_string(), 1, "1", 60 << 10)).collect();
        assert_eq!(sizes(&large), [2, 2, 1]);
        let mixed = [row("a", 1, "1", 1), row("b", 2, "1", 1), row("c", 1, "2", 1), row("d", 1, "1", 1)];
        assert_eq!(sizes(&mixed), [2, 1, 1]);
    }

    #[test]
    fn a_block_that_lacks_a_record_is_told_from_a_whole_one() {
        assert!(unpack(1, 2, row("a\nb", 1, "1", 3)).is_err());
        assert!(unpack(1, 1, row("a\nb", 1, "1", 3)).is_ok());
    }
}
