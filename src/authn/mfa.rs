//! Second factors: one-time codes of virtual MFA devices.
//!
//! A code is good once. The time step of an accepted code is written to the device's record before the caller hears of it,
//! so no broker of the installation takes it again; two requests with one code at the same time meet in that record, and one
//! of them loses.

use std::sync::Arc;

use super::throttle::earliest_try;
use crate::clock::Timestamp;
use crate::crypto::totp::Seed;
use crate::decision::Identity;
use crate::identity::MfaDevice;
use crate::store::{CommitError, Feed, Store, StoreError, Tx, Vault, layout};
use crate::types::{AccountId, Arn, Realm, VirtualMfaName};

/// Why a code was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller has no such device.
    #[error("no such device")]
    NotTheirs,
    /// The code is wrong, or was used already.
    #[error("wrong or used code")]
    Wrong,
    /// Too many wrong codes lately; the right one is not accepted either until some time has passed.
    #[error("too many wrong codes")]
    Throttled,
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Checks a code of the caller's device and uses it up.
///
/// # Errors
/// [`Error`] names the cause; the caller is told no more than that it failed.
pub async fn prove(
    store: &Arc<dyn Store>,
    feed: &Feed,
    vault: &Vault,
    realm: &Realm,
    claim: Claim<'_>,
    now: Timestamp,
) -> Result<(), Error> {
    let name = device_name(realm, claim.account, claim.serial).ok_or(Error::NotTheirs)?;
    let key = layout::mfa_device(claim.account, &name);
    // A device is changed by hardly anybody else; whoever loses twice to another request has a code that is used up.
    for _ in 0..2 {
        let mut tx = Tx::new(Arc::clone(store));
        let device = tx.get::<MfaDevice>(&key).await?.filter(|device| belongs(device, claim.identity));
        // The serial number is recorded and shown to verifiers: another path to the same name is another device.
        let genuine = |device: &MfaDevice| device.enabled.is_some() && device.serial.as_str() == claim.serial;
        let mut device = device.filter(genuine).ok_or(Error::NotTheirs)?;
        if now < earliest_try(device.failures, device.last_failure) {
            return Err(Error::Throttled);
        }
        let seed = vault.open(claim.account, &seed_context(&name), &device.seed).await?;
        let seed = Seed::from_bytes(&seed).map_err(|e| StoreError::corrupt(claim.serial, &e.to_string()))?;
        let accepted = seed.verify(claim.code, now, device.drift, device.last_step);
        match accepted {
            Some(step) => {
                device.last_step = Some(step);
                device.failures = 0;
            }
            None => {
                device.failures = device.failures.saturating_add(1);
                device.last_failure = Some(now);
            }
        }
        tx.put(&key, &device)?;
        match tx.commit().await {
            Ok(revision) => feed.committed(revision, std::slice::from_ref(&key)),
            Err(CommitError::Conflict(_)) => continue,
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
        return if accepted.is_some() { Ok(()) } else { Err(Error::Wrong) };
    }
    Err(Error::Wrong)
}

/// Who claims to hold which device, with which code.
#[derive(Clone, Copy)]
pub struct Claim<'a> {
    /// The caller's account.
    pub account: AccountId,
    /// The caller.
    pub identity: &'a Identity,
    /// The device's serial number: its ARN.
    pub serial: &'a str,
    /// Six digits.
    pub code: &'a str,
}

/// Under which context a device's seed is sealed.
pub fn seed_context(name: &VirtualMfaName) -> [String; 3] {
    ["mfa-device".to_owned(), name.folded(), "seed".to_owned()]
}

/// The name of a virtual device of this account, from its serial number.
pub fn device_name(realm: &Realm, account: AccountId, serial: &str) -> Option<VirtualMfaName> {
    let arn: Arn = serial.parse().ok()?;
    let ours = arn.partition() == realm.partition && arn.service() == "iam" && arn.account() == Some(account);
    arn.name_of_kind("mfa").filter(|_| ours)?.parse().ok()
}

fn belongs(device: &MfaDevice, identity: &Identity) -> bool {
    matches!((&device.owner, identity), (Some(owner), Identity::User(name)) if owner.folded() == name.folded())
}
