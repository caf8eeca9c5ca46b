//! Keeps the key rings: reads them from the store, makes the first keys, rotates, and follows what other brokers change.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::identity_keys::IdentityKeys;
use super::key_family::KeyFamily;
use super::rings::{ReadError, Rings};
use super::{KeyRing, KeyRingError, Previous, RingKey, RingKeyMaterial, RingRecord, RotationPolicy, Step};
use crate::clock::{Clock, Random, Timestamp};
use crate::crypto::alg::SigningAlg;
use crate::crypto::signing_key::{KeyError, SigningKey};
use crate::store::{CommitError, Key, Revision, Store, StoreError, Tx, Vault};
use crate::telemetry::names;

/// Holds the present key rings of this broker.
pub struct Keeper {
    rings: RwLock<Arc<Rings>>,
    /// How often they were read.
    read: AtomicU64,
    parts: Parts,
}

/// What a keeper needs.
#[derive(Clone)]
pub struct Parts {
    /// Where the keys are.
    pub store: Arc<dyn Store>,
    /// Opens them.
    pub vault: Arc<Vault>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// The `iss` of session tokens.
    pub issuer: String,
    /// What new keys of session tokens sign with.
    pub algorithm: SigningAlg,
    /// How often keys change.
    pub policy: RotationPolicy,
    /// The operator's RSA keys for web identity tokens; the first signs.
    pub rsa: Vec<SigningKey>,
}

/// Why the rings cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys are no ring.
    #[error(transparent)]
    Ring(#[from] KeyRingError),
    /// A new key could not be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A record is no key that this broker can use; the others are in use.
    #[error(
        "the signing key {kid} cannot be used: {cause}; if nothing can be done about it, remove it: brevet keys remove {kid}"
    )]
    Unreadable {
        /// Its name.
        kid: String,
        /// What is wrong.
        cause: String,
    },
    /// There is no key of this name.
    #[error("there is no signing key {0}")]
    Unknown(String),
    /// The key is not the store's.
    #[error("{0} is a key of `sessions.rsa_keys`: take it out of the settings of every broker, and restart them")]
    Operators(String),
    /// Other brokers changed the rings again and again at the same time.
    #[error("the key ring is being changed by others")]
    Contended,
}

impl From<ReadError> for KeeperError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) => Self::Store(error),
            ReadError::Ring(error) => Self::Ring(error),
        }
    }
}

/// Every change of a ring writes this record too, so that two brokers never carry out two plans at once.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct RingChanges {
    count: u64,
}

/// How long it takes until the rings are looked at again that could not be read or changed.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How often a plan is made again when another broker was faster.
const TRIES: usize = 20;

impl Keeper {
    /// Reads the rings; makes the first key of each that has none.
    ///
    /// # Errors
    /// [`KeeperError`]; also when a single key cannot be used.
    pub async fn open(parts: Parts) -> Result<Self, KeeperError> {
        let keeper = Self::find(parts).await?;
        keeper.all_readable()?;
        keeper.carry_out_plan().await?;
        Ok(keeper)
    }

    /// Reads the rings and changes nothing. Keys that cannot be used are among [`Rings::unreadable`].
    ///
    /// # Errors
    /// [`KeeperError`].
    pub async fn find(parts: Parts) -> Result<Self, KeeperError> {
        let keeper =
            Self { rings: RwLock::new(Arc::new(Rings::empty(&parts.issuer)?)), read: AtomicU64::new(0), parts };
        keeper.reload().await?;
        Ok(keeper)
    }

    /// The present keys of session tokens.
    pub fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(self.rings().sessions())
    }

    /// The present keys of web identity tokens.
    pub fn identity(&self) -> Arc<IdentityKeys> {
        Arc::clone(self.rings().identity())
    }

    /// All present rings.
    pub fn rings(&self) -> Arc<Rings> {
        Arc::clone(&self.rings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Another number whenever the present rings are others: what was found out with the number at hand was found out with these, or
    /// the number has changed by the time that whoever changed them is done.
    pub fn generation(&self) -> u64 {
        self.read.load(Ordering::Acquire)
    }

    /// Reads the rings again.
    ///
    /// # Errors
    /// [`KeeperError`]. The rings stay what they were while the store cannot be reached, when nothing is decided either. When it
    /// answers and what it answers cannot be read, they are empty: a key that was removed must not live on.
    pub async fn reload(&self) -> Result<(), KeeperError> {
        let mut tx = Tx::new(Arc::clone(&self.parts.store));
        match self.read(&mut tx).await {
            Ok(rings) => {
                self.set(rings);
                Ok(())
            }
            Err(error) => {
                if !matches!(error, KeeperError::Store(StoreError::Unavailable(_) | StoreError::Full)) {
                    self.set(Rings::empty(&self.parts.issuer)?);
                }
                Err(error)
            }
        }
    }

    /// Lets the next key of every ring sign now; where the old keys are dropped, a new one. Gives the revision of the change.
    ///
    /// # Errors
    /// [`KeeperError`].
    pub async fn rotate(&self, previous: Previous) -> Result<Revision, KeeperError> {
        let sessions = self.parts.policy;
        let plan = |rings: &Rings, now| {
            let rotated = rings.all().flat_map(|(family, ring)| {
                let steps = super::rotate_now(ring, now, &family.policy(&sessions), previous);
                steps.into_iter().map(move |step| (family, step))
            });
            let damaged = rings.unreadable().iter().filter(|_| previous == Previous::DropAtOnce);
            let damaged = damaged.map(|key| (key.family, Step::Remove { kid: key.kid.clone() }));
            rotated.chain(damaged).collect()
        };
        let revision = self.change(plan).await?.unwrap_or(Revision(0));
        self.carry_out_plan().await?;
        Ok(revision)
    }

    /// Removes one key: nothing that it signed verifies any more. If it was the one that signed, the next key signs now.
    ///
    /// # Errors
    /// [`KeeperError`].
    pub async fn remove(&self, kid: &str) -> Result<(), KeeperError> {
        let plan = |rings: &Rings, now| {
            let removed = rings.all().flat_map(|(family, ring)| {
                super::remove_now(ring, now, kid).into_iter().map(move |step| (family, step))
            });
            let damaged = rings.unreadable().iter().filter(|key| key.kid == kid);
            let damaged = damaged.map(|key| (key.family, Step::Remove { kid: key.kid.clone() }));
            removed.chain(damaged).collect()
        };
        if self.identity().rsa().iter().any(|key| key.kid() == kid) {
            return Err(KeeperError::Operators(kid.to_owned()));
        }
        self.change(plan).await?.ok_or_else(|| KeeperError::Unknown(kid.to_owned()))?;
        self.carry_out_plan().await
    }

    /// Follows other brokers' changes and rotates when it is time, until it is cancelled. The time is looked at every `look_every`.
    pub async fn tend(self: Arc<Self>, mut changes: watch::Receiver<u64>, look_every: Duration) {
        let mut wait = look_every;
        loop {
            self.measure();
            if let Ok(Err(_)) = tokio::time::timeout(wait, changes.changed()).await {
                return;
            }
            wait = match self.look().await {
                Ok(()) => look_every,
                Err(error) => {
                    metrics::counter!(names::SIGNING_KEY_FAILURES).increment(1);
                    tracing::error!(%error, "the key rings cannot be tended");
                    AGAIN_AFTER.min(look_every)
                }
            };
        }
    }

    async fn look(&self) -> Result<(), KeeperError> {
        self.reload().await?;
        self.carry_out_plan().await
    }

    fn measure(&self) {
        for (family, algorithm, seconds) in self.rings().ages(self.parts.clock.now()) {
            // Ages are far below what an f64 counts exactly.
            #[expect(clippy::cast_precision_loss, reason = "seconds since a key began")]
            let age = seconds as f64;
            metrics::gauge!(names::SIGNING_KEY_AGE, "use" => family.name(), "algorithm" => algorithm.name()).set(age);
        }
    }

    async fn carry_out_plan(&self) -> Result<(), KeeperError> {
        let sessions = self.parts.policy;
        let plan = |rings: &Rings, now| {
            let steps = rings.all().flat_map(|(family, ring)| {
                let steps = super::plan_rotation(ring, now, &family.policy(&sessions));
                steps.into_iter().map(move |step| (family, step))
            });
            steps.collect()
        };
        // What cannot be read is not planned around: the key that is missing may be the very one that signs next.
        self.all_readable()?;
        // A plan that is carried out may call for another: a new ring's only key needs a successor.
        while self.change(plan).await?.is_some() {
            self.all_readable()?;
        }
        Ok(())
    }

    fn all_readable(&self) -> Result<(), KeeperError> {
        match self.rings().unreadable() {
            [] => Ok(()),
            [key, ..] => Err(KeeperError::Unreadable { kid: key.kid.clone(), cause: key.cause.clone() }),
        }
    }

    async fn change(
        &self,
        plan: impl Fn(&Rings, Timestamp) -> Vec<(KeyFamily, Step)> + Send,
    ) -> Result<Option<Revision>, KeeperError> {
        for _ in 0..TRIES {
            let now = self.parts.clock.now();
            let mut tx = Tx::new(Arc::clone(&self.parts.store));
            let count_key = Key::of(&["signing-key-changes"]);
            let mut changes = tx.get::<RingChanges>(&count_key).await?.unwrap_or_default();
            let rings = self.read(&mut tx).await?;
            let steps = plan(&rings, now);
            if steps.is_empty() {
                return Ok(None);
            }
            for (family, step) in steps {
                self.stage(&mut tx, family, step, now).await?;
            }
            changes.count += 1;
            tx.put(&count_key, &changes)?;
            match tx.commit().await {
                Ok(revision) => {
                    self.reload().await?;
                    return Ok(Some(revision));
                }
                Err(CommitError::Conflict(_)) => continue,
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(KeeperError::Contended)
    }

    async fn stage(&self, tx: &mut Tx, family: KeyFamily, step: Step, now: Timestamp) -> Result<(), KeeperError> {
        let signs = family.name();
        match step {
            Step::Generate { not_before } => {
                let algorithm = family.algorithm(self.parts.algorithm);
                let material = RingKeyMaterial::generate(algorithm, &*self.parts.random)?;
                let key = RingKey::new(algorithm, &material, now, not_before, None)?;
                let place = family.place(key.kid());
                let sealed = self.parts.vault.seal_for_installation(&place, material.to_bytes().expose())?;
                tx.create(&family.key(key.kid()), &key.to_record(sealed))?;
                tracing::info!(kid = key.kid(), signs, %algorithm, %not_before, "new signing key");
            }
            Step::Begin { kid, not_before } => {
                let key = family.key(&kid);
                if let Some(mut record) = tx.get::<RingRecord>(&key).await? {
                    record.not_before = not_before;
                    tx.put(&key, &record)?;
                    tracing::info!(kid, signs, %not_before, "signing key begins");
                }
            }
            Step::Retire { kid, after } => {
                let key = family.key(&kid);
                if let Some(mut record) = tx.get::<RingRecord>(&key).await? {
                    record.retire_after = Some(after);
                    tx.put(&key, &record)?;
                    tracing::info!(kid, signs, %after, "signing key retires");
                }
            }
            Step::Remove { kid } => {
                tx.delete(&family.key(&kid))?;
                tracing::info!(kid, signs, "signing key removed");
            }
        }
        Ok(())
    }

    async fn read(&self, tx: &mut Tx) -> Result<Rings, KeeperError> {
        Ok(Rings::read(tx, &self.parts.vault, &self.parts.issuer, &self.parts.rsa).await?)
    }

    fn set(&self, rings: Rings) {
        *self.rings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rings);
        self.read.fetch_add(1, Ordering::AcqRel);
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("issuer", &self.parts.issuer).finish_non_exhaustive()
    }
}
