//! The keys of issuers, kept for a while: fetched once for all who wait, again when a token names a key that is not there, and not
//! more often than every few seconds whatever anybody sends.

use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio::sync::{Mutex as Flight, OwnedSemaphorePermit, Semaphore};

use super::fetch::{Fetcher, Source, UnusableFile};
use super::fetch_error::FetchError;
use crate::clock::Timestamp;
use crate::config::WebIdentity as Settings;
use crate::crypto::issuer_keys::IssuerKeys;
use crate::telemetry::names;
use crate::types::{AccountId, OidcIssuer};

/// Issuers whose keys are kept. Each takes some kilobytes, and at the most a hundred and fifty.
const KEPT: u64 = 1_000;
/// Seconds between two fetches of one issuer's keys, however they ended.
const PAUSE: i64 = 10;
/// Seconds for which keys that are too old are taken all the same while their issuer cannot be reached: four hours.
const GRACE: i64 = 4 * 3_600;
/// Fetches at once, and for one account: whoever makes providers of issuers that answer slowly keeps nobody else waiting.
const AT_ONCE: usize = 64;
const AT_ONCE_FOR_ONE: usize = 8;

/// Keeps issuers' keys.
pub struct Issuers {
    source: Arc<dyn Source>,
    lifetime: i64,
    known: Cache<String, Arc<Entry>>,
    all: Arc<Semaphore>,
    accounts: Cache<AccountId, Arc<Semaphore>>,
}

#[derive(Default)]
struct Entry {
    state: Mutex<State>,
    /// Whoever holds it fetches.
    flight: Arc<Flight<()>>,
}

#[derive(Default)]
struct State {
    keys: Option<(Arc<IssuerKeys>, Timestamp)>,
    /// When the last fetch began, and how it ended if it failed.
    tried: Option<(Timestamp, Option<FetchError>)>,
    /// Fetches that have ended.
    fetches: u64,
}

/// What is known without asking.
type Known = Result<Arc<IssuerKeys>, FetchError>;

impl Issuers {
    /// Keeps keys of the issuers that providers name, fetched as the settings say; none is fetched yet.
    ///
    /// # Errors
    /// A file that a setting names cannot be used.
    pub fn of(settings: &Settings) -> Result<Self, UnusableFile> {
        let lifetime = i64::try_from(settings.key_lifetime.as_secs()).unwrap_or(i64::MAX);
        Ok(Self::new(Arc::new(Fetcher::new(settings)?), lifetime))
    }

    /// Keeps keys from `source` for `lifetime` seconds.
    pub(super) fn new(source: Arc<dyn Source>, lifetime: i64) -> Self {
        Self { source, lifetime, known: recent(), all: Arc::new(Semaphore::new(AT_ONCE)), accounts: recent() }
    }

    /// The keys of an issuer, for a token that names `kid`. What a provider's thumbprints have let in is kept apart: an account may
    /// be careless about its own providers and not about others'.
    pub(super) async fn keys(
        &self,
        account: AccountId,
        issuer: &OidcIssuer,
        thumbprints: &[String],
        kid: Option<&str>,
        now: Timestamp,
    ) -> Known {
        let mut sorted: Vec<String> = thumbprints.iter().map(|thumbprint| thumbprint.to_ascii_lowercase()).collect();
        sorted.sort_unstable();
        let id = format!("{issuer} {}", sorted.join(","));
        let entry = self.known.get_with(id, Arc::default);
        let fetches = entry.state().fetches;
        if let Some(known) = entry.known(self.lifetime, kid, now, fetches) {
            return known;
        }
        let flight = Arc::clone(&entry.flight).lock_owned().await;
        // Whoever was here before has asked already.
        if let Some(known) = entry.known(self.lifetime, kid, now, fetches) {
            return known;
        }
        let Some(room) = self.room(account) else {
            // Strangers can make it so. Keys that are a little too old bridge it as they bridge an issuer's own trouble.
            return entry.bridging(self.lifetime, kid, now).ok_or(FetchError::Busy);
        };
        let (source, issuer, lifetime) = (Arc::clone(&self.source), issuer.clone(), self.lifetime);
        // In a task of its own: whoever asks and hangs up does not end what others wait for.
        let task = tokio::spawn(async move {
            let fetched = source.keys(&issuer, &sorted).await;
            let outcome = fetched.as_ref().map_or_else(FetchError::outcome, |_| "success");
            metrics::counter!(names::ISSUER_FETCHES, "outcome" => outcome).increment(1);
            if let Err(error) = &fetched {
                tracing::warn!(%issuer, %error, "the keys of an issuer could not be fetched");
            }
            let known = entry.learn(fetched, lifetime, now);
            drop((flight, room));
            known
        });
        task.await.unwrap_or_else(|_| Err(FetchError::Unreachable("fetching was interrupted".to_owned())))
    }

    fn room(&self, account: AccountId) -> Option<[OwnedSemaphorePermit; 2]> {
        let own = self.accounts.get_with(account, || Arc::new(Semaphore::new(AT_ONCE_FOR_ONE)));
        Some([own.try_acquire_owned().ok()?, Arc::clone(&self.all).try_acquire_owned().ok()?])
    }
}

impl Entry {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known; nothing where the issuer must be asked. A fetch that ended after the first `fetches` is new whenever it began:
    /// of an issuer that answers slowly those who wait would otherwise ask one after another, and wait ever longer.
    fn known(&self, lifetime: i64, kid: Option<&str>, now: Timestamp, fetches: u64) -> Option<Known> {
        let state = self.state();
        if let Some((keys, fetched)) = &state.keys
            && age(*fetched, now) < lifetime
            && keys.has(kid)
        {
            return Some(Ok(Arc::clone(keys)));
        }
        let (tried, error) = state.tried.as_ref()?;
        (age(*tried, now) < PAUSE || state.fetches != fetches).then(|| state.usable(lifetime, now, error.as_ref()))
    }

    /// Keys that are there for this token, while nobody may be asked.
    fn bridging(&self, lifetime: i64, kid: Option<&str>, now: Timestamp) -> Option<Arc<IssuerKeys>> {
        self.state().usable(lifetime, now, None).ok().filter(|keys| keys.has(kid))
    }

    fn learn(&self, fetched: Result<IssuerKeys, FetchError>, lifetime: i64, now: Timestamp) -> Known {
        let mut state = self.state();
        let error = match fetched {
            Ok(keys) => {
                state.keys = Some((Arc::new(keys), now));
                None
            }
            Err(error) => Some(error),
        };
        let known = state.usable(lifetime, now, error.as_ref());
        state.tried = Some((now, error));
        state.fetches = state.fetches.wrapping_add(1);
        known
    }
}

impl State {
    /// The keys that are there, unless they are so old that no trouble of the issuer's excuses them.
    fn usable(&self, lifetime: i64, now: Timestamp, error: Option<&FetchError>) -> Known {
        match &self.keys {
            Some((keys, fetched)) if age(*fetched, now) < lifetime.saturating_add(GRACE) => Ok(Arc::clone(keys)),
            _ => Err(error.cloned().unwrap_or_else(|| FetchError::Unreachable("its keys are too old".to_owned()))),
        }
    }
}

/// The entries that were used last. Were the often used ones kept instead, one account's many would keep others' out: who is not in here
/// is asked each time, and has all the room there is.
fn recent<K, V>() -> Cache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder().max_capacity(KEPT).eviction_policy(EvictionPolicy::lru()).build()
}

/// Seconds since `then`. A clock that was set back makes nothing older.
fn age(then: Timestamp, now: Timestamp) -> i64 {
    now.seconds().saturating_sub(then.seconds()).max(0)
}

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuers").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "issuers_tests.rs"]
mod tests;
