//! Time and randomness, passed in, never reached for.
//!
//! Everything that depends on the hour or on chance takes a [`Clock`] or a [`Random`], so that a test can stand at any
//! moment and repeat any draw. `clippy.toml` forbids the shortcuts.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use zeroize::{Zeroize, Zeroizing};

/// A moment in whole seconds since 1970-01-01T00:00:00Z. AWS's APIs carry no finer unit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Seconds since the epoch.
    pub fn seconds(self) -> i64 {
        self.0
    }

    /// This moment moved by `seconds`, which may be negative; saturates at the ends of the range.
    pub fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// `2026-11-24T02:41:41Z`, the form of AWS's XML answers and of CloudTrail.
    pub fn iso8601(self) -> String {
        self.to_string()
    }

    /// `20261124T024141Z`, the form of `X-Amz-Date`.
    pub fn compact(self) -> String {
        let c = self.civil();
        format!("{:04}{:02}{:02}T{:02}{:02}{:02}Z", c.year, c.month, c.day, c.hour, c.minute, c.second)
    }

    /// The form of [`Timestamp::iso8601`], digit by digit: every answer and every audit record has some. `None` for a year that
    /// does not have four digits.
    fn digits(self) -> Option<[u8; 20]> {
        let c = self.civil();
        let mut text = *b"0000-00-00T00:00:00Z";
        let year = u32::try_from(c.year).ok().filter(|year| *year < 10_000)?;
        let fields = [(0, year / 100), (2, year % 100)];
        let rest = [(5, c.month), (8, c.day), (11, c.hour), (14, c.minute), (17, c.second)];
        let rest = rest.map(|(at, number)| (at, u32::try_from(number).unwrap_or_default()));
        for (at, number) in fields.into_iter().chain(rest) {
            text[at] += u8::try_from(number / 10).ok()?;
            text[at + 1] += u8::try_from(number % 10).ok()?;
        }
        Some(text)
    }

    /// Reads the compact form of `X-Amz-Date`; `None` for anything else.
    pub fn parse_compact(text: &str) -> Option<Self> {
        let b = text.as_bytes();
        if b.len() != 16 || b[8] != b'T' || b[15] != b'Z' {
            return None;
        }
        let field = |from: usize, to: usize| -> Option<i64> {
            let part = &b[from..to];
            part.iter().all(u8::is_ascii_digit).then(|| part.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
        };
        from_civil(field(0, 4)?, field(4, 6)?, field(6, 8)?, field(9, 11)?, field(11, 13)?, field(13, 15)?)
    }

    /// Reads `YYYY-MM-DDTHH:MM:SSZ`, the form that [`Timestamp::iso8601`] writes; `None` for anything else.
    pub fn parse_iso8601(text: &str) -> Option<Self> {
        let b = text.as_bytes();
        if b.len() != 20 || b[4] != b'-' || b[7] != b'-' || b[13] != b':' || b[16] != b':' {
            return None;
        }
        let compact: String = text.chars().filter(|c| *c != '-' && *c != ':').collect();
        Self::parse_compact(&compact)
    }

    fn civil(self) -> Civil {
        let days = self.0.div_euclid(86_400);
        let rest = self.0.rem_euclid(86_400);
        // Days to civil date, proleptic Gregorian calendar with years that start in March.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        Civil {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
            hour: rest / 3_600,
            minute: rest % 3_600 / 60,
            second: rest % 60,
        }
    }
}

struct Civil {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

/// The moment of a civil date and time in UTC; `None` when no calendar has it (month 13, 30 February, hour 24).
pub fn from_civil(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64) -> Option<Timestamp> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => return None,
    };
    let fits = (0..=9_999).contains(&year)
        && (1..=longest).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second);
    if !fits {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    Some(Timestamp(days * 86_400 + hour * 3_600 + minute * 60 + second))
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(digits) = self.digits() {
            return f.write_str(std::str::from_utf8(&digits).unwrap_or_default());
        }
        let c = self.civil();
        write!(f, "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", c.year, c.month, c.day, c.hour, c.minute, c.second)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where the time comes from.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the operating system for the time")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }
}

/// A clock that runs with another one, moved by an offset that can be changed while it runs. Tests use it to let sessions
/// expire without waiting.
#[derive(Debug, Clone)]
pub struct ShiftedClock {
    base: Arc<dyn Clock>,
    offset: Arc<AtomicI64>,
}

impl ShiftedClock {
    /// A clock that shows what `base` shows until it is advanced.
    pub fn new(base: Arc<dyn Clock>) -> Self {
        Self { base, offset: Arc::new(AtomicI64::new(0)) }
    }

    /// Moves the clock by `seconds`, for every clone of it.
    pub fn advance(&self, seconds: i64) {
        self.offset.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        self.base.now().plus(self.offset.load(Ordering::SeqCst))
    }
}

/// Where randomness comes from.
pub trait Random: fmt::Debug + Send + Sync {
    /// Fills `target` with unpredictable bytes.
    fn fill(&self, target: &mut [u8]);

    /// The same for an id that is no secret, and of which nothing secret is made.
    fn fill_id(&self, target: &mut [u8]) {
        self.fill(target);
    }
}

/// The operating system's random source; for ids it is asked for some bytes in advance: an id takes a few, and asking costs as much as
/// using them. Keys and nonces are never drawn in advance: a copy of the machine's memory must not draw them again. What has been handed out is wiped, so that it is in nobody's memory but that of whoever asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

/// Bytes of the operating system's that nobody has been given yet.
struct Ahead {
    bytes: Zeroizing<[u8; Ahead::SIZE]>,
    /// How many have been handed out, from the front.
    used: usize,
}

thread_local! {
    /// Each thread has its own, so that none waits for another.
    static AHEAD: RefCell<Ahead> = RefCell::new(Ahead { bytes: Zeroizing::new([0; Ahead::SIZE]), used: Ahead::SIZE });
}

impl Ahead {
    /// Bytes asked for at once.
    const SIZE: usize = 512;
    /// Who wants more than this asks the operating system itself.
    const MOST: usize = 64;

    fn fill(&mut self, target: &mut [u8]) {
        if self.bytes.len() - self.used < target.len() {
            from_system(&mut *self.bytes);
            self.used = 0;
        }
        let some = &mut self.bytes[self.used..self.used + target.len()];
        target.copy_from_slice(some);
        some.zeroize();
        self.used += target.len();
    }
}

impl Random for SystemRandom {
    fn fill(&self, target: &mut [u8]) {
        from_system(target);
    }

    fn fill_id(&self, target: &mut [u8]) {
        if target.len() > Ahead::MOST {
            return from_system(target);
        }
        // A thread that ends has none any more.
        if AHEAD.try_with(|ahead| ahead.borrow_mut().fill(target)).is_err() {
            from_system(target);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that asks the operating system for randomness")]
#[expect(clippy::expect_used, reason = "a broker without randomness must not go on: every key would be guessable")]
fn from_system(target: &mut [u8]) {
    getrandom::fill(target).expect("the operating system gives random bytes");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_in_advance_is_drawn_once_and_wiped() {
        let mut ahead = Ahead { bytes: Zeroizing::new([0; Ahead::SIZE]), used: Ahead::SIZE };
        let mut seen = std::collections::HashSet::new();
        for _ in 0..200 {
            let mut drawn = [0; 15];
            ahead.fill(&mut drawn);
            assert!(seen.insert(drawn), "the same bytes twice");
            assert!(ahead.bytes[..ahead.used].iter().all(|byte| *byte == 0), "what was handed out is still there");
        }
        for length in [0, 1, Ahead::MOST, Ahead::MOST + 1, 10_000] {
            let (mut one, mut other) = (vec![0; length], vec![0; length]);
            SystemRandom.fill_id(&mut one);
            SystemRandom.fill_id(&mut other);
            assert!(length < 8 || one != other);
        }
    }

    #[test]
    fn moments_read_back_as_they_were_written() {
        for seconds in [0, 951_782_400, 1_709_164_800, 1_795_488_101, 4_102_444_799, -86_401] {
            let moment = Timestamp(seconds);
            assert_eq!(Timestamp::parse_compact(&moment.compact()), Some(moment), "{moment}");
            assert_eq!(Timestamp::parse_iso8601(&moment.iso8601()), Some(moment), "{moment}");
        }
        assert_eq!(Timestamp(1_709_164_800).iso8601(), "2024-02-29T00:00:00Z");
        assert_eq!(Timestamp(1_795_488_101).iso8601(), "2026-11-24T02:41:41Z");
        assert_eq!(Timestamp(253_402_300_800).iso8601(), "10000-01-01T00:00:00Z");
    }

    #[test]
    fn dates_that_no_calendar_has_are_refused() {
        for text in [
            "20260230T000000Z",
            "20261301T000000Z",
            "20260101T240000Z",
            "20260101T000060Z",
            "2026-01-01",
            "",
            "20260101t000000Z",
        ] {
            assert_eq!(Timestamp::parse_compact(text), None, "{text}");
        }
    }
}
