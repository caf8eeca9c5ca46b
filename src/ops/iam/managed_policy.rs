//! `CreatePolicy`, `GetPolicy`, `DeletePolicy`: managed policies. [`super::policy_list`] lists them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::any_policy::{AnyPolicy, find_any, find_changeable};
use super::common::{check_permissions, distinct_tags};
use super::room;
use super::shapes::some_tags;
use crate::decision::Permit;
use crate::identity::{AwsPolicy, ManagedPolicy, PolicyUsage, quota};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::policy::Fault;
use crate::store::{Tx, layout};
use crate::types::{Arn, EntityPath, PolicyName, Tag, Tags, UniqueId, UniqueIdKind};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<CreatePolicy>().add::<GetPolicy>().add::<DeletePolicy>();
}

/// A managed policy. Lists leave out the description and the tags.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Policy {
    policy_name: String,
    policy_id: String,
    arn: String,
    path: String,
    default_version_id: String,
    attachment_count: u64,
    permissions_boundary_usage_count: u64,
    is_attachable: bool,
    description: Option<String>,
    create_date: String,
    update_date: String,
    tags: Option<Tags>,
}

impl Policy {
    pub(super) fn listed(policy: &ManagedPolicy, usage: &PolicyUsage, call: &Call<'_>) -> Self {
        Self {
            policy_name: policy.name.to_string(),
            policy_id: policy.id.to_string(),
            arn: policy.arn(call.realm(), call.account()).to_string(),
            path: policy.path.as_str().to_owned(),
            default_version_id: format!("v{}", policy.default_version),
            attachment_count: usage.attachments,
            permissions_boundary_usage_count: usage.boundaries,
            is_attachable: true,
            description: None,
            create_date: policy.created.iso8601(),
            update_date: policy.updated.iso8601(),
            tags: None,
        }
    }

    pub(super) fn listed_of_aws(policy: &AwsPolicy, usage: &PolicyUsage, call: &Call<'_>) -> Self {
        Self {
            policy_name: policy.name.to_owned(),
            policy_id: policy.id.to_owned(),
            arn: policy.arn(call.realm()).to_string(),
            path: policy.path.to_owned(),
            default_version_id: format!("v{}", policy.version),
            attachment_count: usage.attachments,
            permissions_boundary_usage_count: usage.boundaries,
            is_attachable: true,
            description: None,
            create_date: policy.created.to_owned(),
            update_date: policy.updated.to_owned(),
            tags: None,
        }
    }

    fn whole_of_aws(policy: &AwsPolicy, usage: &PolicyUsage, call: &Call<'_>) -> Self {
        Self { description: policy.description().map(str::to_owned), ..Self::listed_of_aws(policy, usage, call) }
    }

    fn whole(policy: &ManagedPolicy, usage: &PolicyUsage, call: &Call<'_>) -> Self {
        Self {
            description: policy.description.clone(),
            tags: some_tags(&policy.tags),
            ..Self::listed(policy, usage, call)
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OnePolicy {
    policy: Policy,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreatePolicy {
    policy_name: PolicyName,
    path: Option<EntityPath>,
    policy_document: String,
    description: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

impl Operation for CreatePolicy {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreatePolicy";
    const READ_ONLY: bool = false;
    type Output = OnePolicy;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let path = self.path.clone().unwrap_or_default();
        let arn = call.realm().policy(call.account(), &path, self.policy_name.as_str());
        Ok(Permission::on("iam:CreatePolicy", &arn, call.account()).with_request_tags(&self.tags).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<OnePolicy, Error> {
        let key = layout::policy(call.account(), &self.policy_name);
        if tx.get::<ManagedPolicy>(&key).await?.is_some() {
            let name = &self.policy_name;
            let message = format!("A policy called {name} already exists. Duplicate names are not allowed.");
            return Err(Error::EntityAlreadyExists(message));
        }
        room::policies(call).for_one_more(call, tx).await?;
        room::policy_versions(call).for_one_more(call, tx).await?;
        check_managed(&self.policy_document, call)?;
        let mut policy = ManagedPolicy {
            name: self.policy_name.clone(),
            path: self.path.clone().unwrap_or_default(),
            id: UniqueId::random(UniqueIdKind::ManagedPolicy, &*call.broker.random),
            created: call.now(),
            updated: call.now(),
            description: self.description.clone().filter(|text| !text.is_empty()),
            tags: distinct_tags(self.tags.clone())?,
            default_version: 1,
            next_version: 1,
            versions: BTreeMap::new(),
        };
        policy.add_version(self.policy_document.clone(), call.now());
        let usage = PolicyUsage::default();
        tx.put(&key, &policy)?;
        tx.put(&layout::policy_usage(call.account(), &policy.name), &usage)?;
        tx.put(&layout::policy_version(call.account(), &policy.name, policy.default_version), &())?;
        Ok(OnePolicy { policy: Policy::whole(&policy, &usage, call) })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetPolicy {
    policy_arn: String,
}

impl Operation for GetPolicy {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetPolicy";
    const READ_ONLY: bool = true;
    type Output = OnePolicy;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_policy("iam:GetPolicy", &self.policy_arn, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<OnePolicy, Error> {
        let arn = policy_arn(&self.policy_arn)?;
        let found = find_any(tx, call, &arn).await?;
        let usage = found.usage(&arn, call, tx).await?;
        let policy = match found {
            AnyPolicy::Own(policy) => Policy::whole(&policy, &usage, call),
            AnyPolicy::Aws(policy) => Policy::whole_of_aws(policy, &usage, call),
        };
        Ok(OnePolicy { policy })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeletePolicy {
    policy_arn: String,
}

impl Operation for DeletePolicy {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeletePolicy";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_policy("iam:DeletePolicy", &self.policy_arn, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let policy = find_changeable(tx, call, &policy_arn(&self.policy_arn)?).await?;
        let usage_key = layout::policy_usage(call.account(), &policy.name);
        let usage = tx.get::<PolicyUsage>(&usage_key).await?.unwrap_or_default();
        if usage.attachments > 0 || usage.boundaries > 0 {
            return Err(Error::DeleteConflict("Cannot delete a policy attached to entities.".to_owned()));
        }
        if policy.versions.len() > 1 {
            return Err(Error::DeleteConflict(
                "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. \
                 The default version is deleted with the policy."
                    .to_owned(),
            ));
        }
        tx.delete(&usage_key)?;
        tx.delete(&layout::policy_version(call.account(), &policy.name, policy.default_version))?;
        Ok(tx.delete(&layout::policy(call.account(), &policy.name))?)
    }
}

/// Reads the ARN of a policy in a request.
pub(super) fn policy_arn(text: &str) -> Result<Arn, Error> {
    text.parse().map_err(|_| Error::InvalidInput(format!("ARN {text} is not valid.")))
}

/// Holds the document of a managed policy to the grammar and the size.
///
/// IAM looks at the version after the syntax and before all else, and takes no managed policy of the older one.
pub(super) fn check_managed(document: &str, call: &Call<'_>) -> Result<(), Error> {
    let checked = check_permissions(document, call, quota::MANAGED_POLICY_SIZE, "PolicySize");
    match checked {
        Err(Error::MalformedPolicyDocument(sentence)) if sentence == Fault::Syntax.to_string() => {
            Err(Error::MalformedPolicyDocument(sentence))
        }
        Ok(_) | Err(Error::MalformedPolicyDocument(_)) if !is_of_newest_version(document) => {
            Err(Error::MalformedPolicyDocument(Fault::Version.to_string()))
        }
        other => other.map(|_| ()),
    }
}

fn is_of_newest_version(document: &str) -> bool {
    let json = serde_json::from_str::<serde_json::Value>(document).unwrap_or_default();
    json["Version"] == "2012-10-17"
}

/// What must be allowed for an action on a policy.
pub(super) async fn on_policy(action: &str, arn: &str, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
    let arn = policy_arn(arn)?;
    let permission = Permission::on(action, &arn, call.account());
    match find_any(tx, call, &arn).await {
        Ok(policy) => Ok(permission.with_resource_tags(policy.tags()).into()),
        Err(Error::NoSuchEntity(_)) => Ok(permission.into()),
        Err(error) => Err(error),
    }
}

/// Where AWS says in other words that a policy does not exist.
pub(super) fn reworded(error: Error, message: String) -> Error {
    match error {
        Error::NoSuchEntity(_) => Error::NoSuchEntity(message),
        other => other,
    }
}
