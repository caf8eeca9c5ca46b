//! The authorizer: one place that every operation and every door asks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::answer::Answer;
use super::asked::{Asked, Consent};
use super::aws_policies::AwsPolicies;
use super::denial::Denial;
use super::entity::{EntityKey, EntityRef};
use super::federation::Federation;
use super::keys::{FederatedKeys, RequestFacts};
use super::prepared::{Decided, Prepared};
use super::principal::{self, CompiledPrincipal};
use super::subject::{Identity, SessionFacts, Subject};
use crate::policy::{Effect, Policies, PolicySet, Request, ResourceRule, evaluate};
use crate::session::SessionKind;
use crate::store::{Feed, Fresh, Invalidations, Key, Known, Reader, Stale, Store, StoreError};
use crate::telemetry::{Tally, names};
use crate::types::{AccountId, Realm};

/// How much the authorizer may remember.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Compiled principals, and sessions with policies: so many of ordinary size.
    pub principals: u64,
}

/// Makes decisions from a principal's policies.
pub struct Authorizer {
    store: Arc<dyn Store>,
    realm: Realm,
    aws: AwsPolicies,
    feed: Arc<Feed>,
    principals: Arc<Fresh<CompiledPrincipal, EntityKey>>,
    /// The policies of sessions, by the sessions' ids.
    sessions: Arc<Fresh<PolicySet>>,
    decisions: Decisions,
}

/// How many decisions came out how. The counters are looked up once: that costs as much as a decision.
struct Decisions {
    allowed: Tally,
    explicitly_denied: Tally,
    implicitly_denied: Tally,
}

impl Decisions {
    fn new() -> Self {
        let of = |outcome: &'static str| Tally::of(metrics::counter!(names::DECISIONS, "outcome" => outcome));
        Self { allowed: of("allowed"), explicitly_denied: of("explicit-deny"), implicitly_denied: of("implicit-deny") }
    }

    fn count(&self, effect: Effect) {
        let tally = match effect {
            Effect::Allowed => &self.allowed,
            Effect::ExplicitlyDenied => &self.explicitly_denied,
            Effect::ImplicitlyDenied => &self.implicitly_denied,
        };
        tally.add(1);
    }
}

/// How many decisions of an answer came out how.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcomes {
    allowed: u64,
    explicitly_denied: u64,
    implicitly_denied: u64,
}

impl Outcomes {
    /// One more.
    pub fn add(&mut self, effect: Effect) {
        let count = match effect {
            Effect::Allowed => &mut self.allowed,
            Effect::ExplicitlyDenied => &mut self.explicitly_denied,
            Effect::ImplicitlyDenied => &mut self.implicitly_denied,
        };
        *count += 1;
    }
}

/// How much memory a principal or a session may take for as many of them to be kept as the cache is to hold, in bytes. Whoever may
/// take sessions names policies of AWS for them that are fifty times the size of a policy of its own.
const ORDINARY_BYTES: u32 = 16 << 10;

/// What policies weigh in a cache: what they take, and no less than is ordinary, so that it never has more entries either.
fn weight(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX).max(ORDINARY_BYTES)
}

/// Proof that the authorizer allowed something. Only this module makes one, and no operation runs without one.
#[derive(Debug)]
pub struct Permit(Option<Arc<CompiledPrincipal>>);

impl Permit {
    /// Whose permit it is, as the decision found it; `None` for whom only an identity provider vouches for.
    pub fn principal(&self) -> Option<&Arc<CompiledPrincipal>> {
        self.0.as_ref()
    }
}

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
            sessions: Fresh::weighing("session_policies", room, |set: &PolicySet| weight(set.bytes()), invalidations),
            decisions: Decisions::new(),
        }
    }

    /// A permit for what every authenticated caller may do, such as asking who it is.
    ///
    /// # Errors
    /// The caller does not exist any more, or that cannot be found out.
    pub async fn admit(&self, subject: &Subject) -> Result<Permit, Refused> {
        self.feed.revision()?;
        self.principal(subject).await.map(|principal| Permit(Some(principal)))
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
        let prepared = self.prepare(subject, facts, asked.degraded).await?;
        self.permit(&prepared, asked)
    }

    /// As [`Authorizer::authorize`], for a subject who was admitted a moment ago, for the same request.
    ///
    /// # Errors
    /// As [`Authorizer::authorize`].
    pub async fn authorize_admitted(
        &self,
        admitted: Permit,
        subject: &Subject,
        facts: &RequestFacts,
        asked: Asked<'_>,
    ) -> Result<Permit, Refused> {
        let known = self.known(asked.degraded)?;
        let compiled = admitted.0.ok_or(Refused::NoPrincipal)?;
        let prepared = self.prepared(compiled, subject, facts, known).await?;
        self.permit(&prepared, asked)
    }

    /// A permit for a subject that is prepared, if policy gives it.
    ///
    /// # Errors
    /// [`Refused`] says whether policy said no, or why nothing could be decided.
    pub fn permit(&self, prepared: &Prepared<'_>, asked: Asked<'_>) -> Result<Permit, Refused> {
        let decided = self.decided(prepared, asked)?;
        if decided.is_allowed() {
            return Ok(Permit(Some(Arc::clone(prepared.compiled()))));
        }
        Err(Refused::Denied(Box::new(decided.denial())))
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
        let resource_account = asked.resource_account.map(AccountId::digits);
        let resource_account = resource_account.as_deref();
        let context = FederatedKeys { facts, federation, resource_account, operation: asked.keys };
        let (action, resource) = (asked.action, asked.resource);
        let request = Request { principal: &principal, action, resource, resource_account, context: &context };
        let nothing = PolicySet::default();
        let trust = match asked.consent {
            Consent::Trust(trust) => trust,
            _ => &nothing,
        };
        let policies = Policies { resource: Some(trust), resource_rule: ResourceRule::Trust, ..Policies::of(&nothing) };
        let decision = evaluate(&request, &policies).explain();
        if decision.is_allowed() {
            return Ok(Permit(None));
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
        let prepared = self.prepare(subject, facts, asked.degraded).await?;
        Ok(self.decided(&prepared, asked)?.answer())
    }

    /// Counts decisions that are told once more, or that were not counted one by one when they were made.
    pub fn count(&self, outcomes: &Outcomes) {
        let Outcomes { allowed, explicitly_denied, implicitly_denied } = *outcomes;
        let Decisions { allowed: yes, explicitly_denied: no, implicitly_denied: not } = &self.decisions;
        for (tally, times) in [(yes, allowed), (no, explicitly_denied), (not, implicitly_denied)] {
            if times > 0 {
                tally.add(times);
            }
        }
    }

    /// A decision about a subject that is prepared; its reasons are told on demand.
    ///
    /// # Errors
    /// What is known is too old for this question.
    pub fn decided<'q>(&self, prepared: &'q Prepared<'q>, asked: Asked<'q>) -> Result<Decided<'q>, Refused> {
        let decided = prepared.decide(asked)?;
        self.decisions.count(decided.effect());
        Ok(decided)
    }

    /// As [`Authorizer::decided`], one of many that are [counted](Authorizer::count) together.
    ///
    /// # Errors
    /// As [`Authorizer::decided`].
    pub fn one_of_many<'q>(&self, prepared: &'q Prepared<'q>, asked: Asked<'q>) -> Result<Decided<'q>, Refused> {
        Ok(prepared.decide(asked)?)
    }

    /// Gets a subject ready to be asked about, as often as one likes. `degraded` says that its questions may be decided on knowledge
    /// older than the staleness bound, where the operator chose that.
    ///
    /// # Errors
    /// There is no such principal (any more), or nothing can be decided at present.
    pub async fn prepare<'a>(
        &self,
        subject: &'a Subject,
        facts: &'a RequestFacts,
        degraded: bool,
    ) -> Result<Prepared<'a>, Refused> {
        let known = self.known(degraded)?;
        let compiled = self.principal(subject).await?;
        self.prepared(compiled, subject, facts, known).await
    }

    /// As [`Authorizer::prepare`], with the policies that were [found](Authorizer::principal) when this was known, if nothing more has been
    /// heard of since.
    ///
    /// # Errors
    /// As [`Authorizer::prepare`].
    pub async fn prepared<'a>(
        &self,
        compiled: Arc<CompiledPrincipal>,
        subject: &'a Subject,
        facts: &'a RequestFacts,
        known: Known,
    ) -> Result<Prepared<'a>, Refused> {
        let (compiled, session) = match &subject.session {
            Some(session) if has_policies(session) => Box::pin(self.of_one_moment(subject, session)).await?,
            _ => (compiled, None),
        };
        // Only the sessions of roles and of federated users have names of their own.
        let named = matches!(subject.identity, Identity::Role(_)) || subject.federated_user().is_some();
        let named = named && subject.session.is_some();
        let principal = named.then(|| subject.principal(&self.realm, &compiled.arn, &compiled.unique_id));
        Ok(Prepared { subject, facts, compiled, session, principal, known })
    }

    /// What is known, if it is recent enough to decide on.
    fn known(&self, degraded: bool) -> Result<Known, Stale> {
        if degraded { self.feed.known() } else { Ok(Known::recent(self.feed.revision()?)) }
    }

    /// The records that decisions about a subject are made from, if its policies are loaded. Whoever wants to know it of a decision asks
    /// afterwards: what was loaded anew meanwhile was so because one of those records has changed since the decision's revision.
    pub fn stands_on(&self, subject: &Subject) -> Option<Vec<Key>> {
        let mut keys = self.principals.reads(&EntityRef { account: subject.account, identity: &subject.identity })?;
        if let Some(session) = subject.session.as_ref().filter(|session| has_policies(session)) {
            keys.extend(self.sessions.reads(&session.jti)?);
        }
        Some(keys)
    }

    /// The subject's compiled policies.
    ///
    /// # Errors
    /// There is no such principal (any more), or the store cannot be read.
    pub async fn principal(&self, subject: &Subject) -> Result<Arc<CompiledPrincipal>, Refused> {
        let id = EntityRef { account: subject.account, identity: &subject.identity };
        let compiled = match self.principals.find(&id) {
            Some(compiled) => compiled,
            // Apart, so that whoever finds it need not make room for all that loading takes.
            None => Box::pin(self.load_principal(id)).await?,
        };
        match &subject.unique_id {
            Some(expected) if *expected != compiled.unique_id => Err(Refused::NoPrincipal),
            _ => Ok(compiled),
        }
    }

    async fn load_principal(&self, id: EntityRef<'_>) -> Result<Arc<CompiledPrincipal>, Refused> {
        let ticket = self.principals.begin();
        let mut reader = Reader::new(Arc::clone(&self.store));
        loop {
            let found = CompiledPrincipal::load(&mut reader, &self.realm, &self.aws, id.account, id.identity).await?;
            // The records were read one by one; only if none has changed since are they the state of one revision.
            if !reader.restart_if_changed().await? {
                let compiled = found.ok_or(Refused::NoPrincipal)?;
                let compiled = self.principals.keep(ticket, id, compiled, reader.dependencies());
                self.hear_all().await?;
                return Ok(compiled);
            }
        }
    }

    /// A principal's policies and its session's, as they were at one and the same moment: each is kept by itself, and one that is loaded
    /// anew may be later than the other.
    async fn of_one_moment(
        &self,
        subject: &Subject,
        session: &SessionFacts,
    ) -> Result<(Arc<CompiledPrincipal>, Option<Arc<PolicySet>>), Refused> {
        /// Each try but the first is for changes that came while the last one looked.
        const TRIES: usize = 16;
        for _ in 0..TRIES {
            let begun = self.sessions.begin();
            let compiled = self.principal(subject).await?;
            let set = match self.sessions.find(&session.jti) {
                Some(found) => found,
                None => self.load_session(subject.account, session).await?,
            };
            if self.sessions.quiet_since(begun) {
                return Ok((compiled, Some(set)));
            }
        }
        Err(Refused::Stale(Stale))
    }

    /// Reads the feed as far as the store has come: what was loaded a moment ago is then no later than what is kept beside it.
    async fn hear_all(&self) -> Result<(), Refused> {
        /// For how long.
        const PATIENCE: Duration = Duration::from_secs(2);
        let latest = self.store.revision().await?;
        self.feed.reach(latest, PATIENCE).await.map_err(|_| Refused::Stale(Stale))
    }

    async fn load_session(&self, account: AccountId, session: &SessionFacts) -> Result<Arc<PolicySet>, Refused> {
        let ticket = self.sessions.begin();
        let mut reader = Reader::new(Arc::clone(&self.store));
        loop {
            let set = principal::session_policies(&mut reader, &self.aws, account, session).await?;
            // As with principals: the state of one revision, or read again.
            if !reader.restart_if_changed().await? {
                let set = self.sessions.keep(ticket, session.jti.as_str(), set, reader.dependencies());
                self.hear_all().await?;
                return Ok(set);
            }
        }
    }
}

/// A federated user without session policies has an empty set of them, which allows nothing.
fn has_policies(session: &SessionFacts) -> bool {
    session.policy.is_some() || !session.policy_arns.is_empty() || session.kind == SessionKind::FederatedUser
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer").field("realm", &self.realm).finish_non_exhaustive()
    }
}
