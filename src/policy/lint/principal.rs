//! Principals: which types there are, and what may stand for one.
//!
//! Source: IAM User Guide, `reference_policies_elements_principal`, `reference_policies_elements_notprincipal`.

use super::Checker;
use super::code::IssueCode;
use super::read::{Item, is_empty_list, texts};
use super::report::Place;
use super::variable;
use crate::policy::document::Kind;
use crate::policy::source::{Node, Value};
use crate::policy::statement::is_aws_principal;

/// `Principal` or `NotPrincipal`, as far as its values can be principals.
pub(super) struct Principals<'a> {
    pub(super) negated: bool,
    pub(super) place: Place,
    pub(super) aws: Vec<Item<'a>>,
    pub(super) services: Vec<Item<'a>>,
    pub(super) federated: Vec<Item<'a>>,
}

pub(super) fn read<'a>(checker: &mut Checker, negated: bool, node: &'a Node, place: &Place) -> Principals<'a> {
    let mut principals =
        Principals { negated, place: place.clone(), aws: Vec::new(), services: Vec::new(), federated: Vec::new() };
    match &node.value {
        Value::Text(text) if text == "*" => {
            if checker.kind == Kind::Trust {
                let details = "\"Principal:\" \"*\" is not supported in the principal element of a role trust policy. Replace the wildcard with a valid principal value.";
                checker.report.note(IssueCode::RoleTrustPolicyUnsupportedWildcardInPrincipal, details, place);
            }
        }
        Value::Object(types) if types.is_empty() => {
            checker.report.refuse(IssueCode::EmptyObjectPrincipal, NOBODY, place);
        }
        Value::Object(types) => {
            for entry in types {
                let value_place = place.value(entry);
                let key = entry.key.as_str();
                let known = ["AWS", "Service", "Federated"].contains(&key);
                if !known && (key != "CanonicalUser" || checker.kind != Kind::Resource) {
                    let details = format!("The principal key {key} is not valid.");
                    checker.report.refuse(IssueCode::InvalidPrincipalKey, details, &place.key(entry));
                    continue;
                }
                if is_empty_list(&entry.value) {
                    checker.report.refuse(IssueCode::EmptyArrayPrincipal, NOBODY, &value_place);
                }
                let items = texts(checker, &entry.value, &value_place);
                let good = items.into_iter().filter(|item| is_good(checker, key, item)).collect();
                match key {
                    "AWS" => principals.aws = good,
                    "Service" => principals.services = good,
                    "Federated" => principals.federated = good,
                    _ => {}
                }
            }
        }
        _ => {
            let details =
                "The Principal element contents are not valid. Specify a key-value pair in the Principal element.";
            checker.report.refuse(IssueCode::InvalidPrincipalFormat, details, place);
        }
    }
    principals
}

const NOBODY: &str = "This statement includes no principals and does not affect the policy. Specify principals.";

/// Whether the value may stand for a principal of that type; if not, that is reported.
fn is_good(checker: &mut Checker, key: &str, item: &Item<'_>) -> bool {
    let Item { text, place } = item;
    if key == "AWS" && *text == "*" {
        return true;
    }
    let report = &mut checker.report;
    if variable::is_out_of_place(report, text, place) {
        return false;
    }
    if text.contains(['*', '?']) {
        let details = format!(
            "Wildcards (*, ?) are not supported with the principal key {key}. Replace the wildcard with a valid principal value."
        );
        report.refuse(IssueCode::UnsupportedWildcardInPrincipal, details, place);
        return false;
    }
    let plain = !text.is_empty() && !text.contains(['$', ' ']);
    match key {
        "AWS" if is_aws_principal(text) => unique_id(checker, item),
        "Service" if plain => {
            if !is_service(text) {
                checker.report.note(IssueCode::InvalidServicePrincipalFormat, service_format(), place);
            }
        }
        "Service" => {
            report.refuse(IssueCode::InvalidServicePrincipalFormat, service_format(), place);
            return false;
        }
        "Federated" if plain => federated(checker, item),
        "Federated" if checker.kind == Kind::Trust => {
            report.refuse(IssueCode::InvalidFederatedPrincipalSyntaxInRoleTrustPolicy, FEDERATED_SYNTAX, place);
            return false;
        }
        "CanonicalUser" if plain => {}
        _ => {
            let details =
                "The Principal element contents are not valid. Specify a key-value pair in the Principal element.";
            report
                .refuse(IssueCode::InvalidPrincipalFormat, details, place)
                .because(format!("`{text}` cannot be a principal of type {key}"));
            return false;
        }
    }
    true
}

const FEDERATED_SYNTAX: &str = "The principal value specifies a federated principal that does not match the expected format. Update the federated principal to a domain name or a SAML metadata ARN.";

fn unique_id(checker: &mut Checker, Item { text, place }: &Item<'_>) {
    let (code, what) = match text.get(..4) {
        Some("AROA") => (IssueCode::InvalidRoleReference, "role"),
        Some("AIDA") => (IssueCode::InvalidUserReference, "user"),
        _ => return,
    };
    let details = format!(
        "The Principal element includes the IAM {what} ID {text}. We recommend that you use a {what} ARN instead."
    );
    checker.report.note(code, details, place);
}

fn federated(checker: &mut Checker, Item { text, place }: &Item<'_>) {
    if checker.kind != Kind::Trust {
        let details = "The policy type does not support a federated identity provider in the principal element. Use a supported principal.";
        checker.report.note(IssueCode::FederatedPrincipalNotSupported, details, place);
    } else if provider(text).is_none() {
        checker.report.note(IssueCode::InvalidFederatedPrincipalSyntaxInRoleTrustPolicy, FEDERATED_SYNTAX, place);
    }
}

/// Who vouches for a federated principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Provider<'a> {
    Saml,
    /// With the host, and the path if there is one, that its condition keys begin with.
    Oidc(&'a str),
}

/// Whether a value of `Federated` has the form of a provider's name: a domain name, with a path if need be, or the ARN of a SAML or
/// an OpenID Connect provider. IAM takes no other when a role is made; whether there is such a provider it does not ask.
pub fn names_provider(text: &str) -> bool {
    provider(text).is_some()
}

/// The provider that a value of `Federated` names.
pub(super) fn provider(text: &str) -> Option<Provider<'_>> {
    let Some(arn) = text.strip_prefix("arn:") else {
        let label = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let host = text.split_once('/').map_or(text, |(host, _)| host);
        let domain = host.contains('.') && host.split('.').all(label);
        return domain.then_some(Provider::Oidc(text));
    };
    let (kind, name) = arn.splitn(5, ':').nth(4)?.split_once('/').filter(|(_, name)| !name.is_empty())?;
    match kind {
        "saml-provider" => Some(Provider::Saml),
        "oidc-provider" => Some(Provider::Oidc(name)),
        _ => None,
    }
}

fn is_service(text: &str) -> bool {
    let Some(name) = text.strip_suffix(".amazonaws.com").or_else(|| text.strip_suffix(".amazonaws.com.cn")) else {
        return false;
    };
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
}

fn service_format() -> String {
    "The service principal does not match the expected format. Use the format service-name.amazonaws.com.".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_told_apart() {
        for (text, expected) in [
            ("accounts.google.com", Some(Provider::Oidc("accounts.google.com"))),
            ("arn:aws:iam::111122223333:oidc-provider/id.example.org/a", Some(Provider::Oidc("id.example.org/a"))),
            ("arn:aws:iam::111122223333:saml-provider/adfs", Some(Provider::Saml)),
            ("arn:aws:iam::111122223333:role/r", None),
            ("arn:aws:iam", None),
            ("localhost", None),
            ("a..b", None),
        ] {
            assert_eq!(provider(text), expected, "{text}");
        }
    }
}
