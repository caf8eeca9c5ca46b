//! Decisions: may this subject do that, and why. The policy engine is pure; this floor feeds it with a principal's policies,
//! keeps what is dear to make, and forgets it the moment it changes.

mod answer;
mod asked;
mod authorizer;
mod aws_policies;
mod denial;
mod entity;
mod federation;
mod keys;
mod prepared;
mod principal;
mod subject;

pub use answer::Answer;
pub use asked::{Asked, Consent};
pub use authorizer::{Authorizer, Outcomes, Permit, Refused, Settings};
pub use denial::Denial;
pub use federation::Federation;
pub use keys::RequestFacts;
pub use prepared::{Decided, Found, Prepared, Told};
pub use principal::CompiledPrincipal;
pub use subject::{Identity, SessionFacts, Subject};
