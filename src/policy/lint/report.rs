//! Where checks write down what they find, and how they say where.

use std::rc::Rc;

use super::code::{FindingType, IssueCode};
use super::finding::{Finding, Location, PathElement};
use crate::policy::source::{Entry, Node, Position, Span};

/// The most findings of a document: more help nobody, and a hostile one must not cost more memory than its size explains.
const MOST: usize = 500;

/// What the checks have found so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
    refused: bool,
    /// Takes what is written about findings that are one too many.
    surplus: Option<Finding>,
}

impl Report {
    /// A reason for which the document is refused: an error, however AWS lists it.
    pub(super) fn refuse(&mut self, code: IssueCode, details: impl Into<String>, place: &Place) -> &mut Finding {
        self.add(code, FindingType::Error, details.into(), place)
    }

    /// Something that does not keep the document from being accepted. What AWS lists as an error becomes a warning, because
    /// here an error means that the document is refused.
    pub(super) fn note(&mut self, code: IssueCode, details: impl Into<String>, place: &Place) -> &mut Finding {
        let listed = code.listed_as();
        let finding_type = if listed == FindingType::Error { FindingType::Warning } else { listed };
        self.add(code, finding_type, details.into(), place)
    }

    /// The findings in the order of their places.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        self.findings.sort_by_key(|finding| {
            (finding.locations.first().map(|location| location.span.start), finding.finding_type)
        });
        self.findings
    }

    fn add(&mut self, code: IssueCode, finding_type: FindingType, details: String, place: &Place) -> &mut Finding {
        let finding = Finding {
            details,
            finding_type,
            issue_code: code,
            learn_more_link: code.learn_more_link(),
            locations: vec![place.location()],
            explanation: None,
        };
        let at = self.findings.len();
        // The first error is kept in any case: that there is one decides whether the document is good.
        let first_error = finding_type == FindingType::Error && !self.refused;
        if at >= MOST && !first_error {
            return self.surplus.insert(finding);
        }
        self.refused |= first_error;
        self.findings.push(finding);
        &mut self.findings[at]
    }
}

impl Finding {
    /// Says what exactly is wrong.
    pub(super) fn because(&mut self, explanation: impl Into<String>) -> &mut Finding {
        self.explanation = Some(explanation.into());
        self
    }

    /// Names a further place.
    pub(super) fn and_at(&mut self, place: &Place) -> &mut Finding {
        if self.locations.len() < MOST {
            self.locations.push(place.location());
        }
        self
    }
}

/// A place in the document that is being checked. Places share their beginnings.
#[derive(Debug, Clone)]
pub(super) struct Place {
    last: Option<Rc<Step>>,
    span: Span,
}

#[derive(Debug)]
struct Step {
    before: Option<Rc<Step>>,
    element: PathElement,
}

impl Place {
    pub(super) fn root(node: &Node) -> Place {
        Place { last: None, span: node.span }
    }

    /// Where a text could not be read any further.
    pub(super) fn of_mistake(at: Position) -> Place {
        Place { last: None, span: Span { start: at, end: at } }
    }

    /// The value of a member.
    pub(super) fn value(&self, entry: &Entry) -> Place {
        self.with(PathElement::Value(entry.key.clone()), entry.value.span)
    }

    /// The key of a member.
    pub(super) fn key(&self, entry: &Entry) -> Place {
        self.with(PathElement::Key(entry.key.clone()), entry.key_span)
    }

    /// An item of a list.
    pub(super) fn item(&self, index: usize, node: &Node) -> Place {
        self.with(PathElement::Index(index), node.span)
    }

    /// Whether the text that stands here has no escapes, so that each of its characters has its own place.
    pub(super) fn is_plain(&self, text: &str) -> bool {
        const QUOTES: usize = 2;
        let Span { start, end } = self.span;
        end.offset - start.offset == text.chars().count() + QUOTES
    }

    /// A part of the text that stands here, in characters; the whole text, if it is not plain.
    pub(super) fn part(&self, plain: bool, start: usize, length: usize) -> Place {
        let opening = self.span.start;
        let moved = |by: usize| Position { column: opening.column + by, offset: opening.offset + by, ..opening };
        let span = if plain { Span { start: moved(start + 1), end: moved(start + 1 + length) } } else { self.span };
        self.with(PathElement::Substring { start, length }, span)
    }

    fn with(&self, element: PathElement, span: Span) -> Place {
        Place { last: Some(Rc::new(Step { before: self.last.clone(), element })), span }
    }

    fn location(&self) -> Location {
        let steps = std::iter::successors(self.last.as_ref(), |step| step.before.as_ref());
        let mut path: Vec<PathElement> = steps.map(|step| step.element.clone()).collect();
        path.reverse();
        Location { path, span: self.span }
    }
}
