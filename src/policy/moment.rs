//! Dates of the `Date…` operators: the W3C profile of ISO 8601 (<https://www.w3.org/TR/NOTE-datetime>), or seconds since 1970.

use crate::clock::{Timestamp, from_civil};

/// A moment with nanoseconds: documents may be finer than the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    seconds: i64,
    nanoseconds: u32,
}

impl Moment {
    /// Reads `2020`, `2020-04`, `2020-04-01`, `2020-04-01T12:00Z`, `2020-04-01T12:00:00.5+02:00` or `1585699200`.
    ///
    /// Four digits are a year, as the W3C profile has it; any other number is seconds since 1970.
    pub(super) fn parse(text: &str) -> Option<Moment> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if !digits.is_empty() && digits.len() != 4 && digits.bytes().all(|b| b.is_ascii_digit()) {
            return Some(Timestamp(text.parse().ok()?).into());
        }
        let (date, time) = match text.split_once('T') {
            Some((date, time)) => (date, Some(time)),
            None => (text, None),
        };
        let mut parts = date.split('-');
        let year = number(parts.next()?, 4)?;
        let month = parts.next().map(|p| number(p, 2));
        let day = parts.next().map(|p| number(p, 2));
        if parts.next().is_some() || (time.is_some() && day.is_none()) {
            return None;
        }
        let (month, day) = (month.unwrap_or(Some(1))?, day.unwrap_or(Some(1))?);
        match time {
            None => Some(from_civil(year, month, day, 0, 0, 0)?.into()),
            Some(time) => Moment::at(year, month, day, time),
        }
    }

    /// The last whole second that is not after this moment.
    pub(super) fn floor(self) -> i128 {
        i128::from(self.seconds)
    }

    fn at(year: i64, month: i64, day: i64, time: &str) -> Option<Moment> {
        let (clock, offset) = match time.strip_suffix('Z') {
            Some(clock) => (clock, 0),
            None => {
                let at = time.rfind(['+', '-'])?;
                let (clock, zone) = time.split_at_checked(at)?;
                let (hours, minutes) = zone.get(1..)?.split_once(':')?;
                let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
                if hours > 23 || minutes > 59 {
                    return None;
                }
                let seconds = hours * 3_600 + minutes * 60;
                (clock, if zone.starts_with('-') { -seconds } else { seconds })
            }
        };
        let mut parts = clock.split(':');
        let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
        let (second, nanoseconds) = match parts.next() {
            None => (0, 0),
            Some(seconds) => match seconds.split_once('.') {
                None => (number(seconds, 2)?, 0),
                Some((whole, fraction)) => (number(whole, 2)?, nanoseconds(fraction)?),
            },
        };
        if parts.next().is_some() {
            return None;
        }
        let Timestamp(local) = from_civil(year, month, day, hour, minute, second)?;
        Some(Moment { seconds: local - offset, nanoseconds })
    }
}

impl From<Timestamp> for Moment {
    fn from(value: Timestamp) -> Self {
        Moment { seconds: value.seconds(), nanoseconds: 0 }
    }
}

/// Exactly `width` digits.
fn number(text: &str, width: usize) -> Option<i64> {
    (text.len() == width && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// A fraction of a second; what is finer than a nanosecond is cut off.
fn nanoseconds(fraction: &str) -> Option<u32> {
    let digits = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| fraction.bytes().chain(std::iter::repeat(b'0')).take(9).fold(0, |n, d| n * 10 + u32::from(d - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_the_w3c_profile_and_epoch_seconds_are_read() {
        for (text, seconds, nanoseconds) in [
            ("2020", 1_577_836_800, 0),
            ("2020-04", 1_585_699_200, 0),
            ("2020-04-01", 1_585_699_200, 0),
            ("2020-04-01T00:00Z", 1_585_699_200, 0),
            ("2020-04-01T02:00:00+02:00", 1_585_699_200, 0),
            ("2020-03-31T22:30:00-01:30", 1_585_699_200, 0),
            ("2020-04-01T00:00:00.25Z", 1_585_699_200, 250_000_000),
            ("1585699200", 1_585_699_200, 0),
            ("0", 0, 0),
            ("-86400", -86_400, 0),
        ] {
            assert_eq!(Moment::parse(text), Some(Moment { seconds, nanoseconds }), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "-",
            "tomorrow",
            "2020-13",
            "2020-02-30",
            "2020-04-01T00:00",
            "2020-04-01T24:00Z",
            "2020-04-01 00:00:00Z",
            "2020-04T00:00Z",
            "2020-04-01T00:00:00.Z",
            "2020-04-01T00:00:00+0200",
            "2020-4-1",
            "99999999999999999999",
            "2020-",
            "2020-04-01T",
            "2020-04-01T00:00:00:00Z",
            "-2020-04",
            "２０２０",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }
}
