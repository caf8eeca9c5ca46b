//! Actions: `service:Name`, with wildcards.
//!
//! Source: IAM User Guide, `reference_policies_elements_action`; Organizations User Guide, `orgs_manage_policies_scps_syntax`.

use super::Checker;
use super::code::IssueCode;
use super::read::{Item, Statement};
use super::report::Place;
use super::{known_action, variable};
use crate::policy::document::Kind;

pub(super) fn check(checker: &mut Checker, statement: &Statement<'_>) {
    for item in statement.actions.iter().flat_map(|listed| &listed.values) {
        if !variable::is_out_of_place(&mut checker.report, item.text, &item.place) {
            one(checker, item);
        }
    }
}

fn one(checker: &mut Checker, Item { text, place }: &Item<'_>) {
    if *text == "*" {
        if checker.kind == Kind::Trust {
            not_about_assuming(checker, text, place);
        }
        return;
    }
    let Some((service, name)) = text.split_once(':').filter(|(service, _)| !service.is_empty()) else {
        return invalid(checker, text, place, "an action begins with its service and a colon");
    };
    if name.contains(':') {
        return invalid(checker, text, place, "an action has only one colon");
    }
    if service != "*" && !service.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
        let details = format!("The service {service} specified in the action does not exist.");
        let finding = checker.report.refuse(IssueCode::InvalidServiceInAction, details, place);
        if service.contains(['*', '?']) {
            finding.because("a wildcard stands for the whole name of a service, or for none of it");
        }
        return;
    }
    let printable = |b: u8| b.is_ascii_graphic() && !b"\"'$`{}<>\\".contains(&b);
    if name.is_empty() || !name.bytes().all(printable) {
        return invalid(checker, text, place, "what follows the colon is not the name of an action");
    }
    if checker.kind == Kind::Trust && !service.eq_ignore_ascii_case("sts") {
        return not_about_assuming(checker, text, place);
    }
    if let Some(meant) = known_action::meant(service, name) {
        let details = format!("The action {text} does not exist. Did you mean {meant}?");
        checker.report.note(IssueCode::InvalidAction, details, place);
    }
    if service == "*" {
        wildcard_in_service(checker, &place.part(place.is_plain(text), 0, 1));
    }
    if checker.kind == Kind::ServiceControl && text.trim_end_matches('*').contains(['*', '?']) {
        let details = format!("SCP actions can include wildcards (*) only at the end of a string. Update {text}.");
        checker.report.note(IssueCode::ScpSyntaxErrorActionWildcard, details, place);
    }
}

pub(super) fn wildcard_in_service(checker: &mut Checker, place: &Place) {
    let details = "Avoid using wildcards (*, ?) in the service name because it might grant unintended access to other AWS services with similar names.";
    checker.report.note(IssueCode::WildcardInServiceName, details, place);
}

fn invalid(checker: &mut Checker, action: &str, place: &Place, why: &str) {
    let details = format!("The action {action} does not exist.");
    checker.report.refuse(IssueCode::InvalidAction, details, place).because(why);
}

fn not_about_assuming(checker: &mut Checker, action: &str, place: &Place) {
    let details = format!(
        "The action {action} is not supported for the resource-based policy attached to the resource type AWS::IAM::AssumeRolePolicyDocument."
    );
    checker.report.refuse(IssueCode::UnsupportedActionInPolicy, details, place);
}
