//! The authorizer: one place that every operation and every door asks.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::aws_policies::AwsPolicies;
use super::cache::{Decisions, Kept, Question};
use super::denial::Denial;
use super::federation::Federation;
use super::keys::{FederatedKeys, RequestFacts, RequestKeys};
use super::principal::{self, CompiledPrincipal};
use super::subject::{Identity, Subject};
use crate::clock::Timestamp;
use crate::policy::{Context, Decision, Facts, Policies, PolicySet, Request, ResourceRule, Value, evaluate};
use crate::session::SessionKind;
use crate::store::{Feed, Fresh, Invalidations, Reader, Revision, Stale, Store, StoreError};
use crate::telemetry::names;
use crate::types::{AccountId, Realm};

/// How much the authorizer may remember.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Compiled principals, and sessions with policies: so many of ordinary size.
    pub principals: u64,
    /// Bytes of kept decisions.
    pub decision_bytes: u64,
}

/// Makes decisions from a principal's policies.
pub struct Authorizer {
    store: Arc<dyn Store>,
    realm: Realm,
    aws: AwsPolicies,
    feed: Arc<Feed>,
    principals: Arc<Fresh<CompiledPrincipal>>,
    sessions: Arc<Fresh<SessionPolicies>>,
    decisions: Decisions,
    stamps: AtomicU64,
}

/// A session's policies. They have a stamp of their own, because a managed policy among them can change.
#[derive(Debug)]
struct SessionPolicies {
    stamp: u64,
    set: PolicySet,
}

/// How much memory a principal or a session may take for as many of them to be kept as the cache is to hold, in bytes. Whoever may
/// take sessions names policies of AWS for them that are fifty times the size of a policy of its own.
const ORDINARY_BYTES: u32 = 16 << 10;

/// What policies weigh in a cache: what they take, and no less than is ordinary, so that it never has more entries either.
fn weight(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX).max(ORDINARY_BYTES)
}

/// What is asked about.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Such as `iam:CreateUser`.
    pub action: &'a str,
    /// The resource's ARN, or `*`.
    pub resource: &'a str,
    /// The account that owns the resource; `None` for one that no account owns.
    pub resource_account: Option<AccountId>,
    /// Condition keys of the service, beside the global ones.
    pub keys: Vec<(String, Value)>,
    /// The trust policy that must agree, for taking on a role.
    pub trust: Option<&'a PolicySet>,
}

/// A decision with all that one may want to know about it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The decision and its reasons.
    pub decision: Arc<Decision>,
    /// Every change up to this revision is in it.
    pub revision: Revision,
    /// Whether it was kept from an earlier question.
    pub cached: bool,
    /// The first moment at which time alone could change it.
    pub until: Option<Timestamp>,
    /// The ARN that the subject is known by.
    pub principal_arn: String,
}

/// An answer, and what a denial tells beside it.
struct Weighed {
    answer: Answer,
    /// Of a denial that is to be told.
    told: Option<Told>,
}

/// What was known of a request that was denied.
#[derive(Default)]
struct Told {
    principal_id: String,
    conditions: Vec<(String, Vec<String>)>,
}

/// Proof that the authorizer allowed something. Only this module makes one, and no operation runs without one.
#[derive(Debug)]
pub struct Permit(());

/// Why there is no permit.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Policy says no.
    #[error("{0}")]
    Denied(Box<Denial>),
    /// The principal does not exist any more.
    #[error("the principal does not exist")]
    NoPrincipal,
    /// What is known may be older than the staleness bound.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Authorizer {
    /// An authorizer with empty caches.
    pub fn new(
        store: Arc<dyn Store>,
        realm: Realm,
        feed: Arc<Feed>,
        invalidations: &Arc<Invalidations>,
        settings: Settings,
    ) -> Self {
        let room = settings.principals.saturating_mul(u64::from(ORDINARY_BYTES));
        Self {
            store,
            aws: AwsPolicies::new(&realm),
            realm,
            feed,
            principals: Fresh::weighing("principals", room, |principal| weight(principal.bytes()), invalidations),
            sessions: Fresh::weighing("session_policies", room, |session: &SessionPolicies| weight(session.set.bytes()), invalidations),
            decisions: Decisions::new(settings.decision_bytes),
            stamps: AtomicU64::new(1),
        }
    }

    /// A permit for what every authenticated caller may do, such as asking who it is.
    ///
    /// # Errors
    /// The caller does not exist any more, or that cannot be found out.
    pub async fn admit(&self, subject: &Subject) -> Result<Permit, Refused> {
        self.feed.revision()?;
        self.principal(subject).await.map(|_| Permit(()))
    }

    /// A permit, if policy gives it.
    ///
    /// # Errors
    /// [`Refused`] says whether policy said no, or why nothing could be decided.
    pub async fn authorize(
        &self,
        subject: &Subject,
        facts: &RequestFacts,
        asked: Asked<'_>,
    ) -> Result<Permit, Refused> {
        let (action, resource, resource_account) = (asked.action, asked.resource, asked.resource_account);
        let weighed = self.weigh(subject, facts, asked, true).await?;
        if weighed.answer.decision.is_allowed() {
            return Ok(Permit(()));
        }
        let told = weighed.told.unwrap_or_default();
        Err(Refused::Denied(Box::new(Denial {
            principal: weighed.answer.principal_arn,
            principal_id: told.principal_id,
            principal_account: subject.account,
            action: action.to_owned(),
            resource: resource.to_owned(),
            resource_account,
            named: None,
            decision: (*weighed.answer.decision).clone(),
            conditions: told.conditions,
            at: facts.now,
        })))
    }

    /// A permit to take on a role of `account` for whom an identity provider vouches for, if the role's trust policy gives it: nothing else can.
    ///
    /// # Errors
    /// [`Refused`] says whether policy said no, or why nothing could be decided.
    pub fn authorize_federated(
        &self,
        federation: &Federation,
        account: AccountId,
        facts: &RequestFacts,
        asked: Asked<'_>,
    ) -> Result<Permit, Refused> {
        self.feed.revision()?;
        let principal = federation.principal();
        let mut operation = Context::new();
        for (key, value) in asked.keys {
            operation.set(&key, value);
        }
        let resource_account = asked.resource_account.map(|account| account.to_string());
        let resource_account = resource_account.as_deref();
        let context = FederatedKeys { facts, federation, resource_account, operation: &operation };
        let (action, resource) = (asked.action, asked.resource);
        let request = Request { principal: &principal, action, resource, resource_account, context: &context };
        let nothing = PolicySet::default();
        let trust = asked.trust.unwrap_or(&nothing);
        let policies = Policies { resource: Some(trust), resource_rule: ResourceRule::Trust, ..Policies::of(&nothing) };
        let decision = evaluate(&request, &policies).explain();
        if decision.is_allowed() {
            return Ok(Permit(()));
        }
        Err(Refused::Denied(Box::new(Denial {
            principal_id: federation.provider().to_string(),
            // Providers count in their own account only, which is the role's.
            principal_account: account,
            action: action.to_owned(),
            resource: resource.to_owned(),
            resource_account: asked.resource_account,
            named: None,
            decision,
            conditions: context.carried(),
            at: facts.now,
            principal: principal.arn,
        })))
    }

    /// The decision itself, for whoever wants to know.
    ///
    /// # Errors
    /// Nothing could be decided.
    pub async fn decide(&self, subject: &Subject, facts: &RequestFacts, asked: Asked<'_>) -> Result<Answer, Refused> {
        Ok(self.weigh(subject, facts, asked, false).await?.answer)
    }

    /// Decides; gathers what a denial tells besides only if it is to be `told`.
    async fn weigh(
        &self,
        subject: &Subject,
        facts: &RequestFacts,
        asked: Asked<'_>,
        told: bool,
    ) -> Result<Weighed, Refused> {
        let revision = self.feed.revision()?;
        let compiled = self.principal(subject).await?;
        let session = self.session_policies(subject).await?;
        let principal = subject.principal(&self.realm, &compiled.arn, &compiled.unique_id);
        let mut operation = Context::new();
        for (key, value) in asked.keys {
            operation.set(&key, value);
        }
        let resource_account = asked.resource_account.map(|account| account.to_string());
        let context = RequestKeys {
            facts,
            subject,
            compiled: &compiled,
            principal: &principal,
            resource_account: resource_account.as_deref(),
            operation: &operation,
        };
        let request = Request {
            principal: &principal,
            action: asked.action,
            resource: asked.resource,
            resource_account: resource_account.as_deref(),
            context: &context,
        };
        let weighed = |decision: Arc<Decision>, cached, until| Weighed {
            told: (told && !decision.is_allowed())
                .then(|| Told { principal_id: principal.unique_id.clone(), conditions: context.carried() }),
            answer: Answer { decision, revision, cached, until, principal_arn: principal.arn.clone() },
        };
        let policies = Policies {
            boundary: compiled.boundary.as_ref(),
            session: session.as_deref().map(|session| &session.set),
            // Where the resource's policy must allow, having none is a denial.
            resource_rule: ResourceRule::of(asked.action, asked.resource),
            ..Policies::of(&compiled.identity)
        };
        if let Some(trust) = asked.trust {
            // A trust policy belongs to the request, not to the principal: such decisions are made anew each time.
            let policies = Policies { resource: Some(trust), resource_rule: ResourceRule::Trust, ..policies };
            return Ok(weighed(Arc::new(evaluate(&request, &policies).explain()), false, Some(facts.now)));
        }
        let sets: Vec<&PolicySet> =
            [Some(policies.identity), policies.boundary, policies.session].into_iter().flatten().collect();
        let session_stamp = session.as_ref().map(|session| session.stamp.to_string());
        let until = earliest_change(&sets, facts.now, &context);
        let question = Question::new(compiled.stamp, session_stamp.as_deref(), &request, &sets, facts.now);
        if let Some(kept) = self.decisions.find(&question, facts.now) {
            metrics::counter!(names::DECISIONS, "cache" => "hit").increment(1);
            return Ok(weighed(Arc::clone(&kept.decision), true, kept.until));
        }
        metrics::counter!(names::DECISIONS, "cache" => "miss").increment(1);
        let decision = Arc::new(evaluate(&request, &policies).explain());
        if until.is_none_or(|until| until > facts.now) {
            self.decisions.keep(question, Arc::new(Kept { decision: Arc::clone(&decision), until }));
        }
        Ok(weighed(decision, false, until))
    }

    /// The subject's compiled policies.
    ///
    /// # Errors
    /// There is no such principal (any more), or the store cannot be read.
    pub async fn principal(&self, subject: &Subject) -> Result<Arc<CompiledPrincipal>, Refused> {
        let id = principal_id(subject.account, &subject.identity);
        let compiled = match self.principals.find(&id) {
            Some(compiled) => compiled,
            None => self.load_principal(&id, subject).await?,
        };
        match &subject.unique_id {
            Some(expected) if *expected != compiled.unique_id => Err(Refused::NoPrincipal),
            _ => Ok(compiled),
        }
    }

    async fn load_principal(&self, id: &str, subject: &Subject) -> Result<Arc<CompiledPrincipal>, Refused> {
        let ticket = self.principals.begin();
        let stamp = self.next_stamp();
        let mut reader = Reader::new(Arc::clone(&self.store));
        loop {
            let (account, identity) = (subject.account, &subject.identity);
            let found = CompiledPrincipal::load(&mut reader, &self.realm, &self.aws, account, identity, stamp).await?;
            // The records were read one by one; only if none has changed since are they the state of one revision.
            if !reader.restart_if_changed().await? {
                let compiled = found.ok_or(Refused::NoPrincipal)?;
                return Ok(self.principals.keep(ticket, id, compiled, reader.dependencies()));
            }
        }
    }

    async fn session_policies(&self, subject: &Subject) -> Result<Option<Arc<SessionPolicies>>, Refused> {
        let Some(session) = &subject.session else { return Ok(None) };
        let policies = session.policy.is_some() || !session.policy_arns.is_empty();
        // A federated user without session policies has an empty set of them, which allows nothing: and a stamp of its own, for
        // its decisions are not those of the user behind it.
        if !policies && session.kind != SessionKind::FederatedUser {
            return Ok(None);
        }
        if let Some(found) = self.sessions.find(&session.jti) {
            return Ok(Some(found));
        }
        let ticket = self.sessions.begin();
        let mut reader = Reader::new(Arc::clone(&self.store));
        let set = loop {
            let set = principal::session_policies(&mut reader, &self.aws, subject.account, session).await?;
            // As with principals: the state of one revision, or read again.
            if !reader.restart_if_changed().await? {
                break set;
            }
        };
        let made = SessionPolicies { stamp: self.next_stamp(), set };
        Ok(Some(self.sessions.keep(ticket, &session.jti, made, reader.dependencies())))
    }

    fn next_stamp(&self) -> u64 {
        self.stamps.fetch_add(1, Ordering::Relaxed)
    }
}

fn principal_id(account: AccountId, identity: &Identity) -> String {
    match identity {
        Identity::Root => format!("{account}/root"),
        Identity::User(name) => format!("{account}/user/{}", name.folded()),
        Identity::Role(name) => format!("{account}/role/{}", name.folded()),
    }
}

fn earliest_change(sets: &[&PolicySet], now: Timestamp, context: &dyn Facts) -> Option<Timestamp> {
    sets.iter().filter_map(|set| set.valid_until(now, context)).min()
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer").field("realm", &self.realm).finish_non_exhaustive()
    }
}
