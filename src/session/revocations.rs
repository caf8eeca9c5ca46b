//! The revocations in force, in memory: every request with a session asks them, and none reads the store for it.
//!
//! They are read at the start and follow the change feed, which does not count as read before they have followed. As a revocation
//! is never taken back, only widened, what is known here is only added to, whatever order news arrive in; it goes when its time is
//! over. 100,000 of single sessions take some 4 MB.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use data_encoding::BASE32;

use super::Lineage;
use super::lineage::Link;
use super::revocation::{Revocation, Target};
use crate::clock::{Clock, Timestamp};
use crate::store::{CommitError, Follower, Key, Range, Reader, Store, StoreError, Tx, layout};
use crate::types::{AccessKeyId, AccountId};

/// What ends sessions before their time.
pub struct Revocations {
    store: Arc<dyn Store>,
    table: RwLock<Table>,
    learned: AtomicU64,
}

#[derive(Debug, Default)]
struct Table {
    sessions: HashMap<ShortKey, OfSession>,
    keys: HashMap<String, OfKey>,
    principals: HashMap<String, OfPrincipal>,
}

/// The 80 bits of a session's access key id.
type ShortKey = [u8; 10];

#[derive(Clone, Copy, Debug)]
struct OfSession {
    /// Seconds since the epoch, of which 32 bits last until 2106.
    ends: u32,
    descendants: bool,
}

#[derive(Debug)]
struct OfKey {
    account: AccountId,
    ends: Timestamp,
    until: Timestamp,
}

#[derive(Debug)]
struct OfPrincipal {
    account: AccountId,
    ends: Timestamp,
    until: Timestamp,
    descendants_until: Option<Timestamp>,
}

/// Records that are read at once.
const PAGE: usize = 1_000;
/// Records that one commit sweeps away.
const SWEPT_TOGETHER: usize = 256;

impl Revocations {
    /// Reads what is in force. The change feed must have begun before.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn load(store: Arc<dyn Store>) -> Result<Arc<Self>, StoreError> {
        let revocations = Arc::new(Self { store, table: RwLock::default(), learned: AtomicU64::new(0) });
        revocations.read_all().await?;
        Ok(revocations)
    }

    /// Knows of a revocation from now on. Whoever has committed one says so before anybody is told that it succeeded.
    pub fn learn(&self, revocation: &Revocation) {
        self.learn_all([revocation]);
    }

    /// Another number whenever something was revoked: what was found not to be with the number at hand was not, or the number has changed
    /// by the time that whoever revoked it is told so.
    pub fn generation(&self) -> u64 {
        self.learned.load(Ordering::Acquire)
    }

    /// Whether these credentials are revoked, or something is that they descend from and whose revocation reaches them.
    pub fn reach(&self, lineage: &Lineage) -> bool {
        self.read().reach(lineage)
    }

    /// When a session of `uid` may be issued by `maker` at `now`, so that no revocation until now reaches it: now, or in the next
    /// second where there was one in this. Whoever gets new credentials right after a revocation must not get dead ones.
    pub fn issue_time(&self, uid: &str, maker: Option<&Lineage>, now: Timestamp) -> Timestamp {
        let table = self.read();
        let own = table.principals.get(uid).map(|of| of.until);
        // What a session makes lives as long as that session is not revoked, whenever it is made.
        let maker = maker.map(Lineage::own).filter(|maker| maker.is_long_lived());
        let by_key = maker.and_then(|maker| table.keys.get(&maker.key)).map(|of| of.until);
        let by_uid = maker.and_then(|maker| table.principals.get(&maker.uid)).and_then(|of| of.descendants_until);
        let latest = [own, by_key, by_uid].into_iter().flatten().max();
        latest.map_or(now, |latest| now.max(latest.plus(1)))
    }

    /// Deletes what is of no use any more, here and in the store; gives how many records that were. Brokers that do it at the same
    /// time do not harm each other.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub async fn sweep(&self, now: Timestamp) -> Result<usize, StoreError> {
        let over = self.read().over(now);
        let mut deleted = 0;
        for some in over.chunks(SWEPT_TOGETHER) {
            let mut tx = Tx::new(Arc::clone(&self.store));
            let mut found = 0;
            for revocation in tx.get_many::<Revocation>(some).await? {
                // Another broker may have heard that it was widened.
                if revocation.ends <= now {
                    tx.delete(&revocation.target.place(revocation.account))?;
                    found += 1;
                }
            }
            if found > 0 {
                match tx.commit().await {
                    Ok(_) => deleted += found,
                    Err(CommitError::Conflict(_)) => continue,
                    Err(CommitError::Store(error)) => return Err(error),
                }
            }
        }
        self.write().forget_over(now);
        Ok(deleted)
    }

    /// Sweeps now and then, until it is cancelled.
    pub async fn tend(self: Arc<Self>, clock: Arc<dyn Clock>) {
        /// A record that stays some minutes longer costs nothing but its bytes.
        const EVERY: std::time::Duration = std::time::Duration::from_secs(600);
        loop {
            tokio::time::sleep(EVERY).await;
            match self.sweep(clock.now()).await {
                Ok(0) => {}
                Ok(deleted) => tracing::info!(deleted, "revocations whose time is over were deleted"),
                Err(error) => tracing::warn!(%error, "revocations whose time is over stay until the next time"),
            }
        }
    }

    async fn read_all(&self) -> Result<(), StoreError> {
        let mut range: Range = layout::revocations();
        loop {
            let page = Reader::new(Arc::clone(&self.store)).scan::<Revocation>(&range, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            range = range.after(last);
            self.learn_all(page.iter().map(|(_, revocation)| revocation));
        }
    }

    fn learn_all<'a>(&self, revocations: impl IntoIterator<Item = &'a Revocation>) {
        {
            let mut table = self.write();
            revocations.into_iter().for_each(|revocation| table.learn(revocation));
        }
        // Only now: whoever reads the number sees what it stands for.
        self.learned.fetch_add(1, Ordering::Release);
    }

    /// A panic while the lock was held leaves a table that knows less, or more, by one revocation.
    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Follower for Revocations {
    async fn changed(&self, keys: &[Key]) -> Result<(), StoreError> {
        let range = layout::revocations();
        let keys: Vec<Key> = keys.iter().filter(|key| range.contains(key)).cloned().collect();
        for some in keys.chunks(PAGE) {
            let found = Reader::new(Arc::clone(&self.store)).get_many::<Revocation>(some).await?;
            // What is not there any more was swept, and goes from here when its time is over.
            self.learn_all(&found);
        }
        Ok(())
    }

    async fn anything_changed(&self) -> Result<(), StoreError> {
        self.read_all().await
    }
}

impl Table {
    fn learn(&mut self, revocation: &Revocation) {
        let Revocation { account, ends, .. } = *revocation;
        match &revocation.target {
            Target::Session { key, descendants } => {
                let Some(short) = shortened(key.as_str()) else { return };
                let ends = u32::try_from(ends.seconds()).unwrap_or(u32::MAX);
                let of = self.sessions.entry(short).or_insert(OfSession { ends, descendants: *descendants });
                of.ends = of.ends.max(ends);
                of.descendants |= descendants;
            }
            Target::AccessKey { key, until } => {
                let of = self.keys.entry(key.to_string()).or_insert(OfKey { account, ends, until: *until });
                of.ends = of.ends.max(ends);
                of.until = of.until.max(*until);
            }
            Target::Principal { id, until, descendants_until, .. } => {
                let made = OfPrincipal { account, ends, until: *until, descendants_until: *descendants_until };
                let of = self.principals.entry(id.clone()).or_insert(made);
                of.ends = of.ends.max(ends);
                of.until = of.until.max(*until);
                of.descendants_until = of.descendants_until.max(*descendants_until);
            }
        }
    }

    fn reach(&self, lineage: &Lineage) -> bool {
        if self.sessions.is_empty() && self.keys.is_empty() && self.principals.is_empty() {
            return false;
        }
        let own = lineage.own();
        let is_itself = self.session(own).is_some() || self.key(own);
        let until = |uid: &str| self.principals.get(uid).map(|of| of.until);
        is_itself
            || until(&own.uid).is_some_and(|until| own.issued <= until)
            || lineage.before().iter().any(|link| {
                self.session(link).is_some_and(|of| of.descendants)
                    || self.key(link)
                    // A revoked session of a role must not have renewed itself where that was not known yet.
                    || link.uid == own.uid && until(&link.uid).is_some_and(|until| link.issued <= until)
                    || self.descendants(link)
            })
    }

    fn session(&self, link: &Link) -> Option<OfSession> {
        if link.is_long_lived() { None } else { self.sessions.get(&shortened(&link.key)?).copied() }
    }

    fn key(&self, link: &Link) -> bool {
        link.is_long_lived() && self.keys.get(&link.key).is_some_and(|of| link.issued <= of.until)
    }

    fn descendants(&self, link: &Link) -> bool {
        let of = self.principals.get(&link.uid);
        of.and_then(|of| of.descendants_until).is_some_and(|until| link.issued <= until)
    }

    /// Where the records lie whose time is over.
    fn over(&self, now: Timestamp) -> Vec<Key> {
        let second = u32::try_from(now.seconds()).unwrap_or(0);
        let sessions = self.sessions.iter().filter(|(_, of)| of.ends <= second).filter_map(|(short, _)| {
            let key: AccessKeyId = format!("ASIA{}", BASE32.encode(short)).parse().ok()?;
            Some(layout::revocation(key.account()?, "session", key.as_str()))
        });
        let keys = self.keys.iter().filter(|(_, of)| of.ends <= now);
        let keys = keys.map(|(key, of)| layout::revocation(of.account, "access-key", key));
        let principals = self.principals.iter().filter(|(_, of)| of.ends <= now);
        let principals = principals.map(|(id, of)| layout::revocation(of.account, "principal", id));
        sessions.chain(keys).chain(principals).collect()
    }

    fn forget_over(&mut self, now: Timestamp) {
        let second = u32::try_from(now.seconds()).unwrap_or(0);
        self.sessions.retain(|_, of| of.ends > second);
        self.keys.retain(|_, of| of.ends > now);
        self.principals.retain(|_, of| of.ends > now);
    }
}

/// The bits of a session's access key id; `None` for what no session is called.
fn shortened(key: &str) -> Option<ShortKey> {
    let bits = BASE32.decode(key.strip_prefix("ASIA")?.as_bytes()).ok()?;
    bits.as_slice().try_into().ok()
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocations").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "revocations_tests.rs"]
mod tests;
