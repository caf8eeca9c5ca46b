//! Unique ids and access key ids, with AWS's prefixes.
//!
//! Source: "Unique identifiers" in the IAM user guide, `reference_identifiers.html`.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32;

use super::AccountId;
use crate::clock::{Random, Timestamp};

/// What a unique id stands for; each kind has its own prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UniqueIdKind {
    /// `AIDA`
    User,
    /// `AGPA`
    Group,
    /// `AROA`
    Role,
    /// `ANPA`
    ManagedPolicy,
    /// `AIPA`
    InstanceProfile,
    /// `ASCA`
    ServerCertificate,
    /// `ACCA`
    ServiceCredential,
    /// `APKA`
    SshPublicKey,
}

impl UniqueIdKind {
    fn prefix(self) -> &'static str {
        match self {
            Self::User => "AIDA",
            Self::Group => "AGPA",
            Self::Role => "AROA",
            Self::ManagedPolicy => "ANPA",
            Self::InstanceProfile => "AIPA",
            Self::ServerCertificate => "ASCA",
            Self::ServiceCredential => "ACCA",
            Self::SshPublicKey => "APKA",
        }
    }
}

/// The id that stays with one entity for its life and is never given to another, such as `AIDACKCEVSQ6C2EXAMPLE`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct UniqueId(String);

impl UniqueId {
    /// A new id: the kind's prefix and 17 random Base32 characters (85 bits).
    pub fn random(kind: UniqueIdKind, random: &dyn Random) -> Self {
        let mut bytes = [0; 15];
        random.fill(&mut bytes);
        let mut text = format!("{}{}", kind.prefix(), BASE32.encode(&bytes));
        text.truncate(21);
        Self(text)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An access key id: `AKIA` (long-lived) or `ASIA` (of a session) and 16 Base32 characters that carry the account.
///
/// Of their 80 bits the first is set, 40 are the account's number and 39 are free. AWS lays its ids out in the same way, so
/// tools that read the account from a key id read ours too.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessKeyId(String);

impl AccessKeyId {
    /// A new id of a long-lived key of `account`.
    pub fn long_lived(account: AccountId, random: &dyn Random) -> Self {
        let mut bytes = [0; 5];
        random.fill(&mut bytes);
        Self::with_free_bits("AKIA", account, bytes)
    }

    /// The id of a session of `account`; `seed` (40 bits, of which 39 are used) makes it differ from others.
    pub fn session(account: AccountId, seed: [u8; 5]) -> Self {
        Self::with_free_bits("ASIA", account, seed)
    }

    /// Whether it belongs to a session, so that a session token must come with it.
    pub fn is_session(&self) -> bool {
        self.0.starts_with("ASIA")
    }

    /// The account that the id carries.
    pub fn account(&self) -> Option<AccountId> {
        let bytes = BASE32.decode(self.0.get(4..20)?.as_bytes()).ok()?;
        let mut high = [0; 8];
        high[2..].copy_from_slice(bytes.get(..6)?);
        AccountId::from_number((u64::from_be_bytes(high) & 0x7fff_ffff_ff80) >> 7)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn with_free_bits(prefix: &str, account: AccountId, free: [u8; 5]) -> Self {
        let mut wide = [0; 16];
        wide[11..].copy_from_slice(&free);
        let bits =
            (1_u128 << 79) | (u128::from(account.number()) << 39) | (u128::from_be_bytes(wide) & ((1 << 39) - 1));
        Self(format!("{prefix}{}", BASE32.encode(&bits.to_be_bytes()[6..])))
    }
}

impl FromStr for AccessKeyId {
    type Err = InvalidAccessKeyId;

    /// Accepts what AWS's model accepts (16 to 128 word characters), so that keys chosen by an operator work too.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (16..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidAccessKeyId) }
    }
}

/// The text is not an access key id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an access key id is 16 to 128 letters, digits or underscores")]
pub struct InvalidAccessKeyId;

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for AccessKeyId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for AccessKeyId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A random text of `bytes` random bytes in standard Base64 without padding: secret keys, request nonces.
pub fn random_token(bytes: usize, random: &dyn Random) -> super::SecretText {
    let mut raw = zeroize::Zeroizing::new(vec![0; bytes]);
    random.fill(&mut raw);
    super::SecretText::new(data_encoding::BASE64_NOPAD.encode(&raw))
}

/// A random UUID (RFC 9562, version 4), the form of request and event ids.
pub fn random_uuid(random: &dyn Random) -> String {
    let mut bytes = [0; 16];
    random.fill_id(&mut bytes);
    uuid(bytes, 4)
}

/// A UUID that sorts by time (RFC 9562, version 7): of two, the one of an earlier second comes first.
pub fn time_ordered_uuid(now: Timestamp, random: &dyn Random) -> String {
    let mut bytes = [0; 16];
    random.fill_id(&mut bytes);
    let millis = now.seconds().max(0).unsigned_abs() * 1_000;
    let [_, _, time @ ..] = millis.to_be_bytes();
    for (byte, of_time) in bytes.iter_mut().zip(time) {
        *byte = of_time;
    }
    uuid(bytes, 7)
}

fn uuid(mut bytes: [u8; 16], version: u8) -> String {
    bytes[6] = bytes[6] & 0x0f | version << 4;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut hex = [0; 32];
    data_encoding::HEXLOWER.encode_mut(&bytes, &mut hex);
    let mut text = String::with_capacity(36);
    for (at, digit) in hex.into_iter().enumerate() {
        if [8, 12, 16, 20].contains(&at) {
            text.push('-');
        }
        text.push(char::from(digit));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRandom;

    #[test]
    fn uuids_of_version_7_sort_by_time() {
        let at = |second| time_ordered_uuid(Timestamp(second), &SystemRandom);
        assert!(at(1) < at(2) && at(255) < at(256) && at(1_795_000_000) < at(1_795_000_001));
        let id = at(1_795_000_000);
        assert_eq!((id.len(), &id[14..15], id.to_lowercase()), (36, "7", id.clone()));
        assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"), "{id}");
    }

    #[test]
    fn an_access_key_id_carries_its_account() {
        for number in [0, 1, 123_456_789_012, 999_999_999_999] {
            let account = AccountId::from_number(number).expect("twelve digits");
            for id in [AccessKeyId::long_lived(account, &SystemRandom), AccessKeyId::session(account, [255; 5])] {
                assert_eq!(id.as_str().len(), 20);
                assert_eq!(id.account(), Some(account), "{id}");
                assert_eq!(id.as_str().parse(), Ok(id.clone()));
            }
        }
    }

    #[test]
    fn the_account_of_a_published_example_is_read_as_aws_reads_it() {
        // The id and its account stand together in "A short note on AWS key ID" (Tal Be'ery, 2023).
        let id: AccessKeyId = "ASIAQNZGKIQY56JQ7WML".parse().expect("well formed");
        assert_eq!(id.account().map(|a| a.to_string()), Some("029608264753".to_owned()));
    }
}
