//! Values that must not be seen: they do not print, they compare in constant time, and they are wiped when dropped.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A secret text: a SigV4 secret key, a password, a session token on its way to the caller, a Base32 seed.
///
/// It has no `Display`, no `Serialize` and no `PartialEq`: whoever needs the text says [`SecretText::expose`], and that word
/// is easy to find in a review.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SecretText(String);

impl SecretText {
    /// Takes ownership of a secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. Never log what this returns.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `other` is the same text, in time that depends only on the lengths.
    pub fn matches(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(redacted)")
    }
}

/// Secret bytes: a master key, a data key, a private key, a TOTP seed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes ownership of secret bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes themselves. Never log what this returns.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether `other` holds the same bytes, in time that depends only on the lengths.
    pub fn matches(&self, other: &[u8]) -> bool {
        self.0.ct_eq(other).into()
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        assert!(!format!("{:?}", SecretText::new("hunter2")).contains("hunter2"));
        assert!(!format!("{:?}", SecretBytes::new(*b"hunter2")).contains("hunter2"));
    }

    #[test]
    fn secrets_match_only_themselves() {
        assert!(SecretText::new("a").matches("a"));
        assert!(!SecretText::new("a").matches("b"));
        assert!(!SecretBytes::new(*b"a").matches(b"ab"));
    }
}
