//! Token Status Lists: what tells whoever verifies a token offline that it was revoked.
//!
//! Source: "Token Status List" (draft-ietf-oauth-status-list). Sessions are not stored, and what revokes one may be said of its
//! principal, of its login, or of any session in between. So a list has one entry, of one session and what it descends from: both
//! stand in the list's address, where the broker wrote them, and whoever asks for the list gets the present answer. An entry is
//! exact; it tells nothing of others; and it must be fetched per session, not per issuer.

use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use subtle::ConstantTimeEq;

use super::{KeyRing, Lineage};
use crate::clock::Timestamp;
use crate::crypto::jwt::{self, JwtHeader};
use crate::types::SecretText;

/// The `typ` of a status list, and its media type behind `application/`.
pub const STATUS_LIST_TYP: &str = "statuslist+jwt";
/// Where the lists are, below the issuer's URL.
pub const STATUS_LISTS: &str = "/status-lists/";
/// Seconds for which a list may be kept: a revocation is seen that much later.
pub const KEEP_SECONDS: i64 = 60;
/// Seconds after which a list is none any more.
const LIVES_SECONDS: i64 = 300;

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

/// What a token says of its status that is made with these credentials; `None` while no key signs.
pub fn status_of(ring: &KeyRing, lineage: &Lineage, now: Timestamp) -> Option<Status> {
    let text = lineage.as_text();
    let tag = ring.active(now)?.status_tag(&text);
    let name = format!("{}.{}", BASE64URL_NOPAD.encode(text.as_bytes()), BASE64URL_NOPAD.encode(&tag));
    Some(Status { status_list: Reference { idx: 0, uri: address(ring, &name) } })
}

/// Whose status a list tells that has this name; `None` for a name that no token of this ring has said.
pub fn whose(ring: &KeyRing, name: &str, now: Timestamp) -> Option<Lineage> {
    let (text, tag) = name.split_once('.')?;
    let text = String::from_utf8(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok()?;
    let tag = BASE64URL_NOPAD.decode(tag.as_bytes()).ok()?;
    let ours = |key: &&super::RingKey| bool::from(key.status_tag(&text).as_slice().ct_eq(&tag));
    ring.keys().iter().filter(|key| !key.is_retired(now)).find(ours)?;
    Lineage::parse(&text)
}

/// The list of this name, signed; `None` while no key signs.
pub fn status_list(ring: &KeyRing, name: &str, revoked: bool, now: Timestamp) -> Option<SecretText> {
    let key = ring.active(now)?;
    let claims = StatusListClaims {
        iss: ring.issuer(),
        sub: &address(ring, name),
        iat: now,
        exp: now.plus(LIVES_SECONDS),
        ttl: KEEP_SECONDS,
        status_list: StatusList { bits: 1, lst: if revoked { INVALID } else { VALID } },
    };
    jwt::sign(JwtHeader { kid: key.kid(), typ: STATUS_LIST_TYP }, &claims, key.signing()).ok()
}

fn address(ring: &KeyRing, name: &str) -> String {
    format!("{}{STATUS_LISTS}{name}", ring.issuer())
}

#[cfg(test)]
mod tests {
    use super::super::test_ring::{NOW, ring};
    use super::*;

    const TEXT: &str = "ASIAIOSFODNN7EXAMPLE/AROA1/1795488101,AKIAIOSFODNN7EXAMPLE/AIDA1";

    fn name_of(status: &Status) -> String {
        status.status_list.uri.rsplit('/').next().unwrap().to_owned()
    }

    #[test]
    fn an_address_says_whose_list_it_is_to_the_ring_that_wrote_it_alone() {
        let ring = ring();
        let lineage = Lineage::parse(TEXT).unwrap();
        let status = status_of(&ring, &lineage, NOW).unwrap();
        assert!(status.status_list.uri.starts_with("https://broker.example/status-lists/"));
        assert_eq!(status, status_of(&ring, &lineage, NOW.plus(9)).unwrap(), "all tokens of a session share it");
        let name = name_of(&status);
        assert_eq!(whose(&ring, &name, NOW), Some(lineage));
        assert_eq!(whose(&super::super::test_ring::ring(), &name, NOW), None, "of another installation");
        let (text, tag) = name.split_once('.').unwrap();
        let other = BASE64URL_NOPAD.encode(TEXT.replace("AROA1", "AROA2").as_bytes());
        for forged in [
            format!("{other}.{tag}"),
            format!("{text}."),
            format!("{text}.{}", &tag[1..]),
            text.to_owned(),
            String::new(),
        ] {
            assert_eq!(whose(&ring, &forged, NOW), None, "{forged}");
        }
    }
}
