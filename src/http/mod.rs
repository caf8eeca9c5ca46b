//! The doors: they read requests and write answers, and decide nothing.

mod asker;
mod auth_request;
mod authzen;
mod aws;
mod changes;
mod check;
mod checked;
mod connection;
mod counts;
mod discovery;
mod ext_authz;
mod followers;
mod front;
mod header_timer;
mod health;
mod json_door;
mod keeping;
mod opening;
mod peer;
mod presented;
mod request;
mod resources;
mod router;
mod routes;
mod sender;
mod sessions;
mod tls;

pub use authzen::SignedMetadata;
pub use connection::{Limits, serve};
pub use counts::Counts;
pub use followers::Followers;
pub use front::Front;
pub use peer::TrustedProxies;
pub use router::{Doors, router};
pub use routes::{Routes, RoutesError};
pub use tls::{TlsError, acceptor};
