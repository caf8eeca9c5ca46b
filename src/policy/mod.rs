//! The policy language of AWS IAM as a pure function: no clock, no store, no HTTP.
//!
//! A text becomes a [`Document`] (valid for its [`Kind`], or [`Malformed`] in AWS's own words), a document becomes a compiled
//! [`Policy`], policies become a [`PolicySet`] that knows which condition keys it reads, and [`evaluate`] turns a request and
//! the sets that apply to it into a [`Decision`] that names the statements that made it. [`KnownKey`] tells of the condition
//! keys that AWS has.
//!
//! Left to others: who the caller is, which policies apply to him, and what a context holds (`decision`); whether a principal
//! that a trust policy names exists (`ops`); how large a document may be (`ops`).
//!
//! Sources: the IAM User Guide's "IAM JSON policy reference", in particular the pages `reference_policies_grammar`,
//! `reference_policies_elements_*`, `reference_policies_variables`, `reference_policies_evaluation-logic`,
//! `reference_policies_condition-keys` and `troubleshoot_access-denied`.

mod arn;
mod claims;
mod compile;
mod condition;
mod context;
mod decimal;
mod decision;
mod document;
mod evaluate;
mod fact;
mod folded;
mod glob;
mod index;
mod json;
mod key;
mod key_table;
mod known_key;
pub mod lint;
mod malformed;
mod moment;
mod named;
mod network;
mod operator;
mod parse;
mod pattern;
mod prefixes;
mod principal;
mod reach;
mod resource;
mod rule;
mod set;
mod shift;
pub mod simulate;
mod source;
mod spelling;
mod statement;
mod template;
mod text;
mod validity;
mod verdict;
mod words;

pub use claims::{Claims, GivenTwice};
pub use compile::Policy;
pub use context::{Context, Value};
pub use decision::{Decision, Effect, MatchedStatement, Missing, NearMiss, StatementRef};
pub use document::{
    Condition, Document, EmbeddedDocument, Kind, Listed, PrincipalList, Statement, StatementEffect, Version,
};
pub use evaluate::{Policies, Request, evaluate};
pub use fact::{Fact, Facts};
pub use key::Key;
pub use known_key::{KeyType, KnownKey, Source};
pub use malformed::{Fault, Malformed};
pub use operator::{Operator, SetOperator, Test};
pub use principal::{Principal, PrincipalKind};
pub use resource::{AWS_PARTITIONS, partition_fault};
pub use rule::ResourceRule;
pub use set::{KeySet, PolicySet};
pub use source::{Position, Span, statement_spans};
pub use spelling::written_keys;
pub use verdict::Verdict;
