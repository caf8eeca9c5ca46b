//! The audit trail: who did what, from where, with what result, in the shape of CloudTrail's records.

pub mod decisions;
mod event;
mod trail;
mod written;

pub use decisions::DecisionLog;
pub use event::{Event, Outcome, SessionContext, UserIdentity};
pub use trail::Trail;
