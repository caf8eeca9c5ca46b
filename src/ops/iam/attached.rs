//! Attached managed policies: `AttachUserPolicy`, `DetachUserPolicy`, `ListAttachedUserPolicies`, and the same for groups and
//! roles. What a policy is attached to is told by [`super::policy_entities`].

use serde::{Deserialize, Serialize};

use super::any_policy::find_any;
use super::common::{page, page_of};
use super::holder::{PolicyHolder, changing, find, looking};
use super::managed_policy::{policy_arn, reworded};
use super::policy_use::{self, Usage, UsedPolicy};
use super::service_linked_role::refuse_linked_holder;
use crate::decision::Permit;
use crate::identity::{Group, Role, User, quota};
use crate::ops::{Call, Demand, Error, Operation, Registry};
use crate::store::Tx;
use crate::types::{Arn, GroupName, PageRequest, RoleName, UserName};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<AttachUserPolicy>().add::<DetachUserPolicy>().add::<ListAttachedUserPolicies>();
    registry.add::<AttachGroupPolicy>().add::<DetachGroupPolicy>().add::<ListAttachedGroupPolicies>();
    registry.add::<AttachRolePolicy>().add::<DetachRolePolicy>().add::<ListAttachedRolePolicies>();
}

/// A page of attached policies.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AttachedPolicyPage {
    attached_policies: Vec<AttachedPolicy>,
    is_truncated: bool,
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AttachedPolicy {
    policy_name: String,
    policy_arn: String,
}

macro_rules! attached_policies {
    ($holder:ty, $field:ident: $name:ty, [$attach:ident, $detach:ident, $list:ident]) => {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct $attach {
            $field: $name,
            policy_arn: String,
        }

        impl Operation for $attach {
            const SERVICE: Service = Service::Iam;
            const NAME: &'static str = stringify!($attach);
            const READ_ONLY: bool = false;
            type Output = ();

            async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
                let action = concat!("iam:", stringify!($attach));
                let permission = changing::<$holder>(action, &self.$field, call, tx).await?;
                Ok(permission.with("iam:PolicyARN", self.policy_arn.as_str()).into())
            }

            async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
                attach::<$holder>(&self.$field, &policy_arn(&self.policy_arn)?, call, tx).await
            }
        }

        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct $detach {
            $field: $name,
            policy_arn: String,
        }

        impl Operation for $detach {
            const SERVICE: Service = Service::Iam;
            const NAME: &'static str = stringify!($detach);
            const READ_ONLY: bool = false;
            type Output = ();

            async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
                let action = concat!("iam:", stringify!($detach));
                let permission = changing::<$holder>(action, &self.$field, call, tx).await?;
                Ok(permission.with("iam:PolicyARN", self.policy_arn.as_str()).into())
            }

            async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
                detach::<$holder>(&self.$field, &policy_arn(&self.policy_arn)?, call, tx).await
            }
        }

        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct $list {
            $field: $name,
            path_prefix: Option<String>,
            marker: Option<String>,
            max_items: Option<u32>,
        }

        impl Operation for $list {
            const SERVICE: Service = Service::Iam;
            const NAME: &'static str = stringify!($list);
            const READ_ONLY: bool = true;
            type Output = AttachedPolicyPage;

            async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
                Ok(looking::<$holder>(concat!("iam:", stringify!($list)), &self.$field, call, tx).await?.into())
            }

            async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<AttachedPolicyPage, Error> {
                let page = page(self.marker.as_deref(), self.max_items)?;
                let holder: $holder = find(tx, call, &self.$field).await?;
                Ok(attached_page(holder.permissions.attached, self.path_prefix.as_deref(), &page))
            }
        }
    };
}

attached_policies!(User, user_name: UserName, [AttachUserPolicy, DetachUserPolicy, ListAttachedUserPolicies]);
attached_policies!(Group, group_name: GroupName, [AttachGroupPolicy, DetachGroupPolicy, ListAttachedGroupPolicies]);
attached_policies!(Role, role_name: RoleName, [AttachRolePolicy, DetachRolePolicy, ListAttachedRolePolicies]);

async fn attach<H: PolicyHolder>(name: &H::Name, arn: &Arn, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
    let mut holder: H = find(tx, call, name).await?;
    refuse_linked_holder(&holder)?;
    let missing = || format!("Policy {arn} does not exist or is not attachable.");
    find_any(tx, call, arn).await.map_err(|error| reworded(error, missing()))?;
    if holder.permissions().has_attached(arn) {
        return Ok(());
    }
    if !holder.permissions().may_attach_more() {
        return Err(Error::quota(H::ATTACHED_QUOTA, quota::ATTACHED_POLICIES));
    }
    let used = UsedPolicy::of(call, arn).ok_or_else(|| Error::NoSuchEntity(missing()))?;
    policy_use::begin(tx, call, &used, Usage::Attached, (H::NOUN, &holder.folded_name())).await?;
    holder.permissions_mut().attached.push(arn.clone());
    Ok(tx.put(&H::key(call.account(), name), &holder)?)
}

async fn detach<H: PolicyHolder>(name: &H::Name, arn: &Arn, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
    let mut holder: H = find(tx, call, name).await?;
    refuse_linked_holder(&holder)?;
    if !holder.permissions().has_attached(arn) {
        return Err(Error::NoSuchEntity(format!("Policy {arn} was not found.")));
    }
    if let Some(policy) = UsedPolicy::of(call, arn) {
        policy_use::end(tx, call, &policy, Usage::Attached, (H::NOUN, &holder.folded_name())).await?;
    }
    holder.permissions_mut().attached.retain(|other| other != arn);
    Ok(tx.put(&H::key(call.account(), name), &holder)?)
}

fn attached_page(attached: Vec<Arn>, path_prefix: Option<&str>, page: &PageRequest) -> AttachedPolicyPage {
    let mut wanted: Vec<Arn> =
        attached.into_iter().filter(|arn| path_prefix.is_none_or(|prefix| path(arn).starts_with(prefix))).collect();
    wanted.sort_by_key(order);
    let (wanted, tail) = page_of(wanted, page, order);
    let attached_policies = wanted
        .iter()
        .map(|arn| AttachedPolicy { policy_name: name(arn).to_owned(), policy_arn: arn.to_string() })
        .collect();
    AttachedPolicyPage { attached_policies, is_truncated: tail.is_truncated, marker: tail.marker }
}

fn name(policy: &Arn) -> &str {
    policy.name_of_kind("policy").unwrap_or_default()
}

/// The path in a policy's ARN, which begins and ends with a slash.
fn path(policy: &Arn) -> &str {
    let path_and_name = policy.resource().strip_prefix("policy").unwrap_or_default();
    path_and_name.strip_suffix(name(policy)).unwrap_or_default()
}

/// Policies come in the order of their names; the account keeps apart those of one name.
fn order(policy: &Arn) -> String {
    let account = policy.account().map(|account| account.to_string()).unwrap_or_default();
    format!("{} {account}", name(policy).to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Marker;

    fn arns(resources: &[&str]) -> Vec<Arn> {
        resources.iter().map(|it| format!("arn:aws:iam::123456789012:policy{it}").parse().expect("ARN")).collect()
    }

    fn names(page: &AttachedPolicyPage) -> Vec<&str> {
        page.attached_policies.iter().map(|policy| policy.policy_name.as_str()).collect()
    }

    #[test]
    fn pages_follow_one_another_without_gap_in_the_order_of_names() {
        let all = arns(&["/b", "/team/A", "/a-b", "/C"]);
        let first = attached_page(all.clone(), None, &PageRequest { marker: None, max_items: 3 });
        assert_eq!((names(&first), first.is_truncated), (vec!["A", "a-b", "b"], true));
        let marker = first.marker.as_deref().and_then(Marker::decode);
        let second = attached_page(all, None, &PageRequest { marker, max_items: 3 });
        assert_eq!((names(&second), second.is_truncated, &second.marker), (vec!["C"], false, &None));
    }

    #[test]
    fn a_path_prefix_is_about_the_path_and_not_the_name() {
        let page = PageRequest { marker: None, max_items: 100 };
        let all = || arns(&["/team", "/team/a", "/team/x/b", "/teams/c"]);
        assert_eq!(names(&attached_page(all(), Some("/team/"), &page)), ["a", "b"]);
        assert_eq!(names(&attached_page(all(), Some("/"), &page)).len(), 4);
    }
}
