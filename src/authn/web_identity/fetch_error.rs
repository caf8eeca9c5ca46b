//! Why an issuer's keys could not be had. Kept for as long as nobody asks again, so it can be copied.

use crate::crypto::issuer_keys::IssuerKeysError;

/// The cause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Nobody answered, or not in time.
    #[error("The identity provider could not be reached: {0}")]
    Unreachable(String),
    /// The answer was not the document.
    #[error("The identity provider's answer cannot be used: {0}")]
    Answer(String),
    /// The issuer is where the broker does not go.
    #[error(
        "The identity provider is at an address that is not public, and the setting web_identity.allow_networks does not allow it"
    )]
    Inside,
    /// Its certificate is vouched for by nobody that counts.
    #[error("OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint")]
    Certificate,
    /// Its keys cannot be read.
    #[error("The identity provider's keys cannot be used: {0}")]
    Keys(IssuerKeysError),
    /// Too much is being fetched already.
    #[error("Too many identity providers are being asked at this moment; please try again")]
    Busy,
}

impl FetchError {
    /// A short word for metrics.
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Answer(_) => "answer",
            Self::Inside => "inside",
            Self::Certificate => "certificate",
            Self::Keys(_) => "keys",
            Self::Busy => "busy",
        }
    }

    /// Whether it may pass by itself, or the operator has to look at the network between.
    pub(super) fn is_communication(&self) -> bool {
        !matches!(self, Self::Certificate)
    }
}
