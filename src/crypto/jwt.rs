//! Compact JWS with JSON claims (RFC 7515, RFC 7519), after the advice of RFC 8725: the key decides the algorithm, and every
//! kind of token has a type of its own.
//!
//! A verified token says only that the key's owner wrote the claims. Times, issuer and audience are the caller's to check,
//! with a clock that is passed in.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::crypto::alg::Alg;
use crate::crypto::signing_key::SigningKey;
use crate::crypto::verifying_key::VerifyingKey;
use crate::types::secret::SecretText;

/// The longest token that is read, in bytes. HTTP servers commonly stop at 8 to 16 KiB of headers, so a longer one could not
/// be used.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// What a signed token says about itself. Its `alg` is the key's.
#[derive(Debug, Clone, Copy)]
pub struct JwtHeader<'a> {
    /// Which key of the issuer's JWKS verifies it.
    pub kid: &'a str,
    /// What kind of token it is, such as `at+jwt` (RFC 9068).
    pub typ: &'a str,
}

/// A header that nobody has vouched for: good for looking a key up, and for nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnverifiedHeader {
    /// The key id, if there is one.
    pub kid: Option<String>,
    /// The algorithm; `None` for `none`, the HMAC family and whatever else is not accepted.
    pub alg: Option<Alg>,
    /// The type, if there is one.
    pub typ: Option<String>,
}

/// Which type a token must have (RFC 8725 section 3.11). Types are compared as media types: case does not count, and
/// `application/` may be left out (RFC 7515 section 4.1.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typ<'a> {
    /// Exactly this type.
    Exactly(&'a str),
    /// `JWT` or no type at all, as OpenID providers and Kubernetes write.
    Plain,
    /// As [`Typ::Plain`], or `at+jwt`: an access token that names its audience (RFC 9068).
    Identity,
}

/// Why a token was refused, or could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// Longer than [`MAX_TOKEN_BYTES`], or than whoever reads it allows.
    #[error("the token is too long")]
    TooLong,
    /// Not three base64url parts with a JSON header.
    #[error("the token is not a signed JWT")]
    Malformed,
    /// The header lists extensions that must be understood (RFC 7515 section 4.1.11). None are.
    #[error("the token demands extensions that are not supported")]
    CriticalExtension,
    /// The header's algorithm is not the key's.
    #[error("the token's algorithm is not the key's")]
    WrongAlgorithm,
    /// The header's type is not the one expected.
    #[error("the token is of another type")]
    WrongType,
    /// The key did not sign this.
    #[error("the token's signature does not match")]
    BadSignature,
    /// The signature is good and the claims are not what this kind of token carries.
    #[error("the token's claims do not have the expected shape")]
    UnexpectedClaims,
    /// The claims do not serialise, or the key cannot sign.
    #[error("the token could not be signed")]
    NotSigned,
}

/// Signs `claims`. The token is secret on its way to whom it is for.
pub fn sign(header: JwtHeader<'_>, claims: &impl Serialize, key: &SigningKey) -> Result<SecretText, JwtError> {
    let mut full = Header::new(Alg::from(key.alg()).to_jwt());
    full.typ = Some(header.typ.to_owned());
    full.kid = Some(header.kid.to_owned());
    jsonwebtoken::encode(&full, claims, key.handle()).map(SecretText::new).map_err(|_| JwtError::NotSigned)
}

/// Reads the header without checking anything but size and shape.
pub fn peek_header(token: &str) -> Result<UnverifiedHeader, JwtError> {
    peek_header_within(token, MAX_TOKEN_BYTES)
}

/// As [`peek_header`], for tokens that do not travel in headers and may be `longest` bytes long.
pub fn peek_header_within(token: &str, longest: usize) -> Result<UnverifiedHeader, JwtError> {
    #[derive(Deserialize)]
    struct Raw {
        alg: String,
        kid: Option<String>,
        typ: Option<String>,
        crit: Option<serde::de::IgnoredAny>,
    }
    if token.len() > longest {
        return Err(JwtError::TooLong);
    }
    let mut parts = token.split('.');
    let (Some(header), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(JwtError::Malformed);
    };
    let json = data_encoding::BASE64URL_NOPAD.decode(header.as_bytes()).map_err(|_| JwtError::Malformed)?;
    let raw: Raw = serde_json::from_slice(&json).map_err(|_| JwtError::Malformed)?;
    if raw.crit.is_some() {
        return Err(JwtError::CriticalExtension);
    }
    Ok(UnverifiedHeader { kid: raw.kid, alg: Alg::parse(&raw.alg), typ: raw.typ })
}

/// Checks type, algorithm and signature, and reads the claims. Nothing else is checked.
pub fn verify<T: DeserializeOwned>(token: &str, key: &VerifyingKey, typ: Typ<'_>) -> Result<T, JwtError> {
    verify_within(token, MAX_TOKEN_BYTES, key, typ)
}

/// As [`verify`], for tokens that do not travel in headers and may be `longest` bytes long.
pub fn verify_within<T: DeserializeOwned>(
    token: &str,
    longest: usize,
    key: &VerifyingKey,
    typ: Typ<'_>,
) -> Result<T, JwtError> {
    let header = peek_header_within(token, longest)?;
    if header.alg != Some(key.alg()) {
        return Err(JwtError::WrongAlgorithm);
    }
    if !typ.accepts(header.typ.as_deref()) {
        return Err(JwtError::WrongType);
    }
    let mut only_signature = Validation::new(key.alg().to_jwt());
    only_signature.required_spec_claims.clear();
    only_signature.validate_exp = false;
    only_signature.validate_nbf = false;
    only_signature.validate_aud = false;
    let data = jsonwebtoken::decode::<T>(token, key.decoding_key(), &only_signature);
    data.map(|d| d.claims).map_err(|error| match error.kind() {
        ErrorKind::InvalidSignature => JwtError::BadSignature,
        ErrorKind::InvalidAlgorithm => JwtError::WrongAlgorithm,
        ErrorKind::Json(_) | ErrorKind::Utf8(_) => JwtError::UnexpectedClaims,
        _ => JwtError::Malformed,
    })
}

impl Typ<'_> {
    fn accepts(self, found: Option<&str>) -> bool {
        match self {
            Self::Exactly(wanted) => found.is_some_and(|typ| same_type(typ, wanted)),
            Self::Plain => found.is_none_or(|typ| same_type(typ, "JWT")),
            Self::Identity => found.is_none_or(|typ| same_type(typ, "JWT") || same_type(typ, "at+jwt")),
        }
    }
}

fn same_type(a: &str, b: &str) -> bool {
    bare_type(a).eq_ignore_ascii_case(bare_type(b))
}

/// A media type without `application/`, which is left out only where no other slash follows.
fn bare_type(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) && !rest.contains('/') => rest,
        _ => typ,
    }
}

#[cfg(test)]
#[path = "jwt_tests.rs"]
mod tests;
