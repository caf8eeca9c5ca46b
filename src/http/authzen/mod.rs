//! The AuthZEN doors: may this subject do that, singly and in batches; who, what and which; and where all this is.
//!
//! Source: OpenID AuthZEN Authorization API 1.0. How its subjects, actions, resources and properties are IAM's is said in
//! [`questions`](crate::ops::questions), and for users in `docs/authzen.md`.

mod batch;
mod body;
mod entity;
mod evaluation;
mod evaluations;
mod frame;
mod item;
mod many;
mod metadata;
mod render;
mod repeated;
mod search;
mod token;

pub(super) use evaluation::{evaluation, evaluation_at};
pub(super) use evaluations::{evaluations, evaluations_at};
pub(super) use frame::of_authentication;
pub use metadata::SignedMetadata;
pub(super) use metadata::metadata;
pub use repeated::Repeated;
pub(super) use search::{search_action, search_resource, search_subject};
