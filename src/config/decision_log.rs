//! The `[decision_log]` section: whether the answers to other services' questions are kept, which, where, and what of them is masked.

use std::path::PathBuf;

use super::Fault;

/// What is kept of the answers to other services' questions, so that `brevet explain` can tell later why one came out as it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionLogSection {
    /// Which answers are kept. Default off.
    pub mode: LogMode,
    /// When `sampled`: one in so many of the allowed answers, at random; 0 for none. Default 100, from 0 to 1000000.
    pub allowed_one_in: u64,
    /// When `sampled`: one in so many of the others. Default 1, from 0 to 1000000.
    pub denied_one_in: u64,
    /// Where they go. Default file.
    pub output: LogOutput,
    /// The file. Default: decisions.jsonl in the data directory.
    pub file: Option<PathBuf>,
    /// How large the file may become before the next one is begun, in MiB. Default 100, from 1 to 102400.
    pub max_mib: u64,
    /// How many earlier files are kept. Default 9, from 0 to 1000.
    pub keep: u64,
    /// Condition keys whose values are masked; see [`MASKED_RESOURCE`] too. Default none.
    pub mask: Vec<String>,
    /// What stands for a masked value. Default hash.
    pub masked_as: MaskedAs,
}

/// The word in `mask` for the names of resources.
pub const MASKED_RESOURCE: &str = "resource";

/// Which answers are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogMode {
    /// None.
    #[default]
    Off,
    /// Some, by `allowed_one_in` and `denied_one_in`.
    Sampled,
    /// All.
    Full,
}

/// Where records go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogOutput {
    /// To a file.
    #[default]
    File,
    /// To standard output, for whatever collects it.
    Stdout,
}

/// What stands for a masked value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MaskedAs {
    /// A hash under a key of the installation: equal values of a key can be recognized, and not be guessed.
    #[default]
    Hash,
    /// Nothing.
    Removed,
}

impl Default for DecisionLogSection {
    fn default() -> Self {
        Self {
            mode: LogMode::Off,
            allowed_one_in: 100,
            denied_one_in: 1,
            output: LogOutput::File,
            file: None,
            max_mib: 100,
            keep: 9,
            mask: Vec::new(),
            masked_as: MaskedAs::Hash,
        }
    }
}

pub(super) fn mode(text: &str) -> Result<LogMode, Fault> {
    match text {
        "off" => Ok(LogMode::Off),
        "sampled" => Ok(LogMode::Sampled),
        "full" => Ok(LogMode::Full),
        _ => Err(Fault::malformed(text, "off, sampled or full")),
    }
}

pub(super) fn output(text: &str) -> Result<LogOutput, Fault> {
    match text {
        "file" => Ok(LogOutput::File),
        "stdout" => Ok(LogOutput::Stdout),
        _ => Err(Fault::malformed(text, "file or stdout")),
    }
}

pub(super) fn masked_as(text: &str) -> Result<MaskedAs, Fault> {
    match text {
        "hash" => Ok(MaskedAs::Hash),
        "removed" => Ok(MaskedAs::Removed),
        _ => Err(Fault::malformed(text, "hash or removed")),
    }
}

/// A condition key, a family of them, or the word for resources. What would mask nothing is refused: it is likely a slip, and what it
/// was to hide would be in the file.
pub(super) fn mask(text: &&str) -> Result<String, Fault> {
    const LONGEST: usize = 256;
    let expected =
        "a condition key such as aws:SourceIp, a family such as aws:PrincipalTag/* or record:*, or the word resource";
    let name = text.strip_suffix('*').unwrap_or(text);
    let plain = text.len() <= LONGEST && !name.contains(['*', '?']) && !name.contains(char::is_control);
    if plain && !text.is_empty() && name.trim() == name {
        Ok((*text).to_owned())
    } else {
        Err(Fault::malformed(text, expected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_mask_nothing_is_no_mask() {
        for good in ["aws:SourceIp", "aws:PrincipalTag/*", "brevet:Subject/a b", "*", "resource", "department"] {
            assert_eq!(mask(&good).unwrap(), good);
        }
        for wrong in ["", "aws:*Ip", "aws:S?", "aws:**", " aws:SourceIp", "aws:x\n", &"a:".repeat(200)] {
            assert!(mask(&wrong).is_err(), "{wrong}");
        }
    }
}
