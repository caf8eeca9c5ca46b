//! Requests made from AWS's model for every operation that is built: what is just inside its constraints, what is just
//! outside, and what no client would send. The answers are held to AWS's rules as `expect.rs` states them once more.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(unused_imports, reason = "each test program needs a part of this")]
#[path = "../world/mod.rs"]
mod world;

mod bodies;
mod broken;
mod cases;
mod common_errors;
mod dialect;
mod dice;
mod expect;
mod forged;
mod length;
mod patterns;
mod published;
mod report;
mod sample;
mod sender;
mod suite;
mod value;
