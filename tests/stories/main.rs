//! Stories: what brevet is for, told through the doors with AWS's SDK, and what must not happen on the way.

#[macro_use]
#[path = "../world/mod.rs"]
mod world;

mod account_alias;
mod account_summary;
mod assume_role;
mod assume_root;
mod authorization;
mod authorization_details;
mod authorization_reference;
mod authzen;
mod aws_managed;
mod between_brokers;
mod chains;
mod coverage;
mod credential_reports;
mod crowd;
mod decode_denials;
mod denials;
#[macro_use]
mod escalation;
mod escalation_account;
mod escalation_boundaries;
mod escalation_credentials;
mod escalation_names;
mod escalation_policies;
mod escalation_tags;
mod every_operation;
mod federation;
mod fleet;
mod human_summary;
mod inheritance;
mod instance_profiles;
mod key_ring;
mod last_accessed;
mod last_used;
mod mfa;
mod oidc_providers;
mod organization;
mod passwords;
mod policy_attacks;
mod questions;
mod revocations;
mod saml_providers;
mod secrets;
mod seen_tokens;
mod server_certificates;
mod service_linked_roles;
mod sessions;
mod simulate;
mod story;
mod sts_reference;
mod user_credentials;
mod web_identity;
mod web_identity_attacks;
mod web_identity_claims;
mod web_identity_tokens;
mod workload;
