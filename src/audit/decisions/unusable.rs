//! Why the decision log cannot be begun.

use std::fmt;
use std::path::PathBuf;

/// Why there is no decision log although the settings ask for one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableLog {
    /// What was to be hidden would be in the log.
    #[error(
        "`decision_log.mask` has `{mask}`, which masks nothing: there is no such condition key{}",
        DidYouMean(nearest)
    )]
    Mask {
        /// The mask.
        mask: String,
        /// The mask that it was likely meant to be.
        nearest: Option<String>,
    },
    /// Nothing can be written to where it is to be.
    #[error("the decision log {place}: {reason}")]
    Place {
        /// Where it is to be.
        place: LogPlace,
        /// What is wrong.
        reason: String,
    },
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

struct DidYouMean<'a>(&'a Option<String>);

impl fmt::Display for DidYouMean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |nearest| write!(f, "; did you mean `{nearest}`?"))
    }
}
