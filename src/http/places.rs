//! The places for connections of one listener: how many there are, and whether they are becoming scarce.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places for connections.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    all: usize,
    free: Arc<Semaphore>,
}

impl Places {
    /// So many, and all are free.
    pub(crate) fn new(all: usize) -> Self {
        Self { all, free: Arc::new(Semaphore::new(all)) }
    }

    /// A place, once there is one; it is free again when what is given is dropped.
    pub(crate) async fn take(&self) -> Option<OwnedSemaphorePermit> {
        // Nobody closes the semaphore.
        Arc::clone(&self.free).acquire_owned().await.ok()
    }

    /// Whether less than a quarter is free. Then nobody may keep a place who does not use it.
    pub(crate) fn are_scarce(&self) -> bool {
        self.free.available_permits() < self.all.div_ceil(4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn they_are_scarce_when_less_than_a_quarter_is_free() {
        for (all, enough) in [(1, 0), (2, 1), (3, 2), (4, 3), (8, 6), (10, 7)] {
            let places = Places::new(all);
            let mut taken = Vec::new();
            for number in 0..all {
                assert_eq!(places.are_scarce(), number > enough, "{number} of {all} are taken");
                taken.push(places.take().await.expect("a place"));
            }
            assert!(places.are_scarce());
            drop(taken);
            assert!(!places.are_scarce());
        }
    }
}
