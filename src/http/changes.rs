//! The change stream: `GET /changes/v1/stream` tells an asker that keeps answers what changes, line by line, for as long as it listens.
//!
//! Each line is a JSON object (`application/x-ndjson`). What is in them is said in docs/doors.md.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::authzen::of_authentication;
use super::followers::Place;
use super::refusal::Refusal;
use super::request::Incoming;
use super::router::Doors;
use crate::ops::changes::{Ended, Following, News, record_refused_follower};
use crate::store::Revision;
use crate::telemetry::names;

/// Bytes of the request's body, at the most: it needs none.
const BODY_LIMIT: usize = 1_024;
/// Lines that wait for a follower to read them.
const QUEUE: usize = 64;
/// How long a follower may take to make room for a line.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest time between two lines that say how recent everything is.
const BEAT: Duration = Duration::from_secs(1);
/// How long one stream lasts. Whoever follows signs in again then, and goes on where it was.
const LONGEST: Duration = Duration::from_secs(900);
/// Footings in one line, at the most.
const LINE: usize = 256;

/// Tells an asker what changes.
pub(super) async fn stream(State(doors): State<Doors>, request: Request<Body>) -> Response {
    let mut response = match begin(&doors, request).await {
        Ok(response) => response,
        Err(refusal) => refusal.without_code(),
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
    }
    let code = response.status().as_str().to_owned();
    metrics::counter!(names::REQUESTS, "door" => "changes", "operation" => "stream", "code" => code).increment(1);
    response
}

async fn begin(doors: &Doors, request: Request<Body>) -> Result<Response, Refusal> {
    let incoming = Incoming::read(request, BODY_LIMIT).await?;
    let (caller, facts) = incoming.asker(doors).await.map_err(of_authentication)?;
    let from = from(incoming.parts.uri.query())?;
    let broker = Arc::clone(&doors.broker);
    let account = caller.account();
    let (shown_caller, shown_facts) = (caller.clone(), facts.clone());
    let begun = Following::begin(broker, caller, facts, from).await;
    let (following, missed) = match begun {
        Ok(begun) => begun,
        Err(refusal) => {
            record_refused_follower(&doors.broker, &shown_caller, &shown_facts, &refusal).await;
            return Err(refusal.into());
        }
    };
    let Some(place) = doors.followers.place(account) else {
        return Err(Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceUnavailable",
            "there are too many followers at present",
        ));
    };
    let (lines, queue) = mpsc::channel(QUEUE);
    let teller = Teller { following, lines, place, began: Instant::now() };
    tokio::spawn(teller.run(missed));
    let headers =
        [(CONTENT_TYPE, "application/x-ndjson"), (axum::http::HeaderName::from_static("x-accel-buffering"), "no")];
    Ok((headers, Body::new(Lines(queue))).into_response())
}

/// The one parameter there is: `from`, a revision.
fn from(query: Option<&str>) -> Result<Option<Revision>, Refusal> {
    let mut from = None;
    for parameter in query.unwrap_or_default().split('&').filter(|parameter| !parameter.is_empty()) {
        // A presigned request has its signature here.
        if parameter.to_ascii_lowercase().starts_with("x-amz-") {
            continue;
        }
        let number = parameter.strip_prefix("from=").filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        match number.and_then(|text| text.parse().ok()) {
            Some(number) if from.is_none() => from = Some(Revision(number)),
            _ => return Err(Refusal::bad("the one parameter is `from`, a revision: a number")),
        }
    }
    Ok(from)
}

/// Why a follower is told no more.
#[derive(Clone, Copy)]
enum End {
    /// The broker stops.
    Shutdown,
    /// It is time to sign in again.
    Renew,
    /// It may not be told any more.
    Ended(Ended),
}

impl End {
    fn as_text(self) -> &'static str {
        match self {
            Self::Shutdown => "shutdown",
            Self::Renew => "renew",
            Self::Ended(Ended::Expired) => "expired",
            Self::Ended(Ended::Revoked) => "revoked",
            Self::Ended(Ended::Denied) => "denied",
        }
    }
}

/// The follower does not read, or is gone.
struct Deaf(&'static str);

/// Writes one follower's lines.
struct Teller {
    following: Following,
    lines: mpsc::Sender<Bytes>,
    place: Place,
    began: Instant,
}

impl Teller {
    async fn run(mut self, missed: Vec<News>) {
        metrics::gauge!(names::CHANGE_STREAMS).increment(1);
        let why = match self.tell_all(missed).await {
            Ok(end) => match self.line(&json!({ "end": end.as_text() })).await {
                Ok(()) => end.as_text(),
                Err(Deaf(why)) => why,
            },
            Err(Deaf(why)) => why,
        };
        metrics::gauge!(names::CHANGE_STREAMS).decrement(1);
        metrics::counter!(names::CHANGE_STREAMS_ENDED, "reason" => why).increment(1);
    }

    async fn tell_all(&mut self, missed: Vec<News>) -> Result<End, Deaf> {
        let bound = self.following.bound();
        let every = BEAT.min(bound / 4);
        let begin = json!({
            "revision": self.following.through().0,
            "staleness_bound_ms": millis(bound),
            "every_ms": millis(every),
        });
        self.line(&json!({ "begin": begin })).await?;
        self.tell(missed).await?;
        let mut beats = tokio::time::interval(every);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let news = tokio::select! {
                biased;
                () = self.place.closing() => return Ok(End::Shutdown),
                () = self.lines.closed() => return Err(Deaf("gone")),
                _ = beats.tick() => {
                    if let Err(ended) = self.following.check().await {
                        return Ok(End::Ended(ended));
                    }
                    if self.began.elapsed() > LONGEST {
                        return Ok(End::Renew);
                    }
                    self.following.now().await
                }
                news = self.following.next() => news,
            };
            self.tell(news).await?;
        }
    }

    async fn tell(&mut self, news: Vec<News>) -> Result<(), Deaf> {
        for one in news {
            for line in shown(&one, self.following.through(), self.began.elapsed()) {
                self.line(&line).await?;
            }
        }
        Ok(())
    }

    async fn line(&mut self, line: &Value) -> Result<(), Deaf> {
        let line = Bytes::from(format!("{line}\n"));
        match self.lines.send_timeout(line, PATIENCE).await {
            Ok(()) => Ok(()),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => Err(Deaf("slow")),
            Err(mpsc::error::SendTimeoutError::Closed(_)) => Err(Deaf("gone")),
        }
    }
}

fn shown(news: &News, through: Revision, at: Duration) -> Vec<Value> {
    match news {
        News::Gap => {
            metrics::counter!(names::CHANGE_STREAM_GAPS).increment(1);
            vec![json!({ "gap": true, "revision": through.0 })]
        }
        News::Through { revision, age } => {
            vec![json!({ "revision": revision.0, "age_ms": millis(*age), "at_ms": millis(at) })]
        }
        News::Changed { revision, footings, revoked } => {
            let footings: Vec<String> = footings.iter().map(ToString::to_string).collect();
            let mut lines: Vec<Value> =
                footings.chunks(LINE).map(|some| json!({ "changed": some, "at_revision": revision.0 })).collect();
            for some in revoked.chunks(LINE) {
                let some: Vec<Value> = some.iter().map(|(what, id)| json!({ what.as_str(): id })).collect();
                lines.push(json!({ "changed": [], "at_revision": revision.0, "revoked": some }));
            }
            lines
        }
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// A body that is written while it is read.
struct Lines(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Lines {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|line| line.map(|line| Ok(Frame::data(line))))
    }
}
