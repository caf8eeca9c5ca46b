//! Passwords as Argon2id hashes (RFC 9106), in PHC strings.
//!
//! A check takes some 15 ms of one core and 19 MiB, on purpose. It blocks: run it on a bounded pool, never on the threads that
//! serve requests.

use std::fmt;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::Random;
use crate::types::secret::SecretText;

/// Memory per hash in KiB: 19 MiB. OWASP's Password Storage Cheat Sheet names 19 MiB with 2 passes and 1 lane as the least
/// memory it recommends for Argon2id; more would let few simultaneous logins exhaust a small broker.
pub const MEMORY_KIB: u32 = 19 * 1024;

/// Passes over the memory: what OWASP pairs with 19 MiB.
pub const PASSES: u32 = 2;

/// Lanes: 1, so that a hash takes one core and the pool's size is the number of cores it takes.
pub const LANES: u32 = 1;

/// The longest password that is hashed, in bytes. AWS allows 128 characters, which are at most 512 bytes.
pub const MAX_PASSWORD_BYTES: usize = 1024;

/// The hash of a password. It does not print: a leaked hash can be guessed against.
#[derive(Clone)]
pub struct PasswordHash(phc::PasswordHash);

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The password is right.
    Match,
    /// The password is right, and was hashed at other costs than today's: hash it again while it is at hand.
    MatchButOutdated,
    /// The password is wrong.
    Mismatch,
}

/// Why a password was not hashed, or a stored hash not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Longer than [`MAX_PASSWORD_BYTES`].
    #[error("the password is longer than {MAX_PASSWORD_BYTES} bytes")]
    TooLong,
    /// Not a PHC string of Argon2id with salt and hash.
    #[error("not an Argon2id hash")]
    Malformed,
    /// A stored hash demands more memory or time than a login may take.
    #[error("the hash demands excessive costs")]
    TooDear,
    /// Argon2 could not run: no memory.
    #[error("the password could not be hashed")]
    NotHashed,
}

/// Hashes a new password. Blocks for some 15 ms.
pub fn hash(password: &SecretText, random: &dyn Random) -> Result<PasswordHash, PasswordError> {
    if password.expose().len() > MAX_PASSWORD_BYTES {
        return Err(PasswordError::TooLong);
    }
    let mut salt = [0; SALT];
    random.fill(&mut salt);
    let hash = argon2().hash_password_with_salt(password.expose().as_bytes(), &salt);
    hash.map(PasswordHash).map_err(|_| PasswordError::NotHashed)
}

impl PasswordHash {
    /// Reads a PHC string: Argon2id only, with costs of at most 256 MiB, 16 passes and 8 lanes.
    pub fn parse(text: &str) -> Result<Self, PasswordError> {
        let hash = phc::PasswordHash::new(text).map_err(|_| PasswordError::Malformed)?;
        if hash.algorithm.as_str() != "argon2id" || hash.salt.is_none() || hash.hash.is_none() {
            return Err(PasswordError::Malformed);
        }
        let params = Params::try_from(&hash).map_err(|_| PasswordError::Malformed)?;
        if params.m_cost() > 256 * 1024 || params.t_cost() > 16 || params.p_cost() > 8 {
            return Err(PasswordError::TooDear);
        }
        Ok(Self(hash))
    }

    /// A hash that no password matches, at today's costs: check against it when the user does not exist, so that the answer
    /// takes as long as for one who does.
    #[expect(clippy::expect_used, reason = "the dummy is a constant that a test reads")]
    pub fn dummy() -> Self {
        Self::parse(DUMMY).expect("a PHC string")
    }

    /// The PHC string, for the store.
    pub fn to_phc(&self) -> SecretText {
        SecretText::new(self.0.to_string())
    }

    /// Checks a password. Blocks for some 15 ms, whatever the answer.
    pub fn verify(&self, password: &SecretText) -> Verdict {
        let too_long = password.expose().len() > MAX_PASSWORD_BYTES;
        let attempt = if too_long { "" } else { password.expose() };
        // The costs are those in the PHC string, not those of the instance.
        let right = argon2().verify_password(attempt.as_bytes(), &self.0).is_ok() && !too_long;
        match (right, self.is_current()) {
            (true, true) => Verdict::Match,
            (true, false) => Verdict::MatchButOutdated,
            (false, _) => Verdict::Mismatch,
        }
    }

    fn is_current(&self) -> bool {
        let costs = Params::try_from(&self.0).map(|p| (p.m_cost(), p.t_cost(), p.p_cost()));
        costs.is_ok_and(|costs| costs == (MEMORY_KIB, PASSES, LANES)) && self.0.version == Some(Version::V0x13.into())
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(redacted)")
    }
}

/// The PHC string: a hash is written only into the store.
impl Serialize for PasswordHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.to_phc().expose())
    }
}

impl<'de> Deserialize<'de> for PasswordHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[expect(clippy::expect_used, reason = "the costs are constants within Argon2's limits; a test runs this")]
fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("costs within Argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// RFC 9106 section 3.1: 16 bytes are enough for a salt.
const SALT: usize = 16;

/// The hash part is zero throughout: finding a password for it is finding a preimage.
const DUMMY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRandom;

    fn text(t: &str) -> SecretText {
        SecretText::new(t)
    }

    #[test]
    fn the_right_password_matches_and_a_wrong_one_does_not() {
        let hash = hash(&text("correct horse"), &SystemRandom).unwrap();
        assert_eq!(hash.verify(&text("correct horse")), Verdict::Match);
        assert_eq!(hash.verify(&text("correct horsf")), Verdict::Mismatch);
        assert_eq!(hash.verify(&text("")), Verdict::Mismatch);
        let stored = serde_json::to_string(&hash).unwrap();
        assert!(stored.starts_with("\"$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        let again: PasswordHash = serde_json::from_str(&stored).unwrap();
        assert_eq!(again.verify(&text("correct horse")), Verdict::Match);
        assert_eq!(format!("{hash:?}"), "PasswordHash(redacted)");
    }

    #[test]
    fn a_hash_of_other_costs_matches_and_asks_to_be_renewed() {
        let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
        let old = cheap.hash_password_with_salt(b"pw", &[7; 16]).unwrap().to_string();
        let old = PasswordHash::parse(&old).unwrap();
        assert_eq!(old.verify(&text("pw")), Verdict::MatchButOutdated);
        assert_eq!(old.verify(&text("pv")), Verdict::Mismatch);
    }

    #[test]
    fn the_dummy_costs_what_a_real_one_does_and_matches_nothing() {
        let dummy = PasswordHash::dummy();
        assert!(dummy.is_current());
        assert_eq!(dummy.verify(&text("")), Verdict::Mismatch);
    }

    #[test]
    fn what_is_not_a_hash_is_refused() {
        for bad in [
            "",
            "hunter2",
            "$2b$12$abcdefghijklmnopqrstuv",
            "$argon2i$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
        ] {
            assert_eq!(PasswordHash::parse(bad).unwrap_err(), PasswordError::Malformed, "{bad}");
        }
        let dear = DUMMY.replace("m=19456", "m=4194304");
        assert_eq!(PasswordHash::parse(&dear).unwrap_err(), PasswordError::TooDear);
    }

    #[test]
    fn an_overlong_password_is_no_way_in() {
        let long = "x".repeat(MAX_PASSWORD_BYTES + 1);
        assert_eq!(hash(&text(&long), &SystemRandom).unwrap_err(), PasswordError::TooLong);
        let empty = hash(&text(""), &SystemRandom).unwrap();
        assert_eq!(empty.verify(&text(&long)), Verdict::Mismatch);
    }
}
