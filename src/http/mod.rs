//! The doors: they read requests and write answers, and decide nothing.

mod asker;
mod authzen;
mod aws;
mod connection;
mod discovery;
mod health;
mod peer;
mod request;
mod router;
mod sessions;
mod tls;

pub use connection::{Limits, serve};
pub use peer::TrustedProxies;
pub use router::{Doors, router};
pub use tls::{TlsError, acceptor};
