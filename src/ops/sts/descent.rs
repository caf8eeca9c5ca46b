//! What a session takes over from the caller that begins it: who acts, how long the chain is, until when, on whose behalf.
//!
//! Source: "Role chaining" in `id_roles.html`; the end of a login is brevet's own, see [`crate::config::Sessions`].

use crate::decision::Identity;
use crate::ops::{Call, Error};
use crate::session::{Actor, SessionDraft};

/// Whether a session of a role begins another one.
pub(super) fn is_chained(call: &Call<'_>) -> bool {
    matches!(call.caller.identity(), Identity::Role(_))
}

/// Puts into a session what its caller passes on.
///
/// # Errors
/// The caller does not exist any more, or that cannot be found out.
pub(super) async fn inherit(draft: &mut SessionDraft, call: &Call<'_>) -> Result<(), Error> {
    let caller = call.broker.authorizer.principal(call.caller.subject()).await?;
    let arn = call.caller.arn(call.realm(), &caller.arn).to_string();
    let before = call.caller.session();
    draft.act = Some(actors(arn, before.and_then(|session| session.act.as_ref())));
    let Some(before) = before else { return Ok(()) };
    draft.chain_depth = before.chain_depth.saturating_add(u8::from(is_chained(call)));
    draft.source_identity.clone_from(&before.source_identity);
    // The first session of a chain, begun with a key or a second factor, is the login. Its end is told on along the whole chain.
    let ends = call.broker.sessions.end_with_their_login().then_some(before.exp);
    draft.login_exp = before.login_exp.or(ends);
    Ok(())
}

/// Who acts, and in whose name before: the latest of them and the first. A program may renew its session from itself for ever,
/// so what lies between is not kept.
fn actors(caller: String, before: Option<&Actor>) -> Actor {
    /// Actors in a token at the most.
    const KEPT: usize = 8;
    let mut chain: Vec<String> = vec![caller];
    chain.extend(before.into_iter().flat_map(Actor::chain).map(str::to_owned));
    if chain.len() > KEPT {
        chain.drain(KEPT - 1..chain.len() - 1);
    }
    let first = Actor::new(chain.pop().unwrap_or_default());
    chain.into_iter().rev().fold(first, |before, name| Actor::after(name, Some(before)))
}
