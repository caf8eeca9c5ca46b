//! Certificates that others have made (RFC 5280): what brevet needs to know of them, and who signed them.
//!
//! Signatures are checked where ring checks them: RSA with PKCS#1 padding and SHA-2, ECDSA on P-256 and P-384, Ed25519. Nothing
//! here decides whom to trust: these are certificates that their owners hand in.

use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey,
    VerificationAlgorithm,
};

use super::der::{Reader, tag};
use super::hash::sha256;
use super::pem;
use crate::clock::{Timestamp, from_civil};

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    whole: Vec<u8>,
    signed: Vec<u8>,
    algorithm: Vec<u8>,
    signature: Vec<u8>,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    not_before: Timestamp,
    not_after: Timestamp,
    key: PublicKey,
    /// What `extensions` holds, where there are any.
    extensions: Option<Vec<u8>>,
}

/// The public key of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PublicKey {
    pub(super) kind: KeyKind,
    /// As RFC 5280 has it in `subjectPublicKey`: an `RSAPublicKey`, a point, or the bytes of RFC 8032.
    pub(super) bytes: Vec<u8>,
}

/// What kind of key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    Rsa,
    P256,
    P384,
    Ed25519,
    /// None that ring knows.
    Other,
}

/// Object identifiers, as they stand behind their tag and length.
pub(super) mod oid {
    /// 1.2.840.113549.1.1.1
    pub(crate) const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    /// 1.2.840.113549.1.1.11, .12, .13
    pub(super) const RSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
    pub(super) const RSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c];
    pub(super) const RSA_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d];
    /// 1.2.840.10045.2.1
    pub(crate) const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    /// 1.2.840.10045.3.1.7
    pub(crate) const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    /// 1.3.132.0.34
    pub(crate) const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
    /// 1.2.840.10045.4.3.2, .3
    pub(super) const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    pub(super) const ECDSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
    /// 2.5.29.17
    pub(super) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
    /// 1.3.101.112
    pub(crate) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
}

impl Certificate {
    /// The certificates of a text in PEM, in their order; `None` when it is not made of certificates alone.
    pub fn all_from_pem(text: &str) -> Option<Vec<Self>> {
        let blocks = pem::blocks(text)?;
        blocks.iter().map(|block| Self::from_der(&block.bytes).filter(|_| block.label == "CERTIFICATE")).collect()
    }

    /// The one certificate of a text in PEM.
    pub fn from_pem(text: &str) -> Option<Self> {
        let mut all = Self::all_from_pem(text)?;
        all.pop().filter(|_| all.is_empty())
    }

    /// Reads a certificate; `None` when it is none.
    pub fn from_der(bytes: &[u8]) -> Option<Self> {
        let mut outer = Reader::new(bytes);
        let mut certificate = outer.sequence()?;
        outer.end()?;
        let signed = certificate.next().filter(|element| element.tag == tag::SEQUENCE)?;
        let algorithm = certificate.take(tag::SEQUENCE)?;
        let signature = certificate.bits()?;
        certificate.end()?;

        let mut body = Reader::new(signed.content);
        if let Some(version) = body.optional(tag::context(0)) {
            let mut version = Reader::new(version);
            // Versions 2 and 3 are written 1 and 2; version 1 is not written.
            version.unsigned().filter(|version| matches!(version, [1 | 2]))?;
            version.end()?;
        }
        body.take(tag::INTEGER)?;
        // RFC 5280 section 4.1.1.2: both say the same, or somebody swapped one.
        body.take(tag::SEQUENCE).filter(|inner| *inner == algorithm)?;
        let issuer = body.take(tag::SEQUENCE)?;
        let mut validity = body.sequence()?;
        let not_before = time(&mut validity)?;
        let not_after = time(&mut validity)?;
        validity.end()?;
        let subject = body.take(tag::SEQUENCE)?;
        let key = PublicKey::read(&mut body)?;
        // What may follow are unique ids, which decide nothing here, and extensions.
        let mut extensions = None;
        while body.end().is_none() {
            let element = body.next().filter(|element| matches!(element.tag, 0x81 | 0x82 | 0xa1 | 0xa2 | 0xa3))?;
            if element.tag == tag::context(3) {
                extensions = Some(element.content.to_vec());
            }
        }
        Some(Self {
            whole: bytes.to_vec(),
            signed: signed.whole.to_vec(),
            algorithm: algorithm.to_vec(),
            signature: signature.to_vec(),
            issuer: issuer.to_vec(),
            subject: subject.to_vec(),
            not_before,
            not_after,
            key,
            extensions,
        })
    }

    /// When it begins to be valid.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// When it ends to be valid.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// SHA-256 of the whole certificate.
    pub fn fingerprint(&self) -> [u8; 32] {
        sha256(&self.whole)
    }

    /// Whether its public key is one that signatures can be checked with here.
    pub fn has_known_key(&self) -> bool {
        self.key.kind != KeyKind::Other
    }

    /// Whether `issuer` signed it: its name stands in this one, and the signature is of its key.
    pub fn is_signed_by(&self, issuer: &Self) -> bool {
        self.issuer == issuer.subject
            && verification(&self.algorithm, issuer.key.kind).is_some_and(|algorithm| {
                UnparsedPublicKey::new(algorithm, &issuer.key.bytes).verify(&self.signed, &self.signature).is_ok()
            })
    }

    /// The URIs among the names that its issuer vouches for: `uniformResourceIdentifier` in `subjectAltName` (RFC 5280 section
    /// 4.2.1.6). `None` when the extensions cannot be read.
    pub fn uris(&self) -> Option<Vec<&str>> {
        let mut uris = Vec::new();
        let Some(extensions) = &self.extensions else { return Some(uris) };
        let mut outer = Reader::new(extensions);
        let mut all = outer.sequence()?;
        outer.end()?;
        while all.end().is_none() {
            let mut extension = all.sequence()?;
            let name = extension.take(tag::OBJECT)?;
            extension.optional(tag::BOOLEAN);
            let value = extension.take(tag::OCTET_STRING)?;
            extension.end()?;
            if name != oid::SUBJECT_ALT_NAME {
                continue;
            }
            let mut value = Reader::new(value);
            let mut names = value.sequence()?;
            value.end()?;
            while names.end().is_none() {
                let element = names.next()?;
                if element.tag == tag::URI {
                    uris.push(std::str::from_utf8(element.content).ok().filter(|uri| uri.is_ascii())?);
                }
            }
        }
        Some(uris)
    }

    pub(super) fn key(&self) -> &PublicKey {
        &self.key
    }
}

/// The place of the first certificate of a chain that did not sign what stands before it, as AWS counts: the certificate itself
/// stands at -1. `None` when the whole chain holds.
pub fn broken_link(certificate: &Certificate, chain: &[Certificate]) -> Option<i64> {
    let mut signed = certificate;
    for (place, issuer) in (-1..).zip(chain) {
        if !signed.is_signed_by(issuer) {
            return Some(place);
        }
        signed = issuer;
    }
    None
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo`.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut info = reader.sequence()?;
        let mut algorithm = info.sequence()?;
        let bytes = info.bits()?.to_vec();
        info.end()?;
        Some(Self { kind: KeyKind::read(&mut algorithm)?, bytes })
    }
}

impl KeyKind {
    /// Reads the content of an `AlgorithmIdentifier`.
    pub(super) fn read(algorithm: &mut Reader<'_>) -> Option<Self> {
        let name = algorithm.take(tag::OBJECT)?;
        let parameters = if algorithm.end().is_some() { None } else { Some(algorithm.next()?) };
        algorithm.end()?;
        Some(match (name, parameters.map(|found| (found.tag, found.content))) {
            (oid::RSA, Some((tag::NULL, [])) | None) => Self::Rsa,
            (oid::EC, Some((tag::OBJECT, oid::P256))) => Self::P256,
            (oid::EC, Some((tag::OBJECT, oid::P384))) => Self::P384,
            (oid::ED25519, None) => Self::Ed25519,
            _ => Self::Other,
        })
    }
}

fn verification(algorithm: &[u8], key: KeyKind) -> Option<&'static dyn VerificationAlgorithm> {
    let mut reader = Reader::new(algorithm);
    let name = reader.take(tag::OBJECT)?;
    Some(match (name, key) {
        (oid::RSA_SHA256, KeyKind::Rsa) => &RSA_PKCS1_2048_8192_SHA256,
        (oid::RSA_SHA384, KeyKind::Rsa) => &RSA_PKCS1_2048_8192_SHA384,
        (oid::RSA_SHA512, KeyKind::Rsa) => &RSA_PKCS1_2048_8192_SHA512,
        (oid::ECDSA_SHA256, KeyKind::P256) => &ECDSA_P256_SHA256_ASN1,
        (oid::ECDSA_SHA384, KeyKind::P256) => &ECDSA_P256_SHA384_ASN1,
        (oid::ECDSA_SHA256, KeyKind::P384) => &ECDSA_P384_SHA256_ASN1,
        (oid::ECDSA_SHA384, KeyKind::P384) => &ECDSA_P384_SHA384_ASN1,
        (oid::ED25519, KeyKind::Ed25519) => &ED25519,
        _ => return None,
    })
}

/// A `Time` (RFC 5280 section 4.1.2.5): always in UTC, with seconds.
fn time(reader: &mut Reader<'_>) -> Option<Timestamp> {
    let element = reader.next()?;
    let (year, rest) = match element.tag {
        tag::UTC_TIME => {
            let (year, rest) = element.content.split_at_checked(2)?;
            let year = number(year)?;
            (if year < 50 { 2_000 + year } else { 1_900 + year }, rest)
        }
        tag::GENERALIZED_TIME => {
            let (year, rest) = element.content.split_at_checked(4)?;
            (number(year)?, rest)
        }
        _ => return None,
    };
    let [m1, m2, d1, d2, h1, h2, i1, i2, s1, s2, b'Z'] = *rest else { return None };
    let two = |tens, ones| number(&[tens, ones]);
    from_civil(year, two(m1, m2)?, two(d1, d2)?, two(h1, h2)?, two(i1, i2)?, two(s1, s2)?)
}

fn number(digits: &[u8]) -> Option<i64> {
    let digit = |value: i64, digit: &u8| digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0'));
    digits.iter().try_fold(0, digit)
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
