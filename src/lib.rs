//! brevet, a temporary credential broker: AWS IAM and STS that anyone can run.
//!
//! The floors of the house, lowest first. A file uses only what stands on lower floors, or beside it; `tests/floors` reads the
//! `use crate::` lines and says where an edge is wrong.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::todo, clippy::unimplemented)
)]

// Floor 0, vocabulary: synchronous, no IO.
pub mod clock;
pub mod config;
pub mod telemetry;
pub mod types;

// Floor 1, pure machinery: synchronous, no IO.
pub mod crypto;
pub mod policy;
pub mod sigv4;
pub mod wire;

// Floor 2, the entities of an account with their rules.
pub mod identity;

// Floor 3, what is durable.
pub mod audit;
pub mod store;
pub mod usage;

// Floor 4, sessions and decisions.
pub mod decision;
pub mod session;

// Floor 5, who calls.
pub mod authn;

// Floor 6, the operations and their one pipeline.
pub mod ops;

// Floor 7, the doors, and those who knock.
pub mod client;
pub mod http;
pub mod service;
pub mod sidecar;

// Floor 8, the whole: a running broker, and the command line.
pub mod cli;
pub mod server;
