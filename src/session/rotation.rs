//! When keys are made, retired and removed, as a plan. The caller makes the keys, commits the records with the versions it
//! read, and plans again when another broker of the fleet was faster.

use crate::clock::Timestamp;
use crate::session::key_ring::{KeyRing, RingKey};
use crate::session::{CLOCK_SKEW_SECONDS, MAX_SESSION_SECONDS};

/// How often keys change. All in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotationPolicy {
    sign_for: i64,
    publish_ahead: i64,
    max_session: i64,
}

/// A policy under which keys would not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RotationPolicyError {
    /// A span that is not positive.
    #[error("the spans of key rotation are positive")]
    NotPositive,
    /// The next key would be published before the present one signs.
    #[error("a key must sign for longer than the next one is published ahead")]
    AheadTooLong,
}

/// One thing to do to the ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Let a key that was made and published earlier sign from this moment on.
    Begin {
        /// Which key.
        kid: String,
        /// From when on it signs.
        not_before: Timestamp,
    },
    /// Make a key that signs from this moment on.
    Generate {
        /// From when on the new key signs.
        not_before: Timestamp,
    },
    /// Set when the key's tokens stop verifying.
    Retire {
        /// Which key.
        kid: String,
        /// Until when its tokens verify.
        after: Timestamp,
    },
    /// Delete the key.
    Remove {
        /// Which key.
        kid: String,
    },
}

/// What becomes of the keys before an unscheduled one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Previous {
    /// Their tokens verify until they expire.
    UntilExpired,
    /// They are removed at once, and every session ends: for a key that has leaked.
    DropAtOnce,
}

impl RotationPolicy {
    /// A key signs for `sign_for`, is published `publish_ahead` before it does, and verifies until `max_session` after it last
    /// did, which is the longest life of any token it signs.
    pub fn new(sign_for: i64, publish_ahead: i64, max_session: i64) -> Result<Self, RotationPolicyError> {
        if sign_for <= 0 || publish_ahead <= 0 || max_session <= 0 {
            return Err(RotationPolicyError::NotPositive);
        }
        if publish_ahead >= sign_for {
            return Err(RotationPolicyError::AheadTooLong);
        }
        Ok(Self { sign_for, publish_ahead, max_session })
    }

    /// The same changes, for keys whose tokens live for `seconds` at the most.
    #[must_use]
    pub fn for_tokens_of(self, seconds: i64) -> Self {
        Self { max_session: seconds, ..self }
    }

    /// When the tokens of a key stop verifying whose successor begins at `successor`. A broker whose clock is behind signs with
    /// the old key for a moment longer.
    fn retirement(&self, successor: Timestamp) -> Timestamp {
        successor.plus(self.max_session).plus(CLOCK_SKEW_SECONDS)
    }
}

impl Default for RotationPolicy {
    /// A key signs for 30 days. It is published a day ahead, longer than verifiers commonly keep a JWKS.
    fn default() -> Self {
        Self { sign_for: 30 * 86_400, publish_ahead: 86_400, max_session: MAX_SESSION_SECONDS }
    }
}

/// What the schedule demands at `now`; nothing, most of the time. Safe to ask at any interval: a late plan lets the old key
/// sign on until the new one has been published for its time.
pub fn plan_rotation(ring: &KeyRing, now: Timestamp, policy: &RotationPolicy) -> Vec<Step> {
    let (retired, kept): (Vec<&RingKey>, Vec<&RingKey>) = ring.keys().iter().partition(|key| key.is_retired(now));
    let mut steps: Vec<Step> = retired.iter().map(|key| Step::Remove { kid: key.kid().to_owned() }).collect();
    let lasting: Vec<&RingKey> = kept.iter().copied().filter(|key| key.retire_after().is_none()).collect();
    let Some(newest) = lasting.last() else {
        steps.push(Step::Generate { not_before: at_once(kept.last().copied(), now) });
        return steps;
    };
    if newest.not_before() <= now {
        // The newest key signs: its successor is made and published at once, so that verifiers know it long before it signs,
        // and it is there when somebody rotates by hand.
        let begins = newest.not_before().plus(policy.sign_for).max(now.plus(policy.publish_ahead));
        steps.push(Step::Generate { not_before: begins });
        steps.extend(lasting.iter().map(|key| retire(key, policy.retirement(begins))));
    } else {
        // Lasting keys beside the newest: another broker's plan was carried out in part.
        let overtaken = lasting.iter().rev().skip(1);
        steps.extend(overtaken.map(|key| retire(key, policy.retirement(newest.not_before()))));
    }
    steps
}

/// Another key at once, outside the schedule: the one that was published to be next; or, where the present ones are dropped
/// because one has leaked, a new one, which verifiers that keep a JWKS do not know yet.
pub fn rotate_now(ring: &KeyRing, now: Timestamp, policy: &RotationPolicy, previous: Previous) -> Vec<Step> {
    let next = ring.keys().iter().find(|key| key.not_before() > now);
    let next = next.filter(|_| previous == Previous::UntilExpired);
    // Of several keys that have not begun one begins; the others have signed nothing, and would take over from it.
    let is_next = |key: &RingKey| next.is_some_and(|next| next.kid() == key.kid());
    let leaves = |key: &RingKey| {
        !is_next(key) && (previous == Previous::DropAtOnce || key.not_before() > now || key.is_retired(now))
    };
    let (leaving, kept): (Vec<&RingKey>, Vec<&RingKey>) = ring.keys().iter().partition(|key| leaves(key));
    let before: Vec<&RingKey> = kept.into_iter().filter(|key| !is_next(key)).collect();
    let begins = at_once(before.last().copied(), now);
    let mut steps: Vec<Step> = leaving.iter().map(|key| Step::Remove { kid: key.kid().to_owned() }).collect();
    steps.extend(before.iter().map(|key| retire(key, policy.retirement(begins))));
    steps.push(match next {
        Some(key) => Step::Begin { kid: key.kid().to_owned(), not_before: begins },
        None => Step::Generate { not_before: begins },
    });
    steps
}

/// One key's removal at once, because it has leaked: nothing that it signed verifies any more. If it was the one that signs, the key
/// takes over that was published to be next, or a new one where there is none. Nothing, where the ring has no such key.
pub fn remove_now(ring: &KeyRing, now: Timestamp, kid: &str) -> Vec<Step> {
    if ring.find(kid).is_none() {
        return Vec::new();
    }
    let mut steps = vec![Step::Remove { kid: kid.to_owned() }];
    if ring.active(now).is_some_and(|active| active.kid() == kid) {
        let left: Vec<&RingKey> = ring.keys().iter().filter(|key| key.kid() != kid).collect();
        let before = left.iter().rev().find(|key| key.not_before() <= now).copied();
        let begins = at_once(before, now);
        steps.push(match left.iter().find(|key| key.not_before() > now) {
            Some(next) => Step::Begin { kid: next.kid().to_owned(), not_before: begins },
            None => Step::Generate { not_before: begins },
        });
    }
    steps
}

fn retire(key: &RingKey, after: Timestamp) -> Step {
    // Retirement is never brought forward: tokens may have been signed that count on the later one.
    let after = key.retire_after().map_or(after, |earlier| earlier.max(after));
    Step::Retire { kid: key.kid().to_owned(), after }
}

/// When a key begins that is wanted now. Beside older keys it must be the one that begins last, or it would not sign; a ring's
/// only key is back-dated, so that a broker whose clock is behind can sign with it too.
fn at_once(latest: Option<&RingKey>, now: Timestamp) -> Timestamp {
    latest.map_or(now.plus(-CLOCK_SKEW_SECONDS), |key| now.max(key.not_before().plus(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::test_ring::{NOW, key, key_made_at};

    const DAY: i64 = 86_400;

    fn policy() -> RotationPolicy {
        RotationPolicy::new(10 * DAY, DAY, 2 * DAY).unwrap()
    }

    fn carry_out(ring: &KeyRing, steps: &[Step], now: Timestamp) -> KeyRing {
        steps.iter().fold(ring.clone(), |ring, step| match step {
            Step::Generate { not_before } => ring.with_key(key_made_at(now, *not_before)).unwrap(),
            Step::Begin { kid, not_before } => {
                let begun = ring.find(kid).unwrap().clone().beginning(*not_before);
                ring.without(kid).with_key(begun).unwrap()
            }
            Step::Retire { kid, after } => ring.with_retirement(kid, *after),
            Step::Remove { kid } => ring.without(kid),
        })
    }

    #[test]
    fn an_empty_ring_gets_a_key_that_signs_at_once() {
        let ring = KeyRing::new("iss", vec![]).unwrap();
        let steps = plan_rotation(&ring, NOW, &policy());
        let ring = carry_out(&ring, &steps, NOW);
        assert!(ring.active(NOW).is_some() && ring.active(NOW.plus(-CLOCK_SKEW_SECONDS)).is_some());
        // Its successor is published at once.
        let ring = carry_out(&ring, &plan_rotation(&ring, NOW, &policy()), NOW);
        assert_eq!(ring.jwks(NOW).keys.len(), 2);
        assert_eq!(plan_rotation(&ring, NOW, &policy()), []);
    }

    /// Two months, hour by hour: at every moment a key signs that was published a day before, and everything that was signed
    /// within the longest session verifies.
    #[test]
    fn the_schedule_leaves_no_gap() {
        let mut ring = KeyRing::new("iss", vec![]).unwrap();
        let mut published: Vec<(String, Timestamp)> = Vec::new();
        let mut signed: Vec<(String, Timestamp)> = Vec::new();
        let mut generated = 0;
        for hour in 0..60 * 24 {
            let now = NOW.plus(hour * 3_600);
            let steps = plan_rotation(&ring, now, &policy());
            generated += steps.iter().filter(|step| matches!(step, Step::Generate { .. })).count();
            ring = carry_out(&ring, &steps, now);
            for jwk in ring.jwks(now).keys {
                let kid = jwk.kid.unwrap();
                if !published.iter().any(|(known, _)| *known == kid) {
                    published.push((kid, now));
                }
            }
            let kid = ring.active(now).unwrap().kid().to_owned();
            let since = published.iter().find(|(known, _)| *known == kid).unwrap().1;
            assert!(hour < 24 || now >= since.plus(DAY), "hour {hour}: the key is news to verifiers");
            signed.push((kid, now));
            for (kid, at) in signed.iter().rev().take_while(|(_, at)| at.plus(2 * DAY) > now) {
                assert!(ring.verifying(kid, now).is_some(), "hour {hour}: what was signed at {at} no longer verifies");
            }
            assert!(ring.keys().len() <= 3, "hour {hour}: {} keys", ring.keys().len());
        }
        // One at the start, its successor, and another successor at each of the handovers.
        assert_eq!(generated, 7);
    }

    #[test]
    fn a_late_plan_still_publishes_ahead() {
        let ring = KeyRing::new("iss", vec![key(NOW)]).unwrap();
        let late = NOW.plus(50 * DAY);
        let steps = plan_rotation(&ring, late, &policy());
        assert_eq!(steps.first(), Some(&Step::Generate { not_before: late.plus(DAY) }));
        let ring = carry_out(&ring, &steps, late);
        assert_eq!(plan_rotation(&ring, late, &policy()), []);
    }

    #[test]
    fn an_unscheduled_handover_goes_to_the_key_that_was_published() {
        let ring = KeyRing::new("iss", vec![key(NOW), key(NOW.plus(DAY))]).unwrap();
        let old = ring.active(NOW).unwrap().kid().to_owned();
        let published = ring.active(NOW.plus(DAY)).unwrap().kid().to_owned();
        let ring = carry_out(&ring, &rotate_now(&ring, NOW, &policy(), Previous::UntilExpired), NOW);
        assert_eq!(ring.active(NOW.plus(1)).unwrap().kid(), published, "even when both were made within one second");
        assert!(ring.verifying(&old, NOW.plus(2 * DAY)).is_some());
        assert!(ring.verifying(&old, NOW.plus(3 * DAY)).is_none());
        // And the next one is published in its place.
        let ring = carry_out(&ring, &plan_rotation(&ring, NOW.plus(1), &policy()), NOW.plus(1));
        assert_eq!(ring.jwks(NOW.plus(1)).keys.len(), 3);
        assert_eq!(plan_rotation(&ring, NOW.plus(1), &policy()), []);
    }

    #[test]
    fn a_ring_without_a_next_key_gets_one_that_signs_at_once() {
        let ring = KeyRing::new("iss", vec![key(NOW)]).unwrap();
        let ring = carry_out(&ring, &rotate_now(&ring, NOW, &policy(), Previous::UntilExpired), NOW);
        assert_eq!(ring.keys().len(), 2);
        assert_eq!(ring.active(NOW.plus(1)).unwrap().kid(), ring.keys()[1].kid());
    }

    #[test]
    fn a_leaked_key_is_gone_at_once() {
        let ring = KeyRing::new("iss", vec![key(NOW), key(NOW.plus(DAY))]).unwrap();
        let old: Vec<String> = ring.keys().iter().map(|key| key.kid().to_owned()).collect();
        let ring = carry_out(&ring, &rotate_now(&ring, NOW, &policy(), Previous::DropAtOnce), NOW);
        assert!(old.iter().all(|kid| ring.find(kid).is_none()));
        assert!(ring.active(NOW).is_some());
    }

    #[test]
    fn a_removed_key_that_signs_gives_way_to_the_published_one() {
        let ring = KeyRing::new("iss", vec![key(NOW), key(NOW.plus(DAY))]).unwrap();
        let (bad, next) = (ring.keys()[0].kid().to_owned(), ring.keys()[1].kid().to_owned());
        let now = NOW.plus(60);
        let ring = carry_out(&ring, &remove_now(&ring, now, &bad), now);
        assert!(ring.find(&bad).is_none());
        for at in [now.plus(-CLOCK_SKEW_SECONDS), now] {
            assert_eq!(ring.active(at).unwrap().kid(), next, "also where the clock is behind");
        }
        assert_eq!(remove_now(&ring, now, &bad), [], "it is gone");
        let ring = carry_out(&ring, &plan_rotation(&ring, now, &policy()), now);
        assert_eq!((ring.keys().len(), ring.active(now).unwrap().kid()), (2, next.as_str()));
        assert_eq!(plan_rotation(&ring, now, &policy()), []);
    }

    #[test]
    fn a_removed_key_that_does_not_sign_changes_nothing_else() {
        let (old, active, next) = (key(NOW.plus(-DAY)), key(NOW), key(NOW.plus(DAY)));
        let kids = [&old, &active, &next].map(|key| key.kid().to_owned());
        let ring = KeyRing::new("iss", vec![old, active, next]).unwrap().with_retirement(&kids[0], NOW.plus(DAY));
        assert_eq!(remove_now(&ring, NOW, &kids[0]), [Step::Remove { kid: kids[0].clone() }]);
        // The next one, gone before it signed, gets another in its place.
        let ring = carry_out(&ring, &remove_now(&ring, NOW, &kids[2]), NOW);
        assert_eq!(ring.active(NOW).unwrap().kid(), kids[1]);
        let ring = carry_out(&ring, &plan_rotation(&ring, NOW, &policy()), NOW);
        assert!(ring.keys().iter().any(|key| key.not_before() >= NOW.plus(DAY)));
    }

    #[test]
    fn of_a_ring_without_a_next_key_the_removed_one_is_replaced_at_once() {
        let (old, active) = (key(NOW.plus(-DAY)), key(NOW));
        let kids = [&old, &active].map(|key| key.kid().to_owned());
        let ring = KeyRing::new("iss", vec![old, active]).unwrap().with_retirement(&kids[0], NOW.plus(DAY));
        let ring = carry_out(&ring, &remove_now(&ring, NOW, &kids[1]), NOW);
        let signs = ring.active(NOW).unwrap().kid().to_owned();
        assert!(!kids.contains(&signs), "a key that retires does not sign again");
        let only = KeyRing::new("iss", vec![key(NOW)]).unwrap();
        let ring = carry_out(&only, &remove_now(&only, NOW, only.keys()[0].kid()), NOW);
        assert_eq!(ring.keys().len(), 1);
        assert!(ring.active(NOW).is_some());
    }

    #[test]
    fn keys_of_short_tokens_retire_sooner() {
        let ring = KeyRing::new("iss", vec![key(NOW)]).unwrap();
        let retires = |policy: RotationPolicy| {
            let ring = carry_out(&ring, &plan_rotation(&ring, NOW, &policy), NOW);
            ring.keys()[0].retire_after().unwrap()
        };
        assert_eq!(retires(policy()), NOW.plus(12 * DAY + CLOCK_SKEW_SECONDS));
        assert_eq!(retires(policy().for_tokens_of(3_600)), NOW.plus(10 * DAY + 3_600 + CLOCK_SKEW_SECONDS));
    }

    #[test]
    fn policies_that_cannot_work_are_refused() {
        assert_eq!(RotationPolicy::new(0, 1, 1), Err(RotationPolicyError::NotPositive));
        assert_eq!(RotationPolicy::new(10, 10, 1), Err(RotationPolicyError::AheadTooLong));
    }
}
