//! Who asks, and whether a policy names him.
//!
//! Source: IAM User Guide, `reference_policies_elements_principal`, `reference_policies_elements_notprincipal`,
//! `reference_policies_evaluation-logic` (how much a resource-based policy gives to whom it names).

use super::document::{PrincipalList, StatementEffect};

/// The principal of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// What kind of principal it is.
    pub kind: PrincipalKind,
    /// The account that it belongs to, twelve digits; empty for principals outside of any account.
    pub account: String,
    /// Its ARN: the session's for sessions, the provider's for [`PrincipalKind::Federated`]. A service's name
    /// (`ec2.amazonaws.com`), or the host of an OIDC provider, where there is no ARN.
    pub arn: String,
    /// The ARN of the role that a session assumed, or of the user who made a federated session.
    pub issuer_arn: Option<String>,
    /// `AIDA…` of a user, `AROA…:session` of an assumed role, `account:name` of a federated user.
    pub unique_id: String,
}

/// The kinds of principals, which differ in what they need to be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// The root user of an account.
    Root,
    /// An IAM user, with long-term or session credentials.
    User,
    /// A session of a role.
    AssumedRole,
    /// A session from `GetFederationToken`.
    FederatedUser,
    /// Somebody whom an OIDC or SAML provider vouches for, before a role is assumed.
    Federated,
    /// A service that acts for itself.
    Service,
    /// Nobody in particular.
    Anonymous,
}

impl Principal {
    /// Whether it is a role that is spoken of without a session: what names the role does not name a session of it.
    fn is_bare_role(&self) -> bool {
        self.kind == PrincipalKind::AssumedRole && self.issuer_arn.as_ref() == Some(&self.arn)
    }

    /// Whether it is the root user of its account, or somebody for whom he made a federated session: nothing that is attached to
    /// anybody gives or takes anything from him.
    pub(super) fn acts_as_root(&self) -> bool {
        let of_root = || self.issuer_arn.as_deref().and_then(account_of) == Some(&self.account);
        self.kind == PrincipalKind::Root || self.kind == PrincipalKind::FederatedUser && of_root()
    }

    /// Whether it is a session of a service-linked role, which is made for and used by a service alone. Whoever lets one
    /// be made decides neither whom it trusts nor what it may do: paths that begin so are the services'.
    pub(super) fn is_service_linked(&self) -> bool {
        let role = self.issuer_arn.as_deref().unwrap_or(&self.arn);
        let mut parts = role.splitn(6, ':').skip(4);
        let (account, name) = (parts.next(), parts.next().unwrap_or_default());
        let mut names = name.splitn(4, '/');
        self.kind == PrincipalKind::AssumedRole
            && account == Some(&self.account)
            && (names.next(), names.next()) == (Some("role"), Some("aws-service-role"))
            && names.next().is_some_and(|service| service.contains('.'))
            && names.next().is_some_and(|name| name.starts_with("AWSServiceRoleFor"))
    }
}

impl PrincipalKind {
    /// Whether policies can be attached to it: the others have only what a resource's policy gives them.
    pub(super) fn has_identity(self) -> bool {
        !matches!(self, PrincipalKind::Federated | PrincipalKind::Service | PrincipalKind::Anonymous)
    }
}

/// How a statement of a resource-based policy reaches a principal, and so which implicit denials limit it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grant {
    /// It does not.
    None,
    /// It names his account, which leaves the decision to that account's own policies.
    Account,
    /// It names the role or user behind his session: limited by the permissions boundary and session policies.
    Issuer,
    /// It names him, or everybody: limited by nothing but explicit denials.
    Direct,
}

/// The principals of a statement, compiled.
#[derive(Debug, Clone)]
pub(super) struct Principals {
    negated: bool,
    everyone: bool,
    accounts: Box<[Box<str>]>,
    aws: Box<[Box<str>]>,
    services: Box<[Box<str>]>,
    federated: Box<[Box<str>]>,
}

impl Principals {
    pub(super) fn new(list: &PrincipalList) -> Principals {
        let (mut accounts, mut aws) = (Vec::new(), Vec::new());
        for value in &list.aws {
            match account_of(value) {
                Some(account) => accounts.push(account.into()),
                None => aws.push(value.as_str().into()),
            }
        }
        let boxed = |values: &[String]| values.iter().map(|v| v.as_str().into()).collect();
        Principals {
            negated: list.negated,
            everyone: list.everyone,
            accounts: accounts.into(),
            aws: aws.into(),
            services: boxed(&list.services),
            federated: boxed(&list.federated),
        }
    }

    /// How the statement reaches `principal`.
    ///
    /// `NotPrincipal` follows AWS's advice to name every step from the account to the session: a denial exempts only who is
    /// named with his role and his account, and nobody who has a permissions boundary; an allowance excludes whoever is named
    /// by any step.
    pub(super) fn grant(&self, principal: &Principal, effect: StatementEffect, has_boundary: bool) -> Grant {
        if !self.negated {
            return self.naming(principal);
        }
        let reached = match effect {
            StatementEffect::Deny => {
                let bounded = has_boundary && !principal.acts_as_root();
                !self.everyone && (bounded || !self.names_every_step(principal))
            }
            StatementEffect::Allow => self.naming(principal) == Grant::None,
        };
        if reached { Grant::Direct } else { Grant::None }
    }

    fn naming(&self, principal: &Principal) -> Grant {
        if self.everyone || self.names_itself(principal) {
            Grant::Direct
        } else if self.names_issuer(principal) {
            Grant::Issuer
        } else if principal.kind.has_identity() && has(&self.accounts, &principal.account) {
            Grant::Account
        } else {
            Grant::None
        }
    }

    fn names_itself(&self, principal: &Principal) -> bool {
        match principal.kind {
            PrincipalKind::Root => has(&self.accounts, &principal.account),
            PrincipalKind::AssumedRole if principal.is_bare_role() => false,
            PrincipalKind::User | PrincipalKind::AssumedRole => {
                has(&self.aws, &principal.arn) || has(&self.aws, &principal.unique_id)
            }
            PrincipalKind::FederatedUser => has(&self.aws, &principal.arn) || has(&self.federated, &principal.arn),
            PrincipalKind::Federated => {
                let issuer = principal.issuer_arn.as_deref();
                has(&self.federated, &principal.arn) || issuer.is_some_and(|issuer| has(&self.federated, issuer))
            }
            PrincipalKind::Service => has(&self.services, &principal.arn),
            PrincipalKind::Anonymous => false,
        }
    }

    fn names_issuer(&self, principal: &Principal) -> bool {
        let session = matches!(principal.kind, PrincipalKind::AssumedRole | PrincipalKind::FederatedUser);
        let role_id = match principal.kind {
            PrincipalKind::AssumedRole => principal.unique_id.split(':').next(),
            _ => None,
        };
        session
            && (principal.issuer_arn.as_deref().is_some_and(|issuer| has(&self.aws, issuer))
                || principal.acts_as_root() && has(&self.accounts, &principal.account)
                || role_id.is_some_and(|id| has(&self.aws, id)))
    }

    fn names_every_step(&self, principal: &Principal) -> bool {
        let session = matches!(principal.kind, PrincipalKind::AssumedRole | PrincipalKind::FederatedUser);
        (principal.is_bare_role() || self.names_itself(principal))
            && (!session || self.names_issuer(principal))
            && (!principal.kind.has_identity() || has(&self.accounts, &principal.account))
    }
}

fn has(list: &[Box<str>], value: &str) -> bool {
    list.iter().any(|entry| **entry == *value)
}

/// The account that a value of `AWS` stands for as a whole: `123456789012` or `arn:aws:iam::123456789012:root`.
pub(super) fn account_of(value: &str) -> Option<&str> {
    let account = match value.strip_suffix(":root") {
        Some(arn) => {
            let mut parts = arn.splitn(5, ':');
            let (prefix, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
            let (region, account) = (parts.next()?, parts.next()?);
            (prefix == "arn" && !partition.is_empty() && service == "iam" && region.is_empty()).then_some(account)?
        }
        None => value,
    };
    (account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit())).then_some(account)
}
