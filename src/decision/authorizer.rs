//! The authorizer: one place that every operation and every door asks.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use super::aws_policies::AwsPolicies;
use super::cache::{Decisions, Kept, Question, Stamps};
use super::denial::Denial;
use super::federation::Federation;
use super::keys::{FederatedKeys, RequestFacts, RequestKeys};
use super::principal::{self, CompiledPrincipal};
use super::subject::{Identity, SessionFacts, Subject};
use crate::clock::Timestamp;
use crate::policy::{Context, Decision, Facts, Policies, PolicySet, Request, ResourceRule, evaluate};
use crate::session::SessionKind;
use crate::store::{Feed, Fresh, Invalidations, Key, Known, Reader, Revision, Stale, Store, StoreError};
use crate::telemetry::names;
use crate::types::{AccountId, Realm, Tags};

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
    pub keys: &'a Context,
    /// What is stored of the resource, if anything is: `aws:ResourceTag/...` is this and nothing else then.
    pub attributes: Option<&'a Tags>,
    /// What the resource itself says.
    pub consent: Consent<'a>,
    /// Whether it may be decided on what is known although the store has been out of reach for longer than the staleness bound, if the
    /// operator chose that. What the broker itself does never may.
    pub degraded: bool,
}

/// The policy of the resource that is asked about.
#[derive(Clone, Copy, Debug, Default)]
pub enum Consent<'a> {
    /// It has none.
    #[default]
    None,
    /// The trust policy of a role, which must agree to its being taken on.
    Trust(&'a PolicySet),
    /// A policy that the broker keeps, with a stamp that no other policy ever had.
    Stored(&'a PolicySet, u64),
    /// A policy that came with the question.
    Passed(&'a PolicySet),
}

impl<'a> Asked<'a> {
    /// May this be done with that: a question without condition keys of its own.
    pub fn plain(action: &'a str, resource: &'a str, resource_account: Option<AccountId>) -> Self {
        static NO_KEYS: LazyLock<Context> = LazyLock::new(Context::new);
        Self {
            action,
            resource,
            resource_account,
            keys: &NO_KEYS,
            attributes: None,
            consent: Consent::None,
            degraded: false,
        }
    }
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
    /// Whether what is known may be older than the staleness bound: see [`Asked::degraded`].
    pub degraded: bool,
    /// The ARN that the subject is known by.
    pub principal_arn: String,
}

/// An answer, and what is told beside it.
struct Weighed {
    answer: Answer,
    /// As far as somebody wants to be told.
    told: Option<Told>,
}

/// What was known of a request.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The subject's unique id, as in `aws:userid`.
    pub principal_id: String,
    /// Condition keys, as AWS spells them, with their values.
    pub conditions: Vec<(String, Vec<String>)>,
}

/// What is to be told beside an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tell {
    Nothing,
    /// Of a denial: what the request carried.
    Denial,
    /// What the policies read.
    Read,
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
            principals: Fresh::weighing(room, |principal| weight(principal.bytes()), invalidations),
            sessions: Fresh::weighing(room, |session: &SessionPolicies| weight(session.set.bytes()), invalidations),
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
        self.known(asked.degraded)?;
        let admitted = Permit(Some(self.principal(subject).await?));
        self.authorize_admitted(admitted, subject, facts, asked).await
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
        let (action, resource, resource_account) = (asked.action, asked.resource, asked.resource_account);
        let compiled = admitted.0.ok_or(Refused::NoPrincipal)?;
        let weighed = self.weigh(subject, &compiled, facts, asked, Tell::Denial).await?;
        if weighed.answer.decision.is_allowed() {
            return Ok(Permit(Some(compiled)));
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
        let resource_account = asked.resource_account.map(|account| account.to_string());
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
        self.known(asked.degraded)?;
        let compiled = self.principal(subject).await?;
        Ok(self.weigh(subject, &compiled, facts, asked, Tell::Nothing).await?.answer)
    }

    /// What is known, if it is recent enough to decide on.
    fn known(&self, degraded: bool) -> Result<Known, Stale> {
        if degraded { self.feed.known() } else { Ok(Known::recent(self.feed.revision()?)) }
    }

    /// The decision, and beside it the condition keys that policies read for it, for whoever keeps a record.
    ///
    /// # Errors
    /// Nothing could be decided.
    pub async fn decide_and_tell(
        &self,
        subject: &Subject,
        facts: &RequestFacts,
        asked: Asked<'_>,
    ) -> Result<(Answer, Told), Refused> {
        self.known(asked.degraded)?;
        let compiled = self.principal(subject).await?;
        let weighed = self.weigh(subject, &compiled, facts, asked, Tell::Read).await?;
        Ok((weighed.answer, weighed.told.unwrap_or_default()))
    }

    /// Decides; gathers what is told besides only if somebody wants it.
    async fn weigh(
        &self,
        subject: &Subject,
        compiled: &CompiledPrincipal,
        facts: &RequestFacts,
        asked: Asked<'_>,
        tell: Tell,
    ) -> Result<Weighed, Refused> {
        let known = self.known(asked.degraded)?;
        let session = self.session_policies(subject).await?;
        let principal = subject.principal(&self.realm, &compiled.arn, &compiled.unique_id);
        let resource_account = asked.resource_account.map(|account| account.to_string());
        let context = RequestKeys {
            facts,
            subject,
            compiled,
            principal: &principal,
            resource_account: resource_account.as_deref(),
            attributes: asked.attributes,
            operation: asked.keys,
        };
        let request = Request {
            principal: &principal,
            action: asked.action,
            resource: asked.resource,
            resource_account: resource_account.as_deref(),
            context: &context,
        };
        let told = |decision: &Decision, policies: &Policies<'_>| {
            let conditions = match tell {
                Tell::Denial if !decision.is_allowed() => context.carried(),
                Tell::Read => context.read_by(policies.sets()),
                Tell::Nothing | Tell::Denial => return None,
            };
            Some(Told { principal_id: principal.unique_id.clone(), conditions })
        };
        let weighed = |decision: Arc<Decision>, policies: &Policies<'_>, cached, until| Weighed {
            told: told(&decision, policies),
            answer: Answer {
                decision,
                revision: known.revision,
                cached,
                until,
                degraded: known.degraded,
                principal_arn: principal.arn.clone(),
            },
        };
        let policies = Policies {
            boundary: compiled.boundary.as_ref(),
            session: session.as_deref().map(|session| &session.set),
            // Where the resource's policy must allow, having none is a denial.
            resource_rule: ResourceRule::of(asked.action, asked.resource),
            ..Policies::of(&compiled.identity)
        };
        let (policies, stored) = match asked.consent {
            Consent::None => (policies, None),
            Consent::Stored(set, stamp) => (Policies { resource: Some(set), ..policies }, Some(stamp)),
            // A policy that belongs to the request, not to what is kept: such decisions are made anew each time.
            Consent::Trust(trust) => {
                let policies = Policies { resource: Some(trust), resource_rule: ResourceRule::Trust, ..policies };
                let decision = Arc::new(evaluate(&request, &policies).explain());
                return Ok(weighed(decision, &policies, false, Some(facts.now)));
            }
            Consent::Passed(set) => {
                let policies = Policies { resource: Some(set), ..policies };
                let sets: Vec<&PolicySet> = policies.sets().collect();
                let until = earliest_change(&sets, facts.now, &context);
                let decision = Arc::new(evaluate(&request, &policies).explain());
                return Ok(weighed(decision, &policies, false, until));
            }
        };
        let sets: Vec<&PolicySet> = policies.sets().collect();
        let session_stamp = session.as_ref().map(|session| session.stamp);
        let until = earliest_change(&sets, facts.now, &context);
        let stamps = Stamps { principal: compiled.stamp, session: session_stamp, resource: stored };
        let question = Question::new(stamps, &request, &sets, facts.now);
        if let Some(kept) = self.decisions.find(&question, facts.now) {
            metrics::counter!(names::DECISIONS, "cache" => "hit").increment(1);
            return Ok(weighed(Arc::clone(&kept.decision), &policies, true, kept.until));
        }
        metrics::counter!(names::DECISIONS, "cache" => "miss").increment(1);
        let decision = Arc::new(evaluate(&request, &policies).explain());
        if until.is_none_or(|until| until > facts.now) {
            self.decisions.keep(question, Arc::new(Kept { decision: Arc::clone(&decision), until }));
        }
        Ok(weighed(decision, &policies, false, until))
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

    /// The records that decisions about a subject are made from, if its policies are loaded. Whoever wants to know it of a decision asks
    /// afterwards: what was loaded anew meanwhile was so because one of those records has changed since the decision's revision.
    pub fn stands_on(&self, subject: &Subject) -> Option<Vec<Key>> {
        let mut keys = self.principals.reads(&principal_id(subject.account, &subject.identity))?;
        if let Some(session) = subject.session.as_ref().filter(|session| has_policies(session)) {
            keys.extend(self.sessions.reads(&session.jti)?);
        }
        Some(keys)
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
        if !has_policies(session) {
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

/// A federated user without session policies has an empty set of them, which allows nothing: and a stamp of its own, for its decisions
/// are not those of the user behind it.
fn has_policies(session: &SessionFacts) -> bool {
    session.policy.is_some() || !session.policy_arns.is_empty() || session.kind == SessionKind::FederatedUser
}

fn principal_id(account: AccountId, identity: &Identity) -> String {
    let (kind, name) = match identity {
        Identity::Root => ("/root", ""),
        Identity::User(name) => ("/user/", name.as_str()),
        Identity::Role(name) => ("/role/", name.as_str()),
    };
    let mut id = String::with_capacity(12 + kind.len() + name.len());
    id.extend(account.digits().map(char::from));
    id.push_str(kind);
    id.push_str(name);
    // Neither the digits nor the kind have capital letters: what is folded is the name.
    id.make_ascii_lowercase();
    id
}

fn earliest_change(sets: &[&PolicySet], now: Timestamp, context: &dyn Facts) -> Option<Timestamp> {
    sets.iter().filter_map(|set| set.valid_until(now, context)).min()
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer").field("realm", &self.realm).finish_non_exhaustive()
    }
}
