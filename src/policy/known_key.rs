//! What is known of condition keys: those that AWS documents, and where brevet has their values from.
//!
//! Sources: the IAM User Guide's "AWS global condition context keys" (`reference_policies_condition-keys`) and "IAM and AWS STS
//! condition context keys" (`reference_policies_iam-condition-keys`), and the Service Authorization Reference's pages of IAM
//! (`list_awsidentityandaccessmanagementiam`) and STS (`list_awssecuritytokenservice`), which has the types.

use std::fmt;
use std::net::IpAddr;
use std::sync::LazyLock;

use super::decimal::Decimal;
use super::key_table::TABLE;
use super::moment::Moment;

/// A condition key of AWS's, or a family of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownKey {
    /// The name as AWS writes it. With a `/` at its end it stands for every key that begins so: `aws:PrincipalTag/`.
    pub name: &'static str,
    /// What its values are.
    pub kind: KeyType,
    /// Whether one request may have several values of it, for which policies need `ForAnyValue:` or `ForAllValues:`.
    pub multivalued: bool,
    /// What it holds.
    pub holds: &'static str,
    /// When it is present; if brevet does not fill it in, when AWS has it.
    pub present: &'static str,
    /// Where brevet has its value from.
    pub source: Source,
}

/// What a key's values are, and so which operators are meant for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// Texts.
    String,
    /// ARNs.
    Arn,
    /// `true` or `false`.
    Bool,
    /// Numbers.
    Numeric,
    /// Moments.
    Date,
    /// Addresses.
    Ip,
    /// Bytes.
    Binary,
}

impl KeyType {
    /// Whether conditions on such a key can read a text as its value. One that they cannot read would match nothing, a denial's
    /// condition included.
    pub fn reads(self, text: &str) -> bool {
        match self {
            KeyType::String | KeyType::Arn => true,
            KeyType::Bool => text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"),
            KeyType::Numeric => Decimal::read(text).is_some(),
            KeyType::Date => Moment::parse(text).is_some(),
            KeyType::Ip => text.parse::<IpAddr>().is_ok(),
            KeyType::Binary => data_encoding::BASE64.decode(text.as_bytes()).is_ok(),
        }
    }
}

/// Where brevet has the value of a key from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The broker knows it by itself; nobody may claim it.
    Broker,
    /// It tells of one request or of its resource. For requests to itself the broker sees it, as far as it can; of a request
    /// that a service has received, and asks about, the service may claim it.
    Asker,
    /// An operation of IAM or STS puts it in, from its input and from the entity that it is about.
    Operation,
    /// A service that asks gives it as a property of the subject, the action or the resource that it asks about.
    Property,
    /// AWS has it and brevet does not fill it in; nobody may claim it either.
    Nobody,
}

impl KnownKey {
    /// The services whose names begin the keys in the table. No key that begins so means anything but what AWS says.
    const SERVICES: [&'static str; 4] = ["aws", "brevet", "iam", "sts"];

    /// Every key, ordered by its name in lower case.
    pub fn all() -> &'static [KnownKey] {
        TABLE
    }

    /// The key of this name, in any case; for `aws:PrincipalTag/team` the family. `None` for keys of other services, of identity
    /// providers and of brevet's users, and for those that AWS does not have.
    pub fn find(name: &str) -> Option<&'static KnownKey> {
        let family = name.bytes().position(|byte| byte == b'/').and_then(|slash| name.get(..=slash));
        let name = family.unwrap_or(name);
        BY_LENGTH.get(name.len())?.iter().copied().find(|key| key.name.eq_ignore_ascii_case(name))
    }

    /// The name as AWS writes it, if it is one of AWS's.
    pub fn spelled(name: &str) -> String {
        match Self::find(name) {
            Some(known) if known.is_family() => {
                format!("{}{}", known.name, name.get(known.name.len()..).unwrap_or_default())
            }
            Some(known) => known.name.to_owned(),
            None => name.to_owned(),
        }
    }

    /// Whether the name begins as AWS's keys do: if it is not in the table either, it is none.
    pub fn is_reserved(name: &str) -> bool {
        let service = name.split_once(':').map_or("", |(service, _)| service);
        Self::SERVICES.iter().any(|reserved| service.eq_ignore_ascii_case(reserved))
    }

    /// Whether the name is one that identity providers' claims have: `issuer:claim`, where an issuer is a host and perhaps a path;
    /// `saml:` for all SAML providers. A host may have a single label and look like the name of a service: what sessions keep of
    /// a token's claims is therefore a provider's whatever it begins with.
    pub fn is_of_identity_provider(name: &str) -> bool {
        /// The claims that AWS keeps for a session, and the one that is made of `aud`.
        const KEPT: [&str; 4] = ["amr", "aud", "oaud", "sub"];
        let Some((issuer, claim)) = name.split_once(':') else { return false };
        issuer.contains(['.', '/'])
            || issuer.eq_ignore_ascii_case("saml")
            || KEPT.iter().any(|kept| claim.eq_ignore_ascii_case(kept))
    }

    /// Whether it stands for every key that begins with its name.
    pub fn is_family(&self) -> bool {
        self.name.ends_with('/')
    }

    /// A row of the table: a key with one value.
    pub(super) const fn one(name: &'static str, kind: KeyType, source: Source) -> Self {
        Self { name, kind, multivalued: false, holds: "", present: "", source }
    }

    /// A row of the table: a key with several values.
    pub(super) const fn many(name: &'static str, kind: KeyType, source: Source) -> Self {
        Self { multivalued: true, ..Self::one(name, kind, source) }
    }

    /// The row with what it holds.
    pub(super) const fn holds(self, holds: &'static str) -> Self {
        Self { holds, ..self }
    }

    /// The row with when it is present.
    pub(super) const fn present(self, present: &'static str) -> Self {
        Self { present, ..self }
    }
}

/// The keys by the lengths of their names: few have the same.
static BY_LENGTH: LazyLock<Vec<Vec<&'static KnownKey>>> = LazyLock::new(|| {
    let longest = TABLE.iter().map(|key| key.name.len()).max().unwrap_or_default();
    (0..=longest).map(|length| TABLE.iter().filter(|key| key.name.len() == length).collect()).collect()
});

impl fmt::Display for KnownKey {
    /// The name, with `KEY` for what a family leaves open.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, if self.is_family() { "KEY" } else { "" })
    }
}

impl fmt::Display for KeyType {
    /// The word that AWS's tables of keys use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyType::String => "String",
            KeyType::Arn => "ARN",
            KeyType::Bool => "Bool",
            KeyType::Numeric => "Numeric",
            KeyType::Date => "Date",
            KeyType::Ip => "IPAddress",
            KeyType::Binary => "Binary",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_says_each_key_once() {
        let names: Vec<String> = KnownKey::all().iter().map(|key| key.name.to_ascii_lowercase()).collect();
        for pair in names.windows(2) {
            assert!(pair[0] < pair[1], "{} does not belong before {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn every_row_is_filled_in_and_its_name_is_reserved() {
        for key in KnownKey::all() {
            assert!(KnownKey::is_reserved(key.name), "{key}");
            for sentence in [key.holds, key.present] {
                assert!(!sentence.is_empty(), "{key} is not explained");
                assert!(!sentence.ends_with('.') && !sentence.contains(['|', '\n']), "{key}: {sentence}");
            }
            let slashes = key.name.matches('/').count();
            assert_eq!(slashes, usize::from(key.is_family()), "{key}: a slash ends the name of a family");
        }
    }

    #[test]
    fn a_key_is_found_in_any_case_and_a_familys_member_by_the_family() {
        for key in KnownKey::all() {
            for name in [key.name.to_owned(), key.name.to_ascii_lowercase(), key.name.to_ascii_uppercase()] {
                assert_eq!(KnownKey::find(&name), Some(key), "{name}");
            }
            let member = format!("{}Team/Ä:x", key.name);
            assert_eq!(KnownKey::find(&member).is_some(), key.is_family(), "{member}");
        }
        let family = KnownKey::find("AWS:principaltag/Team").map(ToString::to_string);
        assert_eq!(family.as_deref(), Some("aws:PrincipalTag/KEY"));
    }

    #[test]
    fn what_is_nearly_a_key_is_none() {
        for name in [
            "",
            ":",
            "/",
            "aws:",
            "aws:PrincipalTag",
            "aws:PrincipalTags/team",
            "aws:SourceIp/",
            "aws:SourceIp ",
            " aws:SourceIp",
            "SourceIp",
            "aws:ſourceip",
            "accounts.google.com:aud",
            "token.actions.githubusercontent.com:sub",
            "saml:aud",
            "ec2:SourceInstanceArn",
            "reports:Quarter",
            "reports:aws:SourceIp",
        ] {
            assert_eq!(KnownKey::find(name), None, "{name}");
        }
    }

    #[test]
    fn claims_of_identity_providers_are_told_from_other_keys() {
        for name in [
            "accounts.google.com:aud",
            "graph.facebook.com:app_id",
            "www.amazon.com:user_id",
            "cognito-identity.amazonaws.com:amr",
            "token.actions.githubusercontent.com:job_workflow_ref",
            "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE:sub",
            "idp.example/t:kubernetes.io/serviceaccount/name",
            "intranet/t:x",
            "gitlab:sub",
            "GitLab:AUD",
            "saml:iss",
            "SAML:x",
        ] {
            assert!(KnownKey::is_of_identity_provider(name), "{name}");
        }
        for name in
            ["", "sub", "reports:Quarter", "reports:file.txt", "reports:a/b", "aws:SourceIp", "samlx:iss", "k:subject"]
        {
            assert!(!KnownKey::is_of_identity_provider(name), "{name}");
        }
    }

    #[test]
    fn no_identity_provider_has_the_name_of_one_of_awss_services() {
        for service in KnownKey::SERVICES {
            assert!(service.parse::<crate::types::OidcIssuer>().is_err(), "{service}");
        }
    }

    #[test]
    fn names_that_begin_as_awss_are_reserved() {
        for name in ["aws:Nothing", "AWS:x", "iam:", "sTs:a:b", "brevet:x", "Brevet:Subject"] {
            assert!(KnownKey::is_reserved(name), "{name}");
        }
        for name in ["", "aws", "awsx:y", "xaws:y", "s3:prefix", "brevets:x", ":aws:x"] {
            assert!(!KnownKey::is_reserved(name), "{name}");
        }
    }
}
