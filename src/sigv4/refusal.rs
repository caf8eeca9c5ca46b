//! Why a request is not accepted, in the sentences that AWS's own services answer with where they have one.
//!
//! Messages go to callers. They repeat no secret, no signature and no token, and of what the caller sent only short, printable
//! excerpts.

use thiserror::Error;

/// The error code that a cause belongs to; a door maps it to its protocol's code and status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalCode {
    /// The request carries no signature (403).
    MissingAuthenticationToken,
    /// The signature is not well-formed, or lacks a part (400).
    IncompleteSignature,
    /// The signature is well-formed but wrong, stale, or for something else (403).
    SignatureDoesNotMatch,
    /// Nobody has this access key id, or the session token is not good (403).
    InvalidClientTokenId,
    /// The presigned request has run out (400).
    RequestExpired,
}

impl RefusalCode {
    /// The code as AWS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingAuthenticationToken => "MissingAuthenticationToken",
            Self::IncompleteSignature => "IncompleteSignature",
            Self::SignatureDoesNotMatch => "SignatureDoesNotMatch",
            Self::InvalidClientTokenId => "InvalidClientTokenId",
            Self::RequestExpired => "RequestExpired",
        }
    }
}

impl std::fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a request is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The request carries no signature at all; for callers that need one.
    #[error("Request is missing Authentication Token")]
    MissingAuthenticationToken,
    /// Nobody has this access key id; for callers that look it up.
    #[error("The security token included in the request is invalid.")]
    UnknownAccessKey,

    /// An `Authorization` header of another scheme, like `Bearer`.
    #[error("The Authorization header does not use AWS Signature Version 4: it must begin with AWS4-HMAC-SHA256.")]
    UnsupportedScheme,
    /// Another algorithm of AWS, like SigV4A's `AWS4-ECDSA-P256-SHA256`.
    #[error("Unsupported AWS 'algorithm': '{0}' (only AWS4-HMAC-SHA256 is supported).")]
    UnsupportedAlgorithm(String),
    /// The `Authorization` header lacks these parameters.
    #[error("{}", sentences("Authorization header requires", " parameter", .0, ""))]
    MissingHeaderParameters(Vec<&'static str>),
    /// The query string lacks these parameters.
    #[error("{}", sentences("AWS query-string parameters must include", "", .0, " Re-examine the query-string parameters."))]
    MissingQueryParameters(Vec<&'static str>),
    /// A piece of the `Authorization` header is not one of its three parameters.
    #[error(
        "The Authorization header holds something that is not a valid key=value pair of Credential, SignedHeaders and Signature."
    )]
    NotKeyValue,
    /// A parameter of the signature is given twice.
    #[error("The signature parameter '{0}' is given more than once.")]
    RepeatedParameter(&'static str),
    /// A header that may stand once stands twice.
    #[error("The header '{0}' is given more than once.")]
    RepeatedHeader(&'static str),
    /// The request carries a signature in its headers and another in its query string.
    #[error(
        "Only one authentication mechanism is allowed: the Authorization header or the X-Amz query-string parameters, not both."
    )]
    TwoSignatures,
    /// The credential is not `keyid/date/region/service/aws4_request`.
    #[error("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{0}'")]
    CredentialElements(String),
    /// The access key id is empty, too long, or has characters that none has.
    #[error("Credential must begin with an access key ID of 1 to 128 printable characters.")]
    AccessKeyId,
    /// The list of signed headers is not canonical.
    #[error("'SignedHeaders' must be a sorted list of lower-case header names, each once, separated by semicolons.")]
    SignedHeadersOrder,
    /// More than 100 signed headers.
    #[error("'SignedHeaders' lists more than 100 headers.")]
    TooManySignedHeaders,
    /// More than 1,000 query parameters.
    #[error("The query string has more than 1000 parameters.")]
    TooManyQueryParameters,
    /// A header or parameter is longer than is read.
    #[error("The value of '{0}' is too long.")]
    TooLong(&'static str),
    /// A header or parameter is not UTF-8, or holds a line break.
    #[error("The value of '{0}' is not valid text.")]
    NotText(String),
    /// The method is not an HTTP token.
    #[error("The request method is not valid.")]
    Method,
    /// Neither `X-Amz-Date` nor `Date`.
    #[error("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")]
    MissingDate,
    /// The time cannot be read.
    #[error("Date must be in ISO-8601 'basic format'. Got '{0}'. See http://en.wikipedia.org/wiki/ISO_8601")]
    DateFormat(String),
    /// `X-Amz-Expires` is not a number from 1 to 604,800.
    #[error("X-Amz-Expires must be a number of seconds from 1 to 604800.")]
    Expires,
    /// A chunked, signed body, which this verifier does not speak.
    #[error(
        "STREAMING payloads are not supported: x-amz-content-sha256 must be the SHA-256 of the body or UNSIGNED-PAYLOAD."
    )]
    StreamingPayload,
    /// The request does not say what its body is, and whoever tells of the request does not either.
    #[error("The request has no x-amz-content-sha256: to check it, its body or the SHA-256 of its body must be known.")]
    BodyUnknown,
    /// `X-Amz-Content-Sha256` is neither a hash nor a known word.
    #[error("x-amz-content-sha256 must be the SHA-256 of the body in hexadecimal, or UNSIGNED-PAYLOAD.")]
    PayloadHashFormat,

    /// `host` is not among the signed headers.
    #[error("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")]
    HostNotSigned,
    /// An `x-amz-` header is present and not signed.
    #[error("'{0}' must be a 'SignedHeader' in the AWS Authorization.")]
    HeaderNotSigned(String),
    /// A header is listed as signed and not present.
    #[error("The header '{0}' is a 'SignedHeader' but is not in the request.")]
    SignedHeaderAbsent(String),
    /// The scope does not end in `aws4_request`.
    #[error("Credential should be scoped with a valid terminator: 'aws4_request', not '{0}'.")]
    Terminator(String),
    /// The scope's date is no date.
    #[error("Date in Credential scope must be YYYYMMDD, not '{0}'.")]
    ScopeDateFormat(String),
    /// The scope's date is not that of the request.
    #[error(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{scope}' != '{date}', from '{timestamp}'."
    )]
    ScopeDate {
        /// The date in the scope.
        scope: String,
        /// The date of the request.
        date: String,
        /// The time of the request.
        timestamp: String,
    },
    /// The scope's region is no region, or not the expected one, which is given.
    #[error("Credential should be scoped to a valid region{}.", expected(.0))]
    Region(Option<String>),
    /// The scope's service is no service, or not the expected one, which is given.
    #[error("Credential should be scoped to correct service{}.", expected(.0))]
    Service(Option<String>),
    /// Signed more than 15 minutes ago.
    #[error("Signature expired: {signed} is now earlier than {earliest} ({now} - 15 min.)")]
    Expired {
        /// The time of the signature.
        signed: String,
        /// The earliest time that is accepted.
        earliest: String,
        /// The verifier's time.
        now: String,
    },
    /// Signed more than 15 minutes in the future.
    #[error("Signature not yet current: {signed} is still later than {latest} ({now} + 15 min.)")]
    NotYetCurrent {
        /// The time of the signature.
        signed: String,
        /// The latest time that is accepted.
        latest: String,
        /// The verifier's time.
        now: String,
    },
    /// A presigned request after its `X-Amz-Expires`.
    #[error("Request has expired: it was valid until {until}, and it is {now}.")]
    PresignedExpired {
        /// The last moment at which it was good.
        until: String,
        /// The verifier's time.
        now: String,
    },
    /// The signature is right, and the body is not the one whose hash was signed.
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    PayloadHash,
    /// The signature is not the one that the key makes.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key \
         and signing method. Consult the service documentation for details."
    )]
    SignatureDoesNotMatch,
}

impl Refusal {
    /// The error code that this cause belongs to.
    pub fn code(&self) -> RefusalCode {
        match self {
            Self::MissingAuthenticationToken => RefusalCode::MissingAuthenticationToken,
            Self::UnknownAccessKey => RefusalCode::InvalidClientTokenId,
            Self::UnsupportedScheme
            | Self::UnsupportedAlgorithm(_)
            | Self::MissingHeaderParameters(_)
            | Self::MissingQueryParameters(_)
            | Self::NotKeyValue
            | Self::RepeatedParameter(_)
            | Self::RepeatedHeader(_)
            | Self::TwoSignatures
            | Self::CredentialElements(_)
            | Self::AccessKeyId
            | Self::SignedHeadersOrder
            | Self::TooManySignedHeaders
            | Self::TooManyQueryParameters
            | Self::TooLong(_)
            | Self::NotText(_)
            | Self::Method
            | Self::MissingDate
            | Self::DateFormat(_)
            | Self::Expires
            | Self::StreamingPayload
            | Self::BodyUnknown
            | Self::PayloadHashFormat => RefusalCode::IncompleteSignature,
            Self::HostNotSigned
            | Self::HeaderNotSigned(_)
            | Self::SignedHeaderAbsent(_)
            | Self::Terminator(_)
            | Self::ScopeDateFormat(_)
            | Self::ScopeDate { .. }
            | Self::Region(_)
            | Self::Service(_)
            | Self::Expired { .. }
            | Self::NotYetCurrent { .. }
            | Self::PayloadHash
            | Self::SignatureDoesNotMatch => RefusalCode::SignatureDoesNotMatch,
            Self::PresignedExpired { .. } => RefusalCode::RequestExpired,
        }
    }
}

/// What a caller sent, fit for a message: at most 80 characters, nothing but printable ASCII.
pub(super) fn quoted(text: &str) -> String {
    text.chars().take(80).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}

fn sentences(before: &str, after: &str, names: &[&str], end: &str) -> String {
    let all: Vec<String> = names.iter().map(|name| format!("{before} '{name}'{after}.")).collect();
    all.join(" ") + end
}

fn expected(name: &Option<String>) -> String {
    name.as_ref().map(|name| format!(": '{name}'")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_speak_like_aws() {
        for (refusal, sentence) in [
            (
                Refusal::MissingHeaderParameters(vec!["Credential", "Signature"]),
                "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter.",
            ),
            (
                Refusal::MissingQueryParameters(vec!["X-Amz-Date"]),
                "AWS query-string parameters must include 'X-Amz-Date'. Re-examine the query-string parameters.",
            ),
            (Refusal::Region(None), "Credential should be scoped to a valid region."),
            (Refusal::Service(Some("sts".to_owned())), "Credential should be scoped to correct service: 'sts'."),
        ] {
            assert_eq!(refusal.to_string(), sentence);
        }
    }

    #[test]
    fn what_is_repeated_is_short_and_printable() {
        assert_eq!(quoted("a\nb\u{202e}é"), "a?b??");
        assert_eq!(quoted(&"x".repeat(1_000)).len(), 80);
    }
}
