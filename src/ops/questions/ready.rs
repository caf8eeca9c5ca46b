//! A subject with its policies at hand from one question to the next, for as long as the broker has heard of no change.

use std::sync::Arc;

use crate::decision::{CompiledPrincipal, Prepared, Refused, RequestFacts, Subject};
use crate::ops::Broker;
use crate::store::{Known, Moment};

/// A subject about which several questions are decided, with whatever else happens in between.
#[derive(Debug)]
pub(super) struct Ready<'a> {
    broker: &'a Broker,
    subject: &'a Subject,
    facts: &'a RequestFacts,
    /// What was found of it already.
    found: Option<(Moment, Arc<CompiledPrincipal>)>,
    /// What was known a moment ago, in this very request: whoever decides something that lasts looks at how old that is once more.
    known: Option<Known>,
    prepared: Option<(Moment, Prepared<'a>)>,
}

impl<'a> Ready<'a> {
    /// Nothing is looked up yet, but for what was `found`.
    pub(super) fn new(
        broker: &'a Broker,
        subject: &'a Subject,
        facts: &'a RequestFacts,
        found: Option<(Moment, Arc<CompiledPrincipal>)>,
    ) -> Self {
        Self { broker, subject, facts, found, known: None, prepared: None }
    }

    /// Takes note of what is known, if that was looked at in this very request: it tells the time each time.
    pub(super) fn known_already(&mut self, known: Option<Known>) {
        self.known = known;
    }

    /// The subject as it is known at this moment: what was got ready before something changed is got ready anew.
    ///
    /// # Errors
    /// There is no such principal (any more), or nothing can be decided at present.
    pub(super) async fn now(&mut self) -> Result<&Prepared<'a>, Refused> {
        Ok(self.of_moment().await?.0)
    }

    /// As [`Ready::now`], with the moment that it is good for.
    ///
    /// # Errors
    /// As [`Ready::now`].
    pub(super) async fn of_moment(&mut self) -> Result<(&Prepared<'a>, Moment), Refused> {
        let feed = &self.broker.feed;
        let ready = match self.prepared.take().filter(|(moment, _)| feed.lasts(moment)) {
            Some(ready) => ready,
            None => self.prepare().await?,
        };
        let (moment, prepared) = self.prepared.insert(ready);
        Ok((prepared, *moment))
    }

    async fn prepare(&mut self) -> Result<(Moment, Prepared<'a>), Refused> {
        let Self { broker, subject, facts, .. } = *self;
        let found = self.found.take().filter(|(moment, _)| broker.feed.lasts(moment));
        let ((moment, known), compiled) = match (found, self.known.take()) {
            (Some((moment, compiled)), Some(known)) => ((moment, known), compiled),
            (Some((moment, compiled)), None) => ((moment, broker.feed.known()?), compiled),
            (None, _) => (broker.feed.known_moment()?, broker.authorizer.principal(subject).await?),
        };
        Ok((moment, broker.authorizer.prepared(compiled, subject, facts, known).await?))
    }
}
