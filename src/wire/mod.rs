//! The AWS Query protocol as pure machinery: bytes in, typed inputs out; typed outputs in, XML out.
//!
//! A request passes [`form`] (pairs), [`tree`] (nested parameters), [`validate`] (AWS's published constraints, from the
//! table in [`model`]) and [`query`] (serde); an answer leaves through [`xml`], or [`json`] where that is asked for. Nothing here knows an operation by name.
//!
//! Source: "Making query requests" in the IAM User Guide, and the "AWS query protocol" page of the Smithy specification.

pub mod form;
pub mod json;
pub mod model;
pub mod path;
pub mod query;
pub mod strict_json;
pub mod tree;
pub mod validate;
pub mod xml;
