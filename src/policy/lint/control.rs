//! Resource control policies: what they may allow, and whom their denials must spare.
//!
//! Source: Organizations User Guide, `orgs_manage_policies_rcps_syntax`, `orgs_manage_policies_rcps_examples`.

use super::Checker;
use super::code::IssueCode;
use super::condition::Condition;
use super::read::{Listed, Statement};
use crate::policy::document::{Kind, StatementEffect};
use crate::policy::operator::Test;

const IS_SERVICE: &str = "aws:principalisawsservice";
/// Keys, in lower case, that services as principals do not have.
const OF_PRINCIPALS: [&str; 4] =
    ["aws:principalorgid", "aws:principalorgpaths", "aws:principalaccount", "aws:principalarn"];
/// Keys, in lower case, that only services have when they act for somebody.
const OF_SOURCES: [&str; 3] = ["aws:sourceorgid", "aws:sourceorgpaths", "aws:sourceaccount"];

pub(super) fn check(checker: &mut Checker, statement: &Statement<'_>) {
    if checker.kind != Kind::ResourceControl {
        return;
    }
    if let Some(actions) = statement.actions.as_ref().filter(|actions| actions.negated) {
        let details = "RCPs do not support the NotAction element. Update to use the Action element.";
        checker.report.note(IssueCode::RcpSyntaxErrorNotaction, details, &actions.place);
    }
    match statement.effect {
        Some(StatementEffect::Allow) => allowance(checker, statement),
        Some(StatementEffect::Deny) => denial(checker, statement),
        None => {}
    }
}

fn allowance(checker: &mut Checker, statement: &Statement<'_>) {
    let everything = |listed: &Listed<'_>| {
        !listed.negated && listed.values.len() == 1 && listed.values.iter().all(|item| item.text == "*")
    };
    let narrow = statement.resources.as_ref().filter(|resources| !everything(resources));
    let place = narrow.map(|resources| &resources.place).or(statement.conditions.first().map(|c| &c.place));
    if let Some(place) = place {
        let details = "RCPs only support specifying all principals (\"*\") in the Principal element, all resources (\"*\") in the Resource element, and no Condition element with an effect of Allow.";
        checker.report.note(IssueCode::RcpSyntaxErrorAllow, details, place);
    }
}

/// A denial that looks at the principal also meets services, which have no organization; one that looks at a source also
/// meets people, who have none.
fn denial(checker: &mut Checker, statement: &Statement<'_>) {
    let tells_services = statement.reads(IS_SERVICE);
    let asks_for_source = statement.conditions.iter().any(|condition| {
        let source = condition.is_about("aws:sourceaccount") || condition.is_about("aws:sourcearn");
        source && condition.operator.test == Test::Null
    });
    for condition in statement.conditions.iter().filter(|condition| condition.operator.test != Test::Null) {
        let Condition { key, place, .. } = condition;
        let lower = key.to_ascii_lowercase();
        if OF_PRINCIPALS.contains(&lower.as_str()) || lower.starts_with("aws:principaltag/") {
            if !tells_services {
                let details = format!(
                    "RCPs impact IAM roles, users, and AWS service principals. To prevent unintended impact to services acting on your behalf using a service principal, an additional statement should be added to the Condition block \"BoolIfExists\": {{ \"aws:PrincipalIsAWSService\": \"false\"}} whenever a principal key {key} is used."
                );
                checker.report.note(IssueCode::RcpMissingRelatedPrincipalConditionKey, details, place);
            }
            continue;
        }
        if !OF_SOURCES.contains(&lower.as_str()) {
            continue;
        }
        if !tells_services {
            let details = format!(
                "RCPs impact IAM roles, users, and AWS service principals. To prevent unintended impact to your principals, an additional statement should be added to the Condition block \"BoolIfExists\": {{ \"aws:PrincipalIsAWSService\": \"true\"}} whenever the key {key} is used."
            );
            checker.report.note(IssueCode::RcpMissingRelatedServicePrincipalConditionKey, details, place);
        }
        if !asks_for_source {
            let details = format!(
                "The specified service may have a service integration that does not require the use of the {key} condition key. To prevent unintended impact to services acting on your behalf using a service principal, an additional statement should be added to the Condition block \"Null\": {{ \"aws:SourceAccount\": \"false\"}} or \"Null\": {{ \"aws:SourceArn\": \"false\"}} whenever the key {key} is used."
            );
            checker.report.note(IssueCode::RcpMissingServiceConditionKeyNullCheck, details, place);
        }
    }
}
