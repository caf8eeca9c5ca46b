//! Follows the broker's change stream for as long as the sidecar runs, and keeps what is kept in step with it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use tokio::time::Instant;

use super::Questions;
use super::lines::{Line, Transit};
use crate::client::{Backoff, ChangeStream, ClientError, Question, draw};

/// The wait after failures.
const BACKOFF: Backoff = Backoff { base: Duration::from_millis(250), cap: Duration::from_secs(15) };
/// The wait where the sidecar may not follow: somebody must change that first.
const DENIED: Duration = Duration::from_secs(30);
/// How long to wait for credentials.
const NO_CREDENTIALS: Duration = Duration::from_millis(200);
/// A stream is silent that says nothing for so many times as long as it should.
const SILENT: u32 = 4;
/// How long a stream may take to begin. What is known of the time that lines are under way begins there: nobody can hold all of them back
/// for longer than this without its being noticed.
const BEGIN: Duration = Duration::from_secs(3);
/// Where a broker says whether it can answer. A gateway before it may show another answer there, which shows as much.
const READY: &str = "/health/ready";
/// How often a stream says something before it has told how often.
const EVERY: Duration = Duration::from_secs(1);

/// How a stream ended.
enum End {
    /// The broker ends it and will go on with it.
    Renew,
    /// The credentials are not good any more.
    Distrust,
    /// The sidecar may not follow.
    Denied,
    /// It broke off, or did not come about.
    Broken,
    /// The broker has none for the sidecar at present.
    Unable,
}

impl Questions {
    /// Follows for ever.
    pub(super) async fn follow(self: Arc<Self>) {
        let mut failures = 0;
        loop {
            let Ok(role) = self.keeper.current() else {
                tokio::time::sleep(NO_CREDENTIALS).await;
                continue;
            };
            let from = self.kept().through();
            let (sent, before) = (Instant::now(), self.heard());
            let credentials = role.credentials.to_sign_with();
            let begun = tokio::time::timeout(BEGIN, self.keeper.broker().follow(from, &credentials)).await;
            let end = match begun.unwrap_or(Err(ClientError::Timeout)) {
                Ok(Ok(stream)) => self.listen(stream, sent).await,
                Ok(Err(StatusCode::UNAUTHORIZED)) => End::Distrust,
                Ok(Err(StatusCode::FORBIDDEN)) => End::Denied,
                Ok(Err(status)) => {
                    tracing::debug!(%status, "the change stream cannot be followed");
                    End::Unable
                }
                Err(error) => {
                    tracing::debug!(%error, "the change stream cannot be followed");
                    End::Broken
                }
            };
            if self.heard() > before {
                failures = 0;
            }
            match end {
                End::Renew if self.heard() > before => {}
                End::Renew => failures += 1,
                End::Distrust => {
                    self.forget("the sidecar's credentials are not good any more");
                    self.keeper.distrust(&role.credentials.access_key_id).await;
                    failures += 1;
                }
                End::Denied => {
                    // That is an answer.
                    self.in_touch(true);
                    tracing::warn!(
                        "the sidecar may not follow changes (brevet:FollowChanges): answers are kept for seconds only"
                    );
                    tokio::time::sleep(DENIED).await;
                    continue;
                }
                End::Broken | End::Unable => {
                    let there = self.broker_is_there().await;
                    self.in_touch(there);
                    failures += 1;
                }
            }
            if failures > 0 {
                tokio::time::sleep(BACKOFF.wait(failures, draw(self.random.as_ref()))).await;
            }
        }
    }

    /// Whether the broker answers at all. What stands between may end streams and let questions through, and whether a sidecar is ready
    /// must not hang on somebody's asking something.
    async fn broker_is_there(&self) -> bool {
        let ready = Question { method: Method::GET, path: READY, headers: Vec::new(), body: Bytes::new() };
        let asked = tokio::time::timeout(BEGIN, self.keeper.broker().pass(&ready, None)).await;
        asked.is_ok_and(|answered| answered.is_ok_and(|passed| !passed.status.is_server_error()))
    }

    async fn listen(&self, mut stream: ChangeStream, sent: Instant) -> End {
        let mut transit = Transit::began(Instant::now());
        let (mut bound, mut every) = (Duration::ZERO, EVERY);
        loop {
            let line = match tokio::time::timeout(every * SILENT, stream.line()).await {
                Ok(Ok(Some(line))) => line,
                Ok(Ok(None)) => return End::Broken,
                Ok(Err(error)) => {
                    tracing::debug!(%error, "the change stream broke off");
                    return End::Broken;
                }
                Err(_) => {
                    tracing::debug!("the change stream is silent");
                    return End::Broken;
                }
            };
            let now = Instant::now();
            match Line::read(&line) {
                Some(Line::Begin { .. }) if now.saturating_duration_since(sent) > BEGIN => {
                    tracing::debug!("the change stream took too long to begin");
                    return End::Broken;
                }
                Some(Line::Begin { revision, bound: told, every: often }) => {
                    // Of what was kept before anything was followed, nothing was told that changed meanwhile.
                    if self.kept().through().is_none() {
                        self.kept().gap(revision);
                    }
                    (bound, every) = (told, often.max(Duration::from_millis(100)));
                    transit = Transit::began(now);
                }
                Some(Line::Changed { revision, footings }) => self.kept().changed(revision, footings),
                Some(Line::Through { revision, age, at }) => {
                    if let Some(as_of) = transit.as_of(now, at, age) {
                        self.kept().heard(revision, as_of, bound);
                        self.in_touch(true);
                    }
                    self.count_heard();
                }
                Some(Line::Gap { revision }) => {
                    tracing::info!(revision, "anything may have changed: what was kept is forgotten");
                    self.kept().gap(revision);
                }
                Some(Line::End(why)) => {
                    return match why.as_str() {
                        // Credentials that have expired were renewed before.
                        "renew" | "shutdown" | "expired" => End::Renew,
                        "revoked" => End::Distrust,
                        "denied" => End::Denied,
                        _ => End::Broken,
                    };
                }
                // What a later broker tells beside that is nothing to this one.
                None => {}
            }
        }
    }
}
