//! What the benches share: a broker in a temporary folder with one account, a client that signs, a small load loop.

#![allow(dead_code, reason = "each bench uses a part of it")]

pub mod beside;
pub mod least;
pub mod load;
pub mod memory;
pub mod mutual;
pub mod request;
pub mod spent;
pub mod versus;
pub mod world;

/// As in the binary: the broker is measured as it is delivered, and the bare handler beside it alike.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
