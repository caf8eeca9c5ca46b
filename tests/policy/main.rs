//! The policy engine from outside: cases from AWS's documentation, a naive model that answers with reasons, generated policies on
//! which engine and model have to agree, and laws that every engine must keep.

mod agreement;
mod allocations;
mod aws_managed;
mod case;
mod cases;
mod condition_keys;
mod evaluate_command;
mod generate;
mod laws;
mod limits;
mod lint;
mod lint_laws;
mod model;
mod validate_command;
