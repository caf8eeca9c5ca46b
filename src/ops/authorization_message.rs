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

/// The denial, filled up with white space, which means nothing after a document, to a length that tells no more than the caller knows:
/// what it said and what it is, rounded up, and always the same room for what it may not know. Otherwise whoever is denied could
/// find out by the length whether there is a role, and whether its trust policy nearly let them in.
fn padded(denial: &Denial, request_id: &str) -> Result<Vec<u8>, StoreError> {
    let mut told = Told::of(denial, request_id);
    let (hidden, mut open): (Vec<_>, Vec<_>) = told.conditions.drain(..).partition(|(key, _)| of_entity(key));
    let statements = std::mem::take(&mut told.statements);
    let near = told.missing.as_mut().and_then(|missing| missing.near.take());
    // The caller may have said a name, and not the ARN that was found by it; where it is told the ARN, that needs no room twice.
    let named = denial.named.as_deref();
    let found = named.map(|named| std::mem::replace(&mut told.resource, Cow::Borrowed(named)));
    told.conditions.append(&mut open);
    let mut known = written(&told)?.len();
    while known > KNOWN_MOST && !told.conditions.is_empty() {
        told.conditions.truncate(told.conditions.len() / 2);
        told.cut = true;
        known = written(&told)?.len();
    }
    if known > KNOWN_MOST {
        return Err(StoreError::corrupt("authorization-message", "the names in a denial are too long"));
    }
    let most = known.next_multiple_of(STEP) + HIDDEN_ROOM;
    let mut left = most - known;
    // What explains most comes first; a comma comes to each.
    if let Some(found) = found {
        match fits(found, &mut left)? {
            Some(found) => told.resource = found,
            None => told.cut = true,
        }
    }
    if let (Some(near), Some(missing)) = (near, &mut told.missing) {
        missing.near = fits(near, &mut left)?;
        told.cut |= missing.near.is_none();
    }
    for statement in statements {
        match fits(statement, &mut left)? {
            Some(statement) => told.statements.push(statement),
            None => told.cut = true,
        }
    }
    for condition in hidden {
        match fits(condition, &mut left)? {
            Some(condition) => told.conditions.push(condition),
            None => told.cut = true,
        }
    }
    let mut bytes = written(&told)?;
    bytes.resize(most.max(bytes.len()), b' ');
    Ok(bytes)
}

/// Whether a key tells of the entity that was asked for, which is not the caller's to know.
fn of_entity(key: &str) -> bool {
    ["iam:", "aws:ResourceTag/"].iter().any(|begin| key.starts_with(begin))
}

/// The part, if there is room left for it, which it then takes.
fn fits<T: Serialize>(part: T, left: &mut usize) -> Result<Option<T>, StoreError> {
    let bytes =
        serde_json::to_vec(&part).map_err(|error| StoreError::corrupt("authorization-message", &error.to_string()))?;
    match left.checked_sub(bytes.len() + 1) {
        Some(rest) => {
            *left = rest;
            Ok(Some(part))
        }
        None => Ok(None),
    }
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

/// Bytes in which lengths grow.
const STEP: usize = 256;
/// Bytes for what the caller may not know: the ARN that was found, statements, what nearly allowed, tags of the entity.
const HIDDEN_ROOM: usize = 768;
/// Bytes for what the caller knows, at the most: with the rest, sealed and in base64, below the 10,240 characters that AWS lets in.
const KNOWN_MOST: usize = 6_144;
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
    use crate::policy::{Decision, NearMiss, Operator};

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
            // A version byte, nonce and tag come to it, and a third by base64.
            prop_assert!((bytes.len() + 64).div_ceil(3) * 4 <= 10_240, "{}", bytes.len());
            let told: Told<'_> = serde_json::from_slice(&bytes).unwrap();
            let fewer = told.conditions.len() < denial.conditions.len() || told.statements.len() < statements;
            prop_assert_eq!(told.cut, fewer || told.resource != denial.resource);
        }

        /// Nor does its length tell what the caller does not know: what nearly allowed, other statements, tags of the entity.
        #[test]
        fn its_length_tells_nothing_hidden(
            agent in "[a-z]{0,256}",
            statements in 0usize..60,
            sid in "[a-z]{0,128}",
            tag in "[a-z]{0,250}",
            near in any::<bool>(),
            path in "[a-z]{0,200}",
        ) {
            let statement = MatchedStatement {
                policy: "arn:aws:iam::111122223333:policy/some".into(),
                kind: Kind::Trust,
                sid: Some(sid.into()),
                index: 7,
                effect: StatementEffect::Allow,
            };
            let denial = |statements: usize, near: bool, tag: Option<&str>, path: &str| Denial {
                principal: "arn:aws:iam::111122223333:user/ann".to_owned(),
                principal_id: "AIDAEXAMPLE".to_owned(),
                principal_account: "111122223333".parse().unwrap(),
                action: "sts:AssumeRole".to_owned(),
                resource: format!("arn:aws:iam::444455556666:role/{path}r"),
                resource_account: Some("444455556666".parse().unwrap()),
                named: Some("role r".to_owned()),
                decision: Decision {
                    effect: Effect::ImplicitlyDenied,
                    statements: vec![statement.clone(); statements],
                    missing: Some(crate::policy::Missing {
                        kind: Kind::Trust,
                        level: None,
                        near: near.then(|| NearMiss {
                            statement: statement.clone(),
                            key: "sts:externalid".to_owned(),
                            operator: Operator::parse("StringEquals").unwrap(),
                            absent: true,
                        }),
                    }),
                },
                conditions: std::iter::once(("aws:UserAgent".to_owned(), vec![agent.clone()]))
                    .chain(tag.map(|value| ("aws:ResourceTag/team".to_owned(), vec![value.to_owned()])))
                    .collect(),
                at: Timestamp(0),
            };
            let nothing = padded(&denial(0, false, None, ""), "request").unwrap();
            let something = padded(&denial(statements, near, Some(&tag), &path), "request").unwrap();
            prop_assert_eq!(nothing.len(), something.len());
        }
    }
}
