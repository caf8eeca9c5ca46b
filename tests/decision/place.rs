//! A store in a temporary folder, and a broker's authorizer on it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use brevet::decision::{Authorizer, Settings};
use brevet::ops::Roles;
use brevet::store::{Feed, Invalidations, Key, Location, Record, Revision, Store, Tuning, Tx, open_with};
use brevet::types::Realm;
use tempfile::TempDir;

/// As much of a broker as decides.
pub struct Decider {
    pub store: Arc<dyn Store>,
    pub feed: Arc<Feed>,
    pub authorizer: Authorizer,
    pub roles: Roles,
}

impl Decider {
    /// One that keeps at most so many principals.
    pub async fn on(store: Arc<dyn Store>, principals: u64) -> Self {
        let invalidations = Arc::new(Invalidations::default());
        let bound = Duration::from_secs(3_600);
        let feed = Feed::begin(Arc::clone(&store), Arc::clone(&invalidations), bound, Duration::ZERO).await;
        let feed = feed.expect("a feed");
        let realm = Realm::default();
        let settings = Settings { principals };
        Self {
            authorizer: Authorizer::new(Arc::clone(&store), realm.clone(), Arc::clone(&feed), &invalidations, settings),
            roles: Roles::new(Arc::clone(&store), realm, principals, &invalidations),
            feed,
            store,
        }
    }

    /// Commits as the pipeline does: what was written is known here before anybody hears of it.
    pub async fn commit(&self, tx: Tx) -> Revision {
        let keys = tx.written_keys();
        let revision = tx.commit().await.expect("a commit");
        self.feed.committed(revision, &keys);
        revision
    }
}

/// A file that several brokers have open.
pub struct Place {
    folder: TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    pub async fn open(&self) -> Arc<dyn Store> {
        // A machine that is busy with other things must not fail a test that is not about time.
        let tuning = Tuning { patience: Duration::from_secs(60), ..Tuning::default() };
        open_with(&Location::Sqlite(self.folder.path().join("brevet.db")), tuning).await.expect("a store")
    }
}

/// What is stored at these keys.
pub async fn records(store: &dyn Store, keys: &[Key]) -> BTreeMap<Key, Record> {
    let found = store.get_many(keys).await.expect("the records");
    found.into_iter().flatten().map(|record| (record.key.clone(), record)).collect()
}
