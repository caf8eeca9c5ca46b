//! Why a request is not served.

use crate::client::ClientError;
use crate::client::source::SourceError;
use crate::sigv4;

/// The cause, and what the one who sent the request is answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The request proves nothing: its sender is answered this, in the words of the protocol that the service speaks.
    #[error("{code}: {message}")]
    Request {
        /// The error code, such as `SignatureDoesNotMatch`.
        code: String,
        /// The HTTP status.
        status: u16,
        /// What is wrong.
        message: String,
    },
    /// The service has no credentials of its own.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The broker does not answer, or not to this service. Its sender is answered that the service is unavailable.
    #[error(transparent)]
    Broker(#[from] ClientError),
    /// The broker answered something else than it was asked.
    #[error("the broker's answer cannot be read: {0}")]
    Malformed(&'static str),
}

impl Refused {
    pub(super) fn signature(refusal: &sigv4::Refusal, service: &str) -> Self {
        let (code, status) = refusal.code_at(service);
        Self::Request { code: code.to_owned(), status, message: refusal.to_string() }
    }

    /// Error code, HTTP status and sentence for whoever sent the request.
    pub fn answer(&self) -> (&str, u16, &str) {
        match self {
            Self::Request { code, status, message } => (code, *status, message),
            _ => ("ServiceUnavailable", 503, "Requests cannot be authenticated at present; please try again."),
        }
    }
}
