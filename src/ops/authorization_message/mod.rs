//! The message that goes with a denial: all of its reasons, sealed, for `DecodeAuthorizationMessage` to open.
//!
//! It is not stored. It is sealed under the installation's key and bound to the account whose administrators may read it, so
//! nobody else's request opens it, and it is padded, so that its length does not tell what policies say.
//!
//! Source: `DecodeAuthorizationMessage` in the STS API reference, which shows the decoded document.

mod told;

use std::borrow::Cow;

use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use serde_json::Value;

use crate::crypto::seal::Sealed;
use crate::decision::Denial;
use crate::store::{StoreError, Vault};
use crate::types::AccountId;
use told::Told;

/// What stands in front of the message in a denial, in the words of AWS's services that have one.
pub const LABEL: &str = "Encoded authorization failure message:";

/// The message of a denial, at the most 10,240 characters as the operation takes them.
///
/// # Errors
/// It could not be sealed.
pub fn encode(denial: &Denial, request_id: &str, vault: &Vault) -> Result<String, StoreError> {
    let sealed = vault.seal_for_installation(&place(denial.reader()), &padded(denial, request_id)?)?;
    Ok(BASE64URL_NOPAD.encode(sealed.as_bytes()))
}

/// The denial, filled up with white space, which means nothing after a document, to a length that tells no more than the caller knows:
/// what it said and what it is, rounded up, and always the same room for what it may not know. Otherwise whoever is denied could
/// find out by the length whether there is a role, and whether its trust policy nearly let them in.
fn padded(denial: &Denial, request_id: &str) -> Result<Vec<u8>, StoreError> {
    let mut told = Told::of(denial, request_id);
    let (hidden, mut open): (Vec<_>, Vec<_>) = told.conditions.drain(..).partition(|(key, _)| of_entity(key));
    let statements = std::mem::take(&mut told.statements);
    let near = told.missing.as_mut().and_then(|missing| missing.near.take());
    // The caller may have said a name, and not the ARN that was found by it; where it is told the ARN, that needs no room twice.
    let named = denial.named.as_deref();
    let found = named.map(|named| std::mem::replace(&mut told.resource, Cow::Borrowed(named)));
    told.conditions.append(&mut open);
    let mut known = written(&told)?.len();
    while known > KNOWN_MOST && !told.conditions.is_empty() {
        told.conditions.truncate(told.conditions.len() / 2);
        told.cut = true;
        known = written(&told)?.len();
    }
    if known > KNOWN_MOST {
        return Err(StoreError::corrupt("authorization-message", "the names in a denial are too long"));
    }
    let most = known.next_multiple_of(STEP) + HIDDEN_ROOM;
    let mut left = most - known;
    // What explains most comes first; a comma comes to each.
    if let Some(found) = found {
        match fits(found, &mut left)? {
            Some(found) => told.resource = found,
            None => told.cut = true,
        }
    }
    if let (Some(near), Some(missing)) = (near, &mut told.missing) {
        missing.near = fits(near, &mut left)?;
        told.cut |= missing.near.is_none();
    }
    for statement in statements {
        match fits(statement, &mut left)? {
            Some(statement) => told.statements.push(statement),
            None => told.cut = true,
        }
    }
    for condition in hidden {
        match fits(condition, &mut left)? {
            Some(condition) => told.conditions.push(condition),
            None => told.cut = true,
        }
    }
    let mut bytes = written(&told)?;
    bytes.resize(most.max(bytes.len()), b' ');
    Ok(bytes)
}

/// Whether a key tells of the entity that was asked for, which is not the caller's to know.
fn of_entity(key: &str) -> bool {
    ["iam:", "aws:ResourceTag/"].iter().any(|begin| key.starts_with(begin))
}

/// The part, if there is room left for it, which it then takes.
fn fits<T: Serialize>(part: T, left: &mut usize) -> Result<Option<T>, StoreError> {
    let bytes =
        serde_json::to_vec(&part).map_err(|error| StoreError::corrupt("authorization-message", &error.to_string()))?;
    match left.checked_sub(bytes.len() + 1) {
        Some(rest) => {
            *left = rest;
            Ok(Some(part))
        }
        None => Ok(None),
    }
}

/// The same document, for the audit record of the caller's account; nothing where the reasons are another account's.
pub(super) fn for_record(denial: &Denial, request_id: &str) -> Value {
    if denial.reader() == denial.principal_account { Told::of(denial, request_id).document() } else { Value::Null }
}

/// The document that a message holds, if it is one for this account.
pub fn decode(message: &str, account: AccountId, vault: &Vault) -> Option<Value> {
    let sealed = Sealed::from_bytes(BASE64URL_NOPAD.decode(message.trim().as_bytes()).ok()?);
    let bytes = vault.open_for_installation(&place(account), &sealed).ok()?;
    let told: Told<'_> = serde_json::from_slice(bytes.expose()).ok()?;
    Some(told.document())
}

/// Bytes in which lengths grow.
const STEP: usize = 256;
/// Bytes for what the caller may not know: the ARN that was found, statements, what nearly allowed, tags of the entity.
const HIDDEN_ROOM: usize = 768;
/// Bytes for what the caller knows, at the most: with the rest, sealed and in base64, below the 10,240 characters that AWS lets in.
const KNOWN_MOST: usize = 6_144;
fn place(account: AccountId) -> String {
    format!("authorization-message/{account}")
}

fn written(told: &Told<'_>) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(told).map_err(|error| StoreError::corrupt("authorization-message", &error.to_string()))
}

#[cfg(test)]
mod tests;
