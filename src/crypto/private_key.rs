//! A private key that ring has parsed. Parsing costs as much as signing, so it happens once.

use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA256, RsaKeyPair,
};

use crate::crypto::alg::Alg;

pub(super) enum PrivateKey {
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl PrivateKey {
    /// Parses a PKCS#8 document for `alg`; `None` when it is not a private key of that algorithm.
    pub(super) fn from_pkcs8(alg: Alg, document: &[u8]) -> Option<Self> {
        let random = SystemRandom::new();
        match alg {
            Alg::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document, &random).ok().map(Self::P256)
            }
            Alg::Es384 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, document, &random).ok().map(Self::P384)
            }
            // OpenSSL writes PKCS#8 version 1 without the public key, which the strict parser refuses; both are taken.
            Alg::EdDsa => Ed25519KeyPair::from_pkcs8_maybe_unchecked(document).ok().map(Self::Ed25519),
            Alg::Rs256 => RsaKeyPair::from_pkcs8(document).ok().map(Self::Rsa),
            // What others sign with and the broker does not.
            Alg::Rs384 | Alg::Rs512 | Alg::Ps256 | Alg::Ps384 | Alg::Ps512 => None,
        }
    }

    pub(super) fn alg(&self) -> Alg {
        match self {
            Self::P256(_) => Alg::Es256,
            Self::P384(_) => Alg::Es384,
            Self::Ed25519(_) => Alg::EdDsa,
            Self::Rsa(_) => Alg::Rs256,
        }
    }

    /// The public key: an uncompressed SEC 1 point, the 32 bytes of RFC 8032, or the `RSAPublicKey` of RFC 8017.
    pub(super) fn public(&self) -> &[u8] {
        match self {
            Self::P256(pair) | Self::P384(pair) => pair.public_key().as_ref(),
            Self::Ed25519(pair) => pair.public_key().as_ref(),
            Self::Rsa(pair) => pair.public_key().as_ref(),
        }
    }

    /// Modulus and exponent of an RSA key.
    pub(super) fn rsa_components(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let Self::Rsa(pair) = self else { return None };
        let components: PublicKeyComponents<Vec<u8>> = pair.public().into();
        Some((components.n, components.e))
    }

    /// The signature as JWS wants it (RFC 7518 section 3.4: R and S side by side); `None` when ring gets no randomness.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::P256(pair) | Self::P384(pair) => {
                pair.sign(&SystemRandom::new(), message).ok().map(|s| s.as_ref().to_vec())
            }
            Self::Ed25519(pair) => Some(pair.sign(message).as_ref().to_vec()),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                let signed = pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature);
                signed.ok().map(|()| signature)
            }
        }
    }
}
