//! Which services the policies of an identity open: whether a document allows any action of a service at all.
//!
//! Source: IAM API Reference, `ListPoliciesGrantingServiceAccess`. Only what is allowed counts: neither conditions nor resources nor
//! denials are looked at, and which actions a service has is not known here.

use super::context::Context;
use super::document::{Document, Listed, Statement, StatementEffect};
use super::pattern::Pattern;
use super::template::Syntax;

impl Document {
    /// The services that the document names: what the actions that it allows begin with, where that is no pattern.
    pub fn named_services(&self) -> impl Iterator<Item = String> {
        let allowing =
            self.statements().iter().filter(|one| one.effect == StatementEffect::Allow && !one.actions.negated);
        let actions = allowing.flat_map(|statement| &statement.actions.values);
        let named = actions.filter_map(|action| Some(action.split_once(':')?.0));
        named.filter(|name| !name.contains(['*', '?'])).map(str::to_ascii_lowercase)
    }

    /// Whether the document allows an action of a service, which is named by what its actions begin with, such as `s3`.
    pub fn allows_some_of(&self, namespace: &str) -> bool {
        let namespace = namespace.to_ascii_lowercase();
        self.statements().iter().any(|statement| statement.allows_some_of(&namespace))
    }
}

impl Statement {
    fn allows_some_of(&self, namespace: &str) -> bool {
        self.effect == StatementEffect::Allow && names_some_of(&self.actions, namespace)
    }
}

fn names_some_of(actions: &Listed, namespace: &str) -> bool {
    if actions.negated {
        !actions.values.iter().any(|pattern| is_all_of(pattern, namespace))
    } else {
        actions.values.iter().any(|pattern| is_some_of(pattern, namespace))
    }
}

/// Whether a pattern of actions matches one that begins with the namespace and a colon. An asterisk before the colon is enough: it can
/// stand for all that the namespace still lacks.
fn is_some_of(pattern: &str, namespace: &str) -> bool {
    let mut rest = pattern.chars();
    for wanted in namespace.chars().chain([':']) {
        match rest.next() {
            Some('*') => return true,
            Some(c) if c == '?' || c.eq_ignore_ascii_case(&wanted) => {}
            _ => return false,
        }
    }
    rest.next().is_some()
}

/// Whether a pattern of actions matches every one that begins with the namespace and a colon: it does when it matches one that
/// is longer than any and made of what no pattern spells out.
fn is_all_of(pattern: &str, namespace: &str) -> bool {
    const LONGEST_NAME: usize = 128;
    // Compiling is dear, and most patterns name another service.
    if !pattern.ends_with('*') || !is_some_of(pattern, namespace) {
        return false;
    }
    let name = "\u{1}".repeat(LONGEST_NAME);
    let compiled = Pattern::text(pattern, Syntax { wildcards: true, variables: false });
    compiled.is_ok_and(|pattern| pattern.lower_case().matches(&format!("{namespace}:{name}"), &Context::new()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::Kind;

    fn allows(effect: &str, element: &str, namespace: &str) -> bool {
        let text =
            format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}",{element},"Resource":"*"}}]}}"#);
        Document::parse(&text, Kind::Identity).unwrap().allows_some_of(namespace)
    }

    #[test]
    fn a_service_is_reached_by_any_pattern_that_can_match_an_action_of_it() {
        for (actions, namespace, expected) in [
            (r#""*""#, "s3", true),
            (r#""s3:*""#, "s3", true),
            (r#""S3:Get*""#, "s3", true),
            (r#""s3:GetObject""#, "S3", true),
            (r#"["iam:*","s3:GetObject"]"#, "s3", true),
            (r#""s3:GetObject""#, "s3-object-lambda", false),
            (r#""s3-object-lambda:*""#, "s3", false),
            (r#""iam:*""#, "s3", false),
            (r#""s3express:*""#, "s3", false),
        ] {
            assert_eq!(
                allows("Allow", &format!(r#""Action":{actions}"#), namespace),
                expected,
                "{actions} {namespace}"
            );
            assert!(!allows("Deny", &format!(r#""Action":{actions}"#), namespace), "{actions} {namespace}");
        }
    }

    #[test]
    fn what_is_not_excepted_whole_is_reached() {
        for (actions, namespace, expected) in [
            (r#"["iam:*","organizations:*"]"#, "iam", false),
            (r#"["iam:*","organizations:*"]"#, "s3", true),
            (r#""iam:Get*""#, "iam", true),
            (r#""IAM:*""#, "iam", false),
            (r#""iam:GetUser""#, "iam", true),
            (r#""*""#, "iam", false),
        ] {
            assert_eq!(
                allows("Allow", &format!(r#""NotAction":{actions}"#), namespace),
                expected,
                "{actions} {namespace}"
            );
        }
    }

    proptest! {
        #[test]
        fn reach_is_what_matching_says(pattern in "[ab*?:]{0,8}", namespace in "[ab]{1,3}", name in "[ab]{1,4}") {
            let compiled = Pattern::text(&pattern, Syntax { wildcards: true, variables: false }).unwrap();
            let matches = compiled.matches(&format!("{namespace}:{name}"), &Context::new());
            prop_assert!(!matches || is_some_of(&pattern, &namespace));
            prop_assert!(matches || !is_all_of(&pattern, &namespace) || pattern.contains('?'));
        }
    }
}
