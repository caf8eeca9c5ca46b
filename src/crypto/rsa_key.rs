//! RSA private keys that are handed to the broker: those that SAML assertions are encrypted for, and those that sign web
//! identity tokens.
//!
//! ring reads them and holds them to its rules: 2,048 to 4,096 bits, an exponent of at least 65,537, numbers that belong together.

use ring::signature::RsaKeyPair;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use zeroize::Zeroize;

use crate::crypto::signing_key::SigningKey;
use crate::types::secret::SecretText;

/// Why a text is not one RSA private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RsaKeyError {
    /// No private key in PEM, or more than one. Keys that are encrypted with a password count as none.
    #[error("it is not one unencrypted private key in PEM")]
    NotOneKey,
    /// A key that is not RSA, or an RSA key that breaks the rules.
    #[error("it is not an RSA key of 2,048 to 4,096 bits")]
    NotRsa,
}

/// Holds a text to being one RSA private key in PEM: PKCS#8 (RFC 5958) or PKCS#1 (RFC 8017).
///
/// # Errors
/// [`RsaKeyError`].
pub fn check_pem(text: &SecretText) -> Result<(), RsaKeyError> {
    pair(text).map(|_| ())
}

/// Reads such a text as the key of RS256 signatures (RFC 7518 section 3.3).
///
/// # Errors
/// [`RsaKeyError`].
pub fn signing_key(text: &SecretText) -> Result<SigningKey, RsaKeyError> {
    SigningKey::from_rsa(pair(text)?).map_err(|_| RsaKeyError::NotRsa)
}

fn pair(text: &SecretText) -> Result<RsaKeyPair, RsaKeyError> {
    let mut keys = PrivateKeyDer::pem_slice_iter(text.expose().as_bytes());
    let mut key = keys.next().and_then(Result::ok).ok_or(RsaKeyError::NotOneKey)?;
    let alone = match keys.next() {
        None => true,
        Some(Ok(mut second)) => {
            second.zeroize();
            false
        }
        Some(Err(_)) => false,
    };
    let read = match &key {
        PrivateKeyDer::Pkcs8(document) => RsaKeyPair::from_pkcs8(document.secret_pkcs8_der()).ok(),
        PrivateKeyDer::Pkcs1(document) => RsaKeyPair::from_der(document.secret_pkcs1_der()).ok(),
        _ => None,
    };
    key.zeroize();
    if alone { read.ok_or(RsaKeyError::NotRsa) } else { Err(RsaKeyError::NotOneKey) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str) -> Result<(), RsaKeyError> {
        check_pem(&SecretText::new(text))
    }

    #[test]
    fn what_is_no_rsa_key_is_told_from_what_is_no_key() {
        let elliptic = rcgen::KeyPair::generate().expect("a key").serialize_pem();
        assert_eq!(check(&elliptic), Err(RsaKeyError::NotRsa));
        assert_eq!(check(&elliptic.repeat(2)), Err(RsaKeyError::NotOneKey));
        let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let encrypted = elliptic.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        for text in ["", "text", certificate, encrypted.as_str(), "-----BEGIN RSA PRIVATE KEY-----"] {
            assert_eq!(check(text), Err(RsaKeyError::NotOneKey), "{text}");
        }
        let label = elliptic.replace("PRIVATE KEY", "RSA PRIVATE KEY");
        assert_eq!(check(&label), Err(RsaKeyError::NotRsa));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_stumble(inner in "[A-Za-z0-9+/=\n -]{0,200}", label in "(RSA |EC |)PRIVATE KEY") {
            let text = format!("-----BEGIN {label}-----\n{inner}\n-----END {label}-----\n");
            prop_assert!(check(&text).is_err());
        }
    }
}
