//! How the command line and the sidecar talk to a broker: over HTTP, like any other AWS client. They never see the
//! store.
//!
//! [`Broker`] is one endpoint and the rules for talking to it; [`sts`] the operations; [`source`] where the credentials
//! come from that sign the calls; [`obtain`] puts them together and answers "credentials for these settings"; [`cache`]
//! keeps the answer between two processes.

mod backoff;
mod broker;
pub mod cache;
pub mod document;
mod environment;
mod error;
pub mod obtain;
mod passing;
pub mod private_file;
pub mod prompt;
pub mod source;
pub mod sts;
mod tls;
mod xml;

pub use backoff::Backoff;
pub(crate) use backoff::draw;
pub use broker::{Broker, BrokerSettings};
pub use environment::Environment;
pub use error::ClientError;
pub use passing::{ChangeStream, Passed, Question};
