//! The decision: a pure function of the request and the policies that apply to it.
//!
//! Source: IAM User Guide, `reference_policies_evaluation-logic_policy-eval-denyallow`,
//! `reference_policies_evaluation-logic-cross-account`, `id_roles_compare-resource-policies`.

use super::compile::{Matcher, Policy};
use super::condition::Compiled;
use super::context::Context;
use super::decision::{Decision, Effect, Layer, MatchedStatement, Missing, NearMiss};
use super::document::StatementEffect;
use super::principal::{Grant, Principal, PrincipalKind};
use super::set::PolicySet;

/// The policies that apply to a request.
#[derive(Debug, Clone, Copy)]
pub struct Policies<'a> {
    /// The principal's own and his groups'; the role's, for a session of a role; the user's, for a federated user.
    pub identity: &'a PolicySet,
    /// The permissions boundary of the user or role, if there is one.
    pub boundary: Option<&'a PolicySet>,
    /// The policies that were passed when the session was made, if any were.
    pub session: Option<&'a PolicySet>,
    /// The policy of the resource; for [`evaluate_trust`] the trust policy of the role.
    pub resource: Option<&'a PolicySet>,
}

/// A request to decide.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// `iam:CreateUser`; case does not count.
    pub action: &'a str,
    /// An ARN, or `*` for actions that are about no resource in particular.
    pub resource: &'a str,
    /// The account that owns the resource; `None` when nobody does, which counts as the principal's own account.
    pub resource_account: Option<&'a str>,
    /// What else is known.
    pub context: &'a Context,
}

/// Decides a request.
///
/// An explicit denial anywhere wins. The root user of an account needs no permission in it, and neither identity policies nor
/// boundaries limit him. Within an account, the principal's side (own policies, limited by boundary and session) or the
/// resource's policy must allow; between accounts both must. How far a resource's policy overrides implicit denials depends on
/// whom it names: the principal, the role or user behind his session, or only his account.
pub fn evaluate(request: &Request<'_>, policies: &Policies<'_>) -> Decision {
    decide(request, policies, Layer::Resource)
}

/// Decides whether a role may be assumed (`sts:AssumeRole` and its like): like [`evaluate`], but the trust policy in
/// [`Policies::resource`] must allow it in any case; the principal's own policies never suffice, not even root's power.
pub fn evaluate_trust(request: &Request<'_>, policies: &Policies<'_>) -> Decision {
    decide(request, policies, Layer::Trust)
}

fn decide(request: &Request<'_>, policies: &Policies<'_>, resource_layer: Layer) -> Decision {
    let kind = request.principal.kind;
    let root = kind == PrincipalKind::Root;
    let action = LowerCase::new(request.action);
    let mut scan = Scan {
        request,
        action: action.as_str(),
        service: action.as_str().split_once(':').map_or("", |(service, _)| service),
        has_boundary: policies.boundary.is_some(),
        denied: false,
        matched: Vec::new(),
    };
    let nothing = Found::default();
    let identity = if root { nothing } else { scan.layer(policies.identity) };
    let boundary = policies.boundary.filter(|_| !root).map(|set| scan.layer(set));
    let session = policies.session.map(|set| scan.layer(set));
    let resource = policies.resource.map_or(nothing, |set| scan.layer(set));
    let Scan { denied, mut matched, .. } = scan;
    if denied {
        matched.retain(|statement| statement.effect == StatementEffect::Deny);
        return Decision { effect: Effect::ExplicitlyDenied, statements: matched, missing: None };
    }

    let grant = resource.grant;
    let same_account = request.resource_account.is_none_or(|account| account == request.principal.account);
    let missing = if grant == Grant::None && resource_layer == Layer::Trust {
        Some((Layer::Trust, resource))
    } else if !kind.has_identity() {
        // Nothing can be attached to a service or a stranger, so the resource's policy alone decides.
        (grant == Grant::None).then_some((resource_layer, resource))
    } else if same_account && grant == Grant::Direct {
        None
    } else {
        let by_role = same_account && grant == Grant::Issuer;
        let no_session_policy = match kind {
            // A federated user has nothing but what its session policies let through.
            PrincipalKind::FederatedUser => Some(nothing),
            _ => None,
        };
        if !root && !by_role && grant_of(identity) == Grant::None {
            Some((Layer::Identity, identity))
        } else if let Some(found) = boundary.filter(|found| grant_of(*found) == Grant::None) {
            Some((Layer::Boundary, found))
        } else if let Some(found) =
            session.filter(|_| !root).or(no_session_policy).filter(|f| grant_of(*f) == Grant::None)
        {
            Some((Layer::Session, found))
        } else if !same_account && grant == Grant::None {
            Some((resource_layer, resource))
        } else {
            None
        }
    };
    match missing {
        None => Decision { effect: Effect::Allowed, statements: matched, missing: None },
        Some((layer, found)) => {
            let near = found.near.map(|near| near.describe(request.context));
            Decision { effect: Effect::ImplicitlyDenied, statements: matched, missing: Some(Missing { layer, near }) }
        }
    }
}

fn grant_of(found: Found<'_>) -> Grant {
    found.grant
}

/// What the policies of one kind say.
#[derive(Clone, Copy)]
struct Found<'a> {
    /// How far the allowances reach; [`Grant::Direct`] in policies that name no principals.
    grant: Grant,
    near: Option<Near<'a>>,
}

impl Default for Found<'_> {
    fn default() -> Self {
        Found { grant: Grant::None, near: None }
    }
}

#[derive(Clone, Copy)]
struct Near<'a> {
    policy: &'a Policy,
    index: u32,
    matcher: &'a Matcher,
    condition: &'a Compiled,
}

impl Near<'_> {
    fn describe(self, context: &Context) -> NearMiss {
        NearMiss {
            statement: matched_statement(self.policy, self.index, self.matcher),
            key: self.condition.key.to_string(),
            operator: self.condition.operator,
            absent: self.condition.key_is_absent(context),
        }
    }
}

/// One pass over everything that applies to a request.
struct Scan<'r> {
    request: &'r Request<'r>,
    action: &'r str,
    service: &'r str,
    has_boundary: bool,
    denied: bool,
    matched: Vec<MatchedStatement>,
}

impl Scan<'_> {
    fn layer<'p>(&mut self, set: &'p PolicySet) -> Found<'p> {
        let Request { principal, resource, context, .. } = *self.request;
        let mut found = Found::default();
        for (policy, index, matcher) in set.candidates(self.service) {
            let allows = matcher.effect == StatementEffect::Allow;
            if self.denied && allows {
                continue;
            }
            // Cheapest first: most statements are about something else.
            if !matcher.covers(self.action, resource, context) {
                continue;
            }
            let grant = match &matcher.principals {
                Some(principals) => principals.grant(principal, matcher.effect, self.has_boundary),
                None if policy.kind().names_principals() => Grant::None,
                None => Grant::Direct,
            };
            if grant == Grant::None {
                continue;
            }
            match matcher.failing_condition(context) {
                None => {
                    self.denied |= !allows;
                    if allows {
                        found.grant = found.grant.max(grant);
                    }
                    self.matched.push(matched_statement(policy, index, matcher));
                }
                Some(condition) if allows && found.near.is_none() => {
                    found.near = Some(Near { policy, index, matcher, condition });
                }
                Some(_) => {}
            }
        }
        found
    }
}

fn matched_statement(policy: &Policy, index: u32, matcher: &Matcher) -> MatchedStatement {
    MatchedStatement {
        policy: policy.shared_id(),
        kind: policy.kind(),
        sid: matcher.sid.clone(),
        index: index as usize,
        effect: matcher.effect,
    }
}

/// An action in lower case, without allocating for any action there is.
enum LowerCase {
    Short([u8; 96], usize),
    Long(String),
}

impl LowerCase {
    fn new(text: &str) -> LowerCase {
        let mut buffer = [0; 96];
        match buffer.get_mut(..text.len()) {
            Some(target) => {
                target.copy_from_slice(text.as_bytes());
                target.make_ascii_lowercase();
                LowerCase::Short(buffer, text.len())
            }
            None => LowerCase::Long(text.to_ascii_lowercase()),
        }
    }

    fn as_str(&self) -> &str {
        match self {
            // Lowering ASCII letters keeps UTF-8 valid, so the default is never used.
            LowerCase::Short(buffer, length) => {
                buffer.get(..*length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
            }
            LowerCase::Long(text) => text,
        }
    }
}
