//! `CreateUser`, `GetUser`, `ListUsers`, `UpdateUser`, `DeleteUser`.

use serde::{Deserialize, Serialize};

use super::boundary::check_boundary;
use super::common::{below, distinct_tags, find_user, list, page, user_resource};
use super::managed_policy::policy_arn;
use super::{rename, room, shapes};
use crate::decision::{Identity, Permit};
use crate::identity::{Permissions, User, UserCredentials};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::store::{Tx, layout};
use crate::types::{EntityPath, Tag, UniqueId, UniqueIdKind, UserName};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<CreateUser>().add::<GetUser>().add::<ListUsers>().add::<UpdateUser>().add::<DeleteUser>();
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateUser {
    user_name: UserName,
    path: Option<EntityPath>,
    permissions_boundary: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OneUser {
    user: shapes::User,
}

impl Operation for CreateUser {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateUser";
    const READ_ONLY: bool = false;
    type Output = OneUser;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let path = self.path.clone().unwrap_or_default();
        let arn = call.realm().user(call.account(), &path, self.user_name.as_str());
        let boundary = self.permissions_boundary.as_deref();
        Ok(Permission::on("iam:CreateUser", &arn, call.account())
            .with_some("iam:PermissionsBoundary", boundary)
            .with_request_tags(&self.tags)
            .into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<OneUser, Error> {
        let key = layout::user(call.account(), &self.user_name);
        if tx.get::<User>(&key).await?.is_some() {
            return Err(Error::exists("User", &self.user_name));
        }
        room::users(call).for_one_more(call, tx).await?;
        let tags = distinct_tags(self.tags.clone())?;
        let mut permissions = Permissions::default();
        if let Some(boundary) = &self.permissions_boundary {
            let boundary = policy_arn(boundary)?;
            check_boundary(tx, call, &boundary, "user", &self.user_name.folded()).await?;
            permissions.boundary = Some(boundary);
        }
        let user = User {
            name: self.user_name.clone(),
            path: self.path.clone().unwrap_or_default(),
            id: UniqueId::random(UniqueIdKind::User, &*call.broker.random),
            created: call.now(),
            tags,
            permissions,
            groups: Vec::new(),
            access_keys: Vec::new(),
            mfa_devices: Vec::new(),
            has_login_profile: false,
            credentials: UserCredentials::default(),
        };
        tx.put(&key, &user)?;
        Ok(OneUser { user: shapes::User::whole(&user, call.realm(), call.account()) })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetUser {
    user_name: Option<UserName>,
}

impl Operation for GetUser {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetUser";
    const READ_ONLY: bool = true;
    type Output = OneUser;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let permission = match self.asked_about(call)? {
            Asked::Root => Permission::on("iam:GetUser", &call.realm().root(call.account()), call.account()),
            Asked::User(name) => {
                let (arn, tags) = user_resource(tx, call, name).await?;
                Permission::on("iam:GetUser", &arn, call.account()).with_resource_tags(tags.as_slice())
            }
        };
        Ok(permission.into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<OneUser, Error> {
        let user = match self.asked_about(call)? {
            Asked::User(name) => shapes::User::whole(&find_user(tx, call, name).await?, call.realm(), call.account()),
            Asked::Root => root_user(call, tx).await?,
        };
        Ok(OneUser { user })
    }
}

enum Asked<'a> {
    Root,
    User(&'a UserName),
}

impl GetUser {
    /// Without a name, the question is about the caller.
    fn asked_about<'a>(&'a self, call: &'a Call<'_>) -> Result<Asked<'a>, Error> {
        match (&self.user_name, call.caller.identity()) {
            (Some(name), _) | (None, Identity::User(name)) => Ok(Asked::User(name)),
            (None, Identity::Root) => Ok(Asked::Root),
            (None, Identity::Role(_)) => {
                Err(Error::Validation("Must specify userName when calling with non-User credentials".to_owned()))
            }
        }
    }
}

async fn root_user(call: &Call<'_>, tx: &mut Tx) -> Result<shapes::User, Error> {
    let account = tx.get::<crate::identity::Account>(&layout::account(call.account())).await?;
    let account = account.ok_or(Error::NoPrincipal)?;
    Ok(shapes::User {
        path: "/".to_owned(),
        user_name: None,
        user_id: account.id.to_string(),
        arn: call.realm().root(account.id).to_string(),
        create_date: account.created.iso8601(),
        permissions_boundary: None,
        tags: None,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListUsers {
    path_prefix: Option<String>,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UserPage {
    users: Vec<shapes::User>,
    is_truncated: bool,
    marker: Option<String>,
}

impl Operation for ListUsers {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListUsers";
    const READ_ONLY: bool = true;
    type Output = UserPage;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let prefix: EntityPath = self.path_prefix.as_deref().and_then(|prefix| prefix.parse().ok()).unwrap_or_default();
        let arn = call.realm().user(call.account(), &prefix, "");
        Ok(Permission::on("iam:ListUsers", &arn, call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<UserPage, Error> {
        let page = page(self.marker.as_deref(), self.max_items)?;
        let parent = layout::all("user", call.account());
        let (users, tail) =
            list(tx, &parent, &page, |user: &User| below(&user.path, self.path_prefix.as_deref())).await?;
        let users = users.iter().map(|user| shapes::User::listed(user, call.realm(), call.account())).collect();
        Ok(UserPage { users, is_truncated: tail.is_truncated, marker: tail.marker })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateUser {
    user_name: UserName,
    new_path: Option<EntityPath>,
    new_user_name: Option<UserName>,
}

impl Operation for UpdateUser {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateUser";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let (arn, tags) = user_resource(tx, call, &self.user_name).await?;
        let mut demands =
            vec![Permission::on("iam:UpdateUser", &arn, call.account()).with_resource_tags(tags.as_slice()).demand()];
        if self.new_path.is_some() || self.new_user_name.is_some() {
            // AWS asks for the permission on the name that the user will have too.
            let user = find_user(tx, call, &self.user_name).await.ok();
            let path = self.new_path.clone().or(user.map(|user| user.path)).unwrap_or_default();
            let name = self.new_user_name.as_ref().unwrap_or(&self.user_name);
            let target = call.realm().user(call.account(), &path, name.as_str());
            demands.push(Permission::on("iam:UpdateUser", &target, call.account()).demand());
        }
        Ok(demands)
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let mut user = find_user(tx, call, &self.user_name).await?;
        if let Some(path) = &self.new_path {
            user.path = path.clone();
        }
        match &self.new_user_name {
            Some(name) if *name != user.name => rename::user(tx, call, user, name.clone()).await,
            _ => Ok(tx.put(&layout::user(call.account(), &self.user_name), &user)?),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteUser {
    user_name: UserName,
}

impl Operation for DeleteUser {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteUser";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let (arn, tags) = user_resource(tx, call, &self.user_name).await?;
        Ok(Permission::on("iam:DeleteUser", &arn, call.account()).with_resource_tags(tags.as_slice()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let user = find_user(tx, call, &self.user_name).await?;
        let in_the_way = if user.has_login_profile {
            "must delete login profile first."
        } else if !user.access_keys.is_empty() {
            "must delete access keys first."
        } else if !user.credentials.signing_certificates.is_empty() {
            "must delete certificates first."
        } else if !user.credentials.ssh_public_keys.is_empty() || !user.credentials.service_specific.is_empty() {
            "must remove referenced objects first."
        } else if !user.mfa_devices.is_empty() {
            "must delete MFA device first."
        } else if !user.permissions.attached.is_empty() {
            "must detach all policies first."
        } else if !user.permissions.inline.is_empty() {
            "must delete policies first."
        } else if !user.groups.is_empty() {
            "must remove users from group first."
        } else {
            super::boundary::release(tx, call, user.permissions.boundary.as_ref(), "user", &user.name.folded()).await?;
            tx.delete(&layout::renamed_user(call.account(), user.id.as_str()))?;
            tx.delete(&layout::entity_use(call.account(), user.id.as_str()))?;
            return Ok(tx.delete(&layout::user(call.account(), &self.user_name))?);
        };
        Err(Error::DeleteConflict(format!("Cannot delete entity, {in_the_way}")))
    }
}
