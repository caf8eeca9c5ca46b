//! Logs and metrics: structured logs on standard error, Prometheus text for whoever scrapes it.

use std::fmt;

use metrics::{Counter, Gauge};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

mod tally;

pub(crate) use tally::tell;
pub use tally::{Spans, Tally};

/// The names of the metrics. They are an interface: dashboards and alerts are built on them.
pub mod names {
    /// Requests by door, operation and outcome code.
    pub const REQUESTS: &str = "brevet_requests_total";
    /// Seconds from the end of a request's head to its answer, by door; what its body takes to arrive is in them.
    pub const REQUEST_SECONDS: &str = "brevet_request_seconds";
    /// Decisions, by how they came out.
    pub const DECISIONS: &str = "brevet_decisions_total";
    /// Look-ups in a cache, by cache and by whether they found what they looked for.
    pub const CACHE_LOOKUPS: &str = "brevet_cache_lookups_total";
    /// Entries of a cache.
    pub const CACHE_ENTRIES: &str = "brevet_cache_entries";
    /// What the entries of a cache take, for caches that are bounded in bytes.
    pub const CACHE_BYTES: &str = "brevet_cache_bytes";
    /// Entries that a cache dropped for want of room.
    pub const CACHE_EVICTIONS: &str = "brevet_cache_evictions_total";
    /// Entries that a cache dropped because what they were made from has changed, or may have.
    pub const CACHE_INVALIDATIONS: &str = "brevet_cache_invalidations_total";
    /// Requests whose caller could not be authenticated, by cause.
    pub const AUTHENTICATION_FAILURES: &str = "brevet_authentication_failures_total";
    /// Sessions issued, by operation.
    pub const SESSIONS_ISSUED: &str = "brevet_sessions_issued_total";
    /// Audit records that could not be written.
    pub const AUDIT_FAILURES: &str = "brevet_audit_failures_total";
    /// Records of the decision log that were not kept, by cause.
    pub const DECISION_LOG_DROPPED: &str = "brevet_decision_log_dropped_total";
    /// Fetches of the keys of OpenID Connect issuers, by how they ended.
    pub const ISSUER_FETCHES: &str = "brevet_issuer_fetches_total";
    /// For how many seconds the key that signs has signed, by what it signs and its algorithm.
    pub const SIGNING_KEY_AGE: &str = "brevet_signing_key_age_seconds";
    /// Times that the signing keys could not be read, or not be changed when it was time.
    pub const SIGNING_KEY_FAILURES: &str = "brevet_signing_key_failures_total";
    /// Askers that follow the changes at this moment.
    pub const CHANGE_STREAMS: &str = "brevet_change_streams";
    /// Streams of changes that ended, by why.
    pub const CHANGE_STREAMS_ENDED: &str = "brevet_change_streams_ended_total";
    /// Times that a follower was told to forget everything.
    pub const CHANGE_STREAM_GAPS: &str = "brevet_change_stream_gaps_total";
    /// Connections open at this moment.
    pub const CONNECTIONS: &str = "brevet_connections";
}

/// What is counted of one cache. The meters are looked up once, because counting by name costs as much as finding an entry.
pub struct CacheMeters {
    hits: Tally,
    misses: Tally,
    entries: Gauge,
    /// Of caches that are bounded in bytes.
    bytes: Option<Gauge>,
    evictions: Counter,
    invalidations: Counter,
}

impl CacheMeters {
    /// The meters of a cache, whose weights are `bytes` or not.
    pub fn new(cache: &'static str, bytes: bool) -> Self {
        Self {
            hits: Tally::of(metrics::counter!(names::CACHE_LOOKUPS, "cache" => cache, "outcome" => "hit")),
            misses: Tally::of(metrics::counter!(names::CACHE_LOOKUPS, "cache" => cache, "outcome" => "miss")),
            entries: metrics::gauge!(names::CACHE_ENTRIES, "cache" => cache),
            bytes: bytes.then(|| metrics::gauge!(names::CACHE_BYTES, "cache" => cache)),
            evictions: metrics::counter!(names::CACHE_EVICTIONS, "cache" => cache),
            invalidations: metrics::counter!(names::CACHE_INVALIDATIONS, "cache" => cache),
        }
    }

    /// Something was looked for, and found or not.
    pub fn asked(&self, found: bool) {
        if found { self.hits.add(1) } else { self.misses.add(1) }
    }

    /// As [`CacheMeters::asked`], many times.
    pub fn asked_often(&self, found: u64, missed: u64) {
        for (tally, times) in [(&self.hits, found), (&self.misses, missed)] {
            if times > 0 {
                tally.add(times);
            }
        }
    }

    /// An entry of this weight came.
    pub fn entered(&self, weight: u32) {
        self.entries.increment(1);
        if let Some(bytes) = &self.bytes {
            bytes.increment(weight);
        }
    }

    /// An entry of this weight went.
    pub fn left(&self, weight: u32) {
        self.entries.decrement(1);
        if let Some(bytes) = &self.bytes {
            bytes.decrement(weight);
        }
    }

    /// It went for want of room.
    pub fn evicted(&self) {
        self.evictions.increment(1);
    }

    /// It went because it may be wrong.
    pub fn forgotten(&self) {
        self.invalidations.increment(1);
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Sends log lines of `level` and above to standard error. `level` may name targets, as in `info,brevet::store=debug`.
/// A second call changes nothing.
pub fn start_logging(level: &str, format: LogFormat) {
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A process has one logger; a second broker in the same process (as in tests) writes to the first one's.
    let _ = match format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}

/// What has been counted.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// All of it, as Prometheus reads it.
    pub fn render(&self) -> String {
        tell();
        self.0.render()
    }

    /// Folds samples of histograms, which wait in memory otherwise until somebody reads them.
    pub fn keep_small(&self) {
        self.0.run_upkeep();
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Starts to count.
///
/// # Errors
/// Another recorder is installed already.
pub fn start_metrics() -> Result<Metrics, BuildError> {
    PrometheusBuilder::new().install_recorder().map(Metrics)
}
