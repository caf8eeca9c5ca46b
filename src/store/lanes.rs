//! A bounded set of database connections for reading.
//!
//! A connection comes back only from whoever says that it is still good: one that failed, or whose reader was cancelled in the
//! middle of an answer, is dropped and replaced when it is needed. So nobody ever waits for a connection to be tested.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::error::StoreError;

/// Connections, and room for a limited number of readers.
pub(super) struct Lanes<C> {
    idle: Mutex<Vec<C>>,
    room: Semaphore,
}

/// The right to use a connection.
pub(super) struct Lane<'a, C> {
    lanes: &'a Lanes<C>,
    _room: SemaphorePermit<'a>,
}

impl<C> Lanes<C> {
    pub(super) fn new(limit: usize) -> Self {
        Self { idle: Mutex::new(Vec::new()), room: Semaphore::new(limit) }
    }

    /// Waits for room.
    pub(super) async fn enter(&self) -> Result<Lane<'_, C>, StoreError> {
        let room = self.room.acquire().await.map_err(|_| StoreError::closed())?;
        Ok(Lane { lanes: self, _room: room })
    }

    /// Lets nobody in any more and drops the idle connections.
    pub(super) fn close(&self) -> Vec<C> {
        self.room.close();
        std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<C> Lane<'_, C> {
    /// An idle connection, if there is one: the one that was used last.
    pub(super) fn idle(&self) -> Option<C> {
        self.lanes.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Keeps a connection that is as good as before.
    pub(super) fn keep(self, connection: C) {
        if !self.lanes.room.is_closed() {
            self.lanes.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}

impl<C> fmt::Debug for Lanes<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes").field("room", &self.room.available_permits()).finish_non_exhaustive()
    }
}
