//! What the message of a denial says: written in few bytes, and shown as AWS shows it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::decision::Denial;
use crate::policy::{Effect, Kind, MatchedStatement, StatementEffect};

/// What a message says, in few bytes.
#[derive(Serialize, Deserialize)]
pub(super) struct Told<'a> {
    #[serde(rename = "x")]
    pub(super) explicit: bool,
    #[serde(rename = "i")]
    pub(super) principal_id: Cow<'a, str>,
    #[serde(rename = "p")]
    pub(super) principal: Cow<'a, str>,
    #[serde(rename = "a")]
    pub(super) action: Cow<'a, str>,
    #[serde(rename = "r")]
    pub(super) resource: Cow<'a, str>,
    #[serde(rename = "t")]
    pub(super) time: Cow<'a, str>,
    #[serde(rename = "q")]
    pub(super) request_id: Cow<'a, str>,
    #[serde(rename = "s")]
    pub(super) statements: Vec<Statement<'a>>,
    #[serde(rename = "m")]
    pub(super) missing: Option<Missing<'a>>,
    #[serde(rename = "c")]
    pub(super) conditions: Vec<(Cow<'a, str>, Vec<Cow<'a, str>>)>,
    /// Whether something was left out for want of room.
    #[serde(rename = "z")]
    pub(super) cut: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Statement<'a> {
    #[serde(rename = "p")]
    pub(super) policy: Cow<'a, str>,
    #[serde(rename = "k")]
    pub(super) kind: Cow<'a, str>,
    #[serde(rename = "s")]
    pub(super) sid: Option<Cow<'a, str>>,
    #[serde(rename = "n")]
    pub(super) index: usize,
    #[serde(rename = "d")]
    pub(super) denies: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Missing<'a> {
    #[serde(rename = "k")]
    pub(super) kind: Cow<'a, str>,
    #[serde(rename = "l")]
    pub(super) level: Option<usize>,
    #[serde(rename = "n")]
    pub(super) near: Option<Near<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Near<'a> {
    #[serde(rename = "s")]
    pub(super) statement: Statement<'a>,
    #[serde(rename = "k")]
    pub(super) key: Cow<'a, str>,
    #[serde(rename = "o")]
    pub(super) operator: Cow<'a, str>,
    #[serde(rename = "a")]
    pub(super) absent: bool,
}

impl<'a> Told<'a> {
    pub(super) fn of(denial: &'a Denial, request_id: &'a str) -> Self {
        let decision = denial.decision_for_reader();
        let values = |values: &'a [String]| values.iter().take(MOST_VALUES).map(|value| cut(value)).collect();
        Self {
            explicit: decision.effect == Effect::ExplicitlyDenied,
            principal_id: Cow::Borrowed(&denial.principal_id),
            principal: Cow::Borrowed(&denial.principal),
            action: Cow::Borrowed(&denial.action),
            resource: Cow::Borrowed(&denial.resource),
            time: Cow::Owned(denial.at.iso8601()),
            request_id: Cow::Borrowed(request_id),
            statements: decision.statements.iter().map(Statement::of).collect(),
            missing: decision.missing.as_ref().map(|missing| Missing {
                kind: Cow::Borrowed(policy_type(missing.kind)),
                level: missing.level,
                near: missing.near.as_ref().map(|near| Near {
                    statement: Statement::of(&near.statement),
                    key: Cow::Owned(near.key.clone()),
                    operator: Cow::Owned(near.operator.to_string()),
                    absent: near.absent,
                }),
            }),
            conditions: denial.conditions_for_reader().map(|(key, all)| (Cow::Borrowed(&**key), values(all))).collect(),
            cut: false,
        }
    }

    /// The document as AWS shows it, with what AWS does not tell besides: the policy, its kind, what nearly allowed it.
    pub(super) fn document(&self) -> Value {
        let statements: Vec<Value> = self.statements.iter().map(Statement::document).collect();
        let failures: Vec<Value> = self.missing.iter().map(Missing::document).collect();
        let values = |values: &[Cow<'_, str>]| values.iter().map(|value| json!({ "value": value })).collect::<Vec<_>>();
        let conditions: Vec<Value> = self
            .conditions
            .iter()
            .map(|(key, all)| json!({ "key": key, "values": { "items": values(all) } }))
            .collect();
        json!({
            "allowed": false,
            "explicitDeny": self.explicit,
            "matchedStatements": { "items": statements },
            "failures": { "items": failures },
            "context": {
                "principal": {
                    "id": self.principal_id,
                    "name": self.principal.rsplit(['/', ':']).next().unwrap_or_default(),
                    "arn": self.principal,
                },
                "action": self.action,
                "resource": self.resource,
                "conditions": { "items": conditions },
            },
            "requestTime": self.time,
            "requestId": self.request_id,
            "truncated": self.cut,
        })
    }
}

impl Statement<'_> {
    fn of(matched: &MatchedStatement) -> Self {
        Self {
            policy: Cow::Owned(matched.policy.to_string()),
            kind: Cow::Borrowed(policy_type(matched.kind)),
            sid: matched.sid.as_deref().map(|sid| Cow::Owned(sid.to_owned())),
            index: matched.index,
            denies: matched.effect == StatementEffect::Deny,
        }
    }

    fn document(&self) -> Value {
        json!({
            "statementId": self.sid.as_deref().unwrap_or_default(),
            "effect": if self.denies { "DENY" } else { "ALLOW" },
            "policy": self.policy,
            "policyType": self.kind,
            "statementIndex": self.index,
        })
    }
}

impl Missing<'_> {
    fn document(&self) -> Value {
        let near = self.near.as_ref().map(|near| {
            json!({
                "statement": near.statement.document(),
                "conditionKey": near.key,
                "operator": near.operator,
                "keyIsAbsent": near.absent,
            })
        });
        json!({ "policyType": self.kind, "level": self.level, "nearlyAllowedBy": near })
    }
}

/// The kinds of policies in the words that AWS's newer interfaces have for them.
fn policy_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Identity => "IDENTITY_POLICY",
        Kind::Boundary => "PERMISSIONS_BOUNDARY",
        Kind::Session => "SESSION_POLICY",
        Kind::Trust => "ROLE_TRUST_POLICY",
        Kind::Resource => "RESOURCE_POLICY",
        Kind::ServiceControl => "SERVICE_CONTROL_POLICY",
        Kind::ResourceControl => "RESOURCE_CONTROL_POLICY",
    }
}

fn cut(value: &str) -> Cow<'_, str> {
    match value.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => Cow::Owned(format!("{}...", &value[..end])),
        None => Cow::Borrowed(value),
    }
}

/// Characters of a condition key's value that are told, and values of a key.
const LONGEST_VALUE: usize = 256;
const MOST_VALUES: usize = 20;
