//! Masks: values that the log's readers are not to see.

use data_encoding::HEXLOWER;

use super::record::{Condition, Record};
use super::unusable::UnusableLog;
use crate::config::{self, MASKED_RESOURCE, MaskedAs};
use crate::crypto::hash::hmac_sha256;
use crate::policy::KnownKey;
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

/// Whether every mask may mask something. Of names that begin as AWS's and brevet's own keys do all are known, so one that is not among
/// them is a slip, and what it was to hide would be in the log. What keys other services and identity providers have nobody knows.
pub(super) fn check(mask: &[String]) -> Result<(), UnusableLog> {
    let Some(wrong) = mask.iter().find(|wanted| !masks_something(wanted)) else { return Ok(()) };
    let known: Vec<String> = KnownKey::all().iter().map(spelled).collect();
    let lower: Vec<String> = known.iter().map(|name| name.to_ascii_lowercase()).collect();
    let nearest = config::nearest(&wrong.to_ascii_lowercase(), lower.iter().map(String::as_str));
    let nearest = known.into_iter().find(|name| Some(name.to_ascii_lowercase()) == nearest);
    Err(UnusableLog::Mask { mask: wrong.clone(), nearest })
}

fn masks_something(mask: &str) -> bool {
    let starts = |text: &str, start: &str| text.get(..start.len()).is_some_and(|it| it.eq_ignore_ascii_case(start));
    if !KnownKey::is_reserved(mask) {
        return true;
    }
    match mask.strip_suffix('*') {
        // The beginning of a key, or of some of a family's.
        Some(start) => {
            KnownKey::all().iter().any(|key| starts(key.name, start) || (key.is_family() && starts(start, key.name)))
        }
        // A family's name alone is none of its keys.
        None => KnownKey::find(mask).is_some_and(|key| !key.is_family() || mask.len() > key.name.len()),
    }
}

/// As a mask is written.
fn spelled(key: &KnownKey) -> String {
    format!("{}{}", key.name, if key.is_family() { "*" } else { "" })
}

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
    fn a_mask_of_no_key_is_told_with_the_nearest() {
        let told = |mask: &str| check(&["aws:SourceIp".to_owned(), mask.to_owned()]).map_err(|error| error.to_string());
        for good in [
            "*",
            "a*",
            "aws:*",
            "AWS:principal*",
            "aws:PrincipalTag/*",
            "aws:PrincipalTag/ssn",
            "aws:principaltag/s*",
            "brevet:Subject/*",
            "brevet:resource/owner",
            "AWS:SOURCEIP",
            "sts:ExternalId",
            "resource",
            "Resource",
            "department",
            "record:Ssn",
            "record:*",
            "saml:aud",
            "token.actions.githubusercontent.com:sub",
        ] {
            assert_eq!(told(good), Ok(()), "{good}");
        }
        for (wrong, right) in [
            ("aws:SourceIpp", Some("aws:SourceIp")),
            ("aws:sourceip/", Some("aws:SourceIp")),
            ("aws:PrincipalTag", Some("aws:PrincipalTag/*")),
            ("aws:PrincipalTag/", Some("aws:PrincipalTag/*")),
            ("aws:PrincipalTags/*", Some("aws:PrincipalTag/*")),
            ("aws:PrincipalTgs/ssn", None),
            ("aws:SourceIpp*", Some("aws:SourceIp")),
            ("brevet:Subjects/*", Some("brevet:Subject/*")),
            ("sts:ExternalID ", Some("sts:ExternalId")),
            ("iam:", None),
            ("aws:ü*", None),
        ] {
            let hint = right.map(|right| format!("; did you mean `{right}`?")).unwrap_or_default();
            let text =
                format!("`decision_log.mask` has `{wrong}`, which masks nothing: there is no such condition key{hint}");
            assert_eq!(told(wrong), Err(text));
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
