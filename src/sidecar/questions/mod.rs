//! Questions of the programs beside the sidecar: answered from what the broker said before, as long as it is certain that the broker
//! would say the same, and passed on to it otherwise.
//!
//! `kept` says how long that is certain, `following` reads what changes, `doors` what a question is. When the broker is out of
//! reach, what is not certain any more is refused, unless the operator chose otherwise; every answer says where it came from.

mod answer;
mod doors;
mod flights;
mod following;
mod kept;
mod lines;
mod proxied;
mod serve;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{ALLOW, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use serde_json::json;
use tokio::time::Instant;

use self::answer::{Answer, CUT_OFF, Marks, SERVED_BY};
use self::doors::{Asked, Door, NoQuestion};
use self::flights::Flights;
use self::kept::{Kept, Key};
use self::proxied::Received;
use super::Keeper;
use crate::clock::Random;

/// By this header the broker says which headers of a proxied request it looked at.
const READS: &str = "x-brevet-reads";

pub use serve::{Doorkeeper, QuestionListener, TOKEN};

/// What the operator chose.
#[derive(Debug, Clone, Copy)]
pub struct QuestionSettings {
    /// Bytes of answers that are kept, at the most.
    pub room: usize,
    /// For how much longer answers are given that are not certain any more, while the broker is out of reach.
    pub degraded: Duration,
}

/// Answers questions.
#[derive(Debug)]
pub struct Questions {
    keeper: Arc<Keeper>,
    random: Arc<dyn Random>,
    settings: QuestionSettings,
    kept: Mutex<Kept>,
    flights: Flights,
    /// Headers that answers to proxies hang on: only ever more.
    read: Mutex<BTreeSet<String>>,
    /// Whether the last exchange with the broker came about; where the change stream has broken off, one is tried at once.
    in_touch: AtomicBool,
    counts: Counts,
}

/// What has happened so far.
#[derive(Debug, Default)]
struct Counts {
    kept: AtomicU64,
    asked: AtomicU64,
    degraded: AtomicU64,
    refused: AtomicU64,
    heard: AtomicU64,
}

/// Why the broker gave no answer.
#[derive(Debug, Clone)]
enum Failure {
    /// There is nothing to sign with.
    NoCredentials,
    /// The broker does not take the sidecar's credentials.
    NotTaken,
    /// The broker is out of reach.
    Unreachable,
    /// The broker says that it cannot answer.
    Unable(Arc<Answer>),
}

impl Questions {
    /// Nothing is kept yet.
    pub fn new(keeper: Arc<Keeper>, random: Arc<dyn Random>, settings: QuestionSettings) -> Arc<Self> {
        Arc::new(Self {
            keeper,
            random,
            settings,
            kept: Mutex::new(Kept::new(settings.room)),
            flights: Flights::default(),
            read: Mutex::default(),
            in_touch: AtomicBool::new(true),
            counts: Counts::default(),
        })
    }

    /// Answers on these listeners until `stop` is done, and follows what changes meanwhile.
    pub async fn run(
        self: Arc<Self>,
        listeners: Vec<QuestionListener>,
        doorkeeper: Doorkeeper,
        stop: impl Future<Output = ()>,
    ) {
        let following = tokio::spawn(Arc::clone(&self).follow());
        serve::serve(listeners, Arc::new(doorkeeper), self, stop).await;
        following.abort();
    }

    /// The answer to a request of somebody who may ask.
    async fn answer(self: &Arc<Self>, request: &Parts, body: Bytes) -> Response {
        match self.answered(request, body).await {
            Ok(response) => response,
            Err(no_question) => refused(no_question),
        }
    }

    async fn answered(self: &Arc<Self>, request: &Parts, body: Bytes) -> Result<Response, NoQuestion> {
        let door = Door::of(request)?;
        let demand = doors::demand(&request.headers)?;
        let asked = door.question(request, body)?;
        let key = self.key(&asked);
        let mut response = match self.by_itself(&key, demand) {
            Some(response) => response,
            None => {
                let (flight, this) = ((asked.whole(), demand), Arc::clone(self));
                let landed = self.flights.join(flight, || async move { this.ask(door, &asked, demand).await }).await;
                match landed {
                    Ok(answer) => answer.passed_on(),
                    Err(failure) => self.without_broker(&key, demand, &failure),
                }
            }
        };
        if door == Door::Envoy && response.status() == StatusCode::OK {
            // The proxy's token is no business of the service behind it.
            response.headers_mut().insert(proxied::TO_REMOVE, HeaderValue::from_static(TOKEN));
        }
        Ok(response)
    }

    /// What the answer is kept under.
    fn key(&self, asked: &Asked) -> Key {
        match asked {
            Asked::Plain(question) => doors::key(question),
            Asked::Received(received) => received.key(&self.read()),
        }
    }

    /// The answer that is kept, if it is good.
    fn by_itself(&self, key: &Key, demand: Option<u64>) -> Option<Response> {
        let now = Instant::now();
        let kept = self.kept();
        let (answer, standing) = kept.find(key, now)?;
        drop(kept);
        if !standing.is_good() || demand.is_some_and(|revision| revision > standing.revision) {
            return None;
        }
        self.counts.kept.fetch_add(1, Ordering::Relaxed);
        Some(answer.kept(Marks::of(&answer, standing, now, self.is_cut_off())))
    }

    /// What is said when the broker says nothing.
    fn without_broker(&self, key: &Key, demand: Option<u64>, failure: &Failure) -> Response {
        let now = Instant::now();
        if let Some((answer, standing)) = self.kept().find(key, now) {
            let met = demand.is_none_or(|revision| revision <= standing.revision);
            let chosen = standing.is_good() || standing.over_for < self.settings.degraded;
            if met && chosen && !Kept::is_over(&answer, now) && !matches!(failure, Failure::NotTaken) {
                self.counts.degraded.fetch_add(1, Ordering::Relaxed);
                return answer.kept(Marks::of(&answer, standing, now, true));
            }
        }
        self.counts.refused.fetch_add(1, Ordering::Relaxed);
        let (code, message) = match failure {
            Failure::Unable(answer) => return answer.passed_on(),
            Failure::NoCredentials => ("CredentialsNotReady", "the sidecar has no valid credentials to ask with"),
            Failure::NotTaken => ("CredentialsNotTaken", "the broker does not take the sidecar's credentials"),
            Failure::Unreachable => ("CutOff", "the broker is out of reach, and nothing that is certain is known here"),
        };
        let mut response = refusal(StatusCode::SERVICE_UNAVAILABLE, code, message);
        response.headers_mut().insert(CUT_OFF, HeaderValue::from_static("true"));
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
        response
    }

    /// Asks the broker, and keeps its answer.
    async fn ask(&self, door: Door, asked: &Asked, demand: Option<u64>) -> Result<Arc<Answer>, Failure> {
        self.counts.asked.fetch_add(1, Ordering::Relaxed);
        let question = match asked {
            Asked::Plain(question) => doors::to_send(question, demand),
            // A demand stands among the headers of what the proxy has received.
            Asked::Received(received) => doors::to_send(&received.question(), None),
        };
        let signed = !matches!(door, Door::Public(_));
        // Of a request that a proxy has received, 401 is an answer.
        let not_taken =
            if door.is_for_proxies() { StatusCode::PROXY_AUTHENTICATION_REQUIRED } else { StatusCode::UNAUTHORIZED };
        // Credentials may have been revoked that were good a moment ago: once they are asked for anew.
        for _ in 0..2 {
            let role = if signed { Some(self.keeper.current().map_err(|_| Failure::NoCredentials)?) } else { None };
            let credentials = role.as_ref().map(|role| role.credentials.to_sign_with());
            let sent = Instant::now();
            let passed = match self.keeper.broker().pass(&question, credentials.as_ref()).await {
                Ok(passed) => passed,
                Err(error) => {
                    tracing::warn!(%error, path = question.path, "a question was not answered");
                    self.in_touch(false);
                    return Err(Failure::Unreachable);
                }
            };
            match role {
                Some(role) if passed.status == not_taken => {
                    self.forget("the broker does not take the sidecar's credentials");
                    self.keeper.distrust(&role.credentials.access_key_id).await;
                    continue;
                }
                _ => {}
            }
            let read = passed.headers.get(READS).cloned();
            let answer = Arc::new(Answer::of(passed, sent));
            // That a revision has not been heard of yet is an answer to who demands it.
            if answer.status.is_server_error() && demand.is_none() {
                self.in_touch(false);
                return Err(Failure::Unable(answer));
            }
            self.in_touch(true);
            let key = match asked {
                Asked::Plain(question) => Some(doors::key(question)),
                // What is not kept teaches nothing: whoever signs a request chooses which of its headers are looked at.
                Asked::Received(_) if answer.terms.max_age.is_zero() => None,
                Asked::Received(received) => self.learn(received, read.as_ref()),
            };
            if let Some(key) = key {
                self.kept().keep(key, &answer);
            }
            return Ok(answer);
        }
        Err(Failure::NotTaken)
    }

    /// What the answer about a request is kept under that hangs on these headers; nothing where it cannot be kept.
    fn learn(&self, received: &Received, told: Option<&HeaderValue>) -> Option<Key> {
        let mut read = self.read();
        *read = proxied::read(told, &read)?;
        Some(received.key(&read))
    }

    /// The headers that answers were ever said to hang on. A panic while the lock was held leaves them whole.
    fn read(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it stands: whether the broker is in reach, what is kept, and what has happened.
    fn health(&self) -> Response {
        let now = Instant::now();
        let kept = self.kept();
        let (answers, bytes) = kept.size();
        let (cut_off, recent, through) = (self.is_cut_off(), kept.is_recent(now), kept.through());
        drop(kept);
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let body = json!({
            "status": if cut_off { "cut off" } else { "ok" },
            "credentials": self.keeper.has_credentials(),
            "trouble": self.keeper.trouble(),
            "following": recent,
            "revision": through,
            "kept": { "answers": answers, "bytes": bytes },
            "served": {
                "kept": count(&self.counts.kept),
                "asked": count(&self.counts.asked),
                "degraded": count(&self.counts.degraded),
                "refused": count(&self.counts.refused),
            },
        });
        let status = if cut_off { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
        (status, Json(body)).into_response()
    }

    /// Whether the broker could not be asked now: it is out of reach, or there is nothing to ask with.
    fn is_cut_off(&self) -> bool {
        !self.in_touch.load(Ordering::Relaxed) || !self.keeper.has_credentials()
    }

    /// Notes whether an exchange with the broker came about.
    fn in_touch(&self, now: bool) {
        let before = self.in_touch.swap(now, Ordering::Relaxed);
        match (before, now) {
            (true, false) => tracing::warn!("the broker is out of reach"),
            (false, true) => tracing::info!("the broker is in reach again"),
            _ => {}
        }
    }

    fn forget(&self, why: &str) {
        tracing::warn!(why, "what was kept is forgotten");
        self.kept().forget();
    }

    /// How often the stream said that it had told everything.
    fn heard(&self) -> u64 {
        self.counts.heard.load(Ordering::Relaxed)
    }

    fn count_heard(&self) {
        self.counts.heard.fetch_add(1, Ordering::Relaxed);
    }

    /// The lock is held for moments only, and never while waiting; a panic elsewhere leaves what is kept whole.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(why: NoQuestion) -> Response {
    match why {
        NoQuestion::Path => refusal(StatusCode::NOT_FOUND, "NotFound", &why.to_string()),
        NoQuestion::Method(method) => {
            let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", &why.to_string());
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(method));
            response
        }
        NoQuestion::Query | NoQuestion::Missing(_) | NoQuestion::Twice(_) | NoQuestion::Demand => {
            refusal(StatusCode::BAD_REQUEST, "ValidationError", &why.to_string())
        }
    }
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    let mut response = (status, Json(json!({ "code": code, "error": message }))).into_response();
    response.headers_mut().insert(SERVED_BY, HeaderValue::from_static("sidecar"));
    response
}
