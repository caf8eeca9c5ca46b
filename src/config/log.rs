//! The `[log]` section.

use tracing_subscriber::EnvFilter;

use crate::telemetry::LogFormat;

/// What is logged on standard error, and how it looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// off, error, warn, info, debug or trace; for some modules another, as in `info,brevet::store=debug`. Default info.
    pub level: String,
    /// text for people, or json with one object a line. Default text.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

/// Whether `text` is a filter. Stricter than the filter's own parser, which takes a misspelt level for the name of a module.
pub(super) fn is_level(text: &str) -> bool {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    text.split(',').all(|part| LEVELS.contains(&part.rsplit_once('=').map_or(part, |(_, level)| level)))
        && EnvFilter::try_new(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_level_is_not_a_level() {
        assert!(is_level("info") && is_level("warn,brevet::store=debug") && is_level("off"));
        for wrong in ["", "inof", "INFOO", "info,", "brevet=loud", "brevet::store", "[=info"] {
            assert!(!is_level(wrong), "{wrong}");
        }
    }
}
