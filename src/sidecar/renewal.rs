//! When to renew: a state machine without IO, clock or chance of its own.
//!
//! Good credentials are renewed when a fifth of their life is left, a little earlier by chance so that sidecars that
//! were started together do not come back together. After a failure the next try is seconds away, then longer, at
//! most a minute; what is there stays good until it expires.

use std::time::Duration;

use crate::client::Backoff;
use crate::clock::Timestamp;

/// The wait after failures.
const BACKOFF: Backoff = Backoff { base: Duration::from_secs(2), cap: Duration::from_secs(60) };

/// What is known about the credentials' time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewal {
    expiration: Option<Timestamp>,
    due: Timestamp,
    failures: u32,
}

impl Renewal {
    /// Nothing is there yet: a renewal is due at once.
    pub fn starting(now: Timestamp) -> Self {
        Self { expiration: None, due: now, failures: 0 }
    }

    /// When to renew next.
    pub fn due(&self) -> Timestamp {
        self.due
    }

    /// Whether to renew now.
    pub fn is_due(&self, now: Timestamp) -> bool {
        now >= self.due
    }

    /// Whether there are credentials that are not expired.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.expiration.is_some_and(|expiration| now < expiration)
    }

    /// How often renewing has failed since it last succeeded.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Credentials came that expire at `expiration`. `draw` is uniform over its type.
    pub fn succeeded(&mut self, now: Timestamp, expiration: Timestamp, draw: u32) {
        let life = expiration.seconds().saturating_sub(now.seconds()).max(0);
        // Four fifths of the life, less up to a twentieth.
        let jitter = (i128::from(life / 20) * i128::from(draw)) / i128::from(u32::MAX);
        let wait = life - life / 5 - i64::try_from(jitter).unwrap_or(0);
        *self = Self { expiration: Some(expiration), due: now.plus(wait.max(1)), failures: 0 };
    }

    /// A try failed; what was there before is kept. `draw` is uniform over its type.
    pub fn failed(&mut self, now: Timestamp, draw: u32) {
        self.failures = self.failures.saturating_add(1);
        let wait = BACKOFF.wait(self.failures, draw).as_secs_f64().ceil() as i64;
        self.due = now.plus(wait.max(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_000_000);

    #[test]
    fn a_renewal_is_due_at_once_and_then_with_a_fifth_of_the_life_left() {
        let mut renewal = Renewal::starting(START);
        assert!(renewal.is_due(START) && !renewal.is_valid(START));
        renewal.succeeded(START, START.plus(3_600), 0);
        assert_eq!(renewal.due(), START.plus(2_880));
        assert!(!renewal.is_due(START.plus(2_879)) && renewal.is_due(START.plus(2_880)));
        renewal.succeeded(START, START.plus(3_600), u32::MAX);
        assert_eq!(renewal.due(), START.plus(2_700));
    }

    #[test]
    fn failures_keep_what_is_there_and_wait_longer() {
        let mut renewal = Renewal::starting(START);
        renewal.succeeded(START, START.plus(900), 0);
        let mut now = renewal.due();
        let mut waits = Vec::new();
        for _ in 0..7 {
            renewal.failed(now, u32::MAX);
            waits.push(renewal.due().seconds() - now.seconds());
            now = renewal.due();
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60]);
        assert!(renewal.is_valid(START.plus(899)) && !renewal.is_valid(START.plus(900)));
        renewal.succeeded(now, now.plus(900), 0);
        assert_eq!(renewal.failures(), 0);
        assert!(renewal.is_valid(now.plus(899)));
    }

    #[test]
    fn there_is_always_a_pause() {
        let mut renewal = Renewal::starting(START);
        for (expiration, draw) in
            [(START, 0), (START.plus(1), u32::MAX), (START.plus(-10), 0), (Timestamp(i64::MAX), 7)]
        {
            renewal.succeeded(START, expiration, draw);
            assert!(renewal.due() > START, "{expiration:?}");
        }
        renewal.failed(START, 0);
        assert!(renewal.due() > START);
    }

    #[test]
    fn renewals_come_before_the_end_whatever_the_life() {
        for life in [10, 60, 900, 3_600, 43_200] {
            for draw in [0, u32::MAX / 2, u32::MAX] {
                let mut renewal = Renewal::starting(START);
                renewal.succeeded(START, START.plus(life), draw);
                assert!(renewal.is_valid(renewal.due()), "{life} {draw}");
            }
        }
    }
}
