//! Users, groups and roles as far as their policies go, so that the operations on policies are written once for all three.

use std::fmt::Display;
use std::str::FromStr;

use crate::identity::{Group, Permissions, Role, User, quota};
use crate::ops::{Call, Error, Permission};
use crate::store::{Entity, Key, Tx, layout};
use crate::types::{AccountId, Arn, EntityPath, GroupName, Realm, RoleName, Tag, UserName};

/// A user, group or role.
pub(super) trait PolicyHolder: Entity + Sync {
    /// Its kind of name.
    type Name: Display + FromStr + Send + Sync;
    /// `user`, `group` or `role`, in messages and in the keys of [`layout::policy_uses`].
    const NOUN: &'static str;
    /// Characters that its inline policies may have together.
    const INLINE_SIZE: usize;
    /// The name of the quota of attached policies.
    const ATTACHED_QUOTA: &'static str;

    fn key(account: AccountId, name: &Self::Name) -> Key;
    /// The ARN that one of this name would have at the root of the tree.
    fn arn_at_root(realm: &Realm, account: AccountId, name: &Self::Name) -> Arn;
    fn arn(&self, realm: &Realm, account: AccountId) -> Arn;
    fn name(&self) -> &Self::Name;
    fn folded_name(&self) -> String;
    fn path(&self) -> &EntityPath;
    fn permissions(&self) -> &Permissions;
    fn permissions_mut(&mut self) -> &mut Permissions;
    /// Its tags; a group has none.
    fn tags(&self) -> &[Tag];
}

macro_rules! policy_holder {
    ($holder:ident, $name:ident, $noun:ident, $inline_size:ident, $quota:literal, $tags:expr) => {
        impl PolicyHolder for $holder {
            type Name = $name;
            const NOUN: &'static str = stringify!($noun);
            const INLINE_SIZE: usize = quota::$inline_size;
            const ATTACHED_QUOTA: &'static str = $quota;

            fn key(account: AccountId, name: &$name) -> Key {
                layout::$noun(account, name)
            }

            fn arn_at_root(realm: &Realm, account: AccountId, name: &$name) -> Arn {
                realm.$noun(account, &EntityPath::default(), name.as_str())
            }

            fn arn(&self, realm: &Realm, account: AccountId) -> Arn {
                $holder::arn(self, realm, account)
            }

            fn name(&self) -> &$name {
                &self.name
            }

            fn folded_name(&self) -> String {
                self.name.folded()
            }

            fn path(&self) -> &EntityPath {
                &self.path
            }

            fn permissions(&self) -> &Permissions {
                &self.permissions
            }

            fn permissions_mut(&mut self) -> &mut Permissions {
                &mut self.permissions
            }

            fn tags(&self) -> &[Tag] {
                let tags: fn(&Self) -> &[Tag] = $tags;
                tags(self)
            }
        }
    };
}

policy_holder!(User, UserName, user, USER_INLINE_SIZE, "PoliciesPerUser", |user| user.tags.as_slice());
policy_holder!(Group, GroupName, group, GROUP_INLINE_SIZE, "PoliciesPerGroup", |_| &[]);
policy_holder!(Role, RoleName, role, ROLE_INLINE_SIZE, "PoliciesPerRole", |role| role.tags.as_slice());

/// The user, group or role of a name in the caller's account.
pub(super) async fn find<H: PolicyHolder>(tx: &mut Tx, call: &Call<'_>, name: &H::Name) -> Result<H, Error> {
    let found = tx.get::<H>(&H::key(call.account(), name)).await?;
    found.ok_or_else(|| Error::no_such(H::NOUN, name))
}

/// The permission for an action that only looks.
pub(super) async fn looking<H: PolicyHolder>(
    action: &str,
    name: &H::Name,
    call: &Call<'_>,
    tx: &mut Tx,
) -> Result<Permission, Error> {
    permission::<H>(action, name, call, tx).await.map(|(permission, _)| permission)
}

/// The permission for an action that changes policies, which AWS lets depend on the boundary (`iam:PermissionsBoundary`): so
/// whoever administers only what is bounded cannot reach beyond.
pub(super) async fn changing<H: PolicyHolder>(
    action: &str,
    name: &H::Name,
    call: &Call<'_>,
    tx: &mut Tx,
) -> Result<Permission, Error> {
    let (permission, boundary) = permission::<H>(action, name, call, tx).await?;
    Ok(permission.with_some("iam:PermissionsBoundary", boundary.as_ref().map(Arn::as_str)))
}

/// The permission, and the boundary of the holder. As everywhere, one that does not exist is looked for at the root of the tree.
async fn permission<H: PolicyHolder>(
    action: &str,
    name: &H::Name,
    call: &Call<'_>,
    tx: &mut Tx,
) -> Result<(Permission, Option<Arn>), Error> {
    let (realm, account) = (call.realm(), call.account());
    Ok(match tx.get::<H>(&H::key(account, name)).await? {
        Some(holder) => {
            let permission = Permission::on(action, &holder.arn(realm, account), account);
            (permission.with_resource_tags(holder.tags()), holder.permissions().boundary.clone())
        }
        None => (Permission::on(action, &H::arn_at_root(realm, account, name), account), None),
    })
}
