//! A token before and after its signature is checked.

use data_encoding::BASE64URL_NOPAD;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::refusal::Refusal;
use crate::crypto::alg::Alg;
use crate::crypto::issuer_keys::IssuerKeys;
use crate::crypto::jwt::{JwtError, Typ, peek_header_within, verify_within};
use crate::wire::strict_json;

/// Bytes of a token at the most: what AWS declares for `WebIdentityToken`.
pub(super) const LONGEST: usize = 20_000;
/// How deep its claims may be nested. Kubernetes' are three deep.
pub(super) const DEEPEST: usize = 8;

/// The claims of a token.
pub(super) type Claims = Map<String, Value>;

/// A token that nobody has vouched for: good for finding whom to ask.
pub(super) struct Unverified<'a> {
    text: &'a str,
    alg: Alg,
    kid: Option<String>,
    claims: Claims,
}

impl<'a> Unverified<'a> {
    /// Reads a token. Of its header only `alg`, `kid`, `typ` and `crit` count: keys and addresses of keys in it (`jwk`, `jku`, `x5c`,
    /// `x5u`) are the sender's word.
    pub(super) fn read(text: &'a str) -> Result<Self, Refusal> {
        let header = peek_header_within(text, LONGEST)?;
        let alg = header.alg.ok_or(Refusal::Algorithm)?;
        let malformed = || Refusal::from(JwtError::Malformed);
        let payload = text.split('.').nth(1).ok_or_else(malformed)?;
        let payload = BASE64URL_NOPAD.decode(payload.as_bytes()).map_err(|_| malformed())?;
        let claims = strict_json::object(&payload, DEEPEST)
            .map_err(|why| Refusal::NotAToken(format!("its claims cannot be read: {why}")))?;
        Ok(Self { text, alg, kid: header.kid, claims })
    }

    /// Who says that it issued the token.
    pub(super) fn issuer(&self) -> Result<&str, Refusal> {
        match self.claims.get("iss") {
            Some(Value::String(issuer)) => Ok(issuer),
            Some(_) => Err(Refusal::Claim { claim: "iss".to_owned(), why: "it must be a text" }),
            None => Err(Refusal::Missing("iss")),
        }
    }

    /// The id of the key that is said to have signed it.
    pub(super) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The claims, if one of the issuer's keys signed them.
    pub(super) fn verify(self, keys: &IssuerKeys) -> Result<Claims, Refusal> {
        let candidates = keys.find(self.kid.as_deref(), self.alg).map_err(Refusal::NoKey)?;
        let mut last = Refusal::Signature;
        for key in &candidates {
            match verify_within::<IgnoredAny>(self.text, LONGEST, key, Typ::Identity) {
                Ok(_) => return Ok(self.claims),
                Err(error) => last = error.into(),
            }
        }
        Err(last)
    }
}
