//! The one door through which password hashing leaves the async threads: Argon2id takes 15 ms and 19 MiB.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::clock::Random;
use crate::crypto::password::{self, PasswordHash};
use crate::types::SecretText;

/// Hashes and checks passwords on a bounded number of threads; further callers wait in line.
#[derive(Debug, Clone)]
pub struct Passwords {
    places: Arc<Semaphore>,
    random: Arc<dyn Random>,
}

/// The hash could not be made: the runtime is shutting down, or the machine has no memory.
#[derive(Debug, thiserror::Error)]
#[error("the password could not be hashed: {0}")]
pub struct HashingFailed(String);

impl Passwords {
    /// At most `places` hashes at once; each takes 19 MiB for its 15 ms.
    pub fn new(places: usize, random: Arc<dyn Random>) -> Self {
        Self { places: Arc::new(Semaphore::new(places.max(1))), random }
    }

    /// The Argon2id hash of a new password.
    ///
    /// # Errors
    /// [`HashingFailed`].
    pub async fn hash(&self, password: SecretText) -> Result<PasswordHash, HashingFailed> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|e| HashingFailed(e.to_string()))?;
        let random = Arc::clone(&self.random);
        let work = tokio::task::spawn_blocking(move || {
            let hash = password::hash(&password, &*random);
            drop(place);
            hash
        });
        match work.await {
            Ok(Ok(hash)) => Ok(hash),
            Ok(Err(error)) => Err(HashingFailed(error.to_string())),
            Err(error) => Err(HashingFailed(error.to_string())),
        }
    }
}
