//! The kinds of tokens that the broker makes keys for. Each has keys of its own, so that no token can be taken for one of another
//! kind even by a verifier that looks at nothing but the signature (RFC 8725 section 3.11 advises types besides).

use crate::crypto::alg::SigningAlg;
use crate::session::identity_token::MAX_IDENTITY_TOKEN_SECONDS;
use crate::session::rotation::RotationPolicy;
use crate::store::{Key, Range, layout};

/// What the keys of a ring sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFamily {
    /// Session tokens, whatever the algorithm: a change of the setting takes effect with the next key.
    Sessions,
    /// Web identity tokens; a ring for each algorithm that callers may ask for.
    WebIdentity(SigningAlg),
}

impl KeyFamily {
    /// All of them. RSA keys come from the operator and are no family: nobody but the operator can make the next one.
    pub const ALL: [Self; 4] = [
        Self::Sessions,
        Self::WebIdentity(SigningAlg::Es384),
        Self::WebIdentity(SigningAlg::Es256),
        Self::WebIdentity(SigningAlg::EdDsa),
    ];

    /// What its keys are for, in a word for lists and labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::WebIdentity(_) => "web-identity",
        }
    }

    /// What its new keys sign with, where sessions are signed with `sessions`.
    pub(super) fn algorithm(self, sessions: SigningAlg) -> SigningAlg {
        match self {
            Self::Sessions => sessions,
            Self::WebIdentity(algorithm) => algorithm,
        }
    }

    /// When its keys change, where those of sessions change by `sessions`.
    pub(super) fn policy(self, sessions: &RotationPolicy) -> RotationPolicy {
        match self {
            Self::Sessions => *sessions,
            Self::WebIdentity(_) => sessions.for_tokens_of(MAX_IDENTITY_TOKEN_SECONDS),
        }
    }

    /// Where the record of a key lies.
    pub(super) fn key(self, kid: &str) -> Key {
        match self {
            Self::Sessions => layout::signing_key(kid),
            Self::WebIdentity(_) => layout::identity_key(kid),
        }
    }

    /// Under which name the secret half of a key is sealed.
    pub(super) fn place(self, kid: &str) -> String {
        match self {
            Self::Sessions => format!("signing-key/{kid}"),
            Self::WebIdentity(_) => format!("identity-key/{kid}"),
        }
    }

    /// The family of a record in one of [`KeyFamily::ranges`], by what it signs with.
    pub(super) fn of(range: Self, algorithm: SigningAlg) -> Option<Self> {
        match range {
            Self::Sessions => Some(Self::Sessions),
            Self::WebIdentity(_) => Self::ALL.into_iter().find(|family| *family == Self::WebIdentity(algorithm)),
        }
    }

    /// Where keys are, each place with one of the families whose keys are there.
    pub(super) fn ranges() -> [(Self, Range); 2] {
        [(Self::Sessions, layout::signing_keys()), (Self::WebIdentity(SigningAlg::Es384), layout::identity_keys())]
    }
}
