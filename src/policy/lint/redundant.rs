//! What a document says twice: actions, resources and whole statements.
//!
//! Source: IAM User Guide, `access-analyzer-reference-policy-checks` ("Redundant action" and its neighbours).

use std::collections::HashMap;

use super::Checker;
use super::code::IssueCode;
use super::read::{Item, Statement};
use super::wildcard;
use crate::policy::context::Context;
use crate::policy::pattern::Pattern;
use crate::policy::source::{Node, Value};

/// How many values of a list are compared with each other; a list has to be read in reasonable time, however long it is.
const COMPARED: usize = 500;

pub(super) fn check(checker: &mut Checker, statement: &Statement<'_>) {
    if let Some(actions) = &statement.actions {
        let lower: Vec<String> = actions.values.iter().map(|item| item.text.to_ascii_lowercase()).collect();
        let names: Vec<&str> = lower.iter().map(String::as_str).collect();
        tell(
            checker,
            IssueCode::RedundantAction,
            &actions.values,
            &redundant(&names, wildcard::covers),
            |count, first| {
                format!(
                    "The {count} action(s) are redundant because they provide similar permissions. Update the policy to remove the redundant action such as: {first}."
                )
            },
        );
    }
    if let Some(resources) = &statement.resources {
        let names: Vec<&str> = resources.values.iter().map(|item| item.text).collect();
        tell(
            checker,
            IssueCode::RedundantResource,
            &resources.values,
            &redundant(&names, covers_resource),
            |count, _| {
                format!(
                    "The {count} resource ARN(s) are redundant because they reference the same resource. Review the use of wildcards (*)"
                )
            },
        );
    }
}

/// Reports statements that differ in nothing but their `Sid`.
pub(super) fn statements(checker: &mut Checker, statements: &[Statement<'_>]) {
    let mut seen: HashMap<String, &Statement<'_>> = HashMap::new();
    for statement in statements {
        let first = *seen.entry(canonical(statement.node, true)).or_insert(statement);
        if !std::ptr::eq(first, statement) {
            let details = "The statements are redundant because they provide identical permissions. Update the policy to remove the redundant statement.";
            checker.report.note(IssueCode::RedundantStatement, details, &first.place).and_at(&statement.place);
        }
    }
}

fn tell(
    checker: &mut Checker,
    code: IssueCode,
    items: &[Item<'_>],
    places: &[usize],
    details: impl Fn(usize, &str) -> String,
) {
    let mut found = places.iter().filter_map(|&at| items.get(at));
    let Some(first) = found.next() else { return };
    let finding = checker.report.note(code, details(places.len(), first.text), &first.place);
    found.for_each(|item| {
        finding.and_at(&item.place);
    });
}

/// The places of the values that another one covers; of equal ones the first is kept. What a variable stands for is not known,
/// so a value with variables covers nothing but its like.
fn redundant(values: &[&str], covers: impl Fn(&str, &str) -> bool) -> Vec<usize> {
    let values = values.get(..COMPARED).unwrap_or(values);
    let mut first: HashMap<&str, usize> = HashMap::new();
    let wild = |value: &&str| value.contains(['*', '?']) && !value.contains("${");
    let patterns: Vec<&str> = values.iter().copied().filter(wild).collect();
    let mut places = Vec::new();
    for (at, value) in values.iter().enumerate() {
        let repeated = *first.entry(value).or_insert(at) != at;
        if repeated || patterns.iter().any(|pattern| pattern != value && covers(pattern, value)) {
            places.push(at);
        }
    }
    places
}

/// In the first parts of an ARN a wildcard may end at the colon, which the engine's own patterns know.
fn covers_resource(pattern: &str, other: &str) -> bool {
    wildcard::covers(pattern, other)
        && Pattern::resource(pattern, false).is_ok_and(|pattern| pattern.matches(other, &Context::new()))
}

/// A text that is the same for values which mean the same: members and items in order, a list of one like its item. Texts are
/// preceded by their lengths, so that none can be taken for two.
fn canonical(node: &Node, statement: bool) -> String {
    let leaf = |text: &str| format!("{}:{text}", text.len());
    match &node.value {
        Value::Object(entries) => {
            let counted = entries.iter().filter(|entry| !(statement && entry.key == "Sid"));
            let mut members: Vec<String> =
                counted.map(|entry| leaf(&entry.key) + &canonical(&entry.value, false)).collect();
            members.sort();
            format!("{{{}}}", members.concat())
        }
        Value::List(items) => {
            let mut values: Vec<String> = items.iter().map(|item| canonical(item, false)).collect();
            values.sort();
            if values.len() == 1 { values.concat() } else { format!("[{}]", values.concat()) }
        }
        Value::Text(value) | Value::Number(value) => leaf(value),
        Value::Bool(value) => leaf(&value.to_string()),
        Value::Null => "null".to_owned(),
    }
}
