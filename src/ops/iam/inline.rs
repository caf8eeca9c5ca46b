//! Inline policies: `PutUserPolicy`, `GetUserPolicy`, `ListUserPolicies`, `DeleteUserPolicy`, and the same for groups and roles.
//!
//! The quota is on the documents of one entity together, counted without white space.

use serde::{Deserialize, Serialize};

use super::common::{check_permissions, page, page_of};
use super::holder::{PolicyHolder, changing, find, looking};
use super::service_linked_role::refuse_linked_holder;
use super::shapes::encoded;
use crate::decision::Permit;
use crate::identity::{Group, Role, User};
use crate::ops::{Call, Demand, Error, Operation, Registry};
use crate::store::Tx;
use crate::types::{GroupName, PolicyName, RoleName, UserName};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<PutUserPolicy>().add::<GetUserPolicy>().add::<ListUserPolicies>().add::<DeleteUserPolicy>();
    registry.add::<PutGroupPolicy>().add::<GetGroupPolicy>().add::<ListGroupPolicies>().add::<DeleteGroupPolicy>();
    registry.add::<PutRolePolicy>().add::<GetRolePolicy>().add::<ListRolePolicies>().add::<DeleteRolePolicy>();
}

/// A page of names.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyNamePage {
    policy_names: Vec<String>,
    is_truncated: bool,
    marker: Option<String>,
}

macro_rules! inline_policies {
    ($holder:ty, $field:ident: $name:ty, [$put:ident, $get:ident, $found:ident, $list:ident, $delete:ident]) => {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct $put {
            $field: $name,
            policy_name: PolicyName,
            policy_document: String,
        }

        impl Operation for $put {
            const SERVICE: Service = Service::Iam;
            const NAME: &'static str = stringify!($put);
            const READ_ONLY: bool = false;
            type Output = ();

            async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
                Ok(changing::<$holder>(concat!("iam:", stringify!($put)), &self.$field, call, tx).await?.into())
            }

            async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
                put::<$holder>(&self.$field, &self.policy_name, &self.policy_document, call, tx).await
            }
        }

        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct $get {
            $field: $name,
            policy_name: PolicyName,
        }

        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct $found {
            $field: String,
            policy_name: String,
            /// Percent-encoded.
            policy_document: String,
        }

        impl Operation for $get {
            const SERVICE: Service = Service::Iam;
            const NAME: &'static str = stringify!($get);
            const READ_ONLY: bool = true;
            type Output = $found;

            async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
                Ok(looking::<$holder>(concat!("iam:", stringify!($get)), &self.$field, call, tx).await?.into())
            }

            async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<$found, Error> {
                let holder: $holder = find(tx, call, &self.$field).await?;
                let found = holder.permissions.inline.find(&self.policy_name);
                let (name, document) = found.ok_or_else(|| no_such_policy::<$holder>(&self.policy_name))?;
                Ok($found {
                    $field: holder.name.to_string(),
                    policy_name: name.to_string(),
                    policy_document: encoded(document),
                })
            }
        }

        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct $list {
            $field: $name,
            marker: Option<String>,
            max_items: Option<u32>,
        }

        impl Operation for $list {
            const SERVICE: Service = Service::Iam;
            const NAME: &'static str = stringify!($list);
            const READ_ONLY: bool = true;
            type Output = PolicyNamePage;

            async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
                Ok(looking::<$holder>(concat!("iam:", stringify!($list)), &self.$field, call, tx).await?.into())
            }

            async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<PolicyNamePage, Error> {
                let page = page(self.marker.as_deref(), self.max_items)?;
                let holder: $holder = find(tx, call, &self.$field).await?;
                let mut names: Vec<PolicyName> =
                    holder.permissions.inline.iter().map(|(name, _)| name.clone()).collect();
                names.sort_by_key(PolicyName::folded);
                let (names, tail) = page_of(names, &page, PolicyName::folded);
                let policy_names = names.iter().map(PolicyName::to_string).collect();
                Ok(PolicyNamePage { policy_names, is_truncated: tail.is_truncated, marker: tail.marker })
            }
        }

        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct $delete {
            $field: $name,
            policy_name: PolicyName,
        }

        impl Operation for $delete {
            const SERVICE: Service = Service::Iam;
            const NAME: &'static str = stringify!($delete);
            const READ_ONLY: bool = false;
            type Output = ();

            async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
                Ok(changing::<$holder>(concat!("iam:", stringify!($delete)), &self.$field, call, tx).await?.into())
            }

            async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
                delete::<$holder>(&self.$field, &self.policy_name, call, tx).await
            }
        }
    };
}

inline_policies!(
    User,
    user_name: UserName,
    [PutUserPolicy, GetUserPolicy, UserPolicy, ListUserPolicies, DeleteUserPolicy]
);
inline_policies!(
    Group,
    group_name: GroupName,
    [PutGroupPolicy, GetGroupPolicy, GroupPolicy, ListGroupPolicies, DeleteGroupPolicy]
);
inline_policies!(
    Role,
    role_name: RoleName,
    [PutRolePolicy, GetRolePolicy, RolePolicy, ListRolePolicies, DeleteRolePolicy]
);

async fn put<H: PolicyHolder>(
    name: &H::Name,
    policy: &PolicyName,
    document: &str,
    call: &Call<'_>,
    tx: &mut Tx,
) -> Result<(), Error> {
    let mut holder: H = find(tx, call, name).await?;
    refuse_linked_holder(&holder)?;
    if holder.permissions().inline.size_with(policy, document) > H::INLINE_SIZE {
        let (limit, kind, name) = (H::INLINE_SIZE, H::NOUN, holder.name());
        return Err(Error::LimitExceeded(format!("Maximum policy size of {limit} bytes exceeded for {kind} {name}")));
    }
    check_permissions(document, call, H::INLINE_SIZE, "PolicySize")?;
    holder.permissions_mut().inline.put(policy.clone(), document.to_owned());
    Ok(tx.put(&H::key(call.account(), name), &holder)?)
}

async fn delete<H: PolicyHolder>(
    name: &H::Name,
    policy: &PolicyName,
    call: &Call<'_>,
    tx: &mut Tx,
) -> Result<(), Error> {
    let mut holder: H = find(tx, call, name).await?;
    refuse_linked_holder(&holder)?;
    if !holder.permissions_mut().inline.remove(policy) {
        return Err(no_such_policy::<H>(policy));
    }
    Ok(tx.put(&H::key(call.account(), name), &holder)?)
}

fn no_such_policy<H: PolicyHolder>(policy: &PolicyName) -> Error {
    Error::no_such(&format!("{} policy", H::NOUN), policy)
}
