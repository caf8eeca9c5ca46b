//! Token Status Lists: what tells whoever verifies a token offline that it was revoked.
//!
//! Source: "Token Status List" (draft-ietf-oauth-status-list). Sessions are not stored, and what revokes one may be said of its
//! principal, of its login, or of any session in between. So a list has one entry, of one session and what it descends from: both
//! stand in the list's address, sealed, where the broker wrote them, and whoever asks for the list gets the present answer. An entry
//! is exact; it tells nothing of others; and it must be fetched per session, not per issuer.

use data_encoding::BASE64URL_NOPAD;
use moka::sync::Cache;
use serde::Serialize;

use super::{KeyRing, Lineage};
use crate::clock::Timestamp;
use crate::crypto::alg::SigningAlg;
use crate::crypto::jwt::{self, JwtError, JwtHeader};
use crate::crypto::seal::Sealed;
use crate::crypto::signing_key::SigningKey;
use crate::types::SecretText;

/// The `typ` of a status list, and its media type behind `application/`.
pub const STATUS_LIST_TYP: &str = "statuslist+jwt";
/// Where the lists are, below the issuer's URL.
pub const STATUS_LISTS: &str = "/status-lists/";
/// Seconds for which a list may be kept: a revocation is seen that much later.
pub const KEEP_SECONDS: i64 = 60;
/// Seconds after which a list is none any more.
const LIVES_SECONDS: i64 = 300;

/// Bytes by which an address grows.
const PADDED: usize = 256;

/// One entry of one bit, in ZLIB's form, for a token that is valid.
const VALID: &str = "eNpjAAAAAQAB";
/// The same for one that is not.
const INVALID: &str = "eNpjBAAAAgAC";

/// The claim `status` of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    status_list: Reference,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Reference {
    idx: u32,
    uri: String,
}

#[derive(Serialize)]
struct StatusListClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    iat: Timestamp,
    exp: Timestamp,
    ttl: i64,
    status_list: StatusList,
}

#[derive(Serialize)]
struct StatusList {
    bits: u8,
    lst: &'static str,
}

/// What a token of `issuer` says of its status that is made with these credentials and signed with `algorithm`, as its list will be;
/// `None` while no key of the ring signs. The ring vouches for the address, whoever signs the list.
pub fn status_of(
    ring: &KeyRing,
    issuer: &str,
    algorithm: SigningAlg,
    lineage: &Lineage,
    now: Timestamp,
) -> Option<Status> {
    let text = format!("{}/{}", algorithm.name(), lineage.as_text());
    // How long it is would tell how long the chain is.
    let text = format!("{text:<width$}", width = text.len().next_multiple_of(PADDED));
    let sealed = ring.active(now)?.hide(issuer, &text).ok()?;
    let name = BASE64URL_NOPAD.encode(sealed.as_bytes());
    Some(Status { status_list: Reference { idx: 0, uri: address(issuer, &name) } })
}

/// Whose status a list of `issuer` tells that has this name, and what it is signed with: as the token was that said it, so that whoever
/// could verify that one can verify this one. `None` for a name that no token has said.
pub fn whose(ring: &KeyRing, issuer: &str, name: &str, now: Timestamp) -> Option<(SigningAlg, Lineage)> {
    let sealed = Sealed::from_bytes(BASE64URL_NOPAD.decode(name.as_bytes()).ok()?);
    let mut keys = ring.keys().iter().filter(|key| !key.is_retired(now));
    let text = keys.find_map(|key| key.find_hidden(issuer, &sealed))?;
    let (algorithm, lineage) = text.trim_end_matches(' ').split_once('/')?;
    Some((SigningAlg::parse(algorithm)?, Lineage::parse(lineage)?))
}

/// Lists that were signed a moment ago. Anybody may ask for a list whose name is known, and signing costs more than anything else
/// here: so one list is signed once in some seconds, however often it is asked for. Whether it says "revoked" is found out each time.
#[derive(Debug)]
pub struct SignedLists(Cache<(String, String, bool), SignedList>);

#[derive(Debug, Clone)]
struct SignedList {
    at: Timestamp,
    list: SecretText,
}

impl Default for SignedLists {
    fn default() -> Self {
        /// Of some 1.5 KB each.
        const MOST: u64 = 4_000;
        Self(Cache::new(MOST))
    }
}

impl SignedLists {
    /// For how many seconds a list is given out again.
    const SECONDS: i64 = 10;

    /// As [`status_list`].
    ///
    /// # Errors
    /// The key does not sign.
    pub fn list(
        &self,
        key: &SigningKey,
        issuer: &str,
        name: &str,
        revoked: bool,
        now: Timestamp,
    ) -> Result<SecretText, JwtError> {
        let place = (name.to_owned(), key.kid().to_owned(), revoked);
        let is_recent = |kept: &SignedList| (0..Self::SECONDS).contains(&(now.seconds() - kept.at.seconds()));
        if let Some(kept) = self.0.get(&place).filter(is_recent) {
            return Ok(kept.list);
        }
        let list = status_list(key, issuer, name, revoked, now)?;
        self.0.insert(place, SignedList { at: now, list: list.clone() });
        Ok(list)
    }
}

/// The list of this name, signed.
///
/// # Errors
/// The key does not sign.
pub fn status_list(
    key: &SigningKey,
    issuer: &str,
    name: &str,
    revoked: bool,
    now: Timestamp,
) -> Result<SecretText, JwtError> {
    let claims = StatusListClaims {
        iss: issuer,
        sub: &address(issuer, name),
        iat: now,
        exp: now.plus(LIVES_SECONDS),
        ttl: KEEP_SECONDS,
        status_list: StatusList { bits: 1, lst: if revoked { INVALID } else { VALID } },
    };
    jwt::sign(JwtHeader { kid: key.kid(), typ: STATUS_LIST_TYP }, &claims, key)
}

fn address(issuer: &str, name: &str) -> String {
    format!("{issuer}{STATUS_LISTS}{name}")
}

#[cfg(test)]
mod tests {
    use super::super::test_ring::{ISSUER, NOW, minted, ring};
    use super::super::{SessionError, open};
    use super::*;
    use crate::crypto::jwt::Typ;

    const TEXT: &str = "ASIAIOSFODNN7EXAMPLE/AROA1/1795488101,AKIAIOSFODNN7EXAMPLE/AIDA1";

    fn name_of(status: &Status) -> String {
        status.status_list.uri.rsplit('/').next().unwrap().to_owned()
    }

    fn status(ring: &KeyRing, issuer: &str, at: Timestamp) -> Status {
        status_of(ring, issuer, SigningAlg::Es256, &Lineage::parse(TEXT).unwrap(), at).unwrap()
    }

    #[test]
    fn an_address_says_whose_list_it_is_to_the_ring_that_wrote_it_alone() {
        let ring = ring();
        let told = status(&ring, ISSUER, NOW);
        assert!(told.status_list.uri.starts_with("https://broker.example/status-lists/"));
        assert_eq!(told, status(&ring, ISSUER, NOW.plus(9)), "all tokens of a session share it");
        let name = name_of(&told);
        let found = Some((SigningAlg::Es256, Lineage::parse(TEXT).unwrap()));
        assert_eq!(whose(&ring, ISSUER, &name, NOW), found);
        assert_eq!(whose(&ring, "https://another.example", &name, NOW), None);
        assert_eq!(whose(&super::super::test_ring::ring(), ISSUER, &name, NOW), None, "of another installation");
        assert!(!String::from_utf8_lossy(&BASE64URL_NOPAD.decode(name.as_bytes()).unwrap()).contains("AROA1"));
        for at in 0..name.len() {
            let mut bytes = name.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(bytes).unwrap();
            assert_eq!(whose(&ring, ISSUER, &forged, NOW), None, "{forged}");
        }
    }

    #[test]
    fn the_length_of_an_address_does_not_tell_how_long_the_chain_is() {
        let ring = ring();
        let longer = format!("ASIAIOSFODNN7EXAMPLF/AROA2/1795488102,{TEXT}");
        let longer = status_of(&ring, ISSUER, SigningAlg::Es256, &Lineage::parse(&longer).unwrap(), NOW).unwrap();
        assert_eq!(name_of(&longer).len(), name_of(&status(&ring, ISSUER, NOW)).len());
    }

    #[test]
    fn a_list_is_signed_once_in_some_seconds_and_tells_at_once_what_changed() {
        let ring = ring();
        let key = ring.active(NOW).unwrap().signing();
        let lists = SignedLists::default();
        let list = |revoked, at| lists.list(key, ISSUER, "name", revoked, at).unwrap().expose().to_owned();
        let first = list(false, NOW);
        assert_eq!(list(false, NOW.plus(9)), first);
        let revoked: serde_json::Value =
            jwt::verify(&list(true, NOW.plus(9)), key.verifying_key(), Typ::Exactly(STATUS_LIST_TYP)).unwrap();
        assert_eq!(revoked["status_list"]["lst"], INVALID);
        for later in [10, -1] {
            let read: serde_json::Value =
                jwt::verify(&list(false, NOW.plus(later)), key.verifying_key(), Typ::Exactly(STATUS_LIST_TYP)).unwrap();
            assert_eq!(read["iat"], NOW.plus(later).seconds());
        }
    }

    proptest::proptest! {
        #[test]
        fn no_other_name_is_answered(name in "[A-Za-z0-9_-]{0,80}(\\.[A-Za-z0-9_-]{0,30})?|\\PC{0,60}") {
            proptest::prop_assert_eq!(whose(&ring(), ISSUER, &name, NOW), None);
        }
    }

    #[test]
    fn a_list_is_no_session_and_a_session_no_list() {
        let ring = ring();
        let key = ring.active(NOW).unwrap().signing();
        let list = status_list(key, ISSUER, "name", true, NOW).unwrap();
        assert_eq!(open(&ring, list.expose(), NOW).unwrap_err(), SessionError::WrongType);
        let claims: serde_json::Value =
            jwt::verify(list.expose(), key.verifying_key(), Typ::Exactly(STATUS_LIST_TYP)).unwrap();
        assert_eq!(claims["sub"], "https://broker.example/status-lists/name");
        assert_eq!(claims["status_list"], serde_json::json!({ "bits": 1, "lst": INVALID }));
        let session = minted(&ring, 900);
        let read = jwt::verify::<serde_json::Value>(
            session.token.expose(),
            key.verifying_key(),
            Typ::Exactly(STATUS_LIST_TYP),
        );
        assert_eq!(read.unwrap_err(), JwtError::WrongType);
    }
}
