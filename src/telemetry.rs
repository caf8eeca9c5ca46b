//! Logs and metrics: structured logs on standard error, Prometheus text for whoever scrapes it.

use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// The names of the metrics. They are an interface: dashboards and alerts are built on them.
pub mod names {
    /// Requests by door, operation and outcome code.
    pub const REQUESTS: &str = "brevet_requests_total";
    /// Seconds from the last byte read to the first byte written, by door.
    pub const REQUEST_SECONDS: &str = "brevet_request_seconds";
    /// Decisions, by whether they came from the cache.
    pub const DECISIONS: &str = "brevet_decisions_total";
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

/// Starts to count. The handle renders what has been counted.
///
/// # Errors
/// Another recorder is installed already.
pub fn start_metrics() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new().install_recorder()
}
