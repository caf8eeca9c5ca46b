//! A refusal, in AWS's words for the caller and with all reasons for those entitled to know.

use std::fmt;

use crate::policy::Decision;

/// Who was refused what, and why.
#[derive(Clone, Debug)]
pub struct Denial {
    /// The ARN of the caller.
    pub principal: String,
    /// Such as `iam:CreateUser`.
    pub action: String,
    /// The ARN of the resource, or `*`.
    pub resource: String,
    /// The engine's answer, with the statements that made it.
    pub decision: Decision,
}

impl fmt::Display for Denial {
    /// AWS's sentence: "User: arn is not authorized to perform: action on resource: arn because …".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "User: {} is not authorized to perform: {} on resource: {}{}",
            self.principal,
            self.action,
            self.resource,
            self.decision.because(&self.action)
        )
    }
}
