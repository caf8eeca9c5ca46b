//! The audit trail: who did what, from where, with what result, in the shape of CloudTrail's records.

mod event;
mod trail;
mod written;

pub use event::{Event, Outcome, SessionContext, UserIdentity};
pub use trail::Trail;
