//! The document around the statements, and what concerns several of them.
//!
//! Source: IAM User Guide, `reference_policies_grammar`, `reference_policies_elements_version`, `reference_policies_elements_sid`.

use std::collections::{HashMap, HashSet};

use super::code::IssueCode;
use super::read::{Statement, member, unknown_elements};
use super::report::Place;
use super::{Checker, redundant, trust};
use crate::policy::document::Kind;
use crate::policy::source::{Entry, Node, Value};

pub(super) fn check(checker: &mut Checker, root: &Node) {
    let place = Place::root(root);
    repeated_keys(checker, root, &place);
    let Value::Object(entries) = &root.value else { return checker.mismatch("Object", &place) };
    version(checker, entries, &place);
    unknown_elements(checker, entries, &place, &["Version", "Id", "Statement"]);
    if let Some(entry) = member(entries, "Id").filter(|entry| entry.value.value.text().is_none()) {
        checker.mismatch("String", &place.value(entry));
    }
    let Some(entry) = member(entries, "Statement") else { return no_statement(checker, &place) };
    let place = place.value(entry);
    let read: Vec<Statement<'_>> = match &entry.value.value {
        Value::Object(_) => Statement::read(checker, &entry.value, place).into_iter().collect(),
        Value::List(items) if items.is_empty() => return no_statement(checker, &place),
        Value::List(items) => items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| Statement::read(checker, item, place.item(index, item)))
            .collect(),
        _ => return checker.mismatch("Object or Object Array", &place),
    };
    sids(checker, &read);
    for statement in &read {
        checker.statement(statement);
    }
    redundant::statements(checker, &read);
    trust::roles_anywhere(checker, &read);
}

fn no_statement(checker: &mut Checker, place: &Place) {
    checker.report.refuse(IssueCode::MissingStatement, "Add a statement to the policy", place);
}

/// A key that appears twice: each reader of JSON may take another of the two, so nobody should have to.
fn repeated_keys(checker: &mut Checker, node: &Node, place: &Place) {
    match &node.value {
        Value::Object(entries) => {
            let mut seen = HashSet::new();
            for entry in entries {
                if !seen.insert(entry.key.as_str()) {
                    checker
                        .report
                        .refuse(IssueCode::JsonSyntaxError, "Fix the JSON syntax error.", &place.key(entry))
                        .because(format!("the key `{}` appears twice", entry.key));
                }
                if is_nested(&entry.value) {
                    repeated_keys(checker, &entry.value, &place.value(entry));
                }
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate().filter(|(_, item)| is_nested(item)) {
                repeated_keys(checker, item, &place.item(index, item));
            }
        }
        _ => {}
    }
}

fn is_nested(node: &Node) -> bool {
    matches!(node.value, Value::List(_) | Value::Object(_))
}

fn version(checker: &mut Checker, entries: &[Entry], place: &Place) {
    let Some(entry) = member(entries, "Version") else {
        let details = "We recommend that you specify the Version element to help you with debugging permission issues.";
        checker.report.note(IssueCode::MissingVersion, details, place);
        checker.variables = false;
        return;
    };
    match entry.value.value.text() {
        Some("2012-10-17") => {}
        Some("2008-10-17") => checker.variables = false,
        Some(other) => {
            let details =
                format!("The version {other} is not valid. Use one of the following versions: 2012-10-17, 2008-10-17");
            checker.report.refuse(IssueCode::InvalidVersion, details, &place.value(entry));
        }
        None => checker.mismatch("String", &place.value(entry)),
    }
}

fn sids(checker: &mut Checker, statements: &[Statement<'_>]) {
    let mut seen: HashMap<&str, Place> = HashMap::new();
    for statement in statements {
        let Value::Object(entries) = &statement.node.value else { continue };
        let Some(entry) = member(entries, "Sid") else { continue };
        let place = statement.place.value(entry);
        let Some(sid) = entry.value.value.text() else {
            checker.mismatch("String", &place);
            continue;
        };
        if sid.is_empty() {
            let details = "Add a value to the empty string in the Sid element.";
            checker.report.note(IssueCode::EmptySidValue, details, &place);
            continue;
        }
        if checker.kind != Kind::Resource && !sid.bytes().all(|b| b.is_ascii_alphanumeric()) {
            let details =
                "Update the characters in the Sid element to use one of the following character types: [a-z, A-Z, 0-9]";
            checker.report.refuse(IssueCode::UnsupportedSid, details, &place);
        }
        if let Some(first) = seen.get(sid) {
            let details = "Duplicate statement IDs are not supported for this policy type. Update the Sid value.";
            checker.report.refuse(IssueCode::UniqueSidsRequired, details, &place).and_at(first);
        } else {
            seen.insert(sid, place);
        }
    }
}
