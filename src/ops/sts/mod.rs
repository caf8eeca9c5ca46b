//! STS's operations, one file each.
//!
//! Source: the AWS STS API reference; each operation's page has the operation's name.

mod asked_role;
mod assume_role;
mod assume_role_with_web_identity;
mod assume_root;
mod decode_authorization_message;
mod descent;
mod get_access_key_info;
mod get_caller_identity;
mod get_federation_token;
mod get_session_token;
mod get_web_identity_token;
mod issue;
mod session_policies;
mod session_tags;

use super::Registry;

/// Adds all of STS's operations that are built.
pub(super) fn register(registry: &mut Registry) {
    registry.add::<assume_role::AssumeRole>();
    registry.add_unsigned::<assume_role_with_web_identity::AssumeRoleWithWebIdentity>();
    registry.add::<assume_root::AssumeRoot>();
    registry.add::<decode_authorization_message::DecodeAuthorizationMessage>();
    registry.add::<get_access_key_info::GetAccessKeyInfo>();
    registry.add::<get_caller_identity::GetCallerIdentity>();
    registry.add::<get_federation_token::GetFederationToken>();
    registry.add::<get_session_token::GetSessionToken>();
    registry.add::<get_web_identity_token::GetWebIdentityToken>();
}
