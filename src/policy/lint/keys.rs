//! Which operators compare the values of a condition key.

use crate::policy::known_key::{KeyType, KnownKey};
use crate::policy::operator::Test;

/// The key of a name, if it is known. A family's bare name (`aws:PrincipalTag/`) is no key.
pub(super) fn known(name: &str) -> Option<&'static KnownKey> {
    KnownKey::find(name).filter(|key| !key.is_family() || name.len() > key.name.len())
}

/// The family of tag keys of a name that lacks the tag: `aws:ResourceTag` or `aws:ResourceTag/`.
pub(super) fn tag_prefix(name: &str) -> Option<&'static str> {
    let bare = name.strip_suffix('/').unwrap_or(name);
    ["aws:PrincipalTag/", "aws:RequestTag/", "aws:ResourceTag/"]
        .into_iter()
        .find(|prefix| prefix.strip_suffix('/').is_some_and(|prefix| prefix.eq_ignore_ascii_case(bare)))
}

/// The family of operators that compares such values.
pub(super) fn operators(kind: KeyType) -> &'static str {
    match kind {
        KeyType::String => "String",
        KeyType::Arn => "ARN",
        KeyType::Bool => "Bool",
        KeyType::Numeric => "Numeric",
        KeyType::Date => "Date",
        KeyType::Ip => "IpAddress",
        KeyType::Binary => "Binary",
    }
}

/// Whether the operator compares the key's values. `Null` compares none, so it suits all.
pub(super) fn suits(key: &KnownKey, test: Test) -> bool {
    /// A moment that is also a number of seconds.
    const EPOCH: &str = "aws:EpochTime";
    let name = test.name();
    match key.kind {
        _ if test == Test::Null => true,
        KeyType::String => name.starts_with("String"),
        KeyType::Arn => name.starts_with("Arn"),
        KeyType::Bool => test == Test::Bool,
        KeyType::Numeric => name.starts_with("Numeric"),
        KeyType::Date => name.starts_with("Date") || (key.name == EPOCH && name.starts_with("Numeric")),
        KeyType::Ip => matches!(test, Test::IpAddress | Test::NotIpAddress),
        KeyType::Binary => test == Test::BinaryEquals,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_whatever_their_case_and_say_what_compares_them() {
        let suits = |name, test| suits(known(name).unwrap(), test);
        assert!(suits("AWS:sourceip", Test::NotIpAddress) && !suits("aws:SourceIp", Test::StringLike));
        assert!(suits("aws:EpochTime", Test::NumericLessThan) && suits("aws:EpochTime", Test::DateLessThan));
        assert!(!suits("aws:CurrentTime", Test::NumericLessThan) && suits("aws:CurrentTime", Test::Null));
        assert!(suits("aws:ResourceTag/Team", Test::StringNotLike));
        assert_eq!(known("aws:ResourceTag/"), None);
        assert_eq!(known("reports:Quarter"), None);
        assert_eq!(tag_prefix("aws:resourcetag"), Some("aws:ResourceTag/"));
        assert_eq!(tag_prefix("aws:ResourceTag/a"), None);
    }
}
