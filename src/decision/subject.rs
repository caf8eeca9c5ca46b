//! Whom a decision is about.

use super::federation::Federation;
use crate::clock::Timestamp;
use crate::policy::{Principal, PrincipalKind};
use crate::session::SessionKind;
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

impl Subject {
    /// Whether both are the same entity by itself, without a session.
    pub fn is_the_entity(&self, other: &Self) -> bool {
        let Self { account, identity, unique_id, session } = self;
        *account == other.account
            && *identity == other.identity
            && *unique_id == other.unique_id
            && session.is_none()
            && other.session.is_none()
    }
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
    /// How the session came to be.
    pub kind: SessionKind,
    /// The token's unique id.
    pub jti: String,
    /// The session's own ARN, for an assumed role.
    pub assumed_role: Option<Arn>,
    /// The name of the session, for an assumed role; of the federated user, for one of those.
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
    /// Managed policies that bound the session; of a root session, its task.
    pub policy_arns: Vec<Arn>,
}

impl Subject {
    /// The name of the federated user that it is, if it is one: a session that a user, or the root user, made for somebody else.
    pub fn federated_user(&self) -> Option<&str> {
        let session = self.session.as_ref().filter(|session| session.kind == SessionKind::FederatedUser)?;
        session.session_name.as_deref()
    }

    /// The ARN that AWS shows for it: of the user or root, of the session of a role, of the federated user. `entity` is the ARN of
    /// the user, root or role behind it.
    pub fn arn(&self, realm: &Realm, entity: &Arn) -> Arn {
        match (&self.identity, &self.session) {
            (Identity::Role(_), Some(session)) => session.assumed_role.clone().unwrap_or_else(|| entity.clone()),
            // A role that is asked about without a session has the role's own ARN.
            (Identity::Role(_), None) => entity.clone(),
            (Identity::Root | Identity::User(_), _) => match self.federated_user() {
                Some(name) => realm.federated_user(self.account, name),
                None => entity.clone(),
            },
        }
    }

    /// The unique id that AWS shows for it: `AIDA…`, the account's id, `AROA…:session`, or `account:name` of a federated user.
    ///
    /// Source: IAM User Guide, `reference_policies_variables`, "Principal key values".
    pub fn user_id(&self, entity: &str) -> String {
        match (&self.identity, &self.session) {
            (Identity::Role(_), Some(session)) => {
                format!("{entity}:{}", session.session_name.as_deref().unwrap_or_default())
            }
            _ => match self.federated_user() {
                Some(name) => format!("{}:{name}", self.account),
                None => entity.to_owned(),
            },
        }
    }

    /// The principal in the policy engine's terms.
    pub fn principal(&self, realm: &Realm, entity: &Arn, unique_id: &str) -> Principal {
        let federated = self.federated_user().is_some();
        let kind = match &self.identity {
            Identity::Role(_) => PrincipalKind::AssumedRole,
            _ if federated => PrincipalKind::FederatedUser,
            Identity::Root => PrincipalKind::Root,
            Identity::User(_) => PrincipalKind::User,
        };
        let issued = matches!(kind, PrincipalKind::AssumedRole | PrincipalKind::FederatedUser);
        Principal {
            kind,
            account: self.account.to_string(),
            arn: self.arn(realm, entity).to_string(),
            issuer_arn: issued.then(|| entity.to_string()),
            unique_id: self.user_id(unique_id),
        }
    }
}
