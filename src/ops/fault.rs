//! Causes as AWS's protocols show them: code, HTTP status, whose fault it is. The one exhaustive match for the AWS doors and for
//! the audit trail, which speaks AWS's codes too.
//!
//! Source: botocore's declared errors of `iam` and `sts`, and "Common errors" in the API references.

use super::Error;
use crate::store::StoreError;

/// An error as AWS's documents show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The error code that clients branch on.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// Whether the caller can do something about it.
    pub sender: bool,
}

impl Fault {
    /// A fault of the caller's.
    pub const fn of_sender(code: &'static str, status: u16) -> Self {
        Self { code, status, sender: true }
    }

    /// A fault of the broker's.
    pub const fn of_receiver(code: &'static str, status: u16) -> Self {
        Self { code, status, sender: false }
    }
}

impl Error {
    /// The fault that an AWS client is told.
    pub fn aws(&self) -> Fault {
        match self {
            Self::Validation(_) => Fault::of_sender("ValidationError", 400),
            Self::MalformedInput(_) => Fault::of_sender("MalformedInput", 400),
            Self::NoSuchEntity(_) => Fault::of_sender("NoSuchEntity", 404),
            Self::EntityAlreadyExists(_) => Fault::of_sender("EntityAlreadyExists", 409),
            Self::DeleteConflict(_) => Fault::of_sender("DeleteConflict", 409),
            Self::LimitExceeded(_) => Fault::of_sender("LimitExceeded", 409),
            Self::InvalidInput(_) => Fault::of_sender("InvalidInput", 400),
            Self::MalformedPolicyDocument(_) => Fault::of_sender("MalformedPolicyDocument", 400),
            Self::PolicyEvaluation(_) => Fault::of_receiver("PolicyEvaluation", 500),
            Self::MalformedCertificate(_) => Fault::of_sender("MalformedCertificate", 400),
            Self::InvalidCertificate(_) => Fault::of_sender("InvalidCertificate", 400),
            Self::DuplicateCertificate(_) => Fault::of_sender("DuplicateCertificate", 409),
            Self::KeyPairMismatch(_) => Fault::of_sender("KeyPairMismatch", 400),
            Self::InvalidPublicKey(_) => Fault::of_sender("InvalidPublicKey", 400),
            Self::UnrecognizedPublicKeyEncoding(_) => Fault::of_sender("UnrecognizedPublicKeyEncoding", 400),
            Self::DuplicateSshPublicKey(_) => Fault::of_sender("DuplicateSSHPublicKey", 400),
            Self::NotSupportedService(_) => Fault::of_sender("NotSupportedService", 404),
            Self::UnmodifiableEntity(_) => Fault::of_sender("UnmodifiableEntity", 400),
            Self::PasswordPolicyViolation(_) => Fault::of_sender("PasswordPolicyViolation", 400),
            Self::InvalidUserType(_) => Fault::of_sender("InvalidUserType", 400),
            Self::InvalidAuthenticationCode(_) => Fault::of_sender("InvalidAuthenticationCode", 403),
            Self::EntityTemporarilyUnmodifiable(_) => Fault::of_sender("EntityTemporarilyUnmodifiable", 409),
            Self::ReportNotPresent => Fault::of_sender("ReportNotPresent", 410),
            Self::ReportExpired => Fault::of_sender("ReportExpired", 410),
            Self::ReportInProgress => Fault::of_sender("ReportInProgress", 404),
            Self::FeatureEnabled => Fault::of_sender("FeatureEnabled", 409),
            Self::FeatureDisabled => Fault::of_sender("FeatureDisabled", 404),
            Self::NoOrganization => Fault::of_sender("OrganizationNotFoundException", 400),
            Self::CallerIsNotManagementAccount => Fault::of_sender("CallerIsNotManagementAccountException", 400),
            Self::NotManagementAccount => {
                Fault::of_sender("AccountNotManagementOrDelegatedAdministratorException", 400)
            }
            Self::InvalidAuthorizationMessage => Fault::of_sender("InvalidAuthorizationMessageException", 400),
            Self::Denied(_) | Self::Forbidden(_) | Self::NotTrusted(_) => Fault::of_sender("AccessDenied", 403),
            Self::NoPrincipal => Fault::of_sender("InvalidClientTokenId", 403),
            Self::PackedPolicyTooLarge(_) => Fault::of_sender("PackedPolicyTooLarge", 400),
            Self::InvalidIdentityToken(_) => Fault::of_sender("InvalidIdentityToken", 400),
            Self::IdpRejectedClaim(_) => Fault::of_sender("IDPRejectedClaim", 403),
            Self::IdpCommunication(_) => Fault::of_sender("IDPCommunicationError", 400),
            Self::ExpiredIdentityToken(_) => Fault::of_sender("ExpiredTokenException", 400),
            Self::IdentityTokenTooLong => Fault::of_sender("JWTPayloadSizeExceededException", 400),
            Self::OutboundFederationDisabled => Fault::of_sender("OutboundWebIdentityFederationDisabledException", 403),
            Self::SessionDurationEscalation => Fault::of_sender("SessionDurationEscalationException", 403),
            Self::NotBuilt(_) => Fault::of_receiver("NotImplemented", 501),
            Self::UnknownOperation { .. } => Fault::of_sender("InvalidAction", 400),
            Self::Contended => Fault::of_sender("ConcurrentModification", 409),
            Self::Stale | Self::AuditUnavailable(_) => Fault::of_receiver("ServiceUnavailable", 503),
            Self::Store(StoreError::Unavailable(_) | StoreError::Full) => Fault::of_receiver("ServiceUnavailable", 503),
            Self::Store(_) | Self::Internal(_) => Fault::of_receiver("ServiceFailure", 500),
        }
    }
}
