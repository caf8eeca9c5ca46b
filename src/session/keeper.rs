//! Keeps the key ring: reads it from the store, makes the first key, rotates, and follows what other brokers change.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{KeyRing, KeyRingError, Previous, RingKey, RingKeyMaterial, RingRecord, RotationPolicy, Step};
use crate::clock::{Clock, Random};
use crate::crypto::alg::SigningAlg;
use crate::crypto::signing_key::KeyError;
use crate::store::{CommitError, Key, Revision, Store, StoreError, Tx, Vault, layout};

/// Holds the present key ring of this broker.
pub struct Keeper {
    ring: RwLock<Arc<KeyRing>>,
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
    /// The `iss` of every token.
    pub issuer: String,
    /// What new keys sign with.
    pub algorithm: SigningAlg,
    /// How often keys change.
    pub policy: RotationPolicy,
}

/// Why the ring cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The store does not answer, or a key does not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key's material is not what its record says.
    #[error(transparent)]
    Ring(#[from] KeyRingError),
    /// A new key could not be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Other brokers changed the ring again and again at the same time.
    #[error("the key ring is being changed by others")]
    Contended,
}

/// Every change of the ring writes this record too, so that two brokers never carry out two plans at once.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct RingChanges {
    count: u64,
}

/// How often the plan is looked at.
const TEND_EVERY: Duration = Duration::from_secs(60);
/// How often a plan is made again when another broker was faster.
const TRIES: usize = 5;

impl Keeper {
    /// Reads the ring; makes its first key when there is none.
    ///
    /// # Errors
    /// [`KeeperError`].
    pub async fn open(parts: Parts) -> Result<Self, KeeperError> {
        let empty = KeyRing::new(parts.issuer.as_str(), Vec::new())?;
        let keeper = Self { ring: RwLock::new(Arc::new(empty)), parts };
        keeper.reload().await?;
        keeper.carry_out_plan().await?;
        Ok(keeper)
    }

    /// The present ring.
    pub fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the ring again.
    ///
    /// # Errors
    /// [`KeeperError`]; the ring stays what it was.
    pub async fn reload(&self) -> Result<(), KeeperError> {
        let mut tx = Tx::new(Arc::clone(&self.parts.store));
        let ring = Arc::new(self.read(&mut tx).await?);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        Ok(())
    }

    /// Lets the next key sign now; where the old keys are dropped, a new one. Gives the revision of the change.
    ///
    /// # Errors
    /// [`KeeperError`].
    pub async fn rotate(&self, previous: Previous) -> Result<Revision, KeeperError> {
        let policy = self.parts.policy;
        let plan = |ring: &KeyRing, now| super::rotate_now(ring, now, &policy, previous);
        let revision = self.change(plan).await?.unwrap_or(Revision(0));
        self.carry_out_plan().await?;
        Ok(revision)
    }

    /// Follows other brokers' changes and rotates when it is time, until it is cancelled.
    pub async fn tend(self: Arc<Self>, mut changes: watch::Receiver<u64>) {
        loop {
            let told = tokio::time::timeout(TEND_EVERY, changes.changed()).await;
            if let Ok(Err(_)) = told {
                return;
            }
            let tended = match self.reload().await {
                Ok(()) => self.carry_out_plan().await,
                Err(error) => Err(error),
            };
            if let Err(error) = tended {
                tracing::error!(%error, "the key ring cannot be tended");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }

    async fn carry_out_plan(&self) -> Result<(), KeeperError> {
        let policy = self.parts.policy;
        // A plan that is carried out may call for another: a new ring's only key needs a successor.
        while self.change(|ring, now| super::plan_rotation(ring, now, &policy)).await?.is_some() {}
        Ok(())
    }

    async fn change(
        &self,
        plan: impl Fn(&KeyRing, crate::clock::Timestamp) -> Vec<Step> + Send,
    ) -> Result<Option<Revision>, KeeperError> {
        for _ in 0..TRIES {
            let now = self.parts.clock.now();
            let mut tx = Tx::new(Arc::clone(&self.parts.store));
            let count_key = Key::of(&["signing-key-changes"]);
            let mut changes = tx.get::<RingChanges>(&count_key).await?.unwrap_or_default();
            let ring = self.read(&mut tx).await?;
            let steps = plan(&ring, now);
            if steps.is_empty() {
                return Ok(None);
            }
            for step in steps {
                self.stage(&mut tx, step).await?;
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

    async fn stage(&self, tx: &mut Tx, step: Step) -> Result<(), KeeperError> {
        let now = self.parts.clock.now();
        match step {
            Step::Generate { not_before } => {
                let material = RingKeyMaterial::generate(self.parts.algorithm, &*self.parts.random)?;
                let key = RingKey::new(self.parts.algorithm, &material, now, not_before, None)?;
                let place = format!("signing-key/{}", key.kid());
                let sealed = self.parts.vault.seal_for_installation(&place, material.to_bytes().expose())?;
                tx.create(&layout::signing_key(key.kid()), &key.to_record(sealed))?;
                tracing::info!(kid = key.kid(), %not_before, "new signing key");
            }
            Step::Begin { kid, not_before } => {
                let key = layout::signing_key(&kid);
                if let Some(mut record) = tx.get::<RingRecord>(&key).await? {
                    record.not_before = not_before;
                    tx.put(&key, &record)?;
                    tracing::info!(kid, %not_before, "signing key begins");
                }
            }
            Step::Retire { kid, after } => {
                let key = layout::signing_key(&kid);
                if let Some(mut record) = tx.get::<RingRecord>(&key).await? {
                    record.retire_after = Some(after);
                    tx.put(&key, &record)?;
                    tracing::info!(kid, %after, "signing key retires");
                }
            }
            Step::Remove { kid } => {
                tx.delete(&layout::signing_key(&kid))?;
                tracing::info!(kid, "signing key removed");
            }
        }
        Ok(())
    }

    async fn read(&self, tx: &mut Tx) -> Result<KeyRing, KeeperError> {
        /// More keys than any rotation leaves; a ring of more was not made by this program.
        const MOST_KEYS: usize = 1_000;
        let records = tx.scan::<RingRecord>(&layout::signing_keys(), MOST_KEYS).await?;
        let mut keys = Vec::with_capacity(records.len());
        for (_, record) in records {
            let place = format!("signing-key/{}", record.kid);
            let bytes = self.parts.vault.open_for_installation(&place, &record.material)?;
            keys.push(RingKey::from_record(&record, &RingKeyMaterial::from_bytes(&bytes)?)?);
        }
        Ok(KeyRing::new(self.parts.issuer.as_str(), keys)?)
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("issuer", &self.parts.issuer).finish_non_exhaustive()
    }
}
