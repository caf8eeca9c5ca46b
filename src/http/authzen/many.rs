//! The body of a batch, whose questions are read without a tree of each: most of them are a resource, and there may be a thousand.

use std::marker::PhantomData;

use serde::de::{MapAccess, SeqAccess};

use crate::wire::strict_json::{Fields, Json, Members, Name, OneOf, Others, Shape, Strict, twice};

/// What was asked: what stands at the top, and the questions, if they are there.
pub(super) struct Many<'a> {
    pub(super) members: Members<'a>,
    pub(super) questions: Option<Result<Vec<Own<'a>>, NoList>>,
}

/// What stands where the questions should is no list.
pub(super) struct NoList;

/// What a question of a batch says by itself; one that is no object says nothing, and is none. Most have a resource and nothing else, so
/// what others have is apart.
pub(super) type Own<'a> = Option<Said<'a, Box<Part<'a, 3>>, Box<Part<'a, 2>>, Box<Json<'a>>>>;

/// What a question says that stands alone.
pub(super) type Alone<'a> = Said<'a, Part<'a, 3>, Part<'a, 2>, Json<'a>>;

/// The members of a question.
pub(super) struct Said<'a, S, A, C> {
    pub(super) subject: Option<S>,
    pub(super) action: Option<A>,
    pub(super) resource: Option<Part<'a, 3>>,
    pub(super) context: Option<C>,
}

/// A subject, action or resource; none if it is no object.
pub(super) type Part<'a, const N: usize> = Option<Fields<'a, N>>;

/// What is read of a question.
const MEMBERS: [&str; 4] = ["subject", "action", "resource", "context"];
const SUBJECT: usize = 0;
const ACTION_AT: usize = 1;
const RESOURCE: usize = 2;
/// What is read of a subject or a resource.
pub(super) const ENTITY: [&str; 3] = ["type", "id", "properties"];
/// What is read of an action.
const ACTION: [&str; 2] = ["name", "properties"];

/// The body as a whole. Of more questions than `most` one more is kept, so that it shows.
pub(super) struct Batch {
    pub(super) most: usize,
}

impl<'de> Shape<'de> for Batch {
    type Made = Option<Many<'de>>;

    fn object<A: MapAccess<'de>>(self, inner: Strict, mut members: A) -> Result<Self::Made, A::Error> {
        let (mut all, mut questions) = (Vec::new(), None);
        while let Some(name) = members.next_key_seed(Name)? {
            if name != "evaluations" {
                all.push((name, members.next_value_seed(inner)?));
            } else if questions.is_none() {
                questions = Some(members.next_value_seed(inner.shaped(Questions { most: self.most }))?);
            } else {
                return Err(twice("evaluations"));
            }
        }
        Ok(Some(Many { members: Members::sorted(all)?, questions }))
    }

    fn other(self) -> Self::Made {
        None
    }
}

struct Questions {
    most: usize,
}

impl<'de> Shape<'de> for Questions {
    type Made = Result<Vec<Own<'de>>, NoList>;

    fn object<A: MapAccess<'de>>(self, inner: Strict, members: A) -> Result<Self::Made, A::Error> {
        Fields::read(&[], inner, members)?;
        Ok(Err(NoList))
    }

    fn list<A: SeqAccess<'de>>(self, inner: Strict, mut items: A) -> Result<Self::Made, A::Error> {
        /// Questions that there is room for from the first one on: what is moved because there is no room is moved as a whole.
        const MANY: usize = 64;
        let mut questions = Vec::new();
        while let Some(item) = items.next_element_seed(inner.shaped(Question::new()))? {
            if questions.is_empty() {
                questions.reserve_exact(MANY);
            }
            if questions.len() <= self.most {
                questions.push(item);
            }
        }
        Ok(Ok(questions))
    }

    fn other(self) -> Self::Made {
        Err(NoList)
    }
}

/// One question.
pub(super) struct Question<T>(PhantomData<T>);

impl<T> Question<T> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<'de, S, A, C> Shape<'de> for Question<Said<'de, S, A, C>>
where
    S: From<Part<'de, 3>>,
    A: From<Part<'de, 2>>,
    C: From<Json<'de>>,
{
    type Made = Option<Said<'de, S, A, C>>;

    fn object<M: MapAccess<'de>>(self, inner: Strict, mut members: M) -> Result<Self::Made, M::Error> {
        let mut said = Said { subject: None, action: None, resource: None, context: None };
        let mut others = Others::default();
        while let Some(name) = members.next_key_seed(OneOf(&MEMBERS))? {
            match name {
                Ok(SUBJECT) => {
                    let mut read = || members.next_value_seed(inner.shaped(Of(&ENTITY)));
                    once(&mut said.subject, SUBJECT, || Ok(read()?.into()))?;
                }
                Ok(ACTION_AT) => {
                    let mut read = || members.next_value_seed(inner.shaped(Of(&ACTION)));
                    once(&mut said.action, ACTION_AT, || Ok(read()?.into()))?;
                }
                Ok(RESOURCE) => {
                    once(&mut said.resource, RESOURCE, || members.next_value_seed(inner.shaped(Of(&ENTITY))))?;
                }
                Ok(context) => once(&mut said.context, context, || Ok(members.next_value_seed(inner)?.into()))?,
                Err(other) => {
                    members.next_value_seed(inner)?;
                    others.add(other);
                }
            }
        }
        others.finish()?;
        Ok(Some(said))
    }

    fn other(self) -> Self::Made {
        None
    }
}

/// Reads a member that was not there yet.
fn once<T, E: serde::de::Error>(
    place: &mut Option<T>,
    member: usize,
    mut read: impl FnMut() -> Result<T, E>,
) -> Result<(), E> {
    if place.is_some() {
        return Err(twice(MEMBERS.get(member).copied().unwrap_or_default()));
    }
    *place = Some(read()?);
    Ok(())
}

/// An object of these members.
struct Of<const N: usize>(&'static [&'static str; N]);

impl<'de, const N: usize> Shape<'de> for Of<N> {
    type Made = Part<'de, N>;

    fn object<A: MapAccess<'de>>(self, inner: Strict, members: A) -> Result<Self::Made, A::Error> {
        Fields::read(self.0, inner, members).map(Some)
    }

    fn other(self) -> Self::Made {
        None
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::wire::strict_json;

    /// JSON as text, in which members may stand twice.
    fn written() -> impl Strategy<Value = String> {
        let leaf = prop_oneof!["null|true|-7|1e3|0\\.5|1e999|tru", r#""(a|\\u0061|)""#.prop_map(String::from)];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let name = "(evaluations|resource|subject|action|context|type|id|name|properties|r\\\\u0065source|a|b)";
            let members = proptest::collection::vec((name, inner.clone()), 0..4);
            let members =
                members.prop_map(|all| all.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect());
            prop_oneof![
                proptest::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
                members.prop_map(|members: Vec<String>| format!("{{{}}}", members.join(","))),
            ]
        })
    }

    proptest! {
        /// What is taken is what is taken as a tree, and reads the same.
        #[test]
        fn it_reads_as_a_tree_does(items in proptest::collection::vec(written(), 0..4), more in written()) {
            let text = format!(r#"{{"evaluations":[{}],"subject":{more}}}"#, items.join(","));
            match (read(&text, 9), strict_json::members(text.as_bytes(), 8)) {
                (Err(_), Err(_)) => {}
                (Ok(Some(many)), Ok(tree)) => {
                    prop_assert_eq!(many.members.get("subject"), tree.get("subject"));
                    let questions = many.questions.expect("questions").ok().expect("a list");
                    let Some(Json::List(tree)) = tree.get("evaluations") else { panic!("a list") };
                    prop_assert_eq!(questions.len(), tree.len());
                    for (said, tree) in questions.iter().zip(tree) {
                        prop_assert_eq!(said.is_some(), tree.as_object().is_some());
                        let (Some(said), Some(tree)) = (said, tree.as_object()) else { continue };
                        prop_assert_eq!(said.context.as_deref(), tree.get("context"));
                        for (part, name) in [(said.subject.as_deref(), "subject"), (said.resource.as_ref(), "resource")] {
                            prop_assert_eq!(part.is_some(), tree.get(name).is_some());
                            let (Some(part), Some(tree)) = (part, tree.get(name)) else { continue };
                            prop_assert_eq!(part.is_some(), tree.as_object().is_some());
                            let (Some(part), Some(tree)) = (part, tree.as_object()) else { continue };
                            for name in ENTITY {
                                prop_assert_eq!(part.get(name), tree.get(name));
                            }
                        }
                        prop_assert_eq!(said.action.is_some(), tree.get("action").is_some());
                        if let (Some(Some(part)), Some(tree)) = (said.action.as_deref(), tree.get("action")) {
                            for name in ACTION {
                                prop_assert_eq!(part.get(name), tree.as_object().and_then(|tree| tree.get(name)));
                            }
                        }
                    }
                }
                (read, tree) => prop_assert!(false, "{text}: {} {:?}", read.is_ok(), tree.err()),
            }
        }
    }

    fn read(text: &str, most: usize) -> Result<Option<Many<'_>>, String> {
        strict_json::shaped(text.as_bytes(), 8, Batch { most })
    }

    /// What is made of a question that stands in a batch.
    pub(in crate::http::authzen) fn asked_as<T>(value: &Value, made: impl FnOnce(&Own<'_>) -> T) -> T {
        let text = json!({ "evaluations": [value] }).to_string();
        let many = read(&text, 1).expect("JSON").expect("an object");
        made(&many.questions.expect("questions").ok().expect("a list")[0])
    }

    #[test]
    fn a_member_is_given_once_wherever_it_stands() {
        for (text, twice) in [
            (r#"{"a":1,"evaluations":[],"a":2}"#, "a"),
            (r#"{"evaluations":[],"evaluations":[]}"#, "evaluations"),
            (r#"{"evaluations":[{"resource":{},"resource":{}}]}"#, "resource"),
            (r#"{"evaluations":[{"context":{},"context":null}]}"#, "context"),
            (r#"{"evaluations":[{"x":{},"resource":1,"x":null}]}"#, "x"),
            (r#"{"evaluations":[{"resource":{"id":"a","\u0069d":"b"}}]}"#, "id"),
            (r#"{"evaluations":[{"resource":{"z":1,"id":"a","z":1}}]}"#, "z"),
            (r#"{"evaluations":[{"subject":{"properties":{"p":1,"p":1}}}]}"#, "p"),
            (r#"{"evaluations":[{"action":[{"p":1,"p":1}]}]}"#, "p"),
            (r#"{"evaluations":[[{"p":1,"p":1}]]}"#, "p"),
            (r#"{"evaluations":{"p":[{"q":1,"q":1}]}}"#, "q"),
        ] {
            assert_eq!(read(text, 9).err().expect(text), format!("`{twice}` is given twice"));
        }
    }

    #[test]
    fn what_is_deep_is_refused_wherever_it_stands() {
        for (before, after, left) in [
            (r#"{"evaluations":"#, "}", 7),
            (r#"{"evaluations":["#, "]}", 6),
            (r#"{"evaluations":[{"x":"#, "}]}", 5),
            (r#"{"evaluations":[{"context":"#, "}]}", 5),
            (r#"{"evaluations":[{"resource":"#, "}]}", 5),
            (r#"{"evaluations":[{"resource":{"x":"#, "}}]}", 4),
        ] {
            let nested = |deep: usize| format!("{before}{}{}{after}", "[".repeat(deep), "]".repeat(deep));
            assert!(read(&nested(left), 9).is_ok(), "{}", nested(left));
            assert!(read(&nested(left + 1), 9).err().expect("too deep").contains("nested"), "{}", nested(left + 1));
        }
    }

    #[test]
    fn of_too_many_questions_one_too_many_is_kept() {
        let text = format!(r#"{{"evaluations":[{}]}}"#, ["{}"; 20].join(","));
        let many = read(&text, 5).expect("JSON").expect("an object");
        assert_eq!(many.questions.expect("questions").ok().expect("a list").len(), 6);
        let broken = format!(r#"{{"evaluations":[{},{{]}}"#, ["{}"; 20].join(","));
        assert!(read(&broken, 5).is_err(), "what is not kept is read as well");
    }

    #[test]
    fn what_is_no_object_or_list_is_none() {
        for text in ["[]", "1", "1.5", "-1", "true", "null", r#""x""#, "[{}]"] {
            assert!(read(text, 9).expect("JSON").is_none(), "{text}");
            let within = format!(r#"{{"evaluations":{text}}}"#);
            let questions = read(&within, 9).expect("JSON").expect("an object").questions.expect("something");
            assert_eq!(questions.is_err(), !text.starts_with('['), "{text}");
            let one = format!(r#"{{"evaluations":[{text},{{"resource":{text}}}]}}"#);
            let many = read(&one, 9).expect("JSON").expect("an object");
            let questions = many.questions.expect("questions").ok().expect("a list");
            assert!(questions[0].is_none(), "{text}");
            assert!(matches!(&questions[1], Some(Said { resource: Some(None), .. })), "{text}");
        }
    }
}
