//! AWS's quotas for single entities, and brevet's for what AWS does not have; those of whole accounts are settings (`config::Quotas`). Sizes of documents are counted without white space, as AWS counts them.

/// Groups that a user may be in.
pub const GROUPS_PER_USER: usize = 10;
/// Access keys that a user, or the root user, may have.
pub const ACCESS_KEYS_PER_USER: usize = 2;
/// MFA devices that a user may have enabled.
pub const MFA_DEVICES_PER_USER: usize = 8;
/// Signing certificates that a user, or the root user, may have.
pub const SIGNING_CERTIFICATES_PER_USER: usize = 2;
/// SSH public keys that a user may have.
pub const SSH_PUBLIC_KEYS_PER_USER: usize = 5;
/// Service-specific credentials that a user may have for one service.
pub const CREDENTIALS_PER_SERVICE: usize = 2;
/// Managed policies attached to one user, group or role.
pub const ATTACHED_POLICIES: usize = 10;
/// Client ids that an OpenID Connect provider may have.
pub const CLIENT_IDS_PER_OIDC_PROVIDER: usize = 100;
/// Thumbprints that an OpenID Connect provider may have.
pub const THUMBPRINTS_PER_OIDC_PROVIDER: usize = 5;
/// Private keys that a SAML provider may have.
pub const PRIVATE_KEYS_PER_SAML_PROVIDER: usize = 2;
/// Bytes of a SAML provider's metadata document. AWS's model allows 10,000,000 characters; here a document is one record of the
/// store, which holds a mebibyte of JSON, and JSON may need two bytes for one of XML.
pub const SAML_METADATA_BYTES: usize = 400_000;
/// Roles in an instance profile; AWS raises this one for nobody.
pub const ROLES_PER_INSTANCE_PROFILE: usize = 1;
/// Versions of a managed policy.
pub const POLICY_VERSIONS: usize = 5;
/// Characters of a managed policy.
pub const MANAGED_POLICY_SIZE: usize = 6_144;
/// Characters of all inline policies of a user together.
pub const USER_INLINE_SIZE: usize = 2_048;
/// Characters of all inline policies of a group together.
pub const GROUP_INLINE_SIZE: usize = 5_120;
/// Characters of all inline policies of a role together.
pub const ROLE_INLINE_SIZE: usize = 10_240;
/// Characters of a role's trust policy.
pub const TRUST_POLICY_SIZE: usize = 2_048;
/// Characters of the policy of a stored resource: as many as a bucket policy of S3 has bytes.
pub const RESOURCE_POLICY_SIZE: usize = 20_480;
/// Resource types that an account may declare.
pub const RESOURCE_TYPES: u64 = 1_000;
/// Actions that a resource type may have.
pub const ACTIONS_PER_RESOURCE_TYPE: usize = 200;

/// The length of a policy document as quotas count it: without white space.
pub fn policy_size(document: &str) -> usize {
    document.chars().filter(|c| !c.is_whitespace()).count()
}
