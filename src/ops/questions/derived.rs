//! Derived keys: an enrolled service gets the key that a request was signed with, good for one day, one region and that service alone,
//! and verifies the next requests by itself.
//!
//! A SigV4 key is derived from the secret by date, region and service, in this order, and none of the steps can be taken back: with
//! the key of one scope nobody signs in another. Within it, who holds the key signs as the principal, so it is given only to services
//! that may have it of this principal, of their own account, who has just signed a request for them.

use serde_json::{Value, json};

use super::presented::Shown;
use super::{Asking, Named, Refusal, SERVICE};
use crate::clock::Timestamp;
use crate::crypto::jwe::{JweError, seal_to};
use crate::crypto::jwk::Jwk;
use crate::decision::{Asked, Identity, Refused};
use crate::ops::{self, Call};
use crate::sigv4::MAX_SKEW_SECONDS;

/// The permission to be given derived keys: on the service, and on the user or role whose keys they are.
pub const DERIVE: &str = "brevet:DeriveKeys";
/// The operation's name in the audit trail.
const NAME: &str = "DeriveKeys";
/// What stands in the sealed JWE: a JWK.
const CONTENT: &str = "jwk+json";

/// A derived key on its way to a service.
#[derive(Clone, Debug)]
pub struct Derived {
    /// The key, sealed.
    pub sealed: String,
    /// To whom: the asker's ARN, which is the JWE's `apv`.
    pub recipient: String,
    /// Date, region and service, as they stand in signatures.
    pub scope: String,
    /// Until when signatures with it are accepted.
    pub ends: Timestamp,
}

/// Why a service must go on asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDerived {
    /// The principal is of another account.
    #[error("keys of other accounts are not given away")]
    OtherAccount,
    /// The principal is a root user.
    #[error("keys of root users are not given away")]
    Root,
    /// The service may not have keys of this principal.
    #[error("the service may not have keys of this principal")]
    Denied,
    /// The request was signed on another day.
    #[error("only keys of the present day are given away")]
    OtherDay,
    /// The request was presigned a while ago, and may have come from hand to hand since.
    #[error("keys are given away for requests that were signed within the last minutes")]
    LongSigned,
}

impl Asking<'_> {
    /// Whether the asker may have keys of requests for a service at all.
    ///
    /// # Errors
    /// It may not.
    pub async fn may_derive(&self, service: &str) -> Result<(), Refusal> {
        self.enrolled(service, DERIVE, NAME).await
    }

    /// The key that a request was signed with, sealed to `recipient`; who is given it is on record before.
    ///
    /// # Errors
    /// The recipient's key is none, or it cannot be recorded.
    pub async fn derived(&self, shown: &Shown, recipient: &Jwk) -> Result<Result<Derived, NotDerived>, Refusal> {
        let (scope, now) = (&shown.presented.scope, self.facts.now);
        if let Some(reason) = self.withheld(shown).await? {
            return Ok(Err(reason));
        }
        let key = shown.presented.key().to_secret();
        let jwk = zeroize::Zeroizing::new(
            json!({
                "kty": "oct",
                "alg": "HS256",
                "k": data_encoding::BASE64URL_NOPAD.encode(key.expose()),
                "kid": shown.presented.access_key_id,
                "scope": scope.to_string(),
            })
            .to_string(),
        );
        let party = self.party().await?;
        let sealed = seal_to(recipient, &party, CONTENT, jwk.as_bytes()).map_err(|error| match error {
            JweError::Key => Refusal::bad(format!("`recipient`: {error}")),
            _ => Refusal::Unavailable,
        })?;
        self.record_fetch(shown).await?;
        let day_ends = end_of(&scope.date).unwrap_or(now).plus(MAX_SKEW_SECONDS);
        let ends = shown.caller.expires.map_or(day_ends, |expires| expires.min(day_ends));
        Ok(Ok(Derived { sealed, recipient: party, scope: scope.to_string(), ends }))
    }

    /// Why the key is not given away, if it is not.
    async fn withheld(&self, shown: &Shown) -> Result<Option<NotDerived>, Refusal> {
        let caller = &shown.presented.caller;
        if caller.account() != self.asker.account() {
            return Ok(Some(NotDerived::OtherAccount));
        }
        if *caller.identity() == Identity::Root {
            return Ok(Some(NotDerived::Root));
        }
        // Requests of the last minutes of yesterday are still on their way. Clocks that run ahead sign with tomorrow's key: with that
        // one nobody could be stopped tonight.
        let day = |at: Timestamp| at.compact().starts_with(&shown.presented.scope.date);
        if !day(self.facts.now) && !day(self.facts.now.plus(-MAX_SKEW_SECONDS)) {
            return Ok(Some(NotDerived::OtherDay));
        }
        if shown.presented.signed_at < self.facts.now.plus(-MAX_SKEW_SECONDS) {
            return Ok(Some(NotDerived::LongSigned));
        }
        let Named::Somebody(about) = &shown.named else { return Ok(Some(NotDerived::Denied)) };
        let asked = Asked::plain(DERIVE, about.entity.as_str(), Some(about.subject.account));
        match self.broker.authorizer.authorize(self.asker.subject(), self.facts, asked).await {
            Ok(_permit) => Ok(None),
            Err(Refused::Denied(denial)) => {
                let (id, said) = (self.broker.new_id(), denial.to_string());
                ops::record_refusal(&self.call(&id), SERVICE, NAME, told(shown), "AccessDenied", &said).await;
                Ok(Some(NotDerived::Denied))
            }
            Err(other) => Err(other.into()),
        }
    }

    /// To whom keys are sealed: the asker, by its ARN.
    async fn party(&self) -> Result<String, Refusal> {
        let compiled = self.broker.authorizer.principal(self.asker.subject()).await?;
        Ok(self.asker.arn(&self.broker.realm, &compiled.arn).to_string())
    }

    /// Who was given whose key; where that cannot be recorded, nobody is given one.
    async fn record_fetch(&self, shown: &Shown) -> Result<(), Refusal> {
        let id = self.broker.new_id();
        Ok(ops::record_given(&self.call(&id), SERVICE, NAME, told(shown)).await?)
    }

    fn call<'a>(&'a self, request_id: &'a str) -> Call<'a> {
        Call { broker: self.broker, caller: self.asker, facts: self.facts.clone(), request_id }
    }
}

fn told(shown: &Shown) -> Value {
    json!({
        "principal": shown.caller.entity.as_str(),
        "arn": shown.caller.arn.as_str(),
        "accessKeyId": shown.presented.access_key_id,
        "scope": shown.presented.scope.to_string(),
    })
}

/// The end of a day of a scope.
fn end_of(date: &str) -> Option<Timestamp> {
    Some(Timestamp::parse_compact(&format!("{date}T000000Z"))?.plus(86_400))
}

#[cfg(test)]
mod tests {
    use super::end_of;

    #[test]
    fn a_day_ends_at_midnight() {
        assert_eq!(end_of("20261231").map(|end| end.compact()).as_deref(), Some("20270101T000000Z"));
        assert_eq!(end_of("20261301"), None);
    }
}
