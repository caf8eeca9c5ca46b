//! Writes the decision log, off the way of those who decide.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use tokio::sync::{Mutex, mpsc};

use super::file::LogFile;
use super::record::{Begun, Dropped, written};
use super::unusable::{LogPlace, UnusableLog};
use crate::clock::Clock;
use crate::config::{DecisionLogSection, LogOutput};
use crate::telemetry::names;

/// The file in the data directory, unless the settings name another.
pub const DEFAULT_FILE: &str = "decisions.jsonl";
/// Records that wait, at the most.
const QUEUE: usize = 8_192;
/// Bytes that wait, at the most.
const QUEUE_BYTES: usize = 16 << 20;
/// Records that are written at once.
const BATCH: usize = 512;

/// A queue, and what empties it.
pub(super) struct Writer {
    queue: mpsc::Sender<Vec<u8>>,
    waiting: Mutex<mpsc::Receiver<Vec<u8>>>,
    bytes: AtomicUsize,
    /// Records that were dropped since the log last said so.
    dropped: AtomicU64,
    healthy: AtomicBool,
    sink: Arc<std::sync::Mutex<Sink>>,
    begun: Begun,
    clock: Arc<dyn Clock>,
}

/// Where lines go.
pub(super) enum Sink {
    /// A file.
    File(Box<LogFile>),
    /// Standard output.
    Stdout,
}

impl Sink {
    /// Opens what the settings name.
    pub(super) fn open(section: &DecisionLogSection, folder: &Path) -> Result<Self, UnusableLog> {
        match section.output {
            LogOutput::Stdout => Ok(Self::Stdout),
            LogOutput::File => {
                let path = section.file.clone().unwrap_or_else(|| folder.join(DEFAULT_FILE));
                let most = section.max_mib.saturating_mul(1 << 20);
                match LogFile::open(&path, most, section.keep) {
                    Ok(file) => Ok(Self::File(Box::new(file))),
                    Err(reason) => Err(UnusableLog::Place { place: LogPlace::File(path), reason }),
                }
            }
        }
    }

    fn place(&self) -> LogPlace {
        match self {
            Self::File(file) => LogPlace::File(file.path().to_owned()),
            Self::Stdout => LogPlace::Stdout,
        }
    }

    fn append(&mut self, lines: &[Vec<u8>], head: &[u8]) -> (usize, io::Result<()>) {
        match self {
            Self::File(file) => file.append(lines, head),
            Self::Stdout => {
                let mut out = io::stdout().lock();
                match out.write_all(&lines.concat()).and_then(|()| out.flush()) {
                    Ok(()) => (lines.len(), Ok(())),
                    Err(error) => (0, Err(error)),
                }
            }
        }
    }
}

#[derive(serde::Serialize)]
struct Head<'a> {
    time: String,
    log: &'a Begun,
}

impl Writer {
    /// Writes down that the log begins.
    pub(super) fn begin(sink: Sink, begun: Begun, clock: Arc<dyn Clock>) -> Result<Self, UnusableLog> {
        let place = sink.place();
        let (queue, waiting) = mpsc::channel(QUEUE);
        let writer = Self {
            queue,
            waiting: Mutex::new(waiting),
            bytes: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
            healthy: AtomicBool::new(true),
            sink: Arc::new(std::sync::Mutex::new(sink)),
            begun,
            clock,
        };
        let head = writer.head();
        let (_, result) = lock(&writer.sink).append(std::slice::from_ref(&head), &head);
        result.map_err(|error| UnusableLog::Place { place, reason: error.to_string() })?;
        Ok(writer)
    }

    /// Queues a line if there is room; whether there was.
    pub(super) fn queue(&self, line: Vec<u8>) -> bool {
        let length = line.len();
        let waiting = self.bytes.fetch_add(length, Ordering::AcqRel);
        if waiting + length <= QUEUE_BYTES && self.queue.try_send(line).is_ok() {
            return true;
        }
        self.bytes.fetch_sub(length, Ordering::AcqRel);
        self.dropped.fetch_add(1, Ordering::AcqRel);
        metrics::counter!(names::DECISION_LOG_DROPPED, "cause" => "queue").increment(1);
        false
    }

    /// Writes until `stop` is done, and then what is left.
    pub(super) async fn run(&self, stop: impl Future<Output = ()>) {
        let mut waiting = self.waiting.lock().await;
        let mut batch = Vec::with_capacity(BATCH);
        tokio::pin!(stop);
        loop {
            tokio::select! {
                biased;
                _ = waiting.recv_many(&mut batch, BATCH) => {}
                () = &mut stop => break,
            }
            self.write(std::mem::take(&mut batch)).await;
        }
        loop {
            while batch.len() < BATCH {
                let Ok(line) = waiting.try_recv() else { break };
                batch.push(line);
            }
            if batch.is_empty() && self.dropped.load(Ordering::Acquire) == 0 {
                break;
            }
            // What cannot be written now never will be.
            if !self.write(std::mem::take(&mut batch)).await {
                break;
            }
        }
        let sink = Arc::clone(&self.sink);
        let synced = tokio::task::spawn_blocking(move || match &*lock(&sink) {
            Sink::File(file) => file.sync(),
            Sink::Stdout => Ok(()),
        });
        if let Ok(Err(error)) = synced.await {
            tracing::warn!(%error, "the end of the decision log may not be on disk");
        }
    }

    /// Writes lines, and before them how many were dropped; whether that went well.
    async fn write(&self, mut lines: Vec<Vec<u8>>) -> bool {
        self.bytes.fetch_sub(lines.iter().map(Vec::len).sum(), Ordering::AcqRel);
        let dropped = self.dropped.swap(0, Ordering::AcqRel);
        if dropped > 0 {
            lines.insert(0, written(&Dropped { time: self.clock.now().iso8601(), dropped }));
        }
        let (sink, head, count) = (Arc::clone(&self.sink), self.head(), lines.len());
        // A disk that hangs holds up a thread of its own, and no decision.
        let written = tokio::task::spawn_blocking(move || lock(&sink).append(&lines, &head)).await;
        let (done, result) = written.unwrap_or_else(|error| (0, Err(io::Error::other(error))));
        match result {
            Ok(()) => {
                if !self.healthy.swap(true, Ordering::AcqRel) {
                    tracing::info!("the decision log can be written again");
                }
                true
            }
            Err(error) => {
                let told = u64::from(dropped > 0);
                let lost = (count as u64).saturating_sub(done as u64);
                // The line that tells of those that were dropped before is the first, and no record.
                let (again, records) = if done == 0 { (dropped, lost - told.min(lost)) } else { (0, lost) };
                self.dropped.fetch_add(again + records, Ordering::AcqRel);
                metrics::counter!(names::DECISION_LOG_DROPPED, "cause" => "write").increment(records);
                if self.healthy.swap(false, Ordering::AcqRel) {
                    tracing::error!(%error, "the decision log cannot be written; decisions go on without it");
                }
                false
            }
        }
    }

    fn head(&self) -> Vec<u8> {
        written(&Head { time: self.clock.now().iso8601(), log: &self.begun })
    }
}

fn lock(sink: &std::sync::Mutex<Sink>) -> std::sync::MutexGuard<'_, Sink> {
    // Whoever panicked while writing left at worst half a line.
    sink.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
