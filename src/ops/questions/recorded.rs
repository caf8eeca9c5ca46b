//! What the decision log says of an answer.

use super::{Answered, Asking, Named, Question, Refusal};
use crate::audit::DecisionLog;
use crate::audit::decisions::{Condition, Near, Record, RecordedMissing, RecordedSession, RecordedStatement};
use crate::decision::{Answer, Decided, SessionFacts, Told};
use crate::policy::{Decision, Effect, KnownKey, MatchedStatement, Missing};

impl Asking<'_> {
    /// What was decided; with what a record of it needs, if there is to be one.
    pub(super) fn told(&self, decided: &Decided<'_>) -> (Answer, Option<Told>) {
        (decided.answer(), self.broker.decision_log.as_ref().map(|_| decided.told()))
    }

    /// What came of a question, once it is in the decision log; the asker is told by what id, if it is.
    pub(super) async fn recorded(
        &self,
        named: &Named,
        question: &Question<'_>,
        result: Result<Answered, Refusal>,
    ) -> Result<Answered, Refusal> {
        let Some(log) = &self.broker.decision_log else { return result };
        match result {
            Ok(mut answered) => {
                let told = answered.told.take();
                if let Some(one_in) = log.wants(answered.is_allowed()) {
                    let record = Box::pin(self.record(named, question, one_in)).await;
                    answered.decision_id = taken(log, of_answer(record, &answered, told));
                }
                Ok(answered)
            }
            Err(refusal) => {
                if let Some(one_in) = log.wants(false) {
                    let record = Box::pin(self.record(named, question, one_in)).await;
                    let reason = refusal.to_string();
                    let _ = taken(log, Record { decision: "unanswered".to_owned(), reason, ..record });
                }
                Err(refusal)
            }
        }
    }

    /// What is to be said of any answer to this question.
    async fn record(&self, named: &Named, question: &Question<'_>, one_in: u64) -> Record {
        let (broker, resource) = (self.broker, question.resource);
        let asker = match broker.authorizer.principal(self.asker.subject()).await {
            Ok(compiled) => self.asker.arn(&broker.realm, &compiled.arn).to_string(),
            // Whoever was deleted a moment ago: their account is what is left.
            Err(_) => self.asker.account().to_string(),
        };
        let said = question.said.keys().iter().map(|(key, _)| KnownKey::spelled(key.name()));
        let (subject, session) = match named {
            Named::Somebody(about) => (about.entity.to_string(), about.subject.session.as_ref().map(of_session)),
            Named::Absent(arn, _) => (arn.to_string(), None),
            Named::Nobody(..) => (String::new(), None),
        };
        Record {
            time: self.facts.now.iso8601(),
            id: broker.new_id(),
            door: self.door.to_owned(),
            asker,
            subject,
            session,
            action: question.action.to_owned(),
            resource: resource.to_string(),
            said: said.collect(),
            one_in,
            ..Record::default()
        }
    }
}

/// The record's id, if the log took it.
fn taken(log: &DecisionLog, record: Record) -> Option<String> {
    let id = record.id.clone();
    log.take(record).then_some(id)
}

fn of_answer(record: Record, answered: &Answered, told: Option<Told>) -> Record {
    let record = Record {
        revision: answered.revision.0,
        max_age: answered.max_age,
        degraded: answered.degraded,
        resource_account: answered.owner.map(|owner| owner.to_string()).unwrap_or_default(),
        ..record
    };
    let Some(answer) = &answered.answer else {
        return Record { decision: "nobody".to_owned(), reason: answered.nobody.to_owned(), ..record };
    };
    let told = told.unwrap_or_default();
    let condition = |(key, values)| Condition { key, values: Some(values), ..Condition::default() };
    let Decision { effect, statements, missing } = &answer.decision;
    Record {
        subject: answer.principal_arn.clone(),
        subject_id: told.principal_id,
        decision: name_of(*effect).to_owned(),
        statements: statements.iter().map(of_statement).collect(),
        missing: missing.as_ref().map(of_missing),
        conditions: told.conditions.into_iter().map(condition).collect(),
        ..record
    }
}

fn name_of(effect: Effect) -> &'static str {
    match effect {
        Effect::Allowed => "allowed",
        Effect::ExplicitlyDenied => "explicitly_denied",
        Effect::ImplicitlyDenied => "implicitly_denied",
    }
}

fn of_session(session: &SessionFacts) -> RecordedSession {
    RecordedSession {
        jti: session.jti.clone(),
        name: session.session_name.clone(),
        issued: session.issued.iso8601(),
        expires: session.expires.iso8601(),
    }
}

fn of_statement(matched: &MatchedStatement) -> RecordedStatement {
    RecordedStatement {
        policy: matched.policy.to_string(),
        kind: matched.kind.name().to_owned(),
        index: matched.index,
        sid: matched.sid.as_deref().map(str::to_owned),
        effect: format!("{:?}", matched.effect),
    }
}

fn of_missing(missing: &Missing) -> RecordedMissing {
    let near = missing.near.as_ref().map(|near| Near {
        statement: of_statement(&near.statement),
        key: KnownKey::spelled(&near.key),
        operator: near.operator.to_string(),
        absent: near.absent,
        expected: Some(near.expected.iter().map(|value| value.to_string()).collect()),
    });
    RecordedMissing { kind: missing.kind.name().to_owned(), level: missing.level, near }
}
