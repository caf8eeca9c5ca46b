//! Envelope encryption of what must be recoverable: SigV4 secret keys, TOTP seeds, signing keys.
//!
//! A data key per account seals the account's values; the master key, which never enters the store, wraps the data keys. The
//! cipher is AES-256-GCM with random 96-bit nonces, which NIST SP 800-38D section 8.3 allows for 2^32 values per key: far
//! above what one account ever writes. Additional data binds a value to its place, so a sealed value that was moved to
//! another record does not open.

use std::fmt;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::clock::Random;
use crate::crypto::hash::hkdf_sha256;
use crate::types::secret::{SecretBytes, SecretText};

/// The key that wraps data keys: 32 bytes from the operator, kept outside the store.
#[derive(Clone)]
pub struct MasterKey {
    bytes: SecretBytes,
    cipher: LessSafeKey,
    fingerprint: [u8; FINGERPRINT],
}

/// The key that seals the values of one account.
#[derive(Clone)]
pub struct DataKey {
    bytes: SecretBytes,
    cipher: LessSafeKey,
}

/// A sealed value: a version byte, the nonce, the ciphertext with its tag. Base64 text in JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

/// Why a value did not open, or a key was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// A master key that is not 32 bytes in hexadecimal or base64.
    #[error("a master key is 32 bytes in hexadecimal or base64")]
    NotAMasterKey,
    /// The sealed bytes are too short to be any.
    #[error("not a sealed value")]
    Malformed,
    /// A version byte that a later broker wrote.
    #[error("the value was sealed by an unknown version of the format")]
    UnknownVersion,
    /// The data key was wrapped by another master key than the one that is loaded.
    #[error("the data key was wrapped by another master key")]
    OtherMasterKey,
    /// Wrong key, wrong place, or changed bytes: the cipher does not tell which.
    #[error("the sealed value does not belong here or was changed")]
    NotAuthentic,
    /// The cipher refused to seal: the value is longer than GCM allows (64 GiB).
    #[error("the value is too long to be sealed")]
    TooLong,
}

/// The additional data that binds a value to one field of one record. Parts are prefixed with their lengths, so no two places
/// share a binding.
pub fn binding(account: &str, kind: &str, name: &str, field: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + account.len() + kind.len() + name.len() + field.len());
    for part in [account, kind, name, field] {
        out.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(part.as_bytes());
    }
    out
}

impl MasterKey {
    /// A new key.
    pub fn generate(random: &dyn Random) -> Self {
        Self::from_array(&draw(random))
    }

    /// Reads 64 hexadecimal digits or base64 (either alphabet, padding optional), white space around it ignored.
    pub fn parse(text: &SecretText) -> Result<Self, SealError> {
        let text = text.expose().trim().as_bytes();
        // Hexadecimal first: 64 digits would be 48 bytes in base64, so nothing can be read both ways.
        let readings = [HEXLOWER_PERMISSIVE, BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD];
        let mut decoded = readings.iter().filter_map(|encoding| encoding.decode(text).ok().map(Zeroizing::new));
        let key = decoded.find(|bytes| bytes.len() == KEY).ok_or(SealError::NotAMasterKey)?;
        Self::from_bytes(&key)
    }

    /// Takes the 32 bytes themselves.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        <&[u8; KEY]>::try_from(bytes).map(Self::from_array).map_err(|_| SealError::NotAMasterKey)
    }

    /// The key in base64, for the operator to keep.
    pub fn to_text(&self) -> SecretText {
        SecretText::new(BASE64.encode(self.bytes.expose()))
    }

    /// Names the key without telling anything of it: 16 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        HEXLOWER_PERMISSIVE.encode(&self.fingerprint)
    }

    fn from_array(bytes: &[u8; KEY]) -> Self {
        let bytes = SecretBytes::new(*bytes);
        let mut fingerprint = [0; FINGERPRINT];
        let derived = hkdf_sha256(&bytes, &[b"brevet master key fingerprint v1"], FINGERPRINT);
        fingerprint.copy_from_slice(derived.expose());
        Self { cipher: cipher(&bytes), bytes, fingerprint }
    }
}

impl DataKey {
    /// A new key.
    pub fn generate(random: &dyn Random) -> Self {
        Self::from_array(&draw(random))
    }

    /// Encrypts the key under the master key, bound to `context` (the account). The result says which master key it was.
    pub fn wrap(&self, master: &MasterKey, random: &dyn Random, context: &[u8]) -> Result<Vec<u8>, SealError> {
        let body = encrypt(&master.cipher, random, self.bytes.expose(), &[WRAP_PURPOSE, context].concat())?;
        Ok([&[WRAP_VERSION], master.fingerprint.as_slice(), &body].concat())
    }

    /// Decrypts a wrapped key.
    pub fn unwrap(wrapped: &[u8], master: &MasterKey, context: &[u8]) -> Result<Self, SealError> {
        let (version, rest) = wrapped.split_first().ok_or(SealError::Malformed)?;
        if *version != WRAP_VERSION {
            return Err(SealError::UnknownVersion);
        }
        let (fingerprint, body) = rest.split_at_checked(FINGERPRINT).ok_or(SealError::Malformed)?;
        if fingerprint != master.fingerprint {
            return Err(SealError::OtherMasterKey);
        }
        let bytes = decrypt(&master.cipher, body, &[WRAP_PURPOSE, context].concat())?;
        <&[u8; KEY]>::try_from(bytes.expose()).map(Self::from_array).map_err(|_| SealError::Malformed)
    }

    /// Seals `plaintext` for the place that `aad` names (see [`binding`]).
    pub fn seal(&self, random: &dyn Random, plaintext: &[u8], aad: &[u8]) -> Result<Sealed, SealError> {
        let body = encrypt(&self.cipher, random, plaintext, &[SEAL_PURPOSE, aad].concat())?;
        Ok(Sealed([&[SEAL_VERSION], body.as_slice()].concat()))
    }

    /// Opens a value that was sealed for the same place.
    pub fn open(&self, sealed: &Sealed, aad: &[u8]) -> Result<SecretBytes, SealError> {
        let (version, body) = sealed.0.split_first().ok_or(SealError::Malformed)?;
        if *version != SEAL_VERSION {
            return Err(SealError::UnknownVersion);
        }
        decrypt(&self.cipher, body, &[SEAL_PURPOSE, aad].concat())
    }

    /// Another key for another purpose: whoever learns it learns nothing of this one.
    pub fn derive(&self, purpose: &[u8]) -> SecretBytes {
        hkdf_sha256(&self.bytes, &[b"brevet derived key v1\0", purpose], KEY)
    }

    fn from_array(bytes: &[u8; KEY]) -> Self {
        let bytes = SecretBytes::new(*bytes);
        Self { cipher: cipher(&bytes), bytes }
    }
}

impl Sealed {
    /// Takes bytes that [`Sealed::as_bytes`] gave.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes as they are stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Sealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Sealed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64.decode(text.as_bytes()).map(Self).map_err(|_| serde::de::Error::custom("a sealed value is base64"))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.fingerprint())
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(redacted)")
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

fn draw(random: &dyn Random) -> Zeroizing<[u8; KEY]> {
    let mut bytes = Zeroizing::new([0; KEY]);
    random.fill(bytes.as_mut_slice());
    bytes
}

#[expect(clippy::expect_used, reason = "every caller holds exactly the 32 bytes that the cipher wants")]
fn cipher(key: &SecretBytes) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.expose()).expect("a key of 32 bytes"))
}

/// Nonce, ciphertext and tag.
fn encrypt(key: &LessSafeKey, random: &dyn Random, plaintext: &[u8], aad: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut nonce = [0; NONCE_LEN];
    random.fill(&mut nonce);
    let mut out = Vec::with_capacity(NONCE_LEN + plaintext.len() + AES_256_GCM.tag_len());
    out.extend_from_slice(&nonce);
    out.extend_from_slice(plaintext);
    let (_, text) = out.split_at_mut(NONCE_LEN);
    let tag = key
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), text)
        .map_err(|_| SealError::TooLong)?;
    out.extend_from_slice(tag.as_ref());
    Ok(out)
}

fn decrypt(key: &LessSafeKey, body: &[u8], aad: &[u8]) -> Result<SecretBytes, SealError> {
    let (nonce, text) = body.split_at_checked(NONCE_LEN).ok_or(SealError::Malformed)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Malformed)?;
    let mut text = Zeroizing::new(text.to_vec());
    let plain = key.open_in_place(nonce, Aad::from(aad), text.as_mut_slice()).map_err(|_| SealError::NotAuthentic)?;
    Ok(SecretBytes::new(&*plain))
}

const KEY: usize = 32;
const FINGERPRINT: usize = 8;
const WRAP_VERSION: u8 = 1;
const SEAL_VERSION: u8 = 1;
/// The two purposes keep a wrapped key from opening as a value, should a master key ever be used as a data key.
const WRAP_PURPOSE: &[u8] = b"brevet wrapped data key v1\0";
const SEAL_PURPOSE: &[u8] = b"brevet sealed value v1\0";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRandom;

    const RANDOM: SystemRandom = SystemRandom;

    #[test]
    fn a_value_opens_only_where_it_was_sealed() {
        let key = DataKey::generate(&RANDOM);
        let here = binding("111122223333", "access-key", "AKIA1", "secret");
        let sealed = key.seal(&RANDOM, b"hunter2", &here).unwrap();
        assert_eq!(key.open(&sealed, &here).unwrap().expose(), b"hunter2");
        for elsewhere in [
            binding("111122223334", "access-key", "AKIA1", "secret"),
            binding("111122223333", "mfa-device", "AKIA1", "secret"),
            binding("111122223333", "access-key", "AKIA2", "secret"),
            binding("111122223333", "access-key", "AKIA1", "seed"),
            binding("111122223333", "access-keyA", "KIA1", "secret"),
            vec![],
        ] {
            assert_eq!(key.open(&sealed, &elsewhere).unwrap_err(), SealError::NotAuthentic);
        }
        assert_eq!(DataKey::generate(&RANDOM).open(&sealed, &here).unwrap_err(), SealError::NotAuthentic);
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let key = DataKey::generate(&RANDOM);
        let sealed = key.seal(&RANDOM, b"hunter2", b"").unwrap();
        for place in 0..sealed.as_bytes().len() {
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[place] ^= 1;
            let wanted = if place == 0 { SealError::UnknownVersion } else { SealError::NotAuthentic };
            assert_eq!(key.open(&Sealed::from_bytes(bytes), b"").unwrap_err(), wanted, "byte {place}");
        }
        for length in 0..sealed.as_bytes().len() {
            assert!(key.open(&Sealed::from_bytes(&sealed.as_bytes()[..length]), b"").is_err(), "{length} bytes");
        }
    }

    #[test]
    fn equal_values_do_not_look_equal() {
        let key = DataKey::generate(&RANDOM);
        assert_ne!(key.seal(&RANDOM, b"x", b"").unwrap(), key.seal(&RANDOM, b"x", b"").unwrap());
    }

    #[test]
    fn a_data_key_travels_wrapped() {
        let master = MasterKey::generate(&RANDOM);
        let key = DataKey::generate(&RANDOM);
        let wrapped = key.wrap(&master, &RANDOM, b"111122223333").unwrap();
        let again = DataKey::unwrap(&wrapped, &master, b"111122223333").unwrap();
        let sealed = key.seal(&RANDOM, b"x", b"a").unwrap();
        assert_eq!(again.open(&sealed, b"a").unwrap().expose(), b"x");
        assert_eq!(DataKey::unwrap(&wrapped, &master, b"444455556666").unwrap_err(), SealError::NotAuthentic);
        let other = MasterKey::generate(&RANDOM);
        assert_eq!(DataKey::unwrap(&wrapped, &other, b"111122223333").unwrap_err(), SealError::OtherMasterKey);
        assert_eq!(DataKey::unwrap(&[], &master, b"").unwrap_err(), SealError::Malformed);
    }

    #[test]
    fn master_keys_are_read_in_every_usual_form() {
        let bytes = [0xfb; 32];
        let wanted = MasterKey::from_bytes(&bytes).unwrap().fingerprint();
        let hex = HEXLOWER_PERMISSIVE.encode(&bytes);
        for text in [
            hex.to_uppercase(),
            hex,
            BASE64.encode(&bytes),
            BASE64_NOPAD.encode(&bytes),
            BASE64URL.encode(&bytes),
            format!(" {}\n", BASE64URL_NOPAD.encode(&bytes)),
        ] {
            assert_eq!(MasterKey::parse(&SecretText::new(text.clone())).unwrap().fingerprint(), wanted, "{text}");
        }
        for text in ["", "correct horse battery staple", &BASE64.encode(&[1; 31]), &BASE64.encode(&[1; 48])] {
            assert_eq!(MasterKey::parse(&SecretText::new(text)).unwrap_err(), SealError::NotAMasterKey, "{text}");
        }
        let key = MasterKey::generate(&RANDOM);
        assert_eq!(MasterKey::parse(&key.to_text()).unwrap().fingerprint(), key.fingerprint());
    }

    #[test]
    fn sealed_values_survive_json_and_nothing_prints_a_key() {
        let key = DataKey::generate(&RANDOM);
        let sealed = key.seal(&RANDOM, b"x", b"").unwrap();
        let json = serde_json::to_string(&sealed).unwrap();
        assert_eq!(serde_json::from_str::<Sealed>(&json).unwrap(), sealed);
        assert!(serde_json::from_str::<Sealed>("\"*\"").is_err());
        assert_eq!(format!("{key:?} {sealed:?}"), "DataKey(redacted) Sealed(30 bytes)");
        let master = MasterKey::generate(&RANDOM);
        assert!(!format!("{master:?}").contains(master.to_text().expose()));
    }
}
