//! That a user knows its own password.
//!
//! A guess counts before anybody hears what it was worth: right or wrong, it is written to the profile's record, which every other
//! guess at the same moment meets. So guessing with many requests at once, at whatever broker, is as slow as one by one.

use std::sync::Arc;

use super::throttle::earliest_try;
use super::{HashingFailed, Passwords};
use crate::clock::Timestamp;
use crate::identity::LoginProfile;
use crate::store::{CommitError, Feed, Store, StoreError, Tx, layout};
use crate::types::{AccountId, SecretText, UserName};

/// Why a password was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user has no password.
    #[error("no password")]
    None,
    /// The password is wrong.
    #[error("wrong password")]
    Wrong,
    /// Too many wrong passwords lately; the right one is not accepted either until some time has passed.
    #[error("too many wrong passwords")]
    Throttled,
    /// The password could not be checked.
    #[error(transparent)]
    Unchecked(#[from] HashingFailed),
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Checks a user's password, and gives the profile as it is then.
///
/// # Errors
/// [`Error`] names the cause.
pub async fn prove(
    store: &Arc<dyn Store>,
    feed: &Feed,
    passwords: &Passwords,
    (account, user): (AccountId, &UserName),
    password: &SecretText,
    now: Timestamp,
) -> Result<LoginProfile, Error> {
    let key = layout::login_profile(account, user);
    // Who loses twice to other guesses is one of many.
    for _ in 0..2 {
        let mut tx = Tx::new(Arc::clone(store));
        let mut profile = tx.get::<LoginProfile>(&key).await?.ok_or(Error::None)?;
        if now < earliest_try(profile.failures, profile.last_failure) {
            return Err(Error::Throttled);
        }
        let right = passwords.verify(password.clone(), profile.password.clone()).await?;
        if right {
            profile.failures = 0;
        } else {
            profile.failures = profile.failures.saturating_add(1);
            profile.last_failure = Some(now);
        }
        tx.put(&key, &profile)?;
        match tx.commit().await {
            Ok(revision) => feed.committed(revision, std::slice::from_ref(&key)),
            Err(CommitError::Conflict(_)) => continue,
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
        return if right { Ok(profile) } else { Err(Error::Wrong) };
    }
    Err(Error::Throttled)
}
