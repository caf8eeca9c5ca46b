//! Handing out a session: what the operations that do it have in common.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::crypto::alg::SigningAlg;
use crate::decision::Identity;
use crate::ops::{Broker, Call, Error};
use crate::session::origin::LongLived;
use crate::session::revocation::session_key;
use crate::session::status::{Status, status_of};
use crate::session::{Lineage, MintError, Origin, SessionDraft, mint};
use crate::telemetry::names;
use crate::types::{AccessKeyId, AccountId};

/// Temporary credentials, as STS's answers show them: the one time that the secret is seen.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: String,
}

/// Mints a session of `account` that lives for `seconds`.
pub(super) async fn issue(
    call: &Call<'_>,
    account: AccountId,
    mut draft: SessionDraft,
    seconds: i64,
    operation: &'static str,
) -> Result<Credentials, Error> {
    let maker = lineage(call).await?;
    let via = maker.handed_on();
    draft.via = via.ok_or_else(|| Error::Forbidden("Roles are chained over too many others.".to_owned()))?;
    let at = call.broker.revocations.issue_time(&draft.uid, Some(&maker), call.now());
    issue_at(call.broker, at, account, draft, seconds, operation)
}

/// As [`issue`], for a caller who has not signed, and so for a session that descends from nothing here.
pub(super) fn issue_at(
    broker: &Broker,
    now: Timestamp,
    account: AccountId,
    draft: SessionDraft,
    seconds: i64,
    operation: &'static str,
) -> Result<Credentials, Error> {
    let at = broker.revocations.issue_time(&draft.uid, None, now);
    let name = |bits: &[u8; 16]| session_key(account, bits).to_string();
    let minted = mint(&broker.keys.ring(), draft, seconds, at, &*broker.random, name);
    let minted = minted.map_err(|error| match error {
        MintError::TokenTooLong => Error::PackedPolicyTooLarge(
            "Session policies and session tags together are too large for a session token.".to_owned(),
        ),
        MintError::LoginEnded => Error::Forbidden("The login that this session descends from has ended.".to_owned()),
        other => Error::Internal(other.to_string()),
    })?;
    metrics::counter!(names::SESSIONS_ISSUED, "operation" => operation).increment(1);
    Ok(Credentials {
        access_key_id: minted.access_key_id,
        secret_access_key: minted.secret.expose().to_owned(),
        session_token: minted.token.expose().to_owned(),
        expiration: minted.expires.iso8601(),
    })
}

/// The credentials that the caller signed with, and what they descend from.
pub(super) async fn lineage(call: &Call<'_>) -> Result<Lineage, Error> {
    match call.caller.session() {
        Some(claims) => Lineage::of_session(claims).ok_or_else(|| Error::Internal("a session's descent".to_owned())),
        None => {
            let entity = call.broker.authorizer.principal(call.caller.subject()).await?;
            Ok(Lineage::of_key(access_key(call)?, &entity.unique_id, call.now()))
        }
    }
}

/// The key that signed the call: this door takes no other callers.
fn access_key<'a>(call: &'a Call<'_>) -> Result<&'a AccessKeyId, Error> {
    call.caller.access_key().ok_or_else(|| Error::Internal("a call of STS without an access key".to_owned()))
}

/// What a web identity token is being obtained with.
pub(super) async fn origin(call: &Call<'_>) -> Result<Origin, Error> {
    if let Some(claims) = call.caller.session() {
        return Ok(Origin::Session(Box::new(claims.clone())));
    }
    // As with sessions: what is obtained right after a revocation must not be dead.
    let maker = lineage(call).await?;
    let uid = maker.own().uid.clone();
    let at = call.broker.revocations.issue_time(&uid, Some(&maker), call.now());
    let user = match call.caller.identity() {
        Identity::User(name) => Some(name.to_string()),
        Identity::Root | Identity::Role(_) => None,
    };
    let key = access_key(call)?.clone();
    Ok(Origin::Key(LongLived { key, account: call.account(), uid, user, at }))
}

/// Where a verifier of a token of `issuer` hears whether the credentials have been revoked that it was obtained with.
pub(super) fn status(call: &Call<'_>, issuer: &str, algorithm: SigningAlg, origin: &Origin) -> Result<Status, Error> {
    let maker = origin.lineage().ok_or_else(|| Error::Internal("a session's descent".to_owned()))?;
    let status = status_of(&call.broker.keys.ring(), issuer, algorithm, &maker, call.now());
    status.ok_or_else(|| Error::Internal(MintError::NoActiveKey.to_string()))
}

/// How the caller proved who it is, as RFC 8176 names it: possession of a key, and a one-time password besides.
pub(super) fn methods(second_factor: bool) -> Vec<String> {
    let methods: &[&str] = if second_factor { &["pop", "otp", "mfa"] } else { &["pop"] };
    methods.iter().map(|&method| method.to_owned()).collect()
}
