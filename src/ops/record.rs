//! Turns a call into its audit record, without its secrets.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::federated::FederatedCall;
use super::{Broker, Error};
use crate::audit::{Event, Outcome, SessionContext, UserIdentity};
use crate::authn::Vouched;
use crate::decision::{CompiledPrincipal, Identity, Refused, RequestFacts};
use crate::session::SessionKind;
use crate::types::AccountId;
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

pub(super) async fn event(
    call: &Call<'_>,
    service: &str,
    name: &str,
    read_only: bool,
    parameters: Value,
    outcome: Outcome,
) -> Result<Event, Error> {
    let made = Made {
        broker: call.broker,
        facts: &call.facts,
        request_id: call.request_id,
        by: user_identity(call).await?,
        region: call.caller.region(),
        account: call.account(),
        beside: call.caller.certificate().map_or(Value::Null, |print| json!({ "clientCertificateSha256": print })),
    };
    Ok(made.event(service, name, read_only, parameters, outcome))
}

/// A request by whom an identity provider vouches for, recorded in the account of the role.
pub(super) fn federated_event(
    call: &FederatedCall<'_>,
    who: &Vouched,
    service: &str,
    name: &str,
    parameters: Value,
    outcome: Outcome,
) -> Event {
    let by = UserIdentity {
        kind: "WebIdentityUser",
        principal_id: format!("{}:{}:{}", who.provider, who.audience, who.subject),
        arn: String::new(),
        account_id: String::new(),
        access_key_id: String::new(),
        user_name: Some(who.subject.clone()),
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
    by: UserIdentity,
    region: &'a str,
    account: AccountId,
    /// More that is known of it.
    beside: Value,
}

impl Made<'_> {
    fn event(self, service: &str, name: &str, read_only: bool, parameters: Value, outcome: Outcome) -> Event {
        let (response_elements, error_code, error_message) = match outcome {
            Outcome::Answered(value) => (value, None, None),
            Outcome::Refused { code, message } => (Value::Null, Some(code), Some(message)),
        };
        Event {
            event_version: Event::VERSION,
            user_identity: self.by,
            event_time: self.facts.now.iso8601(),
            event_source: if service == "brevet" { service.to_owned() } else { format!("{service}.amazonaws.com") },
            event_name: name.to_owned(),
            aws_region: self.region.to_owned(),
            source_ip_address: self.facts.source_ip.map(|address| address.to_string()).unwrap_or_default(),
            user_agent: self.facts.user_agent.clone().unwrap_or_default(),
            error_code,
            error_message,
            request_parameters: parameters,
            response_elements,
            additional_event_data: self.beside,
            request_id: self.request_id.to_owned(),
            event_id: self.broker.new_id(),
            read_only,
            event_type: "AwsApiCall",
            management_event: true,
            recipient_account_id: self.account.to_string(),
            event_category: "Management",
            time: self.facts.now,
        }
    }
}

async fn user_identity(call: &Call<'_>) -> Result<UserIdentity, Error> {
    let caller = call.caller;
    let compiled = match call.broker.authorizer.principal(caller.subject()).await {
        Ok(compiled) => Some(compiled),
        // Whoever was deleted a moment ago is recorded by what is left of them: their key.
        Err(Refused::NoPrincipal) => None,
        Err(other) => return Err(other.into()),
    };
    let federated = caller.subject().federated_user().is_some();
    let (arn, principal_id, user_name) = match &compiled {
        Some(found) => (
            caller.arn(call.realm(), &found.arn).to_string(),
            caller.user_id(&found.unique_id),
            found.user_name.clone().filter(|_| !federated),
        ),
        None => (String::new(), String::new(), None),
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
        session_issuer: match (caller.identity(), &compiled) {
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
    Ok(UserIdentity {
        kind,
        principal_id,
        arn,
        account_id: account.clone(),
        access_key_id: caller.access_key().map(ToString::to_string).unwrap_or_default(),
        user_name,
        identity_provider: None,
        session_context,
    })
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
