//! The `[doors]` section.

use std::path::PathBuf;

/// What the doors for services and proxies need to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doors {
    /// A TOML file with the routes of the APIs behind proxies: what the requests mean that proxies ask about. Default none: they are
    /// all refused.
    pub routes: Option<PathBuf>,
}
