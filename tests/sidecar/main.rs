//! The sidecar, the client and the credentials command against a fake STS that misbehaves on demand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod client;
mod credentials;
mod fake_sts;
mod neighbour;
mod serving;
mod tls;
