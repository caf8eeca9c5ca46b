//! `CreateServiceLinkedRole`, `DeleteServiceLinkedRole`, `GetServiceLinkedRoleDeletionStatus`, and the refusal of every other
//! change to such a role.
//!
//! A service-linked role trusts its service alone. At AWS the service brings its permissions; no service of AWS runs beside
//! brevet, and brevet has none of their policies, so here such a role has no permissions and gets none. It is there for programs
//! that make it, look for it and delete it.
//!
//! Source: "Create a service-linked role", `id_roles_create-service-linked-role.html`, and the operations' pages.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::common::{find_role, role_resource};
use super::holder::PolicyHolder;
use super::{room, shapes, trust};
use crate::decision::Permit;
use crate::identity::{Permissions, Role, RoleDeletion, SERVICE_LINKED, role_of_service};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::store::{Tx, layout};
use crate::types::{EntityPath, RoleName, Tags, UniqueId, UniqueIdKind, time_ordered_uuid};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<CreateServiceLinkedRole>().add::<DeleteServiceLinkedRole>();
    registry.add::<GetServiceLinkedRoleDeletionStatus>();
}

/// Refuses to change what only a role's service may change.
pub(super) fn refuse_linked(role: &Role) -> Result<(), Error> {
    if role.is_service_linked() { Err(protected(role.name.as_str())) } else { Ok(()) }
}

/// The same for the policies of a user, group or role; paths of users and groups mean nothing.
pub(super) fn refuse_linked_holder<H: PolicyHolder>(holder: &H) -> Result<(), Error> {
    if H::NOUN == Role::NOUN && holder.path().as_str().starts_with(SERVICE_LINKED) {
        return Err(protected(&holder.name().to_string()));
    }
    Ok(())
}

fn protected(name: &str) -> Error {
    let message =
        format!("Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS");
    Error::UnmodifiableEntity(message)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateServiceLinkedRole {
    #[serde(rename = "AWSServiceName")]
    service: String,
    description: Option<String>,
    custom_suffix: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OneRole {
    role: shapes::Role,
}

impl CreateServiceLinkedRole {
    fn role(&self) -> Result<(EntityPath, RoleName), Error> {
        role_of_service(&self.service, self.custom_suffix.as_deref()).ok_or_else(|| {
            let service = &self.service;
            Error::InvalidInput(format!(
                "No service-linked role can be made for the service {service} with this suffix."
            ))
        })
    }
}

impl Operation for CreateServiceLinkedRole {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateServiceLinkedRole";
    const READ_ONLY: bool = false;
    type Output = OneRole;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let (path, name) = self.role()?;
        let arn = call.realm().role(call.account(), &path, name.as_str());
        let permission = Permission::on("iam:CreateServiceLinkedRole", &arn, call.account());
        Ok(permission.with("iam:AWSServiceName", self.service.as_str()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<OneRole, Error> {
        let (path, name) = self.role()?;
        let key = layout::role(call.account(), &name);
        if tx.get::<Role>(&key).await?.is_some() {
            return Err(Error::InvalidInput(format!(
                "Service role name {name} has been taken in this account, please try a different suffix."
            )));
        }
        room::service_linked_roles(call).for_one_more(call, tx).await?;
        let trust_policy = json!({
            "Version": "2012-10-17",
            "Statement": [
                { "Effect": "Allow", "Principal": { "Service": self.service }, "Action": "sts:AssumeRole" },
            ],
        })
        .to_string();
        let role = Role {
            name,
            path,
            id: UniqueId::random(UniqueIdKind::Role, &*call.broker.random),
            created: call.now(),
            description: self.description.clone(),
            trust_in_force: trust::in_force(&trust_policy, call, tx).await?,
            trust_policy,
            max_session_duration: Role::DEFAULT_SESSION,
            tags: Tags::default(),
            permissions: Permissions::default(),
        };
        tx.put(&key, &role)?;
        tx.put(&layout::service_linked_role(call.account(), &role.name), &())?;
        Ok(OneRole { role: shapes::Role::whole(&role, call.realm(), call.account()) })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteServiceLinkedRole {
    role_name: RoleName,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Task {
    deletion_task_id: String,
}

impl Operation for DeleteServiceLinkedRole {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteServiceLinkedRole";
    const READ_ONLY: bool = false;
    type Output = Task;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let (arn, tags) = role_resource(tx, call, &self.role_name).await?;
        let permission = Permission::on("iam:DeleteServiceLinkedRole", &arn, call.account());
        Ok(permission.with_resource_tags(tags.as_slice()).into())
    }

    /// At AWS the service is asked first whether it still uses the role. Here nothing can use it, so it is gone when this is
    /// answered.
    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Task, Error> {
        let role = find_role(tx, call, &self.role_name).await?;
        if !role.is_service_linked() {
            return Err(Error::NoSuchEntity(format!("The role with name {} is not a service-linked role.", role.name)));
        }
        forget_old(call, tx).await?;
        let id = time_ordered_uuid(call.now(), &*call.broker.random);
        let task = format!("task{}{}/{id}", role.path.as_str(), role.name);
        let deletion = RoleDeletion { task: task.clone(), deleted: call.now() };
        tx.put(&layout::role_deletion(call.account(), &id), &deletion)?;
        tx.delete(&layout::service_linked_role(call.account(), &role.name))?;
        tx.delete(&layout::entity_use(call.account(), role.id.as_str()))?;
        tx.delete(&layout::role(call.account(), &role.name))?;
        Ok(Task { deletion_task_id: task })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetServiceLinkedRoleDeletionStatus {
    deletion_task_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Status {
    status: &'static str,
}

impl GetServiceLinkedRoleDeletionStatus {
    /// Path and name of the role that the task's id names, and the id's last part.
    fn parts(&self) -> Result<(EntityPath, RoleName, &str), Error> {
        let read = || {
            let (role, id) = self.deletion_task_id.strip_prefix("task")?.rsplit_once('/')?;
            let (path, name) = role.rsplit_once('/').filter(|_| role.starts_with(SERVICE_LINKED))?;
            Some((format!("{path}/").parse().ok()?, name.parse().ok()?, id))
        };
        read().ok_or_else(|| Error::InvalidInput("The DeletionTaskId is not in the form of one.".to_owned()))
    }
}

impl Operation for GetServiceLinkedRoleDeletionStatus {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetServiceLinkedRoleDeletionStatus";
    const READ_ONLY: bool = true;
    type Output = Status;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let (path, name, _) = self.parts()?;
        let arn = call.realm().role(call.account(), &path, name.as_str());
        Ok(Permission::on("iam:GetServiceLinkedRoleDeletionStatus", &arn, call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Status, Error> {
        let (_, _, id) = self.parts()?;
        let found = tx.get::<RoleDeletion>(&layout::role_deletion(call.account(), id)).await?;
        if found.is_none_or(|found| found.is_over(call.now()) || found.task != self.deletion_task_id) {
            let message = format!("The deletion task {} cannot be found.", self.deletion_task_id);
            return Err(Error::NoSuchEntity(message));
        }
        Ok(Status { status: "SUCCEEDED" })
    }
}

/// Clears away deletions that nobody is told of any more. Their ids are in the order of time, so these stand in front.
async fn forget_old(call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
    const AT_ONCE: usize = 25;
    let all = layout::role_deletions(call.account()).children();
    for (key, deletion) in tx.scan::<RoleDeletion>(&all, AT_ONCE).await? {
        if deletion.is_over(call.now()) {
            tx.delete(&key)?;
        }
    }
    Ok(())
}
