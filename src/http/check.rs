//! What the doors of proxies have in common: a request that a proxy received, the question that its route makes of it, and the verdict.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use serde_json::json;

use super::request::{Incoming, Unreadable};
use super::router::Doors;
use super::routes::{Header, Headers, Original};
use super::sender::{NOBODY, Proof, Sender};
use crate::authn::{self, Caller};
use crate::decision::RequestFacts;
use crate::ops::questions::{AT_LEAST_REVISION, Answered, Asking, Demand, Keeping, Named, Question, Refusal, Said};
use crate::store::NotReached;
use crate::wire::strict_json::Json;

/// What is to become of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It may pass.
    Allowed,
    /// Nobody knows who sent it.
    Unauthenticated,
    /// It must not pass.
    Denied,
}

/// A verdict, with all that the proxy and its client are told of it.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    /// Why, in a sentence for whoever sent the request.
    pub(super) reason: String,
    /// Such as `AccessDenied`.
    pub(super) code: &'static str,
    /// What it was made on, where a question was answered.
    pub(super) decided: Option<Box<Decided>>,
    /// How whoever sent it may say who they are (RFC 9110 section 11.6.1).
    pub(super) challenge: Option<&'static str>,
}

/// What a decision was made on.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) principal: String,
    pub(super) account: String,
    pub(super) action: String,
    pub(super) resource: String,
    pub(super) answered: Answered,
}

/// Headers of a request that somebody tells of, at the most: each is compared with all that a signature covers.
pub(super) const MOST_HEADERS: usize = 256;
/// Headers that an allowed request is given on its way, each of them always: what its client put there is overwritten.
pub(super) const GIVEN: [&str; 5] =
    ["x-brevet-principal", "x-brevet-account", "x-brevet-revision", "x-brevet-max-age", "x-brevet-degraded"];
/// The region that a request was signed for.
const REGION: &str = "aws:RequestedRegion";
/// In which header a proxy shows a token of its own, as `Authorization` is its client's.
pub(super) const PROXY_AUTHORIZATION: &str = "x-brevet-authorization";

impl Verdict {
    pub(super) fn denied(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { outcome: Outcome::Denied, reason, code: "AccessDenied", decided: None, challenge: None }
    }

    pub(super) fn unauthenticated(code: &'static str, reason: &str, challenge: &'static str) -> Self {
        let reason = reason.to_owned();
        Self { outcome: Outcome::Unauthenticated, reason, code, decided: None, challenge: Some(challenge) }
    }

    /// The status that the request's sender sees, unless the request passes.
    pub(super) fn status(&self) -> StatusCode {
        match self.outcome {
            Outcome::Allowed => StatusCode::OK,
            Outcome::Unauthenticated => StatusCode::UNAUTHORIZED,
            Outcome::Denied => StatusCode::FORBIDDEN,
        }
    }

    /// What the request's sender reads, unless the request passes.
    pub(super) fn body(&self) -> String {
        json!({ "code": self.code, "message": self.reason }).to_string()
    }

    /// The headers of [`GIVEN`] with their values, for a request that may pass.
    pub(super) fn given(&self) -> Option<[(&'static str, String); 5]> {
        let decided = self.decided.as_ref().filter(|_| self.outcome == Outcome::Allowed)?;
        let answered = &decided.answered;
        let values = [
            decided.principal.clone(),
            decided.account.clone(),
            answered.revision.0.to_string(),
            answered.max_age.to_string(),
            answered.degraded.to_string(),
        ];
        let mut values = values.into_iter();
        Some(GIVEN.map(|name| (name, values.next().unwrap_or_default())))
    }
}

/// The verdict on a request that a proxy, the asker, has received at one of the doors.
///
/// # Errors
/// The proxy may not ask this, or nothing can be decided.
pub(super) async fn check(
    doors: &Doors,
    door: &'static str,
    (asker, facts): (&Caller, RequestFacts),
    original: &Original<'_>,
    keeping: Option<&mut Keeping>,
) -> Result<Verdict, Refusal> {
    let meaning = match doors.routes.meaning(original) {
        Ok(meaning) => meaning,
        Err(why) => return Ok(Verdict::denied(why.to_string())),
    };
    let demand = match original.headers.get(AT_LEAST_REVISION) {
        Header::None => Demand::default(),
        Header::One(text) => match Demand::parse(Some(text.as_bytes())) {
            Ok(demand) => demand,
            Err(refusal) => return Ok(Verdict::denied(refusal.to_string())),
        },
        Header::Unclear => return Ok(Verdict::denied(format!("`{AT_LEAST_REVISION}` is there more than once"))),
    };
    let proof = match Proof::of(meaning.callers, original) {
        Ok(proof) => proof,
        Err(verdict) => return Ok(verdict),
    };
    let mut said = Said::nothing();
    let text = |text| Json::Text(Cow::Borrowed(text));
    let context: Vec<_> = meaning.context.iter().map(|(key, value)| (Cow::Borrowed(*key), text(*value))).collect();
    // The values are the client's: one that no condition could read must not slip past it.
    if let Err(refusal) = said.context(&context) {
        return Ok(Verdict::denied(refusal.to_string()));
    }

    let asking = Asking { broker: &doors.broker, asker, facts: &facts, door };
    if asking.is_behind(demand) {
        // The header is anybody's: the store is read for those who prove who they are, and that is looked at again on what was read.
        match proof.sender(&asking, original, meaning.action, meaning.resource.as_str()).await? {
            Ok(Sender { named: Named::Nobody(reason, _), .. }) => {
                return Ok(Verdict::unauthenticated(NOBODY, reason, proof.challenge()));
            }
            Ok(_) => asking.demand(demand).await?,
            Err(verdict) => return Ok(verdict),
        }
    }
    let sender = match proof.sender(&asking, original, meaning.action, meaning.resource.as_str()).await? {
        Ok(sender) => sender,
        Err(verdict) => return Ok(verdict),
    };
    let about = match &sender.named {
        Named::Somebody(about) => about,
        Named::Absent(..) => {
            return Ok(Verdict::unauthenticated(NOBODY, "the subject does not exist", proof.challenge()));
        }
        Named::Nobody(reason, _) => return Ok(Verdict::unauthenticated(NOBODY, reason, proof.challenge())),
    };
    // Whoever relays a request, or was given a presigned one, could make another of it by a header that nobody signed.
    if let Some(signed) = &sender.signed
        && let Some((name, _)) = meaning.conditions.iter().find(|(name, _)| !signed.contains(name))
    {
        return Ok(Verdict::denied(format!("the signature must cover the header `{name}`")));
    }
    if let Some(region) = &sender.region
        && !meaning.context.iter().any(|(key, _)| key.eq_ignore_ascii_case(REGION))
        && let Err(refusal) = said.context(&[(Cow::Borrowed(REGION), text(region))])
    {
        return Ok(Verdict::denied(refusal.to_string()));
    }
    let question = Question { action: meaning.action, resource: &meaning.resource, said: &said, policy: None };
    // What the table names without an account is of the proxy's, not of whoever reaches for it.
    let owner = meaning.resource.account().unwrap_or(asker.account());
    let mut answered = asking.answer_about(&sender.named, &question, owner).await?;
    if sender.region.is_some() {
        // A signature is of one request: nobody may keep the answer for another that looks like it.
        answered.max_age = 0;
        answered.holds_for = Some(0);
    }
    if let Some(keeping) = keeping {
        keeping.add(&asking, &sender.who, &sender.named, &meaning.resource, &answered);
    }
    let Some(answer) = &answered.answer else {
        return Ok(Verdict::unauthenticated(NOBODY, answered.nobody, proof.challenge()));
    };
    let principal = answer.principal_arn.clone();
    let (outcome, reason) = if answered.is_allowed() {
        (Outcome::Allowed, "allowed".to_owned())
    } else {
        let because = answer.decision.because(meaning.action);
        let (action, resource) = (meaning.action, &meaning.resource);
        (
            Outcome::Denied,
            format!("User: {principal} is not authorized to perform: {action} on resource: {resource}{because}"),
        )
    };
    let decided = Decided {
        account: about.subject.account.to_string(),
        action: meaning.action.to_owned(),
        resource: meaning.resource.to_string(),
        principal,
        answered,
    };
    Ok(Verdict { outcome, reason, code: "AccessDenied", decided: Some(Box::new(decided)), challenge: None })
}

impl Headers for HeaderMap {
    fn get(&self, name: &str) -> Header<'_> {
        let mut all = self.get_all(name).iter();
        match (all.next(), all.next()) {
            (None, _) => Header::None,
            (Some(value), None) => value.to_str().map_or(Header::Unclear, Header::One),
            (Some(_), Some(_)) => Header::Unclear,
        }
    }

    fn all(&self) -> Vec<(&str, &[u8])> {
        self.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
    }
}

/// Answers a proxy that asks by HTTP; `original` tells from the proxy's request which one it has received, or what is missing.
pub(super) async fn answer(
    doors: &Doors,
    door: &'static str,
    request: Request<Body>,
    original: impl for<'a> FnOnce(&'a Incoming) -> Result<Original<'a>, &'static str>,
) -> Response<Body> {
    let started = std::time::Instant::now();
    let response = match answered(doors, door, request, original).await {
        Ok(verdict) => rendered(&verdict),
        Err(response) => response,
    };
    doors.counts.answered((door, "check", response.status().into()), started.elapsed());
    response
}

/// What is answered where the body could not be read.
pub(super) fn unread(unreadable: Unreadable) -> Response<Body> {
    let refusal = super::refusal::Refusal::from(unreadable);
    refused(refusal.status(), refusal.code(), refusal.message())
}

async fn answered(
    doors: &Doors,
    door: &'static str,
    request: Request<Body>,
    original: impl for<'a> FnOnce(&'a Incoming) -> Result<Original<'a>, &'static str>,
) -> Result<Verdict, Response<Body>> {
    let incoming = Incoming::read(request, doors.request_limit).await.map_err(unread)?;
    let (asker, facts) = incoming.proxy(doors).await.map_err(|error| match error {
        authn::Error::Store(_) => of_refusal(&Refusal::Unavailable),
        error => {
            // To the proxy's client it is all the same; whoever set the proxy up looks here.
            tracing::warn!(%error, door, "a proxy did not sign in");
            let message = "the proxy must sign in to the broker with a client certificate or a token";
            refused(StatusCode::PROXY_AUTHENTICATION_REQUIRED, "ProxyAuthenticationRequired", message)
        }
    })?;
    let original =
        original(&incoming).map_err(|missing| refused(StatusCode::BAD_REQUEST, "ValidationError", missing))?;
    check(doors, door, (&asker, facts), &original, None).await.map_err(|refusal| of_refusal(&refusal))
}

/// A refusal that lies with the proxy or the broker. What is between those two is not told to the proxy's client.
pub(super) fn of_refusal(refusal: &Refusal) -> Response<Body> {
    match refusal {
        Refusal::Bad(message) => refused(StatusCode::BAD_REQUEST, "ValidationError", message),
        Refusal::Denied(_) => {
            refused(StatusCode::FORBIDDEN, "AccessDenied", "the proxy may not ask about the sender of this request")
        }
        Refusal::NoAsker => {
            let message = "the proxy must sign in to the broker with a client certificate or a token";
            refused(StatusCode::PROXY_AUTHENTICATION_REQUIRED, "ProxyAuthenticationRequired", message)
        }
        Refusal::NotReached(NotReached::Unheard(..)) => {
            refused(StatusCode::PRECONDITION_FAILED, "RevisionNotReached", &refusal.to_string())
        }
        Refusal::NotReached(NotReached::NotYet(..)) | Refusal::Unavailable => {
            refused(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", &refusal.to_string())
        }
    }
}

pub(super) fn refused(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(json!({ "code": code, "message": message }).to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    super::request::say_if_closing(&mut response);
    response
}

pub(super) fn rendered(verdict: &Verdict) -> Response<Body> {
    let mut response = match verdict.given() {
        Some(given) => {
            let mut response = Response::new(Body::empty());
            for (name, value) in given {
                let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) else {
                    return refused(StatusCode::FORBIDDEN, "AccessDenied", "the caller's name cannot be told");
                };
                response.headers_mut().insert(name, value);
            }
            response
        }
        None => refused(verdict.status(), verdict.code, &verdict.reason),
    };
    let headers = response.headers_mut();
    if let Ok(reason) = HeaderValue::from_bytes(verdict.reason.as_bytes()) {
        headers.insert("x-brevet-reason", reason);
    }
    if let Some(decided) = &verdict.decided {
        headers.insert("x-brevet-revision", HeaderValue::from(decided.answered.revision.0));
    }
    if let Some(challenge) = verdict.challenge {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    let keep = verdict.decided.as_ref().map_or(0, |decided| decided.answered.max_age);
    let control = match verdict.outcome {
        Outcome::Allowed if keep > 0 => HeaderValue::from_str(&format!("max-age={keep}")),
        _ => Ok(HeaderValue::from_static("no-store")),
    };
    headers.insert(CACHE_CONTROL, control.unwrap_or(HeaderValue::from_static("no-store")));
    headers.insert(VARY, HeaderValue::from_static("authorization"));
    response
}
