//! Account ids: twelve digits.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use crate::clock::Random;

/// An AWS account id, such as `123456789012`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(u64);

impl AccountId {
    const LIMIT: u64 = 1_000_000_000_000;

    /// The id as a number below 10^12; access key ids carry it in this form.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The twelve digits, without allocating.
    pub fn digits(self) -> Digits {
        let mut digits = [b'0'; 12];
        let mut rest = self.0;
        for digit in digits.iter_mut().rev() {
            *digit += u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
        }
        Digits(digits)
    }

    /// The id that `number` stands for, if it has at most twelve digits.
    pub fn from_number(number: u64) -> Option<Self> {
        (number < Self::LIMIT).then_some(Self(number))
    }

    /// A random id that does not begin with zero, so that spreadsheets and YAML leave it alone.
    pub fn random(random: &dyn Random) -> Self {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        let lowest = Self::LIMIT / 10;
        Self(lowest + u64::from_le_bytes(bytes) % (Self::LIMIT - lowest))
    }
}

/// The digits of an account's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digits([u8; 12]);

impl Deref for Digits {
    type Target = str;

    fn deref(&self) -> &str {
        // Digits are UTF-8, so the default is never used.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for AccountId {
    type Err = InvalidAccountId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
        match text.parse() {
            Ok(number) if digits => Ok(Self(number)),
            _ => Err(InvalidAccountId),
        }
    }
}

/// The text is not twelve digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an account id is twelve digits")]
pub struct InvalidAccountId;

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.digits())
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for AccountId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for AccountId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_written_with_all_its_digits() {
        for text in ["000000000000", "000000000001", "111122223333", "999999999999"] {
            let account: AccountId = text.parse().unwrap();
            assert_eq!((&*account.digits(), account.to_string().as_str()), (text, text));
            assert_eq!(AccountId::from_number(account.number()), Some(account));
        }
    }
}
