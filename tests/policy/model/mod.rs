//! The documentation as slow, plain code over the JSON itself: nothing compiled, nothing clever, nothing shared with the engine
//! but the types in which requests are asked.
//!
//! The cases hold it to what AWS writes, the laws hold the engine to it on generated policies and requests. It says the outcome
//! and every reason: which statements mattered, what was missing, and which condition was in the way.

mod condition;
mod pattern;
mod principal;
mod reasons;
mod statement;
mod value;

use brevet::policy::{Effect, PrincipalKind, ResourceRule};

use self::principal::Reach;
pub use self::reasons::{Answer, Missing, Near, Reason};
use self::statement::Statement;
use crate::case::{Asked, Texts};

/// The policies of one kind, at one level if there are levels.
struct Layer {
    kind: &'static str,
    statements: Vec<Statement>,
}

impl Layer {
    fn new(kind: &'static str, level: Option<usize>, texts: &[String]) -> Layer {
        Layer { kind, statements: statement::all(kind, level, texts) }
    }

    fn allows(&self, asked: &Asked) -> bool {
        self.statements.iter().any(|s| s.is("Allow") && s.matches(asked))
    }
}

/// Decides a request as the pages "Policy evaluation logic" of the IAM User Guide tell it.
pub fn answer(texts: &Texts, asked: &Asked) -> Answer {
    let who = &asked.principal;
    let issuer = who.issuer_arn.as_deref().unwrap_or_default();
    let by_root = who.kind == PrincipalKind::FederatedUser && issuer == format!("arn:aws:iam::{}:root", who.account);
    let root = who.kind == PrincipalKind::Root || by_root;
    let stranger = matches!(who.kind, PrincipalKind::Service | PrincipalKind::Federated | PrincipalKind::Anonymous);
    let bounded = texts.boundary.is_some() && !root;
    let rule = texts.rule.unwrap_or_else(|| rule(asked));

    // Which policies apply. "By default, all requests are implicitly denied with the exception of the AWS account root user,
    // which has full access": nothing that is attached to somebody else gives or takes anything from him.
    let optional = |kind, texts: &Option<Vec<String>>| texts.as_ref().map(|texts| Layer::new(kind, None, texts));
    let identity = Layer::new("Identity", None, if root { &[] } else { &texts.identity });
    let boundary = if root { None } else { optional("Boundary", &texts.boundary) };
    let session = optional("Session", &texts.session);
    let resource = optional(if texts.trust { "Trust" } else { "Resource" }, &texts.resource);
    let levels = |kind, levels: &[Vec<String>], applies: bool| -> Vec<Layer> {
        let all = levels.iter().enumerate().map(|(level, texts)| Layer::new(kind, Some(level), texts));
        all.filter(|_| applies).collect()
    };
    // "SCPs affect only IAM users and roles that are managed by accounts that are part of the organization", "including each
    // AWS account root user"; "SCPs do not affect any service-linked role". RCPs restrict whoever comes, but those roles too.
    let linked = service_linked(asked);
    let service_controls = levels("ServiceControl", &texts.scps, !stranger && !linked);
    let resource_controls = levels("ResourceControl", &texts.rcps, !linked);

    let mut in_order = vec![&identity];
    in_order.extend(boundary.iter().chain(&session).chain(&resource));
    in_order.extend(service_controls.iter().chain(&resource_controls));
    let reaches = |layer: &Layer, s: &Statement| match layer.kind {
        "Resource" | "Trust" => s.reach(who, bounded).is_some(),
        _ => true,
    };
    let mattered = |effect: &str| -> Vec<Reason> {
        let mut reasons = Vec::new();
        for layer in &in_order {
            let matched = layer.statements.iter().filter(|s| s.is(effect) && s.matches(asked) && reaches(layer, s));
            reasons.extend(matched.map(|s| s.reason(layer.kind)));
        }
        reasons
    };

    // "An explicit deny in any of these policies overrides the allow."
    let denials = mattered("Deny");
    if !denials.is_empty() {
        return Answer { effect: Effect::ExplicitlyDenied, statements: denials, missing: None };
    }

    let grants = resource.iter().flat_map(|layer| &layer.statements).filter(|s| s.is("Allow") && s.matches(asked));
    let grant = grants.filter_map(|s| s.reach(who, bounded)).max();
    let same_account = asked.resource_account.as_ref().is_none_or(|account| *account == who.account);
    let resource_kind = if rule == ResourceRule::Trust { "Trust" } else { "Resource" };
    let lacks = |kind: &str, level, layer: Option<&Layer>| {
        let statements = layer.map_or(&[][..], |layer| &layer.statements);
        let reached = |s: &&Statement| s.is("Allow") && layer.is_some_and(|layer| reaches(layer, s));
        Some(Missing { kind: kind.to_owned(), level, near: reasons::near(statements.iter().filter(reached), asked) })
    };
    // "An explicit Allow statement is required at every level"; a level without policies has none.
    let silent = |layers: &[Layer]| layers.iter().position(|layer| !layer.allows(asked));
    let root_session = who.kind == PrincipalKind::Root && session.is_some();
    let by_role = same_account && grant == Some(Reach::Issuer);
    let own_suffices = root || by_role || identity.allows(asked);
    let missing = if let Some(level) = silent(&resource_controls) {
        lacks("ResourceControl", Some(level), resource_controls.get(level))
    } else if let Some(level) = silent(&service_controls) {
        lacks("ServiceControl", Some(level), service_controls.get(level))
    } else if grant.is_none() && (rule != ResourceRule::Suffices || stranger) {
        // "IAM role trust policies and KMS key policies are exceptions to this logic, because they must explicitly allow
        // access for principals."
        lacks(resource_kind, None, resource.as_ref())
    } else if stranger || (same_account && grant == Some(Reach::Principal) && !root_session) {
        // The table "Resource-based policies and implicit denies in other policy types (same account)". It has no root sessions;
        // one "is scoped to the privileged tasks" whatever a resource's policy says.
        None
    } else if !own_suffices {
        lacks("Identity", None, Some(&identity))
    } else if let Some(boundary) = boundary.as_ref().filter(|layer| !layer.allows(asked)) {
        lacks("Boundary", None, Some(boundary))
    } else if session.as_ref().map_or(who.kind == PrincipalKind::FederatedUser, |layer| !layer.allows(asked)) {
        // "If there is no session policy, the code checks whether the principal is a role session. If the principal is a role
        // session, then the request is allowed. Otherwise, the request is implicitly denied."
        lacks("Session", None, session.as_ref())
    } else if !same_account && grant.is_none() {
        // "The request is allowed only if both evaluations return a decision of Allow."
        lacks(resource_kind, None, resource.as_ref())
    } else {
        None
    };
    let effect = if missing.is_none() { Effect::Allowed } else { Effect::ImplicitlyDenied };
    Answer { effect, statements: mattered("Allow"), missing }
}

/// What the policy of the resource is needed for, by what is asked of which resource. In any case: what only looks like another
/// resource must not pass for one.
fn rule(asked: &Asked) -> ResourceRule {
    const OF_TRUST: [&str; 6] = [
        "sts:assumerole",
        "sts:assumerolewithwebidentity",
        "sts:assumerolewithsaml",
        "sts:tagsession",
        "sts:setsourceidentity",
        "sts:setcontext",
    ];
    let (action, resource) = (asked.action.to_ascii_lowercase(), asked.resource.to_ascii_lowercase());
    let parts: Vec<&str> = resource.splitn(6, ':').collect();
    match parts[..] {
        ["arn", _, "iam", _, _, name] if name.starts_with("role/") && OF_TRUST.contains(&&*action) => {
            ResourceRule::Trust
        }
        ["arn", _, "kms", _, _, name] if name.starts_with("key/") => ResourceRule::Required,
        _ => ResourceRule::Suffices,
    }
}

/// "arn:aws:iam::111122223333:role/aws-service-role/SERVICE-NAME.amazonaws.com/AWSServiceRoleForSERVICE": the page
/// "Create a service-linked role".
fn service_linked(asked: &Asked) -> bool {
    let issuer = asked.principal.issuer_arn.as_deref().unwrap_or_default();
    let own = format!(":{}:role/aws-service-role/", asked.principal.account);
    let Some((before, role)) = issuer.split_once(&own) else { return false };
    let service = role
        .split_once('/')
        .is_some_and(|(service, name)| service.contains('.') && name.starts_with("AWSServiceRoleFor"));
    asked.principal.kind == PrincipalKind::AssumedRole && before.matches(':').count() == 3 && service
}
