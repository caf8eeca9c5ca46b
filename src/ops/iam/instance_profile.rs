//! `CreateInstanceProfile`, `GetInstanceProfile`, `ListInstanceProfiles`, `DeleteInstanceProfile`.

use serde::{Deserialize, Serialize};

use super::common::{below, distinct_tags, find_profile, list, page, profile_resource};
use super::{room, shapes};
use crate::decision::Permit;
use crate::identity::{InstanceProfile, Role};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::store::{Tx, layout};
use crate::types::{EntityPath, InstanceProfileName, Tag, UniqueId, UniqueIdKind};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<CreateInstanceProfile>().add::<GetInstanceProfile>();
    registry.add::<ListInstanceProfiles>().add::<DeleteInstanceProfile>();
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateInstanceProfile {
    instance_profile_name: InstanceProfileName,
    path: Option<EntityPath>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OneProfile {
    instance_profile: shapes::InstanceProfile,
}

impl Operation for CreateInstanceProfile {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateInstanceProfile";
    const READ_ONLY: bool = false;
    type Output = OneProfile;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let path = self.path.clone().unwrap_or_default();
        let arn = call.realm().instance_profile(call.account(), &path, self.instance_profile_name.as_str());
        Ok(Permission::on("iam:CreateInstanceProfile", &arn, call.account()).with_request_tags(&self.tags).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<OneProfile, Error> {
        let key = layout::instance_profile(call.account(), &self.instance_profile_name);
        if tx.get::<InstanceProfile>(&key).await?.is_some() {
            let name = &self.instance_profile_name;
            return Err(Error::EntityAlreadyExists(format!("Instance Profile {name} already exists.")));
        }
        let tags = distinct_tags(self.tags.clone())?;
        room::instance_profiles(call).for_one_more(call, tx).await?;
        let profile = InstanceProfile {
            name: self.instance_profile_name.clone(),
            path: self.path.clone().unwrap_or_default(),
            id: UniqueId::random(UniqueIdKind::InstanceProfile, &*call.broker.random),
            created: call.now(),
            tags,
            role: None,
        };
        tx.put(&key, &profile)?;
        let instance_profile = shapes::InstanceProfile::whole(&profile, None, call.realm(), call.account());
        Ok(OneProfile { instance_profile })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetInstanceProfile {
    instance_profile_name: InstanceProfileName,
}

impl Operation for GetInstanceProfile {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetInstanceProfile";
    const READ_ONLY: bool = true;
    type Output = OneProfile;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(on_profile("iam:GetInstanceProfile", &self.instance_profile_name, call, tx).await?.into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<OneProfile, Error> {
        let profile = find_profile(tx, call, &self.instance_profile_name).await?;
        let role = held_role(&profile, call, tx).await?;
        let instance_profile = shapes::InstanceProfile::whole(&profile, role.as_ref(), call.realm(), call.account());
        Ok(OneProfile { instance_profile })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListInstanceProfiles {
    path_prefix: Option<String>,
    marker: Option<String>,
    max_items: Option<u32>,
}

/// A page of instance profiles.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ProfilePage {
    pub(super) instance_profiles: Vec<shapes::InstanceProfile>,
    pub(super) is_truncated: bool,
    pub(super) marker: Option<String>,
}

impl Operation for ListInstanceProfiles {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListInstanceProfiles";
    const READ_ONLY: bool = true;
    type Output = ProfilePage;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let prefix: EntityPath = self.path_prefix.as_deref().and_then(|prefix| prefix.parse().ok()).unwrap_or_default();
        let arn = call.realm().instance_profile(call.account(), &prefix, "");
        Ok(Permission::on("iam:ListInstanceProfiles", &arn, call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<ProfilePage, Error> {
        let page = page(self.marker.as_deref(), self.max_items)?;
        let parent = layout::all("instance-profile", call.account());
        let wanted = |profile: &InstanceProfile| below(&profile.path, self.path_prefix.as_deref());
        let (profiles, tail) = list(tx, &parent, &page, wanted).await?;
        let mut instance_profiles = Vec::with_capacity(profiles.len());
        for profile in &profiles {
            instance_profiles.push(listed(profile, call, tx).await?);
        }
        Ok(ProfilePage { instance_profiles, is_truncated: tail.is_truncated, marker: tail.marker })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteInstanceProfile {
    instance_profile_name: InstanceProfileName,
}

impl Operation for DeleteInstanceProfile {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteInstanceProfile";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(on_profile("iam:DeleteInstanceProfile", &self.instance_profile_name, call, tx).await?.into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let profile = find_profile(tx, call, &self.instance_profile_name).await?;
        if profile.role.is_some() {
            return Err(Error::DeleteConflict(
                "Cannot delete entity, must remove roles from instance profile first.".to_owned(),
            ));
        }
        Ok(tx.delete(&layout::instance_profile(call.account(), &self.instance_profile_name))?)
    }
}

/// A permission on an instance profile, with its tags as condition keys.
pub(super) async fn on_profile(
    action: &str,
    name: &InstanceProfileName,
    call: &Call<'_>,
    tx: &mut Tx,
) -> Result<Permission, Error> {
    let (arn, tags) = profile_resource(tx, call, name).await?;
    Ok(Permission::on(action, &arn, call.account()).with_resource_tags(tags.as_slice()))
}

/// A profile as lists show it.
pub(super) async fn listed(
    profile: &InstanceProfile,
    call: &Call<'_>,
    tx: &mut Tx,
) -> Result<shapes::InstanceProfile, Error> {
    let role = held_role(profile, call, tx).await?;
    Ok(shapes::InstanceProfile::listed(profile, role.as_ref(), call.realm(), call.account()))
}

/// The role in a profile. A reader may come between the removal of a role and its deletion, and then sees the profile empty.
async fn held_role(profile: &InstanceProfile, call: &Call<'_>, tx: &mut Tx) -> Result<Option<Role>, Error> {
    let Some(name) = &profile.role else { return Ok(None) };
    Ok(tx.get::<Role>(&layout::role(call.account(), name)).await?)
}
