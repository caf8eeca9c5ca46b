//! Authentication: one file per scheme; each ends in a [`Caller`].

mod caller;
mod error;
pub mod mfa;
mod passwords;
mod renamed;
mod sigv4;

pub use caller::Caller;
pub use error::Error;
pub use passwords::{HashingFailed, Passwords};
pub use sigv4::{Authenticator, Settings};
