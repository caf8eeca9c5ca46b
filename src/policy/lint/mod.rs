//! A linter for policies: everything that is wrong with a document, and much that is only unwise, with the places.
//!
//! Findings have the shape, the codes and the sentences of Access Analyzer's `ValidatePolicy`. What AWS lists as an error is an
//! error here exactly when [`Document::parse`](super::Document::parse) refuses the document; what it accepts is a warning at
//! most, and what it refuses is an error even where AWS only warns (an empty list of actions, a date that is none).
//!
//! Left out, because they need AWS's catalogue of services, actions, resources, regions and service keys:
//! `INVALID_ACTION` of well-formed names that are not nearly one of IAM's or STS's, `INVALID_SERVICE_IN_ACTION` of any, `INVALID_SERVICE` and `INVALID_ARN_RESOURCE` outside of
//! IAM, `INVALID_SERVICE_CONDITION_KEY`, `INVALID_REGION`, `INVALID_ARN_REGION` of names that could be regions,
//! `MISSING_ARN_REGION`, `ARN_ACCOUNT_NOT_ALLOWED`, `ARN_REGION_NOT_ALLOWED` outside of IAM and STS,
//! `UNSUPPORTED_ACTION_IN_POLICY` and `UNSUPPORTED_RESOURCE_ARN_IN_POLICY` of resources other than roles,
//! `UNSUPPORTED_ACTION_FOR_CONDITION_KEY`, `IRRELEVANT_CONDITION_KEY_IN_POLICY`, `INVALID_KMS_KEY_VALUE`,
//! `RCP_SYNTAX_ERROR_ACTION`, `CONFIRM_AUDIENCE_CLAIM_TYPE`, `WILDCARD_USAGE_TOO_PERMISSIVE` and
//! `VARIABLE_USAGE_TOO_PERMISSIVE` of keys other than `aws:userid`, and the four about tag keys that a service does not support
//! (`DENY_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE` and its relatives). `UNSUPPORTED_GLOBAL_CONDITION_KEY` is about the one
//! key that `DEPRECATED_GLOBAL_CONDITION_KEY` names already, and `UNIQUE_SIDS_RECOMMENDED` never comes up: here every kind of
//! document demands that they are.
//!
//! Source: IAM User Guide, `access-analyzer-reference-policy-checks`; IAM Access Analyzer API Reference, `ValidatePolicy`.

mod action;
mod arn;
mod code;
mod condition;
mod control;
mod envelope;
mod finding;
mod guess;
mod key;
mod keys;
mod known_action;
mod meaning;
mod principal;
mod read;
mod redundant;
mod report;
mod sensitive;
mod service;
mod size;
mod trust;
mod value;
mod variable;
mod wildcard;

pub use code::{FindingType, IssueCode};
pub use finding::{Finding, Location, PathElement};
pub use guess::guess;
pub use principal::names_provider;

use super::document::Kind;
use super::source;
use read::Statement;
use report::{Place, Report};

/// What there is to say about a text as a policy of that kind, in the order of the places; the first few hundred findings of a
/// document that has more.
pub fn check(text: &str, kind: Kind) -> Vec<Finding> {
    let mut checker = Checker { kind, variables: true, report: Report::default() };
    match source::parse(text) {
        Ok(root) => {
            size::check(&mut checker, text, &Place::root(&root));
            envelope::check(&mut checker, &root);
        }
        Err(error) => {
            let at = error.at;
            let details =
                format!("Fix the JSON syntax error at index {} line {} column {}.", at.offset, at.line, at.column);
            checker.report.refuse(IssueCode::JsonSyntaxError, details, &Place::of_mistake(at)).because(error.problem);
        }
    }
    checker.report.finish()
}

/// What the checks of a document share.
struct Checker {
    kind: Kind,
    /// Whether the document's version has policy variables.
    variables: bool,
    report: Report,
}

impl Checker {
    fn statement(&mut self, statement: &Statement<'_>) {
        action::check(self, statement);
        arn::check(self, statement);
        value::check(self, statement);
        key::check(self, statement);
        meaning::check(self, statement);
        sensitive::check(self, statement);
        service::check(self, statement);
        trust::check(self, statement);
        control::check(self, statement);
        redundant::check(self, statement);
    }

    fn mismatch(&mut self, expected: &str, place: &Place) {
        let details = format!("The text does not match the expected JSON data type {expected}.");
        self.report.refuse(IssueCode::DataTypeMismatch, details, place);
    }
}
