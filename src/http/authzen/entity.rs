//! The parts of a question as AuthZEN has them (section "Information Model"), and what they are in IAM's terms.

use std::fmt::{self, Write as _};

use crate::ops::questions::{self, Asking, Properties, Refusal, Said, Who};
use crate::policy::Claims;
use crate::types::{Arn, SecretText};
use crate::wire::strict_json::{Fields, Json, Member, Members};

/// A subject or a resource.
#[derive(Clone, Copy)]
pub(super) struct Entity<'a> {
    pub(super) kind: &'a str,
    /// Empty where it is what is searched for.
    pub(super) id: &'a str,
    properties: Told<'a>,
}

impl fmt::Debug for Entity<'_> {
    /// Properties may be tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entity").field("kind", &self.kind).field("id", &self.id).finish_non_exhaustive()
    }
}

/// An action.
#[derive(Clone, Copy)]
pub(super) struct Action<'a> {
    pub(super) name: &'a str,
    properties: Told<'a>,
}

/// Properties or a context: as much as may be said, and each name once, in whatever letters.
#[derive(Clone, Copy, Default)]
pub(super) struct Told<'a>(&'a [Member<'a>]);

/// Bytes of the texts of properties or a context, at the most. A batch says them anew for each question that says something of its own.
const LARGEST: usize = 64 << 10;

/// Bytes of a type, an id or a name: several times the longest ARN. A batch has a thousand questions that may have the same one.
const LONGEST: usize = 8 << 10;

/// Properties of a subject that are how it is known, where its type is one that is known so, and no condition keys then.
const CREDENTIALS: [&str; 3] = ["session_token", "token", "audience"];

/// The types of subjects that there are.
pub(super) const SUBJECT_TYPES: [&str; 4] = ["user", "role", "session", "token"];

/// Whatever members are looked up in.
pub(super) trait Holds {
    /// The value of a member.
    fn get(&self, name: &str) -> Option<&Json<'_>>;
}

impl Holds for Members<'_> {
    fn get(&self, name: &str) -> Option<&Json<'_>> {
        self.get(name)
    }
}

impl<const N: usize> Holds for Fields<'_, N> {
    fn get(&self, name: &str) -> Option<&Json<'_>> {
        self.get(name)
    }
}

/// A subject or resource; `member` is what messages call it by.
pub(super) fn entity<'a>(value: &'a Json<'_>, member: &str) -> Result<Entity<'a>, String> {
    entity_of(value.as_object(), member)
}

/// As [`entity`], by its members, if it is an object.
pub(super) fn entity_of<'a>(members: Option<&'a impl Holds>, member: &str) -> Result<Entity<'a>, String> {
    let members = object(members, member)?;
    let id = text(members, member, "id")?;
    Ok(Entity { kind: text(members, member, "type")?, id, properties: properties(members, member)? })
}

/// The subject or resource that is searched for: if it has an id, that is not looked at.
pub(super) fn searched<'a>(value: &'a Json<'_>, member: &str) -> Result<Entity<'a>, String> {
    let members = object(value.as_object(), member)?;
    Ok(Entity { kind: text(members, member, "type")?, id: "", properties: properties(members, member)? })
}

/// An action.
pub(super) fn action<'a>(value: &'a Json<'_>) -> Result<Action<'a>, String> {
    action_of(value.as_object())
}

/// As [`action`], by its members, if it is an object.
pub(super) fn action_of(members: Option<&impl Holds>) -> Result<Action<'_>, String> {
    let members = object(members, "action")?;
    Ok(Action { name: text(members, "action", "name")?, properties: properties(members, "action")? })
}

/// A context; none is an empty one.
pub(super) fn context<'a>(value: Option<&'a Json<'_>>) -> Result<Told<'a>, String> {
    value.map_or_else(|| Ok(Told::default()), |value| told(value, || "context".to_owned()))
}

fn object<T>(members: Option<T>, member: &str) -> Result<T, String> {
    members.ok_or_else(|| format!("`{member}` must be an object"))
}

fn text<'a>(members: &'a impl Holds, member: &str, name: &str) -> Result<&'a str, String> {
    match members.get(name) {
        Some(Json::Text(text)) if text.len() <= LONGEST => Ok(text),
        Some(Json::Text(_)) => Err(format!("`{member}.{name}` is longer than {LONGEST} bytes")),
        Some(_) => Err(format!("`{member}.{name}` must be a text")),
        None => Err(format!("`{member}.{name}` is missing")),
    }
}

fn properties<'a>(members: &'a impl Holds, member: &str) -> Result<Told<'a>, String> {
    match members.get("properties") {
        Some(properties) => told(properties, || format!("{member}.properties")),
        None => Ok(Told::default()),
    }
}

fn told<'a>(value: &'a Json<'_>, member: impl Fn() -> String) -> Result<Told<'a>, String> {
    let members = value.as_object().ok_or_else(|| format!("`{}` must be an object", member()))?.as_slice();
    let mut left = LARGEST;
    for (name, value) in members {
        let texts = match value {
            Json::List(items) => items,
            one => std::slice::from_ref(one),
        };
        // What is nested nobody will read.
        let size: usize = texts.iter().map(|text| 16 + text.as_text().map_or(0, str::len)).sum();
        left = left
            .checked_sub(name.len() + size)
            .ok_or_else(|| format!("`{}` is larger than {LARGEST} bytes", member()))?;
    }
    let names = members.iter().map(|(name, _)| &**name);
    Claims::are_distinct(names).map_err(|error| format!("`{}`: {error}", member()))?;
    Ok(Told(members))
}

impl Entity<'_> {
    fn property(&self, name: &str) -> Option<&str> {
        let Told(members) = self.properties;
        members.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.as_text())
    }

    /// Whether it has a property of this name, in whatever letters: as a condition key it is the same in all of them.
    fn has(&self, name: &str) -> bool {
        self.properties.0.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// Whom it means, as a subject.
    pub(super) fn who(&self, asking: &Asking<'_>) -> Result<Who, Refusal> {
        match self.kind {
            "user" => Who::entity(asking.broker, asking.asker.account(), "user", self.id),
            "role" => Who::entity(asking.broker, asking.asker.account(), "role", self.id),
            "session" => {
                self.property("session_token").map(|token| Who::Session(SecretText::new(token))).ok_or_else(|| {
                    Refusal::bad("a session is known by its token alone: pass it as `subject.properties.session_token`")
                })
            }
            "token" => match (self.property("token"), self.property("audience")) {
                (Some(token), Some(audience)) => {
                    Ok(Who::Bearer { token: SecretText::new(token), audience: audience.to_owned() })
                }
                _ => Err(Refusal::bad(
                    "a web identity token is passed as `subject.properties.token`, and whom it must be for as \
                     `subject.properties.audience`",
                )),
            },
            other => {
                Err(Refusal::bad(format!("`subject.type` must be one of {}, not `{other}`", SUBJECT_TYPES.join(", "))))
            }
        }
    }

    /// Which of its properties are how it is known.
    fn credentials(&self) -> &'static [&'static str] {
        match self.kind {
            "session" => &["session_token"],
            "token" => &["token", "audience"],
            _ => &[],
        }
    }

    /// What tells this subject from others.
    pub(super) fn known_by(&self) -> String {
        let [session, token, audience] = CREDENTIALS.map(|name| self.property(name).unwrap_or_default());
        let mut known_by = String::with_capacity(self.kind.len() + self.id.len() + 32);
        for part in [self.kind, self.id, session, token, audience] {
            // With its length before it: no part passes for two.
            let _ = write!(known_by, "{}:{part}", part.len());
        }
        known_by
    }

    /// Whether it has no properties.
    pub(super) fn says_nothing(&self) -> bool {
        self.properties.0.is_empty()
    }

    /// What it is called as a resource.
    pub(super) fn arn(&self, asking: &Asking<'_>) -> Result<Arn, Refusal> {
        questions::resource(&asking.broker.realm, asking.asker.account(), self.kind, self.id)
    }

    /// Whether resources of its type can have names: the type is one that a service may be called by.
    pub(super) fn has_names(&self, asking: &Asking<'_>) -> bool {
        self.id.starts_with("arn:")
            || questions::resource(&asking.broker.realm, asking.asker.account(), self.kind, "x").is_ok()
    }
}

/// What is said beside the names of subject, action and resource.
pub(super) fn said(
    subject: &Entity<'_>,
    action: Option<&Action<'_>>,
    resource: &Entity<'_>,
    Told(context): Told<'_>,
) -> Result<Said, Refusal> {
    let mut said = Said::nothing();
    said.context(context)?;
    let known_by = subject.credentials();
    for name in ["session_token", "token"] {
        // As an ordinary property it would be kept, and shown, like one.
        if subject.has(name) && !known_by.contains(&name) {
            return Err(Refusal::bad(format!(
                "`subject.properties.{name}` is not for subjects of type {}",
                subject.kind
            )));
        }
    }
    said.properties(Properties::Subject, subject.properties.0, known_by)?;
    said.properties(Properties::Resource, resource.properties.0, &[])?;
    if let Some(action) = action {
        said.properties(Properties::Action, action.properties.0, &[])?;
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::http::authzen::body::tests::came_as;

    #[test]
    fn what_is_missing_or_of_another_type_is_named() {
        for (value, why) in [
            (json!("alice"), "`subject` must be an object"),
            (json!({}), "`subject.id` is missing"),
            (json!({ "id": "a" }), "`subject.type` is missing"),
            (json!({ "id": 1, "type": "user" }), "`subject.id` must be a text"),
            (json!({ "id": "a", "type": "user", "properties": [] }), "`subject.properties` must be an object"),
            (json!({ "id": "a", "type": "user", "properties": { "a": 1, "A": 2 } }), "given twice"),
        ] {
            let said = refused(&value, "subject").expect("it is none");
            assert!(said.contains(why), "{value}: {said}");
        }
        for value in [json!({ "name": 123 }), json!({})] {
            assert!(came_as(&value, |value| action(value).is_err()), "{value}");
        }
        let searched_for = json!({ "type": "user", "id": 7 });
        assert!(came_as(&searched_for, |value| searched(value, "subject").is_ok()), "the id is not looked at");
        let large = json!({ "id": "a", "type": "t", "properties": { "a": "x".repeat(LARGEST) } });
        assert!(refused(&large, "resource").expect("it is too large").contains("larger"));
        let nested = json!({ "id": "a", "type": "t", "properties": { "a": { "b": "x".repeat(LARGEST) } } });
        assert_eq!(refused(&nested, "resource"), None, "what is nested is not read");
        for name in ["type", "id"] {
            let mut long = json!({ "id": "a", "type": "t" });
            long[name] = json!("x".repeat(LONGEST + 1));
            assert!(refused(&long, "subject").expect("it is too long").contains("longer"), "{name}");
        }
    }

    /// Why it is no subject or resource.
    fn refused(value: &Value, member: &str) -> Option<String> {
        came_as(value, |value| entity(value, member).err())
    }

    #[test]
    fn a_token_is_a_property_of_nobody_who_is_known_otherwise() {
        let said_of = |kind: &str, property: &str| {
            let subject = json!({ "id": "a", "type": kind, "properties": { property: "x" } });
            came_as(&subject, |subject| {
                let subject = entity(subject, "subject").expect("a subject");
                said(&subject, None, &subject, Told::default()).map(|said| said.keys().iter().count())
            })
        };
        for (kind, property) in
            [("user", "token"), ("role", "session_token"), ("session", "token"), ("token", "session_token")]
        {
            assert!(said_of(kind, property).is_err(), "{kind} {property}");
        }
        assert_eq!(said_of("user", "audience").expect("said"), 2, "of the subject, and of the same thing as resource");
        assert_eq!(said_of("token", "audience").expect("said"), 1, "whom it is for is no property then");
    }

    #[test]
    fn no_two_subjects_are_known_by_the_same() {
        let known_by = |kind: &str, id: &str, token: &str, audience: &str| {
            let properties = json!({ "token": token, "audience": audience });
            let subject = json!({ "type": kind, "id": id, "properties": properties });
            came_as(&subject, |subject| entity(subject, "subject").expect("a subject").known_by())
        };
        let one = known_by("token", "a", "b", "c");
        assert_eq!(one, known_by("token", "a", "b", "c"));
        for other in
            [("user", "a", "b", "c"), ("token", "a1:b", "", "c"), ("token", "a", "b1:c", ""), ("token", "a", "c", "b")]
        {
            assert_ne!(one, known_by(other.0, other.1, other.2, other.3), "{other:?}");
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "(user|role|record|alice|arn:aws:iam::111122223333:user/a)".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            let name = prop_oneof!["(type|id|name|properties|session_token)", any::<String>()];
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec((name, inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_is_too_strange(value in json()) {
            came_as(&value, |value| {
                let read = entity(value, "subject");
                if let (Ok(subject), Ok(context)) = (&read, context(Some(value))) {
                    let _ = (said(subject, None, subject, context), subject.known_by());
                }
                let _ = (searched(value, "resource"), action(value));
            });
        }
    }
}
