//! The keys of somebody else who issues tokens: a JWK set (RFC 7517) that is read once and then looked into by key id.
//!
//! What a set holds beside keys that verify (keys for encryption, of unknown types, secret ones by mistake) is left alone, as RFC
//! 7517 section 5 asks; such a key never verifies anything.

use serde::Deserialize;

use crate::crypto::alg::Alg;
use crate::crypto::jwk::{Jwk, MAX_JWKS_BYTES};
use crate::crypto::verifying_key::VerifyingKey;

/// The most keys of one set. The largest issuers publish some dozen.
pub const MOST_KEYS: usize = 100;
/// Bits of an RSA modulus that ring verifies with.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;

/// The keys of an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerKeys(Vec<IssuerKey>);

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct IssuerKey {
    #[serde(flatten)]
    jwk: Jwk,
    /// What the key may be used for (RFC 7517 section 4.3).
    #[serde(default)]
    key_ops: Option<Vec<String>>,
}

/// Why a document is not the key set of an issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IssuerKeysError {
    /// Longer than [`MAX_JWKS_BYTES`].
    #[error("the key set is longer than {MAX_JWKS_BYTES} bytes")]
    TooLong,
    /// Not a JSON object with a list of keys.
    #[error("the key set is not a JWK set")]
    Malformed,
    /// More keys than [`MOST_KEYS`].
    #[error("the key set has more than {MOST_KEYS} keys")]
    TooMany,
    /// Nothing in it verifies a signature.
    #[error("the key set has no key that verifies signatures")]
    Empty,
}

/// Why there is no key for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// No key has the token's id.
    #[error("none of the issuer's keys has the token's kid")]
    Unknown,
    /// The token has no key id, and several keys could be meant.
    #[error("the token has no kid and the issuer has several keys")]
    Ambiguous,
    /// The key is there, and is not for the token's algorithm: of another type, for another use, or an RSA key of fewer than 2,048
    /// or more than 8,192 bits.
    #[error("the issuer's key of that kid does not verify {0} signatures")]
    NotMeantFor(Alg),
}

impl IssuerKeys {
    /// Reads a JWK set.
    ///
    /// # Errors
    /// [`IssuerKeysError`].
    pub fn parse(document: &[u8]) -> Result<Self, IssuerKeysError> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }
        if document.len() > MAX_JWKS_BYTES {
            return Err(IssuerKeysError::TooLong);
        }
        let set: Set = serde_json::from_slice(document).map_err(|_| IssuerKeysError::Malformed)?;
        if set.keys.len() > MOST_KEYS {
            return Err(IssuerKeysError::TooMany);
        }
        let keys: Vec<IssuerKey> = set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
        let keys: Vec<IssuerKey> =
            keys.into_iter().filter(|key| Alg::ALL.into_iter().any(|alg| key.verifying(alg).is_some())).collect();
        if keys.is_empty() { Err(IssuerKeysError::Empty) } else { Ok(Self(keys)) }
    }

    /// Whether a token that names this key, or none, can be verified without asking the issuer for newer keys.
    pub fn has(&self, kid: Option<&str>) -> bool {
        kid.is_none_or(|kid| self.0.iter().any(|key| key.jwk.kid.as_deref() == Some(kid)))
    }

    /// The keys that may have signed a token: more than one only where a set has one id several times.
    ///
    /// # Errors
    /// [`NoKey`].
    pub fn find(&self, kid: Option<&str>, alg: Alg) -> Result<Vec<VerifyingKey>, NoKey> {
        /// Nobody has reason to give one id to more keys than this.
        const TRIED: usize = 4;
        let Some(kid) = kid else {
            let mut suitable = self.0.iter().filter_map(|key| key.verifying(alg));
            let only = suitable.next().ok_or(NoKey::Unknown)?;
            return if suitable.next().is_some() { Err(NoKey::Ambiguous) } else { Ok(vec![only]) };
        };
        let mut named = self.0.iter().filter(|key| key.jwk.kid.as_deref() == Some(kid)).peekable();
        if named.peek().is_none() {
            return Err(NoKey::Unknown);
        }
        let suitable: Vec<VerifyingKey> = named.filter_map(|key| key.verifying(alg)).take(TRIED).collect();
        if suitable.is_empty() { Err(NoKey::NotMeantFor(alg)) } else { Ok(suitable) }
    }
}

impl IssuerKey {
    /// The key, if it verifies signatures of `alg`.
    fn verifying(&self, alg: Alg) -> Option<VerifyingKey> {
        let may = self.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        let sized = self.jwk.kty != "RSA" || self.rsa_bits().is_some_and(|bits| RSA_BITS.contains(&bits));
        if may && sized { VerifyingKey::from_jwk(&self.jwk, alg).ok() } else { None }
    }

    fn rsa_bits(&self) -> Option<usize> {
        let modulus = data_encoding::BASE64URL_NOPAD.decode(self.jwk.n.as_deref()?.as_bytes()).ok()?;
        let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
        let first = modulus.get(zeros)?;
        Some((modulus.len() - zeros) * 8 - first.leading_zeros() as usize)
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64URL_NOPAD;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::crypto::alg::SigningAlg;
    use crate::crypto::signing_key::SigningKey;

    fn jwk(alg: SigningAlg) -> Value {
        let document = SigningKey::generate(alg).unwrap();
        serde_json::to_value(SigningKey::from_pkcs8(alg, &document).unwrap().jwk()).unwrap()
    }

    fn rsa(bits: usize) -> Value {
        let mut modulus = vec![0xff; bits.div_ceil(8)];
        modulus[0] = 0xff >> (modulus.len() * 8 - bits);
        json!({"kty": "RSA", "kid": "r", "n": BASE64URL_NOPAD.encode(&modulus), "e": "AQAB"})
    }

    fn set(keys: &[Value]) -> Result<IssuerKeys, IssuerKeysError> {
        IssuerKeys::parse(json!({"keys": keys}).to_string().as_bytes())
    }

    #[test]
    fn what_does_not_verify_is_left_alone() {
        let mut good = jwk(SigningAlg::Es256);
        good["kid"] = json!("good");
        let with = |member: &str, value: Value| {
            let mut key = jwk(SigningAlg::EdDsa);
            key["kid"] = json!(member);
            key[member] = value;
            key
        };
        let keys = [
            good,
            with("use", json!("enc")),
            with("key_ops", json!(["encrypt"])),
            with("key_ops2", json!(["verify"])),
            with("alg", json!("none")),
            with("kty", json!(7)),
            json!({"kty": "oct", "k": "AAAA", "kid": "oct"}),
            json!("text"),
        ];
        let set = set(&keys).unwrap();
        for (kid, known) in
            [("good", true), ("key_ops2", true), ("use", false), ("key_ops", false), ("alg", false), ("oct", false)]
        {
            assert_eq!(set.has(Some(kid)), known, "{kid}");
        }
        assert_eq!(set.find(Some("good"), Alg::Es256).unwrap().len(), 1);
        assert_eq!(set.find(Some("good"), Alg::Rs256).unwrap_err(), NoKey::NotMeantFor(Alg::Rs256));
        assert_eq!(set.find(Some("oct"), Alg::Es256).unwrap_err(), NoKey::Unknown);
    }

    #[test]
    fn a_token_without_kid_is_for_the_only_key() {
        let (one, other) = (jwk(SigningAlg::Es256), jwk(SigningAlg::Es256));
        let alone = set(&[one.clone(), jwk(SigningAlg::EdDsa)]).unwrap();
        assert_eq!(alone.find(None, Alg::Es256).unwrap().len(), 1);
        assert_eq!(alone.find(None, Alg::Rs256).unwrap_err(), NoKey::Unknown);
        assert_eq!(set(&[one, other]).unwrap().find(None, Alg::Es256).unwrap_err(), NoKey::Ambiguous);
    }

    #[test]
    fn rsa_keys_have_a_size() {
        for (bits, usable) in
            [(1_024, false), (2_047, false), (2_048, true), (4_096, true), (8_192, true), (8_200, false)]
        {
            assert_eq!(set(&[rsa(bits)]).is_ok(), usable, "{bits}");
        }
        for alg in [Alg::Rs256, Alg::Rs384, Alg::Rs512, Alg::Ps256, Alg::Ps384, Alg::Ps512] {
            assert_eq!(set(&[rsa(2_048)]).unwrap().find(Some("r"), alg).unwrap().len(), 1, "{alg}");
        }
    }

    #[test]
    fn sets_are_bounded() {
        let many = vec![jwk(SigningAlg::Es256); MOST_KEYS + 1];
        assert_eq!(set(&many), Err(IssuerKeysError::TooMany));
        assert_eq!(IssuerKeys::parse(&vec![b' '; MAX_JWKS_BYTES + 1]), Err(IssuerKeysError::TooLong));
        let deep = format!(r#"{{"keys":[{}"#, "[".repeat(10_000));
        for text in ["", "[]", "{}", r#"{"keys":{}}"#, deep.as_str()] {
            assert_eq!(IssuerKeys::parse(text.as_bytes()), Err(IssuerKeysError::Malformed), "{text:.20}");
        }
        assert_eq!(set(&[]), Err(IssuerKeysError::Empty));
    }

    proptest! {
        #[test]
        fn no_document_makes_it_stumble(text in r#"\{"keys":\[(\{"(kty|n|e|crv|x|kid|key_ops)":("(RSA|EC|OKP|P-256|A{0,9})"|\[\]|1)\},?){0,4}\]\}|\PC{0,60}"#) {
            let _ = IssuerKeys::parse(text.as_bytes());
        }
    }
}
