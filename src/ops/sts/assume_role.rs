//! `AssumeRole`: credentials of a role, for whom the role's trust policy and the caller's own policies both let in.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::asked_role::{self, AskedRole, AssumedRoleUser};
use super::descent;
use super::get_session_token::{check_factor, second_factor};
use super::issue::{Credentials, issue, methods};
use super::session_policies::{self, PolicyDescriptor};
use super::session_tags::{session_tags, with_passed_on};
use crate::config::Sessions;
use crate::decision::{Identity, Permit};
use crate::identity::Role;
use crate::ops::{Call, Demand, Error, Operation, Permission, SecondFactor};
use crate::session::{SessionDraft, SessionKind};
use crate::store::Tx;
use crate::types::{RoleSessionName, SourceIdentity, Tag};
use crate::wire::model::Service;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AssumeRole {
    role_arn: String,
    role_session_name: RoleSessionName,
    #[serde(default)]
    policy_arns: Vec<PolicyDescriptor>,
    policy: Option<String>,
    duration_seconds: Option<i64>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    transitive_tag_keys: Vec<String>,
    external_id: Option<String>,
    serial_number: Option<String>,
    token_code: Option<String>,
    source_identity: Option<SourceIdentity>,
    #[serde(default)]
    provided_contexts: Vec<ProvidedContext>,
    /// Found once: the role that the trust policy was asked for is the one whose session is begun, even if another of its name was
    /// made in between.
    #[serde(skip)]
    found: OnceLock<AskedRole>,
}

#[derive(Deserialize)]
struct ProvidedContext {}

/// What a session carries by request, or by descent.
struct Carried {
    tags: Vec<Tag>,
    transitive_tag_keys: Vec<String>,
    source_identity: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Assumed {
    credentials: Credentials,
    assumed_role_user: AssumedRoleUser,
    packed_policy_size: Option<u32>,
    source_identity: Option<String>,
}

impl Operation for AssumeRole {
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "AssumeRole";
    const READ_ONLY: bool = false;
    type Output = Assumed;

    fn second_factor(&self) -> Option<SecondFactor<'_>> {
        second_factor(self.serial_number.as_deref(), self.token_code.as_deref())
    }

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        check_factor(self.serial_number.as_deref(), self.token_code.as_deref())?;
        if *call.caller.identity() == Identity::Root {
            return Err(Error::Forbidden("Roles may not be assumed by root accounts.".to_owned()));
        }
        let role = self.role(call).await?;
        let carried = self.carried(call);
        let permission = |action| self.permission(action, role, &carried).demand();
        let mut demands = vec![permission("sts:AssumeRole")];
        if !carried.tags.is_empty() {
            demands.push(permission("sts:TagSession"));
        }
        if carried.source_identity.is_some() {
            demands.push(permission("sts:SetSourceIdentity"));
        }
        Ok(demands)
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, _tx: &mut Tx) -> Result<Assumed, Error> {
        if !self.provided_contexts.is_empty() {
            return Err(Error::NotBuilt("sts:AssumeRole with ProvidedContexts".to_owned()));
        }
        let AskedRole { account, known, .. } = self.role(call).await?;
        let account = *account;
        // No trust policy has let the caller in if there is no role; one that vanished meanwhile is refused in the same words.
        let Some(known) = known else { return Err(self.not_authorized(call).await?) };
        let role = &known.role;
        let seconds = self.seconds(call, role)?;
        let arn = call.realm().assumed_role(account, role.name.as_str(), self.role_session_name.as_str());
        let mut draft = SessionDraft::new(
            SessionKind::AssumedRole,
            arn.as_str(),
            account.to_string(),
            role.id.as_str(),
            role.name.as_str(),
        );
        draft.session_name = Some(self.role_session_name.to_string());
        let before = call.caller.session();
        let proven = call.facts.mfa_now.or(before.and_then(|session| session.auth_time));
        draft.amr = methods(proven.is_some());
        draft.auth_time = proven;
        draft.mfa_serial = match call.facts.mfa_now {
            Some(_) => self.serial_number.clone(),
            None => before.and_then(|session| session.mfa_serial.clone()),
        };
        descent::inherit(&mut draft, call).await?;
        draft.source_identity = self.source_identity(call)?;
        (draft.tags, draft.transitive_tag_keys) = session_tags(&self.tags, &self.transitive_tag_keys, before)?;
        draft.policy = session_policies::inline(self.policy.as_deref(), &call.broker.quotas)?;
        draft.policy_arns = session_policies::by_arn(&self.policy_arns, account, call.realm())?;
        let packed = session_policies::packed(&draft, &call.broker.quotas)?;
        let source_identity = draft.source_identity.clone();
        Ok(Assumed {
            credentials: issue(call, account, draft, seconds, Self::NAME).await?,
            assumed_role_user: AssumedRoleUser::new(role, &self.role_session_name, &arn),
            packed_policy_size: packed,
            source_identity,
        })
    }
}

impl AssumeRole {
    async fn role(&self, call: &Call<'_>) -> Result<&AskedRole, Error> {
        match self.found.get() {
            Some(role) => Ok(role),
            None => {
                let role = AskedRole::find(&self.role_arn, call.broker).await?;
                Ok(self.found.get_or_init(|| role))
            }
        }
    }

    /// The sentence that a caller without permission reads too.
    async fn not_authorized(&self, call: &Call<'_>) -> Result<Error, Error> {
        let entity: Arc<_> = call.broker.authorizer.principal(call.caller.subject()).await?;
        let arn = call.caller.arn(call.realm(), &entity.arn);
        let role = &self.role_arn;
        Ok(Error::Forbidden(format!("User: {arn} is not authorized to perform: sts:AssumeRole on resource: {role}")))
    }

    /// What the session is to carry. A role's trust policy decides about what passes on from a session before as about what the
    /// request says: whom it lets in is not free to bring along a source identity, or tags, of its own choice.
    fn carried(&self, call: &Call<'_>) -> Carried {
        let before = call.caller.session();
        let (tags, transitive_tag_keys) = with_passed_on(&self.tags, &self.transitive_tag_keys, before);
        let asked = self.source_identity.as_ref().map(ToString::to_string);
        let source_identity = asked.or_else(|| before.and_then(|session| session.source_identity.clone()));
        Carried { tags, transitive_tag_keys, source_identity }
    }

    fn permission(&self, action: &str, role: &AskedRole, carried: &Carried) -> Permission {
        let mut permission = role
            .permission(action)
            .with("sts:RoleSessionName", self.role_session_name.as_str())
            .with_some("sts:ExternalId", self.external_id.as_deref())
            .with_some("sts:SourceIdentity", carried.source_identity.as_deref())
            .with_request_tags(&carried.tags);
        if !carried.transitive_tag_keys.is_empty() {
            permission = permission.with("sts:TransitiveTagKeys", carried.transitive_tag_keys.clone());
        }
        permission
    }

    fn seconds(&self, call: &Call<'_>, role: &Role) -> Result<i64, Error> {
        let most = call.broker.sessions.chained_session_seconds;
        if descent::is_chained(call) && self.duration_seconds.is_some_and(|seconds| seconds > i64::from(most)) {
            let limit = if most == Sessions::CHAINED_SECONDS { "1 hour".to_owned() } else { format!("{most} second") };
            return Err(Error::Validation(format!(
                "The requested DurationSeconds exceeds the {limit} session limit for roles assumed by role chaining"
            )));
        }
        asked_role::seconds(self.duration_seconds, role)
    }

    /// Once set it stays along the whole chain.
    fn source_identity(&self, call: &Call<'_>) -> Result<Option<String>, Error> {
        let before = call.caller.session().and_then(|session| session.source_identity.clone());
        let asked = self.source_identity.as_ref().map(ToString::to_string);
        match (before, asked) {
            (Some(before), Some(asked)) if before != asked => {
                Err(Error::Forbidden("The source identity of a session cannot be changed.".to_owned()))
            }
            (before, asked) => Ok(before.or(asked)),
        }
    }
}
