//! Exact decimal numbers for the `Numeric…` operators: a threshold must not move because a float rounded.

/// Digits kept on either side of the point.
const DIGITS: usize = 18;

/// A decimal number with up to 18 digits before and 18 after the point. What a request carries may be longer: it keeps its place
/// among the numbers that a policy can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Decimal {
    /// Units of the last digit after the point that is kept, rounded down.
    units: i128,
    /// Whether the number is a little larger than that.
    more: bool,
}

impl Decimal {
    /// Reads a number of a policy: `-12`, `+3.50`, `0`; `None` for anything else, exponents and needless dots included.
    pub(super) fn parse(text: &str) -> Option<Decimal> {
        let (negative, digits) = sign(text);
        let (whole, fraction) = match digits.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return None,
            None => (digits, ""),
        };
        let fits = |part: &str| part.len() <= DIGITS && part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !fits(whole) || !fits(fraction) {
            return None;
        }
        Decimal::new(negative, whole.bytes().chain(fraction.bytes()).collect::<Vec<_>>().as_slice(), whole.len() as i64)
    }

    /// Reads a number of a request, however it is written: with needless zeros or spaces, an exponent, more digits than are kept.
    /// A number that is not understood would slip past a denial of large numbers.
    pub(super) fn read(text: &str) -> Option<Decimal> {
        let text = text.trim_ascii();
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            None => (text, 0),
            Some((mantissa, exponent)) => {
                let (negative, digits) = sign(exponent);
                let digits = digits.trim_start_matches('0');
                let size = match digits.len() {
                    0 if exponent.ends_with('0') => 0,
                    // Beyond any number that is kept.
                    7.. if digits.bytes().all(|b| b.is_ascii_digit()) => 1_000_000,
                    1..=6 if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok()?,
                    _ => return None,
                };
                (mantissa, if negative { -size } else { size })
            }
        };
        let (negative, digits) = sign(mantissa);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let point = i64::try_from(whole.len()).ok()?.checked_add(exponent)?;
        let short = |part: &str| part.len() <= DIGITS;
        if short(whole) && short(fraction) {
            let mut kept = [0; 2 * DIGITS];
            kept.iter_mut().zip(whole.bytes().chain(fraction.bytes())).for_each(|(to, from)| *to = from);
            return Decimal::new(negative, kept.get(..whole.len() + fraction.len())?, point);
        }
        Decimal::new(negative, whole.bytes().chain(fraction.bytes()).collect::<Vec<_>>().as_slice(), point)
    }

    /// The number of these digits, of which `point` stand before the point.
    fn new(negative: bool, digits: &[u8], point: i64) -> Option<Decimal> {
        let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
        let digits = digits.get(zeros..)?;
        if digits.is_empty() {
            return Some(Decimal { units: 0, more: false });
        }
        // How many of the digits are units or more.
        let kept = point.checked_sub(i64::try_from(zeros).ok()?)?.checked_add(DIGITS as i64)?;
        let (size, rest) = if kept > 2 * DIGITS as i64 {
            // Larger than any number of a policy, and as large as all such.
            (10_i128.pow(2 * DIGITS as u32), false)
        } else {
            let kept = usize::try_from(kept).unwrap_or(0);
            let read = digits.iter().copied().chain(std::iter::repeat(b'0')).take(kept);
            let size = read.fold(0_i128, |n, digit| n * 10 + i128::from(digit - b'0'));
            (size, digits.iter().skip(kept).any(|digit| *digit != b'0'))
        };
        Some(match negative {
            false => Decimal { units: size, more: rest },
            // Rounded down, a negative number with a rest is one unit further from zero.
            true => Decimal { units: -size - i128::from(rest), more: rest },
        })
    }

    /// The largest whole number that is not above this one.
    pub(super) fn floor(self) -> i128 {
        self.units.div_euclid(10_i128.pow(DIGITS as u32))
    }
}

fn sign(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, text.get(1..).unwrap_or_default()),
        Some(b'+') => (false, text.get(1..).unwrap_or_default()),
        _ => (false, text),
    }
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        Decimal { units: i128::from(value) * 10_i128.pow(DIGITS as u32), more: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_compare_equal_however_they_are_written() {
        for (a, b) in
            [("1", "1.0"), ("-0", "0"), ("+5", "005"), ("0.1", "0.100"), ("9007199254740993", "9007199254740993.0")]
        {
            assert_eq!(Decimal::parse(a), Decimal::parse(b), "{a} {b}");
            assert!(Decimal::parse(a).is_some(), "{a}");
        }
        assert!(Decimal::parse("9007199254740993") > Decimal::parse("9007199254740992"), "a float could not tell");
        assert_eq!(Decimal::parse("17"), Some(Decimal::from(17)));
        assert_eq!(Decimal::parse("-1.5").map(Decimal::floor), Some(-2));
        assert!(Decimal::parse("-2") < Decimal::parse("-1.99"));
    }

    #[test]
    fn what_is_not_a_decimal_number_is_refused() {
        for text in ["", "-", ".", "1.", ".5", "1e3", "0x10", "1,5", " 1", "--1", "1234567890123456789", "NaN", "١"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn requests_are_understood_however_they_write_a_number() {
        for (text, same) in [
            (" 101 ", "101"),
            ("0000000000000000000101", "101"),
            ("101.0000000000000000000", "101"),
            ("1e3", "1000"),
            ("1.5E+2", "150"),
            ("25e-1", "2.5"),
            ("-0.0e9", "0"),
            (".5", "0.5"),
            ("1.", "1"),
            ("0e99999999999", "0"),
            ("-12", "-12"),
        ] {
            assert_eq!(Decimal::read(text), Decimal::parse(same), "{text}");
            assert!(Decimal::read(text).is_some(), "{text}");
        }
        let most = Decimal::parse("999999999999999999.999999999999999999").unwrap();
        let least = Decimal::parse("-999999999999999999.999999999999999999").unwrap();
        for large in ["1234567890123456789", "1e30", "1e99999999999999999999", "1000000000000000000"] {
            assert!(Decimal::read(large).unwrap() > most, "{large}");
            assert!(Decimal::read(&format!("-{large}")).unwrap() < least, "{large}");
        }
        let between = Decimal::read("5.0000000000000000001").unwrap();
        assert!(between > Decimal::parse("5").unwrap() && between < Decimal::parse("5.000000000000000001").unwrap());
        let between = Decimal::read("-5.0000000000000000001").unwrap();
        assert!(between < Decimal::parse("-5").unwrap() && between > Decimal::parse("-5.000000000000000001").unwrap());
        assert!(Decimal::read("1e-30").unwrap() > Decimal::parse("0").unwrap());
        for text in ["", "-", ".", "e5", "1e", "1e+", "0x10", "1,5", "--1", "NaN", "1e1.5", "1 2", "\u{661}"] {
            assert_eq!(Decimal::read(text), None, "{text}");
        }
    }
}
