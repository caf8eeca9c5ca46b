//! The doors: they read requests and write answers, and decide nothing.

mod asker;
mod authzen;
mod aws;
mod changes;
mod connection;
mod counts;
mod discovery;
mod followers;
mod front;
mod header_timer;
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

pub use connection::{Limits, serve};
pub use counts::Counts;
pub use followers::Followers;
pub use front::Front;
pub use peer::TrustedProxies;
pub use router::{Doors, router};
pub use tls::{TlsError, acceptor};
