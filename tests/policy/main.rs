//! The policy engine from outside: cases from AWS's documentation, a naive model, and laws that every engine must keep.

mod allocations;
mod case;
mod cases;
mod evaluate_command;
mod condition_keys;
mod laws;
mod model;
