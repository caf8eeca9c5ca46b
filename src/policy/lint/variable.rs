//! Policy variables: whether `${…}` is one, and what is wrong with it.
//!
//! Source: IAM User Guide, `reference_policies_variables`. The symbols that a variable must not contain have a check of their
//! own only in an older edition of the check reference; its name and sentence are kept.

use super::code::IssueCode;
use super::report::{Place, Report};
use crate::policy::template;

/// The characters of `${`.
const DOLLAR_AND_BRACE: usize = 2;

/// Checks the variables of a text in which they are allowed.
pub(super) fn check(report: &mut Report, text: &str, place: &Place) {
    let plain = place.is_plain(text);
    let mut rest = text;
    let mut passed = 0;
    while let Some((before, from)) = rest.split_once("${") {
        let start = passed + before.chars().count();
        let Some((inside, after)) = template::variable_end(from) else {
            let (code, details) = if from.contains('}') { MISSING_QUOTE } else { MISSING_BRACE };
            report.refuse(code, details, &place.part(plain, start, from.chars().count() + DOLLAR_AND_BRACE));
            return;
        };
        let length = DOLLAR_AND_BRACE + inside.chars().count() + 1;
        one(report, inside, &place.part(plain, start, length));
        passed = start + length;
        rest = after;
    }
}

/// Reports a variable in an element that must not have any. Whether there is one.
pub(super) fn is_out_of_place(report: &mut Report, text: &str, place: &Place) -> bool {
    let Some((before, from)) = text.split_once("${") else { return false };
    let variable = match from.split_once('}') {
        Some((inside, _)) => format!("${{{inside}}}"),
        None => format!("${{{from}"),
    };
    let details = format!(
        "Policy variables are supported in the Resource and Condition elements. Remove the policy variable {variable} from this element."
    );
    let place = place.part(place.is_plain(text), before.chars().count(), variable.chars().count());
    report.refuse(IssueCode::VariableUnsupportedInElement, details, &place);
    true
}

/// Reports variables in a document whose version has none.
pub(super) fn is_out_of_version(report: &mut Report, text: &str, place: &Place) {
    if text.contains("${") {
        let details = "To include variables in your policy, use the policy version 2012-10-17 or later.";
        report.note(IssueCode::VariableUnsupportedInVersion, details, place);
    }
}

const MISSING_BRACE: (IssueCode, &str) = (
    IssueCode::MissingBraceInVariable,
    "The policy variable is missing a closing curly brace. Add } after the variable text.",
);
const MISSING_QUOTE: (IssueCode, &str) = (
    IssueCode::MissingQuoteInVariable,
    "The policy variable default value must begin and end with a single quote. Add the missing quote.",
);
const EMPTY: (IssueCode, &str) = (
    IssueCode::EmptyVariable,
    "Empty policy variable. Remove the ${ } variable structure or provide a variable within the structure.",
);

fn one(report: &mut Report, inside: &str, place: &Place) {
    if matches!(inside, "*" | "?" | "$") {
        return;
    }
    let (key, default) = inside.split_once(',').map_or((inside, None), |(key, default)| (key, Some(default)));
    if template::variable(inside).is_some() {
        if key.contains(' ') {
            let details = "A space is not supported within the policy variable text. Remove the space.";
            report.note(IssueCode::UnsupportedSpaceInVariable, details, place);
        }
        return;
    }
    let symbol = key.chars().find(|c| "${}'*?".contains(*c));
    if key.trim().is_empty() {
        report.refuse(EMPTY.0, EMPTY.1, place);
    } else if let Some(symbol) = symbol {
        let details =
            format!("The symbol {symbol} is not supported within the policy variable text. Remove the symbol.");
        report.refuse(IssueCode::UnsupportedSymbolInVariable, details, place);
    } else {
        report
            .refuse(MISSING_QUOTE.0, MISSING_QUOTE.1, place)
            .because(format!("`{}` is not one text in single quotes", default.unwrap_or_default().trim()));
    }
}
