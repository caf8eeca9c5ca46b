//! The durable store: records under ordered keys, committed in batches, with a feed of what changed.
//!
//! The contract is narrow and has two backends, SQLite for one machine and PostgreSQL for a fleet; typed records, sealing of
//! secrets and caches are written once above it.

mod audit_block;
mod bounded;
mod contract;
mod error;
mod feed;
mod footing;
mod fresh;
mod group;
mod key;
mod lanes;
pub mod layout;
mod migrations;
mod open;
mod postgres;
mod postgres_link;
mod postgres_writer;
mod rows;
mod signal;
mod sqlite;
mod sqlite_writer;
mod table;
mod vault;
mod writer;

pub use bounded::{Bounded, Names, Room};
pub use contract::{
    AuditCursor, AuditQuery, AuditRow, Batch, Change, Changes, CommitError, Expect, InvalidCursor, Record, Revision,
    Store, StoreError,
};
pub use feed::{Feed, Follower, Known, Moment, NotReached, Stale, Told};
pub use footing::{Footing, Footings};
pub use fresh::{Fresh, Invalidations, Ticket};
pub use key::{Key, Range};
pub use open::{Location, Tuning, open, open_with};
pub use table::{Entity, Reader, Tx};
pub use vault::Vault;
