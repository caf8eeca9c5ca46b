//! The key ring: the keys that sign session tokens, each with its times, as an immutable snapshot.
//!
//! A key goes through four states. *Published*: in the JWKS, not signing yet, so that verifiers know it in time. *Active*:
//! signing. *Retiring*: a successor signs, its own tokens still verify. *Retired*: gone from the JWKS; the last token it signed
//! has expired. All four follow from three times and the present one; nothing has to happen at the moment of a change.

use data_encoding::BASE64;

use crate::clock::{Random, Timestamp};
use crate::crypto::alg::SigningAlg;
use crate::crypto::hash::hkdf_sha256;
use crate::crypto::jwk::JwkSet;
use crate::crypto::seal::{DataKey, SealError, Sealed};
use crate::crypto::signing_key::{KeyError, SigningKey};
use crate::session::material::{RingKeyMaterial, RingRecord};
use crate::types::secret::{SecretBytes, SecretText};

/// The keys of one issuer at one revision. Make a new one when the stored records change.
#[derive(Debug, Clone)]
pub struct KeyRing {
    issuer: String,
    /// In the order in which they begin to sign.
    keys: Vec<RingKey>,
}

/// A key of the ring. Clones share the parsed private key.
#[derive(Debug, Clone)]
pub struct RingKey {
    signing: SigningKey,
    derivation: SecretBytes,
    created: Timestamp,
    not_before: Timestamp,
    retire_after: Option<Timestamp>,
}

/// Why a ring or one of its keys was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// Two keys have one name.
    #[error("the ring holds the key `{0}` twice")]
    Duplicate(String),
    /// Unsealed bytes that are no key material.
    #[error("the key material has an unknown form")]
    BadMaterial,
    /// The record's name is not the thumbprint of its material: records were mixed up, or worse.
    #[error("the record `{0}` holds the material of another key")]
    OtherMaterial(String),
    /// The private key does not parse.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl KeyRing {
    /// A ring of `keys` for tokens whose `iss` is `issuer`.
    pub fn new(issuer: impl Into<String>, mut keys: Vec<RingKey>) -> Result<Self, KeyRingError> {
        keys.sort_by(|a, b| (a.not_before, a.created, a.kid()).cmp(&(b.not_before, b.created, b.kid())));
        for (place, key) in keys.iter().enumerate() {
            if keys.iter().skip(place + 1).any(|other| other.kid() == key.kid()) {
                return Err(KeyRingError::Duplicate(key.kid().to_owned()));
            }
        }
        Ok(Self { issuer: issuer.into(), keys })
    }

    /// The `iss` of every token that the ring signs and opens.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// All keys, in the order in which they begin to sign.
    pub fn keys(&self) -> &[RingKey] {
        &self.keys
    }

    /// The key that signs at `now`: of those that have begun, the one that began last. `None` for a ring without one.
    pub fn active(&self, now: Timestamp) -> Option<&RingKey> {
        self.keys.iter().rev().find(|key| key.not_before <= now && !key.is_retired(now))
    }

    /// The key of this name, whatever its state.
    pub fn find(&self, kid: &str) -> Option<&RingKey> {
        self.keys.iter().find(|key| key.kid() == kid)
    }

    /// The key of this name if its tokens verify at `now`. A key verifies before it signs: another broker's clock may be ahead.
    pub fn verifying(&self, kid: &str, now: Timestamp) -> Option<&RingKey> {
        self.find(kid).filter(|key| !key.is_retired(now))
    }

    /// The public keys that verifiers should know at `now`: the next key before it signs, the signing one, and retiring ones
    /// until all their tokens have expired.
    pub fn jwks(&self, now: Timestamp) -> JwkSet {
        let known = self.keys.iter().filter(|key| !key.is_retired(now));
        JwkSet { keys: known.map(|key| key.signing.jwk().clone()).collect() }
    }

    /// The secret of the session `jti` of the key `kid`; `None` when the ring does not hold the key.
    pub fn secret_for(&self, kid: &str, jti: &str) -> Option<SecretText> {
        self.find(kid).map(|key| key.secret_for(jti))
    }

    /// This ring with one more key.
    pub fn with_key(&self, key: RingKey) -> Result<Self, KeyRingError> {
        Self::new(self.issuer.clone(), self.keys.iter().cloned().chain([key]).collect())
    }

    /// This ring with `kid` retiring at `after`.
    #[must_use]
    pub fn with_retirement(&self, kid: &str, after: Timestamp) -> Self {
        let mut changed = self.clone();
        for key in changed.keys.iter_mut().filter(|key| key.kid() == kid) {
            key.retire_after = Some(after);
        }
        changed
    }

    /// This ring without `kid`. Its tokens stop verifying.
    #[must_use]
    pub fn without(&self, kid: &str) -> Self {
        let mut changed = self.clone();
        changed.keys.retain(|key| key.kid() != kid);
        changed
    }
}

impl RingKey {
    /// A key that signs from `not_before` on.
    pub fn new(
        alg: SigningAlg,
        material: &RingKeyMaterial,
        created: Timestamp,
        not_before: Timestamp,
        retire_after: Option<Timestamp>,
    ) -> Result<Self, KeyRingError> {
        let signing = SigningKey::from_pkcs8(alg, &material.pkcs8)?;
        Ok(Self { signing, derivation: material.derivation.clone(), created, not_before, retire_after })
    }

    /// This key, signing from another moment on.
    #[cfg(test)]
    pub(super) fn beginning(self, not_before: Timestamp) -> Self {
        Self { not_before, ..self }
    }

    /// The key of a stored record and its unsealed material, which must belong together.
    pub fn from_record(record: &RingRecord, material: &RingKeyMaterial) -> Result<Self, KeyRingError> {
        let key = Self::new(record.alg, material, record.created, record.not_before, record.retire_after)?;
        if key.kid() == record.kid { Ok(key) } else { Err(KeyRingError::OtherMaterial(record.kid.clone())) }
    }

    /// The record of this key, around its material as the caller has sealed it.
    pub fn to_record(&self, material: Sealed) -> RingRecord {
        RingRecord {
            kid: self.kid().to_owned(),
            alg: self.signing.alg(),
            created: self.created,
            not_before: self.not_before,
            retire_after: self.retire_after,
            material,
        }
    }

    /// The key's thumbprint, which names it in tokens and in the JWKS.
    pub fn kid(&self) -> &str {
        self.signing.kid()
    }

    /// What signs; also the broker's other tokens, under types of their own.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// When it was made.
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// From when on it signs.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Until when its tokens verify; none while no successor is known.
    pub fn retire_after(&self) -> Option<Timestamp> {
        self.retire_after
    }

    /// Whether its tokens have stopped verifying.
    pub fn is_retired(&self, now: Timestamp) -> bool {
        self.retire_after.is_some_and(|after| after <= now)
    }

    /// A text that nobody but the broker reads, good for `place` alone. One text has one form, so that it may be an address: what
    /// random numbers would be is derived from it.
    pub fn hide(&self, place: &str, text: &str) -> Result<Sealed, SealError> {
        let nonce = Derived(hkdf_sha256(
            &self.derivation,
            &[b"brevet address nonce v1", place.as_bytes(), b"\0", text.as_bytes()],
            32,
        ));
        self.hiding_key().seal(&nonce, text.as_bytes(), place.as_bytes())
    }

    /// Reads what [`RingKey::hide`] wrote.
    pub fn find_hidden(&self, place: &str, sealed: &Sealed) -> Option<String> {
        let bytes = self.hiding_key().open(sealed, place.as_bytes()).ok()?;
        String::from_utf8(bytes.expose().to_vec()).ok()
    }

    fn hiding_key(&self) -> DataKey {
        DataKey::generate(&Derived(hkdf_sha256(&self.derivation, &[b"brevet address key v1"], 32)))
    }

    /// The secret of the session `jti`: 30 bytes by HKDF, in base64 the 40 characters of an AWS secret access key.
    pub fn secret_for(&self, jti: &str) -> SecretText {
        let derived = hkdf_sha256(&self.derivation, &[b"brevet session secret v1", jti.as_bytes()], 30);
        SecretText::new(BASE64.encode(derived.expose()))
    }
}

/// Bytes that are not drawn but derived, for what is to come out the same each time.
#[derive(Debug)]
struct Derived(SecretBytes);

impl Random for Derived {
    fn fill(&self, target: &mut [u8]) {
        for (byte, derived) in target.iter_mut().zip(self.0.expose().iter().cycle()) {
            *byte = *derived;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRandom;
    use crate::crypto::seal::DataKey;
    use crate::session::test_ring::{NOW, key};

    #[test]
    fn a_key_is_published_then_signs_then_retires() {
        let first = key(NOW);
        let second = key(NOW.plus(100));
        let (one, two) = (first.kid().to_owned(), second.kid().to_owned());
        let ring = KeyRing::new("iss", vec![second, first]).unwrap().with_retirement(&one, NOW.plus(300));
        let signs = |at: i64| ring.active(NOW.plus(at)).map(|key| key.kid().to_owned());
        assert_eq!(signs(-1), None);
        assert_eq!(signs(0), Some(one.clone()));
        assert_eq!(signs(99), Some(one.clone()));
        assert_eq!(signs(100), Some(two.clone()));
        let published =
            |at: i64| ring.jwks(NOW.plus(at)).keys.into_iter().filter_map(|jwk| jwk.kid).collect::<Vec<_>>();
        assert_eq!(published(0), [one.clone(), two.clone()]);
        assert_eq!(published(299), [one.clone(), two.clone()]);
        assert_eq!(published(300), std::slice::from_ref(&two));
        assert!(ring.verifying(&one, NOW.plus(299)).is_some());
        assert!(ring.verifying(&one, NOW.plus(300)).is_none());
        assert!(ring.verifying(&two, NOW).is_some());
        assert!(ring.without(&two).find(&two).is_none());
    }

    #[test]
    fn a_ring_has_no_key_twice() {
        let key = key(NOW);
        let kid = key.kid().to_owned();
        assert_eq!(KeyRing::new("iss", vec![key.clone(), key]).unwrap_err(), KeyRingError::Duplicate(kid));
    }

    #[test]
    fn secrets_differ_by_session_and_by_key() {
        let (a, b) = (key(NOW), key(NOW));
        let secret = a.secret_for("jti-1");
        assert_eq!(secret.expose().len(), 40);
        assert!(a.secret_for("jti-1").matches(secret.expose()));
        assert!(!a.secret_for("jti-2").matches(secret.expose()));
        assert!(!b.secret_for("jti-1").matches(secret.expose()));
        let ring = KeyRing::new("iss", vec![a.clone()]).unwrap();
        assert!(ring.secret_for(a.kid(), "jti-1").unwrap().matches(secret.expose()));
        assert!(ring.secret_for(b.kid(), "jti-1").is_none());
    }

    #[test]
    fn a_key_survives_the_store_and_is_not_taken_for_another() {
        let make = || RingKeyMaterial::generate(SigningAlg::EdDsa, &SystemRandom).unwrap();
        let (material, other) = (make(), make());
        let key = RingKey::new(SigningAlg::EdDsa, &material, NOW, NOW.plus(1), Some(NOW.plus(2))).unwrap();
        let data_key = DataKey::generate(&SystemRandom);
        let record = key.to_record(data_key.seal(&SystemRandom, material.to_bytes().expose(), b"here").unwrap());
        let json = serde_json::to_string(&record).unwrap();
        let record: RingRecord = serde_json::from_str(&json).unwrap();
        let opened = data_key.open(&record.material, b"here").unwrap();
        let again = RingKey::from_record(&record, &RingKeyMaterial::from_bytes(&opened).unwrap()).unwrap();
        assert_eq!(
            (again.kid(), again.not_before(), again.retire_after()),
            (key.kid(), NOW.plus(1), Some(NOW.plus(2)))
        );
        assert!(again.secret_for("j").matches(key.secret_for("j").expose()));
        let mixed_up = RingKey::from_record(&record, &other).unwrap_err();
        assert_eq!(mixed_up, KeyRingError::OtherMaterial(record.kid));
    }

    #[test]
    fn a_ring_prints_no_key() {
        let printed = format!("{:?}", KeyRing::new("iss", vec![key(NOW)]).unwrap());
        assert!(printed.contains("SecretBytes(redacted)"), "{printed}");
    }
}
