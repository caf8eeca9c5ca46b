//! `AddRoleToInstanceProfile`, `RemoveRoleFromInstanceProfile`, `ListInstanceProfilesForRole`.
//!
//! Three records are kept in step in one transaction: the profile, which names its role; the role's index of profiles; and the
//! number of the role's profiles, which a deletion of the role reads.

use serde::Deserialize;

use super::common::{find_profile, find_role, list, page, role_resource};
use super::instance_profile::{ProfilePage, listed, on_profile};
use super::service_linked_role::refuse_linked;
use crate::decision::Permit;
use crate::identity::{InstanceProfile, ProfileOfRole, ProfilesOfRole, quota};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::store::{Tx, layout};
use crate::types::{InstanceProfileName, RoleName};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<AddRoleToInstanceProfile>().add::<RemoveRoleFromInstanceProfile>();
    registry.add::<ListInstanceProfilesForRole>();
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AddRoleToInstanceProfile {
    instance_profile_name: InstanceProfileName,
    role_name: RoleName,
}

impl Operation for AddRoleToInstanceProfile {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "AddRoleToInstanceProfile";
    const READ_ONLY: bool = false;
    type Output = ();

    /// Who puts a role into a profile passes it to EC2 ("Grant a user permissions to pass a role to an AWS service",
    /// `id_roles_use_passrole.html`). The role's tags are not in that decision: the page says that they cannot be.
    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let add = on_profile("iam:AddRoleToInstanceProfile", &self.instance_profile_name, call, tx).await?;
        let (role, _) = role_resource(tx, call, &self.role_name).await?;
        // Which instances those will be, and where, nobody knows yet; the operation's page says that this is the value.
        let instances = format!("arn:{}:ec2:*:{}:instance/*", role.partition(), call.account());
        let pass = Permission::on("iam:PassRole", &role, call.account())
            .with("iam:PassedToService", "ec2.amazonaws.com")
            .with("iam:AssociatedResourceArn", instances);
        Ok(vec![add.demand(), pass.demand()])
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let mut profile = find_profile(tx, call, &self.instance_profile_name).await?;
        let role = find_role(tx, call, &self.role_name).await?;
        refuse_linked(&role)?;
        // The same role a second time is refused alike.
        if profile.role.is_some() {
            return Err(Error::quota("InstanceSessionsPerInstanceProfile", quota::ROLES_PER_INSTANCE_PROFILE));
        }
        profile.role = Some(role.name.clone());
        tx.put(&layout::instance_profile(call.account(), &profile.name), &profile)?;
        let held = ProfileOfRole { profile: profile.name.clone() };
        tx.put(&layout::profile_of_role(call.account(), &role.name, &profile.name), &held)?;
        count(tx, call, &role.name, 1).await
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RemoveRoleFromInstanceProfile {
    instance_profile_name: InstanceProfileName,
    role_name: RoleName,
}

impl Operation for RemoveRoleFromInstanceProfile {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "RemoveRoleFromInstanceProfile";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(on_profile("iam:RemoveRoleFromInstanceProfile", &self.instance_profile_name, call, tx).await?.into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let mut profile = find_profile(tx, call, &self.instance_profile_name).await?;
        let role = find_role(tx, call, &self.role_name).await?;
        refuse_linked(&role)?;
        if !profile.holds(&role.name) {
            let message = format!("The role {} is not in the instance profile {}.", role.name, profile.name);
            return Err(Error::NoSuchEntity(message));
        }
        profile.role = None;
        tx.put(&layout::instance_profile(call.account(), &profile.name), &profile)?;
        tx.delete(&layout::profile_of_role(call.account(), &role.name, &profile.name))?;
        count(tx, call, &role.name, -1).await
    }
}

async fn count(tx: &mut Tx, call: &Call<'_>, role: &RoleName, change: i64) -> Result<(), Error> {
    // Whoever deletes the role meanwhile writes its record, and one of the two begins anew.
    tx.require_unchanged(&layout::role(call.account(), role));
    let key = layout::profiles_of_role(call.account(), role);
    let mut usage = tx.get::<ProfilesOfRole>(&key).await?.unwrap_or_default();
    usage.profiles = usage.profiles.saturating_add_signed(change);
    Ok(tx.put(&key, &usage)?)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListInstanceProfilesForRole {
    role_name: RoleName,
    marker: Option<String>,
    max_items: Option<u32>,
}

impl Operation for ListInstanceProfilesForRole {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListInstanceProfilesForRole";
    const READ_ONLY: bool = true;
    type Output = ProfilePage;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let (arn, tags) = role_resource(tx, call, &self.role_name).await?;
        let permission = Permission::on("iam:ListInstanceProfilesForRole", &arn, call.account());
        Ok(permission.with_resource_tags(tags.as_slice()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<ProfilePage, Error> {
        let role = find_role(tx, call, &self.role_name).await?;
        let page = page(self.marker.as_deref(), self.max_items)?;
        let parent = layout::all_profiles_of_role(call.account(), &role.name);
        let (held, tail) = list(tx, &parent, &page, |_: &ProfileOfRole| true).await?;
        let mut instance_profiles = Vec::with_capacity(held.len());
        for one in held {
            // A profile that lost the role since the list was read is not the role's any more.
            let profile = tx.get::<InstanceProfile>(&layout::instance_profile(call.account(), &one.profile)).await?;
            if let Some(profile) = profile.filter(|profile| profile.holds(&role.name)) {
                instance_profiles.push(listed(&profile, call, tx).await?);
            }
        }
        Ok(ProfilePage { instance_profiles, is_truncated: tail.is_truncated, marker: tail.marker })
    }
}
