//! Condition keys: whether they exist, which operators suit them, and which keys should not stand alone.
//!
//! Source: IAM User Guide, `reference_policies_condition-keys`,
//! `reference_policies_condition-single-vs-multi-valued-context-keys`.

use super::Checker;
use super::code::IssueCode;
use super::condition::Condition;
use super::keys::{self, tag_prefix};
use super::read::Statement;
use super::value::without_variables;
use crate::policy::known_key::{KeyType, KnownKey};
use crate::policy::operator::{SetOperator, Test};

pub(super) fn check(checker: &mut Checker, statement: &Statement<'_>) {
    for condition in &statement.conditions {
        if !exists(checker, condition) {
            continue;
        }
        if let Some(known) = keys::known(condition.key) {
            suits(checker, condition, known);
        }
        audience(checker, condition);
        spoofed(checker, condition);
        identifiers(checker, condition);
        unique_ids(checker, condition);
        prefixes(checker, statement, condition);
    }
    companions(checker, statement);
}

/// Whether a global key exists. Other services' keys are not known here.
fn exists(checker: &mut Checker, condition: &Condition<'_>) -> bool {
    let Condition { key, place, .. } = condition;
    if key.eq_ignore_ascii_case("aws:arn") {
        let details = "We recommend that you update aws:ARN to use the newer condition key aws:PrincipalArn.";
        checker.report.note(IssueCode::DeprecatedGlobalConditionKey, details, place);
        return false;
    }
    if let Some(prefix) = tag_prefix(key) {
        let details = format!(
            "The condition key {prefix} must include a tag key to control access based on tags. Use the format {prefix}tag-key and specify a key name for tag-key."
        );
        checker.report.note(IssueCode::MissingTagKeyInCondition, details, place);
        return false;
    }
    let global = key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
    if global && keys::known(key).is_none() {
        let details = format!("The condition key {key} does not exist. Use a valid condition key.");
        checker.report.note(IssueCode::InvalidGlobalConditionKey, details, place);
        return false;
    }
    true
}

fn suits(checker: &mut Checker, condition: &Condition<'_>, known: &KnownKey) {
    let Condition { operator, key, place, .. } = condition;
    if !keys::suits(known, operator.test) {
        let like = matches!(operator.test, Test::StringLike | Test::StringNotLike);
        let code = if known.kind == KeyType::Arn && like {
            IssueCode::StringLikeOperatorWithArnConditionKeys
        } else {
            IssueCode::TypeMismatch
        };
        let details = format!(
            "Use the operator type {} instead of operator {} for the condition key {key}.",
            keys::operators(known.kind),
            operator.test.name()
        );
        checker.report.note(code, details, place);
    }
    match operator.set {
        Some(SetOperator::ForAllValues) if !known.multivalued && operator.test != Test::Null => {
            let details = format!(
                "Using ForAllValues qualifier with the single-valued condition key {key} can be overly permissive. We recommend that you remove ForAllValues:."
            );
            checker.report.note(IssueCode::ForallvaluesWithSingleValuedKey, details, place);
        }
        None if known.multivalued && operator.test != Test::Null => {
            let details = format!(
                "The request context key {key} has multiple values. Use the ForAllValues or ForAnyValue condition key qualifiers in your policy."
            );
            checker.report.note(IssueCode::MissingQualifier, details, place);
        }
        _ => {}
    }
}

/// The audience of an OIDC token is one.
fn audience(checker: &mut Checker, condition: &Condition<'_>) {
    let Condition { operator, key, place, .. } = condition;
    let of_provider = key.rsplit_once(':').is_some_and(|(host, claim)| host.contains('.') && claim == "aud");
    let (code, qualifier) = match operator.set {
        Some(SetOperator::ForAnyValue) => (IssueCode::ForanyvalueWithAudienceClaimType, "ForAnyValue"),
        Some(SetOperator::ForAllValues) => (IssueCode::ForallvaluesWithSingleValuedKey, "ForAllValues"),
        None => return,
    };
    if of_provider {
        let details = format!(
            "Using {qualifier} qualifier with the single-valued condition key {key} can be overly permissive. We recommend that you remove {qualifier}:."
        );
        checker.report.note(code, details, place);
    }
}

/// Keys whose values are headers that the caller writes.
fn spoofed(checker: &mut Checker, condition: &Condition<'_>) {
    let Condition { key, place, .. } = condition;
    if condition.is_about("aws:useragent") || condition.is_about("aws:referer") {
        let details = format!(
            "The {key} condition key is not recommended for access control as it can be spoofed/manipulated by the caller."
        );
        checker.report.note(IssueCode::UntrustworthyConditionKey, details, place);
    }
}

/// Ids of networks and their endpoints.
fn identifiers(checker: &mut Checker, condition: &Condition<'_>) {
    let (code, prefix, details) = if condition.is_about("aws:sourcevpc") {
        let details = "The VPC identifier in the condition key value is not valid. Use the prefix 'vpc-' followed by 8 or 17 alphanumeric characters.";
        (IssueCode::InvalidVpcFormat, "vpc-", details)
    } else if condition.is_about("aws:sourcevpce") {
        let details = "The VPCE identifier in the condition key value is not valid.  Use the prefix 'vpce-' followed by 8 or 17 alphanumeric characters.";
        (IssueCode::InvalidVpceFormat, "vpce-", details)
    } else {
        return;
    };
    if condition.operator.test == Test::Null {
        return;
    }
    for (value, place) in &condition.values {
        let well_formed = value
            .strip_prefix(prefix)
            .is_some_and(|id| matches!(id.len(), 8 | 17) && id.bytes().all(|b| b.is_ascii_alphanumeric()));
        if !well_formed && !value.contains(['*', '?', '$']) {
            checker.report.note(code, details, place);
        }
    }
}

/// `aws:userid` is `id` or `id:session`: what is left open must be the whole of one side.
fn unique_ids(checker: &mut Checker, condition: &Condition<'_>) {
    let like = matches!(condition.operator.test, Test::StringLike | Test::StringNotLike);
    if !condition.is_about("aws:userid") {
        return;
    }
    for (value, place) in &condition.values {
        let id = value.split_once(':').map_or(value.as_str(), |(id, _)| id);
        let colon = value.contains(':');
        let id_of_variable = value.strip_prefix("${").and_then(|from| from.split_once('}')).map(|(_, after)| after);
        if like && without_variables(id).contains(['*', '?']) && !(colon && id == "*") {
            let details = "Overly permissive use of wildcard with aws:userID. Use the wildcard on the right side of colon or as the only character on the left side of a colon.";
            checker.report.note(IssueCode::WildcardUsageTooPermissive, details, place);
        } else if id.contains("${") && !id_of_variable.is_some_and(|after| after.starts_with(':')) {
            let details = "Overly permissive use of policy variable with aws:userID. Use the policy variable on the right side of colon or as the only character on the left side of a colon.";
            checker.report.note(IssueCode::VariableUsageTooPermissive, details, place);
        }
    }
}

/// A shorter prefix escapes a rule that forbids longer ones.
fn prefixes(checker: &mut Checker, statement: &Statement<'_>, condition: &Condition<'_>) {
    let test = condition.operator.test;
    let against = statement.effect.is_some() && (statement.allows() == test.negated());
    if condition.is_about("s3:prefix") && test.name().starts_with("String") && against {
        let details = "Using the s3:prefix condition key in a Deny statement or with a negated string operator does not block listing the objects under the matching prefixes. A request that specifies a shorter prefix does not match the condition and can still list those objects. To restrict listing to specific prefixes, use s3:prefix with StringLike in an Allow statement, or use a Deny statement with StringNotLike.";
        checker.report.note(IssueCode::S3PrefixInNegativeContext, details, &condition.place);
    }
}

/// Keys that say little without another one.
fn companions(checker: &mut Checker, statement: &Statement<'_>) {
    let network = ["aws:sourcevpc", "aws:sourcevpce", "aws:sourcevpcarn"].iter().any(|key| statement.reads(key));
    let all_attributes = statement.allows() && !statement.reads("dynamodb:select");
    let any_service = statement.actions.as_ref().is_some_and(|actions| {
        actions.negated || actions.values.iter().any(|item| item.text == "*" || item.text.starts_with("*:"))
    });
    let of_endpoints = ["aws:vpceaccount", "aws:vpceorgid", "aws:vpceorgpaths"];
    for condition in &statement.conditions {
        let Condition { key, place, .. } = condition;
        if condition.is_about("aws:vpcsourceip") && !network {
            let details = format!(
                "Using the condition key {key} can be overly permissive without also using the following condition keys: aws:SourceVpc. Condition keys like this one are more secure when paired with a related key. We recommend that you add the related condition keys to the same condition block."
            );
            checker.report.note(IssueCode::MissingPairedConditionKeys, details, place);
        }
        if condition.is_about("dynamodb:attributes") && all_attributes {
            let details = "Restricting dynamodb:Attributes without also setting dynamodb:Select to SPECIFIC_ATTRIBUTES allows all attributes to be returned on read requests that omit a projection expression. We recommend that you also set dynamodb:Select to SPECIFIC_ATTRIBUTES.";
            checker.report.note(IssueCode::DynamodbAttributesWithoutSelect, details, place);
        }
        if any_service && of_endpoints.iter().any(|key| condition.is_about(key)) {
            let details = format!(
                "The condition key {key} works only with specific AWS services and must be scoped to supported services in your policies."
            );
            checker.report.note(IssueCode::UseConditionKeyOnlyWithSupportedServices, details, place);
        }
    }
}
