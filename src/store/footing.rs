//! What an answer stands on, in terms that whoever keeps the answer can use and that tell nothing else.
//!
//! An answer is computed from records; each of them is told as a *footing*, a keyed hash of the record's key. The change feed is told
//! in the same terms, so whoever keeps an answer drops it when one of its footings has changed, and never hears what it stands on.
//! Each account hears hashes of its own: two accounts cannot compare what they heard.

use std::fmt;

use super::key::Key;
use super::vault::Vault;
use crate::crypto::hash::hmac_sha256;
use crate::types::{AccountId, SecretBytes};

/// What a record is called where nobody may know which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Footing(u64);

/// Makes footings: the same ones at every broker on the store.
pub struct Footings {
    secret: SecretBytes,
}

/// Kinds of records of other accounts that answers for an account may stand on.
const OF_ALL_ACCOUNTS: [&str; 3] = ["access-key", "resource", "resource-owner"];

impl Footings {
    /// Those of an installation.
    pub fn new(vault: &Vault) -> Self {
        Self { secret: vault.key_for("footings") }
    }

    /// What `viewer` knows this record as; records of others that are nothing to it are [`Footings::everything`].
    pub fn of(&self, viewer: AccountId, key: &Key) -> Footing {
        let parts = key.parts().unwrap_or_default();
        match parts.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["signing-key" | "identity-key", ..] => self.signing(viewer),
            ["revocation", _, kind, id] => self.revocation(viewer, kind, id),
            [kind, ..] if OF_ALL_ACCOUNTS.contains(kind) => self.hashed(viewer, key),
            [_, account, ..] if *account == viewer.to_string() => self.hashed(viewer, key),
            _ => self.everything(viewer),
        }
    }

    /// The keys that sign sessions: all of them are one.
    pub fn signing(&self, viewer: AccountId) -> Footing {
        self.hashed(viewer, &Key::of(&["signing-key"]))
    }

    /// What revokes sessions, access keys and principals, whosever they are: ids are unique in the installation.
    pub fn revocation(&self, viewer: AccountId, kind: &str, id: &str) -> Footing {
        self.hashed(viewer, &Key::of(&["revocation", kind, id]))
    }

    /// What every change changes.
    pub fn everything(&self, viewer: AccountId) -> Footing {
        self.hashed(viewer, &Key::of(&[]))
    }

    fn hashed(&self, viewer: AccountId, key: &Key) -> Footing {
        let mut data = viewer.to_string().into_bytes();
        data.push(0);
        data.extend_from_slice(key.as_bytes());
        let [a, b, c, d, e, f, g, h, ..] = hmac_sha256(self.secret.expose(), &data);
        Footing(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }
}

impl fmt::Display for Footing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Footings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Footings").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::layout;

    fn footings(secret: u8) -> Footings {
        Footings { secret: SecretBytes::new(vec![secret; 32]) }
    }

    fn account(text: &str) -> AccountId {
        text.parse().unwrap()
    }

    #[test]
    fn a_record_is_one_footing_for_one_account_of_one_installation() {
        let (one, other) = (account("111122223333"), account("444455556666"));
        let key = Key::of(&["user", "111122223333", "alice"]);
        let shared = Key::of(&["resource", "111122223333", "arn:aws:s3:::b"]);
        let own = footings(1);
        assert_eq!(own.of(one, &key), own.of(one, &key));
        assert_ne!(own.of(one, &key), own.of(one, &Key::of(&["user", "111122223333", "bob"])));
        assert_ne!(own.of(one, &shared), own.of(other, &shared), "accounts cannot compare");
        assert_ne!(own.of(one, &key), footings(2).of(one, &key));
        assert_eq!(own.of(one, &key).to_string().len(), 16);
    }

    #[test]
    fn what_is_of_others_is_not_told_apart() {
        let (one, other) = (account("111122223333"), account("444455556666"));
        let own = footings(1);
        for name in ["alice", "bob"] {
            assert_eq!(own.of(other, &Key::of(&["user", "111122223333", name])), own.everything(other));
        }
        assert_eq!(own.of(one, &layout::signing_key("a")), own.of(one, &layout::identity_key("b")));
        assert_eq!(own.of(one, &layout::signing_key("a")), own.signing(one));
        assert_ne!(own.signing(one), own.everything(one));
        let revoked = layout::revocation(one, "principal", "AROA1");
        assert_eq!(own.of(other, &revoked), own.revocation(other, "principal", "AROA1"), "a chain may begin elsewhere");
    }
}
