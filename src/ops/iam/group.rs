//! `CreateGroup`, `GetGroup`, `ListGroups`, `UpdateGroup`, `DeleteGroup`.

use serde::{Deserialize, Serialize};

use super::common::{below, find_group, group_resource, list, page};
use super::{rename, room, shapes};
use crate::decision::Permit;
use crate::identity::{Group, Membership, Permissions, User};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::store::{Tx, layout};
use crate::types::{EntityPath, GroupName, UniqueId, UniqueIdKind};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<CreateGroup>().add::<GetGroup>().add::<ListGroups>().add::<UpdateGroup>().add::<DeleteGroup>();
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateGroup {
    group_name: GroupName,
    path: Option<EntityPath>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OneGroup {
    group: shapes::Group,
}

impl Operation for CreateGroup {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateGroup";
    const READ_ONLY: bool = false;
    type Output = OneGroup;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let path = self.path.clone().unwrap_or_default();
        let arn = call.realm().group(call.account(), &path, self.group_name.as_str());
        Ok(Permission::on("iam:CreateGroup", &arn, call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<OneGroup, Error> {
        let key = layout::group(call.account(), &self.group_name);
        if tx.get::<Group>(&key).await?.is_some() {
            return Err(Error::exists("Group", &self.group_name));
        }
        room::groups(call).for_one_more(call, tx).await?;
        let group = Group {
            name: self.group_name.clone(),
            path: self.path.clone().unwrap_or_default(),
            id: UniqueId::random(UniqueIdKind::Group, &*call.broker.random),
            created: call.now(),
            permissions: Permissions::default(),
        };
        tx.put(&key, &group)?;
        tx.put(&layout::membership(call.account(), &self.group_name), &Membership::default())?;
        Ok(OneGroup { group: shapes::Group::of(&group, call.realm(), call.account()) })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetGroup {
    group_name: GroupName,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GroupWithUsers {
    group: shapes::Group,
    users: Vec<shapes::User>,
    is_truncated: bool,
    marker: Option<String>,
}

impl Operation for GetGroup {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetGroup";
    const READ_ONLY: bool = true;
    type Output = GroupWithUsers;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let (arn, _) = group_resource(tx, call, &self.group_name).await?;
        Ok(Permission::on("iam:GetGroup", &arn, call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<GroupWithUsers, Error> {
        let group = find_group(tx, call, &self.group_name).await?;
        let page = page(self.marker.as_deref(), self.max_items)?;
        let parent = layout::members(call.account(), &self.group_name);
        let (members, tail) = list(tx, &parent, &page, |_: &super::membership::Member| true).await?;
        let mut users = Vec::with_capacity(members.len());
        for member in members {
            // A user that was deleted since the list was read is not in the group any more.
            if let Some(user) = tx.get::<User>(&layout::user(call.account(), &member.user)).await? {
                users.push(shapes::User::listed(&user, call.realm(), call.account()));
            }
        }
        let group = shapes::Group::of(&group, call.realm(), call.account());
        Ok(GroupWithUsers { group, users, is_truncated: tail.is_truncated, marker: tail.marker })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListGroups {
    path_prefix: Option<String>,
    marker: Option<String>,
    max_items: Option<u32>,
}

/// A page of groups.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GroupPage {
    pub(super) groups: Vec<shapes::Group>,
    pub(super) is_truncated: bool,
    pub(super) marker: Option<String>,
}

impl Operation for ListGroups {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListGroups";
    const READ_ONLY: bool = true;
    type Output = GroupPage;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let prefix: EntityPath = self.path_prefix.as_deref().and_then(|prefix| prefix.parse().ok()).unwrap_or_default();
        let arn = call.realm().group(call.account(), &prefix, "");
        Ok(Permission::on("iam:ListGroups", &arn, call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<GroupPage, Error> {
        let page = page(self.marker.as_deref(), self.max_items)?;
        let parent = layout::all("group", call.account());
        let (groups, tail) =
            list(tx, &parent, &page, |group: &Group| below(&group.path, self.path_prefix.as_deref())).await?;
        let groups = groups.iter().map(|group| shapes::Group::of(group, call.realm(), call.account())).collect();
        Ok(GroupPage { groups, is_truncated: tail.is_truncated, marker: tail.marker })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateGroup {
    group_name: GroupName,
    new_path: Option<EntityPath>,
    new_group_name: Option<GroupName>,
}

impl Operation for UpdateGroup {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateGroup";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let (arn, _) = group_resource(tx, call, &self.group_name).await?;
        let mut demands = vec![Permission::on("iam:UpdateGroup", &arn, call.account()).demand()];
        if self.new_path.is_some() || self.new_group_name.is_some() {
            // AWS asks for the permission on the name that the group will have too.
            let group = find_group(tx, call, &self.group_name).await.ok();
            let path = self.new_path.clone().or(group.map(|group| group.path)).unwrap_or_default();
            let name = self.new_group_name.as_ref().unwrap_or(&self.group_name);
            let target = call.realm().group(call.account(), &path, name.as_str());
            demands.push(Permission::on("iam:UpdateGroup", &target, call.account()).demand());
        }
        Ok(demands)
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let mut group = find_group(tx, call, &self.group_name).await?;
        if let Some(path) = &self.new_path {
            group.path = path.clone();
        }
        match &self.new_group_name {
            Some(name) if *name != group.name => rename::group(tx, call, group, name.clone()).await,
            _ => Ok(tx.put(&layout::group(call.account(), &self.group_name), &group)?),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteGroup {
    group_name: GroupName,
}

impl Operation for DeleteGroup {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteGroup";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let (arn, _) = group_resource(tx, call, &self.group_name).await?;
        Ok(Permission::on("iam:DeleteGroup", &arn, call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let group = find_group(tx, call, &self.group_name).await?;
        let membership_key = layout::membership(call.account(), &self.group_name);
        let membership = tx.get::<Membership>(&membership_key).await?.unwrap_or_default();
        let in_the_way = if membership.users > 0 {
            "must remove users from group first."
        } else if !group.permissions.attached.is_empty() {
            "must detach all policies first."
        } else if !group.permissions.inline.is_empty() {
            "must delete policies first."
        } else {
            tx.delete(&membership_key)?;
            return Ok(tx.delete(&layout::group(call.account(), &self.group_name))?);
        };
        Err(Error::DeleteConflict(format!("Cannot delete entity, {in_the_way}")))
    }
}
