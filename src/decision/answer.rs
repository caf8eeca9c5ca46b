//! A decision that lives by itself.

use crate::clock::Timestamp;
use crate::policy::Decision;
use crate::store::Revision;

/// A decision with all that one may want to know about it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The decision and its reasons.
    pub decision: Decision,
    /// Every change up to this revision is in it.
    pub revision: Revision,
    /// The first moment at which time alone could change it.
    pub until: Option<Timestamp>,
    /// Whether what is known may be older than the staleness bound: see [`super::Asked::degraded`].
    pub degraded: bool,
    /// The ARN that the subject is known by.
    pub principal_arn: String,
}
