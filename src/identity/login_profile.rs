//! Login profiles: a user's password, the ones before it, and how often it was guessed wrongly.

use serde::{Deserialize, Serialize};

use super::password_policy::MOST_REMEMBERED;
use crate::clock::Timestamp;
use crate::crypto::password::PasswordHash;

/// A user's password, of which only the Argon2id hash is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoginProfile {
    /// The hash.
    pub password: PasswordHash,
    /// When the profile was made.
    pub created: Timestamp,
    /// Whether the user must choose another password at the next sign-in.
    pub reset_required: bool,
    /// When the password was last replaced, if ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<Timestamp>,
    /// The passwords before this one, newest first: no more than the account's policy asked for when it was replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<PasswordHash>,
    /// Wrong passwords since the last right one.
    #[serde(default)]
    pub failures: u32,
    /// When the last wrong password came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<Timestamp>,
}

impl LoginProfile {
    /// A first password.
    pub fn new(password: PasswordHash, now: Timestamp, reset_required: bool) -> Self {
        Self {
            password,
            created: now,
            reset_required,
            replaced: None,
            former: Vec::new(),
            failures: 0,
            last_failure: None,
        }
    }

    /// When the present password was set.
    pub fn changed(&self) -> Timestamp {
        self.replaced.unwrap_or(self.created)
    }

    /// The last `remembered` passwords, newest first, the present one among them.
    pub fn last(&self, remembered: usize) -> impl Iterator<Item = &PasswordHash> {
        std::iter::once(&self.password).chain(&self.former).take(remembered.min(MOST_REMEMBERED))
    }

    /// Puts another password in place of this one, and keeps as many old ones as make `remembered` with it. Guesses are forgotten.
    pub fn replace(&mut self, password: PasswordHash, now: Timestamp, remembered: usize) {
        let old = std::mem::replace(&mut self.password, password);
        self.former.insert(0, old);
        self.former.truncate(remembered.min(MOST_REMEMBERED).saturating_sub(1));
        self.replaced = Some(now);
        self.failures = 0;
        self.last_failure = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phc(number: usize) -> PasswordHash {
        let salt = format!("{number:021}A");
        let hash = "A".repeat(43);
        PasswordHash::parse(&format!("$argon2id$v=19$m=19456,t=2,p=1${salt}${hash}")).expect("a PHC string")
    }

    fn remembered(profile: &LoginProfile) -> Vec<String> {
        profile.last(usize::MAX).map(|hash| hash.to_phc().expose().to_owned()).collect()
    }

    #[test]
    fn as_many_passwords_are_kept_as_are_remembered_and_never_more_than_24() {
        let text = |number| phc(number).to_phc().expose().to_owned();
        let mut profile = LoginProfile::new(phc(0), Timestamp(0), false);
        for number in 1..40 {
            profile.replace(phc(number), Timestamp(1), usize::MAX);
        }
        assert_eq!(remembered(&profile), (16..40).rev().map(text).collect::<Vec<_>>());
        profile.replace(phc(40), Timestamp(2), 3);
        assert_eq!(remembered(&profile), [text(40), text(39), text(38)]);
        assert_eq!(profile.last(2).count(), 2);
        profile.replace(phc(41), Timestamp(2), 0);
        assert_eq!(remembered(&profile), [text(41)]);
        assert_eq!((profile.created, profile.changed()), (Timestamp(0), Timestamp(2)));
        // The largest profile is far below what a record may hold.
        for number in 0..40 {
            profile.replace(phc(number), Timestamp(1), 24);
        }
        assert!(serde_json::to_vec(&profile).expect("JSON").len() < 4_096);
    }

    #[test]
    fn profiles_of_earlier_versions_are_read() {
        let old = serde_json::json!({ "password": phc(0).to_phc().expose(), "created": 7, "reset_required": true });
        let profile: LoginProfile = serde_json::from_value(old).expect("readable");
        assert_eq!((profile.changed(), profile.former.len(), profile.failures), (Timestamp(7), 0, 0));
    }
}
