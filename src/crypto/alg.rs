//! Signature algorithms by their JWA names (RFC 7518 section 3.1, RFC 8037 section 3.1).
//!
//! Only asymmetric algorithms have a value here, so `none` and the HMAC family cannot be asked for, whatever a header says.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An algorithm that the broker verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Alg {
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// ECDSA on P-384 with SHA-384.
    #[serde(rename = "ES384")]
    Es384,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    #[serde(rename = "RS384")]
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    #[serde(rename = "RS512")]
    Rs512,
    /// RSASSA-PSS with SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// RSASSA-PSS with SHA-384.
    #[serde(rename = "PS384")]
    Ps384,
    /// RSASSA-PSS with SHA-512.
    #[serde(rename = "PS512")]
    Ps512,
}

/// An algorithm that the broker signs with. ES256 is what every JWT library verifies, and ring's fastest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum SigningAlg {
    /// ECDSA on P-256 with SHA-256.
    #[default]
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// ECDSA on P-384 with SHA-384.
    #[serde(rename = "ES384")]
    Es384,
    /// RSASSA-PKCS1-v1_5 with SHA-256, by keys that the operator brings: ring makes none.
    #[serde(rename = "RS256")]
    Rs256,
}

impl Alg {
    /// Every algorithm that is verified, for a discovery document.
    pub const ALL: [Self; 9] = [
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
    ];

    /// The JWA name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
        }
    }

    /// The algorithm of a JWA name, which is case-sensitive; `None` for one that is not accepted.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.name() == name)
    }

    pub(super) fn to_jwt(self) -> jsonwebtoken::Algorithm {
        use jsonwebtoken::Algorithm as Jwt;
        match self {
            Self::Es256 => Jwt::ES256,
            Self::Es384 => Jwt::ES384,
            Self::EdDsa => Jwt::EdDSA,
            Self::Rs256 => Jwt::RS256,
            Self::Rs384 => Jwt::RS384,
            Self::Rs512 => Jwt::RS512,
            Self::Ps256 => Jwt::PS256,
            Self::Ps384 => Jwt::PS384,
            Self::Ps512 => Jwt::PS512,
        }
    }

    pub(super) fn from_jwt(alg: jsonwebtoken::Algorithm) -> Option<Self> {
        Self::ALL.into_iter().find(|ours| ours.to_jwt() == alg)
    }
}

impl SigningAlg {
    /// Every algorithm that is signed with.
    pub const ALL: [Self; 4] = [Self::Es256, Self::EdDsa, Self::Es384, Self::Rs256];

    /// The JWA name.
    pub fn name(self) -> &'static str {
        Alg::from(self).name()
    }

    /// The algorithm of a JWA name, which is case-sensitive; `None` for one that is not signed with.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.name() == name)
    }
}

impl From<SigningAlg> for Alg {
    fn from(alg: SigningAlg) -> Self {
        match alg {
            SigningAlg::Es256 => Self::Es256,
            SigningAlg::EdDsa => Self::EdDsa,
            SigningAlg::Es384 => Self::Es384,
            SigningAlg::Rs256 => Self::Rs256,
        }
    }
}

impl fmt::Display for Alg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for SigningAlg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Alg::from(*self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for alg in Alg::ALL {
            assert_eq!(Alg::parse(alg.name()), Some(alg));
            assert_eq!(serde_json::to_string(&alg).unwrap(), format!("\"{}\"", alg.name()));
            assert_eq!(Alg::from_jwt(alg.to_jwt()), Some(alg));
        }
    }

    #[test]
    fn names_of_what_is_signed_with_read_back() {
        for alg in SigningAlg::ALL {
            assert_eq!(SigningAlg::parse(alg.name()), Some(alg));
            assert_eq!(serde_json::to_string(&alg).unwrap(), format!("\"{}\"", alg.name()));
        }
        assert_eq!(SigningAlg::parse("PS256"), None);
    }

    #[test]
    fn symmetric_and_absent_algorithms_have_no_value() {
        for name in ["none", "None", "HS256", "HS384", "HS512", "es256", "", "ES512"] {
            assert_eq!(Alg::parse(name), None, "{name}");
        }
    }
}
