//! Names of IAM entities, with the characters and lengths that botocore's models state.

use std::fmt;
use std::str::FromStr;

/// The text does not fit the rules of the name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a {what} has {min} to {max} characters of {characters}")]
pub struct InvalidName {
    what: &'static str,
    min: usize,
    max: usize,
    characters: &'static str,
}

macro_rules! name_type {
    ($(#[$doc:meta])* $type:ident, $what:literal, $min:literal..=$max:literal, $characters:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// The name as its owner wrote it.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The name in lower case: IAM's names do not differ by case alone, so this is what they are stored under.
            pub fn folded(&self) -> String {
                self.0.to_ascii_lowercase()
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let allowed: fn(u8) -> bool = $allowed;
                if ($min..=$max).contains(&text.len()) && text.bytes().all(allowed) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidName { what: $what, min: $min, max: $max, characters: $characters })
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

fn word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b)
}

fn provider(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"_.-".contains(&b)
}

fn alias(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'
}

name_type!(/// A user's name. New ones have at most 64 characters, which the Query door holds them to; AWS lets requests name older ones
    /// that are longer.
    UserName, "user name", 1..=128, "letters, digits and _+=,.@-", word);
name_type!(/// A group's name.
    GroupName, "group name", 1..=128, "letters, digits and _+=,.@-", word);
name_type!(/// A role's name.
    RoleName, "role name", 1..=64, "letters, digits and _+=,.@-", word);
name_type!(/// The name of a managed or an inline policy.
    PolicyName, "policy name", 1..=128, "letters, digits and _+=,.@-", word);
name_type!(/// The name of an instance profile.
    InstanceProfileName, "instance profile name", 1..=128, "letters, digits and _+=,.@-", word);
name_type!(/// The name of a server certificate.
    ServerCertificateName, "server certificate name", 1..=128, "letters, digits and _+=,.@-", word);
name_type!(/// The name of a virtual MFA device.
    VirtualMfaName, "virtual MFA device name", 1..=226, "letters, digits and _+=,.@-", word);
name_type!(/// The name of a SAML provider.
    SamlProviderName, "SAML provider name", 1..=128, "letters, digits and _.-", provider);
name_type!(/// The name that whoever assumes a role gives the session.
    RoleSessionName, "role session name", 2..=64, "letters, digits and _+=,.@-", word);
name_type!(/// The person or program behind a session; stays the same along a chain of roles.
    SourceIdentity, "source identity", 2..=64, "letters, digits and _+=,.@-", word);

name_type!(/// The alias of an account. That it has dashes neither at its ends nor two in a row is what the Query door holds it to.
    AccountAlias, "account alias", 3..=63, "lower-case letters, digits and -", alias);

/// Where an entity stands in its account's tree: `/` or `/division/team/`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EntityPath(String);

impl EntityPath {
    /// The path as text; begins and ends with a slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for EntityPath {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

impl FromStr for EntityPath {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let printable = text.bytes().all(|b| (0x21..=0x7f).contains(&b));
        let slashes = text.starts_with('/') && text.ends_with('/');
        if printable && slashes && text.len() <= 512 {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName { what: "path", min: 1, max: 512, characters: "printable ASCII between two slashes" })
        }
    }
}

impl serde::Serialize for EntityPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for EntityPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
