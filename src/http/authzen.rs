//! The AuthZEN door: may this subject do that.
//!
//! Source: OpenID AuthZEN Authorization API 1.0, sections on the access evaluation API. How its subjects, actions, resources and
//! properties are IAM's is said in [`questions`].

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value as JsonValue, json};

use super::keeping;
use super::request::{Incoming, Unreadable, say_if_closing};
use super::router::Doors;
use crate::authn;
use crate::ops::questions::{
    self, AT_LEAST_REVISION, Answered, Asking, Demand, Keeping, Properties, Question, SERVICE, Said, Who,
};
use crate::policy::Claims;
use crate::store::NotReached;
use crate::telemetry::names;
use crate::types::SecretText;

#[derive(Deserialize)]
struct Evaluation {
    subject: Entity,
    action: Action,
    resource: Entity,
    #[serde(default)]
    context: Claims,
}

#[derive(Deserialize)]
struct Entity {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    #[serde(default)]
    properties: Claims,
}

#[derive(Deserialize)]
struct Action {
    name: String,
    #[serde(default)]
    properties: Claims,
}

/// Properties of a subject that are how it is known, and no condition keys.
const CREDENTIALS: [&str; 3] = ["session_token", "token", "audience"];

/// Why there is no decision.
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

impl From<questions::Refusal> for Refusal {
    fn from(refusal: questions::Refusal) -> Self {
        let status = match &refusal {
            questions::Refusal::Bad(_) => StatusCode::BAD_REQUEST,
            questions::Refusal::Denied(_) => StatusCode::FORBIDDEN,
            questions::Refusal::NoAsker => StatusCode::UNAUTHORIZED,
            questions::Refusal::NotReached(NotReached::Unheard(..)) => StatusCode::PRECONDITION_FAILED,
            questions::Refusal::NotReached(NotReached::NotYet(..)) | questions::Refusal::Unavailable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        Self::new(status, refusal.to_string())
    }
}

/// Answers one question.
pub(super) async fn evaluation(State(doors): State<Doors>, request: Request<Body>) -> Response {
    let started = std::time::Instant::now();
    let request_id = request.headers().get("x-request-id").cloned();
    let mut response = match evaluate(&doors, request).await {
        Ok((answer, keeping)) => {
            let mut response = Json(answer).into_response();
            keeping::tell(keeping.as_ref(), response.headers_mut());
            response
        }
        Err(refusal) => {
            let mut response = (refusal.status, Json(json!({ "error": refusal.message }))).into_response();
            if refusal.status == StatusCode::UNAUTHORIZED {
                response.headers_mut().insert("www-authenticate", HeaderValue::from_static("AWS4-HMAC-SHA256, Bearer"));
            }
            response
        }
    };
    say_if_closing(&mut response);
    if let Some(id) = request_id {
        response.headers_mut().insert("x-request-id", id);
    }
    let code = response.status().as_str().to_owned();
    metrics::counter!(names::REQUESTS, "door" => "authzen", "operation" => "evaluation", "code" => code).increment(1);
    metrics::histogram!(names::REQUEST_SECONDS, "door" => "authzen").record(started.elapsed().as_secs_f64());
    response
}

async fn evaluate(doors: &Doors, request: Request<Body>) -> Result<(JsonValue, Option<Keeping>), Refusal> {
    let incoming = Incoming::read(request, doors.request_limit).await.map_err(|unreadable| match unreadable {
        Unreadable::TooLarge => Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"),
        Unreadable::Broken => Refusal::bad("the body is incomplete"),
    })?;
    let (asker, facts) = incoming.asker(doors).await.map_err(of_authentication)?;
    let demand = Demand::parse(incoming.parts.headers.get(AT_LEAST_REVISION).map(HeaderValue::as_bytes))?;
    let asked = read(&incoming)?;
    let broker = &*doors.broker;
    let action = questions::action(&asked.action.name, &asked.resource.kind)?;
    let resource = questions::resource(&broker.realm, asker.account(), &asked.resource.kind, &asked.resource.id)?;
    let who = who(doors, &asked.subject, asker.account())?;
    let mut said = Said::nothing();
    said.context(asked.context)?;
    said.properties(Properties::Subject, asked.subject.properties, &CREDENTIALS)?;
    said.properties(Properties::Resource, asked.resource.properties, &[])?;
    said.properties(Properties::Action, asked.action.properties, &[])?;

    let asking = Asking { broker, asker: &asker, door: "authzen", facts };
    asking.demand(demand).await?;
    let shown = || json!({ "type": asked.subject.kind, "action": &*action, "resource": resource.as_str() });
    let subject = asking.about(&who, shown).await?;
    let question = Question { action: &action, resource: &resource, said: &said, policy: None };
    let answered = asking.answer(&subject, &question).await?;
    let mut keeping = keeping::wanted(&incoming.parts.headers);
    if let Some(keeping) = &mut keeping {
        keeping.add(&asking, &who, &subject, &resource, &answered);
    }
    Ok((rendered(&answered, &action), keeping))
}

fn read(incoming: &Incoming) -> Result<Evaluation, Refusal> {
    let kind = incoming.parts.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Refusal::bad("the content type must be application/json"));
    }
    serde_json::from_slice(&incoming.body).map_err(|error| Refusal::bad(format!("not an evaluation request: {error}")))
}

fn who(doors: &Doors, named: &Entity, asker: crate::types::AccountId) -> Result<Who, Refusal> {
    let property = |name: &str| {
        let Claims(members) = &named.properties;
        members.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.as_str())
    };
    match named.kind.as_str() {
        "user" => Ok(Who::entity(&doors.broker, asker, "user", &named.id)?),
        "role" => Ok(Who::entity(&doors.broker, asker, "role", &named.id)?),
        "session" => property("session_token").map(|token| Who::Session(SecretText::new(token))).ok_or_else(|| {
            Refusal::bad("a session is known by its token alone: pass it as `subject.properties.session_token`")
        }),
        "token" => match (property("token"), property("audience")) {
            (Some(token), Some(audience)) => {
                Ok(Who::Bearer { token: SecretText::new(token), audience: audience.to_owned() })
            }
            _ => Err(Refusal::bad(
                "a web identity token is passed as `subject.properties.token`, and whom it must be for as \
                 `subject.properties.audience`",
            )),
        },
        other => Err(Refusal::bad(format!("`subject.type` must be user, role, session or token, not `{other}`"))),
    }
}

fn rendered(answered: &Answered, action: &str) -> JsonValue {
    let statements: Vec<JsonValue> = answered
        .statements()
        .map(|matched| {
            json!({
                "policy": &*matched.policy,
                "statement": matched.index,
                "sid": matched.sid.as_deref(),
                "effect": format!("{:?}", matched.effect),
            })
        })
        .collect();
    let mut context = json!({
        "reason": answered.reason(action),
        "statements": statements,
        "revision": answered.revision.0,
        "max_age": answered.max_age,
    });
    if let Some(id) = &answered.decision_id {
        context["decision_id"] = json!(id);
    }
    if answered.degraded {
        context["degraded"] = json!(true);
    }
    json!({ "decision": answered.is_allowed(), "context": context })
}

pub(super) fn of_authentication(error: authn::Error) -> Refusal {
    let message = match error {
        authn::Error::Store(_) => return questions::Refusal::Unavailable.into(),
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
    Refusal::new(StatusCode::UNAUTHORIZED, message)
}
