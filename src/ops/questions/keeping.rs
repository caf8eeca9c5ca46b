//! Keeping answers: what an asker is told who follows the changes and keeps answers until something that they stand on changes.
//!
//! An answer may be kept for [`Answered::max_age`] by anybody. Who follows the change stream may keep it for longer: until one of its
//! footings changes, the stream falls silent, or time or the subject's end makes it untrue ([`Kept::holds_for`]).

use std::collections::BTreeSet;

use super::{Answered, Asking, Named, Who};
use crate::store::{Footing, Revision};
use crate::types::Arn;

/// The header by which an asker wants to be told what its answer stands on; its value is not looked at.
pub const TELL_DEPENDS: &str = "x-brevet-tell-depends";
/// Footings that are told one by one; an answer that stands on more stands on everything.
const MOST: usize = 64;

/// What the answers to one request, one or more, may be kept by.
#[derive(Debug, Default)]
pub struct Keeping {
    kept: Option<Kept>,
}

/// How the answers may be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Every change up to this one is in all of them.
    pub revision: Revision,
    /// For how many seconds anybody may keep them.
    pub max_age: i64,
    /// For how many seconds they are true if nothing changes; for ever where absent.
    pub holds_for: Option<i64>,
    /// What they stand on.
    pub footings: BTreeSet<Footing>,
}

impl Keeping {
    /// Takes one more answer into account.
    pub fn add(&mut self, asking: &Asking<'_>, who: &Who, named: &Named, resource: &Arn, answered: &Answered) {
        let viewer = asking.asker.account();
        let everything = asking.broker.footings.everything(viewer);
        let mut footings = if answered.max_age > 0 { footings(asking, who, named, resource) } else { None };
        let footings = footings.take().unwrap_or_else(|| BTreeSet::from([everything]));
        let kept = match self.kept.take() {
            None => {
                Kept { revision: answered.revision, max_age: answered.max_age, holds_for: answered.holds_for, footings }
            }
            Some(before) => Kept {
                revision: before.revision.min(answered.revision),
                max_age: before.max_age.min(answered.max_age),
                holds_for: [before.holds_for, answered.holds_for].into_iter().flatten().min(),
                footings: before.footings.into_iter().chain(footings).collect(),
            },
        };
        let too_many = kept.footings.len() > MOST || kept.footings.contains(&everything);
        self.kept = Some(if too_many { Kept { footings: BTreeSet::from([everything]), ..kept } } else { kept });
    }

    /// What came of it; nothing where there was no answer.
    pub fn kept(&self) -> Option<&Kept> {
        self.kept.as_ref()
    }
}

/// What an answer about `who` stands on; `None` where that is not known.
fn footings(asking: &Asking<'_>, who: &Who, named: &Named, resource: &Arn) -> Option<BTreeSet<Footing>> {
    let Named::Somebody(about) = named else { return None };
    let (broker, viewer, now) = (asking.broker, asking.asker.account(), asking.facts.now);
    let lineage = match who {
        Who::Entity(..) => None,
        Who::Session(token) => Some(broker.authenticator.lineage_of_token(token.expose(), now)?),
        Who::Bearer { token, audience } => {
            Some(broker.authenticator.bearers().lineage(token.expose(), audience, now)?)
        }
        Who::Known(..) | Who::Nobody => return None,
    };
    let mut keys = broker.authorizer.stands_on(&about.subject)?;
    keys.extend(broker.resources.stands_on(resource)?);
    let mut footings: BTreeSet<Footing> = keys.iter().map(|key| broker.footings.of(viewer, key)).collect();
    if let Some(lineage) = lineage {
        let ends = lineage.ended_by().map(|(kind, id)| broker.footings.revocation(viewer, kind, id));
        footings.extend(ends);
        footings.insert(broker.footings.signing(viewer));
    }
    Some(footings)
}
