//! Secrets sealed to a public key, as JWE (RFC 7516) in compact form: ECDH-ES with A256GCM, on X25519 (RFC 8037) or P-256 (RFC 7518).
//!
//! The one who is to read draws a key pair for one secret and sends the public half; the one who writes draws another. Neither pair is
//! used again, so whoever steals a long-lived key later opens nothing of what was sent before. Both pairs are drawn by ring from the
//! operating system.

use data_encoding::BASE64URL_NOPAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::agreement::{Algorithm, ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::crypto::hash::sha256;
use crate::crypto::jwk::Jwk;
use crate::types::secret::SecretBytes;

/// How the key is agreed on.
const ALG: &str = "ECDH-ES";
/// How the content is encrypted.
const ENC: &str = "A256GCM";
/// Bits of the content's key.
const KEY_BITS: u32 = 256;
/// The longest JWE that is read, in bytes.
const LONGEST: usize = 16 << 10;
const TAG: usize = 16;

/// Why nothing was sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JweError {
    /// The public key is not one of these curves.
    #[error("the key must be an X25519 or a P-256 key as a JWK")]
    Key,
    /// The text is not a JWE of this kind.
    #[error("not a JWE of the kind that is expected")]
    Malformed,
    /// It was sealed to another key, or changed.
    #[error("the JWE does not open")]
    NotAuthentic,
    /// The operating system gives no randomness, or the secret is too long.
    #[error("nothing can be sealed at present")]
    Unavailable,
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    enc: String,
    epk: Jwk,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    apv: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cty: Option<String>,
    /// Extensions that must be understood: none are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crit: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zip: Option<String>,
}

/// Seals `plaintext` to the holder of `recipient`. `party` says who that is (`apv`): whoever opens it for another gets nothing.
///
/// # Errors
/// The key is none, or there is no randomness.
pub fn seal_to(recipient: &Jwk, party: &str, cty: &str, plaintext: &[u8]) -> Result<String, JweError> {
    let (algorithm, point) = public_point(recipient)?;
    let mine = EphemeralPrivateKey::generate(algorithm, &SystemRandom::new()).map_err(|_| JweError::Unavailable)?;
    let public = mine.compute_public_key().map_err(|_| JweError::Unavailable)?;
    let header = Header {
        alg: ALG.to_owned(),
        enc: ENC.to_owned(),
        epk: jwk_of(algorithm, public.as_ref()),
        apv: Some(BASE64URL_NOPAD.encode(party.as_bytes())),
        cty: Some(cty.to_owned()),
        crit: None,
        zip: None,
    };
    let header = serde_json::to_vec(&header).map_err(|_| JweError::Unavailable)?;
    let header = BASE64URL_NOPAD.encode(&header);
    let cipher = agree(mine, algorithm, &point, party.as_bytes())?;
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).map_err(|_| JweError::Unavailable)?;
    let mut content = plaintext.to_vec();
    let aad = Aad::from(header.as_bytes());
    let tag = cipher.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, &mut content);
    let tag = tag.map_err(|_| JweError::Unavailable)?;
    let parts = [nonce.as_slice(), &content, tag.as_ref()].map(|part| BASE64URL_NOPAD.encode(part));
    Ok(format!("{header}..{}", parts.join(".")))
}

/// Somebody who waits for one sealed secret.
pub struct Recipient {
    algorithm: &'static Algorithm,
    private: EphemeralPrivateKey,
    public: Jwk,
}

impl Recipient {
    /// A new key pair on X25519.
    ///
    /// # Errors
    /// The operating system gives no randomness.
    pub fn new() -> Result<Self, JweError> {
        Self::on(&X25519)
    }

    fn on(algorithm: &'static Algorithm) -> Result<Self, JweError> {
        let private = EphemeralPrivateKey::generate(algorithm, &SystemRandom::new());
        let private = private.map_err(|_| JweError::Unavailable)?;
        let public = private.compute_public_key().map_err(|_| JweError::Unavailable)?;
        let public = jwk_of(algorithm, public.as_ref());
        Ok(Self { algorithm, private, public })
    }

    /// The public half, to which the secret is to be sealed.
    pub fn public(&self) -> &Jwk {
        &self.public
    }

    /// Opens what was sealed to this key for `party`. The key is gone with it.
    ///
    /// # Errors
    /// It is no such JWE, or does not open.
    pub fn open(self, jwe: &str, party: &str) -> Result<SecretBytes, JweError> {
        if jwe.len() > LONGEST {
            return Err(JweError::Malformed);
        }
        let mut parts = jwe.split('.');
        let five = (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next());
        let (Some(protected), Some(""), Some(nonce), Some(content), Some(tag), None) = five else {
            return Err(JweError::Malformed);
        };
        let decode = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| JweError::Malformed);
        let header: Header = serde_json::from_slice(&decode(protected)?).map_err(|_| JweError::Malformed)?;
        let expected = BASE64URL_NOPAD.encode(party.as_bytes());
        let plain = header.crit.is_none() && header.zip.is_none();
        if header.alg != ALG || header.enc != ENC || !plain || header.apv.as_deref() != Some(&expected) {
            return Err(JweError::Malformed);
        }
        let (algorithm, point) = public_point(&header.epk)?;
        if algorithm != self.algorithm {
            return Err(JweError::Key);
        }
        let nonce: [u8; NONCE_LEN] = decode(nonce)?.try_into().map_err(|_| JweError::Malformed)?;
        let (mut sealed, tag) = (Zeroizing::new(decode(content)?), decode(tag)?);
        if tag.len() != TAG {
            return Err(JweError::Malformed);
        }
        sealed.extend_from_slice(&tag);
        let cipher = agree(self.private, algorithm, &point, party.as_bytes())?;
        let (nonce, aad) = (Nonce::assume_unique_for_key(nonce), Aad::from(protected.as_bytes()));
        let plain = cipher.open_in_place(nonce, aad, &mut sealed).map_err(|_| JweError::NotAuthentic)?;
        Ok(SecretBytes::new(&*plain))
    }
}

impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recipient").field("public", &self.public).finish_non_exhaustive()
    }
}

fn agree(
    private: EphemeralPrivateKey,
    algorithm: &'static Algorithm,
    point: &[u8],
    party: &[u8],
) -> Result<LessSafeKey, JweError> {
    // ring refuses points that are not on the curve, and shared secrets that a small subgroup gives away.
    let key = agree_ephemeral(private, &UnparsedPublicKey::new(algorithm, point), |shared| {
        concat_kdf(shared, ENC, KEY_BITS, b"", party)
    });
    let key = key.map_err(|_| JweError::Key)?;
    let key = UnboundKey::new(&AES_256_GCM, &key).map_err(|_| JweError::Unavailable)?;
    Ok(LessSafeKey::new(key))
}

/// The key derivation of RFC 7518 section 4.6.2, for keys of one SHA-256 at the most.
fn concat_kdf(shared: &[u8], enc: &str, bits: u32, apu: &[u8], apv: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut input = Zeroizing::new(vec![0, 0, 0, 1]);
    input.extend_from_slice(shared);
    for part in [enc.as_bytes(), apu, apv] {
        input.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        input.extend_from_slice(part);
    }
    input.extend_from_slice(&bits.to_be_bytes());
    let mut key = Zeroizing::new(sha256(&input).to_vec());
    key.truncate(bits as usize / 8);
    key
}

fn public_point(jwk: &Jwk) -> Result<(&'static Algorithm, Vec<u8>), JweError> {
    let coordinate = |text: &Option<String>| {
        let bytes = text.as_ref().and_then(|text| BASE64URL_NOPAD.decode(text.as_bytes()).ok());
        bytes.filter(|bytes| bytes.len() == 32).ok_or(JweError::Key)
    };
    match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("OKP", Some("X25519")) => Ok((&X25519, coordinate(&jwk.x)?)),
        ("EC", Some("P-256")) => Ok((&ECDH_P256, [vec![4], coordinate(&jwk.x)?, coordinate(&jwk.y)?].concat())),
        _ => Err(JweError::Key),
    }
}

fn jwk_of(algorithm: &Algorithm, public: &[u8]) -> Jwk {
    let encode = |bytes: &[u8]| Some(BASE64URL_NOPAD.encode(bytes));
    let (kty, crv, x, y) = if *algorithm == X25519 {
        ("OKP", "X25519", encode(public), None)
    } else {
        // 4, then x and y.
        let (x, y) = public.get(1..).unwrap_or_default().split_at(public.len() / 2);
        ("EC", "P-256", encode(x), encode(y))
    };
    Jwk { kty: kty.to_owned(), crv: Some(crv.to_owned()), x, y, n: None, e: None, key_use: None, alg: None, kid: None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Appendix C of RFC 7518.
    #[test]
    fn the_published_derivation() {
        let shared = [
            158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49, 110, 163, 218, 128,
            106, 72, 246, 218, 167, 121, 140, 254, 144, 196,
        ];
        let key = concat_kdf(&shared, "A128GCM", 128, b"Alice", b"Bob");
        assert_eq!(BASE64URL_NOPAD.encode(&key), "VqqN6vgjbSBcIijNcacQGg");
    }

    #[test]
    fn only_the_recipient_opens_and_only_for_whom_it_is() {
        for algorithm in [&X25519, &ECDH_P256] {
            let recipient = || Recipient::on(algorithm).unwrap();
            let one = recipient();
            let sealed = seal_to(one.public(), "arn:one", "jwk+json", b"secret").unwrap();
            assert!(!sealed.contains("secret"));
            assert_eq!(recipient().open(&sealed, "arn:one").err(), Some(JweError::NotAuthentic));
            assert_eq!(one.open(&sealed, "arn:one").unwrap().expose(), b"secret");
            let two = recipient();
            let sealed = seal_to(two.public(), "arn:two", "jwk+json", b"secret").unwrap();
            assert_eq!(two.open(&sealed, "arn:one").err(), Some(JweError::Malformed));
        }
    }

    #[test]
    fn what_was_changed_does_not_open() {
        let texts = |sealed: &str| {
            let parts: Vec<&str> = sealed.split('.').collect();
            let flipped = |n: usize| {
                let mut parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
                let last = parts[n].pop();
                parts[n].insert(0, if last == Some('A') { 'B' } else { 'A' });
                parts.join(".")
            };
            [flipped(0), flipped(2), flipped(3), flipped(4), parts[..4].join("."), format!("{sealed}.x"), String::new()]
        };
        for at in 0..7 {
            let recipient = Recipient::new().unwrap();
            let sealed = seal_to(recipient.public(), "p", "jwk+json", b"secret").unwrap();
            assert!(recipient.open(&texts(&sealed)[at], "p").is_err(), "{at}");
        }
        let recipient = Recipient::new().unwrap();
        assert_eq!(recipient.open(&"x".repeat(LONGEST + 1), "p").err(), Some(JweError::Malformed));
    }

    #[test]
    fn keys_of_no_use_are_refused() {
        let good = Recipient::on(&ECDH_P256).unwrap().public().clone();
        let zero = Some(BASE64URL_NOPAD.encode(&[0; 32]));
        for bad in [
            Jwk { kty: "oct".to_owned(), ..good.clone() },
            Jwk { crv: Some("P-384".to_owned()), ..good.clone() },
            Jwk { y: None, ..good.clone() },
            Jwk { x: zero.clone(), ..good.clone() },
            Jwk { x: Some("AA".to_owned()), ..good.clone() },
            // The point of small order whose secret everybody knows.
            Jwk { kty: "OKP".to_owned(), crv: Some("X25519".to_owned()), x: zero, y: None, ..good },
        ] {
            assert_eq!(seal_to(&bad, "p", "jwk+json", b"secret").err(), Some(JweError::Key), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(parts in proptest::collection::vec("[ -~]{0,40}", 0..7), header in any::<String>()) {
            let encoded = BASE64URL_NOPAD.encode(header.as_bytes());
            for text in [parts.join("."), format!("{encoded}..{}", parts.join("."))] {
                prop_assert!(Recipient::new().unwrap().open(&text, "p").is_err());
            }
        }

        #[test]
        fn what_is_sealed_opens(secret in proptest::collection::vec(any::<u8>(), 0..300), party in "[ -~]{0,80}") {
            let recipient = Recipient::new().unwrap();
            let sealed = seal_to(recipient.public(), &party, "x", &secret).unwrap();
            let opened = recipient.open(&sealed, &party).unwrap();
            prop_assert_eq!(opened.expose(), &secret[..]);
        }
    }
}
