//! `AddUserToGroup`, `RemoveUserFromGroup`, `ListGroupsForUser`.
//!
//! Three records are kept in step in one transaction: the user's own list of groups (from which permissions are inherited), the
//! group's index of users, and the number of the group's users.

use serde::{Deserialize, Serialize};

use super::common::{find_group, find_user, group_resource, page, page_of, user_resource};
use super::group::GroupPage;
use super::shapes;
use crate::decision::Permit;
use crate::identity::{Group, Membership, quota};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::store::{Tx, layout};
use crate::types::{GroupName, UserName};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<AddUserToGroup>().add::<RemoveUserFromGroup>().add::<ListGroupsForUser>();
}

/// That a user is in a group, seen from the group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Member {
    /// The user.
    pub(super) user: UserName,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AddUserToGroup {
    group_name: GroupName,
    user_name: UserName,
}

impl Operation for AddUserToGroup {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "AddUserToGroup";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let (arn, _) = group_resource(tx, call, &self.group_name).await?;
        Ok(Permission::on("iam:AddUserToGroup", &arn, call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let group = find_group(tx, call, &self.group_name).await?;
        let mut user = find_user(tx, call, &self.user_name).await?;
        if user.is_in(&group.name) {
            return Ok(());
        }
        if !user.may_join_more() {
            return Err(Error::quota("GroupsPerUser", quota::GROUPS_PER_USER));
        }
        user.groups.push(group.name.clone());
        tx.put(&layout::user(call.account(), &user.name), &user)?;
        tx.put(&layout::member(call.account(), &group.name, &user.name), &Member { user: user.name.clone() })?;
        count(tx, call, &group.name, 1).await
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RemoveUserFromGroup {
    group_name: GroupName,
    user_name: UserName,
}

impl Operation for RemoveUserFromGroup {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "RemoveUserFromGroup";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let (arn, _) = group_resource(tx, call, &self.group_name).await?;
        Ok(Permission::on("iam:RemoveUserFromGroup", &arn, call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let group = find_group(tx, call, &self.group_name).await?;
        let mut user = find_user(tx, call, &self.user_name).await?;
        if !user.is_in(&group.name) {
            return Err(Error::NoSuchEntity(format!("The user {} is not in the group {}.", user.name, group.name)));
        }
        user.groups.retain(|other| other.folded() != group.name.folded());
        tx.put(&layout::user(call.account(), &user.name), &user)?;
        tx.delete(&layout::member(call.account(), &group.name, &user.name))?;
        count(tx, call, &group.name, -1).await
    }
}

async fn count(tx: &mut Tx, call: &Call<'_>, group: &GroupName, change: i64) -> Result<(), Error> {
    // Whoever deletes or renames the group meanwhile writes its record, and one of the two begins anew.
    tx.require_unchanged(&layout::group(call.account(), group));
    let key = layout::membership(call.account(), group);
    let mut membership = tx.get::<Membership>(&key).await?.unwrap_or_default();
    membership.users = membership.users.saturating_add_signed(change);
    Ok(tx.put(&key, &membership)?)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListGroupsForUser {
    user_name: UserName,
    marker: Option<String>,
    max_items: Option<u32>,
}

impl Operation for ListGroupsForUser {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListGroupsForUser";
    const READ_ONLY: bool = true;
    type Output = GroupPage;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let (arn, tags) = user_resource(tx, call, &self.user_name).await?;
        let permission = Permission::on("iam:ListGroupsForUser", &arn, call.account());
        Ok(permission.with_resource_tags(tags.as_slice()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<GroupPage, Error> {
        let user = find_user(tx, call, &self.user_name).await?;
        let page = page(self.marker.as_deref(), self.max_items)?;
        let mut groups = Vec::new();
        for name in &user.groups {
            if let Some(group) = tx.get::<Group>(&layout::group(call.account(), name)).await? {
                groups.push(group);
            }
        }
        groups.sort_by_key(|group| group.name.folded());
        let (groups, tail) = page_of(groups, &page, |group| group.name.folded());
        let groups = groups.iter().map(|group| shapes::Group::of(group, call.realm(), call.account())).collect();
        Ok(GroupPage { groups, is_truncated: tail.is_truncated, marker: tail.marker })
    }
}
