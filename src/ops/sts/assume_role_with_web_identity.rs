//! `AssumeRoleWithWebIdentity`: credentials of a role for whom an OpenID Connect provider of the role's account vouches for and the
//! role's trust policy lets in.
//!
//! AWS knows four providers by itself, Google among them; here each of them is a provider that the account has made. Tokens of the
//! OAuth 2.0 kind, which `ProviderId` names the issuer of, are not taken.

use serde::{Deserialize, Serialize};

use super::asked_role::{self, AskedRole, AssumedRoleUser};
use super::issue::{Credentials, issue_at};
use super::session_policies::{self, PolicyDescriptor};
use super::session_tags::session_tags;
use crate::authn::WebIdentity;
use crate::decision::Permit;
use crate::ops::{Broker, Error, FederatedCall, FederatedOperation, Permission};
use crate::session::{Actor, SessionDraft, SessionKind};
use crate::types::{AccountId, RoleSessionName, SourceIdentity};
use crate::wire::model::Service;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AssumeRoleWithWebIdentity {
    role_arn: String,
    role_session_name: RoleSessionName,
    web_identity_token: String,
    provider_id: Option<String>,
    #[serde(default)]
    policy_arns: Vec<PolicyDescriptor>,
    policy: Option<String>,
    duration_seconds: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Assumed {
    credentials: Credentials,
    subject_from_web_identity_token: String,
    assumed_role_user: AssumedRoleUser,
    packed_policy_size: Option<u32>,
    provider: String,
    audience: String,
    source_identity: Option<String>,
}

/// The issuers of OAuth 2.0 access tokens that AWS takes.
const OAUTH_ISSUERS: [&str; 2] = ["www.amazon.com", "graph.facebook.com"];

impl FederatedOperation for AssumeRoleWithWebIdentity {
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "AssumeRoleWithWebIdentity";
    type Output = Assumed;

    fn account(&self, broker: &Broker) -> Result<AccountId, Error> {
        if let Some(issuer) = self.provider_id.as_deref() {
            return Err(if OAUTH_ISSUERS.contains(&issuer) {
                Error::NotBuilt(format!("{}:{} with access tokens of {issuer}", Self::SERVICE.name(), Self::NAME))
            } else {
                let known = OAUTH_ISSUERS.join(" and ");
                Error::Validation(format!(
                    "ProviderId is for access tokens of {known}; an OpenID Connect token says itself who issued it."
                ))
            });
        }
        asked_role::account(&self.role_arn, broker)
    }

    fn token(&self) -> &str {
        &self.web_identity_token
    }

    async fn demands(&self, caller: &WebIdentity, call: &FederatedCall<'_>) -> Result<Vec<Permission>, Error> {
        let role = AskedRole::find(&self.role_arn, call.broker).await?;
        let mut demands = vec![self.permission("sts:AssumeRoleWithWebIdentity", &role, caller)];
        if !caller.tags().is_empty() {
            demands.push(self.permission("sts:TagSession", &role, caller));
        }
        if caller.source_identity().is_some() {
            demands.push(self.permission("sts:SetSourceIdentity", &role, caller));
        }
        Ok(demands)
    }

    async fn run(&self, _permit: &Permit, caller: &WebIdentity, call: &FederatedCall<'_>) -> Result<Assumed, Error> {
        let AskedRole { account, known, .. } = AskedRole::find(&self.role_arn, call.broker).await?;
        // No trust policy has let the caller in if there is no role; one that vanished meanwhile is refused in the same words.
        let known = known.ok_or_else(|| Error::Forbidden(format!("Not authorized to perform sts:{}", Self::NAME)))?;
        let role = &known.role;
        let seconds = asked_role::seconds(self.duration_seconds, role)?;
        let arn = call.broker.realm.assumed_role(account, role.name.as_str(), self.role_session_name.as_str());
        let mut draft = SessionDraft::new(
            SessionKind::AssumedRole,
            arn.as_str(),
            account.to_string(),
            role.id.as_str(),
            role.name.as_str(),
        );
        let who = caller.who();
        draft.session_name = Some(self.role_session_name.to_string());
        draft.federated_provider = Some(who.provider.to_string());
        draft.web_identity = Some(Box::new(caller.carried().clone()));
        draft.act = Some(Actor::new(format!("{}:{}:{}", who.provider, who.audience, who.subject)));
        draft.source_identity = caller.source_identity().map(ToString::to_string);
        (draft.tags, draft.transitive_tag_keys) = session_tags(caller.tags(), caller.transitive_tag_keys(), None)?;
        draft.policy = session_policies::inline(self.policy.as_deref())?;
        draft.policy_arns = session_policies::by_arn(&self.policy_arns, account, &call.broker.realm)?;
        let packed = session_policies::packed(&draft)?;
        let source_identity = draft.source_identity.clone();
        Ok(Assumed {
            credentials: issue_at(call.broker, call.now(), account, draft, seconds, Self::NAME)?,
            subject_from_web_identity_token: who.subject.clone(),
            assumed_role_user: AssumedRoleUser::new(role, &self.role_session_name, &arn),
            packed_policy_size: packed,
            provider: who.provider.to_string(),
            audience: who.audience.clone(),
            source_identity,
        })
    }
}

impl AssumeRoleWithWebIdentity {
    fn permission(&self, action: &str, role: &AskedRole, caller: &WebIdentity) -> Permission {
        let mut permission = role
            .permission(action)
            .with("sts:RoleSessionName", self.role_session_name.as_str())
            .with_some("sts:SourceIdentity", caller.source_identity().map(SourceIdentity::as_str))
            .with_request_tags(caller.tags());
        if !caller.transitive_tag_keys().is_empty() {
            permission = permission.with("sts:TransitiveTagKeys", caller.transitive_tag_keys().to_vec());
        }
        permission
    }
}
