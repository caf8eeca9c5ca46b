//! How long to wait before trying again: doubling, capped, with jitter so that a fleet does not return in step.

use std::time::Duration;

use crate::clock::Random;

/// A doubling wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait after the first failure.
    pub base: Duration,
    /// The longest wait after any number of failures.
    pub cap: Duration,
}

impl Backoff {
    /// The wait after `failures` failures in a row (1 for the first): between half and the whole of `base *
    /// 2^(failures - 1)`, where the whole is at most `cap`. `draw` is uniform over its type.
    pub fn wait(&self, failures: u32, draw: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(30);
        let whole = self.base.saturating_mul(1 << doublings).min(self.cap);
        let half = whole / 2;
        half + half.mul_f64(f64::from(draw) / f64::from(u32::MAX))
    }
}

/// A uniform number from `random`.
pub(crate) fn draw(random: &dyn Random) -> u32 {
    let mut bytes = [0; 4];
    random.fill(&mut bytes);
    u32::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(60) };

    #[test]
    fn waits_double_up_to_the_cap() {
        let longest: Vec<u64> = (1..=9).map(|n| BACKOFF.wait(n, u32::MAX).as_secs()).collect();
        assert_eq!(longest, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(BACKOFF.wait(u32::MAX, u32::MAX), Duration::from_secs(60));
    }

    #[test]
    fn jitter_takes_at_most_half() {
        assert_eq!(BACKOFF.wait(3, 0), Duration::from_secs(2));
        assert_eq!(BACKOFF.wait(3, u32::MAX), Duration::from_secs(4));
    }
}
