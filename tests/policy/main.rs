//! The policy engine from outside: cases from AWS's documentation, a naive model, and laws that every engine must keep.

mod allocations;
mod case;
mod cases;
mod condition_keys;
mod evaluate_command;
mod laws;
mod lint;
mod lint_laws;
mod model;
mod validate_command;
