//! Many questions at once: `POST /access/v1/evaluations`.
//!
//! Source: OpenID AuthZEN Authorization API 1.0, "Access Evaluations API". What a question of the batch does not carry it has from
//! the top of the request, each part as a whole. A question that is none is answered with no, and does not spoil the others.

use std::borrow::Cow;
use std::collections::HashMap;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::entity::{self, Action, Entity};
use super::evaluation::Evaluation;
use super::frame::{Answer, Received, framed};
use super::render;
use crate::http::refusal::Refusal;
use crate::http::router::Doors;
use crate::ops::questions::{self, Asking, Keeping, Named, Question, Who};
use crate::policy::Claims;

/// Questions in a batch, at the most.
const MOST: usize = 1_000;
/// Subjects of one batch that the asker may not ask about and whose refusals are recorded one by one.
const RECORDED: usize = 10;
/// After how many questions others are let in between.
const IN_A_ROW: usize = 50;

/// After which answer there are no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Semantic {
    ExecuteAll,
    DenyOnFirstDeny,
    PermitOnFirstPermit,
}

impl Semantic {
    fn read(options: Option<&Value>) -> Result<Self, String> {
        let Some(options) = options else { return Ok(Self::ExecuteAll) };
        let options = options.as_object().ok_or("`options` must be an object")?;
        match options.get("evaluations_semantic") {
            None => Ok(Self::ExecuteAll),
            Some(Value::String(name)) => match name.as_str() {
                "execute_all" => Ok(Self::ExecuteAll),
                "deny_on_first_deny" => Ok(Self::DenyOnFirstDeny),
                "permit_on_first_permit" => Ok(Self::PermitOnFirstPermit),
                _ => Err(format!("there is no `options.evaluations_semantic` of the name `{name}`")),
            },
            Some(_) => Err("`options.evaluations_semantic` must be a text".to_owned()),
        }
    }

    fn ends_with(self, decision: bool) -> bool {
        match self {
            Self::ExecuteAll => false,
            Self::DenyOnFirstDeny => !decision,
            Self::PermitOnFirstPermit => decision,
        }
    }
}

/// What stands at the top of the request, each part read once. One that is incomplete is no fault of questions that have their own.
struct Defaults {
    subject: Option<Result<Entity, String>>,
    action: Option<Result<Action, String>>,
    resource: Option<Result<Entity, String>>,
    context: Result<Claims, String>,
}

impl Defaults {
    fn read(members: &Map<String, Value>) -> Result<Self, String> {
        for name in ["subject", "action", "resource", "context"] {
            if members.get(name).is_some_and(|value| !value.is_object()) {
                return Err(format!("`{name}` must be an object"));
            }
        }
        Ok(Self {
            subject: members.get("subject").map(|value| entity::entity(value, "subject")),
            action: members.get("action").map(entity::action),
            resource: members.get("resource").map(|value| entity::entity(value, "resource")),
            context: entity::context(members.get("context")),
        })
    }
}

/// A question's own part, or else the one that all have.
fn part<'a, T: Clone>(
    item: &Map<String, Value>,
    name: &str,
    read: impl Fn(&Value) -> Result<T, String>,
    default: Option<&'a Result<T, String>>,
) -> Result<Cow<'a, T>, String> {
    match (item.get(name), default) {
        (Some(own), _) => read(own).map(Cow::Owned),
        (None, Some(Ok(default))) => Ok(Cow::Borrowed(default)),
        (None, Some(Err(why))) => Err(why.clone()),
        (None, None) => Err(format!("`{name}` is missing")),
    }
}

/// One question of the batch.
struct Item<'a> {
    subject: Cow<'a, Entity>,
    action: Cow<'a, Action>,
    resource: Cow<'a, Entity>,
    context: Cow<'a, Claims>,
}

impl<'a> Item<'a> {
    fn read(item: &Value, defaults: &'a Defaults) -> Result<Self, String> {
        let item = item.as_object().ok_or("a question of a batch must be an object")?;
        Ok(Self {
            subject: part(item, "subject", |value| entity::entity(value, "subject"), defaults.subject.as_ref())?,
            action: part(item, "action", entity::action, defaults.action.as_ref())?,
            resource: part(item, "resource", |value| entity::entity(value, "resource"), defaults.resource.as_ref())?,
            context: part(item, "context", |value| entity::context(Some(value)), Some(&defaults.context))?,
        })
    }
}

/// Answers many questions.
pub(in crate::http) async fn evaluations(State(doors): State<Doors>, request: Request<Body>) -> Response {
    framed(&doors, "evaluations", request, async |request| {
        let mut received = Received::read(&doors, request).await?;
        let keeping = received.keeping.take();
        let semantic = Semantic::read(received.body.get("options")).map_err(Refusal::bad)?;
        let items = match received.body.get("evaluations") {
            None => &[],
            Some(Value::Array(items)) => items.as_slice(),
            Some(_) => return Err(Refusal::bad("`evaluations` must be a list")),
        };
        if items.is_empty() {
            let asked = Evaluation::read(&received.body).map_err(Refusal::bad)?;
            return asked.answered(&received.asking(&doors).await?, keeping).await;
        }
        if items.len() > MOST {
            return Err(Refusal::bad(format!("`evaluations` has more than {MOST} questions")));
        }
        let defaults = Defaults::read(&received.body).map_err(Refusal::bad)?;
        let asking = received.asking(&doors).await?;
        let mut batch = Batch { asking: &asking, subjects: HashMap::new(), refused: 0, keeping };
        let mut answers = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            if at % IN_A_ROW == IN_A_ROW - 1 {
                tokio::task::yield_now().await;
            }
            let answer = match Item::read(item, &defaults) {
                Ok(item) => batch.answer(&item).await?,
                Err(why) => render::error(400, &why),
            };
            let decision = answer["decision"] == json!(true);
            answers.push(answer);
            if semantic.ends_with(decision) {
                break;
            }
        }
        Ok(Answer { body: render::body(&json!({ "evaluations": answers }))?, keeping: batch.keeping })
    })
    .await
}

/// A batch whose questions are being answered. Whether the asker may ask about a subject is found out once.
struct Batch<'a> {
    asking: &'a Asking<'a>,
    subjects: HashMap<String, Result<(Who, Named), String>>,
    refused: usize,
    keeping: Option<Keeping>,
}

impl Batch<'_> {
    /// The answer; a refusal that is about this question alone is one of its answers.
    async fn answer(&mut self, item: &Item<'_>) -> Result<Value, Refusal> {
        match self.attempt(item).await {
            Ok(answer) => Ok(answer),
            Err(questions::Refusal::Bad(why)) => Ok(render::error(400, &why)),
            Err(other) => Err(other.into()),
        }
    }

    async fn attempt(&mut self, item: &Item<'_>) -> Result<Value, questions::Refusal> {
        let action = questions::action(&item.action.name, &item.resource.kind)?;
        let resource = item.resource.arn(self.asking)?;
        let said = entity::said(&item.subject, Some(&item.action), &item.resource, &item.context)?;
        let key = json!(item.subject.known_by()).to_string();
        if !self.subjects.contains_key(&key) {
            let shown = json!({ "type": item.subject.kind, "action": &*action, "resource": resource.as_str() });
            let found = self.subject(&item.subject, shown).await?;
            self.subjects.insert(key.clone(), found);
        }
        let (who, named) = match self.subjects.get(&key) {
            Some(Ok(found)) => found,
            Some(Err(why)) => {
                // What the asker may not ask changes with its own permissions, which no answer stands on.
                self.keeping = None;
                return Ok(render::error(StatusCode::FORBIDDEN.as_u16(), why));
            }
            None => return Err(questions::Refusal::Unavailable),
        };
        let question = Question { action: &action, resource: &resource, said: &said, policy: None };
        let answered = self.asking.answer(named, &question).await?;
        if let Some(keeping) = &mut self.keeping {
            keeping.add(self.asking, who, named, &resource, &answered);
        }
        Ok(render::in_a_batch(&answered, &action))
    }

    /// Whom a subject means; inside, why the asker may not ask about it.
    async fn subject(
        &mut self,
        subject: &Entity,
        shown: Value,
    ) -> Result<Result<(Who, Named), String>, questions::Refusal> {
        let who = subject.who(self.asking)?;
        if self.refused >= RECORDED {
            let named = self.asking.about_quietly(&who).await?;
            let why = || "the asker may not ask about this subject".to_owned();
            return Ok(named.map(|named| (who, named)).ok_or_else(why));
        }
        match self.asking.about(&who, || shown).await {
            Ok(named) => Ok(Ok((who, named))),
            Err(questions::Refusal::Denied(denial)) => {
                self.refused += 1;
                Ok(Err(denial.to_string()))
            }
            Err(other) => Err(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_semantic_is_one_of_three() {
        let read = |options: Value| Semantic::read(Some(&options));
        assert_eq!(Semantic::read(None), Ok(Semantic::ExecuteAll));
        assert_eq!(read(json!({ "other": 1 })), Ok(Semantic::ExecuteAll));
        let named = |name: &str| read(json!({ "evaluations_semantic": name }));
        assert_eq!(named("deny_on_first_deny"), Ok(Semantic::DenyOnFirstDeny));
        assert_eq!(named("permit_on_first_permit"), Ok(Semantic::PermitOnFirstPermit));
        assert!(named("bogus_value").is_err() && read(json!([])).is_err());
        assert!(read(json!({ "evaluations_semantic": null })).is_err());
    }

    #[test]
    fn a_part_is_a_questions_own_or_the_defaults_as_a_whole() {
        let members = json!({
            "subject": { "type": "user", "id": "alice", "properties": { "team": "red" } },
            "resource": { "type": "record" },
        });
        let defaults = Defaults::read(members.as_object().expect("an object")).expect("defaults");
        let read = |item: Value| Item::read(&item, &defaults);
        let whole = json!({ "action": { "name": "read" }, "resource": { "type": "record", "id": "r1" } });
        assert_eq!(read(whole).expect("a question").subject.id, "alice");
        for (item, why) in [
            (json!({}), "`action` is missing"),
            (json!({ "action": { "name": "read" } }), "`resource.id` is missing"),
            (json!({ "action": { "name": "read" }, "resource": { "id": "r1" } }), "`resource.type` is missing"),
            (json!([]), "must be an object"),
        ] {
            let said = read(item.clone()).err().expect("it is none");
            assert!(said.contains(why), "{item}: {said}");
        }
        assert!(Defaults::read(json!({ "subject": "alice" }).as_object().expect("an object")).is_err());
    }
}
