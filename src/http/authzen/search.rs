//! Who may do that, with what may it be done, and what may be done: `POST /access/v1/search/...`.
//!
//! Source: OpenID AuthZEN Authorization API 1.0, "Subject Search API", "Resource Search API", "Action Search API" and "Pagination".
//! What nobody knows is no error: a search for it finds nothing.

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};

use super::body::required;
use super::entity::{self, Action, Entity, SUBJECT_TYPES, Told};
use super::frame::{Answer, Received, framed};
use super::render;
use super::token::Bound;
use crate::decision::Outcomes;
use crate::http::refusal::Refusal;
use crate::http::request::Arrival;
use crate::http::router::Doors;
use crate::ops::questions::{self, Asking, Found, Named, Page, Question, Searched};
use crate::wire::strict_json::{Json, Members};

/// Results of a page where the request does not say how many.
const DEFAULT_LIMIT: usize = 100;
/// Results of a page at the most; whoever wants more gets these and a token.
const LARGEST_LIMIT: usize = 1_000;

/// Searches for subjects.
pub(in crate::http) async fn search_subject(State(doors): State<Doors>, request: Request<Body>) -> Response {
    searched(&doors, "search-subject", request, Searched::Subject).await
}

/// Searches for resources.
pub(in crate::http) async fn search_resource(State(doors): State<Doors>, request: Request<Body>) -> Response {
    searched(&doors, "search-resource", request, Searched::Resource).await
}

/// Searches for actions.
pub(in crate::http) async fn search_action(State(doors): State<Doors>, request: Request<Body>) -> Response {
    searched(&doors, "search-action", request, Searched::Action).await
}

async fn searched(doors: &Doors, operation: &'static str, request: Request<Body>, what: Searched) -> Response {
    let arrival = Arrival::read(request, doors.request_limit).await;
    framed(doors, operation, arrival, async |arrival| search(doors, arrival, what).await).await
}

/// What is asked: a question with one part missing, which is looked for.
struct Query<'a> {
    what: Searched,
    subject: Entity<'a>,
    action: Option<Action<'a>>,
    resource: Entity<'a>,
    context: Told<'a>,
}

impl<'a> Query<'a> {
    fn read(what: Searched, members: &'a Members<'_>) -> Result<Self, String> {
        let named = |name: &str, searched: bool| {
            let value = required(members, name)?;
            if searched { entity::searched(value, name) } else { entity::entity(value, name) }
        };
        Ok(Self {
            what,
            subject: named("subject", what == Searched::Subject)?,
            // The action that is searched for is not looked at.
            action: match what {
                Searched::Action => None,
                _ => Some(entity::action(required(members, "action")?)?),
            },
            resource: named("resource", what == Searched::Resource)?,
            context: entity::context(members.get("context"))?,
        })
    }

    /// A page of what is found; `None` where nobody knows what the search is about.
    async fn found(&self, asking: &Asking<'_>, page: &Page) -> Result<Option<Found>, Refusal> {
        let said = entity::said(&self.subject, self.action.as_ref(), &self.resource, self.context)?;
        let known = SUBJECT_TYPES.contains(&self.subject.kind) && self.resource.has_names(asking);
        if !known {
            return Ok(None);
        }
        let kind = self.resource.kind;
        let action = match &self.action {
            Some(action) => questions::action(action.name, kind)?,
            None => "".into(),
        };
        Ok(Some(match self.what {
            Searched::Subject => {
                let resource = self.resource.arn(asking)?;
                let question = Question { action: &action, resource: &resource, said: &said, policy: None };
                asking.search_subjects(self.subject.kind, &question, page).await?
            }
            Searched::Resource => {
                let subject = self.subject(asking).await?;
                asking.search_resources(&subject, kind, &action, &said, page).await?
            }
            Searched::Action => {
                let subject = self.subject(asking).await?;
                let resource = self.resource.arn(asking)?;
                asking.search_actions(&subject, kind, &resource, &said, page).await?
            }
        }))
    }

    async fn subject(&self, asking: &Asking<'_>) -> Result<Named, Refusal> {
        let who = self.subject.who(asking)?;
        let shown = || json!({ "type": self.subject.kind, "searched": self.what.name() });
        Ok(asking.about(&who, shown).await?)
    }

    /// A result as the specification has it.
    fn result<'n>(&self, name: &'n str) -> Shown<'n>
    where
        'a: 'n,
    {
        match self.what {
            Searched::Subject => Shown::Entity { id: name, kind: self.subject.kind },
            Searched::Resource => Shown::Entity { id: name, kind: self.resource.kind },
            Searched::Action => Shown::Action { name },
        }
    }
}

/// One result.
#[derive(Serialize)]
#[serde(untagged)]
enum Shown<'a> {
    Entity {
        id: &'a str,
        #[serde(rename = "type")]
        kind: &'a str,
    },
    Action {
        name: &'a str,
    },
}

async fn search(doors: &Doors, arrival: Arrival, what: Searched) -> Result<Answer, Refusal> {
    let received = Received::read(doors, arrival).await?;
    let body = received.body()?;
    let query = Query::read(what, &body).map_err(Refusal::bad)?;
    let (limit, token) = page(body.get("page")).map_err(Refusal::bad)?;
    let asking = received.asking(doors).await?;
    asking.may_search(what).await?;
    let bound = Bound::new(what, &body, &asking);
    let after = match token {
        None => None,
        Some(token) => Some(
            bound
                .position(&doors.broker, token)
                .ok_or_else(|| Refusal::bad("`page.token` is none that a page of this very search has given"))?,
        ),
    };
    let found = query.found(&asking, &Page { limit, after }).await?;
    let next = match found.as_ref().and_then(|found| found.next.as_deref()) {
        None => String::new(),
        Some(position) => bound.token(&doors.broker, position).ok_or(questions::Refusal::Unavailable)?,
    };
    let mut properties = json!({});
    if let Some(found) = &found {
        properties = json!({ "revision": found.revision.0, "max_age": found.max_age });
        if found.degraded {
            properties["degraded"] = json!(true);
        }
    }
    let names = found.map(|found| found.results).unwrap_or_default();
    let results: Vec<Shown<'_>> = names.iter().map(|name| query.result(name)).collect();
    // `page` comes first, as the specification wants it.
    let page = json!({ "count": results.len(), "next_token": next, "properties": properties });
    let body = render::body(&Results { page, results })?.into();
    Ok(Answer { body, keeping: None, outcomes: Outcomes::default(), once: true })
}

/// What is answered.
#[derive(Serialize)]
struct Results<'a> {
    page: Value,
    results: Vec<Shown<'a>>,
}

/// How many results are wanted, and where they begin.
fn page<'a>(value: Option<&'a Json<'_>>) -> Result<(usize, Option<&'a str>), String> {
    let Some(value) = value else { return Ok((DEFAULT_LIMIT, None)) };
    let members = value.as_object().ok_or("`page` must be an object")?;
    let limit = match members.get("limit") {
        None => DEFAULT_LIMIT,
        Some(limit) => {
            let limit = limit.as_u64().filter(|limit| *limit > 0).ok_or("`page.limit` must be a number from 1 on")?;
            usize::try_from(limit).unwrap_or(LARGEST_LIMIT).min(LARGEST_LIMIT)
        }
    };
    match members.get("token") {
        None => Ok((limit, None)),
        Some(Json::Text(token)) => Ok((limit, Some(&**token).filter(|token| !token.is_empty()))),
        Some(_) => Err("`page.token` must be a text".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::authzen::body::tests::came_as;

    #[test]
    fn a_page_has_a_limit_and_a_token() {
        assert_eq!(page(None), Ok((DEFAULT_LIMIT, None)));
        let read = |value: Value| {
            came_as(&value, |value| page(Some(value)).map(|(limit, token)| (limit, token.map(str::to_owned))))
        };
        assert_eq!(read(json!({ "limit": 1, "token": "x", "properties": {} })), Ok((1, Some("x".to_owned()))));
        assert_eq!(read(json!({ "limit": u64::MAX, "token": "" })), Ok((LARGEST_LIMIT, None)));
        for wrong in
            [json!([]), json!({ "limit": 0 }), json!({ "limit": -1 }), json!({ "limit": "1" }), json!({ "token": 1 })]
        {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
