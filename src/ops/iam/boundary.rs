//! Permissions boundaries: `PutUserPermissionsBoundary`, `DeleteUserPermissionsBoundary`, and the same for roles.

use serde::Deserialize;

use super::any_policy::find_any;
use super::holder::{PolicyHolder, changing, find, looking};
use super::managed_policy::{policy_arn, reworded};
use super::policy_use::{self, Usage, UsedPolicy};
use super::service_linked_role::refuse_linked_holder;
use crate::decision::Permit;
use crate::identity::{Role, User};
use crate::ops::{Call, Demand, Error, Operation, Registry};
use crate::store::Tx;
use crate::types::{Arn, RoleName, UserName};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<PutUserPermissionsBoundary>().add::<DeleteUserPermissionsBoundary>();
    registry.add::<PutRolePermissionsBoundary>().add::<DeleteRolePermissionsBoundary>();
}

macro_rules! boundaries {
    ($holder:ty, $field:ident: $name:ty, [$put:ident, $delete:ident]) => {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct $put {
            $field: $name,
            permissions_boundary: String,
        }

        impl Operation for $put {
            const SERVICE: Service = Service::Iam;
            const NAME: &'static str = stringify!($put);
            const READ_ONLY: bool = false;
            type Output = ();

            async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
                // Here the key is the boundary that the entity is to have, not the one that it has.
                let permission = looking::<$holder>(concat!("iam:", stringify!($put)), &self.$field, call, tx).await?;
                Ok(permission.with("iam:PermissionsBoundary", self.permissions_boundary.as_str()).into())
            }

            async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
                replace::<$holder>(&self.$field, Some(policy_arn(&self.permissions_boundary)?), call, tx).await
            }
        }

        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct $delete {
            $field: $name,
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
                replace::<$holder>(&self.$field, None, call, tx).await
            }
        }
    };
}

boundaries!(User, user_name: UserName, [PutUserPermissionsBoundary, DeleteUserPermissionsBoundary]);
boundaries!(Role, role_name: RoleName, [PutRolePermissionsBoundary, DeleteRolePermissionsBoundary]);

async fn replace<H: PolicyHolder>(
    name: &H::Name,
    boundary: Option<Arn>,
    call: &Call<'_>,
    tx: &mut Tx,
) -> Result<(), Error> {
    let mut holder: H = find(tx, call, name).await?;
    refuse_linked_holder(&holder)?;
    if holder.permissions().boundary == boundary {
        return Ok(());
    }
    let folded = holder.folded_name();
    if let Some(boundary) = &boundary {
        check_boundary(tx, call, boundary, H::NOUN, &folded).await?;
    }
    release(tx, call, holder.permissions().boundary.as_ref(), H::NOUN, &folded).await?;
    holder.permissions_mut().boundary = boundary;
    Ok(tx.put(&H::key(call.account(), name), &holder)?)
}

/// Holds a boundary to its rule (the policy exists) and writes down that an entity has it, which must not be written down yet.
/// The entity's own record is the caller's to write.
pub(super) async fn check_boundary(
    tx: &mut Tx,
    call: &Call<'_>,
    boundary: &Arn,
    kind: &str,
    folded_name: &str,
) -> Result<(), Error> {
    let missing = || format!("Scope ARN: {boundary} does not exist or is not attachable.");
    find_any(tx, call, boundary).await.map_err(|error| reworded(error, missing()))?;
    let used = UsedPolicy::of(call, boundary).ok_or_else(|| Error::NoSuchEntity(missing()))?;
    policy_use::begin(tx, call, &used, Usage::Boundary, (kind, folded_name)).await
}

/// Writes down that an entity does not have its boundary any more, if it has one.
pub(super) async fn release(
    tx: &mut Tx,
    call: &Call<'_>,
    boundary: Option<&Arn>,
    kind: &str,
    folded_name: &str,
) -> Result<(), Error> {
    match boundary.and_then(|arn| UsedPolicy::of(call, arn)) {
        Some(policy) => policy_use::end(tx, call, &policy, Usage::Boundary, (kind, folded_name)).await,
        None => Ok(()),
    }
}
