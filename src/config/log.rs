//! The `[log]` section.

use strsim::damerau_levenshtein;
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

/// brevet's own modules that may be named, as in `brevet::store=debug`.
const MODULES: [&str; 22] = [
    "audit",
    "authn",
    "cli",
    "client",
    "clock",
    "config",
    "crypto",
    "decision",
    "http",
    "identity",
    "ops",
    "policy",
    "server",
    "service",
    "session",
    "sidecar",
    "sigv4",
    "store",
    "telemetry",
    "types",
    "usage",
    "wire",
];

/// Whether `text` is a filter. Stricter than the filter's own parser, which takes a misspelt level for the name of a module, and a
/// misspelt module for one that never says anything.
pub(super) fn is_level(text: &str) -> bool {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let is_right = |part: &str| match part.rsplit_once('=') {
        Some((target, level)) => LEVELS.contains(&level) && may_speak(target),
        None => LEVELS.contains(&part),
    };
    text.split(',').all(is_right) && EnvFilter::try_new(text).is_ok()
}

/// Whether somebody may log under this name, or under one that begins so. Of brevet that is known; of other crates it is not.
fn may_speak(target: &str) -> bool {
    let target = target.split('[').next().unwrap_or_default();
    let name = target.split(':').next().unwrap_or_default();
    match damerau_levenshtein(name, "brevet") {
        0 => target == name || target.strip_prefix("brevet::").is_some_and(is_module),
        1 | 2 => false,
        _ => true,
    }
}

/// Whether one of brevet's modules begins with the first name of a path.
fn is_module(path: &str) -> bool {
    let first = path.split("::").next().unwrap_or_default();
    MODULES.iter().any(|own| own.starts_with(first))
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

    #[test]
    fn a_misspelt_module_says_nothing_and_is_refused() {
        for right in [
            "brevet=debug",
            "brevet::store::sqlite=trace",
            "brevet::st=info",
            "sqlx=warn,rustls::client=debug",
            "h2=off",
        ] {
            assert!(is_level(right), "{right}");
        }
        for wrong in
            ["brevt=debug", "info,breevt::store=debug", "Brevet=debug", "brevet::stroe=debug", "brevet:store=debug"]
        {
            assert!(!is_level(wrong), "{wrong}");
        }
    }

    #[test]
    fn the_modules_are_those_of_the_library() {
        let mut of_library: Vec<&str> = include_str!("../lib.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
            .collect();
        of_library.sort_unstable();
        assert_eq!(of_library, MODULES);
    }
}
