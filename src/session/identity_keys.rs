//! The keys that sign web identity tokens: a ring for each algorithm that the broker makes keys for, and the operator's RSA keys.

use crate::clock::Timestamp;
use crate::crypto::alg::SigningAlg;
use crate::crypto::jwk::JwkSet;
use crate::crypto::signing_key::SigningKey;
use crate::crypto::verifying_key::VerifyingKey;
use crate::session::key_ring::KeyRing;

/// What signs web identity tokens, at one revision of the store.
#[derive(Debug, Clone, Default)]
pub struct IdentityKeys {
    rings: Vec<(SigningAlg, KeyRing)>,
    rsa: Vec<SigningKey>,
}

/// A key that signs now, and until when its tokens verify if that is known.
#[derive(Debug, Clone, Copy)]
pub struct IdentitySigner<'a> {
    /// What signs.
    pub key: &'a SigningKey,
    /// Until when its tokens verify.
    pub retire_after: Option<Timestamp>,
}

impl IdentityKeys {
    /// These rings, one for each algorithm, and RSA keys: the first signs, all are published.
    pub fn new(rings: Vec<(SigningAlg, KeyRing)>, rsa: Vec<SigningKey>) -> Self {
        Self { rings, rsa }
    }

    /// The algorithms that callers may ask for, AWS's first; RS256 where the operator has given a key.
    pub fn algorithms(&self) -> Vec<SigningAlg> {
        let rsa = (!self.rsa.is_empty()).then_some(SigningAlg::Rs256);
        rsa.into_iter().chain(self.rings.iter().map(|(algorithm, _)| *algorithm)).collect()
    }

    /// The key that signs with `algorithm` at `now`.
    pub fn active(&self, algorithm: SigningAlg, now: Timestamp) -> Option<IdentitySigner<'_>> {
        if algorithm == SigningAlg::Rs256 {
            return self.rsa.first().map(|key| IdentitySigner { key, retire_after: None });
        }
        let key = self.ring(algorithm)?.active(now)?;
        Some(IdentitySigner { key: key.signing(), retire_after: key.retire_after() })
    }

    /// The key of a name that verifies at `now`.
    pub fn verifying(&self, kid: &str, now: Timestamp) -> Option<&VerifyingKey> {
        let made = self.rings.iter().find_map(|(_, ring)| ring.verifying(kid, now)).map(|key| key.signing());
        let key = made.or_else(|| self.rsa.iter().find(|key| key.kid() == kid));
        key.map(SigningKey::verifying_key)
    }

    /// The ring of an algorithm.
    pub fn ring(&self, algorithm: SigningAlg) -> Option<&KeyRing> {
        self.rings.iter().find(|(of, _)| *of == algorithm).map(|(_, ring)| ring)
    }

    /// The operator's RSA keys.
    pub fn rsa(&self) -> &[SigningKey] {
        &self.rsa
    }

    /// The public keys that verifiers should know at `now`.
    pub fn jwks(&self, now: Timestamp) -> JwkSet {
        let rsa = self.rsa.iter().map(|key| key.jwk().clone());
        let rings = self.rings.iter().flat_map(|(_, ring)| ring.jwks(now).keys);
        JwkSet { keys: rsa.chain(rings).collect() }
    }
}
