//! Follows the change feed, so that this broker forgets what another one has changed, and knows how old its knowledge is.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

use super::contract::{Change, Revision, Store, StoreError};
use super::fresh::{Invalidations, Ticket};
use super::key::Key;

/// Whoever must know what was written, and not only that it was: it reads it again before the feed counts as read.
#[async_trait]
pub trait Follower: Send + Sync {
    /// These records were written or deleted.
    ///
    /// # Errors
    /// They cannot be read; they are told again.
    async fn changed(&self, keys: &[Key]) -> Result<(), StoreError>;

    /// The feed has a gap: any record may have been written.
    ///
    /// # Errors
    /// As [`Follower::changed`].
    async fn anything_changed(&self) -> Result<(), StoreError>;
}

/// How far this broker has read the change feed.
pub struct Feed {
    store: Arc<dyn Store>,
    invalidations: Arc<Invalidations>,
    applied: AtomicU64,
    begun: Instant,
    /// When the feed was last read to its end, in nanoseconds since `begun`: looked at several times a request.
    confirmed: AtomicU64,
    bound: Duration,
    /// For how much longer than `bound` what is known counts, where something asks for no more than what is known.
    leeway: Duration,
    /// One at a time goes ahead of [`Feed::follow`].
    ahead: tokio::sync::Mutex<()>,
    keys: watch::Sender<u64>,
    /// Commits of this broker that the feed has not brought back yet: they are applied already.
    own: Mutex<BTreeSet<u64>>,
    follower: OnceLock<Arc<dyn Follower>>,
    /// Tells listeners what this broker knows and has forgotten the past of.
    news: broadcast::Sender<Arc<Told>>,
    /// Held while `applied` rises and that is told: a listener begins before or after both.
    telling: Mutex<()>,
}

/// A stretch of the change feed that this broker has applied.
#[derive(Debug)]
pub struct Told {
    /// It begins behind this revision.
    pub since: Revision,
    /// It ends with this one.
    pub through: Revision,
    /// What changed, in the order of commits; nothing is known of that where there is a gap.
    pub changes: Vec<Change>,
    /// Whether anything may have changed.
    pub gap: bool,
}

/// Stretches that wait for a listener; one that is further behind has missed some.
const TOLD: usize = 64;

/// What is known of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Every change up to this one is known.
    pub revision: Revision,
    /// Whether there may be later ones that are older than the staleness bound.
    pub degraded: bool,
}

impl Known {
    /// Knowledge within the staleness bound.
    pub fn recent(revision: Revision) -> Self {
        Self { revision, degraded: false }
    }
}

/// What is known at a moment; it lasts until anything more is heard of, be it of this broker's own commits.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    revision: Revision,
    ticket: Ticket,
}

/// Why a revision is not known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotReached {
    /// There has been no such commit yet.
    #[error("there is no revision {0} yet; the latest is {1}")]
    Unheard(Revision, Revision),
    /// The store did not tell of it in time.
    #[error("revision {0} is not known here yet; {1} is")]
    NotYet(Revision, Revision),
}

/// The change feed could not be read for longer than the staleness bound: decisions would be guesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store has not been reachable for longer than the staleness bound")]
pub struct Stale;

impl Feed {
    /// Starts at the store's present revision; caches must be empty now.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn begin(
        store: Arc<dyn Store>,
        invalidations: Arc<Invalidations>,
        bound: Duration,
        leeway: Duration,
    ) -> Result<Arc<Self>, StoreError> {
        let begun = Instant::now();
        let revision = store.revision().await?;
        Ok(Arc::new(Self {
            store,
            invalidations,
            applied: AtomicU64::new(revision.0),
            begun,
            confirmed: AtomicU64::new(0),
            bound,
            leeway,
            ahead: tokio::sync::Mutex::new(()),
            keys: watch::Sender::new(0),
            own: Mutex::new(BTreeSet::new()),
            follower: OnceLock::new(),
            news: broadcast::Sender::new(TOLD),
            telling: Mutex::new(()),
        }))
    }

    /// Lets somebody follow who has read its records after this feed began. There is one; a second is not heard.
    pub fn tell(&self, follower: Arc<dyn Follower>) {
        let _ = self.follower.set(follower);
    }

    /// The revision up to which every change is known here, if that is known to be recent.
    ///
    /// # Errors
    /// [`Stale`] when the feed has not been read within the staleness bound.
    pub fn revision(&self) -> Result<Revision, Stale> {
        if self.age() > self.bound {
            return Err(Stale);
        }
        Ok(Revision(self.applied.load(Ordering::Acquire)))
    }

    /// As [`Feed::revision`], and where the operator chose degraded service also what is older.
    ///
    /// # Errors
    /// [`Stale`] when the feed has not been read for longer than that too.
    pub fn known(&self) -> Result<Known, Stale> {
        let age = self.age();
        if age > self.bound + self.leeway {
            return Err(Stale);
        }
        let revision = Revision(self.applied.load(Ordering::Acquire));
        Ok(Known { revision, degraded: age > self.bound })
    }

    /// This moment: what is got ready in it is good for as long as it [lasts](Feed::lasts). One that begins while caches are about to
    /// forget what has changed does not last at all: some would be asked before, and some after.
    ///
    /// # Errors
    /// As [`Feed::known`].
    pub fn moment(&self) -> Result<Moment, Stale> {
        Ok(self.known_moment()?.0)
    }

    /// As [`Feed::moment`], however old what is known may be: for whoever asks [`Feed::known`] afterwards.
    pub fn present(&self) -> Moment {
        let ticket = self.invalidations.settled();
        Moment { revision: self.heard(), ticket }
    }

    /// As [`Feed::moment`], with what is known in it.
    ///
    /// # Errors
    /// As [`Feed::known`].
    pub fn known_moment(&self) -> Result<(Moment, Known), Stale> {
        // In this order: what is heard of in between ends the moment.
        let ticket = self.invalidations.settled();
        let known = self.known()?;
        Ok((Moment { revision: known.revision, ticket }, known))
    }

    /// Whether nothing more has been heard of since. A commit of this broker's ends a moment although its revision is known only once the
    /// feed has come by. That nothing was heard for longer than the staleness bound ends none: whoever decides asks [`Feed::known`].
    pub fn lasts(&self, moment: &Moment) -> bool {
        self.invalidations.quiet_since(moment.ticket) && self.heard() == moment.revision
    }

    /// Up to where changes were heard of, however long ago that may be.
    pub fn heard(&self) -> Revision {
        Revision(self.applied.load(Ordering::Acquire))
    }

    /// Whether every change up to `revision` is known here.
    pub fn has_applied(&self, revision: Revision) -> bool {
        self.heard() >= revision
    }

    /// Waits until every change up to `revision` is known here, for as long as `patience`; what is known then is at least that.
    ///
    /// # Errors
    /// There is no such revision, or the store did not tell of it in time.
    pub async fn reach(&self, revision: Revision, patience: Duration) -> Result<(), NotReached> {
        let applied = || Revision(self.applied.load(Ordering::Acquire));
        if applied() >= revision {
            return Ok(());
        }
        let read = async {
            let _first = self.ahead.lock().await;
            // Whoever was first may have read it.
            if applied() < revision { self.catch_up().await } else { Ok(()) }
        };
        match tokio::time::timeout(patience, read).await {
            Ok(Ok(())) if applied() >= revision => Ok(()),
            Ok(Ok(())) => Err(NotReached::Unheard(revision, applied())),
            Ok(Err(_)) | Err(_) => Err(NotReached::NotYet(revision, applied())),
        }
    }

    /// What has been applied by now is all that there was at `moment`.
    fn confirm(&self, moment: Instant) {
        let since = moment.saturating_duration_since(self.begun).as_nanos();
        self.confirmed.fetch_max(u64::try_from(since).unwrap_or(u64::MAX), Ordering::AcqRel);
    }

    /// The revision up to which every change is known here, and whatever is applied from now on.
    pub fn listen(&self) -> (Revision, broadcast::Receiver<Arc<Told>>) {
        let _telling = lock(&self.telling);
        (Revision(self.applied.load(Ordering::Acquire)), self.news.subscribe())
    }

    /// How long ago the feed was read to its end: everything that was written before is known, and was told to who listens.
    pub fn age(&self) -> Duration {
        self.begun.elapsed().saturating_sub(Duration::from_nanos(self.confirmed.load(Ordering::Acquire)))
    }

    /// How old what is known may be.
    pub fn bound(&self) -> Duration {
        self.bound
    }

    /// Changes its value whenever one of the keys that sign tokens may have changed.
    pub fn signing_key_changes(&self) -> watch::Receiver<u64> {
        self.keys.subscribe()
    }

    /// Applies what a commit of this broker wrote, before anybody is told that it succeeded.
    pub fn committed(&self, revision: Revision, keys: &[Key]) {
        self.apply(keys);
        // What the feed has passed already it does not bring back.
        if revision.0 > self.applied.load(Ordering::Acquire) {
            lock(&self.own).insert(revision.0);
        }
    }

    /// Reads the feed until it is cancelled. A store that cannot be reached is asked again until it answers.
    pub async fn follow(self: Arc<Self>) {
        loop {
            match self.catch_up().await {
                // Nothing may change for hours: reading again well within the bound shows that the store is still there.
                Ok(()) => {
                    let _ = tokio::time::timeout(self.bound / 4, self.store.changed()).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "the change feed cannot be read");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }

    /// Reads the feed to its present end.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        const PAGE: usize = 1_000;
        loop {
            let asked = Instant::now();
            let since = Revision(self.applied.load(Ordering::Acquire));
            let read = self.store.changes(since, PAGE).await?;
            let full = read.changes.len() >= PAGE;
            // Before anything else, so that what could not be followed is read from the feed once more.
            if let Some(follower) = self.follower.get() {
                if read.gap {
                    follower.anything_changed().await?;
                } else {
                    let keys: Vec<Key> = read.changes.iter().map(|change| change.key.clone()).collect();
                    follower.changed(&keys).await?;
                }
            }
            let heard = if self.news.receiver_count() > 0 { read.changes.clone() } else { Vec::new() };
            if read.gap {
                self.invalidations.apply_all();
                self.keys.send_modify(|count| *count += 1);
                lock(&self.own).clear();
            } else {
                let mut own = lock(&self.own);
                let others = read.changes.into_iter().filter(|change| !own.contains(&change.revision.0));
                let keys: Vec<Key> = others.map(|change| change.key).collect();
                *own = own.split_off(&(read.through.0 + 1));
                drop(own);
                self.apply(&keys);
            }
            {
                let _telling = lock(&self.telling);
                self.applied.fetch_max(read.through.0, Ordering::AcqRel);
                // Whoever began to listen since `heard` was gathered begins behind this, and takes no notice.
                if (read.gap || read.through > since) && self.news.receiver_count() > 0 {
                    let (through, gap) = (read.through, read.gap);
                    let _ = self.news.send(Arc::new(Told { since, through, changes: heard, gap }));
                }
            }
            if !full {
                self.confirm(asked);
                return Ok(());
            }
        }
    }

    fn apply(&self, keys: &[Key]) {
        if !keys.is_empty() {
            self.invalidations.apply(keys);
            self.tell_about_signing_keys(keys);
        }
    }

    fn tell_about_signing_keys(&self, keys: &[Key]) {
        let ranges = [super::layout::signing_keys(), super::layout::identity_keys()];
        if keys.iter().any(|key| ranges.iter().any(|range| range.contains(key))) {
            self.keys.send_modify(|count| *count += 1);
        }
    }
}

/// A panic while the lock was held leaves nothing half-done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("applied", &self.applied).field("bound", &self.bound).finish_non_exhaustive()
    }
}
