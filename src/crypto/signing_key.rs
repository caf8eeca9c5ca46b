//! A private key that signs tokens: parsed once, cheap to clone, and it does not print.

use std::fmt;
use std::sync::Arc;

use jsonwebtoken::EncodingKey;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
};

use crate::crypto::alg::{Alg, SigningAlg};
use crate::crypto::jwk::Jwk;
use crate::crypto::key_handle::{self, KeyHandle};
use crate::crypto::private_key::PrivateKey;
use crate::crypto::verifying_key::VerifyingKey;
use crate::types::secret::SecretBytes;

/// Why a key could not be made or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The document is not a PKCS#8 private key of the algorithm.
    #[error("not a PKCS#8 private key for {0}")]
    NotPkcs8(Alg),
    /// ring could not make a key pair: the operating system gave no randomness, or it is an RSA key, which ring makes none of.
    #[error("no key pair for {0} could be generated")]
    Generation(Alg),
    /// A JWK lacks a member, or a member is not what its type wants.
    #[error("the JWK is not a public key for {0}")]
    NotPublicKey(Alg),
    /// The JWK names another algorithm or another use than the one asked for.
    #[error("the JWK is not meant to verify {0} signatures")]
    NotMeantFor(Alg),
}

/// A key pair that signs with one algorithm. Clones share the parsed key.
#[derive(Clone)]
pub struct SigningKey(Arc<Inner>);

struct Inner {
    alg: SigningAlg,
    handle: EncodingKey,
    public: VerifyingKey,
    jwk: Jwk,
    kid: String,
    /// Keeps the key behind `handle` findable.
    _registered: KeyHandle,
}

impl SigningKey {
    /// A new key pair as a PKCS#8 document. ring draws it from the operating system.
    pub fn generate(alg: SigningAlg) -> Result<SecretBytes, KeyError> {
        let random = SystemRandom::new();
        let document = match alg {
            SigningAlg::Es256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random),
            SigningAlg::Es384 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &random),
            SigningAlg::EdDsa => Ed25519KeyPair::generate_pkcs8(&random),
            SigningAlg::Rs256 => return Err(KeyError::Generation(alg.into())),
        };
        document.map(|d| SecretBytes::new(d.as_ref())).map_err(|_| KeyError::Generation(alg.into()))
    }

    /// Reads a PKCS#8 document.
    pub fn from_pkcs8(alg: SigningAlg, document: &SecretBytes) -> Result<Self, KeyError> {
        let key = PrivateKey::from_pkcs8(alg.into(), document.expose()).ok_or(KeyError::NotPkcs8(alg.into()))?;
        Self::of(alg, key)
    }

    /// An RSA key that somebody else has made.
    pub(super) fn from_rsa(pair: RsaKeyPair) -> Result<Self, KeyError> {
        Self::of(SigningAlg::Rs256, PrivateKey::Rsa(pair))
    }

    fn of(alg: SigningAlg, key: PrivateKey) -> Result<Self, KeyError> {
        let jwk = Jwk::from_private(alg, &key).ok_or(KeyError::NotPkcs8(alg.into()))?;
        let public = VerifyingKey::from_jwk(&jwk, alg.into())?;
        let registered = key_handle::register(Arc::new(key));
        let handle = match alg {
            SigningAlg::Es256 | SigningAlg::Es384 => EncodingKey::from_ec_der(&registered.bytes()),
            SigningAlg::EdDsa => EncodingKey::from_ed_der(&registered.bytes()),
            SigningAlg::Rs256 => EncodingKey::from_rsa_der(&registered.bytes()),
        };
        let kid = jwk.thumbprint();
        Ok(Self(Arc::new(Inner { alg, handle, public, jwk, kid, _registered: registered })))
    }

    /// The one algorithm it signs with.
    pub fn alg(&self) -> SigningAlg {
        self.0.alg
    }

    /// The key's RFC 7638 thumbprint, which is its `kid`.
    pub fn kid(&self) -> &str {
        &self.0.kid
    }

    /// The public half, for a JWKS: with `kid`, `alg` and `use`.
    pub fn jwk(&self) -> &Jwk {
        &self.0.jwk
    }

    /// The public half, for verifying.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.0.public
    }

    pub(super) fn handle(&self) -> &EncodingKey {
        &self.0.handle
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("alg", &self.0.alg).field("kid", &self.0.kid).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_from_its_document() {
        for alg in [SigningAlg::Es256, SigningAlg::EdDsa, SigningAlg::Es384] {
            let document = SigningKey::generate(alg).unwrap();
            let first = SigningKey::from_pkcs8(alg, &document).unwrap();
            let second = SigningKey::from_pkcs8(alg, &document).unwrap();
            assert_eq!(first.kid(), second.kid());
            assert_eq!(first.jwk().kid.as_deref(), Some(first.kid()));
        }
    }

    #[test]
    fn a_document_of_another_algorithm_is_refused() {
        let document = SigningKey::generate(SigningAlg::EdDsa).unwrap();
        assert_eq!(SigningKey::from_pkcs8(SigningAlg::Es256, &document).unwrap_err(), KeyError::NotPkcs8(Alg::Es256));
    }

    #[test]
    fn rsa_keys_are_brought_and_not_made() {
        assert_eq!(SigningKey::generate(SigningAlg::Rs256).unwrap_err(), KeyError::Generation(Alg::Rs256));
    }

    #[test]
    fn it_prints_no_key() {
        let document = SigningKey::generate(SigningAlg::Es256).unwrap();
        let key = SigningKey::from_pkcs8(SigningAlg::Es256, &document).unwrap();
        let printed = format!("{key:?}");
        assert!(printed.contains(key.kid()) && !printed.contains("handle"), "{printed}");
    }

    #[test]
    fn a_dropped_key_leaves_nothing_behind() {
        let document = SigningKey::generate(SigningAlg::Es256).unwrap();
        let key = SigningKey::from_pkcs8(SigningAlg::Es256, &document).unwrap();
        let bytes = key.handle().as_bytes().to_vec();
        assert!(key_handle::find(&bytes).is_some());
        drop(key.clone());
        assert!(key_handle::find(&bytes).is_some());
        drop(key);
        assert!(key_handle::find(&bytes).is_none());
    }
}
