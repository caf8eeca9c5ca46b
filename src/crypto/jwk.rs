//! JSON Web Keys and sets (RFC 7517), public halves only, named by their thumbprints (RFC 7638).

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use crate::crypto::alg::SigningAlg;
use crate::crypto::hash::sha256;
use crate::crypto::private_key::PrivateKey;
use crate::crypto::provider::point_coordinates;

/// The longest JWKS document that is read, in bytes. The largest issuers publish some dozen RSA keys in about 20 KiB.
pub const MAX_JWKS_BYTES: usize = 512 * 1024;

/// A public key. There is no field for a private member, so none can be published by accident; members of other key types
/// and certificates are ignored when read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// Key type: `EC`, `OKP` or `RSA`.
    pub kty: String,
    /// Curve: `P-256`, `P-384` or `Ed25519`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// X coordinate, or the Ed25519 public key; base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// Y coordinate, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// RSA modulus, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// RSA exponent, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// What the key is for: `sig`.
    #[serde(rename = "use", default, skip_serializing_if = "Option::is_none")]
    pub key_use: Option<String>,
    /// The JWA name of its algorithm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// Key id. The broker's own keys have their thumbprint here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
}

/// A JWKS document.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JwkSet {
    /// The keys, in the order in which they are published.
    pub keys: Vec<Jwk>,
}

/// Why a JWKS document was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwkSetError {
    /// Longer than [`MAX_JWKS_BYTES`].
    #[error("the key set is longer than {MAX_JWKS_BYTES} bytes")]
    TooLong,
    /// Not a JSON object with a `keys` array of keys.
    #[error("not a JWK set")]
    Malformed,
}

impl Jwk {
    /// The public half of a signing key; `None` when `key` is not a key of that algorithm.
    pub(super) fn from_private(alg: SigningAlg, key: &PrivateKey) -> Option<Self> {
        let encode = |bytes: &[u8]| Some(BASE64URL_NOPAD.encode(bytes));
        let mut jwk = Self {
            kty: String::new(),
            crv: None,
            x: None,
            y: None,
            n: None,
            e: None,
            key_use: Some("sig".into()),
            alg: Some(alg.name().into()),
            kid: None,
        };
        match alg {
            SigningAlg::Es256 | SigningAlg::Es384 => {
                let (x, y) = point_coordinates(key.public())?;
                jwk.kty = "EC".into();
                jwk.crv = Some(if alg == SigningAlg::Es256 { "P-256" } else { "P-384" }.into());
                (jwk.x, jwk.y) = (encode(x), encode(y));
            }
            SigningAlg::EdDsa => {
                jwk.kty = "OKP".into();
                jwk.crv = Some("Ed25519".into());
                jwk.x = encode(key.public());
            }
            SigningAlg::Rs256 => {
                let (n, e) = key.rsa_components()?;
                jwk.kty = "RSA".into();
                (jwk.n, jwk.e) = (encode(&n), encode(&e));
            }
        }
        jwk.kid = Some(jwk.thumbprint());
        Some(jwk)
    }

    /// RFC 7638: SHA-256 over the required members in lexicographic order, base64url. Equal keys have equal thumbprints,
    /// whatever else their JWKs say.
    pub fn thumbprint(&self) -> String {
        // Struct fields are written in the order of declaration, which is the lexicographic one here.
        #[derive(Serialize)]
        struct Required<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            crv: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            e: Option<&'a str>,
            kty: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            n: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            x: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            y: Option<&'a str>,
        }
        let required = Required {
            crv: self.crv.as_deref(),
            e: self.e.as_deref(),
            kty: &self.kty,
            n: self.n.as_deref(),
            x: self.x.as_deref(),
            y: self.y.as_deref(),
        };
        // Strings under fixed names always serialise.
        let canonical = serde_json::to_vec(&required).unwrap_or_default();
        BASE64URL_NOPAD.encode(&sha256(&canonical))
    }
}

impl JwkSet {
    /// Reads somebody else's JWKS.
    pub fn parse(document: &[u8]) -> Result<Self, JwkSetError> {
        if document.len() > MAX_JWKS_BYTES {
            return Err(JwkSetError::TooLong);
        }
        serde_json::from_slice(document).map_err(|_| JwkSetError::Malformed)
    }

    /// The key with this id.
    pub fn find(&self, kid: &str) -> Option<&Jwk> {
        self.keys.iter().find(|key| key.kid.as_deref() == Some(kid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thumbprint_of_rfc_7638() {
        let jwk: Jwk = serde_json::from_str(
            r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#,
        )
        .unwrap();
        assert_eq!(jwk.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn a_private_member_is_not_carried_along() {
        let jwk: Jwk = serde_json::from_str(r#"{"kty":"OKP","crv":"Ed25519","x":"AA","d":"secret"}"#).unwrap();
        assert_eq!(serde_json::to_string(&jwk).unwrap(), r#"{"kty":"OKP","crv":"Ed25519","x":"AA"}"#);
    }

    #[test]
    fn sets_are_bounded_and_have_a_shape() {
        assert_eq!(JwkSet::parse(&vec![b' '; MAX_JWKS_BYTES + 1]), Err(JwkSetError::TooLong));
        assert_eq!(JwkSet::parse(b"[]"), Err(JwkSetError::Malformed));
        assert_eq!(JwkSet::parse(b"{}"), Err(JwkSetError::Malformed));
        let set = JwkSet::parse(br#"{"keys":[{"kty":"oct","k":"AA","kid":"a"},{"kty":"EC","kid":"b"}]}"#).unwrap();
        assert_eq!(set.find("b").unwrap().kty, "EC");
        assert!(set.find("c").is_none());
    }
}
