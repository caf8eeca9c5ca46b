//! Exact decimal numbers for the `Numeric…` operators: a threshold must not move because a float rounded.

/// Digits kept on either side of the point.
const DIGITS: usize = 18;

/// A decimal number with up to 18 digits before and 18 after the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Decimal(i128);

impl Decimal {
    /// Reads `-12`, `+3.50`, `0`; `None` for anything else, exponents and needless dots included.
    pub(super) fn parse(text: &str) -> Option<Decimal> {
        let (sign, digits) = match text.as_bytes().first()? {
            b'-' => (-1, text.get(1..)?),
            b'+' => (1, text.get(1..)?),
            _ => (1, text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return None,
            None => (digits, ""),
        };
        let fits = |part: &str| part.len() <= DIGITS && part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !fits(whole) || !fits(fraction) {
            return None;
        }
        let padding = std::iter::repeat_n(b'0', DIGITS - fraction.len());
        let scaled =
            whole.bytes().chain(fraction.bytes()).chain(padding).fold(0_i128, |n, d| n * 10 + i128::from(d - b'0'));
        Some(Decimal(sign * scaled))
    }

    /// The largest whole number that is not above this one.
    pub(super) fn floor(self) -> i128 {
        self.0.div_euclid(10_i128.pow(DIGITS as u32))
    }
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        Decimal(i128::from(value) * 10_i128.pow(DIGITS as u32))
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
}
