//! The questions of a batch: what one does not carry it has from the top of the request, each part as a whole.
//!
//! Source: OpenID AuthZEN Authorization API 1.0, "Access Evaluations API".

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use super::entity::{self, Action, Entity, Told};
use super::many::{Own, Part, Said};
use crate::ops::questions::{self, Asking, Question, Refusal};
use crate::types::Arn;
use crate::wire::strict_json::{Json, Members};

/// What stands at the top of the request, each part read once. One that is incomplete is no fault of questions that have their own.
pub(super) struct Defaults<'a> {
    subject: Option<Result<Entity<'a>, String>>,
    action: Option<Result<Action<'a>, String>>,
    resource: Option<Result<Entity<'a>, String>>,
    context: Result<Told<'a>, String>,
    /// The action at the top, where it means the same with any resource.
    named: Option<&'a str>,
    /// What a question says whose own parts say nothing.
    said: OnceLock<Arc<questions::Said>>,
}

impl<'a> Defaults<'a> {
    pub(super) fn read(members: &'a Members<'_>) -> Result<Self, String> {
        for name in ["subject", "action", "resource", "context"] {
            if members.get(name).is_some_and(|value| value.as_object().is_none()) {
                return Err(format!("`{name}` must be an object"));
            }
        }
        let action = members.get("action").map(entity::action);
        let named = action.as_ref().and_then(|action| action.as_ref().ok()).map(|action| action.name);
        Ok(Self {
            subject: members.get("subject").map(|value| entity::entity(value, "subject")),
            // One that names its service is the same with a type that names none.
            named: named.filter(|name| questions::action(name, "").is_ok_and(|action| action == *name)),
            action,
            resource: members.get("resource").map(|value| entity::entity(value, "resource")),
            context: entity::context(members.get("context")),
            said: OnceLock::new(),
        })
    }
}

/// A question's own part, or else the one that all have.
fn part<'a, P, T: Clone>(
    name: &str,
    own: Option<&'a P>,
    read: impl Fn(&'a P) -> Result<T, String>,
    default: Option<&'a Result<T, String>>,
) -> Result<Cow<'a, T>, String> {
    match (own, default) {
        (Some(own), _) => read(own).map(Cow::Owned),
        (None, Some(Ok(default))) => Ok(Cow::Borrowed(default)),
        (None, Some(Err(why))) => Err(why.clone()),
        (None, None) => Err(format!("`{name}` is missing")),
    }
}

/// The parts of one question.
struct Parts<'a> {
    subject: Cow<'a, Entity<'a>>,
    action: Cow<'a, Action<'a>>,
    resource: Cow<'a, Entity<'a>>,
    context: Cow<'a, Told<'a>>,
}

impl<'a> Parts<'a> {
    fn read(item: &'a Own<'_>, defaults: &'a Defaults<'_>) -> Result<Self, String> {
        let Said { subject, action, resource, context } =
            item.as_ref().ok_or("a question of a batch must be an object")?;
        let entity = |name: &'static str| move |own: &'a Part<'_, 3>| entity::entity_of(own.as_ref(), name);
        let action_of = |own: &'a Part<'_, 2>| entity::action_of(own.as_ref());
        let context_of = |own: &'a Json<'_>| entity::context(Some(own));
        Ok(Self {
            subject: part("subject", subject.as_deref(), entity("subject"), defaults.subject.as_ref())?,
            action: part("action", action.as_deref(), action_of, defaults.action.as_ref())?,
            resource: part("resource", resource.as_ref(), entity("resource"), defaults.resource.as_ref())?,
            context: part("context", context.as_deref(), context_of, Some(&defaults.context))?,
        })
    }

    /// What is said beside the names, made once for all questions that say what is said at the top, and nothing of their resources.
    fn said(&self, defaults: &Defaults<'_>) -> Result<Arc<questions::Said>, Refusal> {
        let own = || entity::said(&self.subject, Some(&self.action), &self.resource, *self.context).map(Arc::new);
        if !self.say_nothing_else() {
            return own();
        }
        if let Some(said) = defaults.said.get() {
            return Ok(Arc::clone(said));
        }
        let said = own()?;
        Ok(Arc::clone(defaults.said.get_or_init(|| said)))
    }
}

impl Parts<'_> {
    /// Whether all but the resource is what is said at the top, and nothing is said of the resource.
    fn say_nothing_else(&self) -> bool {
        matches!(self.subject, Cow::Borrowed(_))
            && matches!(self.action, Cow::Borrowed(_))
            && matches!(self.context, Cow::Borrowed(_))
            && self.resource.says_nothing()
    }
}

/// One question of the batch, in IAM's terms.
pub(super) struct Item<'a> {
    pub(super) action: Cow<'a, str>,
    pub(super) resource: Arn,
    parts: Parts<'a>,
}

impl<'a> Item<'a> {
    /// Reads a question, or says why it is none.
    pub(super) fn read(item: &'a Own<'_>, defaults: &'a Defaults<'_>, asking: &Asking<'_>) -> Result<Self, String> {
        let parts = Parts::read(item, defaults)?;
        let why = |refusal: Refusal| refusal.to_string();
        let action = match defaults.named {
            Some(named) if matches!(parts.action, Cow::Borrowed(_)) => Cow::Borrowed(named),
            _ => questions::action(parts.action.name, parts.resource.kind).map_err(why)?,
        };
        let resource = parts.resource.arn(asking).map_err(why)?;
        Ok(Self { action, resource, parts })
    }

    pub(super) fn subject(&self) -> &Cow<'a, Entity<'a>> {
        &self.parts.subject
    }

    /// What is said beside the names: made when the question's turn comes, for it may take some room.
    pub(super) fn said(&self, defaults: &Defaults<'_>) -> Result<Arc<questions::Said>, Refusal> {
        self.parts.said(defaults)
    }

    /// Whether it says what all say, but for its resource.
    pub(super) fn says_nothing_else(&self) -> bool {
        self.parts.say_nothing_else()
    }

    /// What is said beside the names, if that is what all say.
    pub(super) fn said_by_all<'d>(&self, defaults: &'d Defaults<'_>) -> Option<&'d questions::Said> {
        if !self.says_nothing_else() {
            return None;
        }
        self.said(defaults).ok()?;
        defaults.said.get().map(|said| &**said)
    }

    pub(super) fn question<'q>(&'q self, said: &'q questions::Said) -> Question<'q> {
        Question { action: &self.action, resource: &self.resource, said, policy: None }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::http::authzen::body::tests::came_as;
    use crate::http::authzen::many::tests::asked_as;

    #[test]
    fn a_part_is_a_questions_own_or_the_defaults_as_a_whole() {
        let members = json!({
            "subject": { "type": "user", "id": "alice", "properties": { "team": "red" } },
            "resource": { "type": "record" },
        });
        came_as(&members, |members| {
            let defaults = Defaults::read(members.as_object().expect("an object")).expect("defaults");
            let read = |item: Value| {
                asked_as(&item, |item| Parts::read(item, &defaults).map(|parts| parts.subject.id.to_owned()))
            };
            let whole = json!({ "action": { "name": "read" }, "resource": { "type": "record", "id": "r1" } });
            assert_eq!(read(whole), Ok("alice".to_owned()));
            for (item, why) in [
                (json!({}), "`action` is missing"),
                (json!({ "action": { "name": "read" } }), "`resource.id` is missing"),
                (json!({ "action": { "name": "read" }, "resource": { "id": "r1" } }), "`resource.type` is missing"),
                (json!([]), "must be an object"),
            ] {
                let said = read(item.clone()).expect_err("it is none");
                assert!(said.contains(why), "{item}: {said}");
            }
        });
        let none = json!({ "subject": "alice" });
        assert!(came_as(&none, |none| Defaults::read(none.as_object().expect("an object")).is_err()));
    }

    /// Whatever a question says by itself is said of it alone, and what is said of all of them is said of each.
    #[test]
    fn what_one_question_says_no_other_does() {
        let members = json!({
            "subject": { "type": "user", "id": "alice", "properties": { "team": "red" } },
            "action": { "name": "read", "properties": { "soft": true } },
            "resource": { "type": "record", "id": "r0", "properties": { "status": "new" } },
            "context": { "aws:SourceIp": "192.0.2.1" },
        });
        came_as(&members, |members| {
            let defaults = Defaults::read(members.as_object().expect("an object")).expect("defaults");
            let keys = |item: Value| {
                asked_as(&item, |item| {
                    let parts = Parts::read(item, &defaults).expect("a question");
                    let said = parts.said(&defaults).expect("said");
                    said.keys().iter().map(|(key, value)| format!("{key}={}", value.as_text())).collect::<Vec<_>>()
                })
            };
            let of_all = ["aws:sourceip=192.0.2.1", "brevet:subject/team=red", "brevet:action/soft=true"];
            let plain = || json!({ "resource": { "type": "record", "id": "r1" } });
            for _ in 0..2 {
                assert_eq!(keys(plain()), of_all);
                let mut with_default = of_all.to_vec();
                with_default.insert(2, "brevet:resource/status=new");
                assert_eq!(keys(json!({})), with_default);
                let other = json!({ "resource": { "type": "record", "id": "r1", "properties": { "status": "old" } } });
                assert!(keys(other).contains(&"brevet:resource/status=old".to_owned()));
                let context = json!({ "resource": plain()["resource"], "context": {} });
                assert_eq!(keys(context), of_all[1..]);
                let subject = json!({ "resource": plain()["resource"], "subject": { "type": "user", "id": "bob" } });
                assert_eq!(keys(subject), [of_all[0], of_all[2]]);
                let action = json!({ "resource": plain()["resource"], "action": { "name": "read" } });
                assert_eq!(keys(action), of_all[..2]);
            }
        });
    }
}
