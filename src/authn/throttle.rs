//! How long whoever guesses a code or a password must wait between two tries.

use crate::clock::Timestamp;

/// Wrong ones in a row that cost nothing: people mistype.
const FREE_FAILURES: u32 = 5;
/// The longest wait between two tries, in seconds.
const LONGEST_WAIT: i64 = 900;

/// The first moment at which another try is looked at. After the free failures each further one doubles the wait, from 30 seconds
/// to 15 minutes: a million codes would take decades.
pub(super) fn earliest_try(failures: u32, last_failure: Option<Timestamp>) -> Timestamp {
    let Some(last) = last_failure.filter(|_| failures >= FREE_FAILURES) else {
        return Timestamp(i64::MIN);
    };
    let doublings = (failures - FREE_FAILURES).min(10);
    last.plus((30_i64 << doublings).min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_a_quarter_of_an_hour() {
        let wait = |failures| earliest_try(failures, Some(Timestamp(0))).seconds();
        assert_eq!([5, 6, 7, 9, 10, 11, u32::MAX].map(wait), [30, 60, 120, 480, 900, 900, 900]);
        assert_eq!([0, 4].map(wait), [i64::MIN; 2]);
        assert_eq!(earliest_try(9, None), Timestamp(i64::MIN));
    }
}
