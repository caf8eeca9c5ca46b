//! AWS managed policies: the ones that AWS keeps under `arn:aws:iam::aws:policy/` and that every account may use.
//!
//! They are compiled in, documents and all, and nobody can change them. `table.rs` lists them; the documents are what AWS publishes in
//! its AWS Managed Policy Reference. Not every one of AWS's policies is here: those for its own services' roles are of no use to
//! a broker.

mod table;

use std::borrow::Cow;

use crate::types::{Arn, Realm};

/// A managed policy of AWS.
#[derive(Debug, PartialEq, Eq)]
pub struct AwsPolicy {
    /// Such as `ReadOnlyAccess`.
    pub name: &'static str,
    /// `/`, or what the policy is for, such as `/job-function/`.
    pub path: &'static str,
    /// `ANPA…`, the same in every account.
    pub id: &'static str,
    /// The number of the version in force, the only one that is kept.
    pub version: u32,
    /// When AWS made it, in ISO 8601.
    pub created: &'static str,
    /// When AWS made the version in force, in ISO 8601.
    pub updated: &'static str,
    description: &'static str,
    document: &'static str,
}

impl AwsPolicy {
    /// All of them, in the order of their names.
    pub fn all() -> &'static [Self] {
        table::TABLE
    }

    /// The policy that an ARN names, in whatever partition.
    pub fn named_by(arn: &Arn) -> Option<&'static Self> {
        if !Self::owns(arn) {
            return None;
        }
        let path_and_name = arn.resource().strip_prefix("policy")?;
        Self::all().iter().find(|policy| path_and_name.strip_prefix(policy.path) == Some(policy.name))
    }

    /// Whether an ARN is of a managed policy of AWS, be it here or not.
    pub fn owns(arn: &Arn) -> bool {
        arn.owner() == "aws"
            && arn.service() == "iam"
            && arn.region().is_empty()
            && arn.name_of_kind("policy").is_some()
    }

    /// Its ARN, in the installation's partition.
    pub fn arn(&self, realm: &Realm) -> Arn {
        realm.aws_policy(self.path, self.name)
    }

    /// Its name in lower case, which lists are ordered by.
    pub fn folded_name(&self) -> String {
        self.name.to_ascii_lowercase()
    }

    /// What it is for; AWS does not say it of all.
    pub fn description(&self) -> Option<&'static str> {
        Some(self.description).filter(|text| !text.is_empty())
    }

    /// The document. AWS keeps one for each of its partitions, in which ARNs name that partition.
    pub fn document(&self, partition: &str) -> Cow<'static, str> {
        const WRITTEN_FOR: &str = "\"arn:aws:";
        if partition == "aws" || !self.document.contains(WRITTEN_FOR) {
            return Cow::Borrowed(self.document);
        }
        Cow::Owned(self.document.replace(WRITTEN_FOR, &format!("\"arn:{partition}:")))
    }

    /// Whether AWS's id of the policy could not be found out, and it has one in the same form instead.
    pub fn has_made_up_id(&self) -> bool {
        table::IDS_MADE_UP.contains(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::clock::Timestamp;
    use crate::policy::{Document, Kind, Policy, Version};
    use crate::types::{EntityPath, PolicyName};

    #[test]
    fn every_policy_is_whole() {
        let mut ids = HashSet::new();
        for policy in AwsPolicy::all() {
            let AwsPolicy { name, path, id, version, created, updated, .. } = policy;
            assert!(name.parse::<PolicyName>().is_ok() && path.parse::<EntityPath>().is_ok(), "{name}");
            assert!(id.len() == 21 && id.starts_with("ANPA") && ids.insert(id), "{name}: {id}");
            let (created, updated) = (Timestamp::parse_iso8601(created), Timestamp::parse_iso8601(updated));
            assert!(created.is_some() && created <= updated && *version > 0, "{name}");
            assert!((*version == 1) <= (created == updated), "{name}: the first version is as old as its policy");
            let document = Document::parse(&policy.document("aws"), Kind::Identity);
            let document = document.unwrap_or_else(|why| panic!("{name}: {why}: {}", why.detail()));
            assert_eq!(document.version(), Version::V2012, "{name}");
            assert!(policy.description().is_none_or(|text| text.len() <= 1_000 && text.trim() == text), "{name}");
        }
        let unknown = table::IDS_MADE_UP.iter().filter(|name| AwsPolicy::all().iter().all(|it| it.name != **name));
        assert_eq!(unknown.count(), 0);
    }

    #[test]
    fn the_table_is_in_the_order_of_lists() {
        assert!(AwsPolicy::all().is_sorted_by(|a, b| a.folded_name() < b.folded_name()));
    }

    #[test]
    fn a_policy_is_found_by_its_whole_arn() {
        let find = |text: &str| AwsPolicy::named_by(&text.parse::<Arn>().unwrap()).map(|policy| policy.name);
        for realm in [Realm::default(), Realm { partition: "aws-cn".to_owned(), ..Realm::default() }] {
            for policy in AwsPolicy::all() {
                let arn = policy.arn(&realm);
                assert_eq!(arn.as_str().parse::<Arn>().as_ref(), Ok(&arn));
                assert_eq!(AwsPolicy::named_by(&arn), Some(policy));
                assert_eq!((arn.partition(), arn.account()), (realm.partition.as_str(), None));
            }
        }
        assert_eq!(find("arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"), Some("ViewOnlyAccess"));
        for other in [
            "arn:aws:iam::aws:policy/ViewOnlyAccess",
            "arn:aws:iam::aws:policy/job-function/ReadOnlyAccess",
            "arn:aws:iam::aws:policy/readonlyaccess",
            "arn:aws:iam::aws:policy//ReadOnlyAccess",
            "arn:aws:iam::aws:policyReadOnlyAccess",
            "arn:aws:iam::aws:role/ReadOnlyAccess",
            "arn:aws:iam:us-east-1:aws:policy/ReadOnlyAccess",
            "arn:aws:s3::aws:policy/ReadOnlyAccess",
            "arn:aws:iam::AWS:policy/ReadOnlyAccess",
            "arn:aws:iam::123456789012:policy/ReadOnlyAccess",
            "arn:aws:iam:::policy/ReadOnlyAccess",
            "arn:aws:iam::aws:policy/NoSuchAccess",
        ] {
            assert_eq!(find(other), None, "{other}");
        }
    }

    #[test]
    fn documents_name_the_partition_that_they_are_used_in() {
        let role = AwsPolicy::all().iter().find(|policy| policy.name == "IAMAuditRootUserCredentials").unwrap();
        assert!(matches!(role.document("aws"), Cow::Borrowed(text) if text.contains("arn:aws:iam::*:root")));
        let elsewhere = role.document("example");
        assert!(elsewhere.contains("\"arn:example:iam::*:root\"") && !elsewhere.contains("arn:aws:"));
        for policy in AwsPolicy::all() {
            let text = policy.document("example");
            assert!(!text.contains("arn:aws:"), "{}", policy.name);
            let document = Document::parse(&text, Kind::Identity).unwrap();
            assert_eq!(Policy::compile(&document, Kind::Boundary, policy.name).kind(), Kind::Boundary);
        }
    }
}
