//! The doors: they read requests and write answers, and decide nothing.

mod asker;
mod authzen;
mod aws;
mod changes;
mod connection;
mod discovery;
mod followers;
mod health;
mod json_door;
mod keeping;
mod peer;
mod presented;
mod request;
mod resources;
mod router;
mod sessions;
mod tls;

pub use authzen::SignedMetadata;
pub use connection::{Limits, serve};
pub use followers::Followers;
pub use peer::TrustedProxies;
pub use router::{Doors, router};
pub use tls::{TlsError, acceptor};
