//! Who sent a request.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::clock::Timestamp;
use crate::sigv4::Coverage;

/// Whoever signed a request. Only a [`Verifier`](super::Verifier) makes one.
#[derive(Clone)]
pub struct Caller {
    /// The ARN of the user or of the role's session.
    pub arn: String,
    /// The account that it belongs to.
    pub account: String,
    /// The unique id that AWS shows for it.
    pub user_id: String,
    /// `IAMUser`, `AssumedRole`, `FederatedUser` or `Root`.
    pub kind: String,
    /// The ARN of the user, role or root behind it.
    pub principal: String,
    /// The key that signed.
    pub access_key_id: String,
    /// The name of its session, if it has one.
    pub session_name: Option<String>,
    /// When it last proved a second factor, if ever.
    pub mfa_at: Option<Timestamp>,
    /// When its session ends, if it has one.
    pub expires: Option<Timestamp>,
    /// The region that the request was signed for.
    pub region: String,
    /// What the signature says of the body: unless it is [`Coverage::Signed`], the body is not yet known to be the sender's.
    pub body: Coverage,
    /// The headers that the signature covers. What stands in others is not the sender's word.
    pub signed_headers: Vec<String>,
    /// What decisions are told apart by: the key and its session token.
    pub(super) identity: [u8; 32],
    /// The request, as the broker is told of it.
    pub(super) evidence: Arc<Value>,
}

impl fmt::Debug for Caller {
    /// Without the request, which may carry a session token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("arn", &self.arn)
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}
