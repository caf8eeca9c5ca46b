//! Why the store could not answer.

use super::key::Key;

/// Why the store could not answer. No message contains a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, does not answer in time, or is locked by somebody else. Trying again later may help. A commit that
    /// ends like this may or may not have happened, as a whole.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// Something that was read is not what was written.
    #[error("the store holds something unreadable at `{place}`: {detail}")]
    Corrupt {
        /// The record, in words.
        place: String,
        /// What is wrong with it.
        detail: String,
    },
    /// There is no room for what was to be written. Reading goes on.
    #[error("the store has no room left")]
    Full,
    /// A newer brevet has migrated this store.
    #[error("the store has schema version {found}, this version of brevet knows no later one than {known}")]
    SchemaTooNew {
        /// The store's schema version.
        found: i64,
        /// The latest that this binary knows.
        known: i64,
    },
    /// A record or its key is larger than a store takes.
    #[error("the record `{place}` is larger than {limit} bytes")]
    TooLarge {
        /// The record, in words.
        place: String,
        /// The limit that it exceeds.
        limit: usize,
    },
    /// The database refuses a statement: a missing permission, a table that somebody changed.
    #[error("the database refuses: {0}")]
    Refused(String),
    /// The store's location makes no sense.
    #[error("the store's location cannot be used: {0}")]
    Location(String),
}

impl StoreError {
    /// Something that was read at `place` is not what was written. `detail` must not quote what was read: it may be a secret.
    pub fn corrupt(place: &str, detail: &str) -> Self {
        Self::Corrupt { place: place.to_owned(), detail: detail.to_owned() }
    }

    pub(super) fn closed() -> Self {
        Self::Unavailable("it has been closed".to_owned())
    }

    pub(super) fn late(missing: &str) -> Self {
        Self::Unavailable(format!("no {missing} in time"))
    }
}

/// Why a batch was not committed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The record at this key is not what the batch expected. Nothing of the batch was written.
    #[error("`{0}` has been changed by somebody else")]
    Conflict(Key),
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Translates what the database driver says.
pub(super) fn from_driver(error: &sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            let said = format!("{} ({code})", database.message());
            match code.parse::<i32>() {
                Ok(number) if code.len() < 5 => from_sqlite(number, said),
                _ => from_sqlstate(&code, said),
            }
        }
        sqlx::Error::Configuration(_) => StoreError::Location("the database driver does not understand it".to_owned()),
        sqlx::Error::ColumnDecode { index, .. } => {
            StoreError::corrupt(&format!("column {index}"), "it has another type")
        }
        sqlx::Error::ColumnNotFound(name) => StoreError::corrupt(&format!("column {name}"), "it is missing"),
        sqlx::Error::RowNotFound => StoreError::corrupt("meta", "the row is missing"),
        other => StoreError::Unavailable(other.to_string()),
    }
}

/// Result codes of SQLite, the extended ones reduced to their primary code where that says enough.
fn from_sqlite(code: i32, said: String) -> StoreError {
    const SHMSIZE: i32 = 4_874;
    match (code, code & 0xff) {
        (_, 13) | (SHMSIZE, _) => StoreError::Full,
        (_, 11 | 26) => StoreError::Corrupt { place: "database file".to_owned(), detail: said },
        (_, 5 | 6 | 8 | 9 | 10 | 14) => StoreError::Unavailable(said),
        _ => StoreError::Refused(said),
    }
}

/// SQLSTATEs by class: `08` connection, `40` rolled back, `53` resources, `55` locks, `57` intervention, `58` system, `XX` internal.
fn from_sqlstate(code: &str, said: String) -> StoreError {
    match code.get(..2) {
        _ if code == "53100" => StoreError::Full,
        _ if matches!(code, "XX001" | "XX002") => StoreError::Corrupt { place: "database".to_owned(), detail: said },
        // The start of a session is refused with class 28 or 3D when the URL names a wrong user, password or database.
        Some("28" | "3D") => StoreError::Location(said),
        Some("08" | "25" | "40" | "53" | "55" | "57" | "58" | "XX") => StoreError::Unavailable(said),
        _ => StoreError::Refused(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_apart() {
        let said = || "x".to_owned();
        assert_eq!(from_sqlite(13, said()), StoreError::Full);
        assert!(matches!(from_sqlite(261, said()), StoreError::Unavailable(_)));
        assert!(matches!(from_sqlite(779, said()), StoreError::Corrupt { .. }));
        assert!(matches!(from_sqlite(1, said()), StoreError::Refused(_)));
        assert_eq!(from_sqlstate("53100", said()), StoreError::Full);
        assert!(matches!(from_sqlstate("57P01", said()), StoreError::Unavailable(_)));
        assert!(matches!(from_sqlstate("28P01", said()), StoreError::Location(_)));
        assert!(matches!(from_sqlstate("42P01", said()), StoreError::Refused(_)));
    }
}
