//! The simulation itself: each action on each resource.

use std::sync::Arc;

use super::input::Input;
use super::position::Extent;
use super::scene::{Scene, Unfit};
use crate::policy::principal::account_of;
use crate::policy::{
    Context, Effect, Kind, MatchedStatement, Policies, Policy, PolicySet, Principal, Request, ResourceRule,
    StatementEffect, evaluate, written_keys,
};

/// A scene that can be simulated.
#[derive(Debug)]
pub struct Simulation {
    /// Identity, boundary, resource: a policy's place in this list is its id in decisions, where ids must not be mistaken.
    inputs: Vec<Input>,
    identity: PolicySet,
    boundary: Option<PolicySet>,
    resource: Option<PolicySet>,
    principal: Principal,
    owner: Option<String>,
    actions: Vec<String>,
    resources: Vec<String>,
    context: Context,
    missing: Vec<String>,
}

/// What became of one action on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulated<'s> {
    /// The action.
    pub action: &'s str,
    /// The resource's ARN, or `*`.
    pub resource: &'s str,
    /// What would be decided.
    pub effect: Effect,
    /// The statements that decide it: those that deny, or those that allow; none when nothing allows.
    pub statements: Vec<Matched<'s>>,
    /// The keys that the policies read and that are not given, as the policies spell them.
    pub missing: &'s [String],
    /// Whether the boundary by itself allows it; `None` when there is none.
    pub by_boundary: Option<bool>,
    /// What either side says, when the resource is another account's.
    pub sides: Option<Sides>,
}

/// A statement that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matched<'s> {
    /// What its policy is called.
    pub policy: &'s str,
    /// How the policy is used.
    pub kind: Kind,
    /// Where it stands in the policy's text.
    pub extent: Option<Extent>,
}

/// What each account says when a request crosses from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sides {
    /// The caller's policies, within the boundary.
    pub identity: Effect,
    /// The resource's policy.
    pub resource: Effect,
}

impl Simulation {
    /// Prepares a simulation.
    ///
    /// # Errors
    /// [`Unfit`] says what in the scene cannot be simulated.
    pub fn new(scene: Scene) -> Result<Simulation, Unfit> {
        let context = scene.check()?;
        let Scene { identity, boundary, resource_policy, principal, resource_owner, actions, mut resources, .. } =
            scene;
        let mut inputs = Vec::new();
        let identity = compile(&mut inputs, identity, Kind::Identity);
        let boundary = boundary.map(|boundary| compile(&mut inputs, boundary, Kind::Boundary));
        let resource = resource_policy.map(|policy| {
            let kind = policy.kind();
            compile(&mut inputs, vec![policy], kind)
        });
        let mut missing = written_keys(inputs.iter().map(Input::document));
        missing.retain(|key| context.get(&key.to_ascii_lowercase()).is_none());
        if resources.is_empty() {
            resources.push("*".to_owned());
        }
        Ok(Simulation {
            inputs,
            identity,
            boundary,
            resource,
            principal,
            owner: resource_owner,
            actions,
            resources,
            context,
            missing,
        })
    }

    /// How many results there are: one for each action on each resource.
    pub fn len(&self) -> usize {
        self.actions.len() * self.resources.len()
    }

    /// Whether there is nothing to simulate.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A result by its place: the first action on every resource, then the second. Each is worked out when it is asked for.
    pub fn result(&self, at: usize) -> Option<Simulated<'_>> {
        let action = self.actions.get(at.checked_div(self.resources.len())?)?;
        let resource = self.resources.get(at.checked_rem(self.resources.len())?)?;
        Some(self.simulate(action, resource))
    }

    fn simulate<'s>(&'s self, action: &'s str, resource: &'s str) -> Simulated<'s> {
        let account = self.account_of(resource);
        let request =
            Request { principal: &self.principal, action, resource, resource_account: account, context: &self.context };
        let own = Policies { boundary: self.boundary.as_ref(), ..Policies::of(&self.identity) };
        // Without a resource's policy, only the caller's side is asked about: what a role or key would say is not known.
        let resource_rule =
            self.resource.as_ref().map_or(ResourceRule::Suffices, |_| ResourceRule::of(action, resource));
        let all = Policies { resource: self.resource.as_ref(), resource_rule, ..own };
        let decision = evaluate(&request, &all).explain();
        let deciding = if decision.effect == Effect::ImplicitlyDenied { Vec::new() } else { decision.statements };
        let at_home = Request { resource_account: None, ..request };
        Simulated {
            action,
            resource,
            effect: decision.effect,
            statements: deciding.iter().filter_map(|statement| self.matched(statement)).collect(),
            missing: &self.missing,
            by_boundary: self.boundary.as_ref().map(|set| evaluate(&at_home, &Policies::of(set)).is_allowed()),
            sides: account
                .filter(|account| *account != self.principal.account)
                .map(|_| Sides { identity: evaluate(&at_home, &own).effect(), resource: self.resource_side(&request) }),
        }
    }

    /// What the resource's policy says by itself, to whomever in the other account it is said.
    fn resource_side(&self, request: &Request<'_>) -> Effect {
        let nothing = PolicySet::default();
        let decision =
            evaluate(request, &Policies { resource: self.resource.as_ref(), ..Policies::of(&nothing) }).explain();
        let allows = decision.statements.iter().any(|statement| statement.effect == StatementEffect::Allow);
        match decision.effect {
            Effect::ExplicitlyDenied => Effect::ExplicitlyDenied,
            _ if allows => Effect::Allowed,
            _ => Effect::ImplicitlyDenied,
        }
    }

    /// The account of a resource, where it matters: where its policy or its owner is given.
    fn account_of<'s>(&'s self, resource: &'s str) -> Option<&'s str> {
        if self.resource.is_none() && self.owner.is_none() {
            return None;
        }
        let named = resource.split(':').nth(4).filter(|account| account_of(account).is_some());
        named.or(self.owner.as_deref())
    }

    fn matched(&self, statement: &MatchedStatement) -> Option<Matched<'_>> {
        let input = self.inputs.get(statement.policy.parse::<usize>().ok()?)?;
        Some(Matched { policy: input.id(), kind: statement.kind, extent: input.extent(statement.index) })
    }
}

fn compile(inputs: &mut Vec<Input>, policies: Vec<Input>, kind: Kind) -> PolicySet {
    let compiled = policies.into_iter().map(|input| {
        let policy = Policy::compile(input.document(), kind, inputs.len().to_string());
        inputs.push(input);
        Arc::new(policy)
    });
    PolicySet::new(compiled.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::PrincipalKind;
    use crate::policy::simulate::Entry;

    const HOME: &str = "111122223333";
    const AWAY: &str = "444455556666";
    const BUCKET: &str = "arn:aws:s3:::b/k";

    fn policy(id: &str, kind: Kind, statements: &str) -> Input {
        Input::read(id, &format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#), kind).unwrap()
    }

    fn statement(effect: &str, action: &str, more: &str) -> String {
        format!(r#"{{"Effect":"{effect}","Action":"{action}","Resource":"*"{more}}}"#)
    }

    fn scene(identity: &str) -> Scene {
        Scene {
            identity: vec![policy("own", Kind::Identity, identity)],
            boundary: None,
            resource_policy: None,
            principal: Principal {
                kind: PrincipalKind::User,
                account: HOME.to_owned(),
                arn: format!("arn:aws:iam::{HOME}:user/ann"),
                issuer_arn: None,
                unique_id: "AIDAANN".to_owned(),
            },
            resource_owner: None,
            actions: vec!["s3:GetObject".to_owned()],
            resources: vec![BUCKET.to_owned()],
            entries: Vec::new(),
            scenario: None,
        }
    }

    fn told(scene: Scene) -> (Effect, Vec<String>, Option<bool>, Option<Sides>) {
        let simulation = Simulation::new(scene).unwrap();
        let result = simulation.result(0).unwrap();
        let statement = |matched: &Matched<'_>| {
            let start = matched.extent.map(|extent| extent.start.column).unwrap_or_default();
            format!("{} {:?} {start}", matched.policy, matched.kind)
        };
        let statements = result.statements.iter().map(statement).collect();
        (result.effect, statements, result.by_boundary, result.sides)
    }

    #[test]
    fn every_action_meets_every_resource_in_order() {
        let everywhere = Scene { resources: Vec::new(), ..scene(&statement("Allow", "*", "")) };
        assert_eq!(Simulation::new(everywhere).unwrap().result(0).map(|result| result.resource), Some("*"));
        let scene = Scene {
            actions: ["s3:GetObject", "s3:PutObject"].map(str::to_owned).to_vec(),
            resources: ["arn:aws:s3:::a", "arn:aws:s3:::b", "*"].map(str::to_owned).to_vec(),
            ..scene(&statement("Allow", "s3:Get*", ""))
        };
        let simulation = Simulation::new(scene).unwrap();
        assert_eq!((simulation.len(), simulation.is_empty()), (6, false));
        let pairs: Vec<_> = (0..7).filter_map(|at| simulation.result(at)).map(|r| (r.action, r.resource)).collect();
        assert_eq!(pairs[1], ("s3:GetObject", "arn:aws:s3:::b"));
        assert_eq!(pairs[3], ("s3:PutObject", "arn:aws:s3:::a"));
        assert_eq!(pairs.len(), 6, "there is no seventh");
        let effects: Vec<_> = (0..6).filter_map(|at| simulation.result(at)).map(|r| r.effect).collect();
        assert_eq!(effects, [[Effect::Allowed; 3], [Effect::ImplicitlyDenied; 3]].concat());
    }

    #[test]
    fn the_statements_that_decide_are_named_with_their_places() {
        let statements = [statement("Allow", "s3:*", ""), statement("Deny", "s3:GetObject", "")].join(",");
        let (effect, named, ..) = told(scene(&statements));
        assert_eq!(effect, Effect::ExplicitlyDenied);
        assert_eq!(named, ["own Identity 87"], "the denial alone, which begins behind the allowance");
        assert_eq!(told(scene(&statement("Allow", "s3:*", ""))).1, ["own Identity 38"]);
        assert_eq!(told(scene(&statement("Allow", "sqs:*", ""))), (Effect::ImplicitlyDenied, vec![], None, None));
    }

    #[test]
    fn policies_of_one_name_are_told_apart() {
        let mut scene = scene(&statement("Deny", "sqs:*", ""));
        scene.identity.push(policy("own", Kind::Identity, &format!("  {}", statement("Allow", "s3:*", ""))));
        scene.identity.push(policy("0", Kind::Identity, &statement("Allow", "sqs:*", "")));
        assert_eq!(told(scene).1, ["own Identity 38"]);
    }

    #[test]
    fn a_boundary_is_judged_by_itself() {
        let with = |own: &str, boundary: &str| {
            let boundary = Some(vec![policy("bound", Kind::Boundary, boundary)]);
            let (effect, _, by_boundary, _) = told(Scene { boundary, ..scene(own) });
            (effect, by_boundary)
        };
        let (allow, other) = (statement("Allow", "s3:*", ""), statement("Allow", "sqs:*", ""));
        assert_eq!(with(&allow, &allow), (Effect::Allowed, Some(true)));
        assert_eq!(with(&allow, &other), (Effect::ImplicitlyDenied, Some(false)));
        assert_eq!(with(&other, &allow), (Effect::ImplicitlyDenied, Some(true)));
        assert_eq!(with(&allow, &statement("Deny", "s3:*", "")), (Effect::ExplicitlyDenied, Some(false)));
        let nothing = Scene { boundary: Some(Vec::new()), ..scene(&allow) };
        assert_eq!(told(nothing).2, Some(false), "a boundary without policies allows nothing");
    }

    #[test]
    fn a_resource_policy_counts_by_account() {
        let theirs = |principal: &str, effect: &str| {
            let named = format!(r#","Principal":{{"AWS":"arn:aws:iam::{HOME}:{principal}"}}"#);
            Some(policy("ResourcePolicy", Kind::Resource, &statement(effect, "s3:*", &named)))
        };
        let (mine, none) = (statement("Allow", "s3:*", ""), statement("Allow", "sqs:*", ""));
        let at_home = |own: &str, resource_policy| told(Scene { resource_policy, ..scene(own) });
        let away = |own: &str, resource_policy| {
            let resource_owner = Some(AWAY.to_owned());
            let (effect, _, _, sides) = told(Scene { resource_policy, resource_owner, ..scene(own) });
            let sides = sides.unwrap();
            (effect, sides.identity, sides.resource)
        };
        use Effect::{Allowed, ExplicitlyDenied, ImplicitlyDenied};
        let (effect, named, _, sides) = at_home(&none, theirs("user/ann", "Allow"));
        assert_eq!((effect, sides), (Allowed, None));
        assert_eq!(named, ["ResourcePolicy Resource 38"]);
        assert_eq!(at_home(&none, theirs("root", "Allow")).0, ImplicitlyDenied, "an account is not its users");
        assert_eq!(away(&none, theirs("user/ann", "Allow")), (ImplicitlyDenied, ImplicitlyDenied, Allowed));
        assert_eq!(away(&mine, theirs("root", "Allow")), (Allowed, Allowed, Allowed));
        assert_eq!(away(&mine, theirs("user/bob", "Allow")), (ImplicitlyDenied, Allowed, ImplicitlyDenied));
        assert_eq!(away(&mine, theirs("user/ann", "Deny")), (ExplicitlyDenied, Allowed, ExplicitlyDenied));
        assert_eq!(
            away(&mine, None),
            (ImplicitlyDenied, Allowed, ImplicitlyDenied),
            "the owner is given, so it counts"
        );
    }

    #[test]
    fn a_trust_policy_is_a_roles_resource_policy() {
        let role = vec![format!("arn:aws:iam::{AWAY}:role/reader")];
        let mine = statement("Allow", "sts:AssumeRole", "");
        let assume = |resource_policy: Option<Input>| {
            let actions = vec!["sts:AssumeRole".to_owned()];
            told(Scene { actions, resources: role.clone(), resource_policy, ..scene(&mine) }).0
        };
        let trust = |account: &str| {
            let text = format!(r#"{{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{{"AWS":"{account}"}}}}"#);
            Some(policy("ResourcePolicy", Scene::resource_policy_kind(&role), &text))
        };
        assert_eq!(assume(None), Effect::Allowed, "only the caller's side is known");
        assert_eq!(assume(trust(HOME)), Effect::Allowed);
        assert_eq!(assume(trust(AWAY)), Effect::ImplicitlyDenied);
    }

    #[test]
    fn keys_that_are_not_given_are_named_as_they_are_written() {
        let condition = r#","Condition":{"StringEquals":{"aws:PrincipalTag/Team":"${aws:UserName}","S3:Prefix":"x"}}"#;
        let missing = |keys: &[(&str, &[&str])]| {
            let entry = |(key, values): &(&str, &[&str])| Entry {
                key: (*key).to_owned(),
                of: None,
                values: values.iter().map(|&value| value.to_owned()).collect(),
            };
            let entries = keys.iter().map(entry).collect();
            let simulation =
                Simulation::new(Scene { entries, ..scene(&statement("Allow", "s3:*", condition)) }).unwrap();
            let result = simulation.result(0).unwrap();
            (result.effect, result.missing.to_vec())
        };
        let (effect, keys) = missing(&[("s3:prefix", &["x"]), ("aws:PRINCIPALTAG/team", &[])]);
        assert_eq!(
            (effect, keys),
            (Effect::ImplicitlyDenied, vec!["aws:PrincipalTag/Team".into(), "aws:UserName".into()])
        );
        let all: &[(&str, &[&str])] =
            &[("s3:prefix", &["x"]), ("aws:principaltag/team", &["a"]), ("aws:username", &["a"])];
        assert_eq!(missing(all), (Effect::Allowed, vec![]));
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let unfit = |scene: Scene| Simulation::new(scene).unwrap_err().to_string();
        let fine = || scene(&statement("Allow", "s3:*", ""));
        assert!(unfit(Scene { actions: vec!["s3:*".to_owned()], ..fine() }).contains("Invalid action name: s3:*."));
        let message = unfit(Scene { resources: vec!["b".to_owned()], ..fine() });
        assert_eq!(message, "ResourceNames are not in a valid ARN format: b.");
        let public = statement("Allow", "s3:*", r#","Principal":"*""#);
        let resource_policy = || Some(policy("ResourcePolicy", Kind::Resource, &public));
        let message = unfit(Scene { resources: Vec::new(), resource_policy: resource_policy(), ..fine() });
        assert_eq!(message, "The ResourcePolicy does not apply to the resource *.");
        let message = unfit(Scene { scenario: Some("EC2-VPC-EBS".to_owned()), ..fine() });
        assert!(message.contains("instance, image"), "{message}");
        assert!(Simulation::new(Scene { resource_policy: resource_policy(), ..fine() }).is_ok());
    }
}
