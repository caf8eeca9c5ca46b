//! Decisions: may this subject do that, and why. The policy engine is pure; this floor feeds it with a principal's policies,
//! keeps what is dear to make, and forgets it the moment it changes.

mod authorizer;
mod aws_policies;
mod cache;
mod denial;
mod federation;
mod keys;
mod principal;
mod subject;

pub use authorizer::{Answer, Asked, Authorizer, Consent, Permit, Refused, Settings, Told};
pub use denial::Denial;
pub use federation::Federation;
pub use keys::RequestFacts;
pub use principal::CompiledPrincipal;
pub use subject::{Identity, SessionFacts, Subject};
