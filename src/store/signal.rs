//! Wakes those who wait for a commit.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::contract::Revision;

/// What this process knows about the latest revision, without asking the database.
#[derive(Debug)]
pub(super) struct Signal {
    known: watch::Sender<u64>,
    /// Up to where somebody has been told, so that a commit between reading the feed and waiting for more is not slept through.
    told: AtomicU64,
}

/// Nobody waits longer than this, so that a wake-up that another waiter took away costs no more.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

impl Signal {
    pub(super) fn new() -> Self {
        Self { known: watch::Sender::new(0), told: AtomicU64::new(0) }
    }

    /// There is a commit with this revision.
    pub(super) fn committed(&self, revision: Revision) {
        self.known.send_if_modified(|known| {
            let newer = revision.0 > *known;
            *known = revision.0.max(*known);
            newer
        });
    }

    /// The feed has been read up to here.
    pub(super) fn told(&self, through: Revision) {
        self.committed(through);
        self.told.fetch_max(through.0, Ordering::AcqRel);
    }

    /// Waits for a commit that nobody has been told of, asking the database every `tick`.
    pub(super) async fn wait<F: Future<Output = Option<Revision>>>(&self, tick: Duration, ask: impl Fn() -> F) {
        let mut news = self.known.subscribe();
        let known = *news.borrow_and_update();
        if self.told.fetch_max(known, Ordering::AcqRel) < known {
            return;
        }
        let asking = async {
            let end = Instant::now() + LONGEST_WAIT;
            while Instant::now() < end {
                sleep(tick).await;
                if let Some(revision) = ask().await.filter(|revision| revision.0 > known) {
                    self.committed(revision);
                    self.told.fetch_max(revision.0, Ordering::AcqRel);
                    return;
                }
            }
        };
        tokio::select! {
            () = asking => {}
            _ = news.changed() => { self.told.fetch_max(*news.borrow(), Ordering::AcqRel); }
        }
    }
}
