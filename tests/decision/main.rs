//! What the authorizer keeps, held against what it would decide if it kept nothing: histories of changes and questions, on two brokers
//! that share a store; and that a change is felt by nobody whom it does not concern.

mod ask;
mod exact;
mod narrow;
mod place;
mod snapshot;
mod state;
