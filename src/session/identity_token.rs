//! Web identity tokens: who somebody is here, for one audience elsewhere.
//!
//! Source: "Understanding token claims", `id_roles_providers_outbound_token_claims.html`, for the claims; RFC 7519 and RFC 8725.
//!
//! Every account has an issuer of its own, below the broker's: who trusts one account's issuer trusts no other account. All of them
//! have the same keys, and none of these keys signs sessions.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::clock::{Random, Timestamp};
use crate::crypto::alg::SigningAlg;
use crate::crypto::jwt::{self, JwtHeader, MAX_TOKEN_BYTES};
use crate::session::identity_keys::IdentityKeys;
use crate::session::status::Status;
use crate::types::{AccountId, SecretText, random_uuid};

/// The `typ` of a web identity token: what verifiers of OpenID Connect expect. No session token has it.
pub const IDENTITY_TYP: &str = "JWT";

/// The longest that a web identity token lives, in seconds: an hour, the most that `GetWebIdentityToken` grants.
pub const MAX_IDENTITY_TOKEN_SECONDS: i64 = 3_600;

/// What a web identity token is to say. Names are those of AWS's claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityDraft {
    /// The account, which decides the issuer.
    pub account: AccountId,
    /// The principal's ARN: of the user, of the role behind a session, of the account's root.
    pub principal: String,
    /// Whom the token is for; one at least.
    pub audience: Vec<String>,
    /// The region that the token was asked for in.
    pub source_region: String,
    /// The organization, if the account is in one.
    pub org_id: Option<String>,
    /// The path of the organization's part that the account is in.
    pub ou_path: Option<String>,
    /// The principal's tags, hidden by its session's where they have the same key.
    pub principal_tags: BTreeMap<String, String>,
    /// When the session ends that asked.
    pub original_session_exp: Option<Timestamp>,
    /// The identity provider that vouched for the session.
    pub federated_provider: Option<String>,
    /// The session's source identity.
    pub source_identity: Option<String>,
    /// The tags of the request.
    pub request_tags: BTreeMap<String, String>,
    /// Where a verifier hears whether the credentials that the token was obtained with have been revoked.
    pub status: Option<Status>,
    /// What it was obtained with, sealed: see [`Origin`](super::Origin). Nobody but the broker has use for it.
    pub origin: Option<String>,
}

/// A token, to be handed out once.
#[derive(Debug, Clone)]
pub struct IdentityToken {
    /// The token.
    pub token: SecretText,
    /// When it ends.
    pub expires: Timestamp,
}

/// Why no token was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// There is no key for the algorithm.
    #[error("no {0} key is there to sign web identity tokens")]
    NoKey(SigningAlg),
    /// A token without an audience would be for everybody.
    #[error("a web identity token has an audience")]
    NoAudience,
    /// Not between a second and [`MAX_IDENTITY_TOKEN_SECONDS`].
    #[error("a web identity token lives for 1 to {MAX_IDENTITY_TOKEN_SECONDS} seconds")]
    BadLifetime,
    /// The key retires before the token would end.
    #[error("the web identity token would outlive its signing key")]
    OutlivesKey,
    /// Longer than [`MAX_TOKEN_BYTES`].
    #[error("the web identity token would be longer than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    /// The key did not sign.
    #[error("the web identity token could not be signed")]
    NotSigned,
}

/// The issuer of an account's tokens, where sessions are issued by `own`.
pub fn account_issuer(own: &str, account: AccountId) -> String {
    format!("{own}{OUTBOUND}{account}")
}

/// What is between an installation's issuer and the number of an account.
const OUTBOUND: &str = "/outbound/";

#[derive(Serialize)]
struct Claims<'a> {
    iss: String,
    sub: &'a str,
    aud: Audience<'a>,
    iat: Timestamp,
    exp: Timestamp,
    jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a Status>,
    #[serde(rename = "brevet_origin", skip_serializing_if = "Option::is_none")]
    origin: Option<&'a str>,
    #[serde(rename = "https://sts.amazonaws.com/")]
    sts: StsClaims<'a>,
}

/// One value where there is one, as AWS writes it and RFC 7519 section 4.1.3 allows; a list otherwise.
#[derive(Serialize)]
#[serde(untagged)]
enum Audience<'a> {
    One(&'a str),
    Many(&'a [String]),
}

#[derive(Serialize)]
struct StsClaims<'a> {
    aws_account: String,
    source_region: &'a str,
    principal_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ou_path: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    principal_tags: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_session_exp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    federated_provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_identity: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    request_tags: &'a BTreeMap<String, String>,
}

/// Makes a token that lives for `lifetime` seconds. `own` is the installation's issuer.
pub fn mint_identity(
    own: &str,
    keys: &IdentityKeys,
    algorithm: SigningAlg,
    draft: &IdentityDraft,
    lifetime: i64,
    now: Timestamp,
    random: &dyn Random,
) -> Result<IdentityToken, IdentityError> {
    if !(1..=MAX_IDENTITY_TOKEN_SECONDS).contains(&lifetime) {
        return Err(IdentityError::BadLifetime);
    }
    let expires = now.plus(lifetime);
    let signer = keys.active(algorithm, now).ok_or(IdentityError::NoKey(algorithm))?;
    if signer.retire_after.is_some_and(|after| after < expires) {
        return Err(IdentityError::OutlivesKey);
    }
    let claims = claims(own, draft, now, expires, random)?;
    let header = JwtHeader { kid: signer.key.kid(), typ: IDENTITY_TYP };
    let token = jwt::sign(header, &claims, signer.key).map_err(|_| IdentityError::NotSigned)?;
    if token.expose().len() > MAX_TOKEN_BYTES {
        return Err(IdentityError::TooLong);
    }
    Ok(IdentityToken { token, expires })
}

/// All that the token says.
fn claims<'a>(
    own: &str,
    draft: &'a IdentityDraft,
    now: Timestamp,
    expires: Timestamp,
    random: &dyn Random,
) -> Result<Claims<'a>, IdentityError> {
    let aud = match draft.audience.as_slice() {
        [] => return Err(IdentityError::NoAudience),
        [one] => Audience::One(one),
        many => Audience::Many(many),
    };
    Ok(Claims {
        iss: account_issuer(own, draft.account),
        sub: &draft.principal,
        aud,
        iat: now,
        exp: expires,
        jti: random_uuid(random),
        status: draft.status.as_ref(),
        origin: draft.origin.as_deref(),
        sts: StsClaims {
            aws_account: draft.account.to_string(),
            source_region: &draft.source_region,
            principal_id: &draft.principal,
            org_id: draft.org_id.as_deref(),
            ou_path: draft.ou_path.as_deref().map(|path| [path]),
            principal_tags: &draft.principal_tags,
            original_session_exp: draft.original_session_exp.map(Timestamp::iso8601),
            federated_provider: draft.federated_provider.as_deref(),
            source_identity: draft.source_identity.as_deref(),
            request_tags: &draft.request_tags,
        },
    })
}

#[cfg(test)]
#[path = "identity_token_tests.rs"]
mod tests;
