//! Rings and sessions for the tests of this folder.

use crate::clock::{SystemRandom, Timestamp};
use crate::crypto::alg::SigningAlg;
use crate::session::claims::SessionKind;
use crate::session::draft::SessionDraft;
use crate::session::key_ring::{KeyRing, RingKey};
use crate::session::material::RingKeyMaterial;
use crate::session::mint::{MintedSession, mint};

pub(super) const NOW: Timestamp = Timestamp(1_795_488_101);
pub(super) const ISSUER: &str = "https://broker.example";

pub(super) fn key(not_before: Timestamp) -> RingKey {
    key_made_at(NOW, not_before)
}

pub(super) fn key_made_at(created: Timestamp, not_before: Timestamp) -> RingKey {
    let material = RingKeyMaterial::generate(SigningAlg::Es256, &SystemRandom).unwrap();
    RingKey::new(SigningAlg::Es256, &material, created, not_before, None).unwrap()
}

pub(super) fn ring() -> KeyRing {
    KeyRing::new(ISSUER, vec![key(NOW)]).unwrap()
}

pub(super) fn draft() -> SessionDraft {
    let arn = "arn:aws:sts::111122223333:assumed-role/deploy/alice";
    let mut draft = SessionDraft::new(SessionKind::AssumedRole, arn, "111122223333", "AROAEXAMPLE", "deploy");
    draft.session_name = Some("alice".into());
    draft
}

pub(super) fn minted(ring: &KeyRing, lifetime: i64) -> MintedSession {
    mint(ring, draft(), lifetime, NOW, &SystemRandom, |_| "ASIAEXAMPLE".into()).unwrap()
}
