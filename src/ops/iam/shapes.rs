//! Entities as IAM's answers show them. Names of members are AWS's.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::types::{AccountId, Arn, Realm, Tag, Tags};
use crate::{identity, usage};

/// A user. Lists leave out the boundary and the tags; `GetUser` carries them.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct User {
    pub(super) path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_name: Option<String>,
    pub(super) user_id: String,
    pub(super) arn: String,
    pub(super) create_date: String,
    pub(super) permissions_boundary: Option<AttachedBoundary>,
    pub(super) tags: Option<Tags>,
}

impl User {
    pub(super) fn listed(user: &identity::User, realm: &Realm, account: AccountId) -> Self {
        Self {
            path: user.path.as_str().to_owned(),
            user_name: Some(user.name.to_string()),
            user_id: user.id.to_string(),
            arn: user.arn(realm, account).to_string(),
            create_date: user.created.iso8601(),
            permissions_boundary: None,
            tags: None,
        }
    }

    pub(super) fn whole(user: &identity::User, realm: &Realm, account: AccountId) -> Self {
        Self {
            permissions_boundary: AttachedBoundary::of(&user.permissions),
            tags: some_tags(&user.tags),
            ..Self::listed(user, realm, account)
        }
    }
}

/// A group.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Group {
    path: String,
    group_name: String,
    group_id: String,
    arn: String,
    create_date: String,
}

impl Group {
    pub(super) fn of(group: &identity::Group, realm: &Realm, account: AccountId) -> Self {
        Self {
            path: group.path.as_str().to_owned(),
            group_name: group.name.to_string(),
            group_id: group.id.to_string(),
            arn: group.arn(realm, account).to_string(),
            create_date: group.created.iso8601(),
        }
    }
}

/// A role. Lists leave out the boundary and the tags.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Role {
    path: String,
    role_name: String,
    role_id: String,
    arn: String,
    create_date: String,
    /// Percent-encoded (RFC 3986), as all policy documents in IAM's answers.
    assume_role_policy_document: String,
    description: Option<String>,
    max_session_duration: u32,
    permissions_boundary: Option<AttachedBoundary>,
    tags: Option<Tags>,
    role_last_used: Option<RoleLastUsed>,
}

/// When a role's sessions were last used; empty if they never were, or not in the time that AWS tells of.
#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RoleLastUsed {
    last_used_date: Option<String>,
    region: Option<String>,
}

impl RoleLastUsed {
    pub(super) fn of(used: &identity::EntityUse, now: Timestamp) -> Self {
        match used.last().filter(|last| usage::told(last, now)) {
            Some(last) => Self { last_used_date: Some(last.at.iso8601()), region: Some(last.region.clone()) },
            None => Self::default(),
        }
    }
}

impl Role {
    /// As [`Role::whole`], with its last use: what `GetRole` answers.
    pub(super) fn with_last_use(role: &identity::Role, used: RoleLastUsed, realm: &Realm, account: AccountId) -> Self {
        Self { role_last_used: Some(used), ..Self::whole(role, realm, account) }
    }

    pub(super) fn listed(role: &identity::Role, realm: &Realm, account: AccountId) -> Self {
        Self {
            path: role.path.as_str().to_owned(),
            role_name: role.name.to_string(),
            role_id: role.id.to_string(),
            arn: role.arn(realm, account).to_string(),
            create_date: role.created.iso8601(),
            assume_role_policy_document: encoded(&role.trust_policy),
            description: role.description.clone(),
            max_session_duration: role.max_session_duration,
            permissions_boundary: None,
            tags: None,
            role_last_used: None,
        }
    }

    pub(super) fn whole(role: &identity::Role, realm: &Realm, account: AccountId) -> Self {
        Self {
            permissions_boundary: AttachedBoundary::of(&role.permissions),
            tags: some_tags(&role.tags),
            ..Self::listed(role, realm, account)
        }
    }
}

/// An instance profile, with the role that it holds. Lists leave out the tags.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InstanceProfile {
    path: String,
    instance_profile_name: String,
    instance_profile_id: String,
    arn: String,
    create_date: String,
    roles: Vec<Role>,
    tags: Option<Tags>,
}

impl InstanceProfile {
    /// `role` is the record of the role that the profile names.
    pub(super) fn listed(
        profile: &identity::InstanceProfile,
        role: Option<&identity::Role>,
        realm: &Realm,
        account: AccountId,
    ) -> Self {
        Self {
            path: profile.path.as_str().to_owned(),
            instance_profile_name: profile.name.to_string(),
            instance_profile_id: profile.id.to_string(),
            arn: profile.arn(realm, account).to_string(),
            create_date: profile.created.iso8601(),
            roles: role.into_iter().map(|role| Role::listed(role, realm, account)).collect(),
            tags: None,
        }
    }

    pub(super) fn whole(
        profile: &identity::InstanceProfile,
        role: Option<&identity::Role>,
        realm: &Realm,
        account: AccountId,
    ) -> Self {
        Self { tags: some_tags(&profile.tags), ..Self::listed(profile, role, realm, account) }
    }
}

/// The boundary of a user or role.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AttachedBoundary {
    /// Always `Policy`; AWS's page of the shape says `PermissionsBoundaryPolicy`, its answers say `Policy`.
    permissions_boundary_type: &'static str,
    permissions_boundary_arn: String,
}

impl AttachedBoundary {
    pub(super) fn of(permissions: &identity::Permissions) -> Option<Self> {
        permissions
            .boundary
            .as_ref()
            .map(|arn: &Arn| Self { permissions_boundary_type: "Policy", permissions_boundary_arn: arn.to_string() })
    }
}

/// The end of a list: whether there is more, and where it goes on. Answers name both members themselves (serde's `flatten` turns
/// a struct into a map, which the Query protocol writes otherwise).
#[derive(Default)]
pub(super) struct Tail {
    pub(super) is_truncated: bool,
    pub(super) marker: Option<String>,
}

/// A policy document as IAM's answers carry it: percent-encoded after RFC 3986.
pub(super) fn encoded(document: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(document, RESERVED).to_string()
}

/// Answers leave out an empty list of tags.
pub(super) fn some_tags(tags: &Tags) -> Option<Tags> {
    (!tags.is_empty()).then(|| tags.clone())
}

/// Tags as a page.
pub(super) fn tag_list(tags: &Tags) -> Vec<Tag> {
    tags.as_slice().to_vec()
}
