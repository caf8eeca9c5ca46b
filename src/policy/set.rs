//! The policies that apply together, and which condition keys they read.

use std::sync::Arc;

use super::compile::{Matcher, Policy};
use super::document::StatementEffect;
use super::index::{Candidates, Index};
use super::key::Key;
use super::validity::Clocks;

/// An immutable set of compiled policies, with indexes that find the statements about a request.
#[derive(Debug, Clone, Default)]
pub struct PolicySet {
    policies: Box<[Arc<Policy>]>,
    /// Every statement, as (policy, statement), in order: the numbers in indexes are places in this list.
    statements: Box<[(u32, u32)]>,
    denials: Index,
    allowances: Index,
    keys: KeySet,
    clocks: Clocks,
}

/// A statement of a set, with its place.
#[derive(Clone, Copy)]
pub(super) struct Placed<'p> {
    pub(super) policy: &'p Policy,
    /// In the policy, from 0.
    pub(super) index: u32,
    pub(super) matcher: &'p Matcher,
}

impl PolicySet {
    /// Puts policies together. Their order decides only in which order statements are named.
    pub fn new(policies: Vec<Arc<Policy>>) -> PolicySet {
        let mut places = Vec::new();
        let mut matchers: Vec<(u32, &Matcher)> = Vec::new();
        for (policy_at, policy) in (0_u32..).zip(&policies) {
            for (statement_at, matcher) in (0_u32..).zip(policy.matchers.iter()) {
                // Four thousand million statements are more than memory holds.
                let Ok(at) = u32::try_from(places.len()) else { break };
                places.push((policy_at, statement_at));
                matchers.push((at, matcher));
            }
        }
        let of = |effect| Index::new(matchers.iter().copied().filter(move |(_, matcher)| matcher.effect == effect));
        let mut keys: Vec<&Key> = matchers.iter().flat_map(|(_, matcher)| matcher.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        PolicySet {
            statements: places.into(),
            denials: of(StatementEffect::Deny),
            allowances: of(StatementEffect::Allow),
            keys: KeySet(keys.into_iter().cloned().collect()),
            clocks: Clocks::new(matchers.iter().map(|(_, matcher)| *matcher)),
            policies: policies.into(),
        }
    }

    /// How much memory the set takes beside its policies, roughly: its indexes grow with all that the policies name.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.statements) + self.denials.bytes() + self.allowances.bytes()
    }

    /// The actions of a service (in lower case) that some statement allows by their full names, in lower case and without the service's
    /// name; at most `most`.
    pub fn allowed_by_name<'a>(&'a self, service: &'a str, most: usize) -> impl Iterator<Item = &'a str> {
        let statements = self.policies.iter().flat_map(|policy| policy.matchers.iter());
        let names = statements.flat_map(Matcher::allowed_by_name);
        names.filter_map(move |name| name.strip_prefix(service)?.strip_prefix(':')).take(most)
    }

    /// The policies of the set.
    pub fn policies(&self) -> &[Arc<Policy>] {
        &self.policies
    }

    /// The condition keys that the set reads, in conditions and as variables.
    pub fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// Finds the statements of one effect that may be about a request, in order, each once. What `found` held is forgotten.
    #[inline]
    pub(super) fn find(
        &self,
        effect: StatementEffect,
        lower_case_action: &str,
        resource: &str,
        found: &mut Candidates,
    ) {
        let index = match effect {
            StatementEffect::Deny => &self.denials,
            StatementEffect::Allow => &self.allowances,
        };
        index.find(lower_case_action, resource, found);
    }

    /// The statement at a place in the order of the set.
    pub(super) fn placed(&self, at: u32) -> Option<Placed<'_>> {
        let (policy, index) = *self.statements.get(at as usize)?;
        let policy: &Policy = self.policies.get(policy as usize)?;
        Some(Placed { policy, index, matcher: policy.matchers.get(index as usize)? })
    }

    pub(super) fn clocks(&self) -> &Clocks {
        &self.clocks
    }
}

/// A set of condition keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySet(Box<[Key]>);

impl KeySet {
    /// Whether a key, given in lower case, is in the set.
    pub fn contains(&self, lower_case_key: &str) -> bool {
        self.0.binary_search_by(|key| key.name().cmp(lower_case_key)).is_ok()
    }

    /// The keys in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }

    /// Whether no key is read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Document, Kind};

    fn set(statements: &[&str]) -> PolicySet {
        let policies = statements.iter().map(|elements| {
            let text = format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow",{elements}}}}}"#);
            Arc::new(Policy::compile(&Document::parse(&text, Kind::Identity).unwrap(), Kind::Identity, *elements))
        });
        PolicySet::new(policies.collect())
    }

    /// The statements that are looked at for a request.
    fn found(set: &PolicySet, action: &str, resource: &str) -> Vec<u32> {
        let mut found = Candidates::new();
        set.find(StatementEffect::Allow, action, resource, &mut found);
        found.into_iter().map(|(at, _)| at).collect()
    }

    #[test]
    fn only_statements_that_can_be_about_a_request_are_looked_at() {
        let set = set(&[
            r#""Action":"*","Resource":"*""#,
            r#""Action":["S3:Get*","iam:*"],"Resource":"*""#,
            r#""NotAction":"s3:*","Resource":"*""#,
            r#""Action":"ec2:*","Resource":"*""#,
            r#""Action":["s3:Get*","s3:GetObject","*:Tag"],"Resource":"arn:aws:s3:::b/*""#,
            r#""Action":"s3:?et","Resource":"arn:aws:s3:::b/${aws:username}/*""#,
            r#""Action":"*:Get","NotResource":"arn:aws:s3:::b""#,
            r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::c""#,
        ]);
        assert_eq!(found(&set, "s3:getobject", "arn:aws:s3:::b/k"), [0, 1, 2, 4, 5, 6, 7]);
        assert_eq!(found(&set, "s3:getobject", "arn:aws:s3:::c"), [0, 1, 2, 5, 6, 7]);
        assert_eq!(found(&set, "s3:getobjectacl", "arn:aws:s3:::c"), [0, 1, 2, 5, 6], "more than the action");
        assert_eq!(found(&set, "iam:getuser", "*"), [0, 1, 2, 6]);
        assert_eq!(found(&set, "ec2:runinstances", "*"), [0, 2, 3, 6]);
    }

    #[test]
    fn a_thousand_policies_are_told_apart_by_what_they_do_not_share() {
        let looked_at = |statements: Vec<String>, action: &str, resource: &str| {
            let texts: Vec<&str> = statements.iter().map(String::as_str).collect();
            found(&set(&texts), action, resource).len()
        };
        let by_bucket =
            |i| format!(r#""Action":"s3:Get*","Resource":["arn:aws:s3:::team-{i}","arn:aws:s3:::team-{i}/*"]"#);
        assert_eq!(looked_at((0..1_000).map(by_bucket).collect(), "s3:getobject", "arn:aws:s3:::team-5/k"), 1);
        let by_action = |i| format!(r#""Action":"s3:Do{i}","Resource":"arn:aws:s3:::b/*""#);
        assert_eq!(looked_at((0..1_000).map(by_action).collect(), "s3:do77", "arn:aws:s3:::b/k"), 1);
    }

    #[test]
    fn keys_are_those_of_conditions_and_variables() {
        let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${aws:UserName}",
            "Condition":{"StringLike":{"s3:Prefix":["${aws:PrincipalTag/Team, 'x'}"]},"Null":{"aws:TagKeys":"true"}}}}"#;
        let document = Document::parse(text, Kind::Identity).unwrap();
        let set = PolicySet::new(vec![Arc::new(Policy::compile(&document, Kind::Identity, "p"))]);
        let keys: Vec<_> = set.keys().iter().map(Key::name).collect();
        assert_eq!(keys, ["aws:principaltag/team", "aws:tagkeys", "aws:username", "s3:prefix"]);
        assert!(set.keys().contains("s3:prefix") && !set.keys().contains("s3:Prefix"));
        assert!(PolicySet::default().keys().is_empty());
    }
}
