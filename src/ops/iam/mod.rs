//! IAM's operations, one file per entity.
//!
//! Source: the IAM API reference; each operation's page has the operation's name. Families that differ by entity alone (tags,
//! attached policies, inline policies, boundaries) are one macro each.

mod access_key;
mod accessed;
mod account_alias;
mod account_summary;
mod any_policy;
mod attached;
mod authorization_detail;
mod authorization_details;
mod boundary;
mod change_password;
mod common;
mod context_keys;
mod credential_report;
mod group;
mod holder;
mod human_summary;
mod inline;
mod instance_profile;
mod last_accessed;
mod last_used;
mod login_profile;
mod managed_policy;
mod membership;
mod mfa_device;
mod oidc_client;
mod oidc_provider;
mod organization;
mod organization_access;
mod outbound;
mod password;
mod password_policy;
mod pem_input;
mod policy_entities;
mod policy_list;
mod policy_source;
mod policy_use;
mod policy_version;
mod profile_role;
mod rename;
mod report_job;
mod role;
mod room;
mod saml_list;
mod saml_provider;
mod server_certificate;
mod service_access;
mod service_credential;
mod service_linked_role;
mod shapes;
mod signer;
mod signing_certificate;
mod simulate;
mod simulated;
mod ssh_public_key;
mod tags;
mod trust;
mod user;

use super::Registry;

/// Adds all of IAM's operations that are built.
pub(super) fn register(registry: &mut Registry) {
    access_key::register(registry);
    account_alias::register(registry);
    account_summary::register(registry);
    attached::register(registry);
    authorization_details::register(registry);
    boundary::register(registry);
    change_password::register(registry);
    context_keys::register(registry);
    credential_report::register(registry);
    group::register(registry);
    human_summary::register(registry);
    inline::register(registry);
    instance_profile::register(registry);
    last_accessed::register(registry);
    last_used::register(registry);
    login_profile::register(registry);
    managed_policy::register(registry);
    membership::register(registry);
    mfa_device::register(registry);
    password_policy::register(registry);
    oidc_client::register(registry);
    oidc_provider::register(registry);
    organization::register(registry);
    organization_access::register(registry);
    outbound::register(registry);
    policy_entities::register(registry);
    policy_list::register(registry);
    policy_version::register(registry);
    profile_role::register(registry);
    role::register(registry);
    service_access::register(registry);
    server_certificate::register(registry);
    service_credential::register(registry);
    service_linked_role::register(registry);
    signing_certificate::register(registry);
    saml_list::register(registry);
    saml_provider::register(registry);
    simulate::register(registry);
    ssh_public_key::register(registry);
    tags::register(registry);
    user::register(registry);
}
