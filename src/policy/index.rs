//! Which statements can be about a request, without looking at the others.
//!
//! A statement is found by what its actions begin with, or by what its resources begin with, whichever it has in common with
//! fewer others: a thousand policies about a thousand buckets are told apart by bucket, a thousand about one bucket by action.
//! What begins with a wildcard, or is negated, is always looked at.

use smallvec::SmallVec;

use super::compile::Matcher;
use super::pattern::Rest;
use super::prefixes::Prefixes;

/// Statements of one effect.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    by_action: Prefixes<Posting>,
    by_resource: Prefixes<Posting>,
    always: Box<[u32]>,
}

/// A statement under one of its prefixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Posting {
    statement: u32,
    rest: Rest,
}

/// What having been found says about a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Known {
    /// One of its actions is the request's.
    Action,
    /// One of its resources is the request's.
    Resource,
    /// Nothing yet.
    Nothing,
}

impl Index {
    /// Indexes statements by their numbers.
    pub(super) fn new<'m>(matchers: impl Iterator<Item = (u32, &'m Matcher)>) -> Index {
        let all: Vec<(u32, Option<Starts<'m>>, Option<Starts<'m>>)> =
            matchers.map(|(at, matcher)| (at, matcher.action_starts(), matcher.resource_starts())).collect();
        let actions = Company::new(all.iter().filter_map(|(_, actions, _)| actions.as_ref()));
        let resources = Company::new(all.iter().filter_map(|(_, _, resources)| resources.as_ref()));
        let (mut by_action, mut by_resource, mut always) = (Vec::new(), Vec::new(), Vec::new());
        for (statement, action, resource) in &all {
            let rival = resource.as_ref().map(|starts| resources.of(starts));
            match (action, resource) {
                (Some(starts), _) if rival.is_none_or(|rival| actions.of(starts) <= rival) => {
                    put(&mut by_action, *statement, starts);
                }
                (_, Some(starts)) => put(&mut by_resource, *statement, starts),
                (_, None) => always.push(*statement),
            }
        }
        Index { by_action: Prefixes::new(by_action), by_resource: Prefixes::new(by_resource), always: always.into() }
    }

    /// How much memory it takes, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.by_action.bytes() + self.by_resource.bytes() + size_of_val(&*self.always)
    }

    /// Every statement that may be about the request, in order, each once.
    #[inline]
    pub(super) fn find(&self, lower_case_action: &str, resource: &str, found: &mut Candidates) {
        found.clear();
        found.extend(self.always.iter().map(|statement| (*statement, Known::Nothing)));
        let always = found.len();
        let mut put = |posting: Posting, whole: bool, known: Known| match posting.rest {
            Rest::Nothing if !whole => {}
            Rest::Nothing | Rest::Anything => found.push((posting.statement, known)),
            Rest::Matched => found.push((posting.statement, Known::Nothing)),
        };
        self.by_action.visit(lower_case_action, |posting, whole| put(posting, whole, Known::Action));
        self.by_resource.visit(resource, |posting, whole| put(posting, whole, Known::Resource));
        // A statement whose patterns begin alike is found under each beginning, and must not be looked at as often. Of its
        // findings the one that knows most comes first.
        if found.len() > 1 && found.len() > always {
            found.sort_unstable();
            found.dedup_by_key(|(statement, _)| *statement);
        }
    }
}

/// Numbers of statements, and what having been found says about each.
pub(super) type Candidates = SmallVec<[(u32, Known); 32]>;

/// What the patterns of a statement begin with; none of them is empty.
pub(super) type Starts<'m> = SmallVec<[(&'m str, Rest); 4]>;

fn put<'m>(pairs: &mut Vec<(&'m str, Posting)>, statement: u32, starts: &Starts<'m>) {
    pairs.extend(starts.iter().map(|(text, rest)| (*text, Posting { statement, rest: *rest })));
}

/// What statements begin with, in order; each statement counts once for each of its texts.
struct Company<'m>(Vec<&'m str>);

impl<'m> Company<'m> {
    fn new<'s>(all: impl Iterator<Item = &'s Starts<'m>>) -> Self
    where
        'm: 's,
    {
        let mut texts: Vec<&str> = all.flatten().map(|(text, _)| *text).collect();
        texts.sort_unstable();
        Company(texts)
    }

    /// With how many others a statement shares what it begins with, at the most.
    fn of(&self, starts: &Starts<'m>) -> usize {
        // A statement that is alone shares with nobody.
        if self.0.len() == starts.len() {
            return 1;
        }
        let count = |text: &str| {
            let from = self.0.partition_point(|other| *other < text);
            self.0.get(from..).unwrap_or_default().partition_point(|other| *other == text)
        };
        starts.iter().map(|(text, _)| count(text)).max().unwrap_or(0)
    }
}
