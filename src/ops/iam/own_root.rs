//! Passwords and MFA devices of the root user, which a root session asks about without naming anybody.
//!
//! Here root users have neither: what audits and deletes them finds none. Access keys and signing certificates of root are in
//! `signer.rs`, and `GetUser` knows root by itself.
//!
//! Source: the parameter `UserName` of `GetLoginProfile`, `DeleteLoginProfile`, `CreateLoginProfile` and `DeactivateMFADevice` in
//! the IAM API reference: root's own credentials "must use an AssumeRoot session to omit the user name".

use super::common::{named, on_user};
use crate::ops::{Call, Demand, Error, Permission};
use crate::session::SessionKind;
use crate::store::Tx;
use crate::types::UserName;

/// Whether it is the root user who is asked about.
pub(super) fn is_meant(name: Option<&UserName>, call: &Call<'_>) -> bool {
    name.is_none() && call.caller.session().is_some_and(|session| session.kind == SessionKind::AssumedRoot)
}

/// The permission on the user that is named, on the caller, or on the root user.
pub(super) async fn permission(
    action: &str,
    name: Option<&UserName>,
    call: &Call<'_>,
    tx: &mut Tx,
) -> Result<Vec<Demand>, Error> {
    if is_meant(name, call) {
        return Ok(Permission::on(action, &call.realm().root(call.account()), call.account()).into());
    }
    on_user(action, named(name, call)?, call, tx).await
}

/// That the root user has no password.
pub(super) fn no_profile(call: &Call<'_>) -> Error {
    Error::NoSuchEntity(format!("Login Profile for User {} cannot be found.", call.account()))
}

/// That the root user has no MFA device, whichever is named.
pub(super) fn no_device(call: &Call<'_>) -> Error {
    Error::NoSuchEntity(format!("MFA Device invalid for user {}.", call.account()))
}
