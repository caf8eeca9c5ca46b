//! How a statement of a resource's policy reaches the principal.

use brevet::policy::{Principal, PrincipalKind};
use serde_json::Value as Json;

use super::statement::{Statement, texts};

/// Whom a statement names, which decides the implicit denials that limit it: the principal himself or everybody, the role or
/// user behind his session, or his account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    Account,
    Issuer,
    Principal,
}

impl Statement {
    /// `None` when the statement is not about this principal. `bounded`: whether he has a permissions boundary.
    pub fn reach(&self, who: &Principal, bounded: bool) -> Option<Reach> {
        let Some(json) = self.json.get("NotPrincipal") else { return named(&self.json["Principal"], who) };
        let reached = if self.is("Deny") {
            // "The NotPrincipal element with a Deny effect will always deny any IAM principal that has a permissions boundary
            // policy attached, regardless of the values specified in the NotPrincipal element."
            !everyone(json) && (bounded || !whole_chain(json, who))
        } else {
            named(json, who).is_none()
        };
        reached.then_some(Reach::Principal)
    }
}

fn named(json: &Json, who: &Principal) -> Option<Reach> {
    if everyone(json) || names_self(json, who) {
        Some(Reach::Principal)
    } else if names_issuer(json, who) {
        Some(Reach::Issuer)
    } else if names_account(json, who) {
        Some(Reach::Account)
    } else {
        None
    }
}

/// "AWS might validate the account first, then the role, and then the assumed-role user": each has to be named.
fn whole_chain(json: &Json, who: &Principal) -> bool {
    names_self(json, who)
        && (!is_session(who) || names_issuer(json, who))
        && (who.account.is_empty() || names_account(json, who))
}

fn lists(json: &Json, kind: &str, name: &str) -> bool {
    !name.is_empty() && texts(&json[kind]).iter().any(|value| value == name)
}

/// "The following elements are equivalent": `"*"` and `{"AWS": "*"}`.
fn everyone(json: &Json) -> bool {
    json == "*" || texts(&json["AWS"]).iter().any(|value| value == "*")
}

/// "The account ARN and the shortened account ID behave the same way."
fn names_account(json: &Json, who: &Principal) -> bool {
    let arn = format!("arn:aws:iam::{}:root", who.account);
    !who.account.is_empty() && (lists(json, "AWS", &who.account) || lists(json, "AWS", &arn))
}

fn names_self(json: &Json, who: &Principal) -> bool {
    match who.kind {
        PrincipalKind::Root => names_account(json, who),
        PrincipalKind::User | PrincipalKind::AssumedRole => {
            lists(json, "AWS", &who.arn) || lists(json, "AWS", &who.unique_id)
        }
        PrincipalKind::FederatedUser => lists(json, "AWS", &who.arn),
        PrincipalKind::Service => lists(json, "Service", &who.arn),
        PrincipalKind::Federated => {
            lists(json, "Federated", &who.arn)
                || lists(json, "Federated", who.issuer_arn.as_deref().unwrap_or_default())
        }
        PrincipalKind::Anonymous => false,
    }
}

fn names_issuer(json: &Json, who: &Principal) -> bool {
    let role_id = who.unique_id.split(':').next().unwrap_or_default();
    let issuer = who.issuer_arn.as_deref().unwrap_or_default();
    // A federated session of the root user's: the account's ARN is that of its root user.
    let by_root = issuer == format!("arn:aws:iam::{}:root", who.account) && names_account(json, who);
    is_session(who)
        && (by_root
            || lists(json, "AWS", issuer)
            || who.kind == PrincipalKind::AssumedRole && lists(json, "AWS", role_id))
}

fn is_session(who: &Principal) -> bool {
    matches!(who.kind, PrincipalKind::AssumedRole | PrincipalKind::FederatedUser)
}
