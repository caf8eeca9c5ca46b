//! Keeping answers: what an asker is told who follows the changes and keeps answers until something that they stand on changes.
//!
//! An answer may be kept for [`Answered::max_age`] by anybody. Who follows the change stream may keep it for longer: until one of its
//! footings changes, the stream falls silent, or time or the subject's end makes it untrue ([`Kept::holds_for`]).

use std::collections::BTreeSet;

use super::{Answered, Asking, Named, Shown, Who};
use crate::session::Lineage;
use crate::store::{Footing, Key, Revision, layout};
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
        let footings = if answered.max_age > 0 { footings(asking, who, named, resource) } else { None };
        self.take(asking, (answered.revision, answered.max_age, answered.holds_for), footings);
    }

    /// Takes into account who sent a request, and what they may, if that was asked.
    pub fn add_sender(
        &mut self,
        asking: &Asking<'_>,
        shown: &Shown,
        revision: Revision,
        decided: Option<(&Arn, &Answered)>,
    ) {
        let standing = asking.standing(shown);
        // The signature is over before the key is, mostly: nobody is to take a request for good that the broker would not.
        let left = Some(asking.left(shown));
        let sure = standing > 0 && decided.is_none_or(|(_, answered)| answered.max_age > 0);
        let footings = if sure { sender_footings(asking, shown, decided.map(|(resource, _)| resource)) } else { None };
        self.take(asking, (revision, standing, left), footings.clone());
        if let Some((_, answered)) = decided {
            self.take(asking, (answered.revision, answered.max_age, answered.holds_for), footings);
        }
    }

    fn take(
        &mut self,
        asking: &Asking<'_>,
        (revision, max_age, holds_for): (Revision, i64, Option<i64>),
        footings: Option<BTreeSet<Footing>>,
    ) {
        let everything = asking.broker.footings.everything(asking.asker.account());
        let footings = footings.unwrap_or_else(|| BTreeSet::from([everything]));
        let kept = match self.kept.take() {
            None => Kept { revision, max_age, holds_for, footings },
            Some(before) => Kept {
                revision: before.revision.min(revision),
                max_age: before.max_age.min(max_age),
                holds_for: [before.holds_for, holds_for].into_iter().flatten().min(),
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
    let (broker, now) = (asking.broker, asking.facts.now);
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
    Some(told(asking, &keys, lineage.as_ref()))
}

/// What stands on that somebody has signed a request: their key or session, and they themselves.
fn sender_footings(asking: &Asking<'_>, shown: &Shown, resource: Option<&Arn>) -> Option<BTreeSet<Footing>> {
    let (broker, presented) = (asking.broker, &shown.presented);
    let mut keys = broker.authorizer.stands_on(presented.caller.subject())?;
    if let Some(resource) = resource {
        keys.extend(broker.resources.stands_on(resource)?);
    }
    let lineage = match &presented.session_token {
        Some(token) => Some(broker.authenticator.lineage_of_token(token.expose(), asking.facts.now)?),
        None => {
            keys.push(layout::access_key(&presented.access_key_id.parse().ok()?));
            None
        }
    };
    Some(told(asking, &keys, lineage.as_ref()))
}

fn told(asking: &Asking<'_>, keys: &[Key], lineage: Option<&Lineage>) -> BTreeSet<Footing> {
    let (broker, viewer) = (asking.broker, asking.asker.account());
    let mut footings: BTreeSet<Footing> = keys.iter().map(|key| broker.footings.of(viewer, key)).collect();
    if let Some(lineage) = lineage {
        let ends = lineage.ended_by().map(|(kind, id)| broker.footings.revocation(viewer, kind, id));
        footings.extend(ends);
        footings.insert(broker.footings.signing(viewer));
    }
    footings
}
