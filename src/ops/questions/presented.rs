//! Requests that callers signed for a service: it hands over what it received, and learns who sent that.
//!
//! An asker is *enrolled* for a service by `brevet:VerifyRequest` on `arn:PARTITION:brevet::ACCOUNT:service/NAME`, in its own account.
//! Whoever signs a request for a service shows it to that service to have it served: so the service may ask about the actions that bear
//! its name without any other permission, also where the caller is of another account, as with AWS's own services. For all other
//! actions it needs `brevet:Evaluate` as everybody does.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Asking, Named, Refusal, SERVICE, Who};
use crate::authn::{self, Caller, Presented, is_for_others};
use crate::clock::Timestamp;
use crate::decision::{Asked, Identity, Refused};
use crate::ops::{self, Broker, Call};
use crate::sigv4::{Content, Refusal as Signature, RequestParts, signs_like_s3};
use crate::store::Revision;
use crate::types::{Arn, Realm};
use crate::usage::Use;

/// The permission to have requests for a service verified.
pub const VERIFY: &str = "brevet:VerifyRequest";

/// A request as a service received it.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// The name that the service is signed for.
    pub service: &'a str,
    /// What it received, but for the body.
    pub parts: RequestParts<'a>,
    /// What it knows of the body.
    pub content: Content<'a>,
}

/// Who sent a request, and what of the request is sure.
#[derive(Debug)]
pub struct Shown {
    /// The signature, which is good.
    pub presented: Presented,
    /// Who signed.
    pub caller: Described,
    /// Whom decisions are about.
    pub named: Named,
    /// Every change up to this one is in all that.
    pub as_of: Revision,
}

impl Shown {
    /// The sender, whom a question can be about.
    pub fn who(&self) -> Who {
        Who::Known(Arc::clone(self.presented.caller.subject()), self.as_of)
    }
}

/// A caller, as it is told to the service that it called.
#[derive(Clone, Debug)]
pub struct Described {
    /// The ARN that AWS shows for it.
    pub arn: Arn,
    /// The ARN of the user, role or root behind it.
    pub entity: Arn,
    /// The unique id that AWS shows for it.
    pub user_id: String,
    /// `IAMUser`, `AssumedRole`, `Root` or `FederatedUser`.
    pub kind: &'static str,
    /// The name of its session, if it has one.
    pub session_name: Option<String>,
    /// Who is behind a chain of roles.
    pub source_identity: Option<String>,
    /// When it last proved a second factor, if ever.
    pub mfa: Option<Timestamp>,
    /// When its session was issued.
    pub issued: Option<Timestamp>,
    /// When its session ends.
    pub expires: Option<Timestamp>,
}

/// Why nobody is known to have sent a request.
#[derive(Debug, thiserror::Error)]
pub enum Unproven {
    /// It lies with the asker, or with the broker.
    #[error(transparent)]
    Asker(#[from] Refusal),
    /// The request proves nothing.
    #[error(transparent)]
    Request(authn::Error),
}

impl Unproven {
    /// The error code and HTTP status that the service answers the request with; nothing if it does not lie with the request.
    pub fn code_at(&self, service: &str) -> Option<(&'static str, u16)> {
        let s3 = signs_like_s3(service);
        let Self::Request(error) = self else { return None };
        Some(match error {
            authn::Error::Signature(refusal) => refusal.code_at(service),
            authn::Error::Anonymous => Signature::MissingAuthenticationToken.code_at(service),
            authn::Error::WrongService(_) => Signature::Service(None).code_at(service),
            authn::Error::Expired | authn::Error::Revoked => ("ExpiredToken", if s3 { 400 } else { 403 }),
            authn::Error::Token(_) | authn::Error::TokenMismatch if s3 => ("InvalidToken", 400),
            _ => Signature::UnknownAccessKey.code_at(service),
        })
    }

    /// What its sender is told. Keys that are unknown, inactive or deleted look alike.
    pub fn told(&self) -> String {
        match self {
            Self::Request(authn::Error::Signature(refusal)) => refusal.to_string(),
            Self::Request(authn::Error::Anonymous) => Signature::MissingAuthenticationToken.to_string(),
            Self::Request(authn::Error::WrongService(_)) => Signature::Service(None).to_string(),
            Self::Request(authn::Error::Expired) => "The provided token has expired.".to_owned(),
            Self::Request(authn::Error::Revoked) => "The provided token was revoked.".to_owned(),
            Self::Request(_) => Signature::UnknownAccessKey.to_string(),
            Self::Asker(refusal) => refusal.to_string(),
        }
    }
}

/// The ARN by which askers of an account are enrolled for a service.
pub fn enrolment(realm: &Realm, asker: &Caller, service: &str) -> String {
    format!("arn:{}:brevet::{}:service/{service}", realm.partition, asker.account())
}

impl Asking<'_> {
    /// Who sent a request that the asker received for a service that it is enrolled for.
    ///
    /// # Errors
    /// The asker is not enrolled, or the request proves nothing; whether a key exists is told to nobody who cannot sign with it.
    pub async fn presented(&self, received: &Received<'_>) -> Result<Shown, Unproven> {
        let Received { service, parts, content } = *received;
        self.enrolled(service, VERIFY, "VerifyRequest").await?;
        let (broker, now) = (self.broker, self.facts.now);
        let as_of = broker.feed.heard();
        let presented = match broker.authenticator.presented(&parts, content, service, now).await {
            Ok(presented) => presented,
            Err(authn::Error::Store(_)) => return Err(Refusal::Unavailable.into()),
            Err(authn::Error::Signature(unknown @ Signature::BodyUnknown)) => {
                return Err(Refusal::bad(unknown.to_string()).into());
            }
            Err(error) => return Err(Unproven::Request(error)),
        };
        let who = Who::Known(Arc::clone(presented.caller.subject()), as_of);
        let named = who.resolve(broker, now).await?;
        let (Named::Somebody(resolved), Some(caller)) = (&named, describe(broker, &presented.caller).await?) else {
            return Err(Unproven::Request(authn::Error::UnknownKey));
        };
        if !resolved.exists {
            return Err(Unproven::Request(authn::Error::UnknownKey));
        }
        if presented.caller.session().is_none()
            && let Ok(id) = presented.access_key_id.parse()
        {
            // What its owner reached for is noted where that is decided.
            broker.usage.key_signed(&id, Use { service, action: "", at: now, region: &presented.scope.region });
        }
        Ok(Shown { presented, caller, named, as_of })
    }

    /// The subject of a request for `service`, if the asker may ask about this action of its sender.
    ///
    /// # Errors
    /// The action is another service's, and the asker may not ask about the sender, or that cannot be found out.
    pub async fn about_sender(
        &self,
        shown: &Shown,
        action: &str,
        told: impl FnOnce() -> Value,
    ) -> Result<Named, Refusal> {
        let own = action.split_once(':').is_some_and(|(prefix, _)| prefix == shown.presented.scope.service);
        if own {
            return Ok(shown.named.clone());
        }
        self.about(&shown.who(), told).await
    }

    /// For how many seconds a service may go on believing that who sent this may sign at all: revocations are seen within the
    /// staleness bound, and sessions end.
    pub fn standing(&self, shown: &Shown) -> i64 {
        let degraded = self.known().is_ok_and(|known| known.degraded);
        let bound = if degraded { 0 } else { i64::try_from(self.broker.feed.bound().as_secs()).unwrap_or(0) };
        let left = shown.caller.expires.map(|expires| expires.seconds() - self.facts.now.seconds());
        left.map_or(bound, |left| left.clamp(0, bound))
    }

    /// For how many seconds the signature, and whoever made it, are good.
    pub(super) fn left(&self, shown: &Shown) -> i64 {
        let ends = shown.caller.expires.map_or(shown.presented.ends, |expires| expires.min(shown.presented.ends));
        (ends.seconds() - self.facts.now.seconds()).max(0)
    }

    /// Whether the asker has a permission on a service.
    ///
    /// # Errors
    /// It has not, or the name is not that of a service that anybody could be enrolled for.
    pub(super) async fn enrolled(&self, service: &str, permission: &str, name: &str) -> Result<(), Refusal> {
        if !is_for_others(service) {
            return Err(Refusal::bad(
                "`service` must be the name that requests are signed for, and of no service of the broker's own",
            ));
        }
        let resource = enrolment(&self.broker.realm, self.asker, service);
        let asked = Asked { degraded: true, ..Asked::plain(permission, &resource, Some(self.asker.account())) };
        match self.broker.authorizer.authorize(self.asker.subject(), self.facts, asked).await {
            Ok(_permit) => Ok(()),
            Err(refused) => {
                if let Refused::Denied(denial) = &refused {
                    let request_id = &self.broker.new_id();
                    let call = Call { broker: self.broker, caller: self.asker, facts: self.facts.clone(), request_id };
                    let parameters = json!({ "service": service, "door": self.door });
                    let said = denial.to_string();
                    ops::record_refusal(&call, SERVICE, name, parameters, "AccessDenied", &said).await;
                }
                Err(refused.into())
            }
        }
    }
}

/// A caller as others are told of it; `None` if it does not exist any more.
///
/// # Errors
/// That cannot be found out.
async fn describe(broker: &Broker, caller: &Caller) -> Result<Option<Described>, Refusal> {
    let compiled = match broker.authorizer.principal(caller.subject()).await {
        Ok(compiled) => compiled,
        Err(Refused::NoPrincipal) => return Ok(None),
        Err(other) => return Err(other.into()),
    };
    let session = caller.subject().session.as_ref();
    Ok(Some(Described {
        arn: caller.arn(&broker.realm, &compiled.arn),
        entity: compiled.arn.clone(),
        user_id: caller.user_id(&compiled.unique_id),
        kind: match caller.identity() {
            Identity::Role(_) => "AssumedRole",
            _ if caller.subject().federated_user().is_some() => "FederatedUser",
            Identity::Root => "Root",
            Identity::User(_) => "IAMUser",
        },
        session_name: session.and_then(|session| session.session_name.clone()),
        source_identity: session.and_then(|session| session.source_identity.clone()),
        mfa: caller.mfa(),
        issued: session.map(|session| session.issued),
        expires: session.map(|session| session.expires),
    }))
}
