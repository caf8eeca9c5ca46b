//! Callers that sign their requests with SigV4, with a long-lived access key or a session's.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::bearer::Bearers;
use super::renamed::Renamed;
use super::{Caller, Error};
use crate::clock::Timestamp;
use crate::crypto::hash::sha256;
use crate::decision::{Federation, Identity, SessionFacts, Subject};
use crate::identity::{AccessKey, KeyOwner, KeyStatus, RootTask};
use crate::session::claims::{SessionClaims, SessionKind};
use crate::session::{Keeper, Lineage, Revocations, SessionError, VerifiedSession};
use crate::sigv4::{RequestParts, Scope, SignedRequest, SigningKey};
use crate::store::{Bounded, Fresh, Invalidations, Reader, Room, Store, Vault, layout};
use crate::types::{AccessKeyId, RoleName, SecretText, Tag, Tags, UserName};

/// How much the authenticator may remember.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Long-lived access keys.
    pub access_keys: u64,
    /// Session tokens whose signature was checked.
    pub sessions: u64,
}

/// Seconds that a presigned request is good for at the most: fifteen minutes, as at AWS's STS, which takes no notice of a longer
/// `X-Amz-Expires`. Whoever shows one as a proof of who they are shows it to somebody who could use it for as long.
const PRESIGNED_SECONDS: i64 = 900;

/// Checks SigV4 signatures.
pub struct Authenticator {
    store: Arc<dyn Store>,
    vault: Arc<Vault>,
    keeper: Arc<Keeper>,
    revocations: Arc<Revocations>,
    keys: Arc<Fresh<LongLived>>,
    /// By SHA-256 of the token, so that the cache holds no token. Checking a token's signature costs more than all the rest.
    sessions: Bounded<[u8; 32], Arc<OpenSession>>,
    renamed: Arc<Renamed>,
    bearers: Bearers,
}

/// A long-lived key, opened.
#[derive(Debug)]
struct LongLived {
    key: AccessKey,
    subject: Arc<Subject>,
    signing: SigningKeys,
}

/// A session whose token was verified.
#[derive(Debug)]
struct OpenSession {
    verified: VerifiedSession,
    subject: Arc<Subject>,
    lineage: Lineage,
    signing: SigningKeys,
}

/// A secret and the signing keys that were derived from it lately: one for each day, region and service.
#[derive(Debug)]
struct SigningKeys {
    secret: SecretText,
    derived: Mutex<Vec<(Scope, SigningKey)>>,
}

impl Authenticator {
    /// An authenticator with empty caches.
    pub fn new(
        store: Arc<dyn Store>,
        vault: Arc<Vault>,
        keeper: Arc<Keeper>,
        revocations: Arc<Revocations>,
        invalidations: &Arc<Invalidations>,
        settings: Settings,
    ) -> Self {
        let renamed = Arc::new(Renamed::new(Arc::clone(&store), settings.sessions, invalidations));
        let (of, ended) = (Arc::clone(&keeper), Arc::clone(&revocations));
        Self {
            bearers: Bearers::new(of, ended, Arc::clone(&renamed), settings.sessions),
            renamed,
            store,
            vault,
            keeper,
            revocations,
            keys: Fresh::new("access_keys", settings.access_keys, invalidations),
            sessions: Bounded::new("session_tokens", Room::entries(settings.sessions)),
        }
    }

    /// Who signed this request, for one of `services`.
    ///
    /// # Errors
    /// [`Error`] names the cause.
    pub async fn authenticate(
        &self,
        parts: &RequestParts<'_>,
        services: &[&str],
        now: Timestamp,
    ) -> Result<Caller, Error> {
        let signed = SignedRequest::parse(parts).map_err(Error::Signature)?.ok_or(Error::Anonymous)?;
        signed.check_time(now).map_err(Error::Signature)?;
        signed.check_presigned_age(now, PRESIGNED_SECONDS).map_err(Error::Signature)?;
        // Only S3 has use for a body that anybody on the way may exchange.
        if !signed.payload_signed() {
            return Err(Error::UnsignedPayload);
        }
        if !services.contains(&signed.scope().service.as_str()) {
            return Err(Error::WrongService(signed.scope().service.clone()));
        }
        self.signer(&signed, now).await
    }

    /// Who signed a request whose time, scope and payload have been looked at.
    pub(super) async fn signer(&self, signed: &SignedRequest<'_>, now: Timestamp) -> Result<Caller, Error> {
        let id: AccessKeyId = signed.access_key_id().parse().map_err(|_| Error::UnknownKey)?;
        match signed.session_token() {
            None if id.is_session() => Err(Error::TokenMismatch),
            None => self.long_lived(signed, id).await,
            Some(_) if !id.is_session() => Err(Error::TokenMismatch),
            Some(token) => self.temporary(signed, id, token, now).await,
        }
    }

    /// The key that a request was signed with, good in its scope alone.
    pub(super) async fn signed_with(&self, signed: &SignedRequest<'_>, now: Timestamp) -> Result<SigningKey, Error> {
        if let Some(token) = signed.session_token() {
            return Ok(self.open(token, now)?.signing.derive(signed.scope()));
        }
        let id: AccessKeyId = signed.access_key_id().parse().map_err(|_| Error::UnknownKey)?;
        let found = match self.keys.find(id.as_str()) {
            Some(found) => found,
            None => self.load(&id).await?.ok_or(Error::UnknownKey)?,
        };
        Ok(found.signing.derive(signed.scope()))
    }

    /// The subject of a session token that a service passes on to ask about it. The token alone proves nothing about whoever
    /// sends it, so this ends in no [`Caller`].
    ///
    /// # Errors
    /// The token is not one of this broker's, has expired, or was revoked.
    pub async fn subject_of_token(&self, token: &str, now: Timestamp) -> Result<Arc<Subject>, Error> {
        let open = self.open(token, now)?;
        self.check_revocations(&open)?;
        Ok(self.renamed.follow(&open.subject).await?)
    }

    /// What a session descends from whose token was found good just now: what revokes one of these ends it.
    pub fn lineage_of_token(&self, token: &str, now: Timestamp) -> Option<Lineage> {
        Some(self.open(token, now).ok()?.lineage.clone())
    }

    /// Whether there is such a long-lived access key, and it is active.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn is_active(&self, id: &AccessKeyId) -> Result<bool, Error> {
        let found = match self.keys.find(id.as_str()) {
            Some(found) => Some(found),
            None => self.load(id).await?,
        };
        Ok(found.is_some_and(|found| found.key.status == KeyStatus::Active))
    }

    /// Those who bear web identity tokens of this broker's.
    pub fn bearers(&self) -> &Bearers {
        &self.bearers
    }

    async fn long_lived(&self, signed: &SignedRequest<'_>, id: AccessKeyId) -> Result<Caller, Error> {
        let found = match self.keys.find(id.as_str()) {
            Some(found) => found,
            None => self.load(&id).await?.ok_or(Error::UnknownKey)?,
        };
        found.signing.verify(signed)?;
        // Only after the signature: who cannot sign is not told that the key exists.
        if found.key.status != KeyStatus::Active {
            return Err(Error::InactiveKey);
        }
        Ok(Caller::new(Arc::clone(&found.subject), id, &signed.scope().region, None))
    }

    async fn load(&self, id: &AccessKeyId) -> Result<Option<Arc<LongLived>>, Error> {
        let ticket = self.keys.begin();
        let mut reader = Reader::new(Arc::clone(&self.store));
        let Some(key) = reader.get::<AccessKey>(&layout::access_key(id)).await? else { return Ok(None) };
        let secret = self.vault.open_text(key.account, &["access-key", id.as_str(), "secret"], &key.secret).await?;
        let identity = match &key.owner {
            KeyOwner::Root => Identity::Root,
            KeyOwner::User(name) => Identity::User(name.clone()),
        };
        let subject = Arc::new(Subject { account: key.account, identity, unique_id: None, session: None });
        let value = LongLived { key, subject, signing: SigningKeys::of(secret) };
        Ok(Some(self.keys.keep(ticket, id.as_str(), value, reader.dependencies())))
    }

    async fn temporary(
        &self,
        signed: &SignedRequest<'_>,
        id: AccessKeyId,
        token: &str,
        now: Timestamp,
    ) -> Result<Caller, Error> {
        let open = self.open(token, now)?;
        let claims = open.verified.claims();
        if claims.access_key_id() != id.as_str() {
            return Err(Error::TokenMismatch);
        }
        open.signing.verify(signed)?;
        // Only after the signature: who merely saw the token is not told.
        self.check_revocations(&open)?;
        let subject = self.renamed.follow(&open.subject).await?;
        Ok(Caller::new(subject, id, &signed.scope().region, Some(Arc::clone(claims))))
    }

    /// Asked at every use: what was verified and kept may have been revoked since.
    fn check_revocations(&self, open: &OpenSession) -> Result<(), Error> {
        if self.revocations.reach(&open.lineage) { Err(Error::Revoked) } else { Ok(()) }
    }

    fn open(&self, token: &str, now: Timestamp) -> Result<Arc<OpenSession>, Error> {
        let digest = sha256(token.as_bytes());
        let ring = self.keeper.ring();
        if let Some(open) = self.sessions.find(&digest) {
            // The signature was checked; that the key is still in the ring and the time has not run out is checked each time.
            open.verified.recheck(&ring, now).map_err(refused)?;
            return Ok(open);
        }
        let verified = crate::session::open(&ring, token, now).map_err(refused)?;
        let subject = subject_of_session(verified.claims()).ok_or(Error::Token(SessionError::Malformed))?;
        let subject = Arc::new(subject);
        let lineage = Lineage::of_session(verified.claims()).ok_or(Error::Token(SessionError::Malformed))?;
        let signing = SigningKeys::of(verified.secret().clone());
        let open = Arc::new(OpenSession { verified, subject, lineage, signing });
        self.sessions.keep(digest, Arc::clone(&open));
        Ok(open)
    }
}

impl SigningKeys {
    /// Requests of one key come for few regions and services; more are derived again.
    const KEPT: usize = 8;

    fn of(secret: SecretText) -> Self {
        Self { secret, derived: Mutex::new(Vec::new()) }
    }

    fn verify(&self, signed: &SignedRequest<'_>) -> Result<(), Error> {
        let key = self.derive(signed.scope());
        signed.verify(&key).map_err(Error::Signature)
    }

    fn derive(&self, scope: &Scope) -> SigningKey {
        let mut derived = self.derived.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, key)) = derived.iter().find(|(other, _)| other == scope) {
            return key.clone();
        }
        let key = SigningKey::derive(&self.secret, scope);
        if derived.len() >= Self::KEPT {
            derived.remove(0);
        }
        derived.push((scope.clone(), key.clone()));
        key
    }
}

fn refused(error: SessionError) -> Error {
    match error {
        SessionError::Expired => Error::Expired,
        other => Error::Token(other),
    }
}

/// What a verified token says, in the terms of decisions; `None` if its claims do not fit together.
pub(super) fn subject_of_session(claims: &SessionClaims) -> Option<Subject> {
    let (identity, assumed_role) = match claims.kind {
        SessionKind::AssumedRole => {
            (Identity::Role(claims.name.parse::<RoleName>().ok()?), Some(claims.sub.parse().ok()?))
        }
        // A root session without its task would be all of root.
        SessionKind::AssumedRoot if !claims.name.is_empty() || !has_one_task(claims) => return None,
        SessionKind::AssumedRoot => (Identity::Root, None),
        SessionKind::FederatedUser if claims.session_name.is_none() => return None,
        SessionKind::SessionToken | SessionKind::FederatedUser if claims.name.is_empty() => (Identity::Root, None),
        SessionKind::SessionToken | SessionKind::FederatedUser => {
            (Identity::User(claims.name.parse::<UserName>().ok()?), None)
        }
    };
    let tags = claims.tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect();
    let arns: Result<Vec<_>, _> = claims.policy_arns.iter().map(|arn| arn.parse()).collect();
    let federation = match (&claims.federated_provider, &claims.web_identity) {
        (Some(provider), Some(token)) => {
            Some(Federation::of_session(provider.parse().ok()?, &token.aud, &token.sub, &token.amr)?)
        }
        _ => None,
    };
    // AWS does not carry the second factor of whoever assumed a role into the role's session: its policies cannot ask for it.
    let mfa = if assumed_role.is_some() { None } else { claims.auth_time };
    Some(Subject {
        account: claims.account.parse().ok()?,
        identity,
        unique_id: Some(claims.uid.clone()),
        session: Some(SessionFacts {
            kind: claims.kind,
            jti: claims.jti.clone(),
            assumed_role,
            session_name: claims.session_name.clone(),
            issued: claims.iat,
            expires: claims.exp,
            mfa,
            source_identity: claims.source_identity.clone(),
            federation,
            tags: Tags::distinct(tags)?,
            policy: claims.policy.clone(),
            policy_arns: arns.ok()?,
        }),
    })
}

fn has_one_task(claims: &SessionClaims) -> bool {
    let [task] = claims.policy_arns.as_slice() else { return false };
    task.parse().is_ok_and(|arn| RootTask::named_by(&arn).is_some())
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").finish_non_exhaustive()
    }
}
