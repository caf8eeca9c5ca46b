//! The store: one conformance suite for both backends, and what only one of them can get wrong.

mod conformance;
mod crash;
mod feed;
mod model;
mod place;
mod postgres;
mod proxy;
#[path = "../support/postgres.rs"]
mod server;
mod sqlite;
mod table;
