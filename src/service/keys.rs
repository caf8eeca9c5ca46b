//! Derived keys that a service keeps: who is behind each, and for how long it may be believed.

use std::sync::Arc;

use moka::sync::Cache;

use super::answer::Sender;
use crate::clock::Timestamp;
use crate::sigv4::SigningKey;

/// A key, or that there is none to be had.
#[derive(Clone)]
pub(super) enum Kept {
    /// The key.
    Key(Arc<Known>),
    /// Who signs with it has to be asked about each time, until then.
    AskUntil(Timestamp),
}

/// A derived key and whose it is.
pub(super) struct Known {
    pub(super) key: SigningKey,
    pub(super) sender: Sender,
    /// Until when the broker's word about the sender is good: then it is asked again.
    pub(super) standing: Timestamp,
    /// When the key ends for good.
    pub(super) ends: Timestamp,
}

/// By SHA-256 of access key, session token and scope; bounded.
pub(super) struct Keys(Cache<[u8; 32], Kept>);

impl Keys {
    pub(super) fn new(most: u64) -> Self {
        Self(Cache::new(most))
    }

    pub(super) fn find(&self, id: &[u8; 32]) -> Option<Kept> {
        self.0.get(id)
    }

    pub(super) fn keep(&self, id: [u8; 32], kept: Kept) {
        self.0.insert(id, kept);
    }

    pub(super) fn forget(&self, id: &[u8; 32]) {
        self.0.invalidate(id);
    }
}
