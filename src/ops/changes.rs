//! Following the changes: an asker that keeps answers is told what changes, in the terms in which answers are told what they stand
//! on, and how recent that is.
//!
//! An operation of brevet's own, for the door `/changes/v1/stream`. Whoever follows needs `brevet:FollowChanges` on its own account's
//! changes, and is asked for it again all along. What is told comes from the change feed after this broker has applied it, so whoever
//! asks again because of it gets an answer on the new state.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::broadcast::{self, error::TryRecvError};

use super::questions::{PATIENCE, Refusal, SERVICE};
use super::{Broker, Call};
use crate::authn::{self, Caller, CertificateFault, ClientCertificate};
use crate::clock::Timestamp;
use crate::decision::{Asked, Refused, RequestFacts};
use crate::session::Lineage;
use crate::store::{Change, Footing, Key, NotReached, Revision, Told};
use crate::types::AccessKeyId;
use crate::usage::Use;

/// The permission to follow, and the operation's name in the audit trail.
const PERMISSION: &str = "brevet:FollowChanges";
const NAME: &str = "FollowChanges";
/// Changes that are read at once, and how often, for somebody who was away.
const PAGE: usize = 1_000;
const PAGES: usize = 10;

/// Somebody who follows.
#[derive(Debug)]
pub struct Following {
    broker: Arc<Broker>,
    caller: Caller,
    facts: RequestFacts,
    began: Timestamp,
    news: broadcast::Receiver<Arc<Told>>,
    through: Revision,
    /// What the follower's own permissions stand on: when that changes, it may have been told too much before.
    own: HashSet<Key>,
}

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A commit.
    Changed {
        /// Its revision.
        revision: Revision,
        /// What it changed.
        footings: BTreeSet<Footing>,
        /// What of the follower's account it revoked.
        revoked: Vec<(String, String)>,
    },
    /// Everything up to this revision has been told.
    Through {
        /// The revision.
        revision: Revision,
        /// How long ago there was nothing later.
        age: Duration,
    },
    /// Anything may have changed since what was told before.
    Gap,
}

/// Why somebody is told no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its credentials have expired.
    Expired,
    /// Its credentials were revoked, or are no more.
    Revoked,
    /// It may not follow any more.
    Denied,
}

impl Following {
    /// Begins, if the caller may; `from` is what it has been told before, and gives what it has missed.
    ///
    /// # Errors
    /// It may not, or that cannot be found out.
    pub async fn begin(
        broker: Arc<Broker>,
        caller: Caller,
        facts: RequestFacts,
        from: Option<Revision>,
    ) -> Result<(Self, Vec<News>), Refusal> {
        allowed(&broker, &caller, &facts).await?;
        let asked = Use { service: SERVICE, action: NAME, at: facts.now, region: caller.region() };
        super::note_use(&broker, &caller, asked).await?;
        let heard = match from {
            Some(from) => broker.feed.reach(from, PATIENCE).await,
            None => Ok(()),
        };
        let (through, news) = broker.feed.listen();
        let began = facts.now;
        let mut following = Self { broker, caller, facts, began, news, through, own: HashSet::new() };
        following.look_at_own().await;
        let missed = match (heard, from) {
            (Ok(()), None) => Vec::new(),
            (Ok(()), Some(from)) => following.missed(from).await?,
            // It was told by a store that this one is not.
            (Err(NotReached::Unheard(..)), _) => vec![News::Gap],
            (Err(late), _) => return Err(late.into()),
        };
        Ok((following, missed))
    }

    /// Every change up to this one has been told.
    pub fn through(&self) -> Revision {
        self.through
    }

    /// How old what is known here may be for it to count.
    pub fn bound(&self) -> Duration {
        self.broker.feed.bound()
    }

    /// Waits for something to tell.
    pub async fn next(&mut self) -> Vec<News> {
        match self.news.recv().await {
            Ok(told) => self.tell(&told).await,
            Err(broadcast::error::RecvError::Lagged(_)) => self.begin_again().await,
            // The broker lives as long as this.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }

    /// What there is to tell at this moment; the last of it is how recent all that is.
    pub async fn now(&mut self) -> Vec<News> {
        // Read first: whatever was written before that is among what is told below.
        let age = self.broker.feed.age();
        let mut news = Vec::new();
        loop {
            match self.news.try_recv() {
                Ok(told) => news.extend(self.tell(&told).await),
                Err(TryRecvError::Lagged(_)) => news = self.begin_again().await,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        news.push(News::Through { revision: self.through, age });
        news
    }

    /// Whether it may still be told.
    ///
    /// # Errors
    /// Why not.
    pub async fn check(&mut self) -> Result<(), Ended> {
        let now = self.broker.clock.now();
        self.facts.now = now;
        if let Some((expires, lineage)) = self.caller.bears() {
            if expires <= now {
                return Err(Ended::Expired);
            }
            if self.broker.revocations.reach(lineage) {
                return Err(Ended::Revoked);
            }
        } else if let Some(claims) = self.caller.session() {
            if claims.exp <= now {
                return Err(Ended::Expired);
            }
            let lineage = Lineage::of_session(claims);
            if lineage.is_none_or(|lineage| self.broker.revocations.reach(&lineage)) {
                return Err(Ended::Revoked);
            }
        } else if let Some(key) = self.caller.access_key() {
            self.check_key(key).await?;
        } else if let Some(certificate) = self.caller.certificate() {
            self.check_certificate(certificate).await?;
        }
        match allowed(&self.broker, &self.caller, &self.facts).await {
            Ok(()) => Ok(()),
            Err(Refusal::Denied(_)) => Err(Ended::Denied),
            Err(Refusal::NoAsker) => Err(Ended::Revoked),
            // What is told says how old it is.
            Err(_) => Ok(()),
        }
    }

    async fn check_key(&self, key: &AccessKeyId) -> Result<(), Ended> {
        // A store that cannot be read is no reason: what is told says how old it is.
        if let Ok(false) = self.broker.authenticator.is_active(key).await {
            return Err(Ended::Revoked);
        }
        let uid = self.caller.subject().unique_id.clone().unwrap_or_default();
        let lineage = Lineage::of_key(key, &uid, self.began);
        if self.broker.revocations.reach(&lineage) { Err(Ended::Revoked) } else { Ok(()) }
    }

    async fn check_certificate(&self, certificate: &Arc<ClientCertificate>) -> Result<(), Ended> {
        let (broker, now) = (&self.broker, self.facts.now);
        match broker.certificates.authenticate(certificate, &broker.authorizer, now).await {
            // As with a key.
            Ok(_) | Err(authn::Error::Store(_)) => Ok(()),
            Err(authn::Error::Certificate(CertificateFault::Time)) => Err(Ended::Expired),
            Err(_) => Err(Ended::Revoked),
        }
    }

    async fn look_at_own(&mut self) {
        // Whoever does not exist any more is found out by `check`.
        let _ = self.broker.authorizer.principal(self.caller.subject()).await;
        let keys = self.broker.authorizer.stands_on(self.caller.subject());
        self.own = keys.unwrap_or_default().into_iter().collect();
    }

    /// What was told between `from` and now, read from the store once.
    async fn missed(&mut self, from: Revision) -> Result<Vec<News>, Refusal> {
        let (mut since, mut changes) = (from, Vec::new());
        for _ in 0..PAGES {
            if since >= self.through {
                return Ok(self.changed(&changes).await);
            }
            let read = self.broker.store.changes(since, PAGE).await;
            let read = read.map_err(|error| Refusal::from(Refused::Store(error)))?;
            if read.gap || read.through <= since {
                break;
            }
            since = read.through;
            changes.extend(read.changes.into_iter().filter(|change| change.revision <= self.through));
        }
        if since >= self.through { Ok(self.changed(&changes).await) } else { Ok(vec![News::Gap]) }
    }

    async fn tell(&mut self, told: &Told) -> Vec<News> {
        if told.through <= self.through {
            return Vec::new();
        }
        let missing = told.gap || told.since > self.through;
        let known = std::mem::replace(&mut self.through, told.through);
        if missing {
            self.look_at_own().await;
            return vec![News::Gap];
        }
        let begin = told.changes.partition_point(|change| change.revision <= known);
        self.changed(told.changes.get(begin..).unwrap_or_default()).await
    }

    async fn begin_again(&mut self) -> Vec<News> {
        (self.through, self.news) = self.broker.feed.listen();
        self.look_at_own().await;
        vec![News::Gap]
    }

    async fn changed(&mut self, changes: &[Change]) -> Vec<News> {
        if changes.is_empty() {
            return Vec::new();
        }
        // What the follower's permissions stand on now, they stood on before too, up to the first record that has changed.
        if self.own.is_empty() {
            self.look_at_own().await;
        }
        if self.own.is_empty() || changes.iter().any(|change| self.own.contains(&change.key)) {
            self.look_at_own().await;
            return vec![News::Gap];
        }
        let by_commit = changes.chunk_by(|one, next| one.revision == next.revision);
        by_commit.filter_map(|commit| self.commit(commit)).collect()
    }

    fn commit(&self, changes: &[Change]) -> Option<News> {
        let (account, footings) = (self.caller.account(), &self.broker.footings);
        let revision = changes.first()?.revision;
        let told = changes.iter().map(|change| footings.of(account, &change.key));
        let told = told.chain([footings.everything(account)]).collect();
        let revoked = changes.iter().filter_map(|change| match change.key.parts()?.as_slice() {
            [kind, owner, what, id] if kind == "revocation" && *owner == account.to_string() => {
                Some((what.clone(), id.clone()))
            }
            _ => None,
        });
        Some(News::Changed { revision, footings: told, revoked: revoked.collect() })
    }
}

async fn allowed(broker: &Broker, caller: &Caller, facts: &RequestFacts) -> Result<(), Refusal> {
    let (account, partition) = (caller.account(), &broker.realm.partition);
    let changes = format!("arn:{partition}:brevet::{account}:changes");
    let asked = Asked { degraded: true, ..Asked::plain(PERMISSION, &changes, Some(account)) };
    match broker.authorizer.authorize(caller.subject(), facts, asked).await {
        Ok(_permit) => Ok(()),
        Err(refused) => Err(refused.into()),
    }
}

/// Records that somebody who asked to follow may not.
pub async fn record_refused_follower(broker: &Broker, caller: &Caller, facts: &RequestFacts, refusal: &Refusal) {
    if let Refusal::Denied(denial) = refusal {
        let request_id = &broker.new_id();
        let call = Call { broker, caller, facts: facts.clone(), request_id };
        super::record_refusal(&call, SERVICE, NAME, json!({}), "AccessDenied", &denial.to_string()).await;
    }
}
