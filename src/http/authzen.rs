//! The AuthZEN door: may this subject do that.
//!
//! Source: OpenID AuthZEN Authorization API 1.0, sections on the access evaluation API. The subject is a user, a role or the
//! holder of a session token; the resource is an ARN; the context's members are condition keys.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value as JsonValue, json};

use super::claimed::condition_keys;
use super::request::{Incoming, Unreadable, say_if_closing};
use super::router::Doors;
use crate::authn;
use crate::clock::Timestamp;
use crate::decision::{Answer, Asked, Identity, Refused, RequestFacts, Subject};
use crate::ops::{self, Call};
use crate::policy::{Claims, Effect, PolicySet, ResourceRule};
use crate::telemetry::names;
use crate::types::Arn;
use crate::usage::Use;

/// The service name that requests to this door are signed for.
const SERVICE: &str = "brevet";
/// The permission that an asker needs on the subject's ARN.
const PERMISSION: &str = "brevet:Evaluate";

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
    properties: Map<String, JsonValue>,
}

#[derive(Deserialize)]
struct Action {
    name: String,
}

/// Why there is no decision.
struct Refusal {
    status: StatusCode,
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

/// Answers one question.
pub(super) async fn evaluation(State(doors): State<Doors>, request: Request<Body>) -> Response {
    evaluation_at(&doors, request).await
}

/// As [`evaluation`], for whoever holds the doors.
pub(super) async fn evaluation_at(doors: &Doors, request: Request<Body>) -> Response {
    let started = std::time::Instant::now();
    let request_id = request.headers().get("x-request-id").cloned();
    let mut response = match evaluate(doors, request).await {
        Ok(answer) => Json(answer).into_response(),
        Err(refusal) => {
            let mut response = (refusal.status, Json(json!({ "error": refusal.message }))).into_response();
            if refusal.status == StatusCode::UNAUTHORIZED {
                response.headers_mut().insert("www-authenticate", HeaderValue::from_static("AWS4-HMAC-SHA256"));
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

async fn evaluate(doors: &Doors, request: Request<Body>) -> Result<JsonValue, Refusal> {
    let incoming = Incoming::read(request, doors.request_limit).await.map_err(|unreadable| match unreadable {
        Unreadable::TooLarge => Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"),
        Unreadable::Broken => Refusal::bad("the body is incomplete"),
    })?;
    let mut facts = incoming.facts(doors);
    let asker = incoming.authenticate(doors, &[SERVICE], &facts).await.map_err(of_authentication)?;
    facts.region = Some(asker.region().to_owned());
    let question = read(&incoming)?;
    let keys = condition_keys(question.context).map_err(Refusal::bad)?;
    let action = action(&question.action.name)?;
    let resource = resource(&question.resource)?;
    let subject = match subject(doors, &question.subject, asker.account(), facts.now).await? {
        Some(subject) => subject,
        None => return Ok(unknown("the subject's session is not valid")),
    };

    // Whether somebody exists is told only to those who may ask about them.
    let entity = entity_arn(doors, &subject).await?;
    let about = Asked {
        action: PERMISSION,
        resource: &entity,
        resource_account: Some(subject.account),
        keys: Vec::new(),
        trust: None,
    };
    if let Err(refused) = doors.broker.authorizer.authorize(asker.subject(), &facts, about).await {
        if let Refused::Denied(denial) = &refused {
            let call = Call { broker: &doors.broker, caller: &asker, facts, request_id: &doors.broker.new_id() };
            let parameters = json!({
                "subject": { "type": question.subject.kind, "arn": entity },
                "action": question.action.name,
                "resource": resource.as_str(),
            });
            ops::record_refusal(&call, SERVICE, "Evaluate", parameters, "AccessDenied", &denial.to_string()).await;
        }
        return Err(of_refused(refused));
    }

    // The question is about a request that the asker has received: where that came from is for the asker to say.
    let theirs = RequestFacts {
        now: facts.now,
        source_ip: None,
        user_agent: None,
        secure_transport: None,
        region: None,
        mfa_now: None,
    };
    note_uses(doors, &asker, &subject, action, facts.now).await;
    let trust = trust(doors, action, &resource).await?;
    let asked = Asked {
        action,
        resource: resource.as_str(),
        resource_account: resource.account(),
        keys,
        trust: trust.as_deref(),
    };
    match doors.broker.authorizer.decide(&subject, &theirs, asked).await {
        Ok(answer) => {
            let foreign = resource.account().is_some_and(|owner| owner != asker.account());
            Ok(rendered(doors, &answer, &subject, action, foreign, facts.now))
        }
        Err(Refused::NoPrincipal) => Ok(unknown("the subject does not exist")),
        Err(other) => Err(of_refused(other)),
    }
}

/// Notes that the asker asked, and what the subject reached for: the asker tells of a request that it has received. That the
/// subject does not exist is told where the question is decided.
async fn note_uses(doors: &Doors, asker: &authn::Caller, subject: &Subject, action: &str, at: Timestamp) {
    let (service, name) = action.split_once(':').unwrap_or((action, ""));
    let region = asker.region();
    let asked = Use { service: SERVICE, action: "Evaluate", at, region };
    let _ = ops::note_use(&doors.broker, asker, asked).await;
    let _ = ops::note_reach(&doors.broker, subject, Use { service, action: name, at, region }).await;
}

fn read(incoming: &Incoming) -> Result<Evaluation, Refusal> {
    let kind = incoming.parts.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Refusal::bad("the content type must be application/json"));
    }
    serde_json::from_slice(&incoming.body).map_err(|error| Refusal::bad(format!("not an evaluation request: {error}")))
}

/// The subject; `None` for a session whose token is not valid (any more).
async fn subject(
    doors: &Doors,
    named: &Entity,
    asker: crate::types::AccountId,
    now: Timestamp,
) -> Result<Option<Subject>, Refusal> {
    let arn = || -> Result<Arn, Refusal> {
        let ours = |arn: &Arn| arn.partition() == doors.broker.realm.partition && arn.service() == "iam";
        let arn = named.id.parse::<Arn>().ok().filter(ours);
        arn.ok_or_else(|| Refusal::bad(format!("`subject.id` must be the ARN of a {}", named.kind)))
    };
    let of = |arn: &Arn, identity| Subject {
        account: arn.account().unwrap_or(asker),
        identity,
        unique_id: None,
        session: None,
    };
    match named.kind.as_str() {
        "user" => {
            let arn = arn()?;
            let name = arn.name_of_kind("user").and_then(|name| name.parse().ok());
            let name = name.ok_or_else(|| Refusal::bad("`subject.id` is not the ARN of a user"))?;
            Ok(Some(of(&arn, Identity::User(name))))
        }
        "role" => {
            let arn = arn()?;
            let name = arn.name_of_kind("role").and_then(|name| name.parse().ok());
            let name = name.ok_or_else(|| Refusal::bad("`subject.id` is not the ARN of a role"))?;
            Ok(Some(of(&arn, Identity::Role(name))))
        }
        "session" => {
            let Some(token) = named.properties.get("session_token").and_then(JsonValue::as_str) else {
                return Err(Refusal::bad(
                    "a session is known by its token alone: pass it as `subject.properties.session_token`",
                ));
            };
            match doors.broker.authenticator.subject_of_token(token, now).await {
                Ok(subject) => Ok(Some(subject)),
                Err(authn::Error::Store(_)) => Err(unavailable()),
                Err(_) => Ok(None),
            }
        }
        other => Err(Refusal::bad(format!("`subject.type` must be user, role or session, not `{other}`"))),
    }
}

/// The ARN that the asker's permission is checked on: of the user or role behind the subject.
async fn entity_arn(doors: &Doors, subject: &Subject) -> Result<String, Refusal> {
    let realm = &doors.broker.realm;
    match doors.broker.authorizer.principal(subject).await {
        Ok(compiled) => Ok(compiled.arn.to_string()),
        Err(Refused::NoPrincipal) => {
            let path = crate::types::EntityPath::default();
            Ok(match &subject.identity {
                Identity::Root => realm.root(subject.account),
                Identity::User(name) => realm.user(subject.account, &path, name.as_str()),
                Identity::Role(name) => realm.role(subject.account, &path, name.as_str()),
            }
            .to_string())
        }
        Err(other) => Err(of_refused(other)),
    }
}

fn action(name: &str) -> Result<&str, Refusal> {
    let parts = name.split_once(':').filter(|(service, rest)| !service.is_empty() && !rest.is_empty());
    let plain = name.len() <= 256 && name.bytes().all(|b| b.is_ascii_graphic() && b != b'*' && b != b'?');
    match parts {
        Some(_) if plain => Ok(name),
        _ => Err(Refusal::bad("`action.name` must have the form service:Action, such as reports:Read")),
    }
}

fn resource(named: &Entity) -> Result<Arn, Refusal> {
    let arn: Arn =
        named.id.parse().map_err(|_| Refusal::bad("`resource.id` must be an ARN, such as arn:aws:reports:::q3"))?;
    // An account that cannot be one would count as none, and the resource as the subject's own.
    match arn.as_str().split(':').nth(4) {
        Some("" | "aws") => Ok(arn),
        Some(_) if arn.account().is_some() => Ok(arn),
        _ => Err(Refusal::bad("the account in `resource.id` must have twelve digits, or be empty")),
    }
}

/// The trust policy of the role that is asked about, where a role is to be taken on: without it nobody may.
async fn trust(doors: &Doors, action: &str, resource: &Arn) -> Result<Option<Arc<PolicySet>>, Refusal> {
    if ResourceRule::of(action, resource.as_str()) != ResourceRule::Trust {
        return Ok(None);
    }
    let name = resource.name_of_kind("role").and_then(|name| name.parse().ok());
    let (Some(account), Some(name)) = (resource.account(), name) else { return Ok(None) };
    match doors.broker.roles.find(account, &name).await {
        // A role of another path is another role.
        Ok(known) => Ok(known.filter(|known| known.arn == *resource).map(|known| Arc::clone(&known.trust))),
        Err(error) => {
            tracing::error!(%error, "a trust policy could not be read");
            Err(unavailable())
        }
    }
}

/// `foreign` says that the resource is not the asker's account's: what stands in its own policy is then its owner's business.
fn rendered(
    doors: &Doors,
    answer: &Answer,
    subject: &Subject,
    action: &str,
    foreign: bool,
    now: Timestamp,
) -> JsonValue {
    let decision = &answer.decision;
    let reason = match decision.effect {
        Effect::Allowed => "allowed".to_owned(),
        Effect::ExplicitlyDenied | Effect::ImplicitlyDenied => {
            format!("denied{}", decision.because(action))
        }
    };
    let statements: Vec<JsonValue> = decision
        .statements
        .iter()
        .filter(|matched| !(foreign && matched.kind.names_principals()))
        .map(|matched| {
            json!({
                "policy": &*matched.policy,
                "statement": matched.index,
                "sid": matched.sid.as_deref(),
                "effect": format!("{:?}", matched.effect),
            })
        })
        .collect();
    json!({
        "decision": decision.is_allowed(),
        "context": {
            "reason": reason,
            "statements": statements,
            "revision": answer.revision.0,
            "cache": if answer.cached { "hit" } else { "miss" },
            "max_age": max_age(doors, answer, subject, now),
        }
    })
}

/// For how many seconds the asker may keep the answer: no longer than changes may take to be seen, than time leaves it true,
/// and than the session lives.
fn max_age(doors: &Doors, answer: &Answer, subject: &Subject, now: Timestamp) -> i64 {
    let bound = i64::try_from(doors.broker.feed.bound().as_secs()).unwrap_or(0);
    let ends = [answer.until, subject.session.as_ref().map(|session| session.expires)];
    ends.into_iter().flatten().map(|end| end.seconds() - now.seconds()).fold(bound, i64::min).max(0)
}

fn unknown(reason: &str) -> JsonValue {
    json!({ "decision": false, "context": { "reason": reason, "max_age": 0 } })
}

fn of_authentication(error: authn::Error) -> Refusal {
    match error {
        authn::Error::Store(_) => unavailable(),
        authn::Error::Signature(refusal) => Refusal::new(StatusCode::UNAUTHORIZED, refusal.to_string()),
        authn::Error::WrongService(_) => Refusal::new(
            StatusCode::UNAUTHORIZED,
            format!("the request must be signed with SigV4 for the service `{SERVICE}`"),
        ),
        authn::Error::Anonymous => {
            Refusal::new(StatusCode::UNAUTHORIZED, format!("sign the request with SigV4 for the service `{SERVICE}`"))
        }
        authn::Error::Revoked => Refusal::new(StatusCode::UNAUTHORIZED, "the session was revoked"),
        _ => Refusal::new(StatusCode::UNAUTHORIZED, "the credentials are not valid"),
    }
}

fn of_refused(refused: Refused) -> Refusal {
    match refused {
        Refused::Denied(denial) => Refusal::new(StatusCode::FORBIDDEN, denial.to_string()),
        Refused::NoPrincipal => Refusal::new(StatusCode::UNAUTHORIZED, "the credentials are not valid"),
        Refused::Stale(_) | Refused::Store(_) => {
            tracing::error!(%refused, "a decision could not be made");
            unavailable()
        }
    }
}

fn unavailable() -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "no decision can be made at present; please try again")
}
