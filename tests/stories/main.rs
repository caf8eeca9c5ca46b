//! Stories: what brevet is for, told through the doors with AWS's SDK, and what must not happen on the way.

#[macro_use]
#[path = "../world/mod.rs"]
mod world;

mod account_alias;
mod assume_role;
mod authorization;
mod authzen;
mod coverage;
mod crowd;
mod fleet;
mod inheritance;
mod instance_profiles;
mod mfa;
mod oidc_providers;
mod organization;
mod policy_attacks;
mod saml_providers;
mod secrets;
mod sessions;
mod simulate;
mod story;
mod workload;
