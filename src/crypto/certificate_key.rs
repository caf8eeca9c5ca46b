//! Whether a private key belongs to a certificate.
//!
//! RSA keys come as `RSA PRIVATE KEY` (RFC 8017) or `PRIVATE KEY` (RFC 5958), those on P-256 and P-384 as `EC PRIVATE KEY` (RFC
//! 5915) or `PRIVATE KEY`, Ed25519 as `PRIVATE KEY` (RFC 8410). ring reads them and holds the private half against the public
//! one; it takes RSA keys of 2,048 to 4,096 bits.

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair,
};
use zeroize::Zeroizing;

use super::certificate::{Certificate, KeyKind, oid};
use super::der::{Reader, tag};
use super::pem;
use crate::types::secret::SecretText;

/// Why a private key is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Encrypted, not PEM, or not a key that ring can read.
    #[error("not an unencrypted private key in PEM")]
    Unreadable,
    /// A good key, and not this certificate's.
    #[error("the private key is not the certificate's")]
    Mismatch,
}

/// Holds a private key in PEM against a certificate.
pub fn check(certificate: &Certificate, private_key: &SecretText) -> Result<(), KeyError> {
    let blocks = pem::blocks(private_key.expose()).ok_or(KeyError::Unreadable)?;
    // OpenSSL writes the curve before the key, which names it too.
    let mut keys = blocks.iter().filter(|block| block.label != "EC PARAMETERS");
    let (Some(block), None) = (keys.next(), keys.next()) else { return Err(KeyError::Unreadable) };
    let key = match block.label {
        "RSA PRIVATE KEY" => Some(Key::Rsa(&block.bytes)),
        "EC PRIVATE KEY" => Key::from_sec1(&block.bytes, None),
        "PRIVATE KEY" => Key::from_pkcs8(&block.bytes),
        _ => None,
    };
    key.ok_or(KeyError::Unreadable)?.check(certificate)
}

/// A private key as its document has it.
enum Key<'a> {
    /// An `RSAPrivateKey`.
    Rsa(&'a [u8]),
    /// The scalar.
    Ec(KeyKind, &'a [u8]),
    /// A whole PKCS#8 document.
    Ed25519(&'a [u8]),
}

impl<'a> Key<'a> {
    fn from_pkcs8(document: &'a [u8]) -> Option<Self> {
        let mut outer = Reader::new(document);
        let mut info = outer.sequence()?;
        outer.end()?;
        info.unsigned().filter(|version| matches!(version, [] | [1]))?;
        let kind = KeyKind::read(&mut info.sequence()?)?;
        let key = info.take(tag::OCTET_STRING)?;
        match kind {
            KeyKind::Rsa => Some(Self::Rsa(key)),
            KeyKind::P256 | KeyKind::P384 => Self::from_sec1(key, Some(kind)),
            KeyKind::Ed25519 => Some(Self::Ed25519(document)),
            KeyKind::Other => None,
        }
    }

    /// `curve` is what a document around this one has said.
    fn from_sec1(document: &'a [u8], curve: Option<KeyKind>) -> Option<Self> {
        let mut outer = Reader::new(document);
        let mut key = outer.sequence()?;
        outer.end()?;
        key.unsigned().filter(|version| *version == [1])?;
        let scalar = key.take(tag::OCTET_STRING)?;
        let named = match key.optional(tag::context(0)) {
            Some(parameters) => Some(match Reader::new(parameters).take(tag::OBJECT)? {
                oid::P256 => KeyKind::P256,
                oid::P384 => KeyKind::P384,
                _ => return None,
            }),
            None => None,
        };
        match (curve, named) {
            (Some(curve), Some(named)) if curve != named => None,
            _ => curve.or(named).map(|kind| Self::Ec(kind, scalar)),
        }
    }

    fn check(&self, certificate: &Certificate) -> Result<(), KeyError> {
        let public = certificate.key();
        let same = |kind| if public.kind == kind { Ok(()) } else { Err(KeyError::Mismatch) };
        match self {
            Self::Rsa(document) => {
                let pair = RsaKeyPair::from_der(document).map_err(|_| KeyError::Unreadable)?;
                same(KeyKind::Rsa)?;
                if pair.public_key().as_ref() == public.bytes { Ok(()) } else { Err(KeyError::Mismatch) }
            }
            Self::Ec(kind, scalar) => {
                same(*kind)?;
                let (algorithm, length): (_, usize) = match kind {
                    KeyKind::P256 => (&ECDSA_P256_SHA256_ASN1_SIGNING, 32),
                    _ => (&ECDSA_P384_SHA384_ASN1_SIGNING, 48),
                };
                let padding = length.checked_sub(scalar.len()).ok_or(KeyError::Unreadable)?;
                // Some programs leave the leading zeros out, which RFC 5915 demands.
                let mut whole = Zeroizing::new(vec![0; padding]);
                whole.extend_from_slice(scalar);
                EcdsaKeyPair::from_private_key_and_public_key(algorithm, &whole, &public.bytes, &SystemRandom::new())
                    .map(drop)
                    .map_err(|_| KeyError::Mismatch)
            }
            Self::Ed25519(document) => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(document).map_err(|_| KeyError::Unreadable)?;
                same(KeyKind::Ed25519)?;
                if pair.public_key().as_ref() == public.bytes { Ok(()) } else { Err(KeyError::Mismatch) }
            }
        }
    }
}
