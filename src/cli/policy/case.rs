//! One line of a file of policy tests: who asks for what, under which policies, and what should come of it.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::policy::{
    Context, Decision, Document, Effect, EmbeddedDocument, Kind, Policies, Policy, PolicySet, Principal, PrincipalKind,
    Request, ResourceRule, Value, evaluate,
};

/// The fields of a line; what is not there, or `null`, means none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    name: Option<String>,
    principal: Json,
    action: String,
    resource: Option<String>,
    resource_account: Option<String>,
    context: Option<Map<String, Json>>,
    identity_policies: Option<Vec<EmbeddedDocument>>,
    boundary: Option<OneOrMany>,
    session_policies: Option<Vec<EmbeddedDocument>>,
    resource_policy: Option<OneOrMany>,
    scps: Option<Vec<Vec<EmbeddedDocument>>>,
    rcps: Option<Vec<Vec<EmbeddedDocument>>>,
    expected: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    Many(Vec<EmbeddedDocument>),
    One(EmbeddedDocument),
}

/// A case that can be decided.
pub(super) struct Case {
    pub(super) name: Option<String>,
    pub(super) expected: Option<Effect>,
    pub(super) action: String,
    principal: Principal,
    resource: String,
    resource_account: Option<String>,
    context: Context,
    identity: PolicySet,
    boundary: Option<PolicySet>,
    session: Option<PolicySet>,
    resource_policy: Option<PolicySet>,
    resource_rule: ResourceRule,
    service_control: Vec<Arc<PolicySet>>,
    resource_control: Vec<Arc<PolicySet>>,
}

/// Why a line cannot be decided.
pub(super) struct Unreadable {
    /// The case's name, if it could be read.
    pub(super) name: Option<String>,
    pub(super) why: String,
}

impl Case {
    pub(super) fn read(line: &str) -> Result<Case, Unreadable> {
        let fields: Fields =
            serde_json::from_str(line).map_err(|error| Unreadable { name: None, why: error.to_string() })?;
        let name = fields.name.clone();
        Case::of(fields).map_err(|why| Unreadable { name, why })
    }

    fn of(fields: Fields) -> Result<Case, String> {
        let mut principal = principal(fields.principal)?;
        let resource = fields.resource.unwrap_or_else(|| "*".to_owned());
        let resource_account = fields.resource_account.or_else(|| account_in(&resource));
        let context = context(&mut principal, resource_account.as_deref(), fields.context.unwrap_or_default())?;
        let resource_rule = ResourceRule::of(&fields.action, &resource);
        let resource_kind = if resource_rule == ResourceRule::Trust { Kind::Trust } else { Kind::Resource };
        let levels = |levels: Option<Vec<Vec<EmbeddedDocument>>>, kind, name: &str| -> Result<_, String> {
            let levels = levels.unwrap_or_default().into_iter().enumerate();
            levels.map(|(level, documents)| set(documents, kind, &format!("{name}[{level}]")).map(Arc::new)).collect()
        };
        Ok(Case {
            expected: fields.expected.as_deref().map(effect).transpose()?,
            identity: set(fields.identity_policies.unwrap_or_default(), Kind::Identity, "identity_policies")?,
            boundary: some(fields.boundary, Kind::Boundary, "boundary")?,
            session: some(fields.session_policies.map(OneOrMany::Many), Kind::Session, "session_policies")?,
            resource_policy: some(fields.resource_policy, resource_kind, "resource_policy")?,
            service_control: levels(fields.scps, Kind::ServiceControl, "scps")?,
            resource_control: levels(fields.rcps, Kind::ResourceControl, "rcps")?,
            name: fields.name,
            action: fields.action,
            principal,
            resource,
            resource_account,
            context,
            resource_rule,
        })
    }

    pub(super) fn decide(&self) -> Decision {
        let request = Request {
            principal: &self.principal,
            action: &self.action,
            resource: &self.resource,
            resource_account: self.resource_account.as_deref(),
            context: &self.context,
        };
        let policies = Policies {
            identity: &self.identity,
            boundary: self.boundary.as_ref(),
            session: self.session.as_ref(),
            resource: self.resource_policy.as_ref(),
            resource_rule: self.resource_rule,
            service_control: &self.service_control,
            resource_control: &self.resource_control,
        };
        evaluate(&request, &policies).explain()
    }
}

/// How outcomes are written.
pub(super) const EFFECTS: [(Effect, &str); 3] = [
    (Effect::Allowed, "Allowed"),
    (Effect::ExplicitlyDenied, "ExplicitlyDenied"),
    (Effect::ImplicitlyDenied, "ImplicitlyDenied"),
];

fn effect(text: &str) -> Result<Effect, String> {
    let found = EFFECTS.iter().find(|(_, name)| *name == text).map(|(effect, _)| *effect);
    found.ok_or_else(|| format!("expected: `{text}` is none of Allowed, ExplicitlyDenied, ImplicitlyDenied"))
}

/// A name, or a name under its type as in a policy's `Principal`: `{"AWS": "arn:aws:iam::111122223333:user/ann"}`.
fn principal(json: Json) -> Result<Principal, String> {
    let wrong = "principal: a name, or an object with one of AWS, Service, Federated and a name";
    let (kind, name) = match json {
        Json::String(name) => (None, name),
        Json::Object(object) if object.len() == 1 => match object.into_iter().next() {
            Some((kind, Json::String(name))) => (Some(kind), name),
            _ => return Err(wrong.to_owned()),
        },
        _ => return Err(wrong.to_owned()),
    };
    let read = Principal::named(&name).map_err(|why| format!("principal: {why}"))?;
    match kind.as_deref() {
        None => Ok(read),
        Some("AWS") if !matches!(read.kind, PrincipalKind::Service) => Ok(read),
        Some("Service") => Ok(Principal { kind: PrincipalKind::Service, arn: name, ..read }),
        Some("Federated") if read.kind == PrincipalKind::FederatedUser => Ok(read),
        Some("Federated") => Ok(Principal { kind: PrincipalKind::Federated, ..read }),
        Some(_) => Err(wrong.to_owned()),
    }
}

/// The keys that are given, beside those that the principal and the resource say by themselves. A key that is given as `null` is
/// absent.
fn context(
    principal: &mut Principal,
    resource_account: Option<&str>,
    given: Map<String, Json>,
) -> Result<Context, String> {
    let mut own = principal.own_keys();
    if let Some(account) = resource_account {
        own.set("aws:ResourceAccount", account);
    }
    let mut context = Context::new();
    let mut absent = Vec::new();
    for (key, json) in given {
        match value(json).map_err(|why| format!("context: {key}: {why}"))? {
            Some(value) => context.set(&key, value),
            None => absent.push(key.to_ascii_lowercase()),
        }
    }
    for (key, value) in own.iter() {
        if context.get(key.name()).is_none() && !absent.iter().any(|name| name == key.name()) {
            context.set(key.name(), value.clone());
        }
    }
    // A session's ARN says neither the path of its role nor unique ids; the context may.
    let text = |key| match context.get(key) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => None,
    };
    if let (PrincipalKind::AssumedRole, Some(arn)) = (principal.kind, text("aws:principalarn")) {
        let role = |arn: &str| arn.rsplit('/').next().map(str::to_owned);
        let same_role = principal.issuer_arn.as_deref().and_then(role) == role(&arn);
        if same_role && arn.contains(":role/") && principal.issuer_arn.as_ref() != Some(&principal.arn) {
            principal.issuer_arn = Some(arn);
        }
    }
    if let (true, Some(id)) = (principal.unique_id.is_empty(), text("aws:userid")) {
        principal.unique_id = id;
    }
    Ok(context)
}

fn value(json: Json) -> Result<Option<Value>, &'static str> {
    let text = |json: Json| match json {
        Json::String(text) => Ok(text),
        Json::Number(number) => Ok(number.to_string()),
        Json::Bool(flag) => Ok(flag.to_string()),
        _ => Err("a value is a text, a number, a boolean, or a list of them"),
    };
    match json {
        Json::Null => Ok(None),
        Json::Array(items) => items.into_iter().map(text).collect::<Result<Vec<_>, _>>().map(|list| Some(list.into())),
        one => text(one).map(|text| Some(text.into())),
    }
}

/// The account that an ARN names as the owner.
fn account_in(resource: &str) -> Option<String> {
    let account = resource.strip_prefix("arn:")?.split(':').nth(3)?;
    (account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit())).then(|| account.to_owned())
}

/// No documents are no policies, which is not the same as policies that allow nothing.
fn some(documents: Option<OneOrMany>, kind: Kind, name: &str) -> Result<Option<PolicySet>, String> {
    match documents {
        None => Ok(None),
        Some(OneOrMany::Many(documents)) if documents.is_empty() => Ok(None),
        Some(OneOrMany::Many(documents)) => set(documents, kind, name).map(Some),
        Some(OneOrMany::One(document)) => Ok(Some(PolicySet::new(vec![policy(document, kind, name.to_owned())?]))),
    }
}

fn set(documents: Vec<EmbeddedDocument>, kind: Kind, name: &str) -> Result<PolicySet, String> {
    let named = documents.into_iter().enumerate().map(|(at, document)| policy(document, kind, format!("{name}[{at}]")));
    Ok(PolicySet::new(named.collect::<Result<_, _>>()?))
}

fn policy(document: EmbeddedDocument, kind: Kind, name: String) -> Result<Arc<Policy>, String> {
    let document: Document = document.read(kind).map_err(|error| format!("{name}: {error} ({})", error.detail()))?;
    Ok(Arc::new(Policy::compile(&document, kind, name)))
}
