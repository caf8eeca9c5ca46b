//! Patterns of paths: `/reports/{id}` takes one segment, `/files/{name...}` all that follow.

use std::borrow::Cow;

use super::path::NormalPath;

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathPattern {
    parts: Vec<Part>,
    trailing_slash: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    One(String),
    /// Of one segment or more; only at the end.
    Rest(String),
}

/// How well a path fits.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fit<'p> {
    /// Not at all.
    Not,
    /// But for upper and lower case or a slash at the end: a service that is not particular would serve it as one that fits.
    Nearly,
    /// It does.
    Well(Captures<'p>),
}

/// What the named parts of a pattern took.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Captures<'p>(Vec<(&'p str, Taken<'p>)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken<'p> {
    pub(super) segments: &'p [Cow<'p, str>],
    pub(super) trailing_slash: bool,
}

impl<'p> Captures<'p> {
    pub(super) fn get(&self, name: &str) -> Option<Taken<'p>> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, taken)| *taken)
    }
}

impl PathPattern {
    /// Reads a pattern, or says what is wrong with it.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let form = "must be a path such as /reports/{id} or /files/{name...}";
        let inside = text.strip_prefix('/').ok_or(form)?;
        let mut pattern = Self { parts: Vec::new(), trailing_slash: false };
        if inside.is_empty() {
            return Ok(pattern);
        }
        let inside = match inside.strip_suffix('/') {
            Some(before) => {
                pattern.trailing_slash = true;
                before
            }
            None => inside,
        };
        for segment in inside.split('/') {
            if matches!(pattern.parts.last(), Some(Part::Rest(_))) {
                return Err("has something behind `...}`, which takes all that follows".to_owned());
            }
            let part = Part::read(segment)?;
            if let Some(name) = part.name()
                && pattern.names().any(|known| known == name)
            {
                return Err(format!("has `{{{name}}}` twice"));
            }
            pattern.parts.push(part);
        }
        if pattern.trailing_slash && matches!(pattern.parts.last(), Some(Part::Rest(_))) {
            return Err("has something behind `...}`, which takes all that follows".to_owned());
        }
        Ok(pattern)
    }

    /// The names of what it takes.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(Part::name)
    }

    /// How well a path fits.
    pub(super) fn fit<'p>(&'p self, path: &'p NormalPath<'_>) -> Fit<'p> {
        let mut captures = Captures::default();
        let mut well = true;
        let mut rest = path.segments.as_slice();
        for part in &self.parts {
            let Some((segment, after)) = rest.split_first() else { return Fit::Not };
            match part {
                Part::Literal(literal) if segment == literal => {}
                Part::Literal(literal) if segment.to_lowercase() == literal.to_lowercase() => well = false,
                Part::Literal(_) => return Fit::Not,
                Part::One(name) => {
                    let taken = Taken { segments: std::slice::from_ref(segment), trailing_slash: false };
                    captures.0.push((name, taken));
                }
                Part::Rest(name) => {
                    captures.0.push((name, Taken { segments: rest, trailing_slash: path.trailing_slash }));
                    return if well { Fit::Well(captures) } else { Fit::Nearly };
                }
            }
            rest = after;
        }
        match (rest.is_empty(), well && path.trailing_slash == self.trailing_slash) {
            (false, _) => Fit::Not,
            (true, true) => Fit::Well(captures),
            (true, false) => Fit::Nearly,
        }
    }

    /// Whether every path that fits `other` fits this one.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let mut theirs = other.parts.iter();
        for part in &self.parts {
            match (part, theirs.next()) {
                (Part::Rest(_), Some(_)) => return true,
                (Part::Literal(own), Some(Part::Literal(their))) if own == their => {}
                (Part::One(_), Some(Part::Literal(_) | Part::One(_))) => {}
                _ => return false,
            }
        }
        theirs.next().is_none() && self.trailing_slash == other.trailing_slash
    }
}

impl Part {
    fn read(segment: &str) -> Result<Self, String> {
        if let Some(inside) = segment.strip_prefix('{') {
            let name = inside.strip_suffix('}').unwrap_or_default();
            let (name, several) = name.strip_suffix("...").map_or((name, false), |name| (name, true));
            let fits = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            if name.is_empty() || !fits {
                return Err(format!(
                    "has `{segment}`, but what is between braces is a name such as {{id}} or {{id...}}"
                ));
            }
            return Ok(if several { Self::Rest(name.to_owned()) } else { Self::One(name.to_owned()) });
        }
        // A literal is written as a request would have it.
        let written = format!("/{segment}");
        match NormalPath::read(&written).map(|path| path.segments) {
            Ok(segments) if segments.len() == 1 && !segment.contains('?') => Ok(Self::Literal(segments.concat())),
            Ok(_) => Err("has an empty segment, or a query".to_owned()),
            Err(fault) => Err(format!("is none that a request may have: {fault}")),
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::One(name) | Self::Rest(name) => Some(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, target: &str) -> String {
        let pattern = PathPattern::read(pattern).unwrap();
        let path = NormalPath::read(target).unwrap();
        match pattern.fit(&path) {
            Fit::Not => "not".to_owned(),
            Fit::Nearly => "nearly".to_owned(),
            Fit::Well(captures) => {
                let all = captures.0.iter().map(|(name, taken)| format!("{name}={}", taken.segments.join("/")));
                all.collect::<Vec<_>>().join(" ")
            }
        }
    }

    #[test]
    fn segments_are_taken_by_name() {
        for (pattern, target, expected) in [
            ("/", "/", ""),
            ("/", "/a", "not"),
            ("/reports", "/reports", ""),
            ("/reports", "/reports/", "nearly"),
            ("/reports/", "/reports", "nearly"),
            ("/reports", "/Reports", "nearly"),
            ("/reports", "/report", "not"),
            ("/reports/{id}", "/reports/q3", "id=q3"),
            ("/reports/{id}", "/REPORTS/q3", "nearly"),
            ("/reports/{id}", "/reports/a%20b", "id=a b"),
            ("/reports/{id}", "/reports/q3/", "nearly"),
            ("/reports/{id}", "/reports", "not"),
            ("/reports/{id}", "/reports/", "not"),
            ("/reports/{id}", "/reports/q3/pages", "not"),
            ("/{a}/x/{b}", "/1/x/2", "a=1 b=2"),
            ("/files/{name...}", "/files/a", "name=a"),
            ("/files/{name...}", "/files/a/b/c", "name=a/b/c"),
            ("/files/{name...}", "/Files/a/b/c", "nearly"),
            ("/files/{name...}", "/files", "not"),
            ("/files/{name...}", "/files/", "not"),
            ("/caf%C3%A9", "/caf%c3%a9", ""),
            ("/caf%C3%A9", "/CAF%C3%89", "nearly"),
        ] {
            assert_eq!(fits(pattern, target), expected, "{pattern} {target}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for pattern in [
            "",
            "reports",
            "//",
            "/a//b",
            "/{}",
            "/{id",
            "/id}",
            "/{ID}",
            "/{a}{b}",
            "/x{a}",
            "/{a}/{a}",
            "/{a...}/b",
            "/{a...}/",
            "/a/../b",
            "/a;b",
            "/a?b",
            "/a%2fb",
            "/a b",
            "/{a b}",
            "/*",
        ] {
            let read = PathPattern::read(pattern);
            assert_eq!(read.is_err(), pattern != "/*", "{pattern}: {read:?}");
        }
    }

    #[test]
    fn a_pattern_covers_what_never_gets_past_it() {
        let covers =
            |one: &str, other: &str| PathPattern::read(one).unwrap().covers(&PathPattern::read(other).unwrap());
        for (one, other) in
            [("/a", "/a"), ("/{x}", "/a"), ("/{x}", "/{y}"), ("/{x...}", "/a/b/"), ("/a/{x...}", "/a/{y...}")]
        {
            assert!(covers(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("/a", "/{x}"),
            ("/{x}", "/{y...}"),
            ("/{x}", "/a/"),
            ("/a/{x...}", "/a"),
            ("/{x...}", "/"),
            ("/a", "/a/b"),
        ] {
            assert!(!covers(one, other), "{one} {other}");
        }
    }
}
