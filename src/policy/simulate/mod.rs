//! The policy simulator: what would be decided, and which statements decide it, for policies and facts that are given.
//!
//! It is pure: [`Scene`] holds documents, actions, resources and context keys, and a [`Simulation`] of it answers each action on
//! each resource. Nothing is known but what the scene says, the time included: that is what the keys of conditions are for.
//!
//! Left to others: whose policies they are, and pages (`ops`).
//!
//! Source: IAM API Reference, `SimulateCustomPolicy`, `SimulatePrincipalPolicy`, `EvaluationResult`, `ResourceSpecificResult`,
//! `Statement`; IAM User Guide, `access_policies_testing-policies`.

mod entry;
mod input;
mod position;
mod scenario;
mod scene;
mod simulation;

pub use entry::{Entry, EntryType};
pub use input::Input;
pub use position::{Extent, Place};
pub use scene::{Scene, Unfit};
pub use simulation::{Matched, Sides, Simulated, Simulation};
