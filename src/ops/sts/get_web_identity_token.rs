//! `GetWebIdentityToken`: proof of who the caller is, for services that are not AWS's.
//!
//! Source: the operation's page, "Understanding token claims" and "Controlling access with IAM policies" of outbound identity
//! federation in the IAM User Guide.
//!
//! AWS signs with RS256 and ES384. Here callers may ask for ES256 and EdDSA as well, and RS256 needs a key that the operator brings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::issue::{origin, status};
use super::session_tags::session_tags;
use crate::crypto::alg::SigningAlg;
use crate::decision::Permit;
use crate::identity::{Organization, OutboundFederation};
use crate::ops::{Call, Demand, Error, Operation, Permission};
use crate::policy::Value;
use crate::session::{IdentityDraft, IdentityError, account_issuer, mint_identity};
use crate::store::{Tx, layout};
use crate::types::{Tag, Tags};
use crate::wire::model::Service;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetWebIdentityToken {
    audience: Vec<String>,
    duration_seconds: Option<i64>,
    signing_algorithm: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Token {
    web_identity_token: String,
    expiration: String,
}

/// Seconds that a token lives when the caller does not say: five minutes.
const DEFAULT_SECONDS: i64 = 300;

impl Operation for GetWebIdentityToken {
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "GetWebIdentityToken";
    const READ_ONLY: bool = false;
    type Output = Token;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let algorithm = self.algorithm()?;
        self.request_tags()?;
        // The same keys for both: so a policy can say which tags go to which audience.
        let permission = |action| {
            Permission::on(action, &call.realm().own_session(call.account()), call.account())
                .with("sts:IdentityTokenAudience", self.audience.clone())
                .with("sts:DurationSeconds", Value::Number(self.seconds()))
                .with("sts:SigningAlgorithm", algorithm.name())
                .with_request_tags(&self.tags)
                .demand()
        };
        let mut demands = vec![permission("sts:GetWebIdentityToken")];
        if !self.tags.is_empty() {
            demands.push(permission("sts:TagGetWebIdentityToken"));
        }
        Ok(demands)
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Token, Error> {
        let algorithm = self.algorithm()?;
        let enabled = tx.get::<OutboundFederation>(&layout::outbound_federation(call.account())).await?;
        enabled.ok_or(Error::OutboundFederationDisabled)?;
        let session = call.caller.session();
        if session.is_some_and(|session| call.now().plus(self.seconds()) > session.exp) {
            return Err(Error::SessionDurationEscalation);
        }
        let organization = tx.get::<Organization>(&layout::organization()).await?;
        let entity = call.broker.authorizer.principal(call.caller.subject()).await?;
        let issuer = account_issuer(call.broker.keys.ring().issuer(), call.account());
        let made_with = origin(call).await?;
        let draft = IdentityDraft {
            status: Some(status(call, &issuer, algorithm, &made_with)?),
            origin: made_with.seal(&call.broker.keys.ring(), &issuer, call.now()),
            account: call.account(),
            principal: entity.arn.to_string(),
            audience: self.audience.clone(),
            source_region: call.caller.region().to_string(),
            ou_path: organization.as_ref().map(|organization| format!("{}/", organization.root_path())),
            org_id: organization.map(|organization| organization.id),
            principal_tags: principal_tags(call, &entity.tags),
            original_session_exp: session.map(|session| session.exp),
            federated_provider: session.and_then(|session| session.federated_provider.clone()),
            source_identity: session.and_then(|session| session.source_identity.clone()),
            request_tags: self.request_tags()?,
        };
        let keys = &call.broker.keys;
        let token = mint_identity(
            keys.ring().issuer(),
            &keys.identity(),
            algorithm,
            &draft,
            self.seconds(),
            call.now(),
            &*call.broker.random,
        );
        let token = token.map_err(|error| match error {
            IdentityError::TooLong => Error::IdentityTokenTooLong,
            IdentityError::NoKey(SigningAlg::Rs256) => Error::Validation(
                "Tokens signed with RS256 are not available: this broker's setting sessions.rsa_keys names no key. Use ES384."
                    .to_owned(),
            ),
            other => Error::Internal(other.to_string()),
        })?;
        Ok(Token { web_identity_token: token.token.expose().to_owned(), expiration: token.expires.iso8601() })
    }
}

impl GetWebIdentityToken {
    fn algorithm(&self) -> Result<SigningAlg, Error> {
        SigningAlg::parse(&self.signing_algorithm).ok_or_else(|| {
            // The model says no more than that it has five characters.
            Error::Validation(format!(
                "The signing algorithm {:?} is not supported. Valid values are RS256, ES384, ES256 and EdDSA.",
                self.signing_algorithm
            ))
        })
    }

    fn seconds(&self) -> i64 {
        self.duration_seconds.unwrap_or(DEFAULT_SECONDS)
    }

    /// Tags by key, by the rules of session tags.
    fn request_tags(&self) -> Result<BTreeMap<String, String>, Error> {
        session_tags(&self.tags, &[], None).map(|(tags, _)| tags)
    }
}

/// The caller's tags as `aws:PrincipalTag` has them: the session's hide the entity's own of the same key.
fn principal_tags(call: &Call<'_>, entity: &Tags) -> BTreeMap<String, String> {
    let mut tags = entity.clone();
    let session = call.caller.subject().session.iter().flat_map(|session| session.tags.iter());
    session.for_each(|tag| tags.set(tag.clone()));
    tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}
