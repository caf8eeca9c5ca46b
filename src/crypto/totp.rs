//! Time-based one-time passwords (RFC 6238): SHA-1, 6 digits, steps of 30 seconds, which is what authenticator apps and AWS's
//! virtual MFA devices do.
//!
//! A *step* counts half minutes since 1970. The caller stores two numbers per device: the last step that was used, since a code
//! must not work twice (RFC 6238 section 5.2), and the *drift* in steps that a resynchronisation found (section 6).

use std::fmt;

use data_encoding::{BASE32_NOPAD, Specification};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::hmac;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::clock::{Random, Timestamp};
use crate::types::secret::{SecretBytes, SecretText};

/// Seconds per step.
pub const STEP_SECONDS: i64 = 30;

/// Steps before and after the present one whose codes are taken: one, as RFC 6238 section 5.2 advises.
pub const WINDOW: u64 = 1;

/// Steps around the present one in which two consecutive codes are sought when a device is enabled or resynchronised: 20, ten
/// minutes either way. Two codes in a row leave a guess one chance in some 24 thousand million.
pub const RESYNC_WINDOW: u64 = 20;

/// The secret of one device.
#[derive(Clone)]
pub struct Seed(SecretBytes);

/// A seed that is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a TOTP seed has 20 to 64 bytes, in base32 where it is text")]
pub struct NotASeed;

impl Seed {
    /// A new seed of 40 bytes: 64 base32 characters without padding, the shape of AWS's `Base32StringSeed`.
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = zeroize::Zeroizing::new([0; 40]);
        random.fill(bytes.as_mut_slice());
        Self(SecretBytes::new(*bytes))
    }

    /// Takes 20 to 64 bytes. RFC 4226 section 4 recommends 20 at least; 64 are a block of SHA-1, and more adds nothing.
    pub fn from_bytes(bytes: &SecretBytes) -> Result<Self, NotASeed> {
        if (20..=64).contains(&bytes.expose().len()) { Ok(Self(bytes.clone())) } else { Err(NotASeed) }
    }

    /// Reads base32 (RFC 4648) in either case, with or without padding, spaces ignored.
    pub fn from_base32(text: &SecretText) -> Result<Self, NotASeed> {
        let mut lenient: Specification = BASE32_NOPAD.specification();
        lenient.translate.from.push_str("abcdefghijklmnopqrstuvwxyz");
        lenient.translate.to.push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        lenient.ignore.push_str(" =");
        lenient.check_trailing_bits = false;
        let encoding = lenient.encoding().map_err(|_| NotASeed)?;
        let bytes = encoding.decode(text.expose().as_bytes()).map_err(|_| NotASeed)?;
        Self::from_bytes(&SecretBytes::new(bytes))
    }

    /// The bytes, to be sealed.
    pub fn bytes(&self) -> &SecretBytes {
        &self.0
    }

    /// The seed as a person types it: upper-case base32 without padding.
    pub fn base32(&self) -> SecretText {
        SecretText::new(BASE32_NOPAD.encode(self.0.expose()))
    }

    /// The key URI that authenticator apps read from a QR code. The issuer stands before the label and in a parameter, since
    /// apps differ in which they show.
    pub fn otpauth_uri(&self, issuer: &str, label: &str) -> SecretText {
        let (issuer, label) = (utf8_percent_encode(issuer, NOT_UNRESERVED), utf8_percent_encode(label, NOT_UNRESERVED));
        let seed = self.base32();
        let secret = seed.expose();
        SecretText::new(format!(
            "otpauth://totp/{issuer}:{label}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period={STEP_SECONDS}"
        ))
    }

    /// The code of one step (RFC 4226 section 5.3).
    pub fn code_at(&self, step: u64) -> SecretText {
        SecretText::new(format!("{:06}", self.number_at(step)))
    }

    /// The step whose code this is, within [`WINDOW`] of `now` moved by `drift` steps and later than `last_used`. Store it as
    /// last used.
    pub fn verify(&self, code: &str, now: Timestamp, drift: i64, last_used: Option<u64>) -> Option<u64> {
        let wanted = number(code)?;
        let middle = step_of(now).saturating_add_signed(drift);
        self.search(middle, WINDOW, last_used, |step| self.number_at(step).ct_eq(&wanted))
    }

    /// The step of the second of two consecutive codes, within `window` of `now` and later than `last_used`: enables a device,
    /// or finds its drift again (see [`drift`]).
    pub fn verify_consecutive(
        &self,
        first: &str,
        second: &str,
        now: Timestamp,
        window: u64,
        last_used: Option<u64>,
    ) -> Option<u64> {
        let (first, second) = (number(first)?, number(second)?);
        let is_second = |step: u64| match step.checked_sub(1) {
            Some(before) => self.number_at(before).ct_eq(&first) & self.number_at(step).ct_eq(&second),
            None => Choice::from(0),
        };
        self.search(step_of(now), window, last_used, is_second)
    }

    /// Tries every step around `middle`, without stopping at the one that fits, and gives the latest that does.
    fn search(&self, middle: u64, window: u64, last_used: Option<u64>, fits: impl Fn(u64) -> Choice) -> Option<u64> {
        let mut found = 0_u64;
        let mut any = Choice::from(0);
        // A window is a few dozen steps; the cap keeps a slip of the caller's from becoming a loop without end.
        let window = window.min(1_000);
        for step in middle.saturating_sub(window)..=middle.saturating_add(window) {
            let fresh = Choice::from(u8::from(last_used.is_none_or(|used| step > used)));
            let hit = fits(step) & fresh;
            found.conditional_assign(&step, hit);
            any |= hit;
        }
        bool::from(any).then_some(found)
    }

    fn number_at(&self, step: u64) -> u32 {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.0.expose());
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let bytes = tag.as_ref();
        let offset = usize::from(bytes.last().copied().unwrap_or_default() & 0x0f);
        let chosen = bytes.iter().skip(offset).take(4).fold(0_u32, |n, byte| n << 8 | u32::from(*byte));
        (chosen & 0x7fff_ffff) % 1_000_000
    }
}

/// The step that `now` is in. Moments before 1970 are in step 0.
pub fn step_of(now: Timestamp) -> u64 {
    u64::try_from(now.seconds().div_euclid(STEP_SECONDS)).unwrap_or(0)
}

/// How far a device runs ahead of the broker, in steps, when it showed the code of `step` at `now`.
pub fn drift(step: u64, now: Timestamp) -> i64 {
    i64::try_from(i128::from(step) - i128::from(step_of(now))).unwrap_or(0)
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(redacted)")
    }
}

/// A code as people type it: exactly six digits.
fn number(code: &str) -> Option<u32> {
    let six = code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit());
    six.then(|| code.parse().ok()).flatten()
}

/// Everything but the unreserved characters of RFC 3986.
const NOT_UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRandom;

    fn seed() -> Seed {
        Seed::from_bytes(&SecretBytes::new(*b"12345678901234567890")).unwrap()
    }

    fn code(step: u64) -> String {
        seed().code_at(step).expose().to_owned()
    }

    /// RFC 6238 appendix B, SHA-1; the last six of the eight digits.
    #[test]
    fn published_vectors() {
        for (seconds, eight) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(code(step_of(Timestamp(seconds))), eight[2..], "{seconds}");
        }
    }

    #[test]
    fn a_code_works_for_a_step_either_way() {
        let now = Timestamp(1_000_000_020);
        let step = step_of(now);
        for near in [step - 1, step, step + 1] {
            assert_eq!(seed().verify(&code(near), now, 0, None), Some(near));
        }
        for far in [step - 2, step + 2] {
            assert_eq!(seed().verify(&code(far), now, 0, None), None);
        }
    }

    #[test]
    fn a_code_works_once() {
        let now = Timestamp(1_000_000_020);
        let step = step_of(now);
        assert_eq!(seed().verify(&code(step), now, 0, Some(step - 1)), Some(step));
        assert_eq!(seed().verify(&code(step), now, 0, Some(step)), None);
        assert_eq!(seed().verify(&code(step - 1), now, 0, Some(step)), None);
    }

    #[test]
    fn a_clock_that_runs_wrong_is_found_and_followed() {
        let now = Timestamp(1_000_000_020);
        let shown = step_of(now) + 9;
        let (first, second) = (code(shown - 1), code(shown));
        assert_eq!(seed().verify(&second, now, 0, None), None);
        let found = seed().verify_consecutive(&first, &second, now, RESYNC_WINDOW, None).unwrap();
        assert_eq!(found, shown);
        let drift = drift(found, now);
        assert_eq!(drift, 9);
        let later = now.plus(3_600);
        assert_eq!(seed().verify(&code(shown + 120), later, drift, Some(found)), Some(shown + 120));
    }

    #[test]
    fn two_codes_must_follow_each_other_and_be_new() {
        let now = Timestamp(1_000_000_020);
        let step = step_of(now);
        let consecutive =
            |a: u64, b: u64, used| seed().verify_consecutive(&code(a), &code(b), now, RESYNC_WINDOW, used);
        assert_eq!(consecutive(step - 1, step, None), Some(step));
        assert_eq!(consecutive(step, step, None), None);
        assert_eq!(consecutive(step, step - 1, None), None);
        assert_eq!(consecutive(step - 2, step, None), None);
        assert_eq!(consecutive(step + 20, step + 21, None), None);
        assert_eq!(consecutive(step - 1, step, Some(step)), None);
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for bad in ["", "12345", "1234567", "12345a", "+12345", " 12345", "１２３４５６"] {
            assert_eq!(seed().verify(bad, Timestamp(59), 0, None), None, "{bad}");
        }
        assert_eq!(seed().verify("000000", Timestamp(-1), i64::MIN, None), None);
        assert_eq!(seed().verify("000000", Timestamp(i64::MAX), i64::MAX, Some(u64::MAX)), None);
    }

    #[test]
    fn seeds_read_back_from_base32() {
        let seed = Seed::generate(&SystemRandom);
        let text = seed.base32();
        assert_eq!(text.expose().len(), 64);
        for form in [text.expose().to_owned(), text.expose().to_lowercase(), format!("{} ", text.expose())] {
            let again = Seed::from_base32(&SecretText::new(form)).unwrap();
            assert!(again.bytes().matches(seed.bytes().expose()));
        }
        let padded = Seed::from_base32(&SecretText::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGE======")).unwrap();
        assert_eq!(padded.bytes().expose(), b"123456789012345678901");
        for bad in ["", "MFRGG", "not base32!"] {
            assert!(Seed::from_base32(&SecretText::new(bad)).is_err(), "{bad}");
        }
        assert_eq!(format!("{seed:?}"), "Seed(redacted)");
    }

    #[test]
    fn the_uri_is_one_that_apps_read() {
        assert_eq!(
            seed().otpauth_uri("Brevet & Co", "alice@111122223333").expose(),
            "otpauth://totp/Brevet%20%26%20Co:alice%40111122223333?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Brevet%20%26%20Co&algorithm=SHA1&digits=6&period=30"
        );
    }
}
