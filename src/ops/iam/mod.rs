//! IAM's operations, one file per entity.
//!
//! Source: the IAM API reference; each operation's page has the operation's name. Families that differ by entity alone (tags,
//! attached policies, inline policies, boundaries) are one macro each.

mod access_key;
mod account_alias;
mod attached;
mod boundary;
mod common;
mod context_keys;
mod group;
mod holder;
mod inline;
mod instance_profile;
mod login_profile;
mod managed_policy;
mod membership;
mod mfa_device;
mod oidc_client;
mod oidc_provider;
mod organization;
mod outbound;
mod policy_entities;
mod policy_list;
mod policy_source;
mod policy_use;
mod policy_version;
mod profile_role;
mod rename;
mod role;
mod saml_list;
mod saml_provider;
mod shapes;
mod simulate;
mod simulated;
mod tags;
mod trust;
mod user;

use super::Registry;

/// Adds all of IAM's operations that are built.
pub(super) fn register(registry: &mut Registry) {
    access_key::register(registry);
    account_alias::register(registry);
    attached::register(registry);
    boundary::register(registry);
    context_keys::register(registry);
    group::register(registry);
    inline::register(registry);
    instance_profile::register(registry);
    login_profile::register(registry);
    managed_policy::register(registry);
    membership::register(registry);
    mfa_device::register(registry);
    oidc_client::register(registry);
    oidc_provider::register(registry);
    organization::register(registry);
    outbound::register(registry);
    policy_entities::register(registry);
    policy_list::register(registry);
    policy_version::register(registry);
    profile_role::register(registry);
    role::register(registry);
    saml_list::register(registry);
    saml_provider::register(registry);
    simulate::register(registry);
    tags::register(registry);
    user::register(registry);
}
