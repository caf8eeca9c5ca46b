//! Whoever follows the change feed and must know what was written: nothing counts as read that it could not follow.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use brevet::store::{Batch, Expect, Feed, Follower, Invalidations, Key, NotReached, Revision, Store, StoreError};

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
    let feed = Feed::begin(Arc::clone(&store), invalidations, Duration::from_secs(60), Duration::ZERO).await.unwrap();
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
async fn what_is_known_counts_for_longer_where_degraded_service_was_chosen() {
    let place = Place::sqlite();
    let store = place.open().await;
    let begin = |leeway| Feed::begin(Arc::clone(&store), Arc::default(), Duration::ZERO, leeway);
    let (strict, lenient) = (begin(Duration::ZERO).await.unwrap(), begin(Duration::from_secs(60)).await.unwrap());
    assert!(strict.revision().is_err() && strict.known().is_err());
    assert!(lenient.revision().is_err(), "the broker's own operations never take it");
    let known = lenient.known().unwrap();
    assert!(known.degraded);
    assert_eq!(known.revision, store.revision().await.unwrap());
}

#[tokio::test]
async fn whoever_demands_a_revision_gets_it_or_is_told_that_there_is_none() {
    let place = Place::sqlite();
    let store = place.open().await;
    let bound = Duration::from_secs(60);
    let feed = Feed::begin(Arc::clone(&store), Arc::default(), bound, Duration::ZERO).await.unwrap();
    let begun = feed.revision().unwrap();
    feed.reach(begun, Duration::ZERO).await.expect("what is known is known without waiting");
    let written = put(&store, "a").await;
    assert!(feed.revision().unwrap() < written, "nobody follows the feed here");
    let patience = Duration::from_secs(30);
    let (one, other) = tokio::join!(feed.reach(written, patience), feed.reach(written, patience));
    assert_eq!((one, other), (Ok(()), Ok(())));
    assert!(feed.revision().unwrap() >= written);
    let unheard = Revision(written.0 + 1);
    assert_eq!(feed.reach(unheard, patience).await, Err(NotReached::Unheard(unheard, written)));
}

#[tokio::test]
async fn a_follower_that_never_manages_makes_the_broker_refuse_to_decide() {
    let place = Place::sqlite();
    let store = place.open().await;
    let feed = Feed::begin(Arc::clone(&store), Arc::default(), Duration::ZERO, Duration::ZERO).await.unwrap();
    let follower = Arc::new(Reads { fails: AtomicBool::new(true), ..Reads::default() });
    feed.tell(follower as Arc<dyn Follower>);
    put(&store, "a").await;
    assert!(feed.catch_up().await.is_err());
    assert!(feed.revision().is_err());
}
