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
    type Role = AskedRole;

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

    async fn role(&self, call: &FederatedCall<'_>) -> Result<AskedRole, Error> {
        AskedRole::find(&self.role_arn, call.broker).await
    }

    fn demands(&self, role: &AskedRole, caller: &WebIdentity) -> Vec<Permission> {
        let mut demands = vec![self.permission("sts:AssumeRoleWithWebIdentity", role, caller)];
        if !caller.tags().is_empty() {
            demands.push(self.permission("sts:TagSession", role, caller));
        }
        if caller.source_identity().is_some() {
            demands.push(self.permission("sts:SetSourceIdentity", role, caller));
        }
        demands
    }

    fn run(
        &self,
        _permit: &Permit,
        role: &AskedRole,
        caller: &WebIdentity,
        call: &FederatedCall<'_>,
    ) -> Result<Assumed, Error> {
        let account = role.account;
        // A role that is not there trusts nobody, so there is one.
        let known = role.known.as_ref().ok_or_else(|| Error::Internal("a role that is not there trusts".to_owned()))?;
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
        draft.policy = session_policies::inline(self.policy.as_deref(), &call.broker.quotas)?;
        draft.policy_arns = session_policies::by_arn(&self.policy_arns, account, &call.broker.realm)?;
        let packed = session_policies::packed(&draft, &call.broker.quotas)?;
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
