//! Notes who used what, for the doors and the pipeline.

use super::{Broker, Error};
use crate::authn::Caller;
use crate::decision::{CompiledPrincipal, Identity, Subject};
use crate::types::AccessKeyId;
use crate::usage::{Use, Who};

/// Notes that an authenticated caller reached for something, with the access key that it signed with.
///
/// # Errors
/// The caller does not exist any more, or that cannot be found out.
pub async fn note_use(broker: &Broker, caller: &Caller, used: Use<'_>) -> Result<(), Error> {
    let principal = broker.authorizer.principal(caller.subject()).await?;
    note_use_of(broker, caller, &principal, used);
    Ok(())
}

/// As [`note_use`], of a caller who was found to exist.
pub(super) fn note_use_of(broker: &Broker, caller: &Caller, principal: &CompiledPrincipal, used: Use<'_>) {
    let key = caller.access_key().filter(|_| caller.session().is_none());
    note_reach_of(broker, caller.subject(), principal, key, used);
}

/// Notes that a user or a role's session reached for something: with `key`, or as a service tells.
pub(super) fn note_reach_of(
    broker: &Broker,
    subject: &Subject,
    principal: &CompiledPrincipal,
    key: Option<&AccessKeyId>,
    used: Use<'_>,
) {
    let who = match &subject.identity {
        // Of the root user AWS knows the uses of its keys, and counts it among those of its account.
        Identity::Root => None,
        Identity::User(name) => Some(Who::User(name)),
        Identity::Role(name) => Some(Who::Role(name)),
    };
    broker.usage.reached(subject.account, who.as_ref(), &principal.unique_id, key, used);
}
