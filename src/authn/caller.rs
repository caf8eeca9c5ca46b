//! Who calls: proof that somebody was authenticated.

use std::sync::Arc;

use super::ClientCertificate;
use crate::clock::Timestamp;
use crate::decision::{Identity, Subject};
use crate::session::Lineage;
use crate::session::claims::SessionClaims;
use crate::types::{AccessKeyId, AccountId, Arn, Realm};

/// An authenticated caller. Only this floor makes one.
#[derive(Clone, Debug)]
pub struct Caller {
    subject: Arc<Subject>,
    access_key: Option<AccessKeyId>,
    certificate: Option<Arc<ClientCertificate>>,
    region: String,
    session: Option<Arc<SessionClaims>>,
    /// Of the token that it bears in place of a signature: when that ends, and what it descends from.
    bears: Option<(Timestamp, Arc<Lineage>)>,
}

impl Caller {
    pub(super) fn new(
        subject: Arc<Subject>,
        access_key: AccessKeyId,
        region: String,
        session: Option<Arc<SessionClaims>>,
    ) -> Self {
        Self { subject, access_key: Some(access_key), certificate: None, region, session, bears: None }
    }

    /// One that a client certificate names.
    pub(super) fn of_certificate(subject: Arc<Subject>, certificate: Arc<ClientCertificate>, region: String) -> Self {
        Self { subject, access_key: None, certificate: Some(certificate), region, session: None, bears: None }
    }

    /// This caller, who came with a token in place of a signature.
    pub(super) fn bearing(self, expires: Timestamp, lineage: Arc<Lineage>) -> Self {
        Self { bears: Some((expires, lineage)), ..self }
    }

    /// When the token ends that it bears in place of a signature, and what that descends from: what revokes one of these ends it.
    pub fn bears(&self) -> Option<(Timestamp, &Lineage)> {
        self.bears.as_ref().map(|(expires, lineage)| (*expires, &**lineage))
    }

    /// Whether both are the same, who came with the same credentials. What was made anew of the same record in between counts as
    /// another, except of a certificate, whose subject is made anew each time.
    pub fn is_the_same(&self, other: &Self) -> bool {
        let Self { subject, access_key, certificate, region, session, bears } = self;
        let expiry = |bears: &Option<(Timestamp, _)>| bears.as_ref().map(|(expires, _)| *expires);
        let subjects =
            Arc::ptr_eq(subject, &other.subject) || certificate.is_some() && subject.is_the_entity(&other.subject);
        subjects
            && are_one(certificate.as_ref(), other.certificate.as_ref())
            && are_one(session.as_ref(), other.session.as_ref())
            && are_one(bears.as_ref().map(|(_, of)| of), other.bears.as_ref().map(|(_, of)| of))
            && expiry(bears) == expiry(&other.bears)
            && *access_key == other.access_key
            && *region == other.region
    }

    /// Whom decisions about this caller are about.
    pub fn subject(&self) -> &Arc<Subject> {
        &self.subject
    }

    /// The account that it belongs to.
    pub fn account(&self) -> AccountId {
        self.subject.account
    }

    /// Which entity it is.
    pub fn identity(&self) -> &Identity {
        &self.subject.identity
    }

    /// The key that signed the request, if one did.
    pub fn access_key(&self) -> Option<&AccessKeyId> {
        self.access_key.as_ref()
    }

    /// The client certificate that it came with in place of a signature.
    pub fn certificate(&self) -> Option<&Arc<ClientCertificate>> {
        self.certificate.as_ref()
    }

    /// The region that the request was signed for; the installation's own where none was.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// What its session token says, for temporary credentials.
    pub fn session(&self) -> Option<&SessionClaims> {
        self.session.as_deref()
    }

    /// When it last proved a second factor, if ever.
    pub fn mfa(&self) -> Option<Timestamp> {
        self.subject.session.as_ref().and_then(|session| session.mfa)
    }

    /// The ARN that AWS shows for it, see [`Subject::arn`].
    pub fn arn(&self, realm: &Realm, entity: &Arn) -> Arn {
        self.subject.arn(realm, entity)
    }

    /// The unique id that AWS shows for it, see [`Subject::user_id`].
    pub fn user_id(&self, entity: &str) -> String {
        self.subject.user_id(entity)
    }
}

fn are_one<T>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        _ => false,
    }
}
