//! A statement taken apart for the checks: its elements with their places, as far as they have the type that they must have.
//!
//! Source: IAM User Guide, `reference_policies_grammar`.

use super::Checker;
use super::code::IssueCode;
use super::condition::{self, Condition};
use super::principal::{self, Principals};
use super::report::Place;
use crate::policy::document::{Kind, StatementEffect};
use crate::policy::source::{Entry, Node, Value};

/// A statement that is being checked.
pub(super) struct Statement<'a> {
    pub(super) place: Place,
    pub(super) node: &'a Node,
    /// `None` when it is missing or wrong.
    pub(super) effect: Option<StatementEffect>,
    pub(super) principals: Option<Principals<'a>>,
    pub(super) actions: Option<Listed<'a>>,
    pub(super) resources: Option<Listed<'a>>,
    pub(super) conditions: Vec<Condition<'a>>,
}

/// The texts of an element that has a `Not…` twin.
pub(super) struct Listed<'a> {
    pub(super) negated: bool,
    pub(super) place: Place,
    pub(super) values: Vec<Item<'a>>,
}

/// A text with its place.
pub(super) struct Item<'a> {
    pub(super) text: &'a str,
    pub(super) place: Place,
}

impl<'a> Statement<'a> {
    pub(super) fn allows(&self) -> bool {
        self.effect == Some(StatementEffect::Allow)
    }

    /// Whether a condition reads the key, given in lower case.
    pub(super) fn reads(&self, lower_case_key: &str) -> bool {
        self.conditions.iter().any(|condition| condition.key.eq_ignore_ascii_case(lower_case_key))
    }

    /// Takes the statement apart and reports what is missing, what does not belong there, and what has the wrong type.
    pub(super) fn read(checker: &mut Checker, node: &'a Node, place: Place) -> Option<Statement<'a>> {
        let Value::Object(entries) = &node.value else {
            checker.mismatch("Object", &place);
            return None;
        };
        unknown_elements(checker, entries, &place, &ELEMENTS);
        let effect = effect(checker, entries, &place);
        let principals = principals(checker, entries, &place);
        let actions = actions(checker, entries, &place);
        let resources = resources(checker, entries, &place);
        let conditions = match member(entries, "Condition") {
            Some(entry) => condition::read(checker, &entry.value, &place.value(entry)),
            None => Vec::new(),
        };
        Some(Statement { place, node, effect, principals, actions, resources, conditions })
    }
}

const ELEMENTS: [&str; 9] =
    ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];

/// The member of that name; when there are several, the first.
pub(super) fn member<'a>(entries: &'a [Entry], name: &str) -> Option<&'a Entry> {
    entries.iter().find(|entry| entry.key == name)
}

pub(super) fn unknown_elements(checker: &mut Checker, entries: &[Entry], place: &Place, known: &[&str]) {
    for entry in entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
        let details = format!("The policy element {} is not valid.", entry.key);
        let finding = checker.report.refuse(IssueCode::InvalidPolicyElement, details, &place.key(entry));
        if let Some(near) = known.iter().find(|known| known.eq_ignore_ascii_case(&entry.key)) {
            finding.because(format!("the names of elements are case-sensitive: {near}"));
        } else if let Some(near) = known.iter().find(|known| strsim::levenshtein(known, &entry.key) <= 2) {
            finding.because(format!("did you mean {near}?"));
        }
    }
}

/// A text or a list of texts.
pub(super) fn texts<'a>(checker: &mut Checker, node: &'a Node, place: &Place) -> Vec<Item<'a>> {
    const EXPECTED: &str = "String or String Array";
    let mut items = Vec::new();
    match &node.value {
        Value::Text(text) => items.push(Item { text, place: place.clone() }),
        Value::List(nodes) => {
            for (index, node) in nodes.iter().enumerate() {
                let place = place.item(index, node);
                match &node.value {
                    Value::Text(text) => items.push(Item { text, place }),
                    _ => checker.mismatch("String", &place),
                }
            }
        }
        _ => checker.mismatch(EXPECTED, place),
    }
    items
}

pub(super) fn is_empty_list(node: &Node) -> bool {
    matches!(&node.value, Value::List(items) if items.is_empty())
}

fn effect(checker: &mut Checker, entries: &[Entry], place: &Place) -> Option<StatementEffect> {
    let Some(entry) = member(entries, "Effect") else {
        let details = "Add an Effect element to the policy statement with a value of Allow or Deny.";
        checker.report.refuse(IssueCode::MissingEffect, details, place);
        return None;
    };
    match &entry.value.value {
        Value::Text(text) => match text.as_str() {
            "Allow" => Some(StatementEffect::Allow),
            "Deny" => Some(StatementEffect::Deny),
            other => {
                let details = format!("The effect {other} is not valid. Use Allow or Deny.");
                checker.report.refuse(IssueCode::InvalidEffect, details, &place.value(entry));
                None
            }
        },
        _ => {
            checker.mismatch("String", &place.value(entry));
            None
        }
    }
}

/// An element or its `Not…` twin; that both are there is reported.
fn twins<'a>(
    checker: &mut Checker,
    entries: &'a [Entry],
    place: &Place,
    [plain, negated]: [&str; 2],
) -> Option<(bool, &'a Entry)> {
    match (member(entries, plain), member(entries, negated)) {
        (Some(one), Some(other)) => {
            let details = format!(
                "The policy elements {plain} and {negated} can not be used in the same statement. Remove one of these elements."
            );
            checker
                .report
                .refuse(IssueCode::UnsupportedElementCombination, details, &place.key(one))
                .and_at(&place.key(other));
            Some((false, one))
        }
        (one, other) => one.map(|entry| (false, entry)).or(other.map(|entry| (true, entry))),
    }
}

fn principals<'a>(checker: &mut Checker, entries: &'a [Entry], place: &Place) -> Option<Principals<'a>> {
    let Some((negated, entry)) = twins(checker, entries, place, ["Principal", "NotPrincipal"]) else {
        if checker.kind.names_principals() {
            let details = "Add a Principal element to the policy statement.";
            checker.report.refuse(IssueCode::MissingPrincipal, details, place);
        }
        return None;
    };
    let report = &mut checker.report;
    if checker.kind == Kind::ServiceControl {
        let details = "SCPs do not support specifying principals. Remove the Principal or NotPrincipal element.";
        report.refuse(IssueCode::ScpSyntaxErrorPrincipal, details, &place.key(entry));
        return None;
    }
    if !checker.kind.names_principals() {
        let details =
            "The policy type IDENTITY_POLICY does not support the Principal element. Remove the Principal element.";
        report.refuse(IssueCode::UnsupportedPrincipal, details, &place.key(entry));
        return None;
    }
    if checker.kind == Kind::ResourceControl && (negated || entry.value.value.text() != Some("*")) {
        let details = "The Principal element contents are not valid. RCPs only support specifying all principals (\"*\") in the Principal element. The NotPrincipal element is not supported for RCPs.";
        report.refuse(IssueCode::RcpSyntaxErrorPrincipal, details, &place.value(entry));
        return None;
    }
    Some(principal::read(checker, negated, &entry.value, &place.value(entry)))
}

fn actions<'a>(checker: &mut Checker, entries: &'a [Entry], place: &Place) -> Option<Listed<'a>> {
    let Some((negated, entry)) = twins(checker, entries, place, ["Action", "NotAction"]) else {
        let details = "Add an Action or NotAction element to the policy statement.";
        checker.report.refuse(IssueCode::MissingAction, details, place);
        return None;
    };
    let place = place.value(entry);
    if is_empty_list(&entry.value) {
        let details = "This statement includes no actions and does not affect the policy. Specify actions.";
        checker.report.refuse(IssueCode::EmptyArrayAction, details, &place);
    }
    let values = texts(checker, &entry.value, &place);
    Some(Listed { negated, place, values })
}

fn resources<'a>(checker: &mut Checker, entries: &'a [Entry], place: &Place) -> Option<Listed<'a>> {
    let Some((negated, entry)) = twins(checker, entries, place, ["Resource", "NotResource"]) else {
        if checker.kind != Kind::Trust {
            let details = "Add a Resource or NotResource element to the policy statement.";
            checker.report.refuse(IssueCode::MissingResource, details, place);
        }
        return None;
    };
    if checker.kind == Kind::Trust {
        let details = "Role trust policies apply to the role that they are attached to. You cannot specify a resource. Remove the Resource or NotResource element.";
        checker.report.refuse(IssueCode::RoleTrustPolicySyntaxErrorResource, details, &place.key(entry));
        return None;
    }
    let place = place.value(entry);
    if is_empty_list(&entry.value) {
        let details = "This statement includes no resources and does not affect the policy. Specify resources.";
        checker.report.refuse(IssueCode::EmptyArrayResource, details, &place);
    }
    let values = texts(checker, &entry.value, &place);
    Some(Listed { negated, place, values })
}
