//! Masks: values that the log's readers are not to see.

use data_encoding::HEXLOWER;

use super::record::{Condition, Record};
use crate::config::{MASKED_RESOURCE, MaskedAs};
use crate::crypto::hash::hmac_sha256;
use crate::types::SecretBytes;

/// Which values are masked, and how.
pub(super) struct Masks {
    /// Names, and the beginnings of families, in lower case.
    names: Vec<String>,
    families: Vec<String>,
    resources: bool,
    masked_as: MaskedAs,
    key: SecretBytes,
}

/// Bytes of a hash that are shown. Values that happen to share them are one in a million among a thousand million.
const SHOWN: usize = 10;
/// Names for the same thing: a stored tag or attribute stands for a property that was not said.
const SAME: [(&str, &str); 2] = [("aws:principaltag/", "brevet:subject/"), ("aws:resourcetag/", "brevet:resource/")];

impl Masks {
    pub(super) fn new(mask: &[String], masked_as: MaskedAs, key: SecretBytes) -> Self {
        let lower = mask.iter().map(|name| name.to_ascii_lowercase());
        let (resource, keys): (Vec<_>, Vec<_>) = lower.partition(|name| name == MASKED_RESOURCE);
        let (families, names): (Vec<_>, Vec<_>) = keys.into_iter().partition(|name| name.ends_with('*'));
        let families = families.into_iter().map(|name| name.trim_end_matches('*').to_owned()).collect();
        Self { names, families, resources: !resource.is_empty(), masked_as, key }
    }

    /// The record with its masks on.
    pub(super) fn applied(&self, mut record: Record) -> Record {
        if self.resources {
            let hidden = self.resource(&record.resource);
            let shown = std::mem::replace(&mut record.resource, hidden.clone());
            // The policy of a stored resource is known by the resource's name.
            let named = record.named_statements().filter(|statement| statement.policy == shown);
            named.for_each(|statement| statement.policy.clone_from(&hidden));
        }
        for condition in &mut record.conditions {
            if self.hides(&condition.key)
                && let Some(values) = condition.values.take()
            {
                *condition = self.masked(std::mem::take(&mut condition.key), &values);
            }
        }
        if let Some(near) = record.missing.as_mut().and_then(|missing| missing.near.as_mut())
            && self.hides(&near.key)
        {
            near.expected = None;
        }
        record
    }

    fn hides(&self, key: &str) -> bool {
        let key = key.to_ascii_lowercase();
        let matches = |key: &str| {
            self.names.iter().any(|name| name == key) || self.families.iter().any(|start| key.starts_with(start))
        };
        matches(&key) || other_name(&key).is_some_and(|other| matches(&other))
    }

    fn masked(&self, key: String, values: &[String]) -> Condition {
        match self.masked_as {
            MaskedAs::Removed => Condition { key, removed: Some(values.len()), ..Condition::default() },
            MaskedAs::Hash => {
                let hashed = values.iter().map(|value| self.hash(&key, value)).collect();
                Condition { key, hashed: Some(hashed), ..Condition::default() }
            }
        }
    }

    /// What an account calls a resource, masked; whose it is and of which service stays.
    fn resource(&self, arn: &str) -> String {
        let mut parts: Vec<&str> = arn.splitn(6, ':').collect();
        let name = parts.pop().unwrap_or_default();
        let hidden = match self.masked_as {
            MaskedAs::Hash => format!("(masked {})", self.hash(MASKED_RESOURCE, name)),
            MaskedAs::Removed => "(masked)".to_owned(),
        };
        parts.push(&hidden);
        parts.join(":")
    }

    /// Under the key's own name: whoever may say one key cannot try out what another one holds.
    fn hash(&self, key: &str, value: &str) -> String {
        let name = key.to_ascii_lowercase();
        let name = SAME.iter().find_map(|(first, other)| Some(format!("{first}{}", name.strip_prefix(other)?)));
        let name = name.unwrap_or_else(|| key.to_ascii_lowercase());
        let text = [name.as_bytes(), &[0], value.as_bytes()].concat();
        let hash = hmac_sha256(self.key.expose(), &text);
        HEXLOWER.encode(hash.get(..SHOWN).unwrap_or_default())
    }
}

fn other_name(key: &str) -> Option<String> {
    SAME.iter()
        .flat_map(|(a, b)| [(a, b), (b, a)])
        .find_map(|(from, to)| Some(format!("{to}{}", key.strip_prefix(from)?)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audit::decisions::record::{Near, RecordedMissing, RecordedStatement};

    fn masks(mask: &[&str], masked_as: MaskedAs, key: u8) -> Masks {
        let mask: Vec<String> = mask.iter().map(|&name| name.to_owned()).collect();
        Masks::new(&mask, masked_as, SecretBytes::new([key; 32]))
    }

    fn record(key: &str, values: &[&str]) -> Record {
        let values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
        let near = Near { key: key.to_ascii_lowercase(), expected: Some(values.clone()), ..Near::default() };
        Record {
            resource: "arn:aws:record::111122223333:a:b".to_owned(),
            conditions: vec![Condition { key: key.to_owned(), values: Some(values), ..Condition::default() }],
            missing: Some(RecordedMissing { near: Some(near), ..RecordedMissing::default() }),
            ..Record::default()
        }
    }

    #[test]
    fn names_families_and_their_other_names_are_masked() {
        for (mask, key, hidden) in [
            ("aws:SourceIp", "AWS:sourceip", true),
            ("aws:SourceIp", "aws:SourceIpX", false),
            ("aws:PrincipalTag/*", "aws:PrincipalTag/ssn", true),
            ("aws:PrincipalTag/ssn", "brevet:Subject/SSN", true),
            ("brevet:Subject/*", "aws:PrincipalTag/ssn", true),
            ("brevet:Resource/x", "aws:ResourceTag/x", true),
            ("aws:*", "brevet:Resource/x", true),
            ("record:*", "aws:SourceIp", false),
            ("*", "anything", true),
            ("resource", "resource", false),
        ] {
            assert_eq!(masks(&[mask], MaskedAs::Hash, 1).hides(key), hidden, "{mask} {key}");
        }
    }

    #[test]
    fn a_resources_name_is_masked_and_whose_it_is_stays() {
        let removed = masks(&["Resource"], MaskedAs::Removed, 1).applied(record("k", &[]));
        assert_eq!(removed.resource, "arn:aws:record::111122223333:(masked)");
        let hashed = masks(&["resource"], MaskedAs::Hash, 1);
        assert_eq!(hashed.applied(record("k", &[])).resource, hashed.applied(record("x", &[])).resource);
        assert!(!hashed.applied(record("k", &[])).resource.contains("a:b"));
    }

    /// A stored resource's policy is called by the resource's ARN.
    #[test]
    fn a_masked_resource_is_not_named_by_its_policy_either() {
        let mut shown = record("k", &[]);
        let own = RecordedStatement { policy: shown.resource.clone(), ..RecordedStatement::default() };
        let another = RecordedStatement { policy: "arn:aws:iam::1:policy/p".to_owned(), ..own.clone() };
        shown.statements = vec![own.clone(), another.clone()];
        shown.missing = Some(RecordedMissing {
            near: Some(Near { statement: own, ..Near::default() }),
            ..RecordedMissing::default()
        });
        let name = shown.resource.rsplit_once("::111122223333:").expect("a name").1.to_owned();
        for masked_as in [MaskedAs::Removed, MaskedAs::Hash] {
            let masked = masks(&["resource"], masked_as, 1).applied(shown.clone());
            assert_eq!(masked.statements[0].policy, masked.resource);
            assert_eq!(masked.statements[1], another);
            assert!(!String::from_utf8(masked.line()).expect("text").contains(&name));
        }
    }

    proptest! {
        /// Whatever the value is: nothing of it is in the line, equal values are recognized, others and other keys' are not.
        #[test]
        fn a_masked_value_is_nowhere_in_the_line(
            secret in "[A-Za-z0-9!@-]{12,80}",
            other in "[A-Za-z0-9!@-]{12,80}",
            removed in any::<bool>(),
            family in any::<bool>(),
        ) {
            let masked_as = if removed { MaskedAs::Removed } else { MaskedAs::Hash };
            let masks = masks(&[if family { "record:*" } else { "record:Ssn" }], masked_as, 7);
            let line = |value: &str| String::from_utf8(masks.applied(record("record:ssn", &[value])).line()).unwrap();
            prop_assert!(!line(&secret).contains(&secret));
            prop_assert_eq!(line(&secret), line(&secret));
            prop_assert_eq!(line(&secret) == line(&other), removed || secret == other);
            prop_assert_ne!(masks.hash("record:ssn", &secret), masks.hash("record:name", &secret));
        }
    }

    #[test]
    fn another_installations_hashes_are_others() {
        assert_ne!(masks(&["k"], MaskedAs::Hash, 1).hash("k", "v"), masks(&["k"], MaskedAs::Hash, 2).hash("k", "v"));
    }
}
