//! Why a caller could not be authenticated.

use super::CertificateFault;
use crate::session::SessionError;
use crate::sigv4::Refusal;
use crate::store::StoreError;

/// The cause. What the caller is told of it is the door's choice: unknown, inactive and deleted keys look alike from outside.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request carries no credentials.
    #[error("the request is not signed")]
    Anonymous,
    /// The signature is not right, or is not a signature.
    #[error("{0}")]
    Signature(Refusal),
    /// The signature does not cover the body.
    #[error("the signature does not cover the body")]
    UnsignedPayload,
    /// Nobody has this access key.
    #[error("the access key is unknown")]
    UnknownKey,
    /// The access key was made inactive.
    #[error("the access key is inactive")]
    InactiveKey,
    /// A temporary access key came without its session token, or a long-lived one came with a token.
    #[error("access key and session token do not belong together")]
    TokenMismatch,
    /// The session token is not one of this broker's, or was tampered with.
    #[error("session token: {0}")]
    Token(SessionError),
    /// The session has ended.
    #[error("the session has expired")]
    Expired,
    /// The session was revoked.
    #[error("the session was revoked")]
    Revoked,
    /// The request was signed for another service.
    #[error("signed for service `{0}`")]
    WrongService(String),
    /// The client certificate is nobody's.
    #[error("client certificate: {0}")]
    Certificate(#[from] CertificateFault),
    /// A token that was made for others.
    #[error("the token is for another audience")]
    WrongAudience,
    /// The secret cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    /// A short word for metrics and logs.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Signature(_) => "signature",
            Self::UnsignedPayload => "unsigned-payload",
            Self::UnknownKey => "unknown-key",
            Self::InactiveKey => "inactive-key",
            Self::TokenMismatch => "token-mismatch",
            Self::Token(_) => "token",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::WrongService(_) => "wrong-service",
            Self::Certificate(_) => "certificate",
            Self::WrongAudience => "wrong-audience",
            Self::Store(_) => "store",
        }
    }
}
