//! Sessions kept between two processes: one file for each set of settings, of this user alone, good until shortly
//! before the session expires; and a lock beside it, so that two processes do not both ask for a code.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use data_encoding::HEXLOWER;

use super::document;
use super::private_file::{PrivateDir, PrivateFileError};
use super::sts::SessionCredentials;
use crate::clock::Timestamp;
use crate::crypto::hash::sha256;

/// A session that expires within this many seconds is not taken from the cache: whoever gets it needs some time with
/// it.
pub const MARGIN_SECONDS: i64 = 5 * 60;
/// The largest file that is read, in bytes.
const MAX_FILE: usize = 64 * 1024;
/// How often a lock is tried while another process holds it.
const LOCK_POLL: Duration = Duration::from_millis(100);
/// How long another process may hold a lock, while it asks a person for a code.
const LOCK_TRIES: u32 = 1_200;

/// Why the cache was of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CacheError {
    /// A file or the directory cannot be used.
    #[error("the credentials cache cannot be used: {0}")]
    File(#[from] PrivateFileError),
    /// Another process has been asking for the same session for two minutes.
    #[error("another process has been asking for the same session for two minutes")]
    Locked,
    /// The system cannot lock files there.
    #[error("the credentials cache cannot be locked: {0}")]
    Lock(String),
}

/// The name of a session in the cache: SHA-256 of the settings that make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheKey(String);

impl CacheKey {
    /// The key of these settings, in this order. Every part counts, and where it ends.
    pub fn of(parts: &[&str]) -> Self {
        let mut text = Vec::new();
        for part in parts {
            text.extend_from_slice(&(part.len() as u64).to_be_bytes());
            text.extend_from_slice(part.as_bytes());
        }
        Self(HEXLOWER.encode(&sha256(&text)))
    }
}

/// The directory of cached sessions.
#[derive(Debug)]
pub struct SessionCache(PrivateDir);

impl SessionCache {
    /// Opens the directory, or makes it.
    pub fn open(dir: &Path) -> Result<Self, CacheError> {
        Ok(Self(PrivateDir::open(dir)?))
    }

    /// The session of these settings, if it is good for a while yet. A file that holds no session counts as none.
    pub fn get(&self, key: &CacheKey, now: Timestamp) -> Result<Option<SessionCredentials>, CacheError> {
        let Some(json) = self.0.read(&file_name(key), MAX_FILE)? else { return Ok(None) };
        Ok(document::from_json(&json).filter(|session| session.expiration > now.plus(MARGIN_SECONDS)))
    }

    /// Keeps a session.
    pub fn put(&self, key: &CacheKey, session: &SessionCredentials) -> Result<(), CacheError> {
        Ok(self.0.replace(&file_name(key), document::to_json(session).expose().as_bytes())?)
    }

    /// Forgets a session that the broker no longer accepts.
    pub fn forget(&self, key: &CacheKey) -> Result<(), CacheError> {
        Ok(self.0.remove(&file_name(key))?)
    }

    /// Waits until no other process works on the session of these settings. The lock ends when the value is dropped,
    /// or the process dies.
    pub async fn lock(&self, key: &CacheKey) -> Result<SessionLock, CacheError> {
        let file = self.0.lock_file(&format!("{}.lock", key.0))?;
        for tried in 0..LOCK_TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(SessionLock { _file: file }),
                Err(TryLockError::WouldBlock) if tried == 0 => {
                    tracing::info!("waiting for another process that is getting the same session");
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(e)) => return Err(CacheError::Lock(e.to_string())),
            }
            tokio::time::sleep(LOCK_POLL).await;
        }
        Err(CacheError::Locked)
    }
}

/// The right to get a session anew.
#[derive(Debug)]
pub struct SessionLock {
    _file: File,
}

fn file_name(key: &CacheKey) -> String {
    format!("{}.json", key.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::secret::SecretText;

    fn session(expiration: i64) -> SessionCredentials {
        SessionCredentials {
            access_key_id: "ASIAX".to_owned(),
            secret_access_key: SecretText::new("s"),
            session_token: SecretText::new("t"),
            expiration: Timestamp(expiration),
        }
    }

    #[test]
    fn keys_tell_where_a_part_ends() {
        assert_eq!(CacheKey::of(&["a", "b"]), CacheKey::of(&["a", "b"]));
        assert_ne!(CacheKey::of(&["a", "b"]), CacheKey::of(&["ab", ""]));
        assert_ne!(CacheKey::of(&["a", "b"]), CacheKey::of(&["b", "a"]));
    }

    #[test]
    fn a_session_is_kept_until_five_minutes_before_it_expires() {
        let dir = tempfile::tempdir().expect("a directory");
        let cache = SessionCache::open(&dir.path().join("c")).expect("opened");
        let key = CacheKey::of(&["a"]);
        cache.put(&key, &session(1_000)).expect("kept");
        assert!(cache.get(&key, Timestamp(699)).expect("read").is_some());
        assert!(cache.get(&key, Timestamp(700)).expect("read").is_none());
        cache.forget(&key).expect("forgotten");
        assert!(cache.get(&key, Timestamp(0)).expect("read").is_none());
    }

    #[test]
    fn a_damaged_file_counts_as_no_session() {
        let dir = tempfile::tempdir().expect("a directory");
        let cache = SessionCache::open(&dir.path().join("c")).expect("opened");
        let key = CacheKey::of(&["a"]);
        cache.0.replace(&file_name(&key), b"{\"Version\":1").expect("written");
        assert!(cache.get(&key, Timestamp(0)).expect("read").is_none());
    }

    #[tokio::test]
    async fn a_lock_keeps_another_out_until_it_is_dropped() {
        let dir = tempfile::tempdir().expect("a directory");
        let cache = SessionCache::open(&dir.path().join("c")).expect("opened");
        let key = CacheKey::of(&["a"]);
        let held = cache.lock(&key).await.expect("locked");
        let again = cache.0.lock_file(&format!("{}.lock", key.0)).expect("opened");
        assert!(matches!(again.try_lock(), Err(TryLockError::WouldBlock)));
        drop(held);
        assert!(again.try_lock().is_ok());
    }
}
