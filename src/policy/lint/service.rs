//! Policies of resources: exceptions from everybody, and services that act for somebody who must be named.
//!
//! Source: IAM User Guide, `reference_policies_elements_notprincipal`, `confused-deputy`.

use super::Checker;
use super::code::IssueCode;
use super::read::Statement;
use crate::policy::document::Kind;

/// The keys, in lower case, that say for whom a service acts.
const SOURCES: [&str; 4] = ["aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"];
/// Keys, in lower case, of the organization that a principal belongs to; a service belongs to none.
const ORGANIZATION: [&str; 2] = ["aws:principalorgid", "aws:principalorgpaths"];

pub(super) fn check(checker: &mut Checker, statement: &Statement<'_>) {
    let (Kind::Resource, true, Some(principals)) = (checker.kind, statement.allows(), &statement.principals) else {
        return;
    };
    if principals.negated {
        let details =
            "Using Allow with NotPrincipal can be overly permissive. We recommend that you use Principal instead.";
        checker.report.note(IssueCode::AllowWithNotPrincipal, details, &principals.place);
        return;
    }
    let Some(service) = principals.services.first() else { return };
    let alone = principals.aws.is_empty() && principals.federated.is_empty();
    for condition in &statement.conditions {
        let open = condition.operator.test.negated() || condition.operator.if_exists;
        if alone && !open && ORGANIZATION.iter().any(|key| condition.is_about(key)) {
            let details = format!(
                "The following condition keys are not supported when used with the service principal: {}.",
                condition.key
            );
            checker
                .report
                .note(IssueCode::UnsupportedConditionKeyForServicePrincipal, details, &condition.place)
                .and_at(&service.place);
        }
    }
    if SOURCES.iter().any(|key| statement.reads(key)) {
        return;
    }
    if let Some(condition) = statement.conditions.iter().find(|condition| condition.is_about("aws:referer")) {
        let prefix = service.text.split_once('.').map_or(service.text, |(prefix, _)| prefix);
        let details = format!(
            "To restrict access to the service principal {prefix} operating on your behalf, we recommend aws:SourceArn, aws:SourceAccount, aws:SourceOrgID, or aws:SourceOrgPaths instead of {}.",
            condition.key
        );
        checker.report.note(IssueCode::RecommendedConditionKeyForServicePrincipal, details, &condition.place);
        return;
    }
    let details = "Granting access to a service principal without specifying a source is overly permissive. Use aws:SourceArn, aws:SourceAccount, aws:SourceOrgID, or aws:SourceOrgPaths condition key to grant fine-grained access.";
    checker.report.note(IssueCode::RestrictAccessToServicePrincipal, details, &service.place);
}
