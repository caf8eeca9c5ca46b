//! The doors for requests that somebody signed: `POST /requests/v1/verify` tells a service who sent what it received, and, if it asks,
//! whether they may; `POST /keys/v1/derive` gives it the key that the request was signed with too.
//!
//! That the asker itself is refused has a status of its own; that the request proves nothing is an answer, with the code that the
//! service passes on.

mod answer;
mod told;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, Request};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value as JsonValue, json};

use self::told::Asked;
use super::keeping;
use super::refusal::{Refusal, SIGN_IN};
use super::request::{Incoming, is_json};
use super::router::Doors;
use crate::authn;
use crate::crypto::jwk::Jwk;
use crate::ops::questions::{self, AT_LEAST_REVISION, Asking, Demand, Keeping, Received, SERVICE, Shown, Unproven};

/// The door's name in metrics.
const DOOR: &str = "requests";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    service: String,
    request: told::Told,
    question: Option<Asked>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedKey {
    service: String,
    request: told::Told,
    question: Option<Asked>,
    recipient: Jwk,
}

/// An answer, and how it may be kept.
type Told = (JsonValue, Option<Keeping>);

/// Says who sent a request, and whether they may.
pub(super) async fn verify(State(doors): State<Doors>, request: Request<Body>) -> Response {
    let started = std::time::Instant::now();
    let answer = verified(&doors, request).await;
    finish(&doors, answer, "verify", started)
}

/// The same, with the key that the request was signed with, so that the service needs not ask about the next one.
pub(super) async fn derive(State(doors): State<Doors>, request: Request<Body>) -> Response {
    let started = std::time::Instant::now();
    let answer = derived(&doors, request).await;
    finish(&doors, answer, "derive", started)
}

async fn verified(doors: &Doors, request: Request<Body>) -> Result<Told, Refusal> {
    let asker = Asker::read(doors, request).await?;
    let Wanted { service, request, question } = asker.body()?;
    let asking = asker.asking(doors);
    match shown(&asking, &asker.demand, &service, &request).await? {
        Ok(shown) => told(&asking, &shown, question, asker.keeping()).await,
        Err(refused) => Ok((refused, None)),
    }
}

async fn derived(doors: &Doors, request: Request<Body>) -> Result<Told, Refusal> {
    let asker = Asker::read(doors, request).await?;
    let WantedKey { service, request, question, recipient } = asker.body()?;
    let asking = asker.asking(doors);
    asking.may_derive(&service).await?;
    let shown = match shown(&asking, &asker.demand, &service, &request).await? {
        Ok(shown) => shown,
        Err(refused) => return Ok((refused, None)),
    };
    let (mut told, keeping) = told(&asking, &shown, question, asker.keeping()).await?;
    match asking.derived(&shown, &recipient).await? {
        Ok(derived) => told["key"] = answer::key(&derived),
        Err(reason) => {
            told["key"] = JsonValue::Null;
            told["no_key"] = json!(reason.to_string());
        }
    }
    Ok((told, keeping))
}

async fn told(
    asking: &Asking<'_>,
    shown: &Shown,
    question: Option<Asked>,
    mut keeping: Option<Keeping>,
) -> Result<Told, Refusal> {
    let revision = asking.revision()?.min(shown.as_of);
    let mut told = answer::caller(shown);
    told["request"] = answer::request(shown);
    told["revision"] = json!(revision.0);
    told["max_age"] = json!(asking.standing(shown));
    let decided = match question {
        Some(asked) => Some(asked.answer(asking, shown).await?),
        None => None,
    };
    if let Some(keeping) = &mut keeping {
        keeping.add_sender(
            asking,
            shown,
            revision,
            decided.as_ref().map(|decided| (&decided.resource, &decided.answered)),
        );
    }
    if let Some(decided) = decided {
        told["decision"] = answer::decision(&decided.answered, &decided.action);
    }
    Ok((told, keeping))
}

/// Who sent the request, or what its sender is to be told.
async fn shown(
    asking: &Asking<'_>,
    demand: &Demand,
    service: &str,
    request: &told::Told,
) -> Result<Result<Shown, JsonValue>, Refusal> {
    let headers = request.headers()?;
    let body = request.body()?;
    let received = Received { service, parts: request.parts(&headers), content: body.content() };
    asking.demand(*demand).await?;
    match asking.presented(&received).await {
        Ok(shown) => Ok(Ok(shown)),
        Err(Unproven::Asker(refusal)) => Err(refusal.into()),
        Err(unproven) => Ok(Err(json!({ "caller": null, "refused": answer::refused(&unproven, service) }))),
    }
}

/// Whoever asks at one of these doors.
struct Asker {
    incoming: Incoming,
    caller: authn::Caller,
    facts: crate::decision::RequestFacts,
    demand: Demand,
}

impl Asker {
    async fn read(doors: &Doors, request: Request<Body>) -> Result<Self, Refusal> {
        let incoming = Incoming::read(request, doors.request_limit).await?;
        let (caller, facts) = incoming.asker(doors).await.map_err(of_authentication)?;
        let demand = Demand::parse(incoming.parts.headers.get(AT_LEAST_REVISION).map(HeaderValue::as_bytes))?;
        Ok(Self { incoming, caller, facts, demand })
    }

    fn body<T: serde::de::DeserializeOwned>(&self) -> Result<T, Refusal> {
        if !is_json(&self.incoming.parts.headers) {
            return Err(Refusal::bad("the content type must be application/json"));
        }
        serde_json::from_slice(&self.incoming.body)
            .map_err(|error| Refusal::bad(format!("not a request to this door: {error}")))
    }

    fn keeping(&self) -> Option<Keeping> {
        keeping::wanted(&self.incoming.parts.headers)
    }

    fn asking<'a>(&'a self, doors: &'a Doors) -> Asking<'a> {
        Asking { broker: &doors.broker, asker: &self.caller, facts: &self.facts, door: DOOR }
    }
}

fn finish(
    doors: &Doors,
    answer: Result<Told, Refusal>,
    operation: &'static str,
    started: std::time::Instant,
) -> Response {
    let mut response = match answer {
        Ok((answer, keeping)) => {
            let mut response = Json(answer).into_response();
            keeping::tell(keeping.as_ref(), response.headers_mut());
            response
        }
        Err(refusal) => refusal.with_code(SIGN_IN),
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    doors.counts.answered((DOOR, operation, response.status().into()), started.elapsed());
    response
}

fn of_authentication(error: authn::Error) -> Refusal {
    let message = match &error {
        authn::Error::Store(_) => questions::Refusal::Unavailable.to_string(),
        authn::Error::Signature(refusal) => refusal.to_string(),
        authn::Error::Anonymous | authn::Error::WrongService(_) => {
            format!("sign in with SigV4 for the service `{SERVICE}`, or with a web identity token for this broker")
        }
        authn::Error::Expired => "the session has expired".to_owned(),
        authn::Error::Revoked => "the session was revoked".to_owned(),
        _ => "the credentials are not valid".to_owned(),
    };
    Refusal::of_authentication(&error, message)
}
