//! The policies that apply together, and which condition keys they read.

use std::sync::Arc;

use super::compile::{Matcher, Policy};

/// An immutable set of compiled policies, with an index by service.
#[derive(Debug, Clone, Default)]
pub struct PolicySet {
    policies: Box<[Arc<Policy>]>,
    /// Every statement, as (policy, statement), in order.
    statements: Box<[(u32, u32)]>,
    /// For each service, ordered by name, the statements that are about it by name.
    by_service: Box<[Service]>,
    /// The statements that may be about any service.
    anywhere: Box<[u32]>,
    keys: KeySet,
}

/// The statements, by their places among all, that name actions of one service (in lower case).
#[derive(Debug, Clone)]
struct Service {
    name: Box<str>,
    statements: Box<[u32]>,
}

impl PolicySet {
    /// Puts policies together. Their order decides only in which order statements are named.
    pub fn new(policies: Vec<Arc<Policy>>) -> PolicySet {
        let mut statements = Vec::new();
        let mut anywhere = Vec::new();
        let mut by_service: Vec<(&str, u32)> = Vec::new();
        let mut keys: Vec<&str> = Vec::new();
        for (policy_at, policy) in (0_u32..).zip(&policies) {
            for (statement_at, matcher) in (0_u32..).zip(&policy.matchers) {
                let (Ok(at), at_statement) = (u32::try_from(statements.len()), (policy_at, statement_at)) else {
                    break;
                };
                statements.push(at_statement);
                match matcher.services() {
                    Some(services) => by_service.extend(services.into_iter().map(|service| (service, at))),
                    None => anywhere.push(at),
                }
                keys.extend(matcher.keys());
            }
        }
        by_service.sort_unstable();
        by_service.dedup();
        let by_service = by_service
            .chunk_by(|a, b| a.0 == b.0)
            .filter_map(|group| {
                let name = group.first()?.0.into();
                Some(Service { name, statements: group.iter().map(|(_, at)| *at).collect() })
            })
            .collect();
        keys.sort_unstable();
        keys.dedup();
        let keys = KeySet(keys.into_iter().map(Into::into).collect());
        PolicySet {
            statements: statements.into(),
            by_service,
            anywhere: anywhere.into(),
            keys,
            policies: policies.into(),
        }
    }

    /// The policies of the set.
    pub fn policies(&self) -> &[Arc<Policy>] {
        &self.policies
    }

    /// The condition keys that the set reads, in conditions and as variables.
    pub fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// The statements that may be about an action of `service` (in lower case), in order.
    pub(super) fn candidates<'a>(&'a self, service: &str) -> impl Iterator<Item = (&'a Policy, u32, &'a Matcher)> {
        let found = self.by_service.binary_search_by(|entry| (*entry.name).cmp(service));
        let mut named: &[u32] = match found.ok().and_then(|at| self.by_service.get(at)) {
            Some(entry) => &entry.statements,
            None => &[],
        };
        let mut anywhere: &[u32] = &self.anywhere;
        let in_order = std::iter::from_fn(move || {
            let from = match (named.first(), anywhere.first()) {
                (Some(a), Some(b)) if b < a => &mut anywhere,
                (Some(_), _) => &mut named,
                (None, _) => &mut anywhere,
            };
            let (first, rest) = from.split_first()?;
            *from = rest;
            Some(*first)
        });
        in_order.filter_map(|at| {
            let (policy, statement) = *self.statements.get(at as usize)?;
            let policy = self.policies.get(policy as usize)?;
            Some((&**policy, statement, policy.matchers.get(statement as usize)?))
        })
    }

    /// Every statement.
    pub(super) fn matchers(&self) -> impl Iterator<Item = &Matcher> {
        self.policies.iter().flat_map(|policy| policy.matchers.iter())
    }
}

/// A set of condition keys, in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySet(Box<[Box<str>]>);

impl KeySet {
    /// Whether a key, given in lower case, is in the set.
    pub fn contains(&self, lower_case_key: &str) -> bool {
        self.0.binary_search_by(|key| (**key).cmp(lower_case_key)).is_ok()
    }

    /// The keys in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| &**key)
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

    fn set(statements: &[(&str, &str)]) -> PolicySet {
        let policies = statements.iter().map(|(element, values)| {
            let text = format!(r#"{{"Statement":{{"Effect":"Allow","{element}":{values},"Resource":"*"}}}}"#);
            Arc::new(Policy::compile(&Document::parse(&text, Kind::Identity).unwrap(), Kind::Identity, *values))
        });
        PolicySet::new(policies.collect())
    }

    #[test]
    fn candidates_are_the_statements_about_a_service_in_the_order_of_the_set() {
        let set = set(&[
            ("Action", r#""*""#),
            ("Action", r#"["S3:Get*","iam:*"]"#),
            ("NotAction", r#""s3:*""#),
            ("Action", r#""ec2:*""#),
            ("Action", r#"["s3:Get*","s3:Put*","*:Tag"]"#),
            ("Action", r#""s3:?et""#),
            ("Action", r#""*:Get""#),
        ]);
        let found = |service| set.candidates(service).map(|(policy, _, _)| policy.id().to_owned()).collect::<Vec<_>>();
        let ids = |places: &[usize]| places.iter().map(|&at| set.policies()[at].id().to_owned()).collect::<Vec<_>>();
        assert_eq!(found("s3"), ids(&[0, 1, 2, 4, 5, 6]));
        assert_eq!(found("iam"), ids(&[0, 1, 2, 4, 6]));
        assert_eq!(found("ec2"), ids(&[0, 2, 3, 4, 6]));
        assert_eq!(found("sqs"), ids(&[0, 2, 4, 6]));
    }

    #[test]
    fn keys_are_those_of_conditions_and_variables() {
        let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${aws:UserName}",
            "Condition":{"StringLike":{"s3:Prefix":["${aws:PrincipalTag/Team, 'x'}"]},"Null":{"aws:TagKeys":"true"}}}}"#;
        let document = Document::parse(text, Kind::Identity).unwrap();
        let set = PolicySet::new(vec![Arc::new(Policy::compile(&document, Kind::Identity, "p"))]);
        let keys: Vec<_> = set.keys().iter().collect();
        assert_eq!(keys, ["aws:principaltag/team", "aws:tagkeys", "aws:username", "s3:prefix"]);
        assert!(set.keys().contains("s3:prefix") && !set.keys().contains("s3:Prefix"));
        assert!(PolicySet::default().keys().is_empty());
    }
}
