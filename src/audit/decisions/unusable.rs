//! Why the decision log cannot be begun.

use std::fmt;
use std::path::PathBuf;

/// Nothing can be written to where the log is to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the decision log {place}: {reason}")]
pub struct UnusableLog {
    /// Where it is to be.
    pub place: LogPlace,
    /// What is wrong.
    pub reason: String,
}

/// Where a decision log is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogPlace {
    /// In this file.
    File(PathBuf),
    /// On standard output.
    Stdout,
}

impl fmt::Display for LogPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Stdout => f.write_str("on standard output"),
        }
    }
}
