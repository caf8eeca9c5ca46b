//! Operations: AWS's, one file per entity of IAM and one per operation of STS, all run by one pipeline.

pub mod authorization_message;
mod broker;
mod call;
mod denied;
mod error;
mod fault;
mod federated;
pub mod iam;
mod operation;
mod pipeline;
pub mod questions;
mod record;
mod registry;
mod revoke;
mod roles;
mod session_kinds;
mod strangers;
pub mod sts;
mod turns;
mod used;

pub use broker::Broker;
pub use call::Call;
pub use error::Error;
pub use fault::Fault;
pub use federated::{FederatedCall, FederatedOperation, Unsigned};
pub use operation::{Demand, Operation, Permission, SecondFactor};
pub use pipeline::{Answered, Incoming, record_refusal};
pub use registry::Registry;
pub use revoke::{Revoke, Which, revoke_sessions, shown as shown_revocation};
pub use roles::Roles;
pub use strangers::Strangers;
pub use turns::Turns;
pub use used::{note_reach, note_use};
