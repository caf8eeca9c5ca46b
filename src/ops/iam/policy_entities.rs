//! `ListEntitiesForPolicy`: who uses a managed policy, and how.
//!
//! The records of uses say who; name, id and path are read from the entities themselves.

use serde::{Deserialize, Serialize};

use super::any_policy::find_any;
use super::common::{below, page};
use super::holder::PolicyHolder;
use super::managed_policy::{on_policy, policy_arn};
use super::policy_list::UsageFilter;
use super::policy_use::{Usage, UsedPolicy};
use crate::decision::Permit;
use crate::identity::{Group, PolicyUse, Role, User};
use crate::ops::{Call, Demand, Error, Operation, Registry};
use crate::store::Tx;
use crate::types::{Arn, Marker};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<ListEntitiesForPolicy>();
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListEntitiesForPolicy {
    policy_arn: String,
    entity_filter: Option<EntityFilter>,
    path_prefix: Option<String>,
    policy_usage_filter: Option<UsageFilter>,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
enum EntityFilter {
    User,
    Role,
    Group,
    /// AWS declares this value; no policy uses another one, so nothing is found by it.
    LocalManagedPolicy,
    /// As [`EntityFilter::LocalManagedPolicy`].
    #[serde(rename = "AWSManagedPolicy")]
    AwsManagedPolicy,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Entities {
    policy_groups: Vec<PolicyGroup>,
    policy_users: Vec<PolicyUser>,
    policy_roles: Vec<PolicyRole>,
    is_truncated: bool,
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyGroup {
    group_name: String,
    group_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyUser {
    user_name: String,
    user_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyRole {
    role_name: String,
    role_id: String,
}

/// The list is made of these parts, one after the other.
const PARTS: [(EntityFilter, Usage); 5] = [
    (EntityFilter::Group, Usage::Attached),
    (EntityFilter::User, Usage::Attached),
    (EntityFilter::User, Usage::Boundary),
    (EntityFilter::Role, Usage::Attached),
    (EntityFilter::Role, Usage::Boundary),
];

impl Operation for ListEntitiesForPolicy {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListEntitiesForPolicy";
    const READ_ONLY: bool = true;
    type Output = Entities;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_policy("iam:ListEntitiesForPolicy", &self.policy_arn, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Entities, Error> {
        const READ_AT_MOST: usize = 4_000;
        const BATCH: usize = 200;
        let page = page(self.marker.as_deref(), self.max_items)?;
        let arn = policy_arn(&self.policy_arn)?;
        find_any(tx, call, &arn).await?;
        let Some(used) = UsedPolicy::of(call, &arn) else { return Ok(Entities::default()) };
        let resumed = page.marker.as_ref().map(Place::of).transpose()?;
        let first = resumed.as_ref().map_or(0, |place| place.part);
        let mut last = resumed;
        let mut found = Entities::default();
        let mut read = 0;
        for (part, (kind, usage)) in PARTS.into_iter().enumerate().skip(first) {
            if !self.wants(kind, usage) {
                continue;
            }
            let parent = used.uses(call.account(), usage.as_str(), kind.noun());
            let mut range = parent.children();
            if let Some(place) = last.as_ref().filter(|place| place.part == part) {
                range = range.after(&parent.child(&place.name));
            }
            loop {
                let batch = tx.scan::<PolicyUse>(&range, BATCH).await?;
                let Some((key, _)) = batch.last() else { break };
                range = range.after(key);
                for (_, used_by) in batch {
                    let entity = self.entity(kind, usage, &used_by, &arn, call, tx).await?;
                    if entity.is_some() && found.len() >= page.max_items || read >= READ_AT_MOST {
                        found.is_truncated = true;
                        found.marker = last.map(|place| place.marker());
                        return Ok(found);
                    }
                    read += 1;
                    last = Some(Place { part, name: used_by.name.to_ascii_lowercase() });
                    if let Some(entity) = entity {
                        found.push(entity);
                    }
                }
            }
        }
        Ok(found)
    }
}

enum Entity {
    Group(PolicyGroup),
    User(PolicyUser),
    Role(PolicyRole),
}

impl ListEntitiesForPolicy {
    fn wants(&self, kind: EntityFilter, usage: Usage) -> bool {
        let wanted_usage = match self.policy_usage_filter {
            None => true,
            Some(UsageFilter::PermissionsPolicy) => usage == Usage::Attached,
            Some(UsageFilter::PermissionsBoundary) => usage == Usage::Boundary,
        };
        wanted_usage && self.entity_filter.is_none_or(|wanted| wanted == kind)
    }

    /// The entity of a use, if it is wanted.
    async fn entity(
        &self,
        kind: EntityFilter,
        usage: Usage,
        used_by: &PolicyUse,
        policy: &Arn,
        call: &Call<'_>,
        tx: &mut Tx,
    ) -> Result<Option<Entity>, Error> {
        let name = &used_by.name;
        Ok(match kind {
            EntityFilter::Group => self.holder::<Group>(usage, name, policy, call, tx).await?.map(|group| {
                Entity::Group(PolicyGroup { group_name: group.name.to_string(), group_id: group.id.to_string() })
            }),
            EntityFilter::User => self.holder::<User>(usage, name, policy, call, tx).await?.map(|user| {
                Entity::User(PolicyUser { user_name: user.name.to_string(), user_id: user.id.to_string() })
            }),
            EntityFilter::Role => self.holder::<Role>(usage, name, policy, call, tx).await?.map(|role| {
                Entity::Role(PolicyRole { role_name: role.name.to_string(), role_id: role.id.to_string() })
            }),
            EntityFilter::LocalManagedPolicy | EntityFilter::AwsManagedPolicy => None,
        })
    }

    async fn holder<H: PolicyHolder>(
        &self,
        usage: Usage,
        name: &str,
        policy: &Arn,
        call: &Call<'_>,
        tx: &mut Tx,
    ) -> Result<Option<H>, Error> {
        let Ok(name) = name.parse::<H::Name>() else { return Ok(None) };
        let found = tx.get::<H>(&H::key(call.account(), &name)).await?;
        // Without a filter, whoever uses the policy in both ways is listed once, as one that it is attached to.
        let once = |holder: &H| {
            usage == Usage::Attached || self.policy_usage_filter.is_some() || !holder.permissions().has_attached(policy)
        };
        Ok(found.filter(|holder| below(holder.path(), self.path_prefix.as_deref()) && once(holder)))
    }
}

impl EntityFilter {
    fn noun(self) -> &'static str {
        match self {
            Self::User => User::NOUN,
            Self::Role => Role::NOUN,
            Self::Group => Group::NOUN,
            Self::LocalManagedPolicy | Self::AwsManagedPolicy => "policy",
        }
    }
}

impl Entities {
    fn len(&self) -> usize {
        self.policy_groups.len() + self.policy_users.len() + self.policy_roles.len()
    }

    fn push(&mut self, entity: Entity) {
        match entity {
            Entity::Group(group) => self.policy_groups.push(group),
            Entity::User(user) => self.policy_users.push(user),
            Entity::Role(role) => self.policy_roles.push(role),
        }
    }
}

/// How far a list was read: a part and the last name in it.
struct Place {
    part: usize,
    name: String,
}

impl Place {
    fn of(marker: &Marker) -> Result<Self, Error> {
        let read = marker.name().split_once('/').and_then(|(part, name)| Some((part.parse::<usize>().ok()?, name)));
        match read {
            Some((part, name)) if part < PARTS.len() => Ok(Self { part, name: name.to_owned() }),
            _ => Err(Error::Validation("Invalid Marker.".to_owned())),
        }
    }

    fn marker(&self) -> String {
        Marker::behind(&format!("{}/{}", self.part, self.name)).encode()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_leads_back_to_its_place_and_no_other_text_does() {
        let place = Place { part: 4, name: "ops-1".to_owned() };
        let marker = Marker::decode(&place.marker()).expect("a marker");
        let back = Place::of(&marker).expect("a place");
        assert_eq!((back.part, back.name.as_str()), (4, "ops-1"));
        for text in ["", "alice", "5/alice", "x/alice", "-1/alice"] {
            assert!(Place::of(&Marker::behind(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn filters_choose_among_the_parts() {
        let chosen = |entity_filter, policy_usage_filter| {
            let list = ListEntitiesForPolicy {
                policy_arn: String::new(),
                entity_filter,
                path_prefix: None,
                policy_usage_filter,
                marker: None,
                max_items: None,
            };
            PARTS.into_iter().filter(|(kind, usage)| list.wants(*kind, *usage)).count()
        };
        assert_eq!(chosen(None, None), 5);
        assert_eq!(chosen(Some(EntityFilter::Group), Some(UsageFilter::PermissionsBoundary)), 0);
        assert_eq!(chosen(Some(EntityFilter::Role), None), 2);
        assert_eq!(chosen(None, Some(UsageFilter::PermissionsPolicy)), 3);
        assert_eq!(chosen(Some(EntityFilter::LocalManagedPolicy), None), 0);
    }
}
