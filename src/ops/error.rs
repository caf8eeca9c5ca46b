//! Why an operation was refused. Variants are causes; the doors turn them into their protocols' codes.

use crate::authn::{Refusal, RefusalKind};
use crate::decision::{Denial, Refused};
use crate::store::{CommitError, Stale, StoreError};

/// The cause of a refusal. The texts are for the caller and are worded as AWS words them.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A parameter is missing or breaks its constraints.
    #[error("{0}")]
    Validation(String),
    /// A parameter cannot be read at all.
    #[error("{0}")]
    MalformedInput(String),
    /// The entity does not exist.
    #[error("{0}")]
    NoSuchEntity(String),
    /// An entity of that name exists.
    #[error("{0}")]
    EntityAlreadyExists(String),
    /// Something still hangs on the entity.
    #[error("{0}")]
    DeleteConflict(String),
    /// A quota is used up.
    #[error("{0}")]
    LimitExceeded(String),
    /// The parameters are well formed and make no sense together.
    #[error("{0}")]
    InvalidInput(String),
    /// The policy document is not one.
    #[error("{0}")]
    MalformedPolicyDocument(String),
    /// A policy that takes part in a simulation cannot be evaluated.
    #[error("{0}")]
    PolicyEvaluation(String),
    /// The certificate, its chain or its key cannot be read, or its time is not now.
    #[error("{0}")]
    MalformedCertificate(String),
    /// The certificate can be read and not be used.
    #[error("{0}")]
    InvalidCertificate(String),
    /// The certificate is somebody's already.
    #[error("{0}")]
    DuplicateCertificate(String),
    /// The private key is not the certificate's.
    #[error("{0}")]
    KeyPairMismatch(String),
    /// The public key cannot be read or used.
    #[error("{0}")]
    InvalidPublicKey(String),
    /// The public key is written in a form that is not known.
    #[error("{0}")]
    UnrecognizedPublicKeyEncoding(String),
    /// The user has this SSH key already.
    #[error("{0}")]
    DuplicateSshPublicKey(String),
    /// The service has no service-specific credentials.
    #[error("{0}")]
    NotSupportedService(String),
    /// A service-linked role is changed by its service alone.
    #[error("{0}")]
    UnmodifiableEntity(String),
    /// The account's password policy refuses the password.
    #[error("{0}")]
    PasswordPolicyViolation(String),
    /// The operation is not for this kind of caller.
    #[error("{0}")]
    InvalidUserType(String),
    /// The code is not the device's, or was used already.
    #[error("{0}")]
    InvalidAuthenticationCode(String),
    /// The entity is in a state in which it cannot be changed like this.
    #[error("{0}")]
    EntityTemporarilyUnmodifiable(String),
    /// Nobody has asked for a credential report, or it was not finished.
    #[error("The credential report does not exist. To generate a credential report, use GenerateCredentialReport.")]
    ReportNotPresent,
    /// The credential report is too old.
    #[error(
        "The most recent credential report has expired. To generate a new credential report, use GenerateCredentialReport."
    )]
    ReportExpired,
    /// The credential report is not ready.
    #[error("The credential report is still being generated.")]
    ReportInProgress,
    /// Outbound federation is on already.
    #[error(
        "The request failed because outbound identity federation is already enabled for your account. \
         You cannot enable the feature multiple times."
    )]
    FeatureEnabled,
    /// Outbound federation is off.
    #[error("The request failed because outbound identity federation is disabled for your account.")]
    FeatureDisabled,
    /// The installation has one account.
    #[error("The request was rejected because no organization is associated with your account.")]
    NoOrganization,
    /// Another account is the organization's management account, and it alone may do this.
    #[error(
        "The request was rejected because the account making the request is not the management account for the \
         organization."
    )]
    CallerIsNotManagementAccount,
    /// Another account administers the organization.
    #[error(
        "The request was rejected because the account making the request is not the management account or delegated \
         administrator account for centralized root access."
    )]
    NotManagementAccount,
    /// The message is not one that this broker encoded for the caller's account.
    #[error("The encoded message is not valid.")]
    InvalidAuthorizationMessage,
    /// Policy says no.
    #[error("{0}")]
    Denied(Box<Denial>),
    /// The role's trust policy does not let in whom an identity provider vouches for. A stranger reads AWS's short sentence: neither
    /// whether there is such a role, nor what it trusts. The reasons are in the record.
    #[error("Not authorized to perform {}", .0.action)]
    NotTrusted(Box<Denial>),
    /// The caller may not do this for another reason than policy; the text says which.
    #[error("{0}")]
    Forbidden(String),
    /// The caller's entity was deleted.
    #[error("The security token included in the request is invalid.")]
    NoPrincipal,
    /// Session policies and tags together are too large.
    #[error("{0}")]
    PackedPolicyTooLarge(String),
    /// The web identity's token cannot be used.
    #[error("{0}")]
    InvalidIdentityToken(String),
    /// A claim of the web identity's token is not taken.
    #[error("{0}")]
    IdpRejectedClaim(String),
    /// The issuer of the web identity's token cannot be asked for its keys.
    #[error("{0}")]
    IdpCommunication(String),
    /// The time of the web identity's token has run out.
    #[error("{0}")]
    ExpiredIdentityToken(String),
    /// A web identity token would be too long.
    #[error(
        "The requested token payload size exceeds the maximum allowed size. Reduce the number of request tags included in the \
         GetWebIdentityToken API call to reduce the token payload size."
    )]
    IdentityTokenTooLong,
    /// The account's principals may not prove who they are to services elsewhere.
    #[error("The outbound web identity federation feature is not enabled for this account.")]
    OutboundFederationDisabled,
    /// A token would outlive the session that asks for it.
    #[error("The requested token duration would extend the session beyond its original expiration time.")]
    SessionDurationEscalation,
    /// AWS declares the operation, and this broker has not built it.
    #[error("{0} is declared by AWS and not built in this broker yet.")]
    NotBuilt(String),
    /// Nobody declares the operation.
    #[error("Could not find operation {operation} for version {version}")]
    UnknownOperation {
        /// The `Action` parameter.
        operation: String,
        /// The `Version` parameter.
        version: String,
    },
    /// Others changed the same entity again and again; nothing was changed by this request.
    #[error("The request was refused because the entity is being changed by others; please try again.")]
    Contended,
    /// The store has been out of reach for longer than the staleness bound.
    #[error("The broker cannot reach its store, and what it knows may be out of date; please try again.")]
    Stale,
    /// The store does not answer or does not accept writes.
    #[error("The broker's store is unavailable; nothing was changed; please try again.")]
    Store(#[source] StoreError),
    /// The record of this request cannot be written, so the request is refused.
    #[error("The request was refused because it cannot be recorded in the audit trail; please try again.")]
    AuditUnavailable(#[source] StoreError),
    /// A fault of the broker's own. The operator finds the cause in the log.
    #[error("The request processing has failed because of an internal error.")]
    Internal(String),
}

impl Error {
    /// `NoSuchEntity` in AWS's words: "The user with name alice cannot be found."
    pub fn no_such(kind: &str, name: impl std::fmt::Display) -> Self {
        Self::NoSuchEntity(format!("The {kind} with name {name} cannot be found."))
    }

    /// `EntityAlreadyExists` in AWS's words: "User with name alice already exists."
    pub fn exists(kind: &str, name: impl std::fmt::Display) -> Self {
        Self::EntityAlreadyExists(format!("{kind} with name {name} already exists."))
    }

    /// `LimitExceeded` in AWS's words: "Cannot exceed quota for GroupsPerUser: 10".
    pub fn quota(name: &str, limit: impl std::fmt::Display) -> Self {
        Self::LimitExceeded(format!("Cannot exceed quota for {name}: {limit}"))
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match (refusal.kind(), refusal) {
            (_, Refusal::Store(error)) => Self::Store(error),
            (RefusalKind::Expired, refusal) => Self::ExpiredIdentityToken(refusal.to_string()),
            (RefusalKind::Rejected, refusal) => Self::IdpRejectedClaim(refusal.to_string()),
            (RefusalKind::Communication, refusal) => Self::IdpCommunication(refusal.to_string()),
            (RefusalKind::Invalid | RefusalKind::Store, refusal) => Self::InvalidIdentityToken(refusal.to_string()),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<CommitError> for Error {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict(_) => Self::Contended,
            CommitError::Store(error) => Self::Store(error),
        }
    }
}

impl From<Stale> for Error {
    fn from(_: Stale) -> Self {
        Self::Stale
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Denied(denial) => Self::Denied(denial),
            Refused::NoPrincipal => Self::NoPrincipal,
            Refused::Stale(_) => Self::Stale,
            Refused::Store(error) => Self::Store(error),
        }
    }
}
