//! Opening a session token: from the ring and the time alone.

use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;

use crate::clock::Timestamp;
use crate::crypto::jwt::{self, JwtError, Typ};
use crate::session::claims::SessionClaims;
use crate::session::key_ring::KeyRing;
use crate::session::{CLOCK_SKEW_SECONDS, MAX_SESSION_SECONDS, SESSION_TYP};
use crate::types::secret::SecretText;

/// A session whose token the ring has signed. Made only by [`open`].
///
/// It does not say that the present caller holds the session: that takes a signature made with [`VerifiedSession::secret`].
#[derive(Debug, Clone)]
pub struct VerifiedSession {
    claims: Arc<SessionClaims>,
    secret: SecretText,
    kid: String,
}

/// Why a session token was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// Not a session token of the broker's form.
    #[error("the session token is malformed")]
    Malformed,
    /// A JWT of another kind: an access token, an identity token.
    #[error("the token is not a session token")]
    WrongType,
    /// Signed by a key that the ring does not hold, or no longer.
    #[error("the session token's signing key is not known")]
    UnknownKey,
    /// The key did not sign this, or the header asks for another algorithm than the key's.
    #[error("the session token's signature does not match")]
    BadSignature,
    /// Signed by the right key in the name of another issuer.
    #[error("the session token was issued by another broker")]
    WrongIssuer,
    /// Issued in the future, by more than the clocks of a fleet may differ.
    #[error("the session token is not valid yet")]
    NotYetValid,
    /// Its time is over.
    #[error("the session token has expired")]
    Expired,
}

/// Checks type, key, algorithm, signature, issuer and times of a session token, and derives its secret.
pub fn open(ring: &KeyRing, token: &str, now: Timestamp) -> Result<VerifiedSession, SessionError> {
    let header = jwt::peek_header(token).map_err(cause)?;
    let kid = header.kid.ok_or(SessionError::Malformed)?;
    // The name is only looked up in the ring; what the key is, and may do, the ring says.
    let Some(key) = ring.verifying(&kid, now) else {
        let is_session = header.typ.is_some_and(|typ| typ == SESSION_TYP);
        return Err(if is_session { SessionError::UnknownKey } else { SessionError::WrongType });
    };
    let claims: SessionClaims =
        jwt::verify(token, key.signing().verifying_key(), Typ::Exactly(SESSION_TYP)).map_err(cause)?;
    if claims.iss != ring.issuer() {
        return Err(SessionError::WrongIssuer);
    }
    check_shape(&claims)?;
    check_times(&claims, now)?;
    let secret = key.secret_for(&claims.jti);
    Ok(VerifiedSession { claims: Arc::new(claims), secret, kid })
}

impl VerifiedSession {
    /// What the token says.
    pub fn claims(&self) -> &Arc<SessionClaims> {
        &self.claims
    }

    /// The secret with which the holder signs requests.
    pub fn secret(&self) -> &SecretText {
        &self.secret
    }

    /// The key that signed the token.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Whether a session that was opened earlier, and kept in a cache, would still open: its time is not over, and the ring still
    /// holds its key. Costs no cryptography.
    pub fn recheck(&self, ring: &KeyRing, now: Timestamp) -> Result<(), SessionError> {
        if ring.verifying(&self.kid, now).is_none() {
            return Err(SessionError::UnknownKey);
        }
        if self.claims.iss != ring.issuer() {
            return Err(SessionError::WrongIssuer);
        }
        check_times(&self.claims, now)
    }
}

fn check_times(claims: &SessionClaims, now: Timestamp) -> Result<(), SessionError> {
    if claims.exp <= now {
        return Err(SessionError::Expired);
    }
    if claims.iat > now.plus(CLOCK_SKEW_SECONDS) {
        return Err(SessionError::NotYetValid);
    }
    Ok(())
}

/// What minting never writes is not believed, whoever signed it.
fn check_shape(claims: &SessionClaims) -> Result<(), SessionError> {
    let jti_is_128_bits = BASE64URL_NOPAD.decode(claims.jti.as_bytes()).is_ok_and(|bits| bits.len() == 16);
    let lives = (1..=MAX_SESSION_SECONDS).contains(&claims.lifetime());
    let within_login = claims.login_exp.is_none_or(|login_ends| claims.exp <= login_ends);
    let bound = !claims.access_key_id().is_empty();
    if jti_is_128_bits && lives && within_login && bound { Ok(()) } else { Err(SessionError::Malformed) }
}

fn cause(error: JwtError) -> SessionError {
    match error {
        JwtError::TooLong | JwtError::Malformed | JwtError::CriticalExtension | JwtError::UnexpectedClaims => {
            SessionError::Malformed
        }
        JwtError::WrongType => SessionError::WrongType,
        // Signing is not what failed here; whatever is left is no proof.
        JwtError::WrongAlgorithm | JwtError::BadSignature | JwtError::NotSigned => SessionError::BadSignature,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::test_ring::{NOW, minted, ring};

    #[test]
    fn what_was_minted_opens_and_gives_the_same_secret() {
        let ring = ring();
        let session = minted(&ring, 900);
        let opened = open(&ring, session.token.expose(), NOW.plus(1)).unwrap();
        assert_eq!(**opened.claims(), session.claims);
        assert!(opened.secret().matches(session.secret.expose()));
        assert_eq!(opened.kid(), ring.active(NOW).unwrap().kid());
        assert!(!format!("{opened:?}").contains(session.secret.expose()));
    }

    #[test]
    fn a_session_ends_at_the_second() {
        let ring = ring();
        let session = minted(&ring, 900);
        let token = session.token.expose();
        let opened = open(&ring, token, NOW.plus(899)).unwrap();
        assert_eq!(opened.recheck(&ring, NOW.plus(899)), Ok(()));
        assert_eq!(open(&ring, token, NOW.plus(900)).unwrap_err(), SessionError::Expired);
        assert_eq!(opened.recheck(&ring, NOW.plus(900)), Err(SessionError::Expired));
    }

    #[test]
    fn clocks_may_differ_a_little() {
        let ring = ring();
        let session = minted(&ring, 900);
        let token = session.token.expose();
        assert!(open(&ring, token, NOW.plus(-CLOCK_SKEW_SECONDS)).is_ok());
        let early = NOW.plus(-CLOCK_SKEW_SECONDS - 1);
        assert_eq!(open(&ring, token, early).unwrap_err(), SessionError::NotYetValid);
    }

    #[test]
    fn a_session_dies_with_its_key() {
        let ring = ring();
        let session = minted(&ring, 900);
        let opened = open(&ring, session.token.expose(), NOW).unwrap();
        let removed = ring.without(opened.kid());
        assert_eq!(open(&removed, session.token.expose(), NOW).unwrap_err(), SessionError::UnknownKey);
        assert_eq!(opened.recheck(&removed, NOW), Err(SessionError::UnknownKey));
        let retired = ring.with_retirement(opened.kid(), NOW);
        assert_eq!(open(&retired, session.token.expose(), NOW).unwrap_err(), SessionError::UnknownKey);
    }
}
