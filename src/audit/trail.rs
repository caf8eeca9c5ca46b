//! Writes audit records.
//!
//! A record of something that changed or was issued is durable before the caller is answered. A record of a read is written a
//! moment later, in batches, behind a bounded queue: when the queue is full reads wait, and when its last batch could not be
//! written they are refused, unless their own record can be written at once.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};

use super::event::Event;
use super::written;
use crate::store::{AuditRow, Store, StoreError};
use crate::telemetry::names;

/// The way into the audit trail.
#[derive(Clone)]
pub struct Trail {
    store: Arc<dyn Store>,
    queue: mpsc::Sender<AuditRow>,
    healthy: Arc<AtomicBool>,
    waiting: Arc<Mutex<mpsc::Receiver<AuditRow>>>,
}

/// Reads whose records are not written yet, at the most.
const QUEUE: usize = 8_192;
/// How long a read waits for a place in the queue.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a small batch waits for more.
const GATHER: Duration = Duration::from_millis(5);
/// Records in one batch.
const BATCH: usize = 2_048;

impl Trail {
    /// A trail in this store. Somebody must run [`Trail::write_queue`].
    pub fn new(store: Arc<dyn Store>) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        Self { store, queue, healthy: Arc::new(AtomicBool::new(true)), waiting: Arc::new(Mutex::new(waiting)) }
    }

    /// The record as the store keeps it.
    ///
    /// # Errors
    /// The record cannot be written as JSON.
    pub fn row(event: Event<'_>) -> Result<AuditRow, StoreError> {
        let body = written::json(&event).map_err(|error| StoreError::corrupt("audit", &error.to_string()))?;
        let time = event.event_time.seconds();
        Ok(AuditRow { id: event.event_id, time, account: event.recipient_account_id, body })
    }

    /// Writes a record; it is durable when this returns.
    ///
    /// # Errors
    /// It could not be written: then whatever it records must be refused.
    pub async fn record(&self, event: Event<'_>) -> Result<(), StoreError> {
        let written = self.store.append_audit(vec![Self::row(event)?]).await;
        if written.is_err() {
            metrics::counter!(names::AUDIT_FAILURES).increment(1);
        }
        written
    }

    /// Leaves a record of a read to be written within a moment. While records cannot be written in passing, it is written at
    /// once, so that reads go on the moment that the store takes records again.
    ///
    /// # Errors
    /// Records cannot be written at present, or come faster than they can be written.
    pub async fn record_soon(&self, event: Event<'_>) -> Result<(), StoreError> {
        if !self.healthy.load(Ordering::Acquire) {
            return self.record(event).await;
        }
        // A full queue slows its callers down to what the store takes; only one that does not move refuses them.
        let full = match self.queue.try_send(Self::row(event)?) {
            Ok(()) => return Ok(()),
            Err(refused) => refused.into_inner(),
        };
        self.queue.send_timeout(full, PATIENCE).await.map_err(|_| {
            metrics::counter!(names::AUDIT_FAILURES).increment(1);
            StoreError::Unavailable("audit records come faster than they can be written".to_owned())
        })
    }

    /// Writes the queue until `stop` is done, and then what is left in it. A batch that cannot be written is tried again until
    /// it can; nothing that was taken from the queue is lost as long as this is not cancelled.
    pub async fn write_queue(self, stop: impl Future<Output = ()>) {
        let mut waiting = self.waiting.lock().await;
        let mut batch = Vec::with_capacity(BATCH);
        tokio::pin!(stop);
        loop {
            tokio::select! {
                biased;
                _ = waiting.recv_many(&mut batch, BATCH) => {}
                () = &mut stop => break,
            }
            if batch.len() < BATCH / 4 {
                // Reads have been answered already: a moment's wait makes one flush to disk of many.
                tokio::time::sleep(GATHER).await;
                while batch.len() < BATCH {
                    let Ok(row) = waiting.try_recv() else { break };
                    batch.push(row);
                }
            }
            self.write(std::mem::replace(&mut batch, Vec::with_capacity(BATCH))).await;
        }
        while let Ok(row) = waiting.try_recv() {
            batch.push(row);
        }
        if !batch.is_empty() {
            self.write(batch).await;
        }
    }

    async fn write(&self, batch: Vec<AuditRow>) {
        let batch = Arc::new(batch);
        while let Err(error) = self.store.append_shared_audit(Arc::clone(&batch)).await {
            if self.healthy.swap(false, Ordering::AcqRel) {
                tracing::error!(%error, "audit records cannot be written; requests are refused until they can");
            }
            metrics::counter!(names::AUDIT_FAILURES).increment(1);
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        if !self.healthy.swap(true, Ordering::AcqRel) {
            tracing::info!("audit records can be written again");
        }
    }
}

impl fmt::Debug for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trail").field("healthy", &self.healthy).finish_non_exhaustive()
    }
}
