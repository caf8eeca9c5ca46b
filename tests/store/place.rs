//! Where a test keeps its records: a fresh SQLite file or PostgreSQL database, that several brokers may open.

use std::sync::Arc;
use std::time::Duration;

use brevet::store::{AuditRow, Batch, Expect, Key, Location, Record, Revision, Store, StoreError, Tuning, open_with};
use brevet::types::SecretText;
use tempfile::TempDir;

/// A machine that is busy with other things must not fail a test that is not about time.
pub const PATIENT: Tuning = Tuning { feed_revisions: 100_000, sqlite_pages: None, patience: Duration::from_secs(60) };

pub struct Place {
    pub location: Location,
    _directory: Option<TempDir>,
}

impl Place {
    pub fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(directory.path().join("brevet.db"));
        Self { location, _directory: Some(directory) }
    }

    pub async fn postgres() -> Self {
        let url = crate::server::database().await;
        Self { location: Location::Postgres(SecretText::new(url)), _directory: None }
    }

    pub async fn open(&self) -> Arc<dyn Store> {
        self.open_with(PATIENT).await.unwrap()
    }

    pub async fn open_with(&self, tuning: Tuning) -> Result<Arc<dyn Store>, StoreError> {
        open_with(&self.location, tuning).await
    }

    /// What a child process must know to open the same place.
    pub fn text(&self) -> String {
        match &self.location {
            Location::Sqlite(path) => path.display().to_string(),
            Location::Postgres(url) => url.expose().to_owned(),
        }
    }

    pub fn of_text(text: &str) -> Location {
        match text.starts_with("postgres://") {
            true => Location::Postgres(SecretText::new(text)),
            false => Location::Sqlite(text.into()),
        }
    }
}

pub fn key(name: &str) -> Key {
    Key::of(&["test", name])
}

pub fn put(name: &str, expect: Expect, body: &str) -> Batch {
    Batch { puts: vec![(key(name), expect, body.as_bytes().to_vec())], ..Batch::default() }
}

pub fn delete(name: &str, expect: Expect) -> Batch {
    Batch { deletes: vec![(key(name), expect)], ..Batch::default() }
}

pub fn event(id: &str, time: i64, account: &str) -> AuditRow {
    AuditRow { id: id.to_owned(), time, account: account.to_owned(), body: format!("{{\"id\":\"{id}\"}}").into_bytes() }
}

pub fn names(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| record.key.parts().unwrap().pop().unwrap()).collect()
}

pub async fn body(store: &dyn Store, name: &str) -> Option<String> {
    store.get(&key(name)).await.unwrap().map(|record| String::from_utf8(record.body).unwrap())
}

pub async fn version(store: &dyn Store, name: &str) -> Option<Revision> {
    store.get(&key(name)).await.unwrap().map(|record| record.version)
}
