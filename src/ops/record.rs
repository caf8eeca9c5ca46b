//! Turns a call into its audit record, without its secrets.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::federated::FederatedCall;
use super::{Broker, Error};
use crate::audit::{Event, Outcome, SessionContext, UserIdentity};
use crate::authn::Vouched;
use crate::decision::{CompiledPrincipal, Identity, Refused, RequestFacts};
use crate::session::SessionKind;
use crate::types::{AccessKeyId, AccountId};
use crate::wire::model::{Kind, Member, Operation, Shape};
use crate::wire::tree::{Branch, Node};

/// What CloudTrail shows in place of a secret.
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// Members whose values never reach the audit trail, whatever operation they belong to. Codes are used up by the time the
/// record is written, and hidden all the same.
const SECRETS: [&str; 16] = [
    "Password",
    "NewPassword",
    "OldPassword",
    "TokenCode",
    "AuthenticationCode1",
    "AuthenticationCode2",
    "SecretAccessKey",
    "SessionToken",
    "Base32StringSeed",
    "QRCodePNG",
    "PrivateKey",
    "WebIdentityToken",
    "SAMLAssertion",
    "ServicePassword",
    "ServiceCredentialSecret",
    "TradeInToken",
];

/// The request's parameters as CloudTrail shows them: lower camel case, secrets hidden. What the model does not declare is not
/// recorded: it may be anything.
pub(super) fn parameters(operation: &Operation, tree: &Node<'_>) -> Value {
    let Ok(Some(branch)) = tree.fields() else { return Value::Null };
    Value::Object(structure(&operation.input, branch))
}

fn structure(members: &[Member], branch: &Branch<'_>) -> Map<String, Value> {
    let given = members.iter().filter_map(|member| Some((member, branch.get(&member.name)?)));
    given
        .map(|(member, node)| {
            let secret = member.shape.sensitive || SECRETS.contains(&member.name.as_str());
            let value = if secret { Value::from(HIDDEN) } else { parameter(&member.shape, node) };
            (lower_camel(&member.name), value)
        })
        .collect()
}

/// What does not fit its shape is left out: the request is refused for it anyhow.
fn parameter(shape: &Shape, node: &Node<'_>) -> Value {
    match &shape.kind {
        Kind::Structure(members) => match node.fields() {
            Ok(Some(branch)) => Value::Object(structure(members, branch)),
            _ => Value::Null,
        },
        Kind::List(element) => {
            let elements = node.elements().unwrap_or_default();
            Value::Array(elements.into_iter().map(|(_, node)| parameter(element, node)).collect())
        }
        Kind::Map(_, element) => {
            let entries = node.entries().unwrap_or_default();
            entries.into_iter().map(|(_, key, node)| (key.to_owned(), parameter(element, node))).collect()
        }
        Kind::Text { .. } | Kind::Integer | Kind::Boolean | Kind::Timestamp | Kind::Blob => {
            node.text().map_or(Value::Null, Value::from)
        }
    }
}

/// Parameters of a request that was refused, long texts cut: whoever may do nothing must not fill the trail with documents.
pub(super) fn cut(value: Value) -> Value {
    /// Characters of a text that are kept.
    const LONGEST: usize = 1_024;
    match value {
        Value::String(text) if text.len() > LONGEST => {
            let kept: String = text.chars().take(LONGEST).collect();
            Value::from(format!("{kept}... ({} bytes)", text.len()))
        }
        Value::Array(items) => Value::Array(items.into_iter().take(50).map(cut).collect()),
        Value::Object(members) => Value::Object(members.into_iter().map(|(name, value)| (name, cut(value))).collect()),
        other => other,
    }
}

/// What a write answered, as CloudTrail shows it.
pub(super) fn response(operation: &Operation, output: &impl Serialize) -> Value {
    if operation.output.is_none() {
        return Value::Null;
    }
    serde_json::to_value(output).map(shown).unwrap_or(Value::Null)
}

/// Who calls, as far as a record tells of it; nothing of whom a moment ago was deleted: they are recorded by what is left of them, their
/// key.
pub(super) async fn principal(call: &Call<'_>) -> Result<Option<Arc<CompiledPrincipal>>, Error> {
    match call.broker.authorizer.principal(call.caller.subject()).await {
        Ok(found) => Ok(Some(found)),
        Err(Refused::NoPrincipal) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

/// The record of a call by `principal`.
pub(super) fn event<'a>(
    call: &'a Call<'_>,
    principal: Option<&'a CompiledPrincipal>,
    (service, name): (&'a str, &'a str),
    read_only: bool,
    parameters: Cow<'a, Value>,
    outcome: Outcome,
) -> Event<'a> {
    let made = Made {
        broker: call.broker,
        facts: &call.facts,
        request_id: call.request_id,
        by: user_identity(call, principal),
        region: call.caller.region(),
        account: call.account(),
        beside: call
            .caller
            .certificate()
            .map_or(Value::Null, |certificate| json!({ "clientCertificateSha256": certificate.fingerprint() })),
    };
    made.event(service, name, read_only, parameters, outcome)
}

/// A request by whom an identity provider vouches for, recorded in the account of the role.
pub(super) fn federated_event<'a>(
    call: &'a FederatedCall<'_>,
    who: &'a Vouched,
    (service, name): (&'a str, &'a str),
    parameters: Cow<'a, Value>,
    outcome: Outcome,
) -> Event<'a> {
    let by = UserIdentity {
        kind: "WebIdentityUser",
        principal_id: format!("{}:{}:{}", who.provider, who.audience, who.subject).into(),
        arn: "".into(),
        account_id: String::new(),
        access_key_id: "".into(),
        user_name: Some(Cow::Borrowed(&who.subject)),
        identity_provider: Some(who.provider.to_string()),
        session_context: None,
    };
    let made = Made {
        broker: call.broker,
        facts: &call.facts,
        request_id: call.request_id,
        by,
        region: &call.broker.realm.region,
        account: call.account,
        beside: Value::Null,
    };
    made.event(service, name, false, parameters, outcome)
}

/// A request, as far as its record does not depend on the operation.
struct Made<'a> {
    broker: &'a Broker,
    facts: &'a RequestFacts,
    request_id: &'a str,
    by: UserIdentity<'a>,
    region: &'a str,
    account: AccountId,
    /// More that is known of it.
    beside: Value,
}

impl<'a> Made<'a> {
    fn event(
        self,
        service: &'a str,
        name: &'a str,
        read_only: bool,
        parameters: Cow<'a, Value>,
        outcome: Outcome,
    ) -> Event<'a> {
        let (response_elements, error_code, error_message) = match outcome {
            Outcome::Answered(value) => (value, None, None),
            Outcome::Refused { code, message } => (Value::Null, Some(code), Some(message)),
        };
        Event {
            event_version: Event::VERSION,
            user_identity: self.by,
            event_time: self.facts.now,
            event_source: source(service),
            event_name: Cow::Borrowed(name),
            aws_region: Cow::Borrowed(self.region),
            source_ip_address: self.facts.source_ip.map(|address| address.to_string()).unwrap_or_default(),
            user_agent: Cow::Borrowed(self.facts.user_agent.as_deref().unwrap_or_default()),
            error_code,
            error_message,
            request_parameters: parameters,
            response_elements,
            additional_event_data: self.beside,
            request_id: Cow::Borrowed(self.request_id),
            event_id: self.broker.new_id(),
            read_only,
            event_type: "AwsApiCall",
            management_event: true,
            recipient_account_id: self.account.to_string(),
            event_category: "Management",
        }
    }
}

/// What CloudTrail calls a service.
fn source(service: &str) -> Cow<'_, str> {
    match service {
        "iam" => Cow::Borrowed("iam.amazonaws.com"),
        "sts" => Cow::Borrowed("sts.amazonaws.com"),
        "brevet" => Cow::Borrowed(service),
        other => Cow::Owned(format!("{other}.amazonaws.com")),
    }
}

fn user_identity<'a>(call: &'a Call<'_>, principal: Option<&'a CompiledPrincipal>) -> UserIdentity<'a> {
    let caller = call.caller;
    let federated = caller.subject().federated_user().is_some();
    // Users and root are shown as what they are, without anything having to be put together.
    let itself = !federated && !matches!(caller.identity(), Identity::Role(_));
    let (arn, principal_id, user_name) = match principal {
        Some(found) if itself => {
            let user_name = found.user_name.as_deref().map(Cow::Borrowed);
            (Cow::Borrowed(found.arn.as_str()), Cow::Borrowed(found.unique_id.as_str()), user_name)
        }
        Some(found) => {
            let arn = caller.arn(call.realm(), &found.arn).to_string();
            (Cow::Owned(arn), Cow::Owned(caller.user_id(&found.unique_id)), None)
        }
        None => (Cow::Borrowed(""), Cow::Borrowed(""), None),
    };
    let kind = match caller.identity() {
        // A client certificate names the role itself.
        Identity::Role(_) if caller.certificate().is_some() => "Role",
        Identity::Role(_) => "AssumedRole",
        _ if federated => "FederatedUser",
        Identity::Root => "Root",
        Identity::User(_) => "IAMUser",
    };
    let account = caller.account().to_string();
    let issuer = |kind: &str, found: &CompiledPrincipal, name: Option<&str>| {
        let (id, arn) = (found.unique_id.as_str(), found.arn.as_str());
        let mut issuer = json!({ "type": kind, "principalId": id, "arn": arn, "accountId": account });
        if let Some(name) = name {
            issuer["userName"] = Value::from(name);
        }
        issuer
    };
    let session_context = caller.session().map(|session| SessionContext {
        session_issuer: match (caller.identity(), principal) {
            (Identity::Role(name), Some(found)) => issuer("Role", found, Some(name.as_str())),
            (Identity::User(name), Some(found)) if federated => issuer("IAMUser", found, Some(name.as_str())),
            (Identity::Root, Some(found)) if federated => issuer("Root", found, None),
            _ => Value::Null,
        },
        attributes: json!({
            "creationDate": session.iat.iso8601(),
            "mfaAuthenticated": session.auth_time.is_some().to_string(),
        }),
        source_identity: session.source_identity.clone(),
        assumed_root: (session.kind == SessionKind::AssumedRoot).then_some("true"),
    });
    UserIdentity {
        kind,
        principal_id,
        arn,
        account_id: account,
        access_key_id: Cow::Borrowed(caller.access_key().map(AccessKeyId::as_str).unwrap_or_default()),
        user_name,
        identity_provider: None,
        session_context,
    }
}

/// Lower camel case all the way down, secrets hidden.
fn shown(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let shown_member = |(name, value): (String, Value)| {
                let value = if SECRETS.contains(&name.as_str()) && !value.is_null() {
                    Value::from(HIDDEN)
                } else {
                    shown(value)
                };
                (lower_camel(&name), value)
            };
            Value::Object(members.into_iter().map(shown_member).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(shown).collect()),
        other => other,
    }
}

/// `UserName` to `userName`, `MFADevices` to `mFADevices` as CloudTrail does.
fn lower_camel(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase().to_string() + letters.as_str()).unwrap_or_default()
}
