//! Conditions that say something else than they seem to: a pattern that everything matches asks only whether the key is there.
//!
//! Source: IAM User Guide, `reference_policies_elements_condition_operators` (IfExists, Null), `access-analyzer-reference-policy-checks`
//! ("Equivalent to null false", "Redundant key due to wildcard in condition" and their neighbours).

use super::Checker;
use super::code::IssueCode;
use super::condition::Condition;
use super::read::Statement;
use crate::policy::operator::{SetOperator, Test};

pub(super) fn check(checker: &mut Checker, statement: &Statement<'_>) {
    for condition in &statement.conditions {
        if let Some(meaning) = Meaning::of(condition) {
            tell(checker, condition, meaning);
        }
    }
}

/// What a condition comes down to whose pattern everything matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Present,
    Absent,
    Always,
    Never,
}

impl Meaning {
    fn of(condition: &Condition<'_>) -> Option<Meaning> {
        let operator = condition.operator;
        let patterns =
            matches!(operator.test, Test::StringLike | Test::StringNotLike) || operator.test.name().starts_with("Arn");
        if !patterns || !condition.values.iter().any(|(value, _)| value == "*") {
            return None;
        }
        Some(match (operator.test.negated(), operator.set, operator.if_exists) {
            (false, _, true) | (false, Some(SetOperator::ForAllValues), _) => Meaning::Always,
            (false, _, false) => Meaning::Present,
            (true, Some(SetOperator::ForAnyValue), false) => Meaning::Never,
            (true, _, _) => Meaning::Absent,
        })
    }
}

fn tell(checker: &mut Checker, condition: &Condition<'_>, meaning: Meaning) {
    let Condition { operator, key, place, .. } = condition;
    let (code, details) = match meaning {
        Meaning::Present | Meaning::Absent => {
            let (code, value) = if meaning == Meaning::Present {
                (IssueCode::EquivalentToNullFalse, "false")
            } else {
                (IssueCode::EquivalentToNullTrue, "true")
            };
            let details = format!(
                "We recommend replacing the key {key} in the condition block of {operator} with {{{key}: {value}}} to ensure better enforcement of the condition."
            );
            let finding = checker.report.note(code, details, place);
            finding.because(format!("the same as \"Null\": {{\"{key}\": \"{value}\"}}"));
            return;
        }
        Meaning::Always => (
            IssueCode::RedundantKeyDueToWildcardInCondition,
            format!(
                "The key {key} in the condition block of {operator} is redundant because it is always matched. Remove this key to simplify the condition."
            ),
        ),
        Meaning::Never => (
            IssueCode::RedundantStatementDueToWildcardInCondition,
            format!(
                "The key {key} in the condition block of {operator} does not match any values. Remove this key to simplify the condition."
            ),
        ),
    };
    checker.report.note(code, details, place);
}
