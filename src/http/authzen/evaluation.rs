//! One question: `POST /access/v1/evaluation`.
//!
//! Source: OpenID AuthZEN Authorization API 1.0, "Access Evaluation API".

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde_json::json;

use super::entity::{self, Action, Entity, Told};
use super::frame::{Answer, Received, framed};
use super::many::Alone;
use super::render;
use crate::decision::Outcomes;
use crate::http::refusal::Refusal;
use crate::http::request::Arrival;
use crate::http::router::Doors;
use crate::ops::questions::{self, Asking, Keeping, Named, Question, WrittenAnswer};
use crate::policy::Effect;

/// Subject, action, resource and context.
pub(super) struct Evaluation<'a> {
    subject: Entity<'a>,
    action: Action<'a>,
    resource: Entity<'a>,
    context: Told<'a>,
}

/// Answers one question.
pub(in crate::http) async fn evaluation(State(doors): State<Doors>, request: Request<Body>) -> Response {
    evaluation_at(&doors, Arrival::read(request, doors.request_limit).await).await
}

/// As [`evaluation`], for whoever holds the doors.
pub(in crate::http) async fn evaluation_at(doors: &Doors, arrival: Arrival) -> Response {
    framed(doors, "evaluation", arrival, async |arrival| {
        let received = Received::read(doors, arrival).await?;
        let made = async |received: &Received, keeping| {
            let said = received.one()?;
            let asked = Evaluation::read(&said).map_err(Refusal::bad)?;
            asked.answered(&received.asking(doors).await?, keeping).await
        };
        received.answered(doors, "evaluation", made).await
    })
    .await
}

impl<'a> Evaluation<'a> {
    pub(super) fn read(said: &'a Alone<'_>) -> Result<Self, String> {
        let missing = |name| move || format!("`{name}` is missing");
        let subject = said.subject.as_ref().ok_or_else(missing("subject"))?;
        let subject = entity::entity_of(subject.as_ref(), "subject")?;
        let action = said.action.as_ref().ok_or_else(missing("action"))?;
        let action = entity::action_of(action.as_ref())?;
        let resource = said.resource.as_ref().ok_or_else(missing("resource"))?;
        let resource = entity::entity_of(resource.as_ref(), "resource")?;
        Ok(Self { subject, action, resource, context: entity::context(said.context.as_ref())? })
    }

    pub(super) async fn answered(&self, asking: &Asking<'_>, mut keeping: Option<Keeping>) -> Result<Answer, Refusal> {
        let action = questions::action(self.action.name, self.resource.kind)?;
        let resource = self.resource.arn(asking)?;
        let who = self.subject.who(asking)?;
        let said = entity::said(&self.subject, Some(&self.action), &self.resource, self.context)?;
        let shown = || json!({ "type": self.subject.kind, "action": &*action, "resource": resource.as_str() });
        let subject = asking.about(&who, shown).await?;
        let question = Question { action: &action, resource: &resource, said: &said, policy: None };
        let mut outcomes = Outcomes::default();
        // That the asker may ask was decided too.
        if !matches!(subject, Named::Nobody(..)) {
            outcomes.add(Effect::Allowed);
        }
        if keeping.is_none()
            && let Some(WrittenAnswer { effect, degraded, body }) = asking.written(&subject, &question).await
        {
            outcomes.add(effect);
            return Ok(Answer { body: body.into(), keeping, outcomes, once: degraded });
        }
        let answered = asking.answer(&subject, &question).await?;
        if let Some(keeping) = &mut keeping {
            keeping.add(asking, &who, &subject, &resource, &answered);
        }
        answered.effect().into_iter().for_each(|effect| outcomes.add(effect));
        Ok(Answer { body: render::one(&answered, &action).into(), keeping, outcomes, once: answered.degraded })
    }
}
