//! `GetAccountAuthorizationDetails`: who is in the account, and what each may do.
//!
//! One list of five parts, one after the other: users, groups, roles, the account's own policies, and those of AWS's that it uses. A
//! marker names part and entity, so that a page begins where the one before it ended, whatever came or went meanwhile.

use std::future::Future;

use serde::{Deserialize, Serialize};

use super::authorization_detail::{GroupDetail, ManagedPolicyDetail, RoleDetail, UserDetail, profiles_of};
use super::common::page;
use super::policy_use::UsedPolicy;
use super::shapes::RoleLastUsed;
use crate::decision::Permit;
use crate::identity::{AwsPolicy, Group, ManagedPolicy, PolicyUsage, Role, User};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::store::{Entity, Key, Tx, layout};
use crate::types::{Marker, PageRequest};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<GetAccountAuthorizationDetails>();
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetAccountAuthorizationDetails {
    #[serde(default)]
    filter: Vec<EntityType>,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
enum EntityType {
    User,
    Role,
    Group,
    LocalManagedPolicy,
    /// Those of AWS's policies that are attached to somebody in the account or bound somebody.
    #[serde(rename = "AWSManagedPolicy")]
    AwsManagedPolicy,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Details {
    user_detail_list: Vec<UserDetail>,
    group_detail_list: Vec<GroupDetail>,
    role_detail_list: Vec<RoleDetail>,
    policies: Vec<ManagedPolicyDetail>,
    is_truncated: bool,
    marker: Option<String>,
}

impl Operation for GetAccountAuthorizationDetails {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetAccountAuthorizationDetails";
    const READ_ONLY: bool = true;
    type Output = Details;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(Permission::on_anything("iam:GetAccountAuthorizationDetails", call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Details, Error> {
        let page = page(self.marker.as_deref(), self.max_items)?;
        let resumed = page.marker.as_ref().map(Place::of).transpose()?;
        let mut walk =
            Walk { filter: &self.filter, page, last: resumed, items: 0, bytes: 0, found: Details::default() };
        let _ = walk.part::<User>(call, tx).await?
            && walk.part::<Group>(call, tx).await?
            && walk.part::<Role>(call, tx).await?
            && walk.part::<ManagedPolicy>(call, tx).await?
            && walk.aws_policies(call, tx).await?;
        Ok(walk.found)
    }
}

/// Where in the whole list an entity stands.
struct Place {
    part: &'static str,
    folded_name: String,
}

/// The parts of the list in their order, by the kind of their records.
const PARTS: [&str; 5] = [User::KIND, Group::KIND, Role::KIND, ManagedPolicy::KIND, AWS_POLICIES];
/// AWS's policies have no records.
const AWS_POLICIES: &str = "aws-policy";
/// A page ends once it carries so many bytes of documents: AWS answers with fewer items than it was asked for, too.
const PAGE_BYTES: usize = 4 << 20;

impl Place {
    fn of(marker: &Marker) -> Result<Self, Error> {
        let found = marker.name().split_once('/').and_then(|(kind, name)| {
            let part = PARTS.into_iter().find(|part| *part == kind)?;
            Some(Self { part, folded_name: name.to_owned() })
        });
        found.ok_or_else(|| Error::Validation("Invalid Marker.".to_owned()))
    }

    fn marker(&self) -> String {
        Marker::behind(&format!("{}/{}", self.part, self.folded_name)).encode()
    }
}

/// A kind of entity that is listed.
trait Detailed: Entity {
    /// What its records lie below.
    const KIND: &'static str;
    /// What a request asks for it by.
    const TYPE: EntityType;
    /// The name that its record lies under.
    fn folded_name(&self) -> String;
    /// Adds it to the answer, and says how many bytes of documents came with it.
    fn add(
        self,
        found: &mut Details,
        call: &Call<'_>,
        tx: &mut Tx,
    ) -> impl Future<Output = Result<usize, Error>> + Send;
}

struct Walk<'a> {
    filter: &'a [EntityType],
    page: PageRequest,
    last: Option<Place>,
    items: usize,
    bytes: usize,
    found: Details,
}

impl Walk<'_> {
    /// Goes through one part; whether the page has room for the next one.
    async fn part<T: Detailed>(&mut self, call: &Call<'_>, tx: &mut Tx) -> Result<bool, Error> {
        /// A record may be as large as the store lets it be.
        const BATCH: usize = 20;
        if !self.wants(T::KIND, T::TYPE) {
            return Ok(true);
        }
        let parent: Key = layout::all(T::KIND, call.account());
        let mut range = parent.children();
        if let Some(last) = self.last.as_ref().filter(|last| last.part == T::KIND) {
            range = range.after(&parent.child(&last.folded_name));
        }
        loop {
            let batch = tx.scan::<T>(&range, BATCH).await?;
            let Some((key, _)) = batch.last() else { return Ok(true) };
            range = range.after(key);
            for (_, entity) in batch {
                if self.is_full() {
                    return Ok(false);
                }
                self.last = Some(Place { part: T::KIND, folded_name: entity.folded_name() });
                self.items += 1;
                self.bytes += entity.add(&mut self.found, call, tx).await?;
            }
        }
    }
}

impl Walk<'_> {
    /// Whether a part was asked for, and does not lie in front of where the page begins.
    fn wants(&self, part: &str, kind: EntityType) -> bool {
        let behind = |part: &str| PARTS.iter().position(|other| *other == part);
        let passed = self.last.as_ref().is_some_and(|last| behind(last.part) > behind(part));
        !passed && (self.filter.is_empty() || self.filter.contains(&kind))
    }

    /// Whether the page has no room for one more; then its end is marked.
    fn is_full(&mut self) -> bool {
        let full = self.items >= self.page.max_items || self.bytes >= PAGE_BYTES;
        if full {
            self.found.is_truncated = true;
            self.found.marker = self.last.as_ref().map(Place::marker);
        }
        full
    }

    /// Goes through AWS's policies that the account uses.
    async fn aws_policies(&mut self, call: &Call<'_>, tx: &mut Tx) -> Result<bool, Error> {
        if !self.wants(AWS_POLICIES, EntityType::AwsManagedPolicy) {
            return Ok(true);
        }
        for policy in AwsPolicy::all() {
            let folded_name = policy.folded_name();
            let last = self.last.as_ref().filter(|last| last.part == AWS_POLICIES);
            if last.is_some_and(|last| last.folded_name >= folded_name) {
                continue;
            }
            let Some(used) = UsedPolicy::of(call, &policy.arn(call.realm())) else { continue };
            let usage = tx.get::<PolicyUsage>(&used.count_key(call.account())).await?.unwrap_or_default();
            if usage.attachments + usage.boundaries == 0 {
                continue;
            }
            if self.is_full() {
                return Ok(false);
            }
            self.last = Some(Place { part: AWS_POLICIES, folded_name });
            self.items += 1;
            let detail = ManagedPolicyDetail::of_aws(policy, &usage, call.realm());
            self.bytes += detail.bytes();
            self.found.policies.push(detail);
        }
        Ok(true)
    }
}

impl Detailed for User {
    const KIND: &'static str = "user";
    const TYPE: EntityType = EntityType::User;

    fn folded_name(&self) -> String {
        self.name.folded()
    }

    async fn add(self, found: &mut Details, call: &Call<'_>, _tx: &mut Tx) -> Result<usize, Error> {
        let detail = UserDetail::of(&self, call.realm(), call.account());
        let bytes = detail.bytes();
        found.user_detail_list.push(detail);
        Ok(bytes)
    }
}

impl Detailed for Group {
    const KIND: &'static str = "group";
    const TYPE: EntityType = EntityType::Group;

    fn folded_name(&self) -> String {
        self.name.folded()
    }

    async fn add(self, found: &mut Details, call: &Call<'_>, _tx: &mut Tx) -> Result<usize, Error> {
        let detail = GroupDetail::of(&self, call.realm(), call.account());
        let bytes = detail.bytes();
        found.group_detail_list.push(detail);
        Ok(bytes)
    }
}

impl Detailed for Role {
    const KIND: &'static str = "role";
    const TYPE: EntityType = EntityType::Role;

    fn folded_name(&self) -> String {
        self.name.folded()
    }

    async fn add(self, found: &mut Details, call: &Call<'_>, tx: &mut Tx) -> Result<usize, Error> {
        let profiles = profiles_of(&self, call, tx).await?;
        let used = call.broker.usage.of_entity(call.account(), self.id.as_str(), tx).await?;
        let used = RoleLastUsed::of(&used, call.now());
        let detail = RoleDetail::of(&self, &profiles, used, call.realm(), call.account());
        let bytes = detail.bytes();
        found.role_detail_list.push(detail);
        Ok(bytes)
    }
}

impl Detailed for ManagedPolicy {
    const KIND: &'static str = "policy";
    const TYPE: EntityType = EntityType::LocalManagedPolicy;

    fn folded_name(&self) -> String {
        self.name.folded()
    }

    async fn add(self, found: &mut Details, call: &Call<'_>, tx: &mut Tx) -> Result<usize, Error> {
        let usage = tx.get::<PolicyUsage>(&layout::policy_usage(call.account(), &self.name)).await?;
        let detail = ManagedPolicyDetail::of(&self, &usage.unwrap_or_default(), call.realm(), call.account());
        let bytes = detail.bytes();
        found.policies.push(detail);
        Ok(bytes)
    }
}
