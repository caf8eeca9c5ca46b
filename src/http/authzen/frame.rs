//! What all AuthZEN doors have in common: who asks, how fresh the answer must be, and how answers and refusals look.
//!
//! Source: section "HTTPS Binding". A denial is an answer; errors are about the request, and carry a sentence.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use bytes::Bytes;

use super::body;
use super::many::{Alone, Many};
use crate::authn::{self, Caller};
use crate::decision::{Outcomes, RequestFacts};
use crate::http::keeping;
use crate::http::refusal::Refusal;
use crate::http::request::{Arrival, is_json};
use crate::http::router::Doors;
use crate::ops::Knowledge;
use crate::ops::questions::{self, AT_LEAST_REVISION, Asking, Demand, Keeping, SERVICE};
use crate::wire::strict_json::Members;

const APPLICATION_JSON: HeaderValue = HeaderValue::from_static("application/json");
/// The name of these doors in metrics and in the audit trail.
const DOOR: &str = "authzen";
const AT_LEAST: HeaderName = HeaderName::from_static(AT_LEAST_REVISION);
/// A caller's own name for its request comes back.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// An answer.
pub(super) struct Answer {
    pub(super) body: Bytes,
    /// How it may be kept, if that is to be told.
    pub(super) keeping: Option<Keeping>,
    /// What was decided in it, and for it.
    pub(super) outcomes: Outcomes,
    /// Whether something came with it beside notes of the second, or it says that it was made on knowledge that is too old: the same
    /// question is to be looked at again.
    pub(super) once: bool,
}

/// A question that was read, and who asks it.
pub(super) struct Received {
    asker: Caller,
    facts: RequestFacts,
    demand: Demand,
    /// Takes note of how the answer may be kept, if the request wants to be told.
    keeping: Option<Keeping>,
    headers: HeaderMap,
    body: Bytes,
}

impl Received {
    pub(super) async fn read(doors: &Doors, arrival: Arrival) -> Result<Self, Refusal> {
        let incoming = arrival.whole()?;
        let (asker, facts) = incoming.asker(doors).await.map_err(of_authentication)?;
        let demand = Demand::parse(incoming.parts.headers.get(AT_LEAST).map(HeaderValue::as_bytes))?;
        let headers = incoming.parts.headers;
        Ok(Self { asker, facts, demand, keeping: keeping::wanted(&headers), headers, body: incoming.body })
    }

    /// The answer that the same question had before in this second, or else the one that is made now.
    pub(super) async fn answered(
        mut self,
        doors: &Doors,
        door: &'static str,
        made: impl AsyncFnOnce(&Self, Option<Keeping>) -> Result<Answer, Refusal>,
    ) -> Result<Answer, Refusal> {
        let (broker, keeping) = (&doors.broker, self.keeping.take());
        let recorded = broker.decision_log.is_some();
        let demanded = self.demand.at_least.is_some_and(|revision| !broker.feed.has_applied(revision));
        // What is refused is refused in order, and each record of the log has an answer of its own.
        let plain = !recorded && !demanded && keeping.is_none() && is_json(&self.headers);
        let ask = plain.then(|| doors.repeated.ask(&self.asker, &self.facts, door, &self.body)).flatten();
        let Some(ask) = ask else { return made(&self, keeping).await };
        if let Some(body) = doors.repeated.find(broker, &ask) {
            return Ok(Answer { body, keeping: None, outcomes: Outcomes::default(), once: false });
        }
        let knowledge = Knowledge::now(broker);
        let answer = made(&self, None).await?;
        if let Some(knowledge) = knowledge {
            doors.repeated.keep(broker, ask, knowledge, &answer);
        }
        Ok(answer)
    }

    /// The body's members.
    pub(super) fn body(&self) -> Result<Members<'_>, Refusal> {
        body::read(&self.headers, &self.body).map_err(Refusal::bad)
    }

    /// The body's question.
    pub(super) fn one(&self) -> Result<Alone<'_>, Refusal> {
        body::read_one(&self.headers, &self.body).map_err(Refusal::bad)
    }

    /// The body of a batch, with one question more than `most` at the most.
    pub(super) fn many(&self, most: usize) -> Result<Many<'_>, Refusal> {
        body::read_many(&self.headers, &self.body, most).map_err(Refusal::bad)
    }

    /// The asker, asking: what is demanded of the answer's freshness is met.
    pub(super) async fn asking<'a>(&'a self, doors: &'a Doors) -> Result<Asking<'a>, Refusal> {
        let asking = Asking { broker: &doors.broker, asker: &self.asker, door: DOOR, facts: &self.facts };
        asking.demand(self.demand).await?;
        Ok(asking)
    }
}

/// Answers a request with what `made` makes of it.
pub(super) async fn framed(
    doors: &Doors,
    operation: &'static str,
    arrival: Arrival,
    made: impl AsyncFnOnce(Arrival) -> Result<Answer, Refusal>,
) -> Response {
    let started = arrival.started;
    let request_id = arrival.parts.headers.get(REQUEST_ID).cloned();
    let mut response = match made(arrival).await {
        Ok(answer) => {
            let mut response = Response::new(Body::from(answer.body));
            response.headers_mut().insert(CONTENT_TYPE, APPLICATION_JSON);
            keeping::tell(answer.keeping.as_ref(), response.headers_mut());
            response
        }
        Err(refusal) => refusal.without_code(),
    };
    if let Some(id) = request_id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    doors.counts.answered((DOOR, operation, response.status().into()), started.elapsed());
    response
}

/// That whoever asks is not known, in these doors' words.
pub(in crate::http) fn of_authentication(error: authn::Error) -> Refusal {
    let message = match &error {
        authn::Error::Store(_) => questions::Refusal::Unavailable.to_string(),
        authn::Error::Signature(refusal) => refusal.to_string(),
        authn::Error::WrongService(_) => {
            format!("the request must be signed with SigV4 for the service `{SERVICE}`")
        }
        authn::Error::Anonymous => format!(
            "sign the request with SigV4 for the service `{SERVICE}`, or send a web identity token for this broker as a bearer's"
        ),
        authn::Error::Revoked => "the credentials were revoked".to_owned(),
        authn::Error::Certificate(_) => error.to_string(),
        authn::Error::WrongAudience => "the token is for another audience than this broker's URL".to_owned(),
        _ => "the credentials are not valid".to_owned(),
    };
    Refusal::of_authentication(&error, message)
}
