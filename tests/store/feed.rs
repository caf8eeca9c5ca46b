//! Whoever follows the change feed and must know what was written: nothing counts as read that it could not follow.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use brevet::store::{Batch, Expect, Feed, Follower, Invalidations, Key, Revision, Store, StoreError};

use crate::place::{Place, key};

#[derive(Default)]
struct Reads {
    fails: AtomicBool,
    told: Mutex<Vec<Key>>,
}

#[async_trait]
impl Follower for Reads {
    async fn changed(&self, keys: &[Key]) -> Result<(), StoreError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("as the test wants it".to_owned()));
        }
        self.told.lock().unwrap().extend_from_slice(keys);
        Ok(())
    }

    async fn anything_changed(&self) -> Result<(), StoreError> {
        self.changed(&[]).await
    }
}

async fn put(store: &Arc<dyn Store>, name: &str) -> Revision {
    let puts = vec![(key(name), Expect::Any, b"{}".to_vec())];
    store.commit(Batch { puts, ..Batch::default() }).await.unwrap()
}

#[tokio::test]
async fn what_the_follower_could_not_read_is_told_again_and_does_not_count_as_read() {
    let place = Place::sqlite();
    let store = place.open().await;
    let invalidations = Arc::new(Invalidations::default());
    let feed = Feed::begin(Arc::clone(&store), invalidations, Duration::from_secs(60)).await.unwrap();
    let follower = Arc::new(Reads::default());
    feed.tell(Arc::clone(&follower) as Arc<dyn Follower>);
    let before = feed.revision().unwrap();
    let first = put(&store, "a").await;
    follower.fails.store(true, Ordering::SeqCst);
    assert!(feed.catch_up().await.is_err());
    assert_eq!(feed.revision().unwrap(), before);
    let second = put(&store, "b").await;
    // What this broker has committed by itself is told too: its follower may not know what it was.
    feed.committed(second, &[key("b")]);
    follower.fails.store(false, Ordering::SeqCst);
    feed.catch_up().await.unwrap();
    assert_eq!(*follower.told.lock().unwrap(), [key("a"), key("b")]);
    assert!(feed.revision().unwrap() >= second && second > first);
}

#[tokio::test]
async fn a_follower_that_never_manages_makes_the_broker_refuse_to_decide() {
    let place = Place::sqlite();
    let store = place.open().await;
    let feed = Feed::begin(Arc::clone(&store), Arc::default(), Duration::ZERO).await.unwrap();
    let follower = Arc::new(Reads { fails: AtomicBool::new(true), ..Reads::default() });
    feed.tell(follower as Arc<dyn Follower>);
    put(&store, "a").await;
    assert!(feed.catch_up().await.is_err());
    assert!(feed.revision().is_err());
}
