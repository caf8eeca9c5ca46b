//! The answer to a request while the policies that made it are at hand: made without allocating, told in full on demand.

use std::sync::Arc;

use smallvec::SmallVec;

use super::condition::Compiled;
use super::decision::{Decision, Effect, MatchedStatement, Missing, NearMiss, StatementRef};
use super::document::Kind;
use super::set::{Placed, PolicySet};

/// A decision that still points into the policies that made it.
#[derive(Clone)]
pub struct Verdict<'p> {
    pub(super) effect: Effect,
    pub(super) statements: Statements<'p>,
    pub(super) missing: Option<Gap<'p>>,
}

/// The statements that mattered, mostly few.
pub(super) type Statements<'p> = SmallVec<[(&'p PolicySet, u32); 6]>;

/// Where no policy allowed a request.
#[derive(Clone, Copy)]
pub(super) struct Gap<'p> {
    pub(super) kind: Kind,
    pub(super) level: Option<usize>,
    pub(super) near: Option<Near<'p>>,
}

/// A statement that allows the request but for a condition.
#[derive(Clone, Copy)]
pub(super) struct Near<'p> {
    pub(super) set: &'p PolicySet,
    pub(super) at: u32,
    pub(super) condition: &'p Compiled,
    pub(super) absent: bool,
}

impl Verdict<'_> {
    /// The outcome.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// Whether the request may go on.
    pub fn is_allowed(&self) -> bool {
        self.effect == Effect::Allowed
    }

    /// Whether both have the same outcome for the same reasons, of the same policies in memory: what is told of them is the same then.
    pub fn reads_like(&self, other: &Verdict<'_>) -> bool {
        let same =
            |(one, at): (&PolicySet, u32), (two, place): (&PolicySet, u32)| std::ptr::eq(one, two) && at == place;
        let near = |one: Near<'_>, two: Near<'_>| {
            same((one.set, one.at), (two.set, two.at))
                && std::ptr::eq(one.condition, two.condition)
                && one.absent == two.absent
        };
        let gap = |one: Gap<'_>, two: Gap<'_>| {
            let nears = match (one.near, two.near) {
                (None, None) => true,
                (Some(one), Some(two)) => near(one, two),
                _ => false,
            };
            one.kind == two.kind && one.level == two.level && nears
        };
        let missing = match (self.missing, other.missing) {
            (None, None) => true,
            (Some(one), Some(two)) => gap(one, two),
            _ => false,
        };
        let statements = self.statements.len() == other.statements.len()
            && self.statements.iter().zip(&other.statements).all(|(one, two)| same(*one, *two));
        self.effect == other.effect && missing && statements
    }

    /// The statements that made it, as they stand in the policies.
    pub fn statements(&self) -> impl Iterator<Item = StatementRef<'_>> {
        let placed = self.statements.iter().filter_map(|(set, at)| set.placed(*at));
        placed.map(|placed| StatementRef {
            policy: placed.policy.id(),
            kind: placed.policy.kind(),
            sid: placed.matcher.sid.as_deref(),
            index: placed.index as usize,
            effect: placed.matcher.effect,
        })
    }

    /// The decision with all its reasons, by themselves.
    pub fn explain(&self) -> Decision {
        Decision {
            effect: self.effect,
            statements: self.statements.iter().filter_map(|(set, at)| set.placed(*at)).map(matched).collect(),
            missing: self.missing.map(|gap| Missing {
                kind: gap.kind,
                level: gap.level,
                near: gap.near.and_then(Near::explain),
            }),
        }
    }
}

impl Near<'_> {
    fn explain(self) -> Option<NearMiss> {
        Some(NearMiss {
            statement: matched(self.set.placed(self.at)?),
            key: self.condition.key.name().to_owned(),
            operator: self.condition.operator,
            absent: self.absent,
            expected: Arc::clone(&self.condition.stated),
        })
    }
}

fn matched(placed: Placed<'_>) -> MatchedStatement {
    MatchedStatement {
        policy: placed.policy.shared_id(),
        kind: placed.policy.kind(),
        sid: placed.matcher.sid.as_ref().map(Arc::clone),
        index: placed.index as usize,
        effect: placed.matcher.effect,
    }
}

impl std::fmt::Debug for Verdict<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.explain(), f)
    }
}
