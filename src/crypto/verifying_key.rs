//! A public key with the one algorithm it may verify, so that a token's header has no say in the matter.

use std::fmt;

use jsonwebtoken::DecodingKey;

use crate::crypto::alg::Alg;
use crate::crypto::jwk::Jwk;
use crate::crypto::provider;
use crate::crypto::signing_key::KeyError;

/// A public key and its algorithm.
#[derive(Clone)]
pub struct VerifyingKey {
    alg: Alg,
    key: DecodingKey,
}

impl VerifyingKey {
    /// Reads a public key for `alg`. The JWK's own `alg` and `use`, where it has them, must agree (RFC 7517 section 4). RSA
    /// moduli are 2,048 to 8,192 bits; others fail at verification.
    pub fn from_jwk(jwk: &Jwk, alg: Alg) -> Result<Self, KeyError> {
        provider::install();
        let agrees = |member: &Option<String>, wanted: &str| member.as_deref().is_none_or(|has| has == wanted);
        if !agrees(&jwk.alg, alg.name()) || !agrees(&jwk.key_use, "sig") {
            return Err(KeyError::NotMeantFor(alg));
        }
        let wrong = || KeyError::NotPublicKey(alg);
        let bytes = |member: &Option<String>| -> Result<Vec<u8>, KeyError> {
            let text = member.as_deref().ok_or_else(wrong)?;
            data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| wrong())
        };
        let key = match (alg, jwk.kty.as_str(), jwk.crv.as_deref()) {
            (Alg::Es256, "EC", Some("P-256")) => point(bytes(&jwk.x)?, bytes(&jwk.y)?, 32).ok_or_else(wrong)?,
            (Alg::Es384, "EC", Some("P-384")) => point(bytes(&jwk.x)?, bytes(&jwk.y)?, 48).ok_or_else(wrong)?,
            (Alg::EdDsa, "OKP", Some("Ed25519")) => {
                let x = bytes(&jwk.x)?;
                if x.len() != 32 {
                    return Err(wrong());
                }
                DecodingKey::from_ed_der(&x)
            }
            (Alg::Rs256 | Alg::Rs384 | Alg::Rs512 | Alg::Ps256 | Alg::Ps384 | Alg::Ps512, "RSA", _) => {
                DecodingKey::from_rsa_raw_components(&bytes(&jwk.n)?, &bytes(&jwk.e)?)
            }
            _ => return Err(wrong()),
        };
        Ok(Self { alg, key })
    }

    /// The one algorithm it verifies.
    pub fn alg(&self) -> Alg {
        self.alg
    }

    pub(super) fn decoding_key(&self) -> &DecodingKey {
        &self.key
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey").field("alg", &self.alg).finish_non_exhaustive()
    }
}

/// RFC 7518 section 6.2.1.2: a coordinate has the full length of the curve's field, leading zeros included.
fn point(x: Vec<u8>, y: Vec<u8>, length: usize) -> Option<DecodingKey> {
    let whole = x.len() == length && y.len() == length;
    whole.then(|| DecodingKey::from_ec_der(&[[4].as_slice(), &x, &y].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::alg::SigningAlg;
    use crate::crypto::signing_key::SigningKey;

    fn jwk() -> Jwk {
        let document = SigningKey::generate(SigningAlg::Es256).unwrap();
        SigningKey::from_pkcs8(SigningAlg::Es256, &document).unwrap().jwk().clone()
    }

    #[test]
    fn a_key_is_read_only_for_its_own_algorithm() {
        let jwk = jwk();
        assert!(VerifyingKey::from_jwk(&jwk, Alg::Es256).is_ok());
        assert_eq!(VerifyingKey::from_jwk(&jwk, Alg::Es384).unwrap_err(), KeyError::NotMeantFor(Alg::Es384));
        let silent = Jwk { alg: None, ..jwk };
        assert!(VerifyingKey::from_jwk(&silent, Alg::Es256).is_ok());
        assert_eq!(VerifyingKey::from_jwk(&silent, Alg::Rs256).unwrap_err(), KeyError::NotPublicKey(Alg::Rs256));
    }

    #[test]
    fn an_encryption_key_verifies_nothing() {
        let jwk = Jwk { key_use: Some("enc".into()), ..jwk() };
        assert_eq!(VerifyingKey::from_jwk(&jwk, Alg::Es256).unwrap_err(), KeyError::NotMeantFor(Alg::Es256));
    }

    #[test]
    fn short_coordinates_are_refused() {
        let jwk = Jwk { x: Some("AAAA".into()), ..jwk() };
        assert_eq!(VerifyingKey::from_jwk(&jwk, Alg::Es256).unwrap_err(), KeyError::NotPublicKey(Alg::Es256));
    }
}
