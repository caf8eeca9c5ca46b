//! The one door through which password hashing leaves the async threads: Argon2id takes 15 ms and 19 MiB.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::clock::Random;
use crate::crypto::password::{self, PasswordHash, Verdict};
use crate::types::SecretText;

/// Hashes and checks passwords on a bounded number of threads; further callers wait in line.
#[derive(Debug, Clone)]
pub struct Passwords {
    places: Arc<Semaphore>,
    /// Who compares a password with many hashes takes one of these first. There are half as many as places, so that however many
    /// change their passwords, those who sign in find a place.
    comparisons: Arc<Semaphore>,
    random: Arc<dyn Random>,
}

/// The hash could not be made: the runtime is shutting down, or the machine has no memory.
#[derive(Debug, thiserror::Error)]
#[error("the password could not be hashed: {0}")]
pub struct HashingFailed(String);

impl Passwords {
    /// At most `places` hashes at once; each takes 19 MiB for its 15 ms.
    pub fn new(places: usize, random: Arc<dyn Random>) -> Self {
        let semaphore = |count: usize| Arc::new(Semaphore::new(count.max(1)));
        Self { places: semaphore(places), comparisons: semaphore(places / 2), random }
    }

    /// The Argon2id hash of a new password.
    ///
    /// # Errors
    /// [`HashingFailed`].
    pub async fn hash(&self, password: SecretText) -> Result<PasswordHash, HashingFailed> {
        let random = Arc::clone(&self.random);
        let hash = self.run(move || password::hash(&password, &*random)).await?;
        hash.map_err(|error| HashingFailed(error.to_string()))
    }

    /// Whether a password is the one that was hashed.
    ///
    /// # Errors
    /// [`HashingFailed`].
    pub async fn verify(&self, password: SecretText, hash: PasswordHash) -> Result<bool, HashingFailed> {
        let verdict = self.run(move || hash.verify(&password)).await?;
        Ok(verdict != Verdict::Mismatch)
    }

    /// Whether a password is one of several that were hashed. Each comparison waits in line by itself, so that a long list keeps
    /// nobody waiting for longer than one of them takes.
    ///
    /// # Errors
    /// [`HashingFailed`].
    pub async fn is_among(&self, password: &SecretText, hashes: &[PasswordHash]) -> Result<bool, HashingFailed> {
        let _comparison = self.comparisons.acquire().await.map_err(|e| HashingFailed(e.to_string()))?;
        for hash in hashes {
            if self.verify(password.clone(), hash.clone()).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, HashingFailed> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|e| HashingFailed(e.to_string()))?;
        let work = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(place);
            done
        });
        work.await.map_err(|error| HashingFailed(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRandom;

    #[tokio::test]
    async fn a_password_is_found_among_others_and_signing_in_waits_for_no_long_list() {
        let passwords = Passwords::new(2, Arc::new(SystemRandom));
        let text = |text: &str| SecretText::new(text);
        let mut hashes = Vec::new();
        for former in ["one", "two", "three"] {
            hashes.push(passwords.hash(text(former)).await.expect("hashed"));
        }
        assert!(passwords.is_among(&text("three"), &hashes).await.expect("compared"));
        assert!(!passwords.is_among(&text("four"), &hashes).await.expect("compared"));
        assert!(!passwords.is_among(&text("one"), &[]).await.expect("compared"));
        // While somebody holds the one place for comparisons, others still check a password, and do not compare.
        let held = passwords.comparisons.acquire().await.expect("free");
        assert!(passwords.verify(text("one"), hashes[0].clone()).await.expect("checked"));
        assert!(!passwords.verify(text("two"), hashes[0].clone()).await.expect("checked"));
        let one = text("one");
        let waiting = passwords.is_among(&one, &hashes);
        let mut waiting = std::pin::pin!(waiting);
        assert!(asked_once(waiting.as_mut()).is_none());
        drop(held);
        assert!(waiting.await.expect("compared"));
    }

    /// What a future has to say when it is asked once.
    fn asked_once<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.poll(&mut context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }
}
