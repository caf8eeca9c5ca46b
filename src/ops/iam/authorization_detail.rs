//! Users, groups, roles and policies as `GetAccountAuthorizationDetails` shows them: with every document, percent-encoded.
//!
//! Source: `UserDetail`, `GroupDetail`, `RoleDetail` and `ManagedPolicyDetail` in the IAM API reference.

use serde::Serialize;

use super::shapes::{self, AttachedBoundary, RoleLastUsed, encoded};
use crate::identity::{
    AwsPolicy, Group, InstanceProfile, ManagedPolicy, Permissions, PolicyUsage, ProfileOfRole, Role, User,
};
use crate::ops::{Call, Error};
use crate::store::{Tx, layout};
use crate::types::{AccountId, Arn, Realm, Tags};

/// An inline policy.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyDetail {
    policy_name: String,
    policy_document: String,
}

/// A managed policy where it is attached.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AttachedPolicy {
    policy_name: String,
    policy_arn: String,
}

fn inline(permissions: &Permissions) -> Vec<PolicyDetail> {
    let detail = |(name, document): (&crate::types::PolicyName, &str)| PolicyDetail {
        policy_name: name.to_string(),
        policy_document: encoded(document),
    };
    permissions.inline.iter().map(detail).collect()
}

fn attached(permissions: &Permissions) -> Vec<AttachedPolicy> {
    let name = |arn: &Arn| arn.as_str().rsplit('/').next().unwrap_or_default().to_owned();
    let shown = |arn: &Arn| AttachedPolicy { policy_name: name(arn), policy_arn: arn.to_string() };
    let mut all: Vec<AttachedPolicy> = permissions.attached.iter().map(shown).collect();
    all.sort_by_key(|policy| policy.policy_name.to_ascii_lowercase());
    all
}

fn documents(policies: &[PolicyDetail]) -> usize {
    policies.iter().map(|policy| policy.policy_document.len()).sum()
}

/// A user.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UserDetail {
    path: String,
    user_name: String,
    user_id: String,
    arn: String,
    create_date: String,
    user_policy_list: Vec<PolicyDetail>,
    group_list: Vec<String>,
    attached_managed_policies: Vec<AttachedPolicy>,
    permissions_boundary: Option<AttachedBoundary>,
    tags: Tags,
}

impl UserDetail {
    pub(super) fn of(user: &User, realm: &Realm, account: AccountId) -> Self {
        let mut group_list: Vec<String> = user.groups.iter().map(ToString::to_string).collect();
        group_list.sort_by_key(|name| name.to_ascii_lowercase());
        Self {
            path: user.path.as_str().to_owned(),
            user_name: user.name.to_string(),
            user_id: user.id.to_string(),
            arn: user.arn(realm, account).to_string(),
            create_date: user.created.iso8601(),
            user_policy_list: inline(&user.permissions),
            group_list,
            attached_managed_policies: attached(&user.permissions),
            permissions_boundary: AttachedBoundary::of(&user.permissions),
            tags: user.tags.clone(),
        }
    }

    /// Bytes of documents.
    pub(super) fn bytes(&self) -> usize {
        documents(&self.user_policy_list)
    }
}

/// A group.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GroupDetail {
    path: String,
    group_name: String,
    group_id: String,
    arn: String,
    create_date: String,
    group_policy_list: Vec<PolicyDetail>,
    attached_managed_policies: Vec<AttachedPolicy>,
}

impl GroupDetail {
    pub(super) fn of(group: &Group, realm: &Realm, account: AccountId) -> Self {
        Self {
            path: group.path.as_str().to_owned(),
            group_name: group.name.to_string(),
            group_id: group.id.to_string(),
            arn: group.arn(realm, account).to_string(),
            create_date: group.created.iso8601(),
            group_policy_list: inline(&group.permissions),
            attached_managed_policies: attached(&group.permissions),
        }
    }

    /// Bytes of documents.
    pub(super) fn bytes(&self) -> usize {
        documents(&self.group_policy_list)
    }
}

/// A role, with the instance profiles that hold it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RoleDetail {
    path: String,
    role_name: String,
    role_id: String,
    arn: String,
    create_date: String,
    assume_role_policy_document: String,
    instance_profile_list: Vec<shapes::InstanceProfile>,
    role_policy_list: Vec<PolicyDetail>,
    attached_managed_policies: Vec<AttachedPolicy>,
    permissions_boundary: Option<AttachedBoundary>,
    tags: Tags,
    role_last_used: RoleLastUsed,
}

impl RoleDetail {
    pub(super) fn of(
        role: &Role,
        profiles: &[InstanceProfile],
        role_last_used: RoleLastUsed,
        realm: &Realm,
        account: AccountId,
    ) -> Self {
        let profile = |profile| shapes::InstanceProfile::listed(profile, Some(role), realm, account);
        Self {
            path: role.path.as_str().to_owned(),
            role_name: role.name.to_string(),
            role_id: role.id.to_string(),
            arn: role.arn(realm, account).to_string(),
            create_date: role.created.iso8601(),
            assume_role_policy_document: encoded(&role.trust_policy),
            instance_profile_list: profiles.iter().map(profile).collect(),
            role_policy_list: inline(&role.permissions),
            attached_managed_policies: attached(&role.permissions),
            permissions_boundary: AttachedBoundary::of(&role.permissions),
            tags: role.tags.clone(),
            role_last_used,
        }
    }

    /// Bytes of documents; each instance profile shows the trust policy again.
    pub(super) fn bytes(&self) -> usize {
        let trust = self.assume_role_policy_document.len();
        documents(&self.role_policy_list) + trust * (1 + self.instance_profile_list.len())
    }
}

/// The instance profiles that hold a role, in the order of their names.
pub(super) async fn profiles_of(role: &Role, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<InstanceProfile>, Error> {
    const BATCH: usize = 100;
    let mut range = layout::all_profiles_of_role(call.account(), &role.name).children();
    let mut profiles = Vec::new();
    loop {
        let batch = tx.scan::<ProfileOfRole>(&range, BATCH).await?;
        let Some((key, _)) = batch.last() else { return Ok(profiles) };
        range = range.after(key);
        for (_, held) in batch {
            let profile = tx.get::<InstanceProfile>(&layout::instance_profile(call.account(), &held.profile)).await?;
            // One that lost the role since the list was read is not the role's any more.
            profiles.extend(profile.filter(|profile| profile.holds(&role.name)));
        }
    }
}

/// A managed policy with all its versions, newest first.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ManagedPolicyDetail {
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
    policy_version_list: Vec<PolicyVersion>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyVersion {
    document: String,
    version_id: String,
    is_default_version: bool,
    create_date: String,
}

impl ManagedPolicyDetail {
    pub(super) fn of(policy: &ManagedPolicy, usage: &PolicyUsage, realm: &Realm, account: AccountId) -> Self {
        let newest_first = policy.versions.iter().rev();
        let version = |(number, version): (&u32, &crate::identity::PolicyVersion)| PolicyVersion {
            document: encoded(&version.document),
            version_id: format!("v{number}"),
            is_default_version: *number == policy.default_version,
            create_date: version.created.iso8601(),
        };
        Self {
            policy_name: policy.name.to_string(),
            policy_id: policy.id.to_string(),
            arn: policy.arn(realm, account).to_string(),
            path: policy.path.as_str().to_owned(),
            default_version_id: format!("v{}", policy.default_version),
            attachment_count: usage.attachments,
            permissions_boundary_usage_count: usage.boundaries,
            is_attachable: true,
            description: policy.description.clone(),
            create_date: policy.created.iso8601(),
            update_date: policy.updated.iso8601(),
            policy_version_list: newest_first.map(version).collect(),
        }
    }

    /// A policy of AWS's, of which the version in force is kept.
    pub(super) fn of_aws(policy: &AwsPolicy, usage: &PolicyUsage, realm: &Realm) -> Self {
        let version = PolicyVersion {
            document: encoded(&policy.document(&realm.partition)),
            version_id: format!("v{}", policy.version),
            is_default_version: true,
            create_date: policy.updated.to_owned(),
        };
        Self {
            policy_name: policy.name.to_owned(),
            policy_id: policy.id.to_owned(),
            arn: policy.arn(realm).to_string(),
            path: policy.path.to_owned(),
            default_version_id: version.version_id.clone(),
            attachment_count: usage.attachments,
            permissions_boundary_usage_count: usage.boundaries,
            is_attachable: true,
            description: policy.description().map(str::to_owned),
            create_date: policy.created.to_owned(),
            update_date: policy.updated.to_owned(),
            policy_version_list: vec![version],
        }
    }

    /// Bytes of documents.
    pub(super) fn bytes(&self) -> usize {
        self.policy_version_list.iter().map(|version| version.document.len()).sum()
    }
}
