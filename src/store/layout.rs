//! Under which key each record lies: the kind first, then the account, then the name in lower case, so that one account's
//! entities of one kind are one ordered range.

use super::key::{Key, Range};
use crate::types::{
    AccessKeyId, AccountAlias, AccountId, GroupName, InstanceProfileName, OidcIssuer, PolicyName, ResourceArn,
    ResourceTypeName, RoleName, SamlProviderName, ServerCertificateName, UserName, VirtualMfaName,
};

/// What the whole installation knows about itself.
pub fn installation() -> Key {
    Key::of(&["installation"])
}

/// The organization that the accounts of the installation are.
pub fn organization() -> Key {
    Key::of(&["organization"])
}

/// That an account's principals may ask for tokens for services elsewhere.
pub fn outbound_federation(id: AccountId) -> Key {
    Key::of(&["outbound-federation", &id.to_string()])
}

/// An account's preferences for the security token service.
pub fn token_preferences(id: AccountId) -> Key {
    Key::of(&["token-preferences", &id.to_string()])
}

/// An account.
pub fn account(id: AccountId) -> Key {
    Key::of(&["account", &id.to_string()])
}

/// All accounts.
pub fn accounts() -> Range {
    Key::of(&["account"]).children()
}

/// Whose an account alias is.
pub fn account_alias(alias: &AccountAlias) -> Key {
    Key::of(&["account-alias", alias.as_str()])
}

/// The alias of an account.
pub fn alias_of_account(id: AccountId) -> Key {
    Key::of(&["alias-of-account", &id.to_string()])
}

/// How the account's credential report stands.
pub fn credential_report(account: AccountId) -> Key {
    Key::of(&["credential-report", &account.to_string()])
}

/// What the parts of the account's credential reports lie below.
pub fn report_parts(account: AccountId) -> Key {
    Key::of(&["report-part", &account.to_string()])
}

/// A part of a credential report, by its number.
pub fn report_part(account: AccountId, report: &str, number: u32) -> Key {
    report_parts(account).child(report).child(&format!("{number:010}"))
}

/// A user.
pub fn user(account: AccountId, name: &UserName) -> Key {
    entity("user", account, &name.folded())
}

/// The present name of a user that has had another, by its unique id.
pub fn renamed_user(account: AccountId, unique_id: &str) -> Key {
    entity("renamed-user", account, unique_id)
}

/// A user's password.
pub fn login_profile(account: AccountId, name: &UserName) -> Key {
    entity("login-profile", account, &name.folded())
}

/// What an account asks of its users' passwords.
pub fn password_policy(account: AccountId) -> Key {
    Key::of(&["password-policy", &account.to_string()])
}

/// A group.
pub fn group(account: AccountId, name: &GroupName) -> Key {
    entity("group", account, &name.folded())
}

/// How many users a group has.
pub fn membership(account: AccountId, name: &GroupName) -> Key {
    entity("membership", account, &name.folded())
}

/// That a user is in a group, seen from the group.
pub fn member(account: AccountId, group: &GroupName, user: &UserName) -> Key {
    entity("member", account, &group.folded()).child(&user.folded())
}

/// What the users of a group lie below.
pub fn members(account: AccountId, group: &GroupName) -> Key {
    entity("member", account, &group.folded())
}

/// A role.
pub fn role(account: AccountId, name: &RoleName) -> Key {
    entity("role", account, &name.folded())
}

/// An instance profile.
pub fn instance_profile(account: AccountId, name: &InstanceProfileName) -> Key {
    entity("instance-profile", account, &name.folded())
}

/// How many instance profiles hold a role.
pub fn profiles_of_role(account: AccountId, role: &RoleName) -> Key {
    entity("profiles-of-role", account, &role.folded())
}

/// That an instance profile holds a role, seen from the role.
pub fn profile_of_role(account: AccountId, role: &RoleName, profile: &InstanceProfileName) -> Key {
    all_profiles_of_role(account, role).child(&profile.folded())
}

/// What the instance profiles that hold a role lie below.
pub fn all_profiles_of_role(account: AccountId, role: &RoleName) -> Key {
    entity("profile-of-role", account, &role.folded())
}

/// A customer managed policy.
pub fn policy(account: AccountId, name: &PolicyName) -> Key {
    entity("policy", account, &name.folded())
}

/// That a customer managed policy has a version: nothing but counted.
pub fn policy_version(account: AccountId, name: &PolicyName, number: u32) -> Key {
    entity("policy-version", account, &name.folded()).child(&format!("v{number}"))
}

/// In how many places a policy is used.
pub fn policy_usage(account: AccountId, name: &PolicyName) -> Key {
    entity("policy-usage", account, &name.folded())
}

/// What the entities of a kind lie below that use a policy in one way, each under its name in lower case. `kind` is `user`, `group`
/// or `role`; `usage` is `attached` or `boundary`.
pub fn policy_uses(account: AccountId, policy: &PolicyName, usage: &str, kind: &str) -> Key {
    entity("policy-use", account, &policy.folded()).child(usage).child(kind)
}

/// In how many places an account uses a managed policy of AWS.
pub fn aws_policy_usage(account: AccountId, name: &PolicyName) -> Key {
    entity("aws-policy-usage", account, &name.folded())
}

/// What the entities of a kind lie below that use a managed policy of AWS in one way; see [`policy_uses`].
pub fn aws_policy_uses(account: AccountId, policy: &PolicyName, usage: &str, kind: &str) -> Key {
    entity("aws-policy-use", account, &policy.folded()).child(usage).child(kind)
}

/// A virtual MFA device.
pub fn mfa_device(account: AccountId, name: &VirtualMfaName) -> Key {
    entity("mfa-device", account, &name.folded())
}

/// That an MFA device is enabled: nothing but counted.
pub fn mfa_in_use(account: AccountId, name: &VirtualMfaName) -> Key {
    entity("mfa-in-use", account, &name.folded())
}

/// A server certificate.
pub fn server_certificate(account: AccountId, name: &ServerCertificateName) -> Key {
    entity("server-certificate", account, &name.folded())
}

/// What a server certificate is made of, by the certificate's unique id.
pub fn server_certificate_body(account: AccountId, id: &str) -> Key {
    entity("server-certificate-body", account, id)
}

/// A signing certificate; its id is made from the certificate, so an account has none twice.
pub fn signing_certificate(account: AccountId, id: &str) -> Key {
    entity("signing-certificate", account, id)
}

/// An SSH public key.
pub fn ssh_public_key(account: AccountId, id: &str) -> Key {
    entity("ssh-public-key", account, id)
}

/// A service-specific credential.
pub fn service_credential(account: AccountId, id: &str) -> Key {
    entity("service-credential", account, id)
}

/// Whose a name is at a service. Both are texts of brevet's own making.
pub fn service_user_name(account: AccountId, service: &str, name: &str) -> Key {
    entity("service-user-name", account, service).child(&name.to_ascii_lowercase())
}

/// A deletion of a service-linked role, by the last part of its task's id.
pub fn role_deletion(account: AccountId, id: &str) -> Key {
    role_deletions(account).child(id)
}

/// What an account's deletions of service-linked roles lie below, the oldest first.
pub fn role_deletions(account: AccountId) -> Key {
    Key::of(&["role-deletion", &account.to_string()])
}

/// That a role is a service-linked one: nothing but counted.
pub fn service_linked_role(account: AccountId, name: &RoleName) -> Key {
    entity("service-linked-role", account, &name.folded())
}

/// An OpenID Connect provider. Issuers differ by the case of their paths, and condition keys do not: an account has one of those
/// whose keys would be the same.
pub fn oidc_provider(account: AccountId, issuer: &OidcIssuer) -> Key {
    entity("oidc-provider", account, &issuer.as_str().to_ascii_lowercase())
}

/// A SAML provider.
pub fn saml_provider(account: AccountId, name: &SamlProviderName) -> Key {
    entity("saml-provider", account, &name.folded())
}

/// The metadata document that a SAML provider was made from.
pub fn saml_document(account: AccountId, name: &SamlProviderName) -> Key {
    entity("saml-document", account, &name.folded())
}

/// An access key; its id is unique in the whole installation.
pub fn access_key(id: &AccessKeyId) -> Key {
    Key::of(&["access-key", id.as_str()])
}

/// What ends sessions of an account before their time: by what it names (`session`, `access-key`, `principal`), and its id.
pub fn revocation(account: AccountId, kind: &str, id: &str) -> Key {
    revocations_of(account).child(kind).child(id)
}

/// What the revocations of an account lie below.
pub fn revocations_of(account: AccountId) -> Key {
    Key::of(&["revocation", &account.to_string()])
}

/// The revocations of all accounts.
pub fn revocations() -> Range {
    Key::of(&["revocation"]).children()
}

/// What is stored of a resource that a service guards, by its ARN.
pub fn resource(account: AccountId, arn: &ResourceArn) -> Key {
    resources(account).child(arn.as_str())
}

/// What the stored resources of an account lie below, in the order of their ARNs.
pub fn resources(account: AccountId) -> Key {
    Key::of(&["resource", &account.to_string()])
}

/// Whose a stored resource is whose ARN names no account.
pub fn resource_owner(arn: &ResourceArn) -> Key {
    Key::of(&["resource-owner", arn.as_str()])
}

/// Which actions there are on an account's resources of a type.
pub fn resource_type(account: AccountId, name: &ResourceTypeName) -> Key {
    resource_types(account).child(name.as_str())
}

/// What the resource types of an account lie below, in the order of their names.
pub fn resource_types(account: AccountId) -> Key {
    Key::of(&["resource-type", &account.to_string()])
}

/// A report that was asked for.
pub fn report_job(account: AccountId, id: &str) -> Key {
    report_jobs(account).child(id)
}

/// What the reports of an account lie below that were asked for, the oldest first.
pub fn report_jobs(account: AccountId) -> Key {
    Key::of(&["report-job", &account.to_string()])
}

/// The last use of an access key.
pub fn key_use(id: &AccessKeyId) -> Key {
    Key::of(&["key-use", id.as_str()])
}

/// Which services anybody of an account used.
pub fn account_use(account: AccountId) -> Key {
    Key::of(&["account-use", &account.to_string()])
}

/// What a user or role used, by its unique id: whoever takes its name later has used nothing.
pub fn entity_use(account: AccountId, unique_id: &str) -> Key {
    entity("entity-use", account, unique_id)
}

/// A key that signs session tokens.
pub fn signing_key(kid: &str) -> Key {
    Key::of(&["signing-key", kid])
}

/// All keys that sign or have signed session tokens.
pub fn signing_keys() -> Range {
    Key::of(&["signing-key"]).children()
}

/// A key that signs web identity tokens.
pub fn identity_key(kid: &str) -> Key {
    Key::of(&["identity-key", kid])
}

/// All keys that sign or have signed web identity tokens.
pub fn identity_keys() -> Range {
    Key::of(&["identity-key"]).children()
}

/// What all records of a kind (`user`, `group`, `role`, `policy`, `instance-profile`, `mfa-device`, `oidc-provider`,
/// `saml-provider`, `server-certificate`) in an account lie below, in the order of their names.
pub fn all(kind: &str, account: AccountId) -> Key {
    Key::of(&[kind, &account.to_string()])
}

fn entity(kind: &str, account: AccountId, folded_name: &str) -> Key {
    Key::of(&[kind, &account.to_string(), folded_name])
}
