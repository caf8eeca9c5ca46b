//! What other services guard and brevet stores something about: a resource by its ARN, the types of resources, and their actions.

use std::fmt;
use std::str::FromStr;

use super::{AccountId, Arn};

/// The ARN of a resource that can be stored: without wildcards, of a service that is not brevet's own, and of an account or of none.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceArn(Arn);

/// Services whose resources are the broker's own: what is to be known of a user or role is on the user or role.
const OWN_SERVICES: [&str; 3] = ["brevet", "iam", "sts"];

impl ResourceArn {
    /// Bytes at the most: an ARN is a part of a record's key, and keys are shorter than the longest of AWS's ARNs.
    pub const MOST_BYTES: usize = 900;

    /// The ARN.
    pub fn arn(&self) -> &Arn {
        &self.0
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The account that the ARN names; without one the resource belongs to whoever has stored it.
    pub fn account(&self) -> Option<AccountId> {
        self.0.account()
    }
}

impl TryFrom<Arn> for ResourceArn {
    type Error = InvalidResource;

    fn try_from(arn: Arn) -> Result<Self, InvalidResource> {
        Self::check(&arn)?;
        Ok(Self(arn))
    }
}

impl ResourceArn {
    /// Whether something can be stored of what this ARN names.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn check(arn: &Arn) -> Result<(), InvalidResource> {
        if arn.as_str().len() > Self::MOST_BYTES {
            return Err(InvalidResource::Long);
        }
        if !is_plain(arn.as_str()) {
            return Err(InvalidResource::Characters);
        }
        if !is_type(arn.service()) || OWN_SERVICES.contains(&arn.service()) {
            return Err(InvalidResource::Service);
        }
        match arn.owner() {
            "" => Ok(()),
            _ if arn.account().is_some() => Ok(()),
            _ => Err(InvalidResource::Account),
        }
    }
}

impl FromStr for ResourceArn {
    type Err = InvalidResource;

    fn from_str(text: &str) -> Result<Self, InvalidResource> {
        text.parse::<Arn>().map_err(|_| InvalidResource::NoArn)?.try_into()
    }
}

/// A type of resources as a service names them, such as `record`: the service of their ARNs, and of the actions on them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceTypeName(String);

impl ResourceTypeName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ResourceTypeName {
    type Err = InvalidResource;

    fn from_str(text: &str) -> Result<Self, InvalidResource> {
        if !is_type(text) {
            return Err(InvalidResource::Type);
        }
        if OWN_SERVICES.contains(&text) { Err(InvalidResource::Service) } else { Ok(Self(text.to_owned())) }
    }
}

/// Whether it has neither wildcards nor control characters.
fn is_plain(text: &str) -> bool {
    let special = |byte: u8| byte < b' ' || byte == 0x7f || byte == b'*' || byte == b'?';
    // All bytes, whatever is found: several are looked at together then.
    let plain = text.bytes().fold(true, |plain, byte| plain & !special(byte));
    plain && (text.is_ascii() || !text.chars().any(char::is_control))
}

fn is_type(text: &str) -> bool {
    let may = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    (1..=64).contains(&text.len()) && text.bytes().all(may)
}

/// An action as a service names it: `read`, which is its type's, or with the service's name before it, `reports:Read`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionName(String);

impl ActionName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ActionName {
    type Err = InvalidResource;

    fn from_str(text: &str) -> Result<Self, InvalidResource> {
        let may = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(may);
        let words = match text.split_once(':') {
            Some((service, name)) => is_word(service) && is_word(name),
            None => is_word(text),
        };
        if words && text.len() <= 128 { Ok(Self(text.to_owned())) } else { Err(InvalidResource::Action) }
    }
}

/// Why a text is not what it is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidResource {
    /// It does not have the parts of an ARN.
    #[error("an ARN has the form arn:partition:service:region:account:resource")]
    NoArn,
    /// It is too long to be stored.
    #[error("the ARN of a stored resource has at most {} bytes", ResourceArn::MOST_BYTES)]
    Long,
    /// It stands for several, or cannot be shown.
    #[error("the ARN of a stored resource has no wildcards and no control characters")]
    Characters,
    /// The service is brevet's own, or no name of one.
    #[error("the service of a stored resource has 1 to 64 of a-z, 0-9 and -_. and is not iam, sts or brevet")]
    Service,
    /// What stands in the account's place is none.
    #[error("the account in the ARN of a stored resource must have twelve digits, or be empty")]
    Account,
    /// No name of a type.
    #[error("a resource type has 1 to 64 of a-z, 0-9 and -_.")]
    Type,
    /// No name of an action.
    #[error("an action has 1 to 128 letters, digits and -_. and perhaps a service and a colon before them")]
    Action,
}

macro_rules! as_text {
    ($($type:ident),+) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

as_text!(ResourceArn, ResourceTypeName, ActionName);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_stands_for_several_or_is_the_brokers_own_is_not_stored() {
        for (text, why) in [
            ("arn:aws:s3:::bucket", None),
            ("arn:aws:record::111122223333:record-1", None),
            ("arn:aws:record:eu-1:111122223333:folder/a b/ü", None),
            ("arn:aws:s3:::bucket/*", Some(InvalidResource::Characters)),
            ("arn:aws:s3:::b?cket", Some(InvalidResource::Characters)),
            ("arn:aws:s3:::b\u{7}", Some(InvalidResource::Characters)),
            ("arn:aws:s3:::b\u{7f}", Some(InvalidResource::Characters)),
            ("arn:aws:s3:::b\u{85}", Some(InvalidResource::Characters)),
            ("arn:aws:S3:::bucket", Some(InvalidResource::Service)),
            ("arn:aws:iam::111122223333:role/admin", Some(InvalidResource::Service)),
            ("arn:aws:brevet::111122223333:search/subject", Some(InvalidResource::Service)),
            ("arn:aws:s3::aws:bucket", Some(InvalidResource::Account)),
            ("arn:aws:s3::11112222333:bucket", Some(InvalidResource::Account)),
            ("record-1", Some(InvalidResource::NoArn)),
        ] {
            assert_eq!(text.parse::<ResourceArn>().err(), why, "{text}");
        }
        let long = format!("arn:aws:s3:::{}", "x".repeat(ResourceArn::MOST_BYTES - 13));
        assert!(long.parse::<ResourceArn>().is_ok());
        assert_eq!(format!("{long}x").parse::<ResourceArn>(), Err(InvalidResource::Long));
    }

    #[test]
    fn types_and_actions_are_words_of_the_policy_language() {
        for (text, is_type, is_action) in [
            ("record", true, true),
            ("todo-list_2.x", true, true),
            ("Record", false, true),
            ("record:read", false, true),
            ("iam", false, true),
            ("", false, false),
            ("re ad", false, false),
            ("read*", false, false),
            ("a:b:c", false, false),
            (":read", false, false),
            ("record:", false, false),
        ] {
            assert_eq!(text.parse::<ResourceTypeName>().is_ok(), is_type, "{text}");
            assert_eq!(text.parse::<ActionName>().is_ok(), is_action, "{text}");
        }
        assert!("x".repeat(65).parse::<ResourceTypeName>().is_err());
        assert!("x".repeat(129).parse::<ActionName>().is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_stored_reads_back_the_same(text in any::<String>()) {
            for text in [text.clone(), format!("arn:aws:{text}"), format!("arn:aws:s3:::{text}")] {
                if let Ok(arn) = text.parse::<ResourceArn>() {
                    prop_assert_eq!(arn.as_str(), &text);
                    let json = serde_json::to_string(&arn).unwrap();
                    prop_assert_eq!(serde_json::from_str::<ResourceArn>(&json).unwrap(), arn);
                }
                let _ = (text.parse::<ResourceTypeName>(), text.parse::<ActionName>());
            }
        }
    }
}
