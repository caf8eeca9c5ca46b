//! The textual encoding of certificates and keys: `-----BEGIN X-----`, Base64, `-----END X-----` (RFC 7468).
//!
//! Strict as AWS is: nothing but white space may stand between blocks. Headers of the older form (RFC 1421), such as those of
//! encrypted keys, are no Base64 and so refused.

use data_encoding::{BASE64, Encoding, Specification};
use std::sync::LazyLock;

use zeroize::Zeroizing;

/// The most blocks that a text may hold: chains of certificates have a handful.
pub const MOST_BLOCKS: usize = 32;

/// One block. It may hold a private key, so it is wiped when it is dropped.
#[derive(Debug)]
pub(super) struct Block<'a> {
    /// Such as `CERTIFICATE`.
    pub(super) label: &'a str,
    /// What the Base64 says.
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

/// Base64 that skips the ends of lines.
static LINES: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification: Specification = BASE64.specification();
    specification.ignore.push_str(" \t\r\n");
    specification.encoding().unwrap_or(BASE64)
});

/// All blocks of a text; `None` when it is not made of such blocks.
pub(super) fn blocks(text: &str) -> Option<Vec<Block<'_>>> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (label, behind) = rest.strip_prefix("-----BEGIN ")?.split_once("-----")?;
        let good = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == ' ';
        // Base64 has no hyphen, so the first one ends it.
        let (body, behind) = behind.split_at_checked(behind.find('-')?)?;
        let behind = behind.strip_prefix("-----END ")?.strip_prefix(label)?.strip_prefix("-----")?;
        if !label.chars().all(good) || found.len() >= MOST_BLOCKS {
            return None;
        }
        found.push(Block { label, bytes: Zeroizing::new(LINES.decode(body.as_bytes()).ok()?) });
        rest = behind.trim_start();
    }
    (!found.is_empty()).then_some(found)
}

/// Writes a block with lines of 64 characters, each ended by a line feed.
pub(super) fn write(label: &str, bytes: &[u8]) -> String {
    let text = BASE64.encode(bytes);
    let mut out = format!("-----BEGIN {label}-----\n");
    // Base64 is ASCII, so any place is the border of a character.
    let mut rest = text.as_str();
    while let Some((line, behind)) = rest.split_at_checked(64) {
        out.push_str(line);
        out.push('\n');
        rest = behind;
    }
    if !rest.is_empty() {
        out.push_str(rest);
        out.push('\n');
    }
    out.push_str("-----END ");
    out.push_str(label);
    out.push_str("-----\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_made_of_blocks_is_refused() {
        let good = "-----BEGIN A-----\nAAAA\n-----END A-----";
        assert_eq!(blocks(good).map(|found| found.len()), Some(1));
        assert_eq!(blocks(&format!("  {good}\r\n{good}\n")).map(|found| found.len()), Some(2));
        for text in [
            String::new(),
            "AAAA".to_owned(),
            format!("text\n{good}"),
            format!("{good}\ntext"),
            good.replace("END A", "END B"),
            good.replace("AAAA", "AAA"),
            good.replace("AAAA", "Proc-Type: 4,ENCRYPTED\n\nAAAA"),
            good.replace("A-----", "a-----"),
            "-----BEGIN A-----\nAAAA".to_owned(),
            "-----BEGIN ".to_owned(),
            [good; MOST_BLOCKS + 1].join("\n"),
        ] {
            assert!(blocks(&text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let text = write("PUBLIC KEY", &bytes);
            prop_assert!(text.lines().all(|line| line.len() <= 64));
            let found = blocks(&text).expect("blocks");
            prop_assert_eq!((found.len(), found[0].label, &found[0].bytes[..]), (1, "PUBLIC KEY", &bytes[..]));
        }

        #[test]
        fn any_text_is_read_to_an_end(text in "(-----|BEGIN |END |A|[ \n]|\\PC){0,40}") {
            let _ = blocks(&text);
        }
    }
}
