//! What a signature says about the body: its SHA-256, or that it does not cover the body.

use crate::crypto::hash::sha256;

use super::refusal::Refusal;

/// The payload's place in the canonical request when the body is not signed.
pub(super) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// What stands in the payload's place, and how it relates to the body.
pub(super) struct Payload {
    pub(super) text: String,
    /// The signature covers the body.
    pub(super) signed: bool,
    /// The declared hash is not that of the body.
    pub(super) mismatch: bool,
}

impl Payload {
    /// Reads what `X-Amz-Content-Sha256` declared, if anything; `fallback_unsigned` says what holds without it (a presigned
    /// S3 request leaves the body open, all others hash it).
    pub(super) fn read(declared: Option<&str>, fallback_unsigned: bool, body: &[u8]) -> Result<Self, Refusal> {
        let declared = match declared {
            Some(UNSIGNED) => return Ok(Self::unsigned()),
            None if fallback_unsigned => return Ok(Self::unsigned()),
            None => return Ok(Self { text: body_hash(body), signed: true, mismatch: false }),
            Some(text) => text,
        };
        if declared.starts_with("STREAMING-") {
            return Err(Refusal::StreamingPayload);
        }
        if declared.len() != 64 || !declared.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Refusal::PayloadHashFormat);
        }
        let mismatch = !declared.eq_ignore_ascii_case(&body_hash(body));
        Ok(Self { text: declared.to_owned(), signed: true, mismatch })
    }

    fn unsigned() -> Self {
        Self { text: UNSIGNED.to_owned(), signed: false, mismatch: false }
    }
}

/// The lower-case hexadecimal SHA-256 of a body.
pub(super) fn body_hash(body: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&sha256(body))
}
