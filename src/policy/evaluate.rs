//! The decision: a pure function of the request and the policies that apply to it.
//!
//! Source: IAM User Guide, `reference_policies_evaluation-logic_policy-eval-denyallow`,
//! `reference_policies_evaluation-logic-cross-account`, `id_roles_compare-resource-policies`; AWS Organizations User Guide,
//! `orgs_manage_policies_scps_evaluation`, `orgs_manage_policies_rcps_evaluation`.

use std::sync::Arc;

use super::condition::Compiled;
use super::decision::Effect;
use super::document::{Kind, StatementEffect};
use super::fact::Facts;
use super::index::Candidates;
use super::principal::{Grant, Principal, PrincipalKind};
use super::rule::ResourceRule;
use super::set::{Placed, PolicySet};
use super::verdict::{Gap, Near, Statements, Verdict};

/// The policies that apply to a request.
#[derive(Debug, Clone, Copy)]
pub struct Policies<'a> {
    /// The principal's own and his groups'; the role's, for a session of a role; the user's, for a federated user. The root user,
    /// and whom he federates, need none.
    pub identity: &'a PolicySet,
    /// The permissions boundary of the user or role, if there is one.
    pub boundary: Option<&'a PolicySet>,
    /// The policies that were passed when the session was made, if any were.
    pub session: Option<&'a PolicySet>,
    /// The policy of the resource, if it has one.
    pub resource: Option<&'a PolicySet>,
    /// How much weight the resource's policy has, also when there is none.
    pub resource_rule: ResourceRule,
    /// The service control policies over the principal's account, level by level from the root of its organization; no levels
    /// where there is no organization. A level without policies allows nothing.
    pub service_control: &'a [Arc<PolicySet>],
    /// The resource control policies over the resource's account, likewise.
    pub resource_control: &'a [Arc<PolicySet>],
}

impl<'a> Policies<'a> {
    /// The policies of an identity, with no others.
    pub fn of(identity: &'a PolicySet) -> Self {
        Policies {
            identity,
            boundary: None,
            session: None,
            resource: None,
            resource_rule: ResourceRule::Suffices,
            service_control: &[],
            resource_control: &[],
        }
    }
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
    pub context: &'a dyn Facts,
}

/// Decides a request.
///
/// An explicit denial anywhere wins. Every level of an organization's guardrails must allow. The root user of an account needs
/// no permission in it, and neither identity policies nor boundaries limit him. Within an account, the principal's side (own
/// policies, limited by boundary and session) or the resource's policy must allow; between accounts both must, and where the
/// [`ResourceRule`] says so the resource's policy must in any case. How far a resource's policy overrides implicit denials
/// depends on whom it names: the principal, the role or user behind his session, or only his account. A session policy of the root
/// user himself is overridden by none.
///
/// Nothing is allocated, unless more than six statements matter or more than 32 of one set may be about the request, the action
/// has more than 96 bytes, a string operator is given bytes, or a pattern with many `?` meets a long text.
pub fn evaluate<'p>(request: &Request<'_>, policies: &Policies<'p>) -> Verdict<'p> {
    let action = LowerCase::new(request.action);
    let mut scan = Scan {
        request,
        action: action.as_str(),
        has_boundary: policies.boundary.is_some(),
        candidates: Candidates::new(),
        statements: Statements::new(),
    };
    let layers = Layers::new(request.principal, policies);
    scan.denials(&layers);
    if !scan.statements.is_empty() {
        return Verdict { effect: Effect::ExplicitlyDenied, statements: scan.statements, missing: None };
    }
    let gap = scan.gap(&layers, policies.resource_rule);
    let missing = gap.map(|(kind, level, near)| {
        let near = near.map(|near| Near {
            set: near.set,
            at: near.at,
            condition: near.condition,
            absent: near.condition.key_is_absent(request.context),
        });
        Gap { kind, level, near }
    });
    let effect = if missing.is_none() { Effect::Allowed } else { Effect::ImplicitlyDenied };
    Verdict { effect, statements: scan.statements, missing }
}

/// The policies that are looked at for a principal, in the order in which statements are named.
struct Layers<'p> {
    identity: Option<&'p PolicySet>,
    boundary: Option<&'p PolicySet>,
    session: Option<&'p PolicySet>,
    resource: Option<&'p PolicySet>,
    service_control: &'p [Arc<PolicySet>],
    resource_control: &'p [Arc<PolicySet>],
}

impl<'p> Layers<'p> {
    fn new(principal: &Principal, policies: &Policies<'p>) -> Self {
        let root = principal.acts_as_root();
        // Guardrails never bind the roles through which services do their own work.
        let guarded = !(policies.service_control.is_empty() && policies.resource_control.is_empty());
        let exempt = guarded && principal.is_service_linked();
        // Who belongs to no account is under nobody's service control policies.
        let controlled = principal.kind.has_identity() && !exempt;
        Layers {
            identity: (!root).then_some(policies.identity),
            boundary: policies.boundary.filter(|_| !root),
            session: policies.session,
            resource: policies.resource,
            service_control: if controlled { policies.service_control } else { &[] },
            resource_control: if exempt { &[] } else { policies.resource_control },
        }
    }
}

/// What is missing for a request to be allowed: the kind of policy, its level, the statement that nearly allowed it.
type Missed<'p> = (Kind, Option<usize>, Option<Nearly<'p>>);

/// What the policies of one kind say.
#[derive(Clone, Copy)]
struct Found<'p> {
    /// How far the allowances reach; [`Grant::Direct`] in policies that name no principals.
    grant: Grant,
    near: Option<Nearly<'p>>,
}

impl Found<'_> {
    const NOTHING: Self = Found { grant: Grant::None, near: None };

    fn allows(&self) -> bool {
        self.grant != Grant::None
    }
}

/// A statement that allows the request but for a condition.
#[derive(Clone, Copy)]
struct Nearly<'p> {
    set: &'p PolicySet,
    at: u32,
    condition: &'p Compiled,
}

/// One look at everything that applies to a request.
struct Scan<'r, 'p> {
    request: &'r Request<'r>,
    action: &'r str,
    has_boundary: bool,
    /// The statements of the set that is being looked at; kept here so that they are written in one place again and again.
    candidates: Candidates,
    statements: Statements<'p>,
}

impl<'p> Scan<'_, 'p> {
    /// Gathers every statement that denies.
    fn denials(&mut self, layers: &Layers<'p>) {
        let own = [layers.identity, layers.boundary, layers.session, layers.resource];
        own.into_iter().flatten().for_each(|set| self.denials_of(set));
        let guards = layers.service_control.iter().chain(layers.resource_control);
        guards.for_each(|set| self.denials_of(set));
    }

    fn denials_of(&mut self, set: &'p PolicySet) {
        let Request { principal, resource, context, .. } = *self.request;
        set.find(StatementEffect::Deny, self.action, resource, &mut self.candidates);
        for &(at, known) in &self.candidates {
            let Some(placed) = set.placed(at) else { continue };
            if placed.matcher.covers(known, self.action, resource, context)
                && grant(principal, placed, self.has_boundary) != Grant::None
                && placed.matcher.failing_condition(context).is_none()
            {
                self.statements.push((set, at));
            }
        }
    }

    /// Gathers every statement that allows, and says what is missing, if anything is.
    fn gap(&mut self, layers: &Layers<'p>, rule: ResourceRule) -> Option<Missed<'p>> {
        let principal = self.request.principal;
        let kind = principal.kind;
        let identity = layers.identity.map(|set| self.allowances_of(set));
        let boundary = layers.boundary.map(|set| self.allowances_of(set));
        let session = match (layers.session, kind) {
            (Some(set), _) => Some(self.allowances_of(set)),
            // A federated user has nothing but what its session policies let through.
            (None, PrincipalKind::FederatedUser) => Some(Found::NOTHING),
            (None, _) => None,
        };
        let resource = layers.resource.map_or(Found::NOTHING, |set| self.allowances_of(set));
        let service_control = self.guard(layers.service_control, Kind::ServiceControl);
        let resource_control = self.guard(layers.resource_control, Kind::ResourceControl);
        if let Some(missed) = resource_control.or(service_control) {
            return Some(missed);
        }

        let resource_kind = if rule == ResourceRule::Trust { Kind::Trust } else { Kind::Resource };
        let by_resource = (!resource.allows()).then_some((resource_kind, None, resource.near));
        if by_resource.is_some() && rule != ResourceRule::Suffices {
            return by_resource;
        }
        // Nothing can be attached to a service or a stranger, so the resource's policy alone decides.
        if !kind.has_identity() {
            return by_resource;
        }
        let same_account = self.request.resource_account.is_none_or(|account| account == principal.account);
        // What names an account, or everybody, reaches its root user too: that opens nothing beyond a root session's task.
        let bounded_root = kind == PrincipalKind::Root && session.is_some();
        if same_account && resource.grant == Grant::Direct && !bounded_root {
            return None;
        }
        let by_role = same_account && resource.grant == Grant::Issuer;
        let lacking = |found: Option<Found<'p>>, kind| {
            found.filter(|found| !found.allows()).map(|found| (kind, None, found.near))
        };
        lacking(identity.filter(|_| !by_role), Kind::Identity)
            .or_else(|| lacking(boundary, Kind::Boundary))
            .or_else(|| lacking(session, Kind::Session))
            .or(by_resource.filter(|_| !same_account))
    }

    /// The first level that does not allow; every level is looked at, so that all that allow are named.
    fn guard(&mut self, levels: &'p [Arc<PolicySet>], kind: Kind) -> Option<Missed<'p>> {
        let mut missed = None;
        for (level, set) in levels.iter().enumerate() {
            let found = self.allowances_of(set);
            if !found.allows() && missed.is_none() {
                missed = Some((kind, Some(level), found.near));
            }
        }
        missed
    }

    fn allowances_of(&mut self, set: &'p PolicySet) -> Found<'p> {
        let Request { principal, resource, context, .. } = *self.request;
        let mut found = Found::NOTHING;
        set.find(StatementEffect::Allow, self.action, resource, &mut self.candidates);
        for &(at, known) in &self.candidates {
            let Some(placed) = set.placed(at) else { continue };
            // Cheapest first: most statements are about something else.
            if !placed.matcher.covers(known, self.action, resource, context) {
                continue;
            }
            let grant = grant(principal, placed, self.has_boundary);
            if grant == Grant::None {
                continue;
            }
            match placed.matcher.failing_condition(context) {
                None => {
                    found.grant = found.grant.max(grant);
                    self.statements.push((set, at));
                }
                Some(condition) if found.near.is_none() => found.near = Some(Nearly { set, at, condition }),
                Some(_) => {}
            }
        }
        found
    }
}

/// How a statement reaches the principal.
fn grant(principal: &Principal, placed: Placed<'_>, has_boundary: bool) -> Grant {
    match &placed.matcher.principals {
        Some(principals) => principals.grant(principal, placed.matcher.effect, has_boundary),
        None if placed.policy.kind().names_principals() => Grant::None,
        None => Grant::Direct,
    }
}

/// An action in lower case, without allocating for any action there is.
enum LowerCase<'a> {
    AsItIs(&'a str),
    Short([u8; 96], usize),
    Long(String),
}

impl LowerCase<'_> {
    fn new(text: &str) -> LowerCase<'_> {
        // Whoever asks the same of many resources has it so.
        if !text.bytes().fold(false, |any, byte| any | byte.is_ascii_uppercase()) {
            return LowerCase::AsItIs(text);
        }
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
            LowerCase::AsItIs(text) => text,
            // Lowering ASCII letters keeps UTF-8 valid, so the default is never used.
            LowerCase::Short(buffer, length) => {
                buffer.get(..*length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
            }
            LowerCase::Long(text) => text,
        }
    }
}
