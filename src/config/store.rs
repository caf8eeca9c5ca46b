//! The `[store]` section.

use std::path::PathBuf;
use std::time::Duration;

use crate::types::SecretText;

/// Where state is kept.
#[derive(Clone, Debug)]
pub struct StoreSection {
    /// The folder of the embedded database and of the master key. Default ./data.
    pub data_dir: PathBuf,
    /// The `postgres://` URL of a database that speaks PostgreSQL's protocol. It holds a password, so the variable
    /// `BREVET_STORE_DATABASE` is a better place for it than a file or a flag. Default none: SQLite in `data_dir`.
    pub database: Option<SecretText>,
    /// How old the state may be that a decision is made on, in whole seconds; older, and the broker refuses. Default 5, from 1
    /// to 60.
    pub staleness_bound: Duration,
    /// For how much longer than `staleness_bound` the questions of other services are answered from what is known while the store is out
    /// of reach, in seconds; the answers then say so. Default 0, from 0 to 86400: they are refused.
    pub degraded_service: Duration,
    /// The file of the key that every stored secret is sealed under. Default: `master.key` in `data_dir`.
    pub master_key_file: Option<PathBuf>,
}

impl StoreSection {
    /// Where the master key is, or is to be made.
    pub fn master_key_path(&self) -> PathBuf {
        self.master_key_file.clone().unwrap_or_else(|| self.data_dir.join("master.key"))
    }
}

impl Default for StoreSection {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("./data"),
            database: None,
            staleness_bound: Duration::from_secs(5),
            degraded_service: Duration::ZERO,
            master_key_file: None,
        }
    }
}
