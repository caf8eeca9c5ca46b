//! Whether an account has room for one more entity of a kind.
//!
//! The store knows how many there are, so asking costs the same for the first user and the millionth. Requests at one moment may
//! pass a quota by as many as they are, as the number is no part of what a commit expects: users are created side by side.

use crate::ops::{Call, Error};
use crate::store::{Tx, layout};

/// A kind of entity of which an account may have so many.
#[derive(Clone, Copy)]
pub(super) struct Room {
    /// The kind of its records.
    pub(super) kind: &'static str,
    /// What AWS calls the quota.
    pub(super) quota: &'static str,
    /// How many the operator allows.
    pub(super) limit: u64,
    /// Records of a kind that each stand for one of these and take no room among them.
    apart: Option<&'static str>,
}

impl Room {
    /// How many there are.
    pub(super) async fn taken(self, call: &Call<'_>, tx: &Tx) -> Result<u64, Error> {
        Ok(tx.count(&layout::all(self.kind, call.account())).await?)
    }

    /// Refuses when there is no room for one more.
    ///
    /// # Errors
    /// `LimitExceeded` in AWS's words: "Cannot exceed quota for UsersPerAccount: 5000".
    pub(super) async fn for_one_more(self, call: &Call<'_>, tx: &Tx) -> Result<(), Error> {
        let apart = match self.apart {
            Some(kind) => tx.count(&layout::all(kind, call.account())).await?,
            None => 0,
        };
        if self.taken(call, tx).await?.saturating_sub(apart) < self.limit {
            return Ok(());
        }
        Err(Error::quota(self.quota, self.limit))
    }
}

fn room(kind: &'static str, quota: &'static str, limit: u64) -> Room {
    Room { kind, quota, limit, apart: None }
}

/// Users.
pub(super) fn users(call: &Call<'_>) -> Room {
    room("user", "UsersPerAccount", call.broker.quotas.users)
}

/// Groups.
pub(super) fn groups(call: &Call<'_>) -> Room {
    room("group", "GroupsPerAccount", call.broker.quotas.groups)
}

/// Roles.
pub(super) fn roles(call: &Call<'_>) -> Room {
    Room { apart: Some(LINKED), ..room("role", "RolesPerAccount", call.broker.quotas.roles) }
}

/// The kind of the records that count service-linked roles.
const LINKED: &str = "service-linked-role";

/// Service-linked roles. Whoever may make them and nothing else, as AWS's `PowerUserAccess` allows, makes them for any name that
/// could be a service's: so they are bounded, and none of them keeps an administrator from making a role.
pub(super) fn service_linked_roles(call: &Call<'_>) -> Room {
    room(LINKED, "ServiceLinkedRolesPerAccount", call.broker.quotas.roles)
}

/// Customer managed policies.
pub(super) fn policies(call: &Call<'_>) -> Room {
    room("policy", "PoliciesPerAccount", call.broker.quotas.policies)
}

/// Versions of all customer managed policies together.
pub(super) fn policy_versions(call: &Call<'_>) -> Room {
    room("policy-version", "PolicyVersionsInUse", call.broker.quotas.policy_versions)
}

/// Instance profiles.
pub(super) fn instance_profiles(call: &Call<'_>) -> Room {
    let limit = call.broker.quotas.instance_profiles;
    room("instance-profile", "InstanceProfilesPerAccount", limit)
}

/// Virtual MFA devices, enabled or not: as many as users.
pub(super) fn mfa_devices(call: &Call<'_>) -> Room {
    room("mfa-device", "VirtualMFADevicesPerAccount", call.broker.quotas.users)
}

/// MFA devices that are enabled.
pub(super) fn mfa_devices_in_use(call: &Call<'_>) -> Room {
    Room { kind: "mfa-in-use", ..mfa_devices(call) }
}

/// Server certificates.
pub(super) fn server_certificates(call: &Call<'_>) -> Room {
    let limit = call.broker.quotas.server_certificates;
    room("server-certificate", "ServerCertificatesPerAccount", limit)
}

/// OIDC providers.
pub(super) fn oidc_providers(call: &Call<'_>) -> Room {
    room("oidc-provider", "OpenIdConnectProvidersPerAccount", call.broker.quotas.oidc_providers)
}

/// SAML providers.
pub(super) fn saml_providers(call: &Call<'_>) -> Room {
    room("saml-provider", "SAMLProvidersPerAccount", call.broker.quotas.saml_providers)
}
