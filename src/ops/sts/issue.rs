//! Handing out a session: what the operations that do it have in common.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::ops::{Broker, Call, Error};
use crate::session::{MintError, SessionDraft, mint};
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
pub(super) fn issue(
    call: &Call<'_>,
    account: AccountId,
    draft: SessionDraft,
    seconds: i64,
    operation: &'static str,
) -> Result<Credentials, Error> {
    issue_at(call.broker, call.now(), account, draft, seconds, operation)
}

/// As [`issue`], for a caller who has not signed.
pub(super) fn issue_at(
    broker: &Broker,
    now: Timestamp,
    account: AccountId,
    draft: SessionDraft,
    seconds: i64,
    operation: &'static str,
) -> Result<Credentials, Error> {
    let name = |bits: &[u8; 16]| {
        let [a, b, c, d, e, ..] = *bits;
        AccessKeyId::session(account, [a, b, c, d, e]).to_string()
    };
    let minted = mint(&broker.keys.ring(), draft, seconds, now, &*broker.random, name);
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

/// How the caller proved who it is, as RFC 8176 names it: possession of a key, and a one-time password besides.
pub(super) fn methods(second_factor: bool) -> Vec<String> {
    let methods: &[&str] = if second_factor { &["pop", "otp", "mfa"] } else { &["pop"] };
    methods.iter().map(|&method| method.to_owned()).collect()
}
