//! IAM's operations, one file per entity.
//!
//! Source: the IAM API reference; each operation's page has the operation's name. Families that differ by entity alone (tags,
//! attached policies, inline policies, boundaries) are one macro each.

mod access_key;
mod account_alias;
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
mod inline;
mod instance_profile;
mod login_profile;
mod managed_policy;
mod membership;
mod mfa_device;
mod password;
mod password_policy;
mod policy_entities;
mod policy_list;
mod policy_source;
mod policy_use;
mod policy_version;
mod profile_role;
mod rename;
mod role;
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
    authorization_details::register(registry);
    boundary::register(registry);
    change_password::register(registry);
    context_keys::register(registry);
    credential_report::register(registry);
    group::register(registry);
    inline::register(registry);
    instance_profile::register(registry);
    login_profile::register(registry);
    managed_policy::register(registry);
    membership::register(registry);
    mfa_device::register(registry);
    password_policy::register(registry);
    policy_entities::register(registry);
    policy_list::register(registry);
    policy_version::register(registry);
    profile_role::register(registry);
    role::register(registry);
    simulate::register(registry);
    tags::register(registry);
    user::register(registry);
}
