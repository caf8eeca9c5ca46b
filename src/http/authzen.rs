//! The AuthZEN door: may this subject do that.
//!
//! Source: OpenID AuthZEN Authorization API 1.0, sections on the access evaluation API. The subject is a user, a role or the
//! holder of a session token; the resource is an ARN; the context's members are condition keys.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value as JsonValue, json};

use super::request::{Incoming, Unreadable};
use super::router::Doors;
use crate::authn;
use crate::clock::Timestamp;
use crate::decision::{Answer, Asked, Identity, Refused, RequestFacts, Subject};
use crate::ops::{self, Call};
use crate::policy::{Effect, KnownKey, Source, Value};
use crate::telemetry::names;
use crate::types::Arn;

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
    context: Map<String, JsonValue>,
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
    let started = std::time::Instant::now();
    let request_id = request.headers().get("x-request-id").cloned();
    let mut response = match evaluate(&doors, request).await {
        Ok(answer) => Json(answer).into_response(),
        Err(refusal) => {
            let mut response = (refusal.status, Json(json!({ "error": refusal.message }))).into_response();
            if refusal.status == StatusCode::UNAUTHORIZED {
                response.headers_mut().insert("www-authenticate", HeaderValue::from_static("AWS4-HMAC-SHA256"));
            }
            response
        }
    };
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
    let keys = condition_keys(question.context)?;
    let action = action(&question.action.name)?;
    let resource = resource(&question.resource)?;
    let subject = match subject(doors, &question.subject, asker.account(), facts.now)? {
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
    let asked = Asked { action, resource: resource.as_str(), resource_account: resource.account(), keys, trust: None };
    match doors.broker.authorizer.decide(&subject, &theirs, asked).await {
        Ok(answer) => Ok(rendered(doors, &answer, &subject, action, facts.now)),
        Err(Refused::NoPrincipal) => Ok(unknown("the subject does not exist")),
        Err(other) => Err(of_refused(other)),
    }
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
fn subject(
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
            match doors.broker.authenticator.subject_of_token(token, now) {
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
    named.id.parse().map_err(|_| Refusal::bad("`resource.id` must be an ARN, such as arn:aws:reports:::q3"))
}

/// The context's members as condition keys.
fn condition_keys(context: Map<String, JsonValue>) -> Result<Vec<(String, Value)>, Refusal> {
    /// Members of a context, and values of one member, at the most.
    const MOST: usize = 200;
    /// Bytes of one value: as long as the longest ARN. Patterns are matched against it.
    const LONGEST: usize = 2_048;
    if context.len() > MOST {
        return Err(Refusal::bad(format!("`context` has more than {MOST} members")));
    }
    let mut keys = Vec::with_capacity(context.len());
    for (key, value) in context {
        if let Some(reason) = unclaimable(&key) {
            return Err(Refusal::bad(format!("`context.{key}`: {reason}")));
        }
        let value = match value {
            JsonValue::String(text) if text.len() > LONGEST => {
                return Err(Refusal::bad(format!("`context.{key}` is longer than {LONGEST} bytes")));
            }
            JsonValue::String(text) => Value::from(text),
            JsonValue::Bool(flag) => Value::from(flag),
            JsonValue::Number(number) => Value::from(number.to_string()),
            JsonValue::Array(items) if items.len() <= MOST => {
                let short = |item: &JsonValue| item.as_str().filter(|text| text.len() <= LONGEST).map(str::to_owned);
                let texts: Option<Vec<String>> = items.iter().map(short).collect();
                let wrong = || Refusal::bad(format!("`context.{key}` must be texts of at most {LONGEST} bytes"));
                Value::from(texts.ok_or_else(wrong)?)
            }
            // Nested objects are for the asker's own use; AuthZEN lets them be.
            JsonValue::Object(_) | JsonValue::Null => continue,
            JsonValue::Array(_) => return Err(Refusal::bad(format!("`context.{key}` has more than {MOST} items"))),
        };
        keys.push((key, value));
    }
    Ok(keys)
}

/// Why an asker cannot say what a key holds. It can for keys of its own, and for AWS's that tell of the request it received.
fn unclaimable(key: &str) -> Option<&'static str> {
    match KnownKey::find(key).map(|known| known.source) {
        Some(Source::Asker) => None,
        Some(Source::Broker) => Some("the broker knows this key by itself"),
        Some(Source::Operation) => Some("only requests to the broker itself have this key"),
        Some(Source::Nobody) => Some("the broker cannot tell whether this is so, and takes nobody's word for it"),
        None => KnownKey::is_reserved(key).then_some("there is no such key"),
    }
}

fn rendered(doors: &Doors, answer: &Answer, subject: &Subject, action: &str, now: Timestamp) -> JsonValue {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(key: &str) -> Result<Vec<(String, Value)>, String> {
        let mut context = Map::new();
        context.insert(key.to_owned(), json!("x"));
        condition_keys(context).map_err(|refusal| refusal.message)
    }

    #[test]
    fn of_awss_keys_an_asker_claims_those_about_the_request_it_received() {
        for known in KnownKey::all() {
            let name = if known.is_family() { format!("{}team", known.name) } else { known.name.to_owned() };
            for name in [name.to_ascii_uppercase(), name] {
                let claimed = claim(&name);
                assert_eq!(claimed.is_ok(), known.source == Source::Asker, "{name}: {claimed:?}");
            }
        }
    }

    #[test]
    fn nothing_passes_for_one_of_awss_keys_that_is_none() {
        for name in ["aws:Nothing", "AWS:PrincipalTag", "aws:SourceIp/x", "sts:", "iam:x/y", "aws:TagKeys/team"] {
            assert_eq!(claim(name), Err(format!("`context.{name}`: there is no such key")));
        }
        for name in ["reports:Quarter", "Quarter", "xaws:SourceIp", "reports:aws:username"] {
            assert_eq!(claim(name), Ok(vec![(name.to_owned(), Value::from("x"))]));
        }
    }

    #[test]
    fn a_refusal_says_why_the_key_cannot_be_claimed() {
        for (name, reason) in [
            ("aws:username", "by itself"),
            ("sts:ExternalId", "only requests to the broker itself"),
            ("aws:PrincipalOrgID", "nobody's word"),
        ] {
            assert!(claim(name).is_err_and(|message| message.contains(reason)), "{name}");
        }
    }
}
