//! What a signature says about the body: its SHA-256, or that it does not cover the body.

use std::fmt;

use crate::crypto::hash::sha256;

use super::refusal::Refusal;

/// The payload's place in the canonical request when the body is not signed.
pub(super) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// Payloads that come in chunks, of S3's protocol: each chunk is signed by itself, or none is.
const STREAMING: [&str; 3] = [
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
];

/// What a verifier knows of a request's body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// Its SHA-256.
    Hashed([u8; 32]),
    /// Nothing: somebody else reads it, and sees to it that it is what the signature says.
    Unread,
}

impl fmt::Debug for Content<'_> {
    /// Without the body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(body) => write!(f, "Whole({} bytes)", body.len()),
            Self::Hashed(_) => f.write_str("Hashed"),
            Self::Unread => f.write_str("Unread"),
        }
    }
}

/// What a signature says of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coverage {
    /// It covers the body, and the verifier has seen that this is the one.
    Signed,
    /// It covers the body of this SHA-256, in hexadecimal. Whether this is the one, whoever reads it must see.
    Declared(String),
    /// It does not cover the body: whoever relays the request may have exchanged it.
    Unsigned,
    /// The body comes in chunks: it covers how they are signed, which is this, and not the chunks themselves.
    Streaming(String),
}

/// What stands in the payload's place, and how it relates to the body.
pub(super) struct Payload {
    pub(super) text: String,
    pub(super) coverage: Coverage,
    /// The declared hash is not that of the body.
    pub(super) mismatch: bool,
}

impl Payload {
    /// Reads what `X-Amz-Content-Sha256` declared, if anything; `fallback_unsigned` says what holds without it (a presigned
    /// S3 request leaves the body open, all others hash it), and `streaming` whether it may come in chunks.
    pub(super) fn read(
        declared: Option<&str>,
        fallback_unsigned: bool,
        streaming: bool,
        content: Content<'_>,
    ) -> Result<Self, Refusal> {
        let hash = match content {
            Content::Whole(body) => Some(body_hash(body)),
            Content::Hashed(hash) => Some(data_encoding::HEXLOWER.encode(&hash)),
            Content::Unread => None,
        };
        let as_said = |text: &str, coverage| Self { text: text.to_owned(), coverage, mismatch: false };
        let declared = match declared {
            Some(UNSIGNED) => return Ok(as_said(UNSIGNED, Coverage::Unsigned)),
            None if fallback_unsigned => return Ok(as_said(UNSIGNED, Coverage::Unsigned)),
            None => {
                let text = hash.ok_or(Refusal::BodyUnknown)?;
                return Ok(Self { text, coverage: Coverage::Signed, mismatch: false });
            }
            Some(text) => text,
        };
        if declared.starts_with("STREAMING-") {
            let known = streaming && STREAMING.contains(&declared);
            return if known {
                Ok(as_said(declared, Coverage::Streaming(declared.to_owned())))
            } else {
                Err(Refusal::StreamingPayload)
            };
        }
        if declared.len() != 64 || !declared.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Refusal::PayloadHashFormat);
        }
        let (coverage, mismatch) = match hash {
            Some(hash) => (Coverage::Signed, !declared.eq_ignore_ascii_case(&hash)),
            None => (Coverage::Declared(declared.to_ascii_lowercase()), false),
        };
        Ok(Self { text: declared.to_owned(), coverage, mismatch })
    }
}

/// The lower-case hexadecimal SHA-256 of a body.
pub(super) fn body_hash(body: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&sha256(body))
}
