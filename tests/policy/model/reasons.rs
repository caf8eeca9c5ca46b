//! What the model answers, in the words that the engine's answers are put into before they are compared.

use std::fmt;

use brevet::policy::Effect;

use super::statement::Statement;
use crate::case::Asked;

/// The outcome and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub effect: Effect,
    /// The statements that deny, or those that allow if none does.
    pub statements: Vec<Reason>,
    pub missing: Option<Missing>,
}

/// A statement that mattered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub kind: String,
    pub policy: String,
    pub index: usize,
    pub sid: Option<String>,
}

/// The kind of policy that did not allow, and the level where there are levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    pub kind: String,
    pub level: Option<usize>,
    pub near: Option<Near>,
}

/// The statement that would have allowed but for a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Near {
    pub policy: String,
    pub index: usize,
    pub operator: String,
    pub key: String,
    pub absent: bool,
}

impl fmt::Display for Missing {
    /// `Identity`, `ServiceControl 1`, `Session StringEquals aws:username absent`: the form of the cases.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if let Some(level) = self.level {
            write!(f, " {level}")?;
        }
        match &self.near {
            Some(near) => write!(f, " {} {}{}", near.operator, near.key, if near.absent { " absent" } else { "" }),
            None => Ok(()),
        }
    }
}

/// The first of the statements that is about the request and has a condition that does not hold.
pub fn near<'a>(statements: impl Iterator<Item = &'a Statement>, asked: &Asked) -> Option<Near> {
    for statement in statements.filter(|s| s.is_about(asked)) {
        if let Some((operator, key)) = statement.failing(asked) {
            return Some(Near {
                policy: statement.policy.clone(),
                index: statement.index,
                absent: super::value::texts_of(&key, asked).is_empty(),
                key: key.to_lowercase(),
                operator,
            });
        }
    }
    None
}
