//! The `[sessions]` section.

use std::path::PathBuf;

/// How temporary credentials and web identity tokens are signed, and how long some of them live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sessions {
    /// What new signing keys sign with: ES256 or EdDSA. Keys made before a change go on as they are. Default ES256.
    pub algorithm: SigningAlgorithm,
    /// How long a key signs before the next one takes over, in days. Default 30, from 1 to 365.
    pub rotate_after_days: u32,
    /// How long before it signs a key is published, in hours: longer than verifiers keep the key set, shorter than a key
    /// signs. Default 24, from 1 to 720.
    pub publish_ahead_hours: u32,
    /// PEM files with RSA private keys (PKCS#8 or PKCS#1, 2048 to 4096 bits) that not everybody may read. The first signs the web identity tokens that
    /// are asked for with RS256; all are published, so that a key can be shown before it signs and after it has. Default none: RS256
    /// is refused.
    pub rsa_keys: Vec<PathBuf>,
    /// How long a session lives at the most that a role's session began (role chaining), in seconds. At AWS's hour, the default,
    /// such a session may outlive the one that began it, as with AWS. Above, whatever descends from a session ends with that one.
    /// From 3600 to 43200, which is the most that a role allows.
    pub chained_session_seconds: u32,
}

impl Sessions {
    /// AWS's hour for chained sessions.
    pub const CHAINED_SECONDS: u32 = 3_600;

    /// Whether sessions end with the login that they descend from: where chained ones may live for longer than with AWS.
    pub fn end_with_their_login(&self) -> bool {
        self.chained_session_seconds > Self::CHAINED_SECONDS
    }
}

/// An algorithm that session tokens are signed with, by its JWA name (RFC 7518 section 3.1, RFC 8037 section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SigningAlgorithm {
    /// `ES256`: ECDSA on P-256 with SHA-256, which every JWT library verifies.
    #[default]
    Es256,
    /// `EdDSA`: Ed25519.
    EdDsa,
}

impl SigningAlgorithm {
    /// The algorithm of a JWA name, which is case-sensitive.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "ES256" => Some(Self::Es256),
            "EdDSA" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            algorithm: SigningAlgorithm::Es256,
            rotate_after_days: 30,
            publish_ahead_hours: 24,
            rsa_keys: Vec::new(),
            chained_session_seconds: Self::CHAINED_SECONDS,
        }
    }
}
