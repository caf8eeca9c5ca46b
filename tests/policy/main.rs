//! The policy engine from outside: cases from AWS's documentation, a naive model, and laws that every engine must keep.

mod case;
mod cases;
mod command;
mod laws;
mod lint;
mod lint_laws;
mod model;
