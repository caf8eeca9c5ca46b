//! What an account asks of its users' passwords: length, kinds of characters, age, no old ones again.
//!
//! Source: "Set an account password policy for IAM users", `id_credentials_passwords_account-policy.html`, and
//! `UpdateAccountPasswordPolicy` in the IAM API reference.

use serde::{Deserialize, Serialize};

use super::LoginProfile;
use crate::clock::Timestamp;

/// The policy of an account that has set one. Without one AWS's own holds: see [`check`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordPolicy {
    /// The fewest characters, 6 to 128.
    pub minimum_length: u32,
    /// One of [`SYMBOLS`] must be there.
    pub symbols: bool,
    /// A digit must be there.
    pub numbers: bool,
    /// One of A to Z must be there.
    pub uppercase: bool,
    /// One of a to z must be there.
    pub lowercase: bool,
    /// Whether every user may change its own password, whatever its policies say short of a denial.
    pub users_may_change: bool,
    /// After how many days a password expires, 1 to 1,095.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_days: Option<u32>,
    /// How many of the last passwords, the present one among them, are not taken again, 1 to 24.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remembered: Option<u32>,
    /// Whether only an administrator gives a new password once the old one has expired. Whoever set the policy may not have said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hard_expiry: Option<bool>,
}

/// What a password may be asked to contain beside letters and digits.
pub const SYMBOLS: &str = "!@#$%^&*()_+-=[]{}|'";
/// The most passwords that are remembered, the present one among them.
pub const MOST_REMEMBERED: usize = 24;
/// The fewest characters when a policy does not say.
pub const DEFAULT_LENGTH: u32 = 6;
/// The fewest characters where there is no policy.
const AWS_LENGTH: u32 = 8;
const DAY: i64 = 86_400;

/// Why a password is not taken, in AWS's words where they are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Fewer characters than this.
    #[error("Password should have a minimum length of {0}")]
    Short(u32),
    /// No capital letter.
    #[error("Password should have at least one uppercase letter")]
    NoUppercase,
    /// No small letter.
    #[error("Password should have at least one lowercase letter")]
    NoLowercase,
    /// No digit.
    #[error("Password should have at least one number")]
    NoNumber,
    /// No symbol.
    #[error("Password should have at least one symbol")]
    NoSymbol,
    /// Fewer than three kinds of characters, where there is no policy.
    #[error("Password should have at least three of: uppercase letters, lowercase letters, numbers, symbols")]
    FewKinds,
    /// A name that everybody knows, where there is no policy.
    #[error("Password should not be the name of the user or of the account")]
    Name,
    /// One of the last passwords.
    #[error("Policy constraint violation with password reuse prevention during password change.")]
    Reused,
}

/// Holds a new password to the account's policy, or to AWS's own where there is none: 8 characters, three of four kinds, and none
/// of `names`.
///
/// # Errors
/// The first [`Weakness`] that is found.
pub fn check(policy: Option<&PasswordPolicy>, password: &str, names: &[&str]) -> Result<(), Weakness> {
    let least = policy.map_or(AWS_LENGTH, |policy| policy.minimum_length);
    if password.chars().count() < usize::try_from(least).unwrap_or(usize::MAX) {
        return Err(Weakness::Short(least));
    }
    let kinds = [
        (Weakness::NoUppercase, password.contains(|c: char| c.is_ascii_uppercase())),
        (Weakness::NoLowercase, password.contains(|c: char| c.is_ascii_lowercase())),
        (Weakness::NoNumber, password.contains(|c: char| c.is_ascii_digit())),
        (Weakness::NoSymbol, password.contains(|c: char| SYMBOLS.contains(c))),
    ];
    let Some(policy) = policy else {
        if kinds.iter().filter(|(_, there)| *there).count() < 3 {
            return Err(Weakness::FewKinds);
        }
        let name = names.iter().any(|name| name.eq_ignore_ascii_case(password));
        return if name { Err(Weakness::Name) } else { Ok(()) };
    };
    let wanted = [policy.uppercase, policy.lowercase, policy.numbers, policy.symbols];
    let missing = kinds.iter().zip(wanted).find(|((_, there), wanted)| *wanted && !there);
    missing.map_or(Ok(()), |((weakness, _), _)| Err(*weakness))
}

/// What a password that is right is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// For signing in.
    Valid,
    /// For choosing another one and nothing else: an administrator has given it, or it has expired.
    MustChange,
    /// For nothing at a sign-in: it has expired, and only an administrator gives another one. `ChangePassword`, which is signed
    /// with an access key, still takes it.
    Expired,
}

impl PasswordPolicy {
    /// When a password that was set at a moment expires, if it does.
    pub fn expiry(&self, changed: Timestamp) -> Option<Timestamp> {
        self.max_age_days.map(|days| changed.plus(i64::from(days) * DAY))
    }
}

/// What a user's password is good for at a moment. A policy counts from the moment it is set, also for older passwords.
pub fn standing(policy: Option<&PasswordPolicy>, profile: &LoginProfile, now: Timestamp) -> Standing {
    let expired = policy.and_then(|policy| policy.expiry(profile.changed())).is_some_and(|end| now >= end);
    let hard = policy.is_some_and(|policy| policy.hard_expiry == Some(true));
    match (expired, hard) {
        (true, true) => Standing::Expired,
        (true, false) => Standing::MustChange,
        (false, _) if profile.reset_required => Standing::MustChange,
        (false, _) => Standing::Valid,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::password::PasswordHash;

    fn policy() -> PasswordPolicy {
        PasswordPolicy {
            minimum_length: 6,
            symbols: false,
            numbers: false,
            uppercase: false,
            lowercase: false,
            users_may_change: false,
            max_age_days: None,
            remembered: None,
            hard_expiry: None,
        }
    }

    #[test]
    fn without_a_policy_awss_own_holds() {
        let of = |password| check(None, password, &["Example-Corp1", "Alice-In-W1"]);
        assert_eq!(of("Aa1!"), Err(Weakness::Short(8)));
        assert_eq!(of("abcdefgh1"), Err(Weakness::FewKinds));
        assert_eq!(of("ÄÖÜäöüß1"), Err(Weakness::FewKinds), "only the letters of the Latin alphabet count");
        assert_eq!(of("alice-in-w1"), Err(Weakness::Name));
        assert_eq!(of("EXAMPLE-CORP1"), Err(Weakness::Name));
        for good in ["Abcdefg1", "abcdef1!", "ABCDEF1!", "Abcdefg!"] {
            assert_eq!(of(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn a_policy_asks_for_what_it_says_and_for_nothing_else() {
        assert_eq!(check(Some(&policy()), "aaaaaa", &["aaaaaa"]), Ok(()));
        assert_eq!(check(Some(&policy()), "aaaaa", &[]), Err(Weakness::Short(6)));
        let upper = PasswordPolicy { uppercase: true, ..policy() };
        assert_eq!(check(Some(&upper), "aaaaaaÄ", &[]), Err(Weakness::NoUppercase));
        let lower = PasswordPolicy { lowercase: true, ..policy() };
        assert_eq!(check(Some(&lower), "AAAAAA1!", &[]), Err(Weakness::NoLowercase));
        let numbers = PasswordPolicy { numbers: true, ..policy() };
        assert_eq!(check(Some(&numbers), "aaaaaa!", &[]), Err(Weakness::NoNumber));
        let symbols = PasswordPolicy { symbols: true, ..policy() };
        assert_eq!(check(Some(&symbols), "aaaaaa1~", &[]), Err(Weakness::NoSymbol));
        for symbol in SYMBOLS.chars() {
            assert_eq!(check(Some(&symbols), &format!("aaaaaa{symbol}"), &[]), Ok(()));
        }
    }

    proptest! {
        /// Characters are counted, not bytes, and no text is too strange.
        #[test]
        fn a_length_is_a_number_of_characters(password in any::<String>(), least in 6_u32..=128) {
            let asked = PasswordPolicy { minimum_length: least, ..policy() };
            let long_enough = password.chars().count() >= least as usize;
            prop_assert_eq!(check(Some(&asked), &password, &[]).is_ok(), long_enough);
            let _ = check(None, &password, &[&password]);
        }
    }

    #[test]
    fn a_password_expires_by_its_age_and_by_nothing_else() {
        let made = Timestamp(1_000_000);
        let mut profile = LoginProfile::new(PasswordHash::dummy(), made, false);
        let yearly = PasswordPolicy { max_age_days: Some(1), ..policy() };
        let hard = PasswordPolicy { hard_expiry: Some(true), ..yearly.clone() };
        let end = made.plus(86_400);
        assert_eq!(yearly.expiry(made), Some(end));
        assert_eq!(policy().expiry(made), None);
        assert_eq!(standing(Some(&yearly), &profile, end.plus(-1)), Standing::Valid);
        assert_eq!(standing(Some(&yearly), &profile, end), Standing::MustChange);
        assert_eq!(standing(Some(&hard), &profile, end), Standing::Expired);
        assert_eq!(standing(None, &profile, end.plus(1_000_000_000)), Standing::Valid);
        profile.reset_required = true;
        assert_eq!(standing(Some(&hard), &profile, end.plus(-1)), Standing::MustChange);
        assert_eq!(standing(None, &profile, made), Standing::MustChange);
        assert_eq!(standing(Some(&hard), &profile, end), Standing::Expired);
        // A new password begins anew.
        profile.replace(PasswordHash::dummy(), end, 0);
        profile.reset_required = false;
        assert_eq!(standing(Some(&hard), &profile, end), Standing::Valid);
    }
}
