//! Where checks write down what they find, and how they say where.

use super::code::{FindingType, IssueCode};
use super::finding::{Finding, Location, PathElement};
use crate::policy::source::{Entry, Node, Position, Span};

/// What the checks have found so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
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
        self.findings.push(Finding {
            details,
            finding_type,
            issue_code: code,
            learn_more_link: code.learn_more_link(),
            locations: vec![place.location()],
            explanation: None,
        });
        // The list is not empty: it has just grown.
        let last = self.findings.len() - 1;
        &mut self.findings[last]
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
        self.locations.push(place.location());
        self
    }
}

/// A place in the document that is being checked.
#[derive(Debug, Clone)]
pub(super) struct Place {
    path: Vec<PathElement>,
    span: Span,
}

impl Place {
    pub(super) fn root(node: &Node) -> Place {
        Place { path: Vec::new(), span: node.span }
    }

    /// A single character of a text that could not be read.
    pub(super) fn of_mistake(at: Position) -> Place {
        Place { path: Vec::new(), span: Span { start: at, end: at } }
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

    /// A part of the text that stands here, in characters. When escapes make the text longer than what it says, the place is
    /// the whole text.
    pub(super) fn part(&self, text: &str, start: usize, length: usize) -> Place {
        const QUOTES: usize = 2;
        let Span { start: opening, end } = self.span;
        let plain = end.offset - opening.offset == text.chars().count() + QUOTES;
        let moved = |by: usize| Position { column: opening.column + by, offset: opening.offset + by, ..opening };
        let span = if plain { Span { start: moved(start + 1), end: moved(start + 1 + length) } } else { self.span };
        self.with(PathElement::Substring { start, length }, span)
    }

    fn with(&self, element: PathElement, span: Span) -> Place {
        let mut path = self.path.clone();
        path.push(element);
        Place { path, span }
    }

    fn location(&self) -> Location {
        Location { path: self.path.clone(), span: self.span }
    }
}
