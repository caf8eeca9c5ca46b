//! Where the simulator says that a statement stands.
//!
//! IAM tells the places of its JSON reader, as the examples of the AWS CLI's `simulate-custom-policy` and
//! `simulate-principal-policy` show. Lines and columns count from 1. In a list, a statement begins right behind the list's
//! bracket or behind the statement before it, white space and comma included. A `Statement` that is an object by itself begins
//! behind its brace. Each ends behind its closing brace.

use crate::policy::source::{self, Span, statement_spans};

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

/// From where to where a statement reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Where the reader stood before it.
    pub start: Place,
    /// Where the reader stood after it.
    pub end: Place,
}

/// The extents of a policy's statements, in their order.
pub(super) fn extents(text: &str) -> Vec<Extent> {
    let spans = statement_spans(text);
    let Some(first) = spans.first() else { return Vec::new() };
    let mut start = beginning(text, first);
    let mut found = Vec::with_capacity(spans.len());
    for span in &spans {
        let end = place(span.end);
        found.push(Extent { start, end });
        start = end;
    }
    found
}

/// Where the first statement begins.
fn beginning(text: &str, first: &Span) -> Place {
    let at = text.char_indices().nth(first.start.offset).map_or(text.len(), |(at, _)| at);
    let before = text.get(..at).unwrap_or_default().trim_end_matches([' ', '\t', '\n', '\r']);
    if before.ends_with('[') {
        let line = before.rsplit('\n').next().unwrap_or_default();
        return Place { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 };
    }
    let brace = place(first.start);
    Place { column: brace.column + 1, ..brace }
}

fn place(position: source::Position) -> Place {
    Place { line: position.line, column: position.column + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Vec<[usize; 4]> {
        let extents = extents(text).into_iter();
        extents.map(|Extent { start, end }| [start.line, start.column, end.line, end.column]).collect()
    }

    /// The positions that the documentation of the AWS CLI shows.
    #[test]
    fn a_single_statement_begins_behind_its_brace() {
        let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}"#;
        assert_eq!(at(text), [[1, 38, 1, 167]]);
    }

    /// What AWS answers for the policy `AdministratorAccess`.
    #[test]
    fn the_first_of_a_list_begins_behind_the_bracket() {
        let text = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\",\n      \"Action\": \"*\",\n      \"Resource\": \"*\"\n    }\n  ]\n}";
        assert_eq!(at(text), [[3, 17, 8, 6]]);
    }

    #[test]
    fn the_next_begins_where_the_one_before_ended() {
        assert_eq!(
            at("{\"Statement\":[{\"Sid\":\"é\"},\n {\"Sid\":\"b\"} , {} ]}"),
            [[1, 15, 1, 26], [1, 26, 2, 13], [2, 13, 2, 18]]
        );
        assert_eq!(at("no policy"), [] as [[usize; 4]; 0]);
    }
}
