//! The policy engine from outside: cases from AWS's documentation, a naive model that answers with reasons, generated policies on
//! which engine and model have to agree, and laws that every engine must keep.

mod agreement;
mod case;
mod cases;
mod generate;
mod laws;
mod limits;
mod model;
