//! A refusal, in AWS's words for the caller and with all reasons for those entitled to know.
//!
//! Source: "Troubleshoot access denied error messages", `troubleshoot_access-denied.html`.

use std::fmt;

use crate::clock::Timestamp;
use crate::policy::{Decision, Effect, Kind};
use crate::types::AccountId;

/// Who was refused what, and why.
#[derive(Clone, Debug)]
pub struct Denial {
    /// The ARN of the caller.
    pub principal: String,
    /// Its unique id, as in `aws:userid`.
    pub principal_id: String,
    /// Its account.
    pub principal_account: AccountId,
    /// Such as `iam:CreateUser`.
    pub action: String,
    /// The ARN of the resource that the decision is about, or `*`.
    pub resource: String,
    /// Who owns the resource; `None` where nobody does.
    pub resource_account: Option<AccountId>,
    /// What the caller is told instead of the resource's ARN, who may not learn it.
    pub named: Option<String>,
    /// The engine's answer, with the statements that made it.
    pub decision: Decision,
    /// The condition keys that the request carried, as AWS spells them, with their values.
    pub conditions: Vec<(String, Vec<String>)>,
    /// When it was decided.
    pub at: Timestamp,
}

impl Denial {
    /// The account whose administrators may know the reasons. What the resource's own policy says is its owner's, and no business
    /// of a caller from another account.
    pub fn reader(&self) -> AccountId {
        let decisive = match self.decision.effect {
            Effect::ImplicitlyDenied => self.decision.missing.as_ref().map(|missing| missing.kind),
            Effect::Allowed | Effect::ExplicitlyDenied => self.decision.statements.first().map(|denies| denies.kind),
        };
        match self.resource_account {
            Some(owner) if decisive.is_some_and(of_resource) => owner,
            _ => self.principal_account,
        }
    }

    /// The decision as the account [`Denial::reader`] may know it: without what stands in the policies of the other side.
    pub fn decision_for_reader(&self) -> Decision {
        let mut decision = self.decision.clone();
        if self.resource_account.is_some_and(|owner| owner != self.principal_account) {
            let owners = self.reader() != self.principal_account;
            decision.statements.retain(|statement| of_resource(statement.kind) == owners);
        }
        decision
    }

    /// What the request carried, as the account [`Denial::reader`] may know it: how a resource is tagged is its owner's to know.
    pub fn conditions_for_reader(&self) -> impl Iterator<Item = &(String, Vec<String>)> {
        let reader = self.reader();
        let is_owner = self.resource_account.is_none_or(|owner| owner == reader);
        self.conditions.iter().filter(move |(key, _)| is_owner || !Self::is_of_resource(key))
    }

    /// Whether a condition key tells what the resource is like, and not the request for it.
    fn is_of_resource(key: &str) -> bool {
        let (_, name) = key.split_once(':').unwrap_or_default();
        name.get(..RESOURCE_TAG.len()).is_some_and(|start| start.eq_ignore_ascii_case(RESOURCE_TAG))
    }
}

/// What `aws:ResourceTag/…` and `iam:ResourceTag/…` have in common.
const RESOURCE_TAG: &str = "ResourceTag/";

/// Whether policies of this kind belong to the resource's owner.
fn of_resource(kind: Kind) -> bool {
    match kind {
        Kind::Resource | Kind::Trust | Kind::ResourceControl => true,
        Kind::Identity | Kind::Boundary | Kind::Session | Kind::ServiceControl => false,
    }
}

impl fmt::Display for Denial {
    /// AWS's sentence: "User: arn is not authorized to perform: action on resource: arn because …".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "User: {} is not authorized to perform: {} on resource: {}{}",
            self.principal,
            self.action,
            self.named.as_deref().unwrap_or(&self.resource),
            self.decision.because(&self.action)
        )
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::policy::{MatchedStatement, Missing, StatementEffect};

    fn statement(kind: Kind, effect: StatementEffect) -> MatchedStatement {
        MatchedStatement { policy: Arc::from("p"), kind, sid: None, index: 0, effect }
    }

    fn denial(effect: Effect, statements: Vec<MatchedStatement>, missing: Option<Kind>) -> Denial {
        Denial {
            principal: "arn:aws:iam::111122223333:user/ann".to_owned(),
            principal_id: "AIDAEXAMPLE".to_owned(),
            principal_account: "111122223333".parse().unwrap(),
            action: "sts:AssumeRole".to_owned(),
            resource: "arn:aws:iam::444455556666:role/r".to_owned(),
            resource_account: Some("444455556666".parse().unwrap()),
            named: None,
            decision: Decision {
                effect,
                statements,
                missing: missing.map(|kind| Missing { kind, level: None, near: None }),
            },
            conditions: Vec::new(),
            at: Timestamp(0),
        }
    }

    #[test]
    fn each_side_learns_of_its_own_policies_alone() {
        let allows =
            || vec![statement(Kind::Identity, StatementEffect::Allow), statement(Kind::Trust, StatementEffect::Allow)];
        let caller = denial(Effect::ImplicitlyDenied, allows(), Some(Kind::Identity));
        assert_eq!(caller.reader(), caller.principal_account);
        assert!(caller.decision_for_reader().statements.iter().all(|statement| statement.kind == Kind::Identity));
        let owner = denial(Effect::ImplicitlyDenied, allows(), Some(Kind::Trust));
        assert_eq!(Some(owner.reader()), owner.resource_account);
        assert!(owner.decision_for_reader().statements.iter().all(|statement| statement.kind == Kind::Trust));
        let denies =
            vec![statement(Kind::Trust, StatementEffect::Deny), statement(Kind::Identity, StatementEffect::Deny)];
        let explicit = denial(Effect::ExplicitlyDenied, denies, None);
        assert_eq!(Some(explicit.reader()), explicit.resource_account);
        assert_eq!(explicit.decision_for_reader().statements.len(), 1);
    }

    #[test]
    fn how_a_resource_is_tagged_is_told_to_its_owner_alone() {
        let keys = ["aws:ResourceTag/team", "iam:ResourceTag/team", "aws:RequestTag/team", "sts:RoleSessionName"];
        let told = |missing, owner: Option<&str>| {
            let mut denial = denial(Effect::ImplicitlyDenied, Vec::new(), Some(missing));
            denial.conditions = keys.map(|key| (key.to_owned(), Vec::new())).to_vec();
            denial.resource_account = owner.map(|account| account.parse().unwrap());
            denial.conditions_for_reader().map(|(key, _)| key.clone()).collect::<Vec<_>>()
        };
        assert_eq!(told(Kind::Identity, Some("444455556666")), &keys[2..], "the reader is the caller's account");
        assert_eq!(told(Kind::Trust, Some("444455556666")), keys);
        assert_eq!(told(Kind::Identity, Some("111122223333")), keys);
        assert_eq!(told(Kind::Identity, None), keys);
    }

    #[test]
    fn within_an_account_everything_is_told() {
        let statements =
            vec![statement(Kind::Identity, StatementEffect::Allow), statement(Kind::Trust, StatementEffect::Allow)];
        let mut own = denial(Effect::ImplicitlyDenied, statements, Some(Kind::Trust));
        own.resource_account = Some(own.principal_account);
        assert_eq!(own.decision_for_reader().statements.len(), 2);
    }
}
