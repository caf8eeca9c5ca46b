//! What is to be simulated, and why it cannot be.

use super::entry::{self, Entry};
use super::input::Input;
use super::scenario;
use crate::policy::{Context, Document, Kind, Principal};

/// Everything that a simulation knows.
#[derive(Debug, Clone)]
pub struct Scene {
    /// The caller's own policies and those that it inherits.
    pub identity: Vec<Input>,
    /// The permissions boundary; an empty one allows nothing.
    pub boundary: Option<Vec<Input>>,
    /// The policy that every resource is treated as having.
    pub resource_policy: Option<Input>,
    /// Who calls. Only a resource's policy asks.
    pub principal: Principal,
    /// The account of resources whose ARN names none.
    pub resource_owner: Option<String>,
    /// `iam:CreateUser`, without wildcards.
    pub actions: Vec<String>,
    /// ARNs, or `*`; nothing is `*` too.
    pub resources: Vec<String>,
    /// What conditions and variables may read.
    pub entries: Vec<Entry>,
    /// `ResourceHandlingOption`
    pub scenario: Option<String>,
}

/// Why a scene cannot be simulated. Sentences that IAM is known to answer are IAM's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Not `service:Name`, or with a wildcard.
    #[error("Invalid action name: {0}. An action has the form service:Name, without wildcards.")]
    Action(String),
    /// Neither an ARN nor `*`.
    #[error("ResourceNames are not in a valid ARN format: {0}.")]
    Resource(String),
    /// The resource policy says nothing about a resource of this service, or about no particular one.
    #[error("The ResourcePolicy does not apply to the resource {0}.")]
    NotApplicable(String),
    /// A key without its service.
    #[error("Invalid context key name: {0}. A key has the form service:Name.")]
    Key(String),
    /// Two entries for one key.
    #[error("There is more than one context entry for the key {0}.")]
    KeyTwice(String),
    /// Several values for a type that has one.
    #[error("The context key {0} has several values, and its type is not a list.")]
    Several(String),
    /// A value that is not of its type.
    #[error("The value {text} of the context key {key} is not of its type.")]
    Value {
        /// The key.
        key: String,
        /// The value.
        text: String,
    },
    /// A scenario that there is not.
    #[error("ResourceHandlingOption {option} is not supported. Supported are {known}.")]
    UnknownScenario {
        /// What was asked for.
        option: String,
        /// What there is.
        known: String,
    },
    /// A scenario without its resources.
    #[error("ResourceHandlingOption {option} needs resources that are not among the ResourceArns: {missing}.")]
    Scenario {
        /// The scenario.
        option: String,
        /// The types that are missing.
        missing: String,
    },
}

impl Unfit {
    pub(super) fn value(entry: &Entry, text: &str) -> Unfit {
        Unfit::Value { key: entry.key.clone(), text: text.to_owned() }
    }
}

impl Scene {
    /// What a resource policy is read as: for roles it is a trust policy, which names no resource.
    pub fn resource_policy_kind(resources: &[String]) -> Kind {
        let roles = !resources.is_empty() && resources.iter().all(|resource| is_role(resource));
        if roles { Kind::Trust } else { Kind::Resource }
    }

    /// Finds what does not fit, and gives the context.
    pub(super) fn check(&self) -> Result<Context, Unfit> {
        if let Some(action) = self.actions.iter().find(|action| !is_action(action)) {
            return Err(Unfit::Action(action.clone()));
        }
        if let Some(resource) = self.resources.iter().find(|resource| *resource != "*" && !is_arn(resource)) {
            return Err(Unfit::Resource(resource.clone()));
        }
        if let Some(policy) = &self.resource_policy {
            if self.resources.is_empty() {
                return Err(Unfit::NotApplicable("*".to_owned()));
            }
            if let Some(other) = self.resources.iter().find(|resource| !applies(policy, resource)) {
                return Err(Unfit::NotApplicable(other.clone()));
            }
        }
        if let Some(option) = &self.scenario {
            scenario::check(option, &self.resources)?;
        }
        entry::context(&self.entries)
    }
}

fn is_action(action: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_graphic() && !b"*?:".contains(&b));
    action.split_once(':').is_some_and(|(service, name)| plain(service) && plain(name))
}

fn is_arn(resource: &str) -> bool {
    let mut parts = resource.splitn(6, ':');
    let named = |part: Option<&str>| part.is_some_and(|part| !part.is_empty());
    parts.next() == Some("arn") && named(parts.next()) && named(parts.next()) && named(parts.nth(2))
}

/// The service of an ARN, or of the pattern of one.
fn service(arn: &str) -> Option<&str> {
    arn.split(':').nth(2)
}

fn is_role(resource: &str) -> bool {
    is_arn(resource)
        && service(resource) == Some("iam")
        && resource.splitn(6, ':').nth(5).is_some_and(|name| name.starts_with("role/"))
}

/// Whether a policy can be the resource's: it speaks of resources of that service.
fn applies(policy: &Input, resource: &str) -> bool {
    if policy.kind() == Kind::Trust {
        return is_role(resource);
    }
    let Some(wanted) = service(resource) else { return false };
    let speaks = |pattern: &String| match service(pattern) {
        Some(of) => of == wanted || of.contains(['*', '?', '$']),
        None => true,
    };
    let document: &Document = policy.document();
    let mut resources = document.statements().iter().filter_map(|statement| statement.resources.as_ref());
    resources.any(|listed| listed.negated || listed.values.iter().any(speaks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_and_resources_are_told_from_what_is_none() {
        for action in ["iam:CreateUser", "s3api:list-buckets"] {
            assert!(is_action(action), "{action}");
        }
        for action in ["CreateUser", "iam:", ":x", "iam:Create*", "*", "a:b:c", "iam:Create User", ""] {
            assert!(!is_action(action), "{action}");
        }
        for arn in ["arn:aws:s3:::b/*", "arn:aws:sns:eu-west-1:111122223333:t:sub"] {
            assert!(is_arn(arn), "{arn}");
        }
        for arn in ["14a050d4", "arn:aws:s3", "arn:aws:s3:::", "arn::s3:::b", "s3:::b"] {
            assert!(!is_arn(arn), "{arn}");
        }
    }

    #[test]
    fn a_policy_of_roles_is_a_trust_policy() {
        let kind = |resources: &[&str]| {
            Scene::resource_policy_kind(&resources.iter().map(|&arn| arn.to_owned()).collect::<Vec<_>>())
        };
        let (role, bucket) = ("arn:aws:iam::111122223333:role/a/r", "arn:aws:s3:::b");
        assert_eq!(kind(&[role]), Kind::Trust);
        for resources in [&[role, bucket][..], &[bucket], &["*"], &[], &["arn:aws:iam::111122223333:user/u"]] {
            assert_eq!(kind(resources), Kind::Resource, "{resources:?}");
        }
    }

    #[test]
    fn a_resource_policy_belongs_to_resources_of_its_service() {
        let policy = |resource: &str| {
            let text = format!(
                r#"{{"Statement":{{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"{resource}"}}}}"#
            );
            Input::read("p", &text, Kind::Resource).unwrap()
        };
        let queue = "arn:aws:sqs:eu-west-1:111122223333:q";
        assert!(applies(&policy("arn:aws:s3:::b/public/*"), "arn:aws:s3:::b/private/k"));
        assert!(applies(&policy("*"), queue) && applies(&policy("arn:aws:*:*:*:*"), queue));
        assert!(!applies(&policy("arn:aws:s3:::b/*"), queue) && !applies(&policy("*"), "*"));
    }
}
