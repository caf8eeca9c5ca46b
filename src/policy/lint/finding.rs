//! A finding and its places, in the shape of Access Analyzer's `ValidatePolicy`.
//!
//! Source: IAM Access Analyzer API Reference, `ValidatePolicyFinding`, `Location`, `PathElement`.

use std::fmt;

use serde::Serialize;

use super::code::{FindingType, IssueCode};
use crate::policy::source::Span;

/// Something about a document that its author should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// AWS's sentence.
    #[serde(rename = "findingDetails")]
    pub details: String,
    /// How much it matters.
    pub finding_type: FindingType,
    /// What it is about.
    pub issue_code: IssueCode,
    /// Where AWS explains it.
    pub learn_more_link: String,
    /// The places in the document; at least one.
    pub locations: Vec<Location>,
    /// What exactly is wrong, where AWS's sentence leaves that open. Not part of AWS's shape.
    #[serde(skip)]
    pub explanation: Option<String>,
}

/// A place in a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Location {
    /// The way to it from the document as a whole.
    pub path: Vec<PathElement>,
    /// Where it stands in the text.
    pub span: Span,
}

/// A step on the way to a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum PathElement {
    /// To the value of a key.
    Value(String),
    /// To an item of a list.
    Index(usize),
    /// To a key itself.
    Key(String),
    /// To a part of a text.
    Substring {
        /// The characters before it.
        start: usize,
        /// Its characters.
        length: usize,
    },
}

impl fmt::Display for Location {
    /// `Statement[0].Action[1]`; `the policy` for the document as a whole.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return f.write_str("the policy");
        }
        for (at, element) in self.path.iter().enumerate() {
            let dot = if at == 0 { "" } else { "." };
            match element {
                PathElement::Value(name) if name.contains(['.', '[', ' ']) => write!(f, "[\"{name}\"]")?,
                PathElement::Value(name) | PathElement::Key(name) => write!(f, "{dot}{name}")?,
                PathElement::Index(index) => write!(f, "[{index}]")?,
                PathElement::Substring { .. } => {}
            }
        }
        Ok(())
    }
}
