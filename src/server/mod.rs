//! A broker as a whole: its foundation (store, master key, first account), its parts, its run.

mod accounts;
mod foundation;
mod master_key;
pub mod operator;
mod rsa_keys;
mod run;

pub use accounts::{AccountError, NewAccount, create as create_account};
pub use foundation::{Bootstrap, Foundation, FoundationError};
pub use master_key::MasterKeyError;
pub use rsa_keys::RsaKeysError;
pub use run::{Server, StartError, keeper_parts};
