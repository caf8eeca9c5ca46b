//! The condition block: operators, keys, and what they say together.
//!
//! Source: IAM User Guide, `reference_policies_elements_condition`, `reference_policies_elements_condition_operators`,
//! `reference_policies_condition-single-vs-multi-valued-context-keys`.

use std::collections::HashMap;

use super::Checker;
use super::code::IssueCode;
use super::read::is_empty_list;
use super::report::Place;
use crate::policy::operator::{Operator, SetOperator, Test};
use crate::policy::source::{Entry, Node, Value};

/// An operator that exists, a key, and values that are text, numbers or booleans.
pub(super) struct Condition<'a> {
    pub(super) operator: Operator,
    pub(super) key: &'a str,
    /// Where the values stand.
    pub(super) place: Place,
    /// Numbers and booleans as text.
    pub(super) values: Vec<(String, Place)>,
}

impl Condition<'_> {
    /// Whether the key is this one, given in lower case.
    pub(super) fn is_about(&self, lower_case_key: &str) -> bool {
        self.key.eq_ignore_ascii_case(lower_case_key)
    }
}

/// Takes a condition block apart and reports what cannot be one.
pub(super) fn read<'a>(checker: &mut Checker, node: &'a Node, place: &Place) -> Vec<Condition<'a>> {
    let mut conditions = Vec::new();
    let Value::Object(operators) = &node.value else {
        checker.mismatch("Object", place);
        return conditions;
    };
    if operators.is_empty() {
        is_empty(checker, place);
    }
    for entry in operators {
        let operator = operator(checker, entry, place);
        let place = place.value(entry);
        let Value::Object(keys) = &entry.value.value else {
            checker.mismatch("Object", &place);
            continue;
        };
        if keys.is_empty() {
            is_empty(checker, &place);
        }
        repeated_keys(checker, keys, &place);
        for entry in keys {
            let formed = key(checker, entry, &place);
            let place = place.value(entry);
            let values = values(checker, &entry.value, &place);
            let Some(operator) = operator.filter(|_| formed) else { continue };
            if is_empty_list(&entry.value) {
                no_values(checker, operator, &entry.key, &place);
            }
            conditions.push(Condition { operator, key: &entry.key, place, values });
        }
    }
    conditions
}

fn is_empty(checker: &mut Checker, place: &Place) {
    let details = "This condition block is empty and it does not affect the policy. Specify conditions.";
    checker.report.note(IssueCode::EmptyObjectCondition, details, place);
}

fn operator(checker: &mut Checker, entry: &Entry, place: &Place) -> Option<Operator> {
    let name = entry.key.as_str();
    let operator = Operator::parse(name);
    let base = name.strip_prefix("ForAllValues:").or_else(|| name.strip_prefix("ForAnyValue:")).unwrap_or(name);
    match operator {
        Some(Operator { test: Test::Null, set: Some(_), .. }) => {
            let details = "Avoid using the Null condition operator with the ForAllValues or ForAnyValue qualifiers because they always return a true or false respectively.";
            checker.report.note(IssueCode::NullWithQualifier, details, &place.key(entry));
        }
        Some(_) => {}
        None if base == "NullIfExists" => {
            let details = "The Null condition operator cannot be used with the IfExists suffix. Update the operator or the suffix.";
            checker.report.refuse(IssueCode::NullWithIfExists, details, &place.key(entry));
        }
        None => {
            let details = format!("The condition operator {name} is not valid. Use a valid condition operator.");
            let finding = checker.report.refuse(IssueCode::InvalidConditionOperator, details, &place.key(entry));
            let plain = base.strip_suffix("IfExists").unwrap_or(base).to_ascii_lowercase();
            let distance = |test: &&Test| strsim::levenshtein(&test.name().to_ascii_lowercase(), &plain);
            // Names are short; a long one is no misspelling, and measuring it would take long.
            let near = Test::ALL.iter().filter(|_| plain.len() < 40).min_by_key(distance).filter(|t| distance(t) <= 3);
            if let Some(near) = near {
                finding.because(format!("did you mean {}?", near.name()));
            }
        }
    }
    operator
}

/// Whether a key has the form of one.
fn key(checker: &mut Checker, entry: &Entry, place: &Place) -> bool {
    let formed = entry.key.split_once(':').is_some_and(|(vendor, rest)| !vendor.is_empty() && !rest.is_empty());
    if !formed {
        let details = "The condition key format is not valid. Use the format service:keyname.";
        checker.report.refuse(IssueCode::InvalidConditionKeyFormat, details, &place.key(entry));
    }
    formed
}

fn repeated_keys(checker: &mut Checker, keys: &[Entry], place: &Place) {
    let mut seen: HashMap<String, &Entry> = HashMap::new();
    for entry in keys {
        let first = seen.entry(entry.key.to_ascii_lowercase()).or_insert(entry);
        if first.key != entry.key {
            let details = format!(
                "The condition key {} appears more than once with different capitalization in the same condition block. Remove the duplicate condition keys.",
                entry.key
            );
            checker
                .report
                .note(IssueCode::DuplicateKeysWithDifferentCase, details, &place.key(first))
                .and_at(&place.key(entry));
        }
    }
}

/// The values of a key, where quotes around numbers and booleans are optional.
fn values(checker: &mut Checker, node: &Node, place: &Place) -> Vec<(String, Place)> {
    let mut values = Vec::new();
    let mut one = |checker: &mut Checker, node: &Node, place: Place| match &node.value {
        Value::Text(text) | Value::Number(text) => values.push((text.clone(), place)),
        Value::Bool(value) => values.push((value.to_string(), place)),
        _ => checker.mismatch("String, Number or Boolean", &place),
    };
    let Value::List(items) = &node.value else {
        one(checker, node, place.clone());
        return values;
    };
    for (index, item) in items.iter().enumerate() {
        one(checker, item, place.item(index, item));
    }
    let kind = |item: &Node| std::mem::discriminant(&item.value);
    if values.len() == items.len() && items.windows(2).any(|pair| matches!(pair, [a, b] if kind(a) != kind(b))) {
        let details = "The condition value data types do not match. Use condition values of the same JSON data type.";
        checker.report.note(IssueCode::InvalidConditionDataType, details, place);
    }
    values
}

fn no_values(checker: &mut Checker, operator: Operator, key: &str, place: &Place) {
    let (code, details) = match (operator.set, operator.if_exists) {
        (Some(SetOperator::ForAllValues), _) => (
            IssueCode::EmptyArrayConditionForallvalues,
            format!(
                "The ForAllValues prefix with an empty condition key matches only if the key {key} is missing from the request context. To determine if the request context is empty, we recommend that you use the Null condition operator with the value of true instead."
            ),
        ),
        (Some(SetOperator::ForAnyValue), _) => (
            IssueCode::EmptyArrayConditionForanyvalue,
            format!(
                "The ForAnyValue prefix with an empty condition key {key} never matches the request context and it does not affect the policy. Specify conditions."
            ),
        ),
        (None, true) => (
            IssueCode::EmptyArrayConditionIfexists,
            format!(
                "The IfExists suffix with an empty condition key matches only if the key {key} is missing from the request context. To determine if the request context is empty, we recommend that you use the Null condition operator with the value of true instead."
            ),
        ),
        (None, false) => (
            IssueCode::EmptyArrayCondition,
            format!(
                "There are no values for the condition key {key} and it does not affect the policy. Specify conditions."
            ),
        ),
    };
    checker.report.refuse(code, details, place);
}
