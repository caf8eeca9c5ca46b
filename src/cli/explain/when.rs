//! `--at`: a moment as people write it. Times are UTC unless they say otherwise.

use crate::clock::{Timestamp, from_civil};

/// A stretch of time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

const DAY: i64 = 86_400;

impl Window {
    /// What `text` means at `now`, and `within` seconds around it: `14:03` (all of that minute, today, or yesterday where that is yet to
    /// come), `14:03:20`, either with a date before it (`2026-11-27T14:03`, with a space too) and an offset after it (`Z`, `+01:00`).
    pub(super) fn around(text: &str, now: Timestamp, within: i64) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no time: write 14:03, 14:03:20, 2026-11-27T14:03 or 2026-11-27T14:03:20+01:00 (UTC unless it says otherwise)"
            )
        };
        let (local, offset) = offset_of(text.trim()).ok_or_else(wrong)?;
        let (date, time) = match local.split_once(['T', 't', ' ']) {
            Some((date, time)) => (Some(date), time),
            None => (None, local),
        };
        let (hour, minute, second) = clock_of(time).ok_or_else(wrong)?;
        let length = if second.is_some() { 1 } else { 60 };
        let at = match date {
            Some(date) => {
                let [year, month, day] = numbers(date, '-', &[4, 2, 2]).ok_or_else(wrong)?;
                let civil = from_civil(year, month, day, hour, minute, second.unwrap_or(0)).ok_or_else(wrong)?;
                civil.plus(-offset)
            }
            None => {
                let midnight = now.plus(offset).seconds().div_euclid(DAY) * DAY;
                // Hours, minutes and seconds fit a day.
                from_civil(1970, 1, 1, hour, minute, second.unwrap_or(0)).ok_or_else(wrong)?;
                let today = Timestamp(midnight + hour * 3_600 + minute * 60 + second.unwrap_or(0)).plus(-offset);
                if today > now { today.plus(-DAY) } else { today }
            }
        };
        Ok(Self { from: at.plus(-within), until: at.plus(length - 1 + within) })
    }

    pub(super) fn contains(&self, time: Timestamp) -> bool {
        (self.from..=self.until).contains(&time)
    }
}

/// The text before an offset, and the offset in seconds.
fn offset_of(text: &str) -> Option<(&str, i64)> {
    if let Some(rest) = text.strip_suffix(['Z', 'z']) {
        return Some((rest, 0));
    }
    // A date has hyphens too, but none after a colon.
    let colon = text.find(':')?;
    let Some(sign) = text.rfind(['+', '-']).filter(|at| *at > colon) else { return Some((text, 0)) };
    let (local, offset) = text.split_at_checked(sign)?;
    let [hours, minutes] = numbers(offset.get(1..)?, ':', &[2, 2])?;
    let seconds = (hours * 60 + minutes) * 60;
    (hours <= 23 && minutes <= 59).then_some((local, if offset.starts_with('-') { -seconds } else { seconds }))
}

fn clock_of(text: &str) -> Option<(i64, i64, Option<i64>)> {
    // A fraction of a second is more than records have.
    let text = match text.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit()) => whole,
        Some(_) => return None,
        None => text,
    };
    if let Some([hour, minute]) = numbers(text, ':', &[2, 2]) {
        return Some((hour, minute, None));
    }
    let [hour, minute, second] = numbers(text, ':', &[2, 2, 2])?;
    Some((hour, minute, Some(second)))
}

/// Numbers of so many digits each, apart by a separator.
fn numbers<const N: usize>(text: &str, separator: char, digits: &[usize; N]) -> Option<[i64; N]> {
    let parts: Vec<&str> = text.split(separator).collect();
    let fits = parts.len() == N
        && parts.iter().zip(digits).all(|(part, n)| part.len() == *n && part.bytes().all(|b| b.is_ascii_digit()));
    let numbers: Vec<i64> =
        if fits { parts.iter().map(|part| part.parse().ok()).collect::<Option<_>>()? } else { return None };
    numbers.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-27T15:00:00Z
    fn now() -> Timestamp {
        from_civil(2026, 11, 27, 15, 0, 0).unwrap()
    }

    fn window(text: &str) -> (String, String) {
        let window = Window::around(text, now(), 0).unwrap_or_else(|wrong| panic!("{wrong}"));
        (window.from.iso8601(), window.until.iso8601())
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, from, until) in [
            ("14:03", "2026-11-27T14:03:00Z", "2026-11-27T14:03:59Z"),
            ("14:03:20", "2026-11-27T14:03:20Z", "2026-11-27T14:03:20Z"),
            ("15:01", "2026-11-26T15:01:00Z", "2026-11-26T15:01:59Z"),
            ("15:03+01:00", "2026-11-27T14:03:00Z", "2026-11-27T14:03:59Z"),
            ("00:30+01:00", "2026-11-26T23:30:00Z", "2026-11-26T23:30:59Z"),
            ("2026-11-20T14:03", "2026-11-20T14:03:00Z", "2026-11-20T14:03:59Z"),
            ("2026-11-20 14:03:05Z", "2026-11-20T14:03:05Z", "2026-11-20T14:03:05Z"),
            ("2026-11-20T14:03:05.250-05:00", "2026-11-20T19:03:05Z", "2026-11-20T19:03:05Z"),
        ] {
            assert_eq!(window(text), (from.to_owned(), until.to_owned()), "{text}");
        }
        let wide = Window::around("14:03", now(), 60).unwrap();
        assert!(wide.contains(from_civil(2026, 11, 27, 14, 4, 59).unwrap()));
        assert!(!wide.contains(from_civil(2026, 11, 27, 14, 5, 0).unwrap()));
    }

    proptest::proptest! {
        /// Any text is read without harm, and what is read is a stretch of time.
        #[test]
        fn any_text_is_read(text in "\\PC{0,30}|[0-9:TZ+. -]{0,30}") {
            if let Ok(window) = Window::around(&text, now(), 60) {
                proptest::prop_assert!(window.from < window.until);
            }
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "14",
            "14:3",
            "24:00",
            "14:60",
            "2pm",
            "14:03+1",
            "14:03+24:00",
            "2026-13-01T00:00",
            "2026-11-27",
            "14:03.",
            "é4:03",
            "T14:03",
            "+01:00",
        ] {
            assert!(Window::around(text, now(), 0).is_err(), "{text}");
        }
    }
}
