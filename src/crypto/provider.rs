//! jsonwebtoken's cryptography, by ring (the `CryptoProvider` hook of jsonwebtoken 11).
//!
//! With this provider neither of jsonwebtoken's own backends is in the binary, and with them the `rsa` crate
//! (RUSTSEC-2023-0071). It verifies every algorithm of [`Alg`] and signs ES256, ES384, EdDSA and RS256; ring makes no RSA keys.

use std::sync::{Arc, Once};

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::jwk::{EllipticCurve, ThumbprintHash};
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::signature::{self as ring_signature, UnparsedPublicKey, VerificationAlgorithm};
use ring::{digest, rsa};

use crate::crypto::alg::Alg;
use crate::crypto::key_handle;
use crate::crypto::private_key::PrivateKey;

/// Makes ring the process's JWT cryptography. Any number of calls do what one does; making a key calls it too, so that no
/// token can be signed or checked before it.
pub fn install() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        // Refused only when somebody else has installed a provider in this process. It is then theirs that signs: it does
        // not know our key handles and answers with errors.
        let installed = PROVIDER.install_default();
        debug_assert!(installed.is_ok(), "another JWT provider was installed first");
    });
}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: rsa_components_of_private_key,
        // ring has no parser for an RSA public key in DER: an error, where the library's dummy would panic.
        rsa_pub_components_from_public_key: |_| Err(ErrorKind::InvalidKeyFormat.into()),
        ec_pub_components_from_private_key: ec_components_of_private_key,
        ed_pub_components_from_private_key: ed_component_of_private_key,
        compute_digest,
    },
};

fn signer(alg: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    let key = private_key(*alg, key.as_bytes())?;
    Ok(Box::new(RingSigner { alg: *alg, key }))
}

/// The key behind a handle, or a PKCS#8 document parsed on the spot.
fn private_key(alg: Algorithm, bytes: &[u8]) -> Result<Arc<PrivateKey>, Error> {
    let ours = Alg::from_jwt(alg).ok_or(ErrorKind::UnsupportedAlgorithm)?;
    let key = match key_handle::find(bytes) {
        Some(key) => key,
        None => Arc::new(PrivateKey::from_pkcs8(ours, bytes).ok_or(ErrorKind::InvalidKeyFormat)?),
    };
    if key.alg() == ours { Ok(key) } else { Err(ErrorKind::InvalidAlgorithm.into()) }
}

struct RingSigner {
    alg: Algorithm,
    key: Arc<PrivateKey>,
}

impl Signer<Vec<u8>> for RingSigner {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        self.key.sign(message).ok_or_else(SignatureError::new)
    }
}

impl JwtSigner for RingSigner {
    fn algorithm(&self) -> Algorithm {
        self.alg
    }
}

fn verifier(alg: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    let ours = Alg::from_jwt(*alg).ok_or(ErrorKind::UnsupportedAlgorithm)?;
    let check = match key.kind() {
        DecodingKeyKind::SecretOrDer(point) => {
            let algorithm: &'static dyn VerificationAlgorithm = match ours {
                Alg::Es256 => &ring_signature::ECDSA_P256_SHA256_FIXED,
                Alg::Es384 => &ring_signature::ECDSA_P384_SHA384_FIXED,
                Alg::EdDsa => &ring_signature::ED25519,
                Alg::Rs256 | Alg::Rs384 | Alg::Rs512 | Alg::Ps256 | Alg::Ps384 | Alg::Ps512 => {
                    return Err(ErrorKind::InvalidKeyFormat.into());
                }
            };
            Check::Curve(UnparsedPublicKey::new(algorithm, point.clone()))
        }
        DecodingKeyKind::RsaModulusExponent { n, e } => {
            let parameters: &'static ring_signature::RsaParameters = match ours {
                Alg::Rs256 => &ring_signature::RSA_PKCS1_2048_8192_SHA256,
                Alg::Rs384 => &ring_signature::RSA_PKCS1_2048_8192_SHA384,
                Alg::Rs512 => &ring_signature::RSA_PKCS1_2048_8192_SHA512,
                Alg::Ps256 => &ring_signature::RSA_PSS_2048_8192_SHA256,
                Alg::Ps384 => &ring_signature::RSA_PSS_2048_8192_SHA384,
                Alg::Ps512 => &ring_signature::RSA_PSS_2048_8192_SHA512,
                Alg::Es256 | Alg::Es384 | Alg::EdDsa => return Err(ErrorKind::InvalidKeyFormat.into()),
            };
            Check::Rsa { parameters, key: rsa::PublicKeyComponents { n: n.clone(), e: e.clone() } }
        }
    };
    Ok(Box::new(RingVerifier { alg: *alg, check }))
}

struct RingVerifier {
    alg: Algorithm,
    check: Check,
}

enum Check {
    Curve(UnparsedPublicKey<Vec<u8>>),
    Rsa { parameters: &'static ring_signature::RsaParameters, key: rsa::PublicKeyComponents<Vec<u8>> },
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        let verdict = match &self.check {
            Check::Curve(key) => key.verify(message, signature),
            Check::Rsa { parameters, key } => key.verify(parameters, message, signature),
        };
        verdict.map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.alg
    }
}

fn rsa_components_of_private_key(der: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let pair = rsa::KeyPair::from_der(der).map_err(|_| ErrorKind::InvalidKeyFormat)?;
    let components: rsa::PublicKeyComponents<Vec<u8>> = pair.public().into();
    Ok((components.n, components.e))
}

fn ec_components_of_private_key(bytes: &[u8], alg: Algorithm) -> Result<(EllipticCurve, Vec<u8>, Vec<u8>), Error> {
    let curve = match alg {
        Algorithm::ES256 => EllipticCurve::P256,
        Algorithm::ES384 => EllipticCurve::P384,
        _ => return Err(ErrorKind::InvalidEcdsaKey.into()),
    };
    let key = private_key(alg, bytes)?;
    let (x, y) = point_coordinates(key.public()).ok_or(ErrorKind::InvalidEcdsaKey)?;
    Ok((curve, x.to_vec(), y.to_vec()))
}

fn ed_component_of_private_key(bytes: &[u8], curve: &EllipticCurve) -> Result<Vec<u8>, Error> {
    match curve {
        EllipticCurve::Ed25519 => Ok(private_key(Algorithm::EdDSA, bytes)?.public().to_vec()),
        _ => Err(ErrorKind::InvalidEddsaKey.into()),
    }
}

/// The coordinates of an uncompressed SEC 1 point.
pub(super) fn point_coordinates(point: &[u8]) -> Option<(&[u8], &[u8])> {
    let both = point.strip_prefix(&[4])?;
    both.split_at_checked(both.len() / 2).filter(|(x, y)| x.len() == y.len())
}

fn compute_digest(data: &[u8], hash: ThumbprintHash) -> Result<Vec<u8>, Error> {
    let algorithm = match hash {
        ThumbprintHash::SHA256 => &digest::SHA256,
        ThumbprintHash::SHA384 => &digest::SHA384,
        ThumbprintHash::SHA512 => &digest::SHA512,
        _ => return Err(ErrorKind::UnsupportedAlgorithm.into()),
    };
    Ok(digest::digest(algorithm, data).as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installing_again_changes_nothing() {
        install();
        install();
    }

    #[test]
    fn signs_from_pkcs8_on_p384_too() {
        install();
        let document = ring_signature::EcdsaKeyPair::generate_pkcs8(
            &ring_signature::ECDSA_P384_SHA384_FIXED_SIGNING,
            &ring::rand::SystemRandom::new(),
        )
        .unwrap();
        let private = EncodingKey::from_ec_der(document.as_ref());
        let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&private, Algorithm::ES384).unwrap();
        let public = DecodingKey::from_jwk(&jwk).unwrap();
        let signature = jsonwebtoken::crypto::sign(b"message", &private, Algorithm::ES384).unwrap();
        assert!(jsonwebtoken::crypto::verify(&signature, b"message", &public, Algorithm::ES384).unwrap());
        assert!(!jsonwebtoken::crypto::verify(&signature, b"massage", &public, Algorithm::ES384).unwrap());
    }

    #[test]
    fn symmetric_algorithms_are_refused() {
        install();
        let secret = EncodingKey::from_secret(b"secret");
        assert!(jsonwebtoken::crypto::sign(b"message", &secret, Algorithm::HS256).is_err());
    }
}
