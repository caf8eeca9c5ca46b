//! Questions: a downstream service, the *asker*, asks whether somebody may do something, and gets an answer that is exact, says what
//! it was made on, and for how long it may be kept.
//!
//! All doors for services (AuthZEN and its kin) make a [`Question`] of what they are sent, and render the [`Answered`]. Whoever asks
//! needs `brevet:Evaluate` on the user or role that it asks about.

mod answered;
mod ask;
mod claimed;
mod derived;
mod freshness;
mod keeping;
mod leave;
mod named;
mod presented;
mod ready;
mod recorded;
mod refusal;
mod rendered;
mod row;
mod said;
mod search;
mod sitting;
mod who;

pub use answered::Answered;
pub use ask::{Asking, Question, Stored};
pub use derived::{DERIVE, Derived, NotDerived};
pub use freshness::{AT_LEAST_REVISION, Demand, PATIENCE};
pub use keeping::{Keeping, Kept, TELL_DEPENDS};
pub use leave::Leave;
pub use named::{action, resource};
pub use presented::{Described, Received, Shown, Unproven, VERIFY, enrolment};
pub use refusal::Refusal;
pub use row::{Row, WrittenAnswer};
pub use said::{Properties, Said};
pub use search::{Found, Page, SEARCH_PERMISSION, Searched};
pub use sitting::Sitting;
pub use who::{Named, Resolved, Who};

/// The service name that askers sign their requests for.
pub const SERVICE: &str = "brevet";
/// The permission that an asker needs on the ARN of the user or role that it asks about.
pub const PERMISSION: &str = "brevet:Evaluate";
