//! The public key in an X.509 certificate, for signatures that are trusted because the certificate was handed over, not because
//! an authority signed it: SAML's metadata does that (OASIS "SAML V2.0 Metadata", section 2.4.1.1).
//!
//! Validity, names and the certificate's own signature mean nothing to such trust, and certificates of version 1 are as good as
//! others, so that what reads certificates for TLS is of no use here. Source: RFC 5280 section 4.1; X.690 for DER; RFC 3279 and
//! RFC 5480 for the keys.

use std::collections::BTreeSet;

/// A public key that signatures can be checked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataKey {
    /// RSA: modulus and exponent, big-endian without leading zeros.
    Rsa {
        /// `n`
        modulus: Vec<u8>,
        /// `e`
        exponent: Vec<u8>,
    },
    /// A point on P-256, uncompressed.
    P256(Vec<u8>),
    /// A point on P-384, uncompressed.
    P384(Vec<u8>),
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MetadataKeyError {
    /// Not the DER of a certificate.
    #[error("it is not an X.509 certificate")]
    NotACertificate,
    /// AWS refuses these too.
    #[error("the certificate has an extension twice")]
    RepeatedExtension,
    /// An RSA modulus of a length that is not verified with.
    #[error("the certificate's RSA key does not have {MIN_RSA_BITS} to {MAX_RSA_BITS} bits")]
    RsaSize,
    /// Neither RSA nor a point on P-256 or P-384.
    #[error("the certificate's key is neither RSA nor on P-256 or P-384")]
    OtherKey,
}

/// AWS: "must use a key size of at least 1024 bits".
pub const MIN_RSA_BITS: usize = 1_024;
/// The longest modulus that ring verifies with.
pub const MAX_RSA_BITS: usize = 8_192;

/// More than any certificate has.
const MAX_EXTENSIONS: usize = 64;

impl MetadataKey {
    /// Reads the key of a certificate.
    ///
    /// # Errors
    /// [`MetadataKeyError`].
    pub fn of(certificate: &[u8]) -> Result<Self, MetadataKeyError> {
        let info = public_key_info(certificate).ok_or(MetadataKeyError::NotACertificate)?;
        if info.extensions_repeat {
            return Err(MetadataKeyError::RepeatedExtension);
        }
        match (info.algorithm, info.curve) {
            (RSA, _) => rsa(info.key),
            (EC, Some(P256)) if is_point(info.key, 32) => Ok(Self::P256(info.key.to_vec())),
            (EC, Some(P384)) if is_point(info.key, 48) => Ok(Self::P384(info.key.to_vec())),
            _ => Err(MetadataKeyError::OtherKey),
        }
    }
}

/// 1.2.840.113549.1.1.1
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.2.840.10045.2.1
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// 1.2.840.10045.3.1.7
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// 1.3.132.0.34
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
/// `[0] EXPLICIT`: the version.
const VERSION: u8 = 0xa0;
/// `[1]` and `[2] IMPLICIT`: unique identifiers.
const UNIQUE_IDS: [u8; 2] = [0x81, 0x82];
/// `[3] EXPLICIT`: the extensions.
const EXTENSIONS: u8 = 0xa3;

struct PublicKeyInfo<'a> {
    algorithm: &'a [u8],
    curve: Option<&'a [u8]>,
    key: &'a [u8],
    extensions_repeat: bool,
}

fn public_key_info(certificate: &[u8]) -> Option<PublicKeyInfo<'_>> {
    let mut outer = Der(certificate).only(SEQUENCE)?;
    let mut body = Der(outer.take(SEQUENCE)?);
    outer.take(SEQUENCE)?;
    outer.take(BIT_STRING)?;
    outer.end()?;

    body.take(VERSION);
    body.take(INTEGER)?;
    // Signature algorithm, issuer, validity, subject.
    for _ in 0..4 {
        body.take(SEQUENCE)?;
    }
    let mut info = Der(body.take(SEQUENCE)?);
    let mut identifier = Der(info.take(SEQUENCE)?);
    let algorithm = identifier.take(OBJECT)?;
    let curve = identifier.take(OBJECT);
    let key = whole_bytes(info.take(BIT_STRING)?)?;
    info.end()?;
    for tag in UNIQUE_IDS {
        body.take(tag);
    }
    let extensions_repeat = match body.take(EXTENSIONS) {
        Some(extensions) => repeat(Der(extensions).only(SEQUENCE)?)?,
        None => false,
    };
    body.end()?;
    Some(PublicKeyInfo { algorithm, curve, key, extensions_repeat })
}

/// Whether an extension stands there twice; `None` if they are no extensions, or too many.
fn repeat(mut extensions: Der<'_>) -> Option<bool> {
    let mut seen = BTreeSet::new();
    let mut count = 0;
    while !extensions.0.is_empty() {
        count += 1;
        if count > MAX_EXTENSIONS {
            return None;
        }
        seen.insert(Der(extensions.take(SEQUENCE)?).take(OBJECT)?);
    }
    Some(seen.len() < count)
}

fn rsa(key: &[u8]) -> Result<MetadataKey, MetadataKeyError> {
    let numbers = || {
        let mut numbers = Der(key).only(SEQUENCE)?;
        let pair = (positive(numbers.take(INTEGER)?)?, positive(numbers.take(INTEGER)?)?);
        numbers.end()?;
        Some(pair)
    };
    let (modulus, exponent) = numbers().ok_or(MetadataKeyError::NotACertificate)?;
    let first = modulus.first().copied().unwrap_or_default();
    let bits = modulus.len() * 8 - first.leading_zeros() as usize;
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
        return Err(MetadataKeyError::RsaSize);
    }
    Ok(MetadataKey::Rsa { modulus: modulus.to_vec(), exponent: exponent.to_vec() })
}

/// The bytes of a positive integer without its sign's zero.
fn positive(integer: &[u8]) -> Option<&[u8]> {
    match integer {
        [0, rest @ ..] if rest.first().is_some_and(|first| first & 0x80 != 0) => Some(rest),
        [first, ..] if *first != 0 && first & 0x80 == 0 => Some(integer),
        _ => None,
    }
}

fn is_point(key: &[u8], length: usize) -> bool {
    key.len() == 1 + 2 * length && key.first() == Some(&4)
}

/// A bit string of whole bytes.
fn whole_bytes(bits: &[u8]) -> Option<&[u8]> {
    bits.strip_prefix(&[0])
}

/// What is left of a list of DER elements. Reading never goes back, so it is linear however lengths lie.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The content of the next element, if it has this tag; else nothing is taken.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, content, rest) = element(self.0)?;
        (found == tag).then(|| {
            self.0 = rest;
            content
        })
    }

    /// What is in the one element, which has this tag.
    fn only(mut self, tag: u8) -> Option<Der<'a>> {
        let content = self.take(tag)?;
        self.end()?;
        Some(Der(content))
    }

    /// That nothing is left.
    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// Tag, content and what follows, of definite and shortest length as DER wants it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let count = usize::from(first & 0x7f);
        let (digits, rest) = rest.split_at_checked(count).filter(|_| (1..=3).contains(&count))?;
        let length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
        let shortest = if count == 1 { length >= 0x80 } else { length >> (8 * (count - 1)) != 0 };
        (length, shortest.then_some(rest)?)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
#[path = "metadata_key_tests.rs"]
mod tests;
