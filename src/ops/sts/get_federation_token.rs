//! `GetFederationToken`: credentials for somebody whom a user vouches for, with no more than the session policies let through of
//! what the user may.

use serde::{Deserialize, Serialize};

use super::get_session_token::{own_name, seconds};
use super::issue::{Credentials, issue, methods};
use super::session_policies::{self, PolicyDescriptor};
use super::session_tags::session_tags;
use crate::decision::Permit;
use crate::ops::{Call, Demand, Error, Operation, Permission};
use crate::session::{SessionDraft, SessionKind};
use crate::store::Tx;
use crate::types::{Arn, Tag};
use crate::wire::model::Service;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetFederationToken {
    name: String,
    policy: Option<String>,
    #[serde(default)]
    policy_arns: Vec<PolicyDescriptor>,
    duration_seconds: Option<i64>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Federated {
    credentials: Credentials,
    federated_user: FederatedUser,
    packed_policy_size: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct FederatedUser {
    federated_user_id: String,
    arn: String,
}

impl Operation for GetFederationToken {
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "GetFederationToken";
    const READ_ONLY: bool = false;
    type Output = Federated;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let mut demands = vec![self.permission("sts:GetFederationToken", call).demand()];
        if !self.tags.is_empty() {
            demands.push(self.permission("sts:TagSession", call).demand());
        }
        Ok(demands)
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, _tx: &mut Tx) -> Result<Federated, Error> {
        let account = call.account();
        let arn = self.arn(call);
        let entity = call.broker.authorizer.principal(call.caller.subject()).await?;
        let mut draft = SessionDraft::new(
            SessionKind::FederatedUser,
            arn.as_str(),
            account.to_string(),
            entity.unique_id.as_str(),
            own_name(call),
        );
        draft.session_name = Some(self.name.clone());
        draft.amr = methods(false);
        (draft.tags, draft.transitive_tag_keys) = session_tags(&self.tags, &[], None)?;
        let quotas = &call.broker.quotas;
        draft.policy = session_policies::inline(self.policy.as_deref(), quotas)?;
        draft.policy_arns = session_policies::by_arn(&self.policy_arns, account, call.realm())?;
        let packed = session_policies::packed(&draft, quotas)?;
        Ok(Federated {
            credentials: issue(call, account, draft, seconds(self.duration_seconds, call), Self::NAME).await?,
            federated_user: FederatedUser {
                federated_user_id: format!("{account}:{}", self.name),
                arn: arn.to_string(),
            },
            packed_policy_size: packed,
        })
    }
}

impl GetFederationToken {
    fn arn(&self, call: &Call<'_>) -> Arn {
        call.realm().federated_user(call.account(), &self.name)
    }

    fn permission(&self, action: &str, call: &Call<'_>) -> Permission {
        Permission::on(action, &self.arn(call), call.account()).with_request_tags(&self.tags)
    }
}
