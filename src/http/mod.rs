//! The doors: they read requests and write answers, and decide nothing.

mod asker;
mod auth_request;
mod authzen;
mod aws;
mod changes;
mod check;
mod connection;
mod discovery;
mod ext_authz;
mod followers;
mod health;
mod json_door;
mod keeping;
mod peer;
mod presented;
mod request;
mod resources;
mod router;
mod routes;
mod sessions;
mod tls;

pub use connection::{Limits, serve};
pub use followers::Followers;
pub use peer::TrustedProxies;
pub use router::{Doors, router};
pub use routes::{Routes, RoutesError};
pub use tls::{TlsError, acceptor};
