//! The store as it was at one revision: enough of one to decide on.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use brevet::store::{
    AuditCursor, AuditQuery, AuditRow, Batch, Changes, CommitError, Key, Range, Record, Revision, Store, StoreError,
};

#[derive(Debug)]
pub struct Snapshot {
    pub revision: Revision,
    pub records: BTreeMap<Key, Record>,
}

fn past() -> StoreError {
    StoreError::Unavailable("the past cannot be asked this".to_owned())
}

#[async_trait]
impl Store for Snapshot {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        Ok(self.records.get(key).cloned())
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        Ok(keys.iter().map(|key| self.records.get(key).cloned()).collect())
    }

    async fn revision(&self) -> Result<Revision, StoreError> {
        Ok(self.revision)
    }

    async fn scan(&self, _: &Range, _: usize) -> Result<Vec<Record>, StoreError> {
        Err(past())
    }

    async fn count(&self, _: &Key) -> Result<u64, StoreError> {
        Err(past())
    }

    async fn commit(&self, _: Batch) -> Result<Revision, CommitError> {
        Err(past().into())
    }

    async fn append_shared_audit(&self, _: Arc<Vec<AuditRow>>) -> Result<(), StoreError> {
        Err(past())
    }

    async fn audit(&self, _: &AuditQuery) -> Result<Vec<(AuditCursor, AuditRow)>, StoreError> {
        Err(past())
    }

    async fn changes(&self, _: Revision, _: usize) -> Result<Changes, StoreError> {
        Err(past())
    }

    async fn changed(&self) {}

    async fn health(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn close(&self) {}
}
