//! Callers that a client certificate names: services that ask brevet, over TLS in which both sides show one.
//!
//! The listener asks for certificates of the authorities that the operator named, and checks the chain (RFC 5280 section 6, by
//! rustls). Whom the certificate is of is the one URI among its names (section 4.2.1.6): the ARN of a user or role. Who may sign
//! such certificates may be anybody, so an authority belongs among these only if it signs ARNs for their owners alone.

use std::fmt;
use std::sync::Arc;

use data_encoding::HEXLOWER;

use super::{Caller, Error};
use crate::clock::Timestamp;
use crate::crypto::certificate::Certificate;
use crate::decision::{Authorizer, Identity, Refused, Subject};
use crate::session::{Lineage, Revocations};
use crate::types::{Arn, Realm};

/// A client certificate whose chain the TLS handshake has verified. What it says is read once for a connection.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    read: Result<Read, CertificateFault>,
}

#[derive(Clone, Debug)]
struct Read {
    arn: Arn,
    fingerprint: String,
    not_before: Timestamp,
    not_after: Timestamp,
}

/// Why a client certificate is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// It cannot be read.
    #[error("it cannot be read")]
    Unreadable,
    /// There is no URI in it, or more than one.
    #[error("it must have one URI among its names (subjectAltName)")]
    Names,
    /// The URI names no user or role.
    #[error("the URI in it must be the ARN of a user or role of this installation")]
    NotAnEntity,
    /// It is not valid yet, or not any more.
    #[error("it is not valid at present")]
    Time,
    /// The user or role does not exist.
    #[error("there is no user or role of that ARN")]
    NoEntity,
}

impl ClientCertificate {
    /// Reads the leaf of a chain that was verified.
    pub fn of_verified(der: &[u8]) -> Self {
        Self { read: Read::of(der) }
    }

    /// Its SHA-256, in hexadecimal; `None` if it is nobody's.
    pub fn fingerprint(&self) -> Option<&str> {
        self.read.as_ref().ok().map(|read| read.fingerprint.as_str())
    }
}

impl Read {
    fn of(der: &[u8]) -> Result<Self, CertificateFault> {
        let certificate = Certificate::from_der(der).ok_or(CertificateFault::Unreadable)?;
        let uris = certificate.uris().ok_or(CertificateFault::Unreadable)?;
        let [uri] = uris.as_slice() else { return Err(CertificateFault::Names) };
        Ok(Self {
            arn: uri.parse().map_err(|_| CertificateFault::NotAnEntity)?,
            fingerprint: HEXLOWER.encode(&certificate.fingerprint()),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
        })
    }
}

/// Finds out whose certificates are.
pub struct ClientCertificates {
    realm: Realm,
    revocations: Arc<Revocations>,
}

impl ClientCertificates {
    /// For the users and roles of this installation.
    pub fn new(realm: Realm, revocations: Arc<Revocations>) -> Self {
        Self { realm, revocations }
    }

    /// Whose it is. Asked at every request: a connection may outlive the certificate, and its user or role.
    ///
    /// # Errors
    /// [`Error::Certificate`] says what is wrong with it, [`Error::Revoked`] that sessions of its user or role were revoked until
    /// after it was made.
    pub async fn authenticate(
        &self,
        certificate: &Arc<ClientCertificate>,
        authorizer: &Authorizer,
        now: Timestamp,
    ) -> Result<Caller, Error> {
        let read = certificate.read.as_ref().map_err(|fault| *fault)?;
        if now < read.not_before || read.not_after < now {
            return Err(CertificateFault::Time.into());
        }
        let mut subject = self.subject(&read.arn).ok_or(CertificateFault::NotAnEntity)?;
        let compiled = match authorizer.principal(&subject).await {
            Ok(compiled) => compiled,
            Err(Refused::Store(error)) => return Err(error.into()),
            Err(Refused::NoPrincipal | Refused::Denied(_) | Refused::Stale(_)) => {
                return Err(CertificateFault::NoEntity.into());
            }
        };
        // One of another path, or in other letters, is another.
        if compiled.arn != read.arn {
            return Err(CertificateFault::NoEntity.into());
        }
        if self.revocations.reach(&Lineage::of_certificate(&read.fingerprint, &compiled.unique_id, read.not_before)) {
            return Err(Error::Revoked);
        }
        subject.unique_id = Some(compiled.unique_id.clone());
        Ok(Caller::of_certificate(Arc::new(subject), Arc::clone(certificate), &self.realm.region))
    }

    fn subject(&self, arn: &Arn) -> Option<Subject> {
        if arn.partition() != self.realm.partition || arn.service() != "iam" || !arn.region().is_empty() {
            return None;
        }
        let user = arn.name_of_kind("user").map(|name| name.parse().map(Identity::User));
        let role = arn.name_of_kind("role").map(|name| name.parse().map(Identity::Role));
        let identity = match (user, role) {
            (Some(Ok(identity)), None) | (None, Some(Ok(identity))) => identity,
            _ => return None,
        };
        Some(Subject { account: arn.account()?, identity, unique_id: None, session: None })
    }
}

impl fmt::Debug for ClientCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificates").finish_non_exhaustive()
    }
}
