//! Reads the distinguished encoding rules of ASN.1 (ITU-T X.690), as far as certificates and keys use them.
//!
//! A reader goes over its bytes once and never calls itself: how deep it goes is what its caller writes down. Whatever has two
//! encodings is refused in the longer one.

/// Tags of X.690 section 8, with the bit of constructed types where they have it.
pub(super) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const NULL: u8 = 0x05;
    pub(crate) const OBJECT: u8 = 0x06;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const SEQUENCE: u8 = 0x30;
    /// `[6]` of `GeneralName`, of a text.
    pub(crate) const URI: u8 = 0x86;

    /// A constructed, context-specific tag, such as `[0]`.
    pub(crate) const fn context(number: u8) -> u8 {
        0xa0 | number
    }
}

/// One value with its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    /// The tag's only byte: types of higher numbers do not occur.
    pub(super) tag: u8,
    /// What it holds.
    pub(super) content: &'a [u8],
    /// The whole encoding, tag and length included.
    pub(super) whole: &'a [u8],
}

/// Reads values that stand one behind the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next value, whatever it is.
    pub(super) fn next(&mut self) -> Option<Element<'a>> {
        let all = self.0;
        let (&tag, rest) = all.split_first()?;
        // The low five bits all set announce a tag of several bytes.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (length, rest) = length(rest)?;
        let (content, rest) = rest.split_at_checked(length)?;
        let whole = all.get(..all.len() - rest.len())?;
        self.0 = rest;
        Some(Element { tag, content, whole })
    }

    /// The content of the next value, which must have this tag.
    pub(super) fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|element| element.tag == tag).map(|element| element.content)
    }

    /// The content of the next value if it has this tag; otherwise nothing is read.
    pub(super) fn optional(&mut self, tag: u8) -> Option<&'a [u8]> {
        if self.0.first() != Some(&tag) {
            return None;
        }
        self.take(tag)
    }

    /// A sequence, to read from.
    pub(super) fn sequence(&mut self) -> Option<Self> {
        self.take(tag::SEQUENCE).map(Self)
    }

    /// A positive integer, without the zero that keeps its first bit from being a sign.
    pub(super) fn unsigned(&mut self) -> Option<&'a [u8]> {
        unsigned(self.take(tag::INTEGER)?)
    }

    /// A bit string of whole bytes.
    pub(super) fn bits(&mut self) -> Option<&'a [u8]> {
        let (&unused, bytes) = self.take(tag::BIT_STRING)?.split_first()?;
        (unused == 0).then_some(bytes)
    }

    /// Whether everything has been read.
    pub(super) fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// The bytes of a positive integer in two's complement, without its sign; an encoding with more bytes than it needs is none.
pub(super) fn unsigned(content: &[u8]) -> Option<&[u8]> {
    match content {
        [] => None,
        [0] => Some(&content[1..]),
        [0, second, ..] if second & 0x80 != 0 => Some(&content[1..]),
        [first, ..] if *first != 0 && first & 0x80 == 0 => Some(content),
        _ => None,
    }
}

/// A length of at most three bytes: 16 MiB, more than any request may have.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        return Some((usize::from(first), rest));
    }
    let count = usize::from(first & 0x7f);
    if !(1..=3).contains(&count) {
        return None;
    }
    let (digits, rest) = rest.split_at_checked(count)?;
    let length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
    let shortest = digits.first() != Some(&0) && length >= 0x80;
    shortest.then_some((length, rest))
}

/// Writes a value.
pub(super) fn write(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let bytes = content.len().to_be_bytes();
    let digits = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
    if content.len() >= 0x80 {
        // A length has eight digits at the most.
        out.push(0x80 | u8::try_from(digits.len()).unwrap_or(8));
        out.extend_from_slice(digits);
    } else {
        out.push(digits.first().copied().unwrap_or_default());
    }
    out.extend_from_slice(content);
    out
}

/// Writes a positive integer from its bytes, which begin with none that is zero.
pub(super) fn write_unsigned(bytes: &[u8]) -> Vec<u8> {
    let needs_sign = bytes.first().is_none_or(|first| first & 0x80 != 0);
    let mut content = if needs_sign { vec![0] } else { Vec::new() };
    content.extend_from_slice(bytes);
    write(tag::INTEGER, &content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_have_one_encoding() {
        for (bytes, read) in [
            (&[0x04, 0x01, 0xaa][..], true),
            (&[0x04, 0x81, 0x01, 0xaa], false),
            (&[0x04, 0x80, 0xaa, 0x00, 0x00], false),
            (&[0x04, 0x82, 0x00, 0x01, 0xaa], false),
            (&[0x04, 0x84, 0x00, 0x00, 0x00, 0x01, 0xaa], false),
            (&[0x04, 0x02, 0xaa], false),
            (&[0x1f, 0x01, 0xaa], false),
            (&[0x04], false),
            (&[], false),
        ] {
            assert_eq!(Reader::new(bytes).next().is_some(), read, "{bytes:x?}");
        }
    }

    #[test]
    fn integers_have_one_encoding_and_a_sign() {
        for (content, value) in [
            (&[0x00][..], Some(&[][..])),
            (&[0x7f], Some(&[0x7f])),
            (&[0x00, 0x80], Some(&[0x80])),
            (&[0x80], None),
            (&[0x00, 0x7f], None),
            (&[], None),
        ] {
            assert_eq!(unsigned(content), value, "{content:x?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(tag in 0_u8..0x1f, content in prop::collection::vec(any::<u8>(), 0..70_000)) {
            let written = write(tag, &content);
            let mut reader = Reader::new(&written);
            let element = reader.next().expect("an element");
            prop_assert_eq!((element.tag, element.content, element.whole), (tag, &content[..], &written[..]));
            prop_assert!(reader.end().is_some());
        }

        #[test]
        fn integers_read_back(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let bytes: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
            let written = write_unsigned(&bytes);
            prop_assert_eq!(Reader::new(&written).unsigned(), Some(&bytes[..]));
        }

        #[test]
        fn any_bytes_are_read_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = Reader::new(&bytes);
            let mut length = 0;
            while let Some(element) = reader.next() {
                length += element.whole.len();
                prop_assert!(element.content.len() < element.whole.len());
            }
            prop_assert!(length <= bytes.len());
        }
    }
}
