//! Names of condition keys, read once.

use std::cmp::Ordering;
use std::fmt;

/// The name of a condition key. Case does not count in it, the part after the slash of a tag key included (IAM User Guide,
/// `reference_policies_elements_condition`), so it is kept in lower case, with a fingerprint that settles most comparisons.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Key {
    fingerprint: u64,
    name: Box<str>,
}

impl Key {
    /// Reads a name, in any case.
    pub fn new(name: &str) -> Key {
        let name = name.to_ascii_lowercase().into_boxed_str();
        Key { fingerprint: fingerprint(&name), name }
    }

    /// The name in lower case.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }
}

/// FNV-1a. Two names may share a fingerprint: whoever compares fingerprints compares the names as well.
pub(super) fn fingerprint(lower_case_name: &str) -> u64 {
    lower_case_name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name.cmp(&other.name)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.name, f)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
