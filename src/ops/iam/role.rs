//! `CreateRole`, `GetRole`, `ListRoles`, `UpdateRole`, `UpdateRoleDescription`, `UpdateAssumeRolePolicy`, `DeleteRole`.

use serde::{Deserialize, Serialize};

use super::boundary::check_boundary;
use super::common::{below, distinct_tags, find_role, list, page, role_resource};
use super::managed_policy::policy_arn;
use super::service_linked_role::refuse_linked;
use super::{room, shapes, trust};
use crate::decision::Permit;
use crate::identity::{Permissions, ProfilesOfRole, Role, SERVICE_LINKED};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::store::{Tx, layout};
use crate::types::{EntityPath, RoleName, Tag, UniqueId, UniqueIdKind};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<CreateRole>().add::<GetRole>().add::<ListRoles>().add::<DeleteRole>();
    registry.add::<UpdateRole>().add::<UpdateRoleDescription>().add::<UpdateAssumeRolePolicy>();
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateRole {
    role_name: RoleName,
    path: Option<EntityPath>,
    assume_role_policy_document: String,
    description: Option<String>,
    max_session_duration: Option<u32>,
    permissions_boundary: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OneRole {
    role: shapes::Role,
}

impl Operation for CreateRole {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateRole";
    const READ_ONLY: bool = false;
    type Output = OneRole;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let path = self.path.clone().unwrap_or_default();
        let arn = call.realm().role(call.account(), &path, self.role_name.as_str());
        let boundary = self.permissions_boundary.as_deref();
        Ok(Permission::on("iam:CreateRole", &arn, call.account())
            .with_some("iam:PermissionsBoundary", boundary)
            .with_request_tags(&self.tags)
            .into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<OneRole, Error> {
        let key = layout::role(call.account(), &self.role_name);
        if tx.get::<Role>(&key).await?.is_some() {
            return Err(Error::exists("Role", &self.role_name));
        }
        // An organization's guardrails do not bind what stands below this path.
        if self.path.as_ref().is_some_and(|path| path.as_str().starts_with(SERVICE_LINKED)) {
            return Err(Error::InvalidInput(format!(
                "Paths that begin with {SERVICE_LINKED} are reserved for services."
            )));
        }
        room::roles(call).for_one_more(call, tx).await?;
        let trust_in_force = trust::in_force(&self.assume_role_policy_document, call, tx).await?;
        let tags = distinct_tags(self.tags.clone())?;
        let mut permissions = Permissions::default();
        if let Some(boundary) = &self.permissions_boundary {
            let boundary = policy_arn(boundary)?;
            check_boundary(tx, call, &boundary, "role", &self.role_name.folded()).await?;
            permissions.boundary = Some(boundary);
        }
        let role = Role {
            name: self.role_name.clone(),
            path: self.path.clone().unwrap_or_default(),
            id: UniqueId::random(UniqueIdKind::Role, &*call.broker.random),
            created: call.now(),
            description: self.description.clone(),
            trust_policy: self.assume_role_policy_document.clone(),
            trust_in_force,
            max_session_duration: self.max_session_duration.unwrap_or(Role::DEFAULT_SESSION),
            tags,
            permissions,
        };
        tx.put(&key, &role)?;
        Ok(OneRole { role: shapes::Role::whole(&role, call.realm(), call.account()) })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetRole {
    role_name: RoleName,
}

impl Operation for GetRole {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetRole";
    const READ_ONLY: bool = true;
    type Output = OneRole;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_role("iam:GetRole", &self.role_name, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<OneRole, Error> {
        let role = find_role(tx, call, &self.role_name).await?;
        let used = call.broker.usage.of_entity(call.account(), role.id.as_str(), tx).await?;
        let used = shapes::RoleLastUsed::of(&used, call.now());
        Ok(OneRole { role: shapes::Role::with_last_use(&role, used, call.realm(), call.account()) })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListRoles {
    path_prefix: Option<String>,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RolePage {
    roles: Vec<shapes::Role>,
    is_truncated: bool,
    marker: Option<String>,
}

impl Operation for ListRoles {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListRoles";
    const READ_ONLY: bool = true;
    type Output = RolePage;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let prefix: EntityPath = self.path_prefix.as_deref().and_then(|prefix| prefix.parse().ok()).unwrap_or_default();
        let arn = call.realm().role(call.account(), &prefix, "");
        Ok(Permission::on("iam:ListRoles", &arn, call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<RolePage, Error> {
        let page = page(self.marker.as_deref(), self.max_items)?;
        let parent = layout::all("role", call.account());
        let (roles, tail) =
            list(tx, &parent, &page, |role: &Role| below(&role.path, self.path_prefix.as_deref())).await?;
        let roles = roles.iter().map(|role| shapes::Role::listed(role, call.realm(), call.account())).collect();
        Ok(RolePage { roles, is_truncated: tail.is_truncated, marker: tail.marker })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateRole {
    role_name: RoleName,
    description: Option<String>,
    max_session_duration: Option<u32>,
}

#[derive(Serialize)]
struct Nothing {}

impl Operation for UpdateRole {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateRole";
    const READ_ONLY: bool = false;
    type Output = Nothing;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_role("iam:UpdateRole", &self.role_name, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Nothing, Error> {
        let mut role = find_role(tx, call, &self.role_name).await?;
        if let Some(description) = &self.description {
            role.description = Some(description.clone());
        }
        if let Some(longest) = self.max_session_duration {
            // The description of a service-linked role is anybody's to edit, and nothing else.
            refuse_linked(&role)?;
            role.max_session_duration = longest;
        }
        tx.put(&layout::role(call.account(), &self.role_name), &role)?;
        Ok(Nothing {})
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateRoleDescription {
    role_name: RoleName,
    description: String,
}

impl Operation for UpdateRoleDescription {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateRoleDescription";
    const READ_ONLY: bool = false;
    type Output = OneRole;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_role("iam:UpdateRoleDescription", &self.role_name, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<OneRole, Error> {
        let mut role = find_role(tx, call, &self.role_name).await?;
        role.description = Some(self.description.clone());
        tx.put(&layout::role(call.account(), &self.role_name), &role)?;
        Ok(OneRole { role: shapes::Role::whole(&role, call.realm(), call.account()) })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateAssumeRolePolicy {
    role_name: RoleName,
    policy_document: String,
}

impl Operation for UpdateAssumeRolePolicy {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateAssumeRolePolicy";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_role("iam:UpdateAssumeRolePolicy", &self.role_name, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let mut role = find_role(tx, call, &self.role_name).await?;
        refuse_linked(&role)?;
        role.trust_in_force = trust::in_force(&self.policy_document, call, tx).await?;
        role.trust_policy = self.policy_document.clone();
        Ok(tx.put(&layout::role(call.account(), &self.role_name), &role)?)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteRole {
    role_name: RoleName,
}

impl Operation for DeleteRole {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteRole";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_role("iam:DeleteRole", &self.role_name, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let role = find_role(tx, call, &self.role_name).await?;
        refuse_linked(&role)?;
        let usage_key = layout::profiles_of_role(call.account(), &self.role_name);
        let usage = tx.get::<ProfilesOfRole>(&usage_key).await?.unwrap_or_default();
        let in_the_way = if usage.profiles > 0 {
            "must remove roles from instance profile first."
        } else if !role.permissions.attached.is_empty() {
            "must detach all policies first."
        } else if !role.permissions.inline.is_empty() {
            "must delete policies first."
        } else {
            super::boundary::release(tx, call, role.permissions.boundary.as_ref(), "role", &role.name.folded()).await?;
            // Also where there is no such record: who adds the role to a profile meanwhile makes one, and one of the two begins
            // anew.
            tx.delete(&usage_key)?;
            tx.delete(&layout::entity_use(call.account(), role.id.as_str()))?;
            return Ok(tx.delete(&layout::role(call.account(), &self.role_name))?);
        };
        Err(Error::DeleteConflict(format!("Cannot delete entity, {in_the_way}")))
    }
}

async fn on_role(action: &str, name: &RoleName, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
    let (arn, tags) = role_resource(tx, call, name).await?;
    Ok(Permission::on(action, &arn, call.account()).with_resource_tags(tags.as_slice()).into())
}
