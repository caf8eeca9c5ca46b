//! Ordered keys: a tuple of texts, encoded so that comparing bytes compares the tuples.
//!
//! A part is its UTF-8 bytes followed by `00`; a NUL inside a part is written `00 FF`. UTF-8 never contains `FF`, so `00` ends a
//! part exactly when no `FF` follows it, and every tuple has one encoding. Everything below a key starts with the key's bytes and
//! goes on with anything but `FF`.

use std::fmt;

/// The name of a record: ordered like the tuple of its parts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<u8>);

const END: u8 = 0x00;
const ESCAPE: u8 = 0xff;

impl Key {
    /// The longest key that a store accepts, in bytes; PostgreSQL indexes no more than a third of an 8 KiB page.
    pub const MAX_BYTES: usize = 1_024;

    /// The key with these parts.
    pub fn of(parts: &[&str]) -> Self {
        let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
        for part in parts {
            push(&mut bytes, part);
        }
        Self(bytes)
    }

    /// The parts again; `None` when these bytes are not a key.
    pub fn parts(&self) -> Option<Vec<String>> {
        let mut parts = Vec::new();
        let mut part = Vec::new();
        let mut bytes = self.0.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            if byte != END {
                part.push(byte);
            } else if bytes.next_if_eq(&ESCAPE).is_some() {
                part.push(END);
            } else {
                parts.push(String::from_utf8(std::mem::take(&mut part)).ok()?);
            }
        }
        part.is_empty().then_some(parts)
    }

    /// The key with one more part.
    pub fn child(&self, part: &str) -> Self {
        let mut bytes = Vec::with_capacity(self.0.len() + part.len() + 1);
        bytes.extend_from_slice(&self.0);
        push(&mut bytes, part);
        Self(bytes)
    }

    /// The first two parts, if there are more: the kind and the account of an entity's record. Stores know how many records each
    /// family has.
    pub fn family(&self) -> Option<Self> {
        let ends_part = |at: &usize| self.0.get(at + 1) != Some(&ESCAPE);
        let ends = self.0.iter().enumerate().filter(|(_, byte)| **byte == END).map(|(at, _)| at);
        let second = ends.filter(ends_part).nth(1)?;
        let family = self.0.get(..=second).filter(|family| family.len() < self.0.len())?;
        Some(Self(family.to_vec()))
    }

    /// The encoded bytes; their order is the order of keys.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// All keys that have this key's parts and at least one more.
    pub fn children(&self) -> Range {
        let mut end = self.0.clone();
        end.push(ESCAPE);
        Range { start: behind(&self.0), end }
    }

    /// All keys below this one whose next part begins with `prefix`.
    pub fn beginning(&self, prefix: &str) -> Range {
        if prefix.is_empty() {
            return self.children();
        }
        let mut start = self.0.clone();
        push(&mut start, prefix);
        // A part may go on behind the prefix: its end is not part of what they share.
        start.pop();
        let mut end = start.clone();
        end.push(ESCAPE);
        Range { start, end }
    }

    /// The key that a store has read; not checked, see [`Key::parts`].
    pub(super) fn from_stored(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            Some(parts) => f.write_str(&parts.join("/").escape_debug().to_string()),
            None => self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

/// A run of neighbouring keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    /// The first bytes that belong to it.
    start: Vec<u8>,
    /// The first bytes behind it.
    end: Vec<u8>,
}

impl Range {
    /// What is left of this range behind `key`.
    pub fn after(&self, key: &Key) -> Self {
        Self { start: behind(key.as_bytes()).max(self.start.clone()), end: self.end.clone() }
    }

    /// Whether `key` lies in it.
    pub fn contains(&self, key: &Key) -> bool {
        self.start.as_slice() <= key.as_bytes() && key.as_bytes() < self.end.as_slice()
    }

    /// The first bytes that belong to it.
    pub(super) fn start(&self) -> &[u8] {
        &self.start
    }

    /// The first bytes behind it.
    pub(super) fn end(&self) -> &[u8] {
        &self.end
    }
}

/// The smallest bytes that are larger than these.
fn behind(bytes: &[u8]) -> Vec<u8> {
    let mut next = Vec::with_capacity(bytes.len() + 1);
    next.extend_from_slice(bytes);
    next.push(0);
    next
}

fn push(bytes: &mut Vec<u8>, part: &str) {
    for byte in part.bytes() {
        bytes.push(byte);
        if byte == END {
            bytes.push(ESCAPE);
        }
    }
    bytes.push(END);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part() -> impl Strategy<Value = String> {
        prop_oneof![proptest::string::string_regex("[\u{0}\u{1}ab\u{7f}é\u{10ffff}]{0,4}").unwrap(), any::<String>()]
    }

    fn parts() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::vec(part(), 0..4)
    }

    fn key(parts: &[String]) -> Key {
        Key::of(&parts.iter().map(String::as_str).collect::<Vec<_>>())
    }

    proptest! {
        #[test]
        fn keys_are_ordered_like_their_parts_and_read_back(a in parts(), b in parts()) {
            prop_assert_eq!(key(&a).cmp(&key(&b)), a.cmp(&b));
            prop_assert_eq!(key(&a).parts(), Some(a));
        }

        #[test]
        fn children_are_the_keys_that_go_on(a in parts(), b in parts()) {
            let below = b.len() > a.len() && b.starts_with(&a);
            prop_assert_eq!(key(&a).children().contains(&key(&b)), below);
            let rest = key(&[]).children().after(&key(&a));
            prop_assert_eq!(rest.contains(&key(&b)), b > a);
        }

        #[test]
        fn those_that_begin_alike_are_one_range(a in parts(), prefix in part(), b in parts()) {
            let begins = b.len() > a.len() && b.starts_with(&a) && b[a.len()].starts_with(&prefix);
            prop_assert_eq!(key(&a).beginning(&prefix).contains(&key(&b)), begins);
            let mut longer = a.clone();
            longer.push(format!("{prefix}{}", b.concat()));
            prop_assert!(key(&a).beginning(&prefix).contains(&key(&longer)));
        }

        #[test]
        fn the_family_is_the_first_two_parts_of_more(a in parts()) {
            let expected = a.get(..2).filter(|_| a.len() > 2).map(key);
            prop_assert_eq!(key(&a).family(), expected);
        }

        #[test]
        fn any_bytes_can_be_shown(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            let key = Key::from_stored(bytes);
            let _ = format!("{key:?} {key} {:?} {:?}", key.parts(), key.family());
        }
    }

    #[test]
    fn a_child_is_the_longer_tuple() {
        assert_eq!(Key::of(&["user", "1"]).child("alice"), Key::of(&["user", "1", "alice"]));
        assert_eq!(format!("{:?}", Key::of(&["user", "a\nb"])), "Key(user/a\\nb)");
    }
}
