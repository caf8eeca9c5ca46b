//! A revocation: which sessions are refused though their tokens are good. Sessions are not stored; what ends them early is.
//!
//! AWS knows revocation by a policy on `aws:TokenIssueTime` alone ("Revoking IAM role temporary security credentials" in the IAM
//! User Guide), which works here too. These records reach single sessions, and what was made from them.

use serde::{Deserialize, Serialize};

use super::{CLOCK_SKEW_SECONDS, MAX_SESSION_SECONDS};
use crate::clock::Timestamp;
use crate::identity::{Account, Role, User};
use crate::store::{Key, StoreError, Tx, layout};
use crate::types::{AccessKeyId, AccountId, Arn, Realm};

/// What is revoked. It cannot be taken back, only widened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Target {
    /// One session.
    Session {
        /// Its access key id.
        key: AccessKeyId,
        /// Whether what was made from it, and from that, ends too.
        descendants: bool,
    },
    /// What was made with a long-lived access key, and what was made from that.
    AccessKey {
        /// The access key's id.
        key: AccessKeyId,
        /// Sessions that were made with the key until this second, itself included.
        until: Timestamp,
    },
    /// The sessions of a user, a role or an account's root.
    Principal {
        /// Its unique id; the account's number for its root.
        id: String,
        /// Its ARN when it was revoked, for whoever reads the list.
        arn: String,
        /// Sessions of it that were issued until this second, itself included.
        until: Timestamp,
        /// The same for what was made from its sessions and, if it is a user, with its access keys.
        descendants_until: Option<Timestamp>,
    },
}

/// What is stored of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Whose it is.
    pub account: AccountId,
    /// What is revoked.
    pub target: Target,
    /// When that was last said.
    pub made: Timestamp,
    /// From when on it is of no use, because whatever it reaches has expired.
    pub ends: Timestamp,
}

impl Target {
    /// Where its record lies.
    pub fn place(&self, account: AccountId) -> Key {
        match self {
            Self::Session { key, .. } => layout::revocation(account, "session", key.as_str()),
            Self::AccessKey { key, .. } => layout::revocation(account, "access-key", key.as_str()),
            Self::Principal { id, .. } => layout::revocation(account, "principal", id),
        }
    }

    /// What both of two revocations of one thing reach.
    #[must_use]
    pub fn widened(self, earlier: &Self) -> Self {
        match (self, earlier) {
            (Self::Session { key, descendants }, Self::Session { descendants: before, .. }) => {
                Self::Session { key, descendants: descendants || *before }
            }
            (Self::AccessKey { key, until }, Self::AccessKey { until: before, .. }) => {
                Self::AccessKey { key, until: until.max(*before) }
            }
            (
                Self::Principal { id, arn, until, descendants_until },
                Self::Principal { until: before, descendants_until: further, .. },
            ) => Self::Principal {
                id,
                arn,
                until: until.max(*before),
                descendants_until: descendants_until.max(*further),
            },
            (own, _) => own,
        }
    }
}

/// Stages a revocation; one of the same thing is widened by it. Gives what is in force then, and whether there was none before.
///
/// # Errors
/// The store cannot be read.
pub async fn stage(
    tx: &mut Tx,
    account: AccountId,
    target: Target,
    now: Timestamp,
) -> Result<(Revocation, bool), StoreError> {
    let place = target.place(account);
    let earlier = tx.get::<Revocation>(&place).await?;
    let is_new = earlier.is_none();
    // What it reaches was issued by now and lives no longer than any session; the clocks of who issued it, of who is asked and of
    // who sweeps may differ.
    let ends = now.plus(MAX_SESSION_SECONDS + 2 * CLOCK_SKEW_SECONDS);
    let revocation = match earlier {
        Some(earlier) => Revocation {
            account,
            target: target.widened(&earlier.target),
            made: now.max(earlier.made),
            ends: ends.max(earlier.ends),
        },
        None => Revocation { account, target, made: now, ends },
    };
    tx.put(&place, &revocation)?;
    Ok((revocation, is_new))
}

/// The account and unique id of the user, role or root that an ARN names, if there is one.
///
/// # Errors
/// The store cannot be read.
pub async fn principal_of(tx: &mut Tx, realm: &Realm, arn: &Arn) -> Result<Option<(AccountId, String)>, StoreError> {
    let Some(account) = arn.account().filter(|_| arn.partition() == realm.partition && arn.service() == "iam") else {
        return Ok(None);
    };
    if *arn == realm.root(account) {
        let found = tx.get::<Account>(&layout::account(account)).await?;
        return Ok(found.map(|_| (account, account.to_string())));
    }
    if let Some(name) = arn.name_of_kind("user").and_then(|name| name.parse().ok()) {
        let found = tx.get::<User>(&layout::user(account, &name)).await?;
        let found = found.filter(|user| user.arn(realm, account) == *arn);
        return Ok(found.map(|user| (account, user.id.to_string())));
    }
    let Some(name) = arn.name_of_kind("role").and_then(|name| name.parse().ok()) else { return Ok(None) };
    let found = tx.get::<Role>(&layout::role(account, &name)).await?.filter(|role| role.arn(realm, account) == *arn);
    Ok(found.map(|role| (account, role.id.to_string())))
}

/// The access key id of the session of `account` whose token's `jti` stands for these bits.
pub fn session_key(account: AccountId, bits: &[u8; 16]) -> AccessKeyId {
    let [a, b, c, d, e, ..] = *bits;
    AccessKeyId::session(account, [a, b, c, d, e])
}

/// Whether sessions of `account` have access key ids like this one.
pub fn is_session_key(account: AccountId, key: &AccessKeyId) -> bool {
    let bits = key.as_str().strip_prefix("ASIA").and_then(|bits| data_encoding::BASE32.decode(bits.as_bytes()).ok());
    let Some(&[_, _, _, _, _, a, b, c, d, e]) = bits.as_deref() else { return false };
    AccessKeyId::session(account, [a, b, c, d, e]) == *key
}

/// The access key id of the session of `account` with this `jti`; `None` if no session has such a one.
pub fn session_key_of_jti(account: AccountId, jti: &str) -> Option<AccessKeyId> {
    let bits = data_encoding::BASE64URL_NOPAD.decode(jti.as_bytes()).ok()?;
    Some(session_key(account, bits.as_slice().try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revocation_is_only_widened() {
        let key: AccessKeyId = "ASIAIOSFODNN7EXAMPLE".parse().unwrap();
        let session = |descendants| Target::Session { key: key.clone(), descendants };
        assert_eq!(session(false).widened(&session(true)), session(true));
        assert_eq!(session(true).widened(&session(false)), session(true));
        let of_key = |until| Target::AccessKey { key: key.clone(), until: Timestamp(until) };
        assert_eq!(of_key(3).widened(&of_key(7)), of_key(7));
        let principal = |until, descendants: Option<i64>| Target::Principal {
            id: "AROA".to_owned(),
            arn: "arn".to_owned(),
            until: Timestamp(until),
            descendants_until: descendants.map(Timestamp),
        };
        assert_eq!(principal(9, None).widened(&principal(5, Some(5))), principal(9, Some(5)));
        assert_eq!(principal(3, Some(2)).widened(&principal(5, None)), principal(5, Some(2)));
    }

    #[test]
    fn a_jti_names_one_access_key_of_an_account() {
        let account: AccountId = "111122223333".parse().unwrap();
        let bits = [7; 16];
        let jti = data_encoding::BASE64URL_NOPAD.encode(&bits);
        let key = session_key_of_jti(account, &jti).unwrap();
        assert_eq!((key.account(), key.is_session()), (Some(account), true));
        assert_eq!(key, session_key(account, &bits));
        assert!(is_session_key(account, &key) && !is_session_key("111122223334".parse().unwrap(), &key));
        for other in ["AKIAIOSFODNN7EXAMPLE", "ASIA0000000000000000", "ASIAIOSFODNN7EXAMPLEX"] {
            assert!(!is_session_key(account, &other.parse().unwrap()), "{other}");
        }
        for wrong in ["", "AAAA", "not base64!", &format!("{jti}A")] {
            assert_eq!(session_key_of_jti(account, wrong), None, "{wrong}");
        }
    }
}
