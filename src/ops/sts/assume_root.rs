//! `AssumeRoot`: the management account of an organization acts as the root user of another account, for one task.
//!
//! Source: "Perform a privileged task on an AWS Organizations member account", `id_root-user-privileged-task.html`.

use serde::{Deserialize, Serialize};

use super::descent;
use super::issue::{Credentials, issue, methods};
use super::session_policies::PolicyDescriptor;
use crate::decision::{Identity, Permit};
use crate::identity::{Account, Organization, RootTask};
use crate::ops::{Call, Demand, Error, Operation, Permission};
use crate::policy::Context;
use crate::session::{SessionDraft, SessionKind};
use crate::store::{Tx, layout};
use crate::types::{AccountId, Arn};
use crate::wire::model::Service;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AssumeRoot {
    target_principal: String,
    task_policy_arn: PolicyDescriptor,
    duration_seconds: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Assumed {
    credentials: Credentials,
    source_identity: Option<String>,
}

/// Seconds that a root session lives when the caller does not say, and at the most: a quarter of an hour.
const DEFAULT_SECONDS: i64 = 900;

impl Operation for AssumeRoot {
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "AssumeRoot";
    const READ_ONLY: bool = false;
    type Output = Assumed;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let target = self.target(call)?;
        self.task(call)?;
        // "You cannot use root user credentials to make this call."
        if *call.caller.identity() == Identity::Root {
            return Err(self.refused(call, target).await?);
        }
        let permission = Permission {
            action: "sts:AssumeRoot".to_owned(),
            resource: call.realm().root(target).to_string(),
            // Another account's root user has no policy that could agree: the organization speaks for the account, see `run`.
            account: None,
            keys: Context::new(),
            trust: None,
        };
        let task = self.task_policy_arn.arn.as_str();
        Ok(permission.with("sts:TaskPolicyArn", task).with("aws:ResourceAccount", target.to_string()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Assumed, Error> {
        let target = self.target(call)?;
        let task = self.task(call)?;
        let organization = tx.get::<Organization>(&layout::organization()).await?;
        let allowed = organization.is_some_and(|organization| {
            let managing = organization.management_account;
            managing == call.account() && managing != target && organization.allows(task.needs())
        });
        // All accounts of an installation are of its organization. One that does not exist looks like one that may not be entered.
        if !allowed || tx.get::<Account>(&layout::account(target)).await?.is_none() {
            return Err(self.refused(call, target).await?);
        }
        let root = call.realm().root(target);
        let mut draft =
            SessionDraft::new(SessionKind::AssumedRoot, root.as_str(), target.to_string(), target.to_string(), "");
        draft.amr = methods(false);
        descent::inherit(&mut draft, call).await?;
        draft.policy_arns = vec![self.task_policy_arn.arn.clone()];
        let source_identity = draft.source_identity.clone();
        // AWS's model allows none: a session that ends as it begins is no use to anybody.
        let seconds = self.duration_seconds.unwrap_or(DEFAULT_SECONDS).max(1);
        Ok(Assumed { credentials: issue(call, target, draft, seconds, Self::NAME).await?, source_identity })
    }
}

impl AssumeRoot {
    /// The account whose root user it is about, by its number or by the root user's ARN.
    fn target(&self, call: &Call<'_>) -> Result<AccountId, Error> {
        let text = self.target_principal.as_str();
        let of_arn = || {
            let account = text.parse::<Arn>().ok()?.account()?;
            (call.realm().root(account).as_str() == text).then_some(account)
        };
        let account = text.parse().ok().or_else(of_arn);
        account.ok_or_else(|| Error::Validation(format!("{text} is neither an account nor the ARN of its root user.")))
    }

    fn task(&self, call: &Call<'_>) -> Result<RootTask, Error> {
        let text = self.task_policy_arn.arn.as_str();
        let arn = text.parse::<Arn>().ok().filter(|arn| arn.partition() == call.realm().partition);
        let task = arn.and_then(|arn| RootTask::named_by(&arn));
        task.ok_or_else(|| Error::Validation(format!("{text} is not the policy of a task for root sessions.")))
    }

    /// The sentence that a caller without permission reads too.
    async fn refused(&self, call: &Call<'_>, target: AccountId) -> Result<Error, Error> {
        let entity = call.broker.authorizer.principal(call.caller.subject()).await?;
        let caller = call.caller.arn(call.realm(), &entity.arn);
        let root = call.realm().root(target);
        Ok(Error::Forbidden(format!("User: {caller} is not authorized to perform: sts:AssumeRoot on resource: {root}")))
    }
}
