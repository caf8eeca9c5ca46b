//! `CreatePolicyVersion`, `GetPolicyVersion`, `ListPolicyVersions`, `DeletePolicyVersion`, `SetDefaultPolicyVersion`.

use serde::{Deserialize, Serialize};

use super::any_policy::{AnyPolicy, find_any, find_changeable};
use super::common::{page, page_of};
use super::managed_policy::{check_managed, on_policy, policy_arn};
use super::room;
use super::shapes::encoded;
use crate::decision::Permit;
use crate::identity::{self, AwsPolicy, ManagedPolicy};
use crate::ops::{Call, Demand, Error, Operation, Registry};
use crate::store::{Tx, layout};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<CreatePolicyVersion>().add::<GetPolicyVersion>().add::<ListPolicyVersions>();
    registry.add::<DeletePolicyVersion>().add::<SetDefaultPolicyVersion>();
}

/// A version of a managed policy. Only `GetPolicyVersion` carries the document.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyVersion {
    /// Percent-encoded.
    document: Option<String>,
    version_id: String,
    is_default_version: bool,
    create_date: String,
}

impl PolicyVersion {
    fn listed(policy: &ManagedPolicy, number: u32, version: &identity::PolicyVersion) -> Self {
        Self {
            document: None,
            version_id: format!("v{number}"),
            is_default_version: number == policy.default_version,
            create_date: version.created.iso8601(),
        }
    }

    /// Of AWS's policies the version in force is the only one.
    fn of_aws(policy: &AwsPolicy) -> Self {
        Self {
            document: None,
            version_id: format!("v{}", policy.version),
            is_default_version: true,
            create_date: policy.updated.to_owned(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OneVersion {
    policy_version: PolicyVersion,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreatePolicyVersion {
    policy_arn: String,
    policy_document: String,
    #[serde(default)]
    set_as_default: bool,
}

impl Operation for CreatePolicyVersion {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreatePolicyVersion";
    const READ_ONLY: bool = false;
    type Output = OneVersion;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_policy("iam:CreatePolicyVersion", &self.policy_arn, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<OneVersion, Error> {
        let mut policy = find_changeable(tx, call, &policy_arn(&self.policy_arn)?).await?;
        check_managed(&self.policy_document, call)?;
        room::policy_versions(call).for_one_more(call, tx).await?;
        let number = policy.add_version(self.policy_document.clone(), call.now()).ok_or_else(|| {
            let most = identity::quota::POLICY_VERSIONS;
            Error::LimitExceeded(format!(
                "A managed policy can have up to {most} versions. Before you create a new version, you must delete an \
                 existing version."
            ))
        })?;
        if self.set_as_default {
            policy.default_version = number;
        }
        tx.put(&layout::policy(call.account(), &policy.name), &policy)?;
        tx.put(&layout::policy_version(call.account(), &policy.name, number), &())?;
        let policy_version = PolicyVersion {
            document: None,
            version_id: format!("v{number}"),
            is_default_version: self.set_as_default,
            create_date: call.now().iso8601(),
        };
        Ok(OneVersion { policy_version })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetPolicyVersion {
    policy_arn: String,
    version_id: String,
}

impl Operation for GetPolicyVersion {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetPolicyVersion";
    const READ_ONLY: bool = true;
    type Output = OneVersion;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_policy("iam:GetPolicyVersion", &self.policy_arn, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<OneVersion, Error> {
        let policy_version = match find_any(tx, call, &policy_arn(&self.policy_arn)?).await? {
            AnyPolicy::Own(policy) => {
                let (number, version) = find_version(&policy, &self.policy_arn, &self.version_id)?;
                let document = Some(encoded(&version.document));
                PolicyVersion { document, ..PolicyVersion::listed(&policy, number, version) }
            }
            AnyPolicy::Aws(policy) if ManagedPolicy::version_number(&self.version_id) == Some(policy.version) => {
                let document = Some(encoded(&policy.document(&call.realm().partition)));
                PolicyVersion { document, ..PolicyVersion::of_aws(policy) }
            }
            AnyPolicy::Aws(_) => return Err(no_such_version(&self.policy_arn, &self.version_id)),
        };
        Ok(OneVersion { policy_version })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListPolicyVersions {
    policy_arn: String,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct VersionPage {
    versions: Vec<PolicyVersion>,
    is_truncated: bool,
    marker: Option<String>,
}

impl Operation for ListPolicyVersions {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListPolicyVersions";
    const READ_ONLY: bool = true;
    type Output = VersionPage;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_policy("iam:ListPolicyVersions", &self.policy_arn, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<VersionPage, Error> {
        let page = page(self.marker.as_deref(), self.max_items)?;
        let policy = match find_any(tx, call, &policy_arn(&self.policy_arn)?).await? {
            AnyPolicy::Own(policy) => policy,
            AnyPolicy::Aws(policy) => {
                let (versions, tail) = page_of(vec![policy], &page, |policy| age(policy.version));
                let versions = versions.into_iter().map(PolicyVersion::of_aws).collect();
                return Ok(VersionPage { versions, is_truncated: tail.is_truncated, marker: tail.marker });
            }
        };
        let newest_first = policy.versions.iter().rev().collect();
        let (versions, tail) = page_of(newest_first, &page, |(number, _)| age(**number));
        let versions =
            versions.into_iter().map(|(number, version)| PolicyVersion::listed(&policy, *number, version)).collect();
        Ok(VersionPage { versions, is_truncated: tail.is_truncated, marker: tail.marker })
    }
}

/// A text that sorts later versions first.
fn age(number: u32) -> String {
    format!("{:010}", u32::MAX - number)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeletePolicyVersion {
    policy_arn: String,
    version_id: String,
}

impl Operation for DeletePolicyVersion {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeletePolicyVersion";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_policy("iam:DeletePolicyVersion", &self.policy_arn, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let mut policy = find_changeable(tx, call, &policy_arn(&self.policy_arn)?).await?;
        let (number, _) = find_version(&policy, &self.policy_arn, &self.version_id)?;
        if number == policy.default_version {
            return Err(Error::DeleteConflict("Cannot delete the default version of a policy.".to_owned()));
        }
        policy.versions.remove(&number);
        tx.delete(&layout::policy_version(call.account(), &policy.name, number))?;
        policy.updated = call.now();
        Ok(tx.put(&layout::policy(call.account(), &policy.name), &policy)?)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SetDefaultPolicyVersion {
    policy_arn: String,
    version_id: String,
}

impl Operation for SetDefaultPolicyVersion {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "SetDefaultPolicyVersion";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_policy("iam:SetDefaultPolicyVersion", &self.policy_arn, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let mut policy = find_changeable(tx, call, &policy_arn(&self.policy_arn)?).await?;
        let (number, _) = find_version(&policy, &self.policy_arn, &self.version_id)?;
        if number == policy.default_version {
            return Ok(());
        }
        policy.default_version = number;
        policy.updated = call.now();
        Ok(tx.put(&layout::policy(call.account(), &policy.name), &policy)?)
    }
}

fn find_version<'a>(
    policy: &'a ManagedPolicy,
    arn: &str,
    id: &str,
) -> Result<(u32, &'a identity::PolicyVersion), Error> {
    let number = ManagedPolicy::version_number(id);
    let found = number.and_then(|number| Some((number, policy.versions.get(&number)?)));
    found.ok_or_else(|| no_such_version(arn, id))
}

fn no_such_version(arn: &str, id: &str) -> Error {
    Error::NoSuchEntity(format!("Policy {arn} version {id} does not exist or is not attachable."))
}

#[cfg(test)]
mod tests {
    use super::age;

    #[test]
    fn later_versions_sort_first() {
        assert!(age(10) < age(9) && age(2) < age(1) && age(u32::MAX) < age(10));
    }
}
