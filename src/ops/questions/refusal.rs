//! Why a question has no answer.

use crate::decision::{Denial, Refused};
use crate::store::NotReached;

/// The cause; each door has its own status and words for it.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It is no question.
    #[error("{0}")]
    Bad(String),
    /// Who asks may not ask this.
    #[error("{0}")]
    Denied(Box<Denial>),
    /// Who asks does not exist any more.
    #[error("the credentials are not valid")]
    NoAsker,
    /// The revision that was demanded is not known here.
    #[error("{0}")]
    NotReached(#[from] NotReached),
    /// What is known is too old, or the store cannot be read.
    #[error("no decision can be made at present; please try again")]
    Unavailable,
}

impl Refusal {
    /// It is no question, because of this.
    pub fn bad(message: impl Into<String>) -> Self {
        Self::Bad(message.into())
    }
}

impl From<Refused> for Refusal {
    /// Of what the asker itself was refused.
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Denied(denial) => Self::Denied(denial),
            Refused::NoPrincipal => Self::NoAsker,
            Refused::Stale(_) | Refused::Store(_) => {
                tracing::error!(%refused, "a decision could not be made");
                Self::Unavailable
            }
        }
    }
}

impl From<crate::ops::Error> for Refusal {
    fn from(error: crate::ops::Error) -> Self {
        tracing::error!(%error, "a question could not be answered");
        Self::Unavailable
    }
}
