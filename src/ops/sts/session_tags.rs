//! The tags of a session: those that are asked for, and those that a session before passes on.
//!
//! Source: "Passing session tags in AWS STS", `id_session-tags.html`.

use std::collections::BTreeMap;

use crate::ops::Error;
use crate::session::SessionClaims;
use crate::types::{Tag, Tags, folded_tag_key};

/// Tags by key, and the keys of those that pass on to the next role of a chain.
pub(super) type SessionTags = (BTreeMap<String, String>, Vec<String>);

/// The tags of a session that is begun with `asked`, from the session `before` if there is one.
///
/// # Errors
/// Keys that differ by case alone, are reserved or in conflict with what passes on; too many tags.
pub(super) fn session_tags(
    asked: &[Tag],
    transitive_keys: &[String],
    before: Option<&SessionClaims>,
) -> Result<SessionTags, Error> {
    let asked = Tags::distinct(asked.to_vec()).ok_or_else(|| {
        Error::Validation("Duplicate tag keys found. Please note that Tag keys are case insensitive.".to_owned())
    })?;
    if asked.iter().any(|tag| folded_tag_key(&tag.key).starts_with("aws:")) {
        return Err(Error::Validation("Tag keys that begin with aws: are reserved.".to_owned()));
    }
    let mut transitive = Vec::new();
    for key in transitive_keys {
        let Some(tag) = asked.find(key) else {
            return Err(Error::Validation(format!("The transitive tag key {key} is not among the tags.")));
        };
        transitive.push(tag.key.clone());
    }
    let mut tags: BTreeMap<String, String> = asked.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
    if let Some(session) = before {
        for key in &session.transitive_tag_keys {
            if asked.get(key).is_some() {
                return Err(Error::Validation(format!(
                    "One of the specified transitive tag keys can't be set because it conflicts with a transitive \
                     tag key from the calling session: {key}"
                )));
            }
            if let Some(value) = session.tags.get(key) {
                tags.insert(key.clone(), value.clone());
                transitive.push(key.clone());
            }
        }
    }
    if tags.len() > Tags::MOST {
        return Err(Error::Validation(format!("A session has at most {} tags.", Tags::MOST)));
    }
    Ok((tags, transitive))
}

/// What is asked for together with what the session `before` passes on, for policies to decide about; a tag that is asked for anew
/// though it passes on stands as it is asked for, and is refused by [`session_tags`].
pub(super) fn with_passed_on(
    asked: &[Tag],
    transitive_keys: &[String],
    before: Option<&SessionClaims>,
) -> (Vec<Tag>, Vec<String>) {
    let (mut tags, mut transitive) = (asked.to_vec(), transitive_keys.to_vec());
    for key in before.iter().flat_map(|session| &session.transitive_tag_keys) {
        let is_new = !asked.iter().any(|tag| folded_tag_key(&tag.key) == folded_tag_key(key));
        let value = before.and_then(|session| session.tags.get(key)).filter(|_| is_new);
        if let Some(value) = value {
            tags.push(Tag { key: key.clone(), value: value.clone() });
            transitive.push(key.clone());
        }
    }
    (tags, transitive)
}
