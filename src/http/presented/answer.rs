//! What a service is told of whoever sent it a request.

use serde_json::{Value as JsonValue, json};

use crate::clock::Timestamp;
use crate::ops::questions::{Answered, Derived, Described, Shown, Unproven};
use crate::sigv4::Coverage;

/// The sender.
pub(super) fn caller(shown: &Shown) -> JsonValue {
    let Described { arn, entity, user_id, kind, session_name, source_identity, mfa, issued, expires } = &shown.caller;
    let time = |at: &Option<Timestamp>| at.map(Timestamp::iso8601);
    json!({ "caller": {
        "arn": arn.as_str(),
        "account": shown.presented.caller.account().to_string(),
        "user_id": user_id,
        "type": kind,
        "principal": entity.as_str(),
        "access_key_id": shown.presented.access_key_id,
        "session_name": session_name,
        "source_identity": source_identity,
        "mfa_at": time(mfa),
        "issued": time(issued),
        "expires": time(expires),
    } })
}

/// What the signature says of the request.
pub(super) fn request(shown: &Shown) -> JsonValue {
    let presented = &shown.presented;
    let (body, hash) = match &presented.coverage {
        Coverage::Signed => ("signed", None),
        Coverage::Declared(hash) => ("declared", Some(hash)),
        Coverage::Unsigned => ("unsigned", None),
        Coverage::Streaming(_) => ("streaming", None),
    };
    json!({
        "region": presented.scope.region,
        "signed_at": presented.signed_at.iso8601(),
        "good_until": presented.ends.iso8601(),
        "presigned": presented.presigned,
        "signed_headers": presented.signed_headers,
        "body": body,
        "body_sha256": hash,
    })
}

/// The key that it was signed with.
pub(super) fn key(derived: &Derived) -> JsonValue {
    json!({ "jwe": derived.sealed, "recipient": derived.recipient, "scope": derived.scope, "good_until": derived.ends.iso8601() })
}

/// Why nobody is known to have sent it, as its sender is to be told.
pub(super) fn refused(unproven: &Unproven, service: &str) -> JsonValue {
    let (code, status) = unproven.code_at(service).unwrap_or(("ServiceUnavailable", 503));
    json!({ "code": code, "status": status, "message": unproven.told() })
}

/// Whether the sender may, and what that was decided on.
pub(super) fn decision(answered: &Answered, action: &str) -> JsonValue {
    let statements: Vec<JsonValue> = answered
        .statements()
        .map(|matched| {
            json!({
                "policy": &*matched.policy,
                "statement": matched.index,
                "sid": matched.sid.as_deref(),
                "effect": format!("{:?}", matched.effect),
            })
        })
        .collect();
    let mut context = json!({
        "reason": answered.reason(action),
        "statements": statements,
        "revision": answered.revision.0,
        "max_age": answered.max_age,
        "degraded": answered.degraded,
    });
    if let Some(id) = &answered.decision_id {
        context["decision_id"] = json!(id);
    }
    json!({ "decision": answered.is_allowed(), "context": context })
}
