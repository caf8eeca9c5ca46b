//! The queue in front of the database: one task takes everything that waits and writes it in one transaction, so that many callers
//! share one flush to disk.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::contract::{AuditRow, Batch, CommitError, Revision};
use super::error::StoreError;
use super::key::Key;

/// What a backend does with the batches and audit records that the queue has gathered.
#[async_trait]
pub(super) trait Engine: Send + 'static {
    /// Writes all of it in one transaction, but for the batches in conflict. An error means that nothing was written, or that it
    /// is not known.
    async fn write(
        &mut self,
        batches: &[&Batch],
        audit: &[&AuditRow],
    ) -> Result<Vec<Result<Revision, Key>>, StoreError>;

    /// Tells other processes, when the callers have their answers.
    async fn announce(&mut self, _latest: Revision) {}

    /// Lets go of the connection.
    async fn close(self);
}

/// The way into a writer task.
pub(super) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Job>>>,
    ended: Mutex<Option<oneshot::Receiver<()>>>,
    patience: Duration,
}

enum Job {
    Commit(Batch, oneshot::Sender<Result<Revision, CommitError>>),
    Audit(Arc<Vec<AuditRow>>, oneshot::Sender<Result<(), StoreError>>),
}

/// Callers that wait for room in the queue come after this many.
const QUEUE: usize = 1_024;
/// Jobs in one transaction: enough that the flush is a small part of it, few enough that its first caller does not wait for long.
const GROUP: usize = 256;

impl Writer {
    /// A writer that runs beside all other tasks.
    pub(super) fn start(engine: impl Engine, patience: Duration) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let (done, ended) = oneshot::channel();
        tokio::spawn(async move {
            work(engine, jobs).await;
            let _ = done.send(());
        });
        Self { queue: Mutex::new(Some(queue)), ended: Mutex::new(Some(ended)), patience }
    }

    /// A writer on a thread of its own: under load a task waits in line for longer than a commit takes, twice for each.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(super) fn start_thread(engine: impl Engine, patience: Duration) -> Result<Self, StoreError> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let (done, ended) = oneshot::channel();
        let unavailable = |error: std::io::Error| StoreError::Unavailable(format!("the writer's thread: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(unavailable)?;
        let thread = std::thread::Builder::new().name("brevet-writer".to_owned());
        let run = move || {
            runtime.block_on(work(engine, jobs));
            let _ = done.send(());
        };
        thread.spawn(run).map_err(unavailable)?;
        Ok(Self { queue: Mutex::new(Some(queue)), ended: Mutex::new(Some(ended)), patience })
    }

    pub(super) async fn commit(&self, batch: Batch) -> Result<Revision, CommitError> {
        batch.check_sizes()?;
        self.ask(|answer| Job::Commit(batch, answer)).await?
    }

    pub(super) async fn append_audit(&self, rows: Arc<Vec<AuditRow>>) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.ask(|answer| Job::Audit(rows, answer)).await?
    }

    /// Writes what is in the queue and ends.
    pub(super) async fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(ended) = ended {
            let _ = ended.await;
        }
    }

    /// A caller that goes away, or loses patience, while its job is still in the queue takes the job with it.
    async fn ask<A>(&self, job: impl FnOnce(oneshot::Sender<A>) -> Job) -> Result<A, StoreError> {
        let end = Instant::now() + self.patience;
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(StoreError::closed)?;
        let (answer, answered) = oneshot::channel();
        let sent = timeout_at(end, queue.send(job(answer))).await.map_err(|_| StoreError::late("room in the queue"))?;
        drop(queue);
        sent.map_err(|_| StoreError::closed())?;
        timeout_at(end, answered)
            .await
            .map_err(|_| StoreError::late("answer to a write"))?
            .map_err(|_| StoreError::closed())
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

async fn work(mut engine: impl Engine, mut queue: mpsc::Receiver<Job>) {
    let mut jobs = Vec::with_capacity(GROUP);
    while queue.recv_many(&mut jobs, GROUP).await > 0 {
        jobs.retain(|job| !job.is_abandoned());
        if let Some(latest) = answer_all(&mut engine, std::mem::take(&mut jobs)).await {
            engine.announce(latest).await;
        }
    }
    engine.close().await;
}

/// Answers every job; gives the latest revision that was committed, if any was.
async fn answer_all(engine: &mut impl Engine, jobs: Vec<Job>) -> Option<Revision> {
    let error = match write(engine, &jobs).await {
        Ok(verdicts) => return answer(jobs, verdicts),
        Err(error) => error,
    };
    // One job that the database does not take must not fail the others; but if the database is away, nobody waits for it twice.
    if jobs.len() < 2 || matches!(error, StoreError::Unavailable(_)) {
        jobs.into_iter().for_each(|job| job.fail(error.clone()));
        return None;
    }
    let mut latest = None;
    let mut away = None;
    for job in jobs {
        if let Some(error) = &away {
            job.fail(StoreError::clone(error));
            continue;
        }
        let one = vec![job];
        match write(engine, &one).await {
            Ok(verdicts) => latest = answer(one, verdicts).max(latest),
            Err(error) => {
                one.into_iter().for_each(|job| job.fail(error.clone()));
                away = Some(error).filter(|error| matches!(error, StoreError::Unavailable(_)));
            }
        }
    }
    latest
}

async fn write(engine: &mut impl Engine, jobs: &[Job]) -> Result<Vec<Result<Revision, Key>>, StoreError> {
    let mut batches = Vec::new();
    let mut audit = Vec::new();
    for job in jobs {
        match job {
            Job::Commit(batch, _) => batches.push(batch),
            Job::Audit(rows, _) => audit.extend(rows.iter()),
        }
    }
    if batches.is_empty() && audit.is_empty() {
        return Ok(Vec::new());
    }
    engine.write(&batches, &audit).await
}

fn answer(jobs: Vec<Job>, verdicts: Vec<Result<Revision, Key>>) -> Option<Revision> {
    let latest = verdicts.iter().filter_map(|verdict| verdict.as_ref().ok()).max().copied();
    let mut verdicts = verdicts.into_iter();
    for job in jobs {
        match job {
            Job::Audit(_, caller) => {
                let _ = caller.send(Ok(()));
            }
            Job::Commit(_, caller) => {
                if let Some(verdict) = verdicts.next() {
                    let _ = caller.send(verdict.map_err(CommitError::Conflict));
                }
            }
        }
    }
    latest
}

impl Job {
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Commit(_, caller) => caller.is_closed(),
            Self::Audit(_, caller) => caller.is_closed(),
        }
    }

    fn fail(self, error: StoreError) {
        match self {
            Self::Commit(_, caller) => drop(caller.send(Err(error.into()))),
            Self::Audit(_, caller) => drop(caller.send(Err(error))),
        }
    }
}
