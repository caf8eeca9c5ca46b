//! The message that goes with a denial: all of its reasons, sealed, for `DecodeAuthorizationMessage` to open.
//!
//! It is not stored. It is sealed under the installation's key and bound to the account whose administrators may read it, so
//! nobody else's request opens it, and it is padded, so that its length does not tell what policies say.
//!
//! Source: `DecodeAuthorizationMessage` in the STS API reference, which shows the decoded document.

use std::borrow::Cow;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::crypto::seal::Sealed;
use crate::decision::Denial;
use crate::policy::{Effect, Kind, MatchedStatement, StatementEffect};
use crate::store::{StoreError, Vault};
use crate::types::AccountId;

/// What stands in front of the message in a denial, in the words of AWS's services that have one.
pub const LABEL: &str = "Encoded authorization failure message:";

/// The message of a denial, at the most 10,240 characters as the operation takes them.
///
/// # Errors
/// It could not be sealed.
pub fn encode(denial: &Denial, request_id: &str, vault: &Vault) -> Result<String, StoreError> {
    let sealed = vault.seal_for_installation(&place(denial.reader()), &padded(denial, request_id)?)?;
    Ok(BASE64URL_NOPAD.encode(sealed.as_bytes()))
}

/// The denial in at most [`MOST`] bytes, filled up with white space, which means nothing after a document.
fn padded(denial: &Denial, request_id: &str) -> Result<Vec<u8>, StoreError> {
    let mut told = Told::of(denial, request_id);
    let mut bytes = written(&told)?;
    let room = room(denial, &told, bytes.len())?;
    while bytes.len() > MOST && (!told.conditions.is_empty() || !told.statements.is_empty()) {
        // Half of the longer list, so that little is written anew however long it was.
        if told.conditions.len() >= told.statements.len() {
            told.conditions.truncate(told.conditions.len() / 2);
        } else {
            told.statements.truncate(told.statements.len() / 2);
        }
        told.cut = true;
        bytes = written(&told)?;
    }
    if bytes.len() > MOST {
        return Err(StoreError::corrupt("authorization-message", "the names in a denial are too long"));
    }
    bytes.resize(room, b' ');
    Ok(bytes)
}

/// How long a message of so many bytes becomes. The caller knows most of it and makes that as long as it likes: so what it does not
/// know is padded by itself, or it could be measured by the length of a request at which the next size begins. Of another account's
/// policies not even the size is told.
fn room(denial: &Denial, told: &Told<'_>, bytes: usize) -> Result<usize, StoreError> {
    if denial.reader() != denial.principal_account {
        return Ok(MOST);
    }
    let of_resource: Vec<_> = told.conditions.iter().filter(|(key, _)| Denial::is_of_resource(key)).collect();
    let unknown = serde_json::to_vec(&(&told.statements, &told.missing, &told.resource, of_resource));
    let unknown = unknown.map_err(|error| StoreError::corrupt("authorization-message", &error.to_string()))?.len();
    let fitting = |bytes: usize| SIZES.into_iter().find(|size| *size >= bytes).unwrap_or(MOST);
    Ok(fitting(bytes.saturating_sub(unknown) + fitting(unknown)))
}

/// The same document, for the audit record of the caller's account; nothing where the reasons are another account's.
pub(super) fn for_record(denial: &Denial, request_id: &str) -> Value {
    if denial.reader() == denial.principal_account { Told::of(denial, request_id).document() } else { Value::Null }
}

/// The document that a message holds, if it is one for this account.
pub fn decode(message: &str, account: AccountId, vault: &Vault) -> Option<Value> {
    let sealed = Sealed::from_bytes(BASE64URL_NOPAD.decode(message.trim().as_bytes()).ok()?);
    let bytes = vault.open_for_installation(&place(account), &sealed).ok()?;
    let told: Told<'_> = serde_json::from_slice(bytes.expose()).ok()?;
    Some(told.document())
}

/// Bytes that a message is padded to.
const SIZES: [usize; 4] = [512, 1_024, 2_048, 4_096];
/// Bytes of the largest message: sealed and in base64 it stays below the 10,240 characters that AWS lets in.
const MOST: usize = 7_168;
/// Characters of a condition key's value that are told, and values of a key.
const LONGEST_VALUE: usize = 256;
const MOST_VALUES: usize = 20;

fn place(account: AccountId) -> String {
    format!("authorization-message/{account}")
}

fn written(told: &Told<'_>) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(told).map_err(|error| StoreError::corrupt("authorization-message", &error.to_string()))
}

/// What a message says, in few bytes.
#[derive(Serialize, Deserialize)]
struct Told<'a> {
    #[serde(rename = "x")]
    explicit: bool,
    #[serde(rename = "i")]
    principal_id: Cow<'a, str>,
    #[serde(rename = "p")]
    principal: Cow<'a, str>,
    #[serde(rename = "a")]
    action: Cow<'a, str>,
    #[serde(rename = "r")]
    resource: Cow<'a, str>,
    #[serde(rename = "t")]
    time: Cow<'a, str>,
    #[serde(rename = "q")]
    request_id: Cow<'a, str>,
    #[serde(rename = "s")]
    statements: Vec<Statement<'a>>,
    #[serde(rename = "m")]
    missing: Option<Missing<'a>>,
    #[serde(rename = "c")]
    conditions: Vec<(Cow<'a, str>, Vec<Cow<'a, str>>)>,
    /// Whether something was left out for want of room.
    #[serde(rename = "z")]
    cut: bool,
}

#[derive(Serialize, Deserialize)]
struct Statement<'a> {
    #[serde(rename = "p")]
    policy: Cow<'a, str>,
    #[serde(rename = "k")]
    kind: Cow<'a, str>,
    #[serde(rename = "s")]
    sid: Option<Cow<'a, str>>,
    #[serde(rename = "n")]
    index: usize,
    #[serde(rename = "d")]
    denies: bool,
}

#[derive(Serialize, Deserialize)]
struct Missing<'a> {
    #[serde(rename = "k")]
    kind: Cow<'a, str>,
    #[serde(rename = "l")]
    level: Option<usize>,
    #[serde(rename = "n")]
    near: Option<Near<'a>>,
}

#[derive(Serialize, Deserialize)]
struct Near<'a> {
    #[serde(rename = "s")]
    statement: Statement<'a>,
    #[serde(rename = "k")]
    key: Cow<'a, str>,
    #[serde(rename = "o")]
    operator: Cow<'a, str>,
    #[serde(rename = "a")]
    absent: bool,
}

impl<'a> Told<'a> {
    fn of(denial: &'a Denial, request_id: &'a str) -> Self {
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
    fn document(&self) -> Value {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::Timestamp;
    use crate::policy::Decision;

    proptest! {
        /// However much a request carried, its message fits into what the operation takes back.
        #[test]
        fn a_message_is_never_too_long(
            conditions in prop::collection::vec(("\\PC{0,300}", prop::collection::vec("\\PC{0,400}", 0..30)), 0..20),
            statements in 0usize..200,
            resource in "[ -~]{0,1600}",
        ) {
            let statement = MatchedStatement {
                policy: "arn:aws:iam::111122223333:policy/some".into(),
                kind: Kind::Identity,
                sid: Some("x".repeat(128).into()),
                index: 0,
                effect: StatementEffect::Deny,
            };
            let denial = Denial {
                principal: "arn:aws:iam::111122223333:user/ann".to_owned(),
                principal_id: "AIDAEXAMPLE".to_owned(),
                principal_account: "111122223333".parse().unwrap(),
                action: "iam:CreateUser".to_owned(),
                resource,
                resource_account: None,
                named: None,
                decision: Decision {
                    effect: Effect::ExplicitlyDenied,
                    statements: vec![statement; statements],
                    missing: None,
                },
                conditions,
                at: Timestamp(0),
            };
            let bytes = padded(&denial, "request").unwrap();
            prop_assert!(SIZES.contains(&bytes.len()) || bytes.len() == MOST, "{}", bytes.len());
            // A version byte, nonce and tag come to it, and a third by base64.
            prop_assert!((bytes.len() + 64).div_ceil(3) * 4 <= 10_240);
            let told: Told<'_> = serde_json::from_slice(&bytes).unwrap();
            let fewer = told.conditions.len() < denial.conditions.len() || told.statements.len() < statements;
            prop_assert_eq!(told.cut, fewer);
        }
    }
}
