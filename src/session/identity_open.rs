//! Opening a web identity token that comes back to the broker which issued it: as a bearer's proof of who it is, for one audience.

use std::sync::Arc;

use serde::Deserialize;

use super::identity_token::{IDENTITY_TYP, MAX_IDENTITY_TOKEN_SECONDS, account_issuer};
use super::origin::Origin;
use super::{CLOCK_SKEW_SECONDS, Lineage, Rings, SessionError};
use crate::clock::Timestamp;
use crate::crypto::jwt::{self, JwtError, Typ};
use crate::crypto::verifying_key::VerifyingKey;
use crate::types::AccountId;

/// A web identity token of this broker's, whose signature was checked. Made only by [`open_identity`].
#[derive(Debug, Clone)]
pub struct VerifiedIdentity {
    origin: Origin,
    lineage: Arc<Lineage>,
    account: AccountId,
    audience: Vec<String>,
    issued: Timestamp,
    expires: Timestamp,
    kid: String,
    /// The key of sessions that the origin is sealed with.
    sealed_with: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    iat: Timestamp,
    exp: Timestamp,
    #[serde(rename = "brevet_origin")]
    origin: Option<String>,
    #[serde(rename = "https://sts.amazonaws.com/")]
    sts: StsClaims,
}

#[derive(Deserialize)]
struct StsClaims {
    aws_account: AccountId,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Checks type, key, algorithm, signature, issuer and times, and finds out what the token was obtained with. The audience is for the
/// caller to check, with [`VerifiedIdentity::is_for`].
///
/// # Errors
/// [`SessionError`] says why it is no token of this broker's.
pub fn open_identity(rings: &Rings, token: &str, now: Timestamp) -> Result<VerifiedIdentity, SessionError> {
    let header = jwt::peek_header(token).map_err(cause)?;
    let kid = header.kid.ok_or(SessionError::Malformed)?;
    let key = verifying(rings, &kid, now).ok_or(SessionError::UnknownKey)?;
    let claims: Claims = jwt::verify(token, key, Typ::Exactly(IDENTITY_TYP)).map_err(cause)?;
    let account = claims.sts.aws_account;
    if claims.iss != account_issuer(rings.sessions().issuer(), account) {
        return Err(SessionError::WrongIssuer);
    }
    let lives = claims.exp.seconds().saturating_sub(claims.iat.seconds());
    if !(1..=MAX_IDENTITY_TOKEN_SECONDS).contains(&lives) {
        return Err(SessionError::Malformed);
    }
    let sealed = claims.origin.ok_or(SessionError::Malformed)?;
    let (origin, sealed_with) =
        Origin::open(rings.sessions(), &claims.iss, &sealed, now).ok_or(SessionError::Malformed)?;
    let lineage = Arc::new(origin.lineage().ok_or(SessionError::Malformed)?);
    let audience = match claims.aud {
        Audience::One(one) => vec![one],
        Audience::Many(many) => many,
    };
    let verified = VerifiedIdentity {
        origin,
        lineage,
        account,
        audience,
        issued: claims.iat,
        expires: claims.exp,
        kid,
        sealed_with,
    };
    verified.check_times(now)?;
    Ok(verified)
}

impl VerifiedIdentity {
    /// The credentials that it was obtained with, which bound what it is worth.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What those descend from: revocations reach through it.
    pub fn lineage(&self) -> &Arc<Lineage> {
        &self.lineage
    }

    /// The account whose issuer issued it.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// When it ends.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Whether it is meant for this audience.
    pub fn is_for(&self, audience: &str) -> bool {
        self.audience.iter().any(|meant| meant == audience)
    }

    /// Whether a token that was opened earlier would still open. Costs no cryptography.
    ///
    /// # Errors
    /// Its time is over, or its key was removed, or the one that its origin is sealed with.
    pub fn recheck(&self, rings: &Rings, now: Timestamp) -> Result<(), SessionError> {
        if verifying(rings, &self.kid, now).is_none() || rings.sessions().verifying(&self.sealed_with, now).is_none() {
            return Err(SessionError::UnknownKey);
        }
        self.check_times(now)
    }

    fn check_times(&self, now: Timestamp) -> Result<(), SessionError> {
        if self.expires <= now {
            return Err(SessionError::Expired);
        }
        if self.issued > now.plus(CLOCK_SKEW_SECONDS) {
            return Err(SessionError::NotYetValid);
        }
        Ok(())
    }
}

fn verifying<'a>(rings: &'a Rings, kid: &str, now: Timestamp) -> Option<&'a VerifyingKey> {
    rings.identity().verifying(kid, now)
}

fn cause(error: JwtError) -> SessionError {
    match error {
        JwtError::TooLong | JwtError::Malformed | JwtError::CriticalExtension | JwtError::UnexpectedClaims => {
            SessionError::Malformed
        }
        JwtError::WrongType => SessionError::WrongType,
        JwtError::WrongAlgorithm | JwtError::BadSignature | JwtError::NotSigned => SessionError::BadSignature,
    }
}
