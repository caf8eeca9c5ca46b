//! Handing out a session.

use data_encoding::BASE64URL_NOPAD;

use crate::clock::{Random, Timestamp};
use crate::crypto::jwt::{self, JwtHeader, MAX_TOKEN_BYTES};
use crate::session::claims::SessionClaims;
use crate::session::draft::{Issued, SessionDraft};
use crate::session::key_ring::KeyRing;
use crate::session::{MAX_SESSION_SECONDS, SESSION_TYP};
use crate::types::secret::SecretText;

/// A new session, to be handed out once and then forgotten.
#[derive(Debug, Clone)]
pub struct MintedSession {
    /// `ASIA...`, as the caller made it.
    pub access_key_id: String,
    /// The secret access key: 40 characters.
    pub secret: SecretText,
    /// The session token.
    pub token: SecretText,
    /// When the session ends.
    pub expires: Timestamp,
    /// The session's id, for audit and revocation.
    pub jti: String,
    /// All that the token says.
    pub claims: SessionClaims,
}

/// Why no session was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// The ring has no key that signs now.
    #[error("no signing key is active")]
    NoActiveKey,
    /// Not between a second and [`MAX_SESSION_SECONDS`].
    #[error("a session lives for 1 to {MAX_SESSION_SECONDS} seconds")]
    BadLifetime,
    /// The login from which the session would descend is over.
    #[error("the login has ended")]
    LoginEnded,
    /// The active key retires before the session would end: the rotation policy's longest session is too short.
    #[error("the session would outlive its signing key")]
    OutlivesKey,
    /// Policies and tags make the token longer than [`MAX_TOKEN_BYTES`].
    #[error("the session token would be longer than {MAX_TOKEN_BYTES} bytes")]
    TokenTooLong,
    /// The key did not sign.
    #[error("the session token could not be signed")]
    NotSigned,
}

/// Mints a session that lives for `lifetime` seconds, or until its login ends. `access_key_id` makes the `ASIA...` name from the
/// session's 128 random bits.
pub fn mint(
    ring: &KeyRing,
    draft: SessionDraft,
    lifetime: i64,
    now: Timestamp,
    random: &dyn Random,
    access_key_id: impl FnOnce(&[u8; 16]) -> String,
) -> Result<MintedSession, MintError> {
    if !(1..=MAX_SESSION_SECONDS).contains(&lifetime) {
        return Err(MintError::BadLifetime);
    }
    let whole = now.plus(lifetime);
    let expires = draft.login_exp.map_or(whole, |login_ends| login_ends.min(whole));
    if expires <= now {
        return Err(MintError::LoginEnded);
    }
    let key = ring.active(now).ok_or(MintError::NoActiveKey)?;
    if key.retire_after().is_some_and(|after| after < expires) {
        return Err(MintError::OutlivesKey);
    }

    let mut bits = [0; 16];
    random.fill(&mut bits);
    let jti = BASE64URL_NOPAD.encode(&bits);
    let access_key_id = access_key_id(&bits);
    let issued = Issued {
        issuer: ring.issuer().to_owned(),
        at: now,
        expires,
        jti: jti.clone(),
        access_key_id: access_key_id.clone(),
    };
    let claims = draft.into_claims(issued);
    let header = JwtHeader { kid: key.kid(), typ: SESSION_TYP };
    let token = jwt::sign(header, &claims, key.signing()).map_err(|_| MintError::NotSigned)?;
    if token.expose().len() > MAX_TOKEN_BYTES {
        return Err(MintError::TokenTooLong);
    }
    let secret = key.secret_for(&jti);
    Ok(MintedSession { access_key_id, secret, token, expires, jti, claims })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRandom;
    use crate::session::test_ring::{NOW, draft, key, minted, ring};

    fn mint_for(ring: &KeyRing, draft: SessionDraft, lifetime: i64) -> Result<MintedSession, MintError> {
        mint(ring, draft, lifetime, NOW, &SystemRandom, |_| "ASIA1".into())
    }

    #[test]
    fn a_session_has_the_shape_of_awss() {
        let session = minted(&ring(), 3_600);
        assert_eq!(session.secret.expose().len(), 40);
        assert_eq!(session.jti.len(), 22);
        assert_eq!(session.expires, NOW.plus(3_600));
        assert_eq!(session.claims.access_key_id(), session.access_key_id);
        let printed = format!("{session:?}");
        assert!(!printed.contains(session.secret.expose()) && !printed.contains(session.token.expose()));
    }

    #[test]
    fn the_name_is_made_from_the_sessions_id() {
        let session = mint(&ring(), draft(), 900, NOW, &SystemRandom, |bits| BASE64URL_NOPAD.encode(bits)).unwrap();
        assert_eq!(session.access_key_id, session.jti);
    }

    #[test]
    fn a_session_ends_with_its_login() {
        let with_login = |ends| SessionDraft { login_exp: Some(ends), ..draft() };
        let session = mint_for(&ring(), with_login(NOW.plus(60)), 3_600).unwrap();
        assert_eq!(session.expires, NOW.plus(60));
        assert_eq!(mint_for(&ring(), with_login(NOW), 3_600).unwrap_err(), MintError::LoginEnded);
    }

    #[test]
    fn what_cannot_be_kept_is_not_promised() {
        for lifetime in [i64::MIN, -1, 0, MAX_SESSION_SECONDS + 1] {
            assert_eq!(mint_for(&ring(), draft(), lifetime).unwrap_err(), MintError::BadLifetime);
        }
        let empty = KeyRing::new("iss", vec![]).unwrap();
        assert_eq!(mint_for(&empty, draft(), 900).unwrap_err(), MintError::NoActiveKey);
        let retiring = key(NOW);
        let kid = retiring.kid().to_owned();
        let ring = KeyRing::new("iss", vec![retiring]).unwrap().with_retirement(&kid, NOW.plus(899));
        assert_eq!(mint_for(&ring, draft(), 900).unwrap_err(), MintError::OutlivesKey);
        let long = SessionDraft { policy: Some("x".repeat(MAX_TOKEN_BYTES)), ..draft() };
        assert_eq!(mint_for(&crate::session::test_ring::ring(), long, 900).unwrap_err(), MintError::TokenTooLong);
    }
}
