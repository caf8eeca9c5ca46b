//! Texts that a decision looks at, without allocating for them: what the request carries as text is borrowed, numbers, moments
//! and addresses are written into the value itself.

use std::fmt::{self, Write as _};
use std::ops::Deref;

/// Longer than any number, moment or address is written.
const SHORT: usize = 46;

/// A text, wherever it is kept.
#[derive(Clone)]
pub(super) enum Text<'a> {
    Borrowed(&'a str),
    Short(Short),
    Owned(Box<str>),
}

/// A few characters, in place.
#[derive(Clone)]
pub(super) struct Short {
    bytes: [u8; SHORT],
    length: u8,
}

impl Text<'_> {
    /// What `value` displays.
    pub(super) fn written(value: &impl fmt::Display) -> Text<'static> {
        let mut short = Short { bytes: [0; SHORT], length: 0 };
        match write!(short, "{value}") {
            Ok(()) => Text::Short(short),
            Err(fmt::Error) => Text::Owned(value.to_string().into()),
        }
    }

    /// The same text, kept by itself.
    pub(super) fn into_owned(self) -> Text<'static> {
        match self {
            Text::Borrowed(text) => Text::Owned(text.into()),
            Text::Short(short) => Text::Short(short),
            Text::Owned(text) => Text::Owned(text),
        }
    }
}

impl fmt::Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let from = usize::from(self.length);
        let target = self.bytes.get_mut(from..from + text.len()).ok_or(fmt::Error)?;
        target.copy_from_slice(text.as_bytes());
        self.length = u8::try_from(from + text.len()).map_err(|_| fmt::Error)?;
        Ok(())
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Text::Borrowed(text) => text,
            // Only whole texts are ever written, so the bytes are UTF-8 and the default is never used.
            Text::Short(short) => {
                let written = short.bytes.get(..usize::from(short.length)).unwrap_or_default();
                std::str::from_utf8(written).unwrap_or_default()
            }
            Text::Owned(text) => text,
        }
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text<'_> {}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_is_kept_in_place_and_what_is_long_is_kept_whole() {
        let address: std::net::IpAddr = "2001:db8:1111:2222:3333:4444:255.255.255.255".parse().unwrap();
        for text in [i64::MIN.to_string(), address.to_string(), String::new(), "é".repeat(SHORT / 2)] {
            let written = Text::written(&text);
            assert!(matches!(written, Text::Short(_)), "{text}");
            assert_eq!(*written, *text);
        }
        let long = "x".repeat(SHORT + 1);
        assert!(matches!(Text::written(&long), Text::Owned(_)));
        assert_eq!(*Text::written(&long), *long);
    }
}
