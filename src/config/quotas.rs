//! The `[quotas]` section: how much an account, or a session, may hold.
//!
//! Source: "IAM and AWS STS quotas", `reference_iam-quotas.html`: the defaults are AWS's. What AWS raises for nobody, such as the
//! versions of a policy, is no setting and stands in `src/identity/quota.rs`.

/// How many entities of a kind an account may have, and how large a session may be.
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
    /// Stored resources. Default 100000, from 1 to 100000000.
    pub resources: u64,
    /// Characters of a session policy, without white space. Default 2048, from 1 to 6144.
    pub session_policy_characters: u64,
    /// Bytes that the policies and tags of a session may take in its token: what `PackedPolicySize` calls 100 percent. Default 4096,
    /// from 1 to 6144.
    pub packed_session_bytes: u64,
    /// Revocations of single sessions in force, half of them by the sessions themselves; each takes some 40 bytes of every broker's
    /// memory. Those of users, roles and access keys have a tenth more. Default 100000, from 1 to 100000000.
    pub revocations: u64,
}

impl Quotas {
    /// AWS's length of a session policy.
    pub const SESSION_POLICY_CHARACTERS: u64 = 2_048;
    /// The most that policies and tags may take of a session token. Written as JSON within JSON and in Base64 it is some ten KiB,
    /// which fits into the 16 KiB that a token, and the head of a request, have at the most.
    pub const MOST_OF_A_TOKEN: u64 = 6_144;
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
            resources: 100_000,
            session_policy_characters: Self::SESSION_POLICY_CHARACTERS,
            packed_session_bytes: 4_096,
            revocations: 100_000,
        }
    }
}
