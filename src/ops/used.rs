//! Notes who used what, for the doors and the pipeline.

use super::{Broker, Error};
use crate::authn::Caller;
use crate::decision::{Identity, Subject};
use crate::usage::{Use, Who};

/// Notes that an authenticated caller reached for something, with the access key that it signed with.
///
/// # Errors
/// The caller does not exist any more, or that cannot be found out.
pub async fn note_use(broker: &Broker, caller: &Caller, used: Use<'_>) -> Result<(), Error> {
    if let (None, Some(key)) = (caller.session(), caller.access_key()) {
        broker.usage.key_signed(key, used);
    }
    note_reach(broker, caller.subject(), used).await
}

/// Notes that a user or a role's session reached for something, of which a service tells.
///
/// # Errors
/// It does not exist any more, or that cannot be found out.
pub async fn note_reach(broker: &Broker, subject: &Subject, used: Use<'_>) -> Result<(), Error> {
    let who = match &subject.identity {
        // Of the root user AWS knows the uses of its keys, and counts it among those of its account.
        Identity::Root => None,
        Identity::User(name) => Some(Who::User(name)),
        Identity::Role(name) => Some(Who::Role(name)),
    };
    let principal = broker.authorizer.principal(subject).await?;
    broker.usage.reached(subject.account, who.as_ref(), &principal.unique_id, used);
    Ok(())
}
