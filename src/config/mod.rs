//! What an operator may set: one struct per section, whose doc comments are the reference.
//!
//! A setting comes from a flag, else from the environment (`BREVET_SECTION_KEY`), else from the TOML file, else it has its
//! default. All that is wrong is reported at once, each with its place. This module reads no file and no environment itself;
//! paths are kept as written, so a relative one is relative to the working directory.

mod cache;
mod check;
mod decision_log;
mod doors;
mod environment;
mod error;
mod file;
mod keys;
mod log;
mod network;
mod overrides;
mod parameters;
mod quotas;
mod server;
mod sessions;
mod settle;
mod store;
mod suggest;
mod url;
mod value;
mod web_identity;

use std::path::Path;

pub use crate::types::Realm;
pub use cache::Cache;
pub use decision_log::{DecisionLogSection, LogMode, LogOutput, MASKED_RESOURCE, MaskedAs};
pub use doors::Doors;
pub use error::{ConfigError, Fault, Place, Problem};
pub use keys::{KEYS, Key};
pub use log::Log;
pub use network::Network;
pub use overrides::Overrides;
pub use quotas::Quotas;
pub use server::Server;
pub use sessions::{Sessions, SigningAlgorithm};
pub use store::StoreSection;
pub(crate) use suggest::among as nearest;
pub use web_identity::WebIdentity;

/// Every setting, settled.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `[server]`: where it listens, and what it lets a client cost.
    pub server: Server,
    /// `[doors]`: what proxies ask about.
    pub doors: Doors,
    /// `[store]`: where state is kept.
    pub store: StoreSection,
    /// `[realm]`: what the installation calls itself in the ARNs that it makes.
    pub realm: Realm,
    /// `[sessions]`: how temporary credentials are signed.
    pub sessions: Sessions,
    /// `[cache]`: how much is remembered.
    pub cache: Cache,
    /// `[web_identity]`: how the keys of OpenID Connect issuers are fetched.
    pub web_identity: WebIdentity,
    /// `[quotas]`: how much an account may hold.
    pub quotas: Quotas,
    /// `[log]`: what is logged, and how it looks.
    pub log: Log,
    /// `[decision_log]`: which answers to other services' questions are kept.
    pub decision_log: DecisionLogSection,
}

impl Config {
    /// Settles the configuration. `file` is the name and the text of a TOML file; `environment` is the whole environment, of
    /// which only `BREVET_` variables are read, and an empty one counts as absent.
    ///
    /// # Errors
    /// Unknown keys and variables, wrong types, values out of range, and settings that contradict each other: all of them together.
    pub fn load(
        file: Option<(&Path, &str)>,
        environment: &[(String, String)],
        flags: &Overrides,
    ) -> Result<Self, ConfigError> {
        let mut settling = settle::Settling::default();
        if let Some((name, text)) = file {
            file::read(name, text, &mut settling);
        }
        environment::read(environment, &mut settling);
        for key in KEYS {
            if let Some((flag, value)) = key.flag_given(flags) {
                settling.give(key, &value, Place::Flag(flag));
            }
        }
        settling.finish()
    }

    /// The variables that are named like brevet's and that nothing reads. They may be of whoever starts it.
    pub fn unread(environment: &[(String, String)]) -> impl Iterator<Item = &str> {
        environment::unread(environment)
    }
}
