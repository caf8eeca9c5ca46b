//! Who calls: proof that somebody was authenticated.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use super::ClientCertificate;
use super::bearer::Open;
use crate::clock::Timestamp;
use crate::decision::{CompiledPrincipal, Identity, Subject};
use crate::session::Lineage;
use crate::session::claims::SessionClaims;
use crate::store::Moment;
use crate::types::{AccessKeyId, AccountId, Arn, Realm};

/// An authenticated caller. Only this floor makes one.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Known>);

#[derive(Debug)]
struct Known {
    subject: Arc<Subject>,
    access_key: Option<AccessKeyId>,
    certificate: Option<Arc<ClientCertificate>>,
    region: Arc<str>,
    session: Option<Arc<SessionClaims>>,
    /// The token that it bears in place of a signature.
    bears: Option<Arc<Open>>,
    /// What was found of its policies when they were needed first: they do not stay in memory for the sake of a connection.
    found: OnceLock<(Moment, Weak<CompiledPrincipal>)>,
    /// The second in which it was noted last that it asked, if it was.
    noted: AtomicI64,
}

impl Caller {
    /// One that signed with an access key.
    pub(super) fn new(
        subject: Arc<Subject>,
        access_key: AccessKeyId,
        region: &str,
        session: Option<Arc<SessionClaims>>,
    ) -> Self {
        Self(Arc::new(Known { access_key: Some(access_key), session, ..Known::of(subject, region) }))
    }

    /// One that a client certificate names.
    pub(super) fn of_certificate(subject: Arc<Subject>, certificate: Arc<ClientCertificate>, region: &str) -> Self {
        Self(Arc::new(Known { certificate: Some(certificate), ..Known::of(subject, region) }))
    }

    /// One that came with a token in place of a signature, which was obtained with an access key.
    pub(super) fn bearing(
        token: Arc<Open>,
        subject: Arc<Subject>,
        access_key: AccessKeyId,
        region: &str,
        session: Option<Arc<SessionClaims>>,
    ) -> Self {
        let (access_key, bears) = (Some(access_key), Some(token));
        Self(Arc::new(Known { access_key, session, bears, ..Known::of(subject, region) }))
    }

    /// When the token ends that it bears in place of a signature, and what that descends from: what revokes one of these ends it.
    pub fn bears(&self) -> Option<(Timestamp, &Lineage)> {
        self.0.bears.as_ref().map(|open| (open.verified.expires(), &**open.verified.lineage()))
    }

    /// How much memory its token takes, roughly, if it came with one.
    pub fn bytes(&self) -> usize {
        self.0.bears.as_ref().map_or(0, |open| open.bytes())
    }

    /// Whether it is this token that it came with.
    pub fn came_with(&self, token: &[u8]) -> bool {
        self.0.bears.as_ref().is_some_and(|open| open.is_of(token))
    }

    /// Whether both are the same, who came with the same credentials. What was made anew of the same record in between counts as
    /// another, except of a certificate, whose subject is made anew each time.
    pub fn is_the_same(&self, other: &Self) -> bool {
        if Arc::ptr_eq(&self.0, &other.0) {
            return true;
        }
        let Known { subject, access_key, certificate, region, session, bears, found: _, noted: _ } = &*self.0;
        let other = &*other.0;
        let subjects =
            Arc::ptr_eq(subject, &other.subject) || certificate.is_some() && subject.is_the_entity(&other.subject);
        subjects
            && are_one(certificate.as_ref(), other.certificate.as_ref())
            && are_one(session.as_ref(), other.session.as_ref())
            && are_one(bears.as_ref(), other.bears.as_ref())
            && *access_key == other.access_key
            && *region == other.region
    }

    /// What was found of its policies: whoever comes with one token, or certificate, again and again is one caller for a while.
    pub fn found(&self) -> Option<(Moment, Arc<CompiledPrincipal>)> {
        let (moment, compiled) = self.0.found.get()?;
        Some((*moment, compiled.upgrade()?))
    }

    /// Takes note of what was found of its policies, if that may be wanted again.
    pub fn keep_found(&self, moment: Moment, compiled: &Arc<CompiledPrincipal>) {
        // Those who sign are somebody new with each request.
        if self.0.bears.is_some() || self.0.certificate.is_some() {
            self.0.found.get_or_init(|| (moment, Arc::downgrade(compiled)));
        }
    }

    /// Whether it is to be noted that it asked: notes of one second would be the same.
    pub fn is_to_be_noted(&self, now: Timestamp) -> bool {
        self.0.noted.swap(now.seconds(), Ordering::Relaxed) != now.seconds()
    }

    /// Whom decisions about this caller are about.
    pub fn subject(&self) -> &Arc<Subject> {
        &self.0.subject
    }

    /// The account that it belongs to.
    pub fn account(&self) -> AccountId {
        self.0.subject.account
    }

    /// Which entity it is.
    pub fn identity(&self) -> &Identity {
        &self.0.subject.identity
    }

    /// The key that signed the request, if one did.
    pub fn access_key(&self) -> Option<&AccessKeyId> {
        self.0.access_key.as_ref()
    }

    /// The client certificate that it came with in place of a signature.
    pub fn certificate(&self) -> Option<&Arc<ClientCertificate>> {
        self.0.certificate.as_ref()
    }

    /// The region that the request was signed for; the installation's own where none was.
    pub fn region(&self) -> &Arc<str> {
        &self.0.region
    }

    /// What its session token says, for temporary credentials.
    pub fn session(&self) -> Option<&SessionClaims> {
        self.0.session.as_deref()
    }

    /// When it last proved a second factor, if ever.
    pub fn mfa(&self) -> Option<Timestamp> {
        self.0.subject.session.as_ref().and_then(|session| session.mfa)
    }

    /// The ARN that AWS shows for it, see [`Subject::arn`].
    pub fn arn(&self, realm: &Realm, entity: &Arn) -> Arn {
        self.0.subject.arn(realm, entity)
    }

    /// The unique id that AWS shows for it, see [`Subject::user_id`].
    pub fn user_id(&self, entity: &str) -> String {
        self.0.subject.user_id(entity)
    }
}

impl Known {
    /// Somebody, by nothing yet.
    fn of(subject: Arc<Subject>, region: &str) -> Self {
        Self {
            subject,
            access_key: None,
            certificate: None,
            region: region.into(),
            session: None,
            bears: None,
            found: OnceLock::new(),
            noted: AtomicI64::new(i64::MIN),
        }
    }
}

fn are_one<T>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        _ => false,
    }
}
