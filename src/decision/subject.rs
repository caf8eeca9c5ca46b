//! Whom a decision is about.

use super::federation::Federation;
use crate::clock::Timestamp;
use crate::policy::{Principal, PrincipalKind};
use crate::types::{AccountId, Arn, Realm, RoleName, Tags, UserName};

/// A principal and, for temporary credentials, what their token says.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The account that the principal belongs to.
    pub account: AccountId,
    /// Which entity of the account it is.
    pub identity: Identity,
    /// The unique id that the entity must still have: a session of a deleted user is not one of a later user of that name.
    /// `None` where the caller named the entity itself.
    pub unique_id: Option<String>,
    /// What the session token says, for temporary credentials.
    pub session: Option<SessionFacts>,
}

/// Which entity of an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The account's root user.
    Root,
    /// A user.
    User(UserName),
    /// A role; who has it on is told by the session name.
    Role(RoleName),
}

/// What a session adds to its principal, and takes from it.
#[derive(Clone, Debug)]
pub struct SessionFacts {
    /// The token's unique id.
    pub jti: String,
    /// The session's own ARN, for an assumed role.
    pub assumed_role: Option<Arn>,
    /// The name of the session, for an assumed role.
    pub session_name: Option<String>,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// When the caller last proved a second factor, if ever.
    pub mfa: Option<Timestamp>,
    /// Who is behind a chain of roles.
    pub source_identity: Option<String>,
    /// Who vouched for whoever has the role on, if an identity provider did.
    pub federation: Option<Federation>,
    /// The session's tags; they hide the entity's own of the same key.
    pub tags: Tags,
    /// An inline session policy.
    pub policy: Option<String>,
    /// Managed policies that bound the session.
    pub policy_arns: Vec<Arn>,
}

impl Subject {
    /// The principal in the policy engine's terms.
    pub fn principal(&self, realm: &Realm, arn: &Arn, unique_id: &str) -> Principal {
        let account = self.account.to_string();
        match (&self.identity, &self.session) {
            (Identity::Root, _) => Principal {
                kind: PrincipalKind::Root,
                unique_id: account.clone(),
                arn: realm.root(self.account).to_string(),
                account,
                issuer_arn: None,
            },
            (Identity::Role(_), Some(session)) => Principal {
                kind: PrincipalKind::AssumedRole,
                account,
                arn: session.assumed_role.as_ref().unwrap_or(arn).to_string(),
                issuer_arn: Some(arn.to_string()),
                unique_id: format!("{unique_id}:{}", session.session_name.as_deref().unwrap_or_default()),
            },
            // A role that is asked about without a session has the role's own ARN.
            (Identity::Role(_), None) => Principal {
                kind: PrincipalKind::AssumedRole,
                account,
                arn: arn.to_string(),
                issuer_arn: Some(arn.to_string()),
                unique_id: unique_id.to_owned(),
            },
            (Identity::User(_), _) => Principal {
                kind: PrincipalKind::User,
                account,
                arn: arn.to_string(),
                issuer_arn: None,
                unique_id: unique_id.to_owned(),
            },
        }
    }
}
