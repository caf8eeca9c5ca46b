//! `GetAccountSummary`: how much an account holds, and how much it may.
//!
//! Numbers come from the store's counts and from what operations themselves hold requests to, so that none can differ from what is
//! enforced. Source: `API_GetAccountSummary.html`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::room;
use crate::decision::Permit;
use crate::identity::{Account, TokenPreferences, quota};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::store::{Tx, layout};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<GetAccountSummary>();
}

#[derive(Deserialize)]
struct GetAccountSummary {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Summary {
    summary_map: BTreeMap<&'static str, u64>,
}

impl Operation for GetAccountSummary {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetAccountSummary";
    const READ_ONLY: bool = true;
    type Output = Summary;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(Permission::on_anything("iam:GetAccountSummary", call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Summary, Error> {
        let mut summary_map = BTreeMap::new();
        let rooms = [
            ("Users", "UsersQuota", room::users(call)),
            ("Groups", "GroupsQuota", room::groups(call)),
            ("Roles", "RolesQuota", room::roles(call)),
            ("Policies", "PoliciesQuota", room::policies(call)),
            ("PolicyVersionsInUse", "PolicyVersionsInUseQuota", room::policy_versions(call)),
            ("InstanceProfiles", "InstanceProfilesQuota", room::instance_profiles(call)),
            ("ServerCertificates", "ServerCertificatesQuota", room::server_certificates(call)),
        ];
        for (number, limit, room) in rooms {
            summary_map.insert(number, room.taken(call, tx).await?);
            summary_map.insert(limit, room.limit);
        }
        let providers = [room::oidc_providers(call), room::saml_providers(call)];
        let mut known = 0;
        for room in providers {
            known += room.taken(call, tx).await?;
        }
        summary_map.insert("Providers", known);
        summary_map.insert("MFADevices", room::mfa_devices(call).taken(call, tx).await?);
        summary_map.insert("MFADevicesInUse", room::mfa_devices_in_use(call).taken(call, tx).await?);
        summary_map.extend(PER_ENTITY.map(|(name, limit)| (name, limit as u64)));
        let account = tx.get::<Account>(&layout::account(call.account())).await?;
        let (keys, certificates) =
            account.map_or((0, 0), |account| (account.root_access_keys.len(), account.root_signing_certificates.len()));
        summary_map.insert("AccountAccessKeysPresent", u64::from(keys > 0));
        summary_map.insert("AccountSigningCertificatesPresent", u64::from(certificates > 0));
        // The root user has no other credentials.
        summary_map.insert("AccountMFAEnabled", 0);
        summary_map.insert("AccountPasswordPresent", 0);
        let preferences = tx.get::<TokenPreferences>(&layout::token_preferences(call.account())).await?;
        let version = preferences.unwrap_or_default().global_endpoint.number();
        summary_map.insert("GlobalEndpointTokenVersion", u64::from(version));
        Ok(Summary { summary_map })
    }
}

/// What AWS raises for nobody, and how the summary calls it.
const PER_ENTITY: [(&str, usize); 12] = [
    ("AccessKeysPerUserQuota", quota::ACCESS_KEYS_PER_USER),
    ("AssumeRolePolicySizeQuota", quota::TRUST_POLICY_SIZE),
    ("AttachedPoliciesPerGroupQuota", quota::ATTACHED_POLICIES),
    ("AttachedPoliciesPerRoleQuota", quota::ATTACHED_POLICIES),
    ("AttachedPoliciesPerUserQuota", quota::ATTACHED_POLICIES),
    ("GroupPolicySizeQuota", quota::GROUP_INLINE_SIZE),
    ("GroupsPerUserQuota", quota::GROUPS_PER_USER),
    ("PolicySizeQuota", quota::MANAGED_POLICY_SIZE),
    ("RolePolicySizeQuota", quota::ROLE_INLINE_SIZE),
    ("SigningCertificatesPerUserQuota", quota::SIGNING_CERTIFICATES_PER_USER),
    ("UserPolicySizeQuota", quota::USER_INLINE_SIZE),
    ("VersionsPerPolicyQuota", quota::POLICY_VERSIONS),
];
