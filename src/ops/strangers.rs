//! How many refusals of callers without a signature are recorded.
//!
//! Whoever can get a token from an issuer that an account trusts, as everybody can from a public one, may be refused as often as
//! they like. Each account's trail takes a hundred such refusals at once and one a second after that; the others are counted, and
//! the next record says how many they were.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::clock::Timestamp;
use crate::types::AccountId;

/// Refusals that are recorded at once.
const AT_ONCE: i64 = 100;

/// Counts refusals by the account that they are recorded in. Only accounts that have an OIDC provider are ever here.
#[derive(Debug, Default)]
pub struct Strangers(Mutex<HashMap<AccountId, Room>>);

#[derive(Debug)]
struct Room {
    left: i64,
    at: Timestamp,
    unrecorded: u64,
}

impl Strangers {
    /// Whether one more refusal is recorded; if so, how many before it were not.
    pub(super) fn admit(&self, account: AccountId, now: Timestamp) -> Option<u64> {
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = rooms.entry(account).or_insert(Room { left: AT_ONCE, at: now, unrecorded: 0 });
        let passed = now.seconds().saturating_sub(room.at.seconds()).clamp(0, AT_ONCE);
        room.left = room.left.saturating_add(passed).min(AT_ONCE);
        room.at = now;
        if room.left == 0 {
            room.unrecorded = room.unrecorded.saturating_add(1);
            return None;
        }
        room.left -= 1;
        Some(std::mem::take(&mut room.unrecorded))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_not_recorded() {
        let strangers = Strangers::default();
        let (one, other) = ("111122223333".parse().expect("an account"), "444455556666".parse().expect("an account"));
        let now = Timestamp(1_800_000_000);
        let recorded = (0..1_000).filter(|_| strangers.admit(one, now).is_some()).count();
        assert_eq!(recorded, 100);
        assert_eq!(strangers.admit(other, now), Some(0), "another account is not concerned");
        assert_eq!(strangers.admit(one, now.plus(1)), Some(900));
        assert_eq!(strangers.admit(one, now.plus(1)), None);
        assert_eq!(strangers.admit(one, now), None, "a clock that is set back gives no room");
        assert_eq!(strangers.admit(one, now.plus(86_400)), Some(2));
    }
}
