//! The error codes that services answer a refused signature with: S3 has its own, all others share theirs.
//!
//! Source: "Error responses" and "Common causes of SigV4 errors" in the Amazon S3 API Reference; "Common errors" of the other
//! services' API references.

use super::{Refusal, RefusalCode, signs_like_s3};

impl Refusal {
    /// The error code and HTTP status that this cause has at a service.
    pub fn code_at(&self, service: &str) -> (&'static str, u16) {
        if signs_like_s3(service) { self.s3_code() } else { self.common_code() }
    }

    fn common_code(&self) -> (&'static str, u16) {
        let status = match self.code() {
            RefusalCode::IncompleteSignature | RefusalCode::RequestExpired => 400,
            RefusalCode::MissingAuthenticationToken
            | RefusalCode::SignatureDoesNotMatch
            | RefusalCode::InvalidClientTokenId => 403,
        };
        (self.code().as_str(), status)
    }

    fn s3_code(&self) -> (&'static str, u16) {
        match self {
            Self::UnknownAccessKey => ("InvalidAccessKeyId", 403),
            Self::Expired { .. } | Self::NotYetCurrent { .. } => ("RequestTimeTooSkewed", 403),
            Self::MissingAuthenticationToken
            | Self::PresignedExpired { .. }
            | Self::HostNotSigned
            | Self::HeaderNotSigned(_)
            | Self::MissingDate
            | Self::DateFormat(_) => ("AccessDenied", 403),
            Self::SignatureDoesNotMatch | Self::SignedHeaderAbsent(_) => ("SignatureDoesNotMatch", 403),
            Self::PayloadHash => ("XAmzContentSHA256Mismatch", 400),
            Self::MissingQueryParameters(_) | Self::Expires => ("AuthorizationQueryParametersError", 400),
            Self::UnsupportedScheme
            | Self::UnsupportedAlgorithm(_)
            | Self::MissingHeaderParameters(_)
            | Self::NotKeyValue
            | Self::CredentialElements(_)
            | Self::AccessKeyId
            | Self::SignedHeadersOrder
            | Self::TooManySignedHeaders
            | Self::Terminator(_)
            | Self::ScopeDateFormat(_)
            | Self::ScopeDate { .. }
            | Self::Region(_)
            | Self::Service(_) => ("AuthorizationHeaderMalformed", 400),
            Self::RepeatedParameter(_)
            | Self::RepeatedHeader(_)
            | Self::TwoSignatures
            | Self::TooManyQueryParameters
            | Self::TooLong(_)
            | Self::NotText(_)
            | Self::Method
            | Self::StreamingPayload
            | Self::BodyUnknown
            | Self::PayloadHashFormat => ("InvalidArgument", 400),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s3_has_codes_of_its_own() {
        for (refusal, s3, other) in [
            (Refusal::UnknownAccessKey, ("InvalidAccessKeyId", 403), ("InvalidClientTokenId", 403)),
            (Refusal::SignatureDoesNotMatch, ("SignatureDoesNotMatch", 403), ("SignatureDoesNotMatch", 403)),
            (Refusal::PayloadHash, ("XAmzContentSHA256Mismatch", 400), ("SignatureDoesNotMatch", 403)),
            (Refusal::Expires, ("AuthorizationQueryParametersError", 400), ("IncompleteSignature", 400)),
            (Refusal::MissingAuthenticationToken, ("AccessDenied", 403), ("MissingAuthenticationToken", 403)),
        ] {
            assert_eq!((refusal.code_at("s3"), refusal.code_at("dynamodb")), (s3, other), "{refusal}");
        }
    }
}
