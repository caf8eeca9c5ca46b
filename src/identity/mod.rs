//! The entities of an account: plain structs with their rules, limits and transitions. No IO, no HTTP.
//!
//! Source for the rules: the IAM API reference; for the quotas "IAM and AWS STS quotas", `reference_iam-quotas.html`.

mod access_key;
mod account;
mod aws_managed;
mod credential_report;
mod group;
mod installation;
mod instance_profile;
mod last_use;
mod login_profile;
mod managed_policy;
mod mfa_device;
mod oidc_provider;
mod organization;
pub mod password_policy;
mod permissions;
mod preferences;
pub mod quota;
mod report_job;
mod resource;
mod role;
mod root_task;
mod saml_metadata;
mod saml_names;
mod saml_provider;
mod server_certificate;
mod service_linked;
mod user;
mod user_credentials;

pub use access_key::{AccessKey, KeyOwner, KeyStatus};
pub use account::{Account, AliasOfAccount, AliasOwner};
pub use aws_managed::AwsPolicy;
pub use credential_report::{CredentialReport, ReportPart, ReportState, Worth};
pub use group::{Group, Membership};
pub use installation::Installation;
pub use instance_profile::{InstanceProfile, ProfileOfRole, ProfilesOfRole};
pub use last_use::{EntityUse, KeyUse, LastUse, ServiceUse};
pub use login_profile::LoginProfile;
pub use managed_policy::{ManagedPolicy, PolicyUsage, PolicyUse, PolicyVersion};
pub use mfa_device::MfaDevice;
pub use oidc_provider::OidcProvider;
pub use organization::{Organization, RootFeature};
pub use password_policy::PasswordPolicy;
pub use permissions::{InlinePolicies, Permissions};
pub use preferences::{OutboundFederation, TokenPreferences, TokenVersion};
pub use report_job::{Report, ReportJob};
pub use resource::{AttributeError, ResourceOwner, ResourcePolicy, ResourceType, StoredResource, attributes};
pub use role::Role;
pub use root_task::RootTask;
pub use saml_metadata::{SamlMetadata, SamlMetadataError};
pub use saml_provider::{AssertionEncryption, SamlDocument, SamlPrivateKey, SamlProvider};
pub use server_certificate::{ServerCertificate, ServerCertificateBody};
pub use service_linked::{RoleDeletion, SERVICE_LINKED, role_of_service};
pub use user::{RenamedUser, User};
pub use user_credentials::{ServiceCredential, ServiceUserName, SigningCertificate, SshPublicKey, UserCredentials};
