//! Wildcard patterns, compiled to the cheapest form that says the same.
//!
//! Source: IAM User Guide, `reference_policies_elements_resource` ("Using wildcards in resource ARNs"),
//! `reference_policies_elements_condition_operators` (string operators).

use super::fact::Facts;
use super::glob::matches_parts;
use super::key::Key;
use super::template::{self, Part, Piece, Syntax};

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(super) enum Pattern {
    /// `*`
    Any,
    /// No wildcards.
    Exact(Box<str>),
    /// One asterisk, at the end.
    Prefix(Box<str>),
    /// Wildcards elsewhere.
    Glob(Box<[Part<'static>]>),
    /// Variables, to be resolved in the request's context.
    Template(Box<[Piece]>),
}

impl Pattern {
    /// A pattern of a text: an action, or a value of a `String…` operator.
    pub(super) fn text(text: &str, syntax: Syntax) -> Result<Pattern, String> {
        match Pattern::simple(text, syntax) {
            Some(pattern) => Ok(pattern),
            None => Ok(Pattern::from_pieces(template::parse(text, syntax)?)),
        }
    }

    /// The pattern with its own ASCII letters in lower case.
    pub(super) fn lower_case(mut self) -> Pattern {
        match &mut self {
            Pattern::Exact(text) | Pattern::Prefix(text) => text.make_ascii_lowercase(),
            Pattern::Glob(parts) => parts.iter_mut().for_each(Part::make_lower_case),
            Pattern::Template(pieces) => pieces.iter_mut().for_each(|piece| match piece {
                Piece::Part(part) => part.make_lower_case(),
                Piece::Variable(_) => {}
            }),
            Pattern::Any => {}
        }
        self
    }

    /// The pattern of a text without wildcards, or with one asterisk at its end, as most texts are.
    fn simple(text: &str, syntax: Syntax) -> Option<Pattern> {
        let special = |c| (syntax.wildcards && matches!(c, '*' | '?')) || (syntax.variables && c == '$');
        match text.find(special) {
            None => Some(Pattern::Exact(text.into())),
            Some(at) if text.get(at..) == Some("*") => match text.get(..at)? {
                "" => Some(Pattern::Any),
                start => Some(Pattern::Prefix(start.into())),
            },
            Some(_) => None,
        }
    }

    /// A pattern of a resource. In the first five parts of the ARN a wildcard ends at the colon, unless it is an asterisk at
    /// the end of its part: that one may run across colons. In the last part wildcards match everything.
    pub(super) fn resource(text: &str, variables: bool) -> Result<Pattern, String> {
        let syntax = Syntax { wildcards: true, variables };
        if let Some(pattern) = Pattern::simple(text, syntax) {
            return Ok(pattern);
        }
        let mut pieces = template::parse(text, syntax)?;
        let mut colons = 0;
        for at in 0..pieces.len() {
            let ends_its_part = match pieces.get(at + 1) {
                None => true,
                Some(Piece::Part(Part::Text(next))) => next.starts_with(':'),
                Some(_) => false,
            };
            match pieces.get_mut(at) {
                _ if colons >= 5 => break,
                Some(Piece::Part(Part::Text(text))) => colons += text.matches(':').count(),
                Some(Piece::Part(part @ Part::One)) => *part = Part::OneWithin,
                Some(Piece::Part(part @ Part::Star)) if !ends_its_part => *part = Part::StarWithin,
                Some(Piece::Variable(_)) => return Err(format!("`{text}` has a variable before the fifth colon")),
                _ => {}
            }
        }
        Ok(Pattern::from_pieces(pieces))
    }

    /// Whether the pattern matches the whole of `subject`. A variable without a value matches nothing.
    pub(super) fn matches(&self, subject: &str, facts: &dyn Facts) -> bool {
        match self {
            Pattern::Any => true,
            Pattern::Exact(text) => **text == *subject,
            Pattern::Prefix(text) => subject.as_bytes().starts_with(text.as_bytes()),
            Pattern::Glob(parts) => matches_parts(parts, subject),
            Pattern::Template(pieces) => {
                // Most templates fail on the text before their first variable, which needs no context.
                subject.as_bytes().starts_with(first_text(pieces).as_bytes())
                    && template::resolve(pieces, facts).is_some_and(|parts| matches_parts(&parts, subject))
            }
        }
    }

    /// Whether every variable has a value.
    pub(super) fn resolvable(&self, facts: &dyn Facts) -> bool {
        match self {
            Pattern::Template(pieces) => template::resolvable(pieces, facts),
            _ => true,
        }
    }

    /// The characters that every match begins with, and what else a match needs.
    pub(super) fn start(&self) -> (&str, Rest) {
        match self {
            Pattern::Any => ("", Rest::Anything),
            Pattern::Exact(text) => (text, Rest::Nothing),
            Pattern::Prefix(text) => (text, Rest::Anything),
            Pattern::Glob(parts) => match parts.first() {
                Some(Part::Text(text)) => (text, Rest::Matched),
                _ => ("", Rest::Matched),
            },
            Pattern::Template(pieces) => (first_text(pieces), Rest::Matched),
        }
    }

    /// The keys that variables read.
    pub(super) fn variables(&self) -> impl Iterator<Item = &Key> {
        let pieces: &[Piece] = match self {
            Pattern::Template(pieces) => pieces,
            _ => &[],
        };
        template::variables(pieces)
    }

    pub(super) fn from_pieces(pieces: Vec<Piece>) -> Pattern {
        let mut parts = Vec::with_capacity(pieces.len());
        for piece in &pieces {
            match piece {
                Piece::Part(part) => parts.push(part.clone()),
                Piece::Variable(_) => return Pattern::Template(pieces.into()),
            }
        }
        match parts.as_slice() {
            [] => Pattern::Exact("".into()),
            [Part::Star] => Pattern::Any,
            [Part::Text(text)] => Pattern::Exact((&**text).into()),
            [Part::Text(text), Part::Star] => Pattern::Prefix((&**text).into()),
            _ => Pattern::Glob(parts.into()),
        }
    }
}

/// What must follow the characters that a match begins with; what comes first says all that the later ones do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rest {
    /// Anything may.
    Anything,
    /// What the whole pattern says.
    Matched,
    /// Nothing may: the characters are the whole pattern.
    Nothing,
}

/// The text before the first wildcard or variable.
fn first_text(pieces: &[Piece]) -> &str {
    match pieces.first() {
        Some(Piece::Part(Part::Text(text))) => text,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Context;

    #[test]
    fn resources_match_by_the_parts_of_the_arn() {
        for (pattern, subject, expected) in [
            ("*", "*", true),
            ("arn:aws:s3:::b/*", "arn:aws:s3:::b/x/y:z", true),
            ("arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1/2/test/3/o.jpg", true),
            ("arn:aws:iam::1:user/*", "arn:aws:iam::1:role/x", false),
            ("arn:aws:iam::1:user/*", "arn:aws:iam::1:User/x", false),
            ("arn:aws:iam::*:user/x", "arn:aws:iam::1:user/x", true),
            // An asterisk at the end of its part runs across colons, another does not.
            ("arn:aws:iam::*", "arn:aws:iam::1:user/x", true),
            ("arn:aws:*:x", "arn:aws:s3:eu:1:x", true),
            ("arn:aws:ec2:us-*-1:1:i/x", "arn:aws:ec2:us-east-1:1:i/x", true),
            ("arn:aws:ec2:us-*1:1:i/x", "arn:aws:ec2:us-east:2:1:1:1:i/x", false),
            ("arn:aws:ec2:e?:1:i/x", "arn:aws:ec2:eu:1:i/x", true),
            ("arn:aws:ec2:e?1:i/x", "arn:aws:ec2:e:1:i/x", false),
            ("arn:aws:*:u*s:1:i/x", "arn:aws:a:b:us:1:i/x", true),
            ("arn:aws:logs:eu:1:log-group:*x:y?z", "arn:aws:logs:eu:1:log-group:a:b:x:y:z", true),
            ("*", "arn:aws:s3:::b", true),
            ("arn:aws:s3:::*", "*", false),
        ] {
            let compiled = Pattern::resource(pattern, true).unwrap();
            assert_eq!(compiled.matches(subject, &Context::new()), expected, "{pattern} {subject}");
        }
        assert!(Pattern::resource("arn:aws:s3:${aws:RequestedRegion}:1:x", true).is_err());
        assert!(Pattern::resource("arn:aws:s3:::${aws:username}", true).is_ok());
    }
}
