//! Many questions at once: `POST /access/v1/evaluations`.
//!
//! Source: OpenID AuthZEN Authorization API 1.0, "Access Evaluations API". A question that is none is answered with no, and does not
//! spoil the others.

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;

use super::batch::answers;
use super::evaluation::Evaluation;
use super::frame::{Answer, Received, framed};
use super::item::Defaults;
use super::many::{Many, NoList};
use crate::http::refusal::Refusal;
use crate::http::request::Arrival;
use crate::http::router::Doors;
use crate::ops::questions::Keeping;
use crate::wire::strict_json::Json;

/// Questions in a batch, at the most.
const MOST: usize = 1_000;

/// After which answer there are no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Semantic {
    ExecuteAll,
    DenyOnFirstDeny,
    PermitOnFirstPermit,
}

impl Semantic {
    fn read(options: Option<&Json<'_>>) -> Result<Self, String> {
        let Some(options) = options else { return Ok(Self::ExecuteAll) };
        let options = options.as_object().ok_or("`options` must be an object")?;
        match options.get("evaluations_semantic") {
            None => Ok(Self::ExecuteAll),
            Some(Json::Text(name)) => match &**name {
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

/// Answers many questions.
pub(in crate::http) async fn evaluations(State(doors): State<Doors>, request: Request<Body>) -> Response {
    evaluations_at(&doors, Arrival::read(request, doors.request_limit).await).await
}

/// As [`evaluations`], for whoever holds the doors.
pub(in crate::http) async fn evaluations_at(doors: &Doors, arrival: Arrival) -> Response {
    framed(doors, "evaluations", arrival, async |arrival| {
        let received = Received::read(doors, arrival).await?;
        let made = async |received: &Received, keeping| made(doors, received, keeping).await;
        received.answered(doors, "evaluations", made).await
    })
    .await
}

async fn made(doors: &Doors, received: &Received, keeping: Option<Keeping>) -> Result<Answer, Refusal> {
    let Many { members, questions } = received.many(MOST)?;
    let semantic = Semantic::read(members.get("options")).map_err(Refusal::bad)?;
    let items = match questions {
        None => Vec::new(),
        Some(Ok(items)) => items,
        Some(Err(NoList)) => return Err(Refusal::bad("`evaluations` must be a list")),
    };
    if items.is_empty() {
        // One question, as it would stand alone.
        let said = received.one()?;
        let asked = Evaluation::read(&said).map_err(Refusal::bad)?;
        return asked.answered(&received.asking(doors).await?, keeping).await;
    }
    if items.len() > MOST {
        return Err(Refusal::bad(format!("`evaluations` has more than {MOST} questions")));
    }
    let defaults = Defaults::read(&members).map_err(Refusal::bad)?;
    let asking = received.asking(doors).await?;
    answers(&asking, &items, &defaults, |decision| semantic.ends_with(decision), keeping).await
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::http::authzen::body::tests::came_as;

    #[test]
    fn a_semantic_is_one_of_three() {
        let read = |options: Value| came_as(&options, |options| Semantic::read(Some(options)));
        assert_eq!(Semantic::read(None), Ok(Semantic::ExecuteAll));
        assert_eq!(read(json!({ "other": 1 })), Ok(Semantic::ExecuteAll));
        let named = |name: &str| read(json!({ "evaluations_semantic": name }));
        assert_eq!(named("deny_on_first_deny"), Ok(Semantic::DenyOnFirstDeny));
        assert_eq!(named("permit_on_first_permit"), Ok(Semantic::PermitOnFirstPermit));
        assert!(named("bogus_value").is_err() && read(json!([])).is_err());
        assert!(read(json!({ "evaluations_semantic": null })).is_err());
    }
}
