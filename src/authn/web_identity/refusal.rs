//! Why a web identity's token is refused. Each cause is one check; the texts are for whoever sent the token, in AWS's words where
//! AWS is known to have some.

use super::fetch_error::FetchError;
use crate::crypto::issuer_keys::NoKey;
use crate::crypto::jwt::JwtError;
use crate::store::StoreError;
use crate::types::Arn;

/// A token that is refused, and by whom it is vouched for all the same: whose signature is good is worth a record.
#[derive(Debug)]
pub struct Refused {
    /// The check that failed.
    pub cause: Refusal,
    /// Who signed it and for whom, once that is proven.
    pub vouched: Option<Box<Vouched>>,
}

/// Whom a provider of the account vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// The provider's ARN.
    pub provider: Arn,
    /// Whom the token is about: its `sub`.
    pub subject: String,
    /// Whom it is meant for.
    pub audience: String,
}

/// The check that failed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It is not a signed JWT of bounded size, with JSON claims.
    #[error("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token): {0}")]
    NotAToken(String),
    /// Its algorithm is none that is accepted.
    #[error(
        "The token's alg is not accepted; it must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and EdDSA"
    )]
    Algorithm,
    /// A claim is missing.
    #[error("Missing a required claim: {0}")]
    Missing(&'static str),
    /// A claim has a type or a form that it must not have.
    #[error("The token's claim {claim} is not valid: {why}")]
    Claim {
        /// Its name.
        claim: String,
        /// What it must be.
        why: &'static str,
    },
    /// The account has no provider of this issuer.
    #[error("No OpenIDConnect provider found in your account for {0}")]
    NoProvider(String),
    /// The issuer is this broker.
    #[error("Tokens that this broker issues are for others; sign the request with credentials instead")]
    OwnToken,
    /// The issuer's keys cannot be had.
    #[error("{0}")]
    Fetch(FetchError),
    /// The issuer has no key for the token.
    #[error(
        "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity \
         documentation for requirements: {0}"
    )]
    NoKey(NoKey),
    /// The issuer did not sign it.
    #[error("The token's signature is invalid")]
    Signature,
    /// It is meant for somebody else.
    #[error("Incorrect token audience")]
    Audience,
    /// It was issued to a client that is not the provider's.
    #[error("Incorrect token audience: the token's azp is not among the provider's client IDs")]
    AuthorizedParty,
    /// Its time has run out.
    #[error("Token expired: current date/time {now} must be before the expiration date/time {until}")]
    Expired {
        /// Seconds since 1970.
        now: i64,
        /// Its `exp`.
        until: i64,
    },
    /// Its time has not come.
    #[error("The token's claim {claim} says {from}, which is after the current date/time {now}")]
    Early {
        /// `nbf` or `iat`.
        claim: &'static str,
        /// What it says, in seconds since 1970.
        from: i64,
        /// Seconds since 1970.
        now: i64,
    },
    /// The provider cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which of AWS's errors says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// `InvalidIdentityToken`
    Invalid,
    /// `IDPRejectedClaim`
    Rejected,
    /// `ExpiredTokenException`
    Expired,
    /// `IDPCommunicationError`
    Communication,
    /// The broker's own trouble.
    Store,
}

impl Refusal {
    /// Which of AWS's errors says it.
    pub fn kind(&self) -> RefusalKind {
        match self {
            Self::Expired { .. } => RefusalKind::Expired,
            Self::Early { .. } | Self::Claim { .. } => RefusalKind::Rejected,
            Self::Fetch(error) if error.is_communication() => RefusalKind::Communication,
            Self::Store(_) => RefusalKind::Store,
            _ => RefusalKind::Invalid,
        }
    }

    /// A short word for metrics and logs.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::NotAToken(_) => "not-a-token",
            Self::Algorithm => "algorithm",
            Self::Missing(_) => "missing-claim",
            Self::Claim { .. } => "claim",
            Self::NoProvider(_) => "no-provider",
            Self::OwnToken => "own-token",
            Self::Fetch(_) => "issuer-keys",
            Self::NoKey(_) => "no-key",
            Self::Signature => "token-signature",
            Self::Audience => "audience",
            Self::AuthorizedParty => "authorized-party",
            Self::Expired { .. } => "token-expired",
            Self::Early { .. } => "token-early",
            Self::Store(_) => "store",
        }
    }
}

impl From<JwtError> for Refusal {
    fn from(error: JwtError) -> Self {
        match error {
            JwtError::BadSignature => Self::Signature,
            JwtError::WrongAlgorithm => Self::Algorithm,
            other => Self::NotAToken(other.to_string()),
        }
    }
}

impl From<Refusal> for Refused {
    fn from(cause: Refusal) -> Self {
        Self { cause, vouched: None }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Refusal::from(error).into()
    }
}
