//! Bearers of this broker's own web identity tokens: services that sign in with one, and callers that a service was shown one by.
//!
//! Source: RFC 6750 for the header; RFC 8725 section 3.9: a token counts only for the audience that it was made for.
//!
//! A token is worth what the credentials are that it was obtained with: their session policies bound it, what revokes them revokes it.

use std::fmt;
use std::sync::Arc;

use super::renamed::Renamed;
use super::sigv4::subject_of_session;
use super::{Caller, Error};
use crate::clock::Timestamp;
use crate::crypto::hash::sha256;
use crate::decision::{Identity, Subject};
use crate::session::claims::SessionClaims;
use crate::session::{Keeper, Lineage, Origin, Revocations, SessionError, VerifiedIdentity, open_identity};
use crate::store::{Bounded, Room};
use crate::types::AccessKeyId;

/// Checks web identity tokens of this broker's.
#[derive(Debug)]
pub struct Bearers {
    keeper: Arc<Keeper>,
    revocations: Arc<Revocations>,
    renamed: Arc<Renamed>,
    /// By SHA-256 of the token's signature, which is what makes it worth anything, so that the cache holds no token: checking a
    /// signature costs more than all the rest.
    tokens: Bounded<[u8; 32], Arc<Open>>,
}

/// A token that was verified, and whom it stands for.
pub(super) struct Open {
    /// What stands before its signature: to know a token again by that is a quick comparison, where to digest it took an eighth of the
    /// time of a whole request.
    signed: Box<str>,
    /// Of its signature.
    digest: [u8; 32],
    pub(super) verified: VerifiedIdentity,
    subject: Arc<Subject>,
    /// What the session is, if it was obtained with one.
    session: Option<Arc<SessionClaims>>,
    /// How much memory it takes, roughly: what the token says is there twice, with what it was obtained with, and as it came.
    bytes: u32,
}

/// Whom a token stands for.
#[derive(Clone, Debug)]
pub struct Bearer {
    /// Whom decisions about it are about.
    pub subject: Arc<Subject>,
    /// When the token ends.
    pub expires: Timestamp,
}

impl Bearers {
    pub(super) fn new(
        keeper: Arc<Keeper>,
        revocations: Arc<Revocations>,
        renamed: Arc<Renamed>,
        capacity: u64,
    ) -> Self {
        /// What a token takes mostly, in bytes: of larger ones accordingly fewer are kept.
        const ORDINARY: u64 = 4 << 10;
        let room = Room::bytes(capacity.saturating_mul(ORDINARY), |open: &Arc<Open>| open.bytes);
        Self { keeper, revocations, renamed, tokens: Bounded::new("bearer_tokens", room) }
    }

    /// Whom a token stands for that is meant for `audience`.
    ///
    /// # Errors
    /// The token is not one of this broker's, is for others, has expired, or was revoked.
    pub async fn bearer(&self, token: &str, audience: &str, now: Timestamp) -> Result<Bearer, Error> {
        let open = self.open(token, audience, now)?;
        let subject = self.renamed.follow(&open.subject).await?;
        Ok(Bearer { subject, expires: open.verified.expires() })
    }

    /// What a token's origin descends from that was found good just now: what revokes one of these ends it.
    pub fn lineage(&self, token: &str, audience: &str, now: Timestamp) -> Option<Lineage> {
        Some(Lineage::clone(self.open(token, audience, now).ok()?.verified.lineage()))
    }

    /// Who signs in with a token that is meant for `audience`, which is the broker itself.
    ///
    /// # Errors
    /// As [`Bearers::bearer`].
    pub async fn sign_in(&self, token: &str, audience: &str, region: &str, now: Timestamp) -> Result<Caller, Error> {
        let open = self.open(token, audience, now)?;
        let subject = self.renamed.follow(&open.subject).await?;
        let malformed = || Error::Token(SessionError::Malformed);
        let (key, session) = match open.verified.origin() {
            Origin::Session(claims) => {
                let key: AccessKeyId = claims.access_key_id().parse().map_err(|_| malformed())?;
                (key, open.session.clone())
            }
            Origin::Key(long_lived) => (long_lived.key.clone(), None),
        };
        Ok(Caller::bearing(open, subject, key, region, session))
    }

    fn open(&self, token: &str, audience: &str, now: Timestamp) -> Result<Arc<Open>, Error> {
        let rings = self.keeper.rings();
        let (signed, signature) = token.rsplit_once('.').ok_or(Error::Token(SessionError::Malformed))?;
        let digest = sha256(signature.as_bytes());
        let open = match self.tokens.find_if(&digest, |open| *open.signed == *signed) {
            Some(open) => {
                open.verified.recheck(&rings, now).map_err(refused)?;
                open
            }
            None => {
                let verified = open_identity(&rings, token, now).map_err(refused)?;
                let subject = subject(&verified).ok_or(Error::Token(SessionError::Malformed))?;
                let bytes = u32::try_from(token.len().saturating_mul(4)).unwrap_or(u32::MAX);
                let session = match verified.origin() {
                    Origin::Session(claims) => Some(Arc::new(SessionClaims::clone(claims))),
                    Origin::Key(_) => None,
                };
                let (signed, subject) = (signed.into(), Arc::new(subject));
                let open = Arc::new(Open { signed, digest, verified, subject, session, bytes });
                self.tokens.keep(digest, Arc::clone(&open));
                open
            }
        };
        if !open.verified.is_for(audience) {
            return Err(Error::WrongAudience);
        }
        if self.revocations.reach(open.verified.lineage()) {
            return Err(Error::Revoked);
        }
        Ok(open)
    }
}

impl Open {
    /// How much memory it takes, roughly.
    pub(super) fn bytes(&self) -> usize {
        usize::try_from(self.bytes).unwrap_or(usize::MAX)
    }

    /// Whether that is the token.
    pub(super) fn is_of(&self, token: &[u8]) -> bool {
        // The signature's digest last: where the rest differs it is not needed.
        let after = token.strip_prefix(self.signed.as_bytes());
        let signature = after.and_then(|after| after.strip_prefix(b"."));
        signature.is_some_and(|signature| self.digest == sha256(signature))
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").field("subject", &self.subject).finish_non_exhaustive()
    }
}

fn refused(error: SessionError) -> Error {
    match error {
        SessionError::Expired => Error::Expired,
        other => Error::Token(other),
    }
}

/// Whom the token's origin stands for; `None` if what it says does not fit together.
fn subject(verified: &VerifiedIdentity) -> Option<Subject> {
    let subject = match verified.origin() {
        Origin::Session(claims) => subject_of_session(claims)?,
        Origin::Key(long_lived) => {
            let identity = match &long_lived.user {
                Some(name) => Identity::User(name.parse().ok()?),
                None => Identity::Root,
            };
            let unique_id = Some(long_lived.uid.clone());
            Subject { account: long_lived.account, identity, unique_id, session: None }
        }
    };
    (subject.account == verified.account()).then_some(subject)
}
