//! Sessions that cost no storage: minted and opened from the key ring alone.
//!
//! A session is an access key id, a secret and a session token. The token is a JWT that every JWT library can verify; the
//! secret is derived from the key ring and the token's `jti`, so it is stored nowhere. A token travels in the clear to every
//! service that its holder calls, so alone it proves nothing: it counts only beside a SigV4 signature made with the secret.
//!
//! Web identity tokens ([`identity_token`]) say who somebody is to services elsewhere. They are bound to an audience, and no key that
//! signs them signs sessions.
//!
//! Minting and opening are pure and synchronous: the ring is an immutable snapshot, the time is a parameter, rotation is a plan
//! that the caller carries out. Only what ends sessions before their time is stored: [`revocation`].

pub mod claims;
pub mod draft;
pub mod identity_keys;
pub mod identity_open;
pub mod identity_token;
pub mod keeper;
pub mod key_family;
pub mod key_ring;
pub mod lineage;
pub mod material;
pub mod mint;
pub mod open;
pub mod origin;
pub mod revocation;
pub mod revocations;
pub mod rings;
pub mod rotation;
pub mod status;

pub use claims::{Actor, Confirmation, SessionClaims, SessionKind, WebIdentityClaims};
pub use draft::SessionDraft;
pub use identity_keys::IdentityKeys;
pub use identity_open::{VerifiedIdentity, open_identity};
pub use identity_token::{IdentityDraft, IdentityError, IdentityToken, account_issuer, mint_identity};
pub use keeper::{Keeper, KeeperError};
pub use key_family::KeyFamily;
pub use key_ring::{KeyRing, KeyRingError, RingKey};
pub use lineage::{Lineage, Link};
pub use material::{RingKeyMaterial, RingRecord};
pub use mint::{MintError, MintedSession, mint};
pub use open::{SessionError, VerifiedSession, open};
pub use origin::Origin;
pub use revocations::Revocations;
pub use rings::{Rings, UnreadableKey};
pub use rotation::{Previous, RotationPolicy, RotationPolicyError, Step, plan_rotation, remove_now, rotate_now};

/// The `typ` of a session token. No other token of the broker has it, so no other token can pass for a session, nor a session
/// for another token (RFC 8725 section 3.11).
pub const SESSION_TYP: &str = "brevet-session+jwt";

/// The longest any session lives, in seconds: 36 hours, the most that `GetSessionToken` and `GetFederationToken` grant.
pub const MAX_SESSION_SECONDS: i64 = 129_600;

/// How far the clocks of a fleet's brokers may be apart, in seconds: five minutes, as SigV4 allows its callers.
pub const CLOCK_SKEW_SECONDS: i64 = 300;

#[cfg(test)]
mod attack_tests;
#[cfg(test)]
mod test_ring;
