//! Credentials for settled settings: from the cache, or from the broker, with a code from a person only where it must
//! be.
//!
//! A code is good once, and people are asked for it again by every script and every role. So a role that needs MFA is
//! not assumed with the code itself: the code buys one session of the user (`GetSessionToken`), which is kept, and
//! every role is assumed from it, in this process and in others, until it ends.

use data_encoding::HEXLOWER;

use super::cache::{CacheError, CacheKey, SessionCache};
use super::prompt::{AskForCode, PromptError};
use super::sts::{AssumeRole, MfaProof, SessionCredentials};
use super::{Broker, ClientError};
use crate::crypto::hash::sha256;
use crate::sigv4::Credentials;
use crate::types::secret::SecretText;

/// The layout of what cache keys are made of; another number with every change to it.
const SCHEME: &str = "2";

/// Why there are no credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObtainError {
    /// The broker gave none.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The cache cannot be used safely.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// No code was given.
    #[error(transparent)]
    Prompt(#[from] PromptError),
}

/// The credentials that are wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The role to assume (its `mfa` is not used); without it, a session of the user.
    pub role: Option<AssumeRole>,
    /// The MFA device to prove oneself with.
    pub mfa_serial: Option<String>,
    /// How long the session of the user lasts, in seconds; the broker's default when absent.
    pub user_session_seconds: Option<u32>,
}

/// What it takes to get them.
pub struct Obtain<'a> {
    /// The broker to ask.
    pub broker: &'a Broker,
    /// Who asks.
    pub source: &'a Credentials,
    /// Where sessions are kept; without it nothing is read or kept.
    pub cache: Option<&'a SessionCache>,
    /// Who knows the code.
    pub codes: &'a dyn AskForCode,
}

impl Obtain<'_> {
    /// Gets the credentials.
    pub async fn credentials(&self, wanted: &Wanted) -> Result<SessionCredentials, ObtainError> {
        let Some(role) = &wanted.role else { return Ok(self.user_session(wanted).await?.0) };
        let Some(cache) = self.cache else { return self.assume(role, wanted).await };
        let key = self.role_key(role, wanted);
        if let Some(session) = cache.get(&key, self.broker.clock().now())? {
            return Ok(session);
        }
        let _lock = cache.lock(&key).await?;
        if let Some(session) = cache.get(&key, self.broker.clock().now())? {
            return Ok(session);
        }
        let session = self.assume(role, wanted).await?;
        keep(cache, &key, &session);
        Ok(session)
    }

    async fn assume(&self, role: &AssumeRole, wanted: &Wanted) -> Result<SessionCredentials, ObtainError> {
        let Some(serial) = &wanted.mfa_serial else {
            return Ok(self.broker.assume_role(role, self.source).await?.credentials);
        };
        // Only a long-lived key can buy a session, and a session that is not kept spares no code.
        if self.cache.is_none() || self.source.session_token.is_some() {
            let mfa = MfaProof { serial: serial.clone(), code: self.code(serial)? };
            let role = AssumeRole { mfa: Some(mfa), ..role.clone() };
            return Ok(self.broker.assume_role(&role, self.source).await?.credentials);
        }
        let (session, was_kept) = self.user_session(wanted).await?;
        match self.broker.assume_role(role, &session.to_sign_with()).await {
            // It was revoked, or the broker's keys changed: the person is asked again, once.
            Err(error) if was_kept && error.is_stale_session() => {
                if let Some(cache) = self.cache {
                    cache.forget(&self.user_key(wanted))?;
                }
                let (session, _) = self.user_session(wanted).await?;
                Ok(self.broker.assume_role(role, &session.to_sign_with()).await?.credentials)
            }
            answer => Ok(answer?.credentials),
        }
    }

    /// A session of the user, and whether it came from the cache.
    async fn user_session(&self, wanted: &Wanted) -> Result<(SessionCredentials, bool), ObtainError> {
        let Some(cache) = self.cache else { return Ok((self.fresh_user_session(wanted).await?, false)) };
        let key = self.user_key(wanted);
        if let Some(session) = cache.get(&key, self.broker.clock().now())? {
            return Ok((session, true));
        }
        let _lock = cache.lock(&key).await?;
        if let Some(session) = cache.get(&key, self.broker.clock().now())? {
            return Ok((session, true));
        }
        let session = self.fresh_user_session(wanted).await?;
        keep(cache, &key, &session);
        Ok((session, false))
    }

    async fn fresh_user_session(&self, wanted: &Wanted) -> Result<SessionCredentials, ObtainError> {
        let mfa = match &wanted.mfa_serial {
            Some(serial) => Some(MfaProof { serial: serial.clone(), code: self.code(serial)? }),
            None => None,
        };
        Ok(self.broker.get_session_token(wanted.user_session_seconds, mfa.as_ref(), self.source).await?)
    }

    /// Waits for a person. The runtime may stand still meanwhile: there is nothing else to do.
    fn code(&self, serial: &str) -> Result<SecretText, PromptError> {
        self.codes.ask(serial)
    }

    fn user_key(&self, wanted: &Wanted) -> CacheKey {
        let seconds = number(wanted.user_session_seconds);
        let serial = optional(wanted.mfa_serial.as_deref());
        self.key("user", &[&serial, &seconds])
    }

    fn role_key(&self, role: &AssumeRole, wanted: &Wanted) -> CacheKey {
        let counts = [role.policy_arns.len(), role.tags.len(), role.transitive_tag_keys.len()].map(|n| n.to_string());
        let singles = [
            optional(wanted.mfa_serial.as_deref()),
            number(wanted.user_session_seconds),
            number(role.duration_seconds),
            optional(role.external_id.as_deref()),
            optional(role.policy.as_deref()),
            optional(role.source_identity.as_deref()),
        ];
        let mut settings = vec![role.role_arn.as_str(), &role.session_name];
        settings.extend(singles.iter().chain(&counts).map(String::as_str));
        settings.extend(role.policy_arns.iter().map(String::as_str));
        settings.extend(role.tags.iter().flat_map(|(key, value)| [key.as_str(), value.as_str()]));
        settings.extend(role.transitive_tag_keys.iter().map(String::as_str));
        self.key("role", &settings)
    }

    /// Every key begins with the layout of what follows, the broker, and who asks. Who asks has the secret too: by the
    /// id alone, whoever names another's key would get the session that its owner was given.
    fn key(&self, kind: &str, settings: &[&str]) -> CacheKey {
        let secret = HEXLOWER.encode(&sha256(self.source.secret_access_key.expose().as_bytes()));
        let id = self.source.access_key_id.as_str();
        let mut parts = vec![SCHEME, kind, self.broker.endpoint(), self.broker.region(), id, &secret];
        parts.extend_from_slice(settings);
        CacheKey::of(&parts)
    }
}

/// Keeps a session for the next time. One that cannot be kept is still good now, and a code may have been used up for
/// it.
fn keep(cache: &SessionCache, key: &CacheKey, session: &SessionCredentials) {
    if let Err(error) = cache.put(key, session) {
        tracing::warn!(%error, "the session is not kept for the next time");
    }
}

/// Absent and empty are two things.
fn optional(value: Option<&str>) -> String {
    value.map(|text| format!("={text}")).unwrap_or_default()
}

fn number(value: Option<u32>) -> String {
    value.map(|n| n.to_string()).unwrap_or_default()
}
