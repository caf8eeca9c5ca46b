//! A subject with its policies at hand from one question to the next, for as long as the broker has heard of no change.

use crate::decision::{Prepared, Refused, RequestFacts, Subject};
use crate::ops::Broker;
use crate::store::Moment;

/// A subject about which several questions are decided, with whatever else happens in between.
#[derive(Debug)]
pub(super) struct Ready<'a> {
    broker: &'a Broker,
    subject: &'a Subject,
    facts: &'a RequestFacts,
    prepared: Option<(Moment, Prepared<'a>)>,
}

impl<'a> Ready<'a> {
    /// Nothing is looked up yet.
    pub(super) fn new(broker: &'a Broker, subject: &'a Subject, facts: &'a RequestFacts) -> Self {
        Self { broker, subject, facts, prepared: None }
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
            None => (feed.moment()?, self.broker.authorizer.prepare(self.subject, self.facts, true).await?),
        };
        let (moment, prepared) = self.prepared.insert(ready);
        Ok((prepared, *moment))
    }
}
