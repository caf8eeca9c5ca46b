//! Why a call to a broker came to nothing. No variant carries a secret: requests and answers are never quoted.

use std::path::PathBuf;

/// A call to a broker that gave no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The endpoint is not a URL that can be used.
    #[error("the endpoint `{endpoint}` cannot be used: {reason}")]
    Endpoint {
        /// What was given.
        endpoint: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The file with the certificate authorities to trust cannot be used.
    #[error("the certificate authority file {} cannot be used: {reason}", .path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The HTTP client could not be made.
    #[error("the HTTP client cannot be set up: {0}")]
    Setup(String),
    /// No connection came about: the call has not reached the broker.
    #[error("cannot connect to the broker: {0}")]
    Connect(String),
    /// The connection was lost, or the broker broke the rules of HTTP; the call may have been carried out.
    #[error("the exchange with the broker broke off: {0}")]
    Transport(String),
    /// The broker took too long.
    #[error("the broker did not answer in time")]
    Timeout,
    /// The answer is larger than any STS answer.
    #[error("the broker's answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The answer is not what STS says in this place.
    #[error("the broker's answer (HTTP {status}) is not an STS answer: {reason}")]
    Malformed {
        /// The HTTP status.
        status: u16,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The credentials in the answer are already expired by this machine's clock.
    #[error("the broker's credentials expired at {expiration}, before they arrived: compare the clocks")]
    ExpiredOnArrival {
        /// When they expired.
        expiration: crate::clock::Timestamp,
    },
    /// The broker refused, in AWS's form.
    #[error("{code} (HTTP {status}, request id {}): {message}", .request_id.as_deref().unwrap_or("unknown"))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// AWS's error code, for example `AccessDenied`.
        code: String,
        /// AWS's error message.
        message: String,
        /// The broker's request id, to find the call in its audit trail.
        request_id: Option<String>,
    },
}

impl ClientError {
    /// AWS's error code, when the broker gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Whether the same call may succeed a moment later.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Transport(_) => true,
            Self::Refused { status, code, .. } => *status >= 500 || *status == 429 || is_throttling(code),
            Self::Malformed { status, .. } => *status >= 500 || *status == 429,
            _ => false,
        }
    }

    /// Whether the broker certainly did nothing with the call, so that a one-time code in it is still good.
    pub(super) fn is_before_any_effect(&self) -> bool {
        match self {
            Self::Connect(_) => true,
            Self::Refused { status, code, .. } => *status == 429 || is_throttling(code),
            _ => false,
        }
    }

    /// Whether the broker no longer accepts the session that signed the call.
    pub(super) fn is_stale_session(&self) -> bool {
        matches!(
            self.code(),
            Some("ExpiredToken" | "ExpiredTokenException" | "InvalidClientTokenId" | "UnrecognizedClientException")
        )
    }
}

fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
    )
}
