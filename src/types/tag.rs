//! Tags: key and value pairs on users, roles and sessions.

use serde::{Deserialize, Serialize};

/// One tag. Keys have 1 to 128 characters, values up to 256; the Query door holds them to AWS's patterns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// The key as written; two keys that differ only in case are the same key.
    pub key: String,
    /// The value, which may be empty.
    pub value: String,
}

/// A tag key as it is compared: ASCII letters in lower case, all others as they are. Policies compare condition keys in the same
/// way, so that what is one key to a decision is one key here, and no other letter passes for an ASCII one.
pub fn folded_tag_key(key: &str) -> String {
    key.to_ascii_lowercase()
}

/// The tags of one entity, in the order of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tags(Vec<Tag>);

impl Tags {
    /// AWS's quota for an IAM entity or a session.
    pub const MOST: usize = 50;

    /// The tags, if no key stands twice (keys are compared without case, as AWS does).
    pub fn distinct(tags: Vec<Tag>) -> Option<Self> {
        let mut made = Self::default();
        for tag in tags {
            if made.get(&tag.key).is_some() {
                return None;
            }
            made.set(tag);
        }
        Some(made)
    }

    /// The value of a key, compared without case.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.find(key).map(|tag| tag.value.as_str())
    }

    /// The tag of a key, compared without case.
    pub fn find(&self, key: &str) -> Option<&Tag> {
        let folded = folded_tag_key(key);
        self.0.iter().find(|tag| folded_tag_key(&tag.key) == folded)
    }

    /// Adds a tag, or gives its key another value.
    pub fn set(&mut self, tag: Tag) {
        self.remove(&tag.key);
        let at = self.0.partition_point(|other| other.key < tag.key);
        self.0.insert(at, tag);
    }

    /// Takes a key away, if it is there.
    pub fn remove(&mut self, key: &str) {
        let folded = folded_tag_key(key);
        self.0.retain(|tag| folded_tag_key(&tag.key) != folded);
    }

    /// The tags in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = &Tag> {
        self.0.iter()
    }

    /// The tags as a list.
    pub fn as_slice(&self) -> &[Tag] {
        &self.0
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
