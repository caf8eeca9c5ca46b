//! What a web identity token was obtained with, sealed for the broker itself.
//!
//! A token tells services elsewhere who somebody is. Shown to the broker again it must not be worth more than the credentials that it was
//! obtained with: a session's policies bound it, a user who was deleted and made anew is another one. So each token carries
//! this, sealed, and nobody else learns what a session's policies are.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use super::{KeyRing, Lineage, SessionClaims};
use crate::clock::Timestamp;
use crate::crypto::seal::Sealed;
use crate::types::{AccessKeyId, AccountId};

/// The credentials that a web identity token was obtained with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A session.
    Session(Box<SessionClaims>),
    /// A long-lived access key.
    Key(LongLived),
}

/// A long-lived access key, and whose it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongLived {
    /// The access key.
    pub key: AccessKeyId,
    /// Its account.
    #[serde(rename = "acc")]
    pub account: AccountId,
    /// The unique id of the user, or the account's number for its root.
    pub uid: String,
    /// The user's name; none for the root user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The moment that revocations count it by.
    pub at: Timestamp,
}

/// Bytes by which a sealed origin grows: how long it is tells little.
const PADDED: usize = 256;
/// The longest that goes into a token, in bytes before it is sealed. Longer ones are left out: the token is good elsewhere.
const LONGEST: usize = 6 * 1_024;

impl Origin {
    /// For a token of `issuer`; `None` where it would be too long, or no key of the ring signs.
    pub fn seal(&self, ring: &KeyRing, issuer: &str, now: Timestamp) -> Option<String> {
        let text = serde_json::to_string(self).ok().filter(|text| text.len() <= LONGEST)?;
        let text = format!("{text:<width$}", width = text.len().next_multiple_of(PADDED));
        let sealed = ring.active(now)?.hide(&place(issuer), &text).ok()?;
        Some(BASE64URL_NOPAD.encode(sealed.as_bytes()))
    }

    /// Reads what [`Origin::seal`] wrote for this issuer; with the name of the key that it is sealed with.
    pub fn open(ring: &KeyRing, issuer: &str, sealed: &str, now: Timestamp) -> Option<(Self, String)> {
        let sealed = Sealed::from_bytes(BASE64URL_NOPAD.decode(sealed.as_bytes()).ok()?);
        let place = place(issuer);
        let mut keys = ring.keys().iter().filter(|key| !key.is_retired(now));
        let (text, kid) = keys.find_map(|key| Some((key.find_hidden(&place, &sealed)?, key.kid())))?;
        Some((serde_json::from_str(text.trim_end_matches(' ')).ok()?, kid.to_owned()))
    }

    /// What the credentials descend from; `None` if they say what no credentials of ours say.
    pub fn lineage(&self) -> Option<Lineage> {
        match self {
            Self::Session(claims) => Lineage::of_session(claims),
            Self::Key(long_lived) => Some(Lineage::of_key(&long_lived.key, &long_lived.uid, long_lived.at)),
        }
    }
}

/// Not the place of status lists, whose addresses are sealed by the same key.
fn place(issuer: &str) -> String {
    format!("{issuer}#origin")
}

#[cfg(test)]
mod tests {
    use super::super::test_ring::{ISSUER, NOW, minted, ring};
    use super::*;

    #[test]
    fn an_origin_is_for_the_broker_and_the_issuer_that_it_was_sealed_for() {
        let ring = ring();
        let origin = Origin::Session(Box::new(minted(&ring, 900).claims));
        let sealed = origin.seal(&ring, ISSUER, NOW).unwrap();
        let kid = ring.active(NOW).unwrap().kid().to_owned();
        assert_eq!(Origin::open(&ring, ISSUER, &sealed, NOW), Some((origin, kid)));
        assert_eq!(Origin::open(&ring, "https://another.example", &sealed, NOW), None);
        assert_eq!(
            Origin::open(&super::super::test_ring::ring(), ISSUER, &sealed, NOW),
            None,
            "of another installation"
        );
        for at in (0..sealed.len()).step_by(7) {
            let mut bytes = sealed.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(Origin::open(&ring, ISSUER, &String::from_utf8(bytes).unwrap(), NOW), None);
        }
    }

    #[test]
    fn what_is_too_long_for_a_token_is_left_out() {
        let ring = ring();
        let mut claims = minted(&ring, 900).claims;
        claims.policy = Some("x".repeat(LONGEST));
        assert_eq!(Origin::Session(Box::new(claims)).seal(&ring, ISSUER, NOW), None);
    }
}
