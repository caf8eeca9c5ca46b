//! The role that a request names to assume: found, permitted by its trust policy, and for how long.

use std::sync::Arc;

use serde::Serialize;

use crate::identity::Role;
use crate::ops::roles::KnownRole;
use crate::ops::{Broker, Error, Permission};
use crate::policy::Context;
use crate::types::{AccountId, Arn, RoleName, RoleSessionName};

/// A role that was asked for, whether it exists or not: strangers must not be able to tell.
pub(super) struct AskedRole {
    /// As the request has it.
    arn: String,
    /// The account that its ARN names.
    pub(super) account: AccountId,
    /// The role, if there is one.
    pub(super) known: Option<Arc<KnownRole>>,
}

/// A session of a role, as STS's answers show it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AssumedRoleUser {
    assumed_role_id: String,
    arn: String,
}

/// Seconds that a session lives when the caller does not say: one hour.
const DEFAULT_SECONDS: i64 = 3_600;

impl AskedRole {
    /// Looks for the role.
    ///
    /// # Errors
    /// The text is not the ARN of a role, or the store cannot be read.
    pub(super) async fn find(arn: &str, broker: &Broker) -> Result<Self, Error> {
        let (parsed, account, name) = read(arn, broker)?;
        let known = broker.roles.find(account, &name).await?;
        Ok(Self { arn: arn.to_owned(), account, known: known.filter(|known| known.arn == parsed) })
    }

    /// The permission to do `action` with it. A role that does not exist trusts nobody: the caller reads what is read about one
    /// that does.
    pub(super) fn permission(&self, action: &str) -> Permission {
        let known = self.known.as_deref();
        Permission {
            action: action.to_owned(),
            resource: self.arn.clone(),
            account: Some(self.account),
            keys: Context::new(),
            trust: Some(known.map_or_else(Arc::default, |known| Arc::clone(&known.trust))),
        }
        .with_resource_tags(known.map_or(&[], |known| known.role.tags.as_slice()))
    }
}

/// The account of the role that an ARN names.
///
/// # Errors
/// The text is not the ARN of a role.
pub(super) fn account(arn: &str, broker: &Broker) -> Result<AccountId, Error> {
    read(arn, broker).map(|(_, account, _)| account)
}

fn read(arn: &str, broker: &Broker) -> Result<(Arn, AccountId, RoleName), Error> {
    let invalid = || Error::Validation(format!("{arn} is invalid"));
    let parsed: Arn = arn.parse().map_err(|_| invalid())?;
    let ours = parsed.partition() == broker.realm.partition && parsed.service() == "iam";
    let name: Option<RoleName> = parsed.name_of_kind("role").filter(|_| ours).and_then(|name| name.parse().ok());
    let (Some(account), Some(name)) = (parsed.account(), name) else { return Err(invalid()) };
    Ok((parsed, account, name))
}

/// For how many seconds a session of `role` is given.
///
/// # Errors
/// For longer than the role allows.
pub(super) fn seconds(asked: Option<i64>, role: &Role) -> Result<i64, Error> {
    let seconds = asked.unwrap_or(DEFAULT_SECONDS);
    if seconds > i64::from(role.max_session_duration) {
        return Err(Error::Validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.".to_owned(),
        ));
    }
    Ok(seconds)
}

impl AssumedRoleUser {
    /// The session `name` of `role`, whose ARN is `arn`.
    pub(super) fn new(role: &Role, name: &RoleSessionName, arn: &Arn) -> Self {
        Self { assumed_role_id: format!("{}:{name}", role.id), arn: arn.to_string() }
    }
}
