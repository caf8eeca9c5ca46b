//! Refusals of the broker itself, as records: their reasons stand in the audit trail and in encoded authorization messages, in the form
//! of `DecodeAuthorizationMessage`.

use serde_json::Value;

use crate::audit::decisions::{Condition, Near, Record, RecordedMissing, RecordedStatement};
use crate::policy::Kind;

/// The record of an event of the audit trail, if that says why something was denied.
pub(super) fn of_event(event: &Value) -> Option<Record> {
    let record = of_document(event.get("additionalEventData")?)?;
    Some(Record { door: text(event, "/eventSource"), ..record })
}

/// The record that a decoded message makes, if it is one.
pub(super) fn of_document(document: &Value) -> Option<Record> {
    if document.get("allowed")?.as_bool()? {
        return None;
    }
    let explicit = document.get("explicitDeny")?.as_bool()?;
    let items = |path: &str| document.pointer(path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let subject = text(document, "/context/principal/arn");
    Some(Record {
        time: text(document, "/requestTime"),
        id: text(document, "/requestId"),
        asker: subject.clone(),
        subject,
        subject_id: text(document, "/context/principal/id"),
        action: text(document, "/context/action"),
        resource: text(document, "/context/resource"),
        decision: if explicit { "explicitly_denied" } else { "implicitly_denied" }.to_owned(),
        statements: items("/matchedStatements/items").iter().map(statement).collect(),
        missing: items("/failures/items").first().map(missing),
        conditions: items("/context/conditions/items").iter().map(condition).collect(),
        cut: document.get("truncated").and_then(Value::as_bool).unwrap_or(false),
        one_in: 1,
        ..Record::default()
    })
}

fn statement(item: &Value) -> RecordedStatement {
    let sid = text(item, "/statementId");
    RecordedStatement {
        policy: text(item, "/policy"),
        kind: kind(&text(item, "/policyType")),
        index: index(item, "/statementIndex").unwrap_or(0),
        sid: (!sid.is_empty()).then_some(sid),
        effect: if text(item, "/effect") == "DENY" { "Deny" } else { "Allow" }.to_owned(),
    }
}

fn missing(item: &Value) -> RecordedMissing {
    let near = item.get("nearlyAllowedBy").filter(|near| near.is_object()).map(|near| Near {
        statement: near.get("statement").map(statement).unwrap_or_default(),
        key: text(near, "/conditionKey"),
        operator: text(near, "/operator"),
        absent: near.get("keyIsAbsent").and_then(Value::as_bool).unwrap_or(false),
        // The message has no room for it.
        expected: None,
    });
    RecordedMissing { kind: kind(&text(item, "/policyType")), level: index(item, "/level"), near }
}

fn condition(item: &Value) -> Condition {
    let values = item.pointer("/values/items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let values = values.iter().map(|value| text(value, "/value")).collect();
    Condition { key: text(item, "/key"), values: Some(values), ..Condition::default() }
}

fn text(value: &Value, path: &str) -> String {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn index(value: &Value, path: &str) -> Option<usize> {
    value.pointer(path).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok())
}

/// In the words of the decision log; as it is, what is in none.
fn kind(policy_type: &str) -> String {
    let kind = match policy_type {
        "IDENTITY_POLICY" => Kind::Identity,
        "PERMISSIONS_BOUNDARY" => Kind::Boundary,
        "SESSION_POLICY" => Kind::Session,
        "ROLE_TRUST_POLICY" => Kind::Trust,
        "RESOURCE_POLICY" => Kind::Resource,
        "SERVICE_CONTROL_POLICY" => Kind::ServiceControl,
        "RESOURCE_CONTROL_POLICY" => Kind::ResourceControl,
        other => return other.to_owned(),
    };
    kind.name().to_owned()
}
