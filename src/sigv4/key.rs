//! The signing key: what a secret access key becomes for one day, one region and one service.

use data_encoding::HEXLOWER;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::crypto::hash::hmac_sha256;
use crate::types::secret::{SecretBytes, SecretText};

use super::scope::{Scope, TERMINATOR};

/// A derived key. It signs only within its scope, so it may be cached for as long as that day lasts; it does not print and
/// is wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SigningKey([u8; 32]);

impl SigningKey {
    /// Derives the key of `scope` from a secret access key.
    pub fn derive(secret: &SecretText, scope: &Scope) -> SigningKey {
        let mut start = Zeroizing::new(Vec::with_capacity(4 + secret.expose().len()));
        start.extend_from_slice(b"AWS4");
        start.extend_from_slice(secret.expose().as_bytes());
        let date = Zeroizing::new(hmac_sha256(&start, scope.date.as_bytes()));
        let region = Zeroizing::new(hmac_sha256(&*date, scope.region.as_bytes()));
        let service = Zeroizing::new(hmac_sha256(&*region, scope.service.as_bytes()));
        SigningKey(hmac_sha256(&*service, TERMINATOR.as_bytes()))
    }

    /// The key's bytes, for a service that is to check signatures itself.
    pub fn to_secret(&self) -> SecretBytes {
        SecretBytes::new(self.0)
    }

    /// The key of these bytes; `None` if they are not as many as a key has.
    pub fn from_secret(bytes: &SecretBytes) -> Option<SigningKey> {
        bytes.expose().try_into().ok().map(SigningKey)
    }

    /// The signature of a string to sign: 64 lower-case hexadecimal digits.
    pub(super) fn sign(&self, string_to_sign: &str) -> String {
        HEXLOWER.encode(&hmac_sha256(&self.0, string_to_sign.as_bytes()))
    }

    /// Whether `signature`, 64 lower-case hexadecimal digits, is that of `string_to_sign`, in time that does not depend on where they
    /// differ.
    pub(super) fn matches(&self, string_to_sign: &str, signature: &str) -> bool {
        let mut given = [0; 32];
        if signature.len() != 64 || HEXLOWER.decode_mut(signature.as_bytes(), &mut given).is_err() {
            return false;
        }
        hmac_sha256(&self.0, string_to_sign.as_bytes()).ct_eq(&given).into()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of AWS's published example of deriving a signing key.
    #[test]
    fn published_key() {
        let secret = SecretText::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        let scope = Scope { date: "20150830".to_owned(), region: "us-east-1".to_owned(), service: "iam".to_owned() };
        let key = SigningKey::derive(&secret, &scope);
        let hex = HEXLOWER.encode(&key.0);
        assert_eq!(hex, "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
        assert_eq!(format!("{key:?}"), "SigningKey(redacted)");
    }
}
