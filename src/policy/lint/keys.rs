//! What is known about condition keys: the type of their values, and whether they carry several.
//!
//! Source: IAM User Guide, `reference_policies_condition-keys` (each key's "Data type" and "Value type"),
//! `reference_policies_iam-condition-keys` for those of STS.

use KeyKind::{Address, Arn, Bool, Date, Moment, Number, Text};

use crate::policy::operator::Test;

/// What a key's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyKind {
    Text,
    Arn,
    Bool,
    Number,
    Date,
    /// A moment that is compared as a date or as a number of seconds.
    Moment,
    Address,
}

/// A key that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyType {
    pub(super) kind: KeyKind,
    pub(super) multivalued: bool,
}

/// The type of a key; `None` when it is not known. Case does not count.
pub(super) fn key_type(name: &str) -> Option<KeyType> {
    let lower = name.to_ascii_lowercase();
    if let Some(prefix) = TAGS.iter().find(|prefix| lower.starts_with(*prefix)) {
        return (lower.len() > prefix.len()).then_some(KeyType { kind: Text, multivalued: false });
    }
    let at = KEYS.binary_search_by(|(key, _, _)| (*key).cmp(lower.as_str())).ok()?;
    KEYS.get(at).map(|&(_, kind, multivalued)| KeyType { kind, multivalued })
}

/// The prefix, as it is written, of a key that ends in the name of a tag.
pub(super) fn tag_prefix(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    let bare = lower.strip_suffix('/').unwrap_or(&lower);
    ["aws:PrincipalTag/", "aws:RequestTag/", "aws:ResourceTag/"]
        .into_iter()
        .find(|prefix| prefix.strip_suffix('/').is_some_and(|prefix| prefix.eq_ignore_ascii_case(bare)))
}

/// Beginnings of keys that end in the name of a tag.
const TAGS: [&str; 3] = ["aws:principaltag/", "aws:requesttag/", "aws:resourcetag/"];

/// Name, kind, whether several values; in alphabetical order.
const KEYS: [(&str, KeyKind, bool); 56] = [
    ("aws:assumedroot", Text, false),
    ("aws:calledvia", Text, true),
    ("aws:calledviafirst", Text, false),
    ("aws:calledvialast", Text, false),
    ("aws:chatbotsourcearn", Arn, false),
    ("aws:currenttime", Date, false),
    ("aws:ec2instancesourceprivateipv4", Address, false),
    ("aws:ec2instancesourcevpc", Text, false),
    ("aws:epochtime", Moment, false),
    ("aws:federatedprovider", Text, false),
    ("aws:multifactorauthage", Number, false),
    ("aws:multifactorauthpresent", Bool, false),
    ("aws:principalaccount", Text, false),
    ("aws:principalarn", Arn, false),
    ("aws:principalisawsservice", Bool, false),
    ("aws:principalorgid", Text, false),
    ("aws:principalorgpaths", Text, true),
    ("aws:principalservicename", Text, false),
    ("aws:principalservicenameslist", Text, true),
    ("aws:principaltype", Text, false),
    ("aws:referer", Text, false),
    ("aws:requestedregion", Text, false),
    ("aws:resourceaccount", Text, false),
    ("aws:resourceorgid", Text, false),
    ("aws:resourceorgpaths", Text, true),
    ("aws:securetransport", Bool, false),
    ("aws:sourceaccount", Text, false),
    ("aws:sourcearn", Arn, false),
    ("aws:sourceidentity", Text, false),
    ("aws:sourceip", Address, false),
    ("aws:sourceorgid", Text, false),
    ("aws:sourceorgpaths", Text, true),
    ("aws:sourceowner", Text, false),
    ("aws:sourcevpc", Text, false),
    ("aws:sourcevpcarn", Arn, false),
    ("aws:sourcevpce", Text, false),
    ("aws:tagkeys", Text, true),
    ("aws:tokenissuetime", Date, false),
    ("aws:useragent", Text, false),
    ("aws:userid", Text, false),
    ("aws:username", Text, false),
    ("aws:viaawsmcpservice", Bool, false),
    ("aws:viaawsservice", Bool, false),
    ("aws:vpceaccount", Text, false),
    ("aws:vpceorgid", Text, false),
    ("aws:vpceorgpaths", Text, true),
    ("aws:vpcsourceip", Address, false),
    ("sts:authorizationcode", Text, false),
    ("sts:awsservicename", Text, false),
    ("sts:durationseconds", Number, false),
    ("sts:externalid", Text, false),
    ("sts:requestcontextproviders", Arn, true),
    ("sts:rolesessionname", Text, false),
    ("sts:sourceidentity", Text, false),
    ("sts:taskpolicyarn", Arn, false),
    ("sts:transitivetagkeys", Text, true),
];

impl KeyKind {
    /// The family of operators that compares such values.
    pub(super) fn operators(self) -> &'static str {
        match self {
            Text => "String",
            Arn => "ARN",
            Bool => "Bool",
            Number => "Numeric",
            Date | Moment => "Date",
            Address => "IpAddress",
        }
    }

    /// Whether the operator compares such values. `Null` compares none, so it suits all.
    pub(super) fn suits(self, test: Test) -> bool {
        let name = test.name();
        match self {
            _ if test == Test::Null => true,
            Text => name.starts_with("String"),
            Arn => name.starts_with("Arn"),
            Bool => test == Test::Bool,
            Number => name.starts_with("Numeric"),
            Date => name.starts_with("Date"),
            Moment => name.starts_with("Date") || name.starts_with("Numeric"),
            Address => matches!(test, Test::IpAddress | Test::NotIpAddress),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_whatever_their_case() {
        assert!(KEYS.is_sorted_by_key(|(key, _, _)| *key));
        assert_eq!(key_type("aws:TagKeys"), Some(KeyType { kind: Text, multivalued: true }));
        assert_eq!(key_type("AWS:sourceip").map(|key| key.kind), Some(Address));
        assert_eq!(key_type("aws:ResourceTag/Team").map(|key| key.kind), Some(Text));
        assert_eq!(key_type("aws:ResourceTag/"), None);
        assert_eq!(key_type("reports:Quarter"), None);
        assert_eq!(tag_prefix("aws:resourcetag"), Some("aws:ResourceTag/"));
        assert_eq!(tag_prefix("aws:ResourceTag/a"), None);
    }
}
