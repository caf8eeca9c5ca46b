//! AWS Signature Version 4: canonical requests, signing and verification, without IO and without a clock of its own.
//!
//! One implementation serves the server (verify), the command line and the sidecar (sign), so that the two sides cannot
//! drift apart. Where AWS's description leaves room, the published test suite decides, then what the AWS SDKs send.
//!
//! The caller's part: authenticate first, act afterwards, and only on what was signed. Two rules follow for a door:
//! decode a query string as the signature reads it, with `+` for a space ([`query_pairs`] does), and
//! refuse a request whose body carries the parameters unless [`SignedRequest::payload_signed`] holds.
//!
//! Source: AWS IAM User Guide, "AWS Signature Version 4 for API requests" and "Create a signed AWS API request".

mod authorization;
mod canonical;
mod codes;
mod date;
mod encode;
mod explain;
mod header;
mod key;
mod parse;
mod path;
mod payload;
mod query;
mod refusal;
mod scope;
mod sign;
mod verify;

pub use explain::explain;
pub use key::SigningKey;
pub use parse::SignedRequest;
pub use payload::{Content, Coverage};
pub use query::query_pairs;
pub use refusal::{Refusal, RefusalCode};
pub use scope::Scope;
pub use sign::{presign, sign_headers};

use crate::types::secret::SecretText;

/// The one algorithm that is spoken here.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// How far a signature's time may lie from the verifier's, in seconds, either way.
pub const MAX_SKEW_SECONDS: i64 = 15 * 60;

/// The longest life of a presigned request, in seconds: seven days.
pub const MAX_EXPIRES_SECONDS: u32 = 604_800;

/// The longest `Authorization` header that is read, in bytes.
pub const MAX_AUTHORIZATION_BYTES: usize = 8 * 1024;

/// The longest session token that is read, in bytes.
pub const MAX_SESSION_TOKEN_BYTES: usize = 16 * 1024;

/// The most header names that a signature may list.
pub const MAX_SIGNED_HEADERS: usize = 100;

/// The most parameters that a query string may have.
pub const MAX_QUERY_PARAMETERS: usize = 1_000;

/// A request as it came over the wire, or as it is about to go.
#[derive(Clone, Copy)]
pub struct RequestParts<'a> {
    /// The method, as received: case counts.
    pub method: &'a str,
    /// The path as received, still percent-encoded, without the query string.
    pub path: &'a str,
    /// The query string as received, still percent-encoded, without the question mark; empty when there is none.
    pub query: &'a str,
    /// Name and value of every header line in order of arrival, duplicates kept. Over HTTP/2 the caller adds `host` from
    /// `:authority`.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The whole body.
    pub body: &'a [u8],
}

/// What a client signs with.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// `AKIA…` or `ASIA…`.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: SecretText,
    /// The session token of temporary credentials.
    pub session_token: Option<SecretText>,
}

impl std::fmt::Debug for RequestParts<'_> {
    /// Method and path only: headers, query and body may carry tokens and passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestParts").field("method", &self.method).field("path", &self.path).finish_non_exhaustive()
    }
}

/// Whether a service signs the S3 way: the path is encoded once and not normalised, and a presigned body is not signed.
pub fn signs_like_s3(service: &str) -> bool {
    matches!(service, "s3" | "s3express" | "s3-object-lambda" | "s3-outposts")
}
