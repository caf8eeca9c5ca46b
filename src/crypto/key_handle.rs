//! Handles to parsed private keys, in the place where jsonwebtoken carries key bytes.
//!
//! jsonwebtoken asks its provider for a signer at every call and hands it the bytes of the key, which it never looks into.
//! So the bytes are a number under which the parsed key is found, and no call parses a key again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use crate::crypto::private_key::PrivateKey;

/// Keeps a parsed key findable for as long as it lives.
pub(super) struct KeyHandle {
    id: u64,
}

/// Makes `key` findable.
pub(super) fn register(key: Arc<PrivateKey>) -> KeyHandle {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    KEYS.write().unwrap_or_else(PoisonError::into_inner).insert(id, key);
    KeyHandle { id }
}

/// The key behind `bytes`; `None` when they are no handle, or the key's owner is gone.
pub(super) fn find(bytes: &[u8]) -> Option<Arc<PrivateKey>> {
    let id = u64::from_be_bytes(bytes.strip_prefix(MARK)?.try_into().ok()?);
    KEYS.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
}

impl KeyHandle {
    pub(super) fn bytes(&self) -> Vec<u8> {
        [MARK, &self.id.to_be_bytes()].concat()
    }
}

impl Drop for KeyHandle {
    fn drop(&mut self) {
        KEYS.write().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// No DER document begins like this: those begin with 0x30.
const MARK: &[u8] = b"brevet-key-handle:";

static KEYS: LazyLock<RwLock<HashMap<u64, Arc<PrivateKey>>>> = LazyLock::new(RwLock::default);
