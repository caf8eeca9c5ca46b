//! The `[quotas]` section: how much an account may hold.
//!
//! Source: "IAM and AWS STS quotas", `reference_iam-quotas.html`: the defaults are AWS's. What AWS raises for nobody, such as the
//! versions of a policy, is no setting and stands in `src/identity/quota.rs`.

/// How many entities of a kind an account may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Users, and as many virtual MFA devices. Default 5000, from 1 to 100000000.
    pub users: u64,
    /// Groups. Default 300, from 1 to 100000000.
    pub groups: u64,
    /// Roles, and as many service-linked ones beside them. Default 1000, from 1 to 100000000.
    pub roles: u64,
    /// Customer managed policies. Default 1500, from 1 to 100000000.
    pub policies: u64,
    /// Versions of all customer managed policies together. Default 10000, from 1 to 100000000.
    pub policy_versions: u64,
    /// Instance profiles. Default 1000, from 1 to 100000000.
    pub instance_profiles: u64,
    /// Server certificates. Default 20, from 1 to 100000000.
    pub server_certificates: u64,
    /// OIDC providers. Default 100, from 1 to 100000000.
    pub oidc_providers: u64,
    /// SAML providers. Default 100, from 1 to 100000000.
    pub saml_providers: u64,
    /// Revocations of single sessions in force, half of them by the sessions themselves; each takes some 40 bytes of every broker's
    /// memory. Those of users, roles and access keys have a tenth more. Default 100000, from 1 to 100000000.
    pub revocations: u64,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            users: 5_000,
            groups: 300,
            roles: 1_000,
            policies: 1_500,
            policy_versions: 10_000,
            instance_profiles: 1_000,
            server_certificates: 20,
            oidc_providers: 100,
            saml_providers: 100,
            revocations: 100_000,
        }
    }
}
