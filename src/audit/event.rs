//! One audit record.
//!
//! Source: "CloudTrail record contents" and "CloudTrail userIdentity element" in the CloudTrail user guide.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::clock::Timestamp;

/// A record in CloudTrail's shape, so that what reads CloudTrail reads this. Made of what the request has at hand, and written down
/// once: see [`super::Trail::row`].
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event<'a> {
    /// The version of CloudTrail's format.
    pub event_version: &'static str,
    /// Who did it.
    pub user_identity: UserIdentity<'a>,
    /// When the request arrived, in ISO 8601.
    #[serde(serialize_with = "iso8601")]
    pub event_time: Timestamp,
    /// `iam.amazonaws.com`, `sts.amazonaws.com` or `brevet`.
    pub event_source: Cow<'a, str>,
    /// The operation.
    pub event_name: Cow<'a, str>,
    /// The region that the request was signed for.
    pub aws_region: Cow<'a, str>,
    /// Where it came from.
    #[serde(rename = "sourceIPAddress")]
    pub source_ip_address: String,
    /// The `User-Agent` header.
    pub user_agent: Cow<'a, str>,
    /// AWS's error code, when it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// What the caller was told, when it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// The parameters, without secrets.
    pub request_parameters: Cow<'a, Value>,
    /// What was answered to a write, without secrets.
    pub response_elements: Value,
    /// More that is known, such as the statements behind a decision.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub additional_event_data: Value,
    /// The id that the caller was told.
    #[serde(rename = "requestID")]
    pub request_id: Cow<'a, str>,
    /// The record's own id.
    #[serde(rename = "eventID")]
    pub event_id: String,
    /// Whether it only read.
    pub read_only: bool,
    /// `AwsApiCall`
    pub event_type: &'static str,
    /// Always true: brevet has no data plane.
    pub management_event: bool,
    /// The account whose trail this record belongs to.
    pub recipient_account_id: String,
    /// `Management`
    pub event_category: &'static str,
}

/// Who did it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserIdentity<'a> {
    /// `Root`, `IAMUser`, `AssumedRole`, `Role`, `FederatedUser` or `WebIdentityUser`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// `AIDA…`, `AROA…:session` or the account's id; `provider:audience:subject` of whom an OIDC provider vouches for.
    pub principal_id: Cow<'a, str>,
    /// The ARN; absent of who has none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub arn: Cow<'a, str>,
    /// The account; absent of who belongs to none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub account_id: String,
    /// The access key that signed; absent where none did.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub access_key_id: Cow<'a, str>,
    /// The name of a user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<Cow<'a, str>>,
    /// The ARN of the identity provider that vouches for the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_provider: Option<String>,
    /// For temporary credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_context: Option<SessionContext>,
}

/// About the session of temporary credentials.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionContext {
    /// The role behind the session, or who federated it: type, principalId, arn, accountId and userName.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub session_issuer: Value,
    /// `creationDate` and `mfaAuthenticated`, as texts.
    pub attributes: Value,
    /// Who is behind a chain of roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
    /// `true` for a session of `AssumeRoot`, as a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assumed_root: Option<&'static str>,
}

/// How a request ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// What was answered, without secrets.
    Answered(Value),
    /// Refused, with AWS's code and the text that the caller was told.
    Refused {
        /// AWS's error code.
        code: String,
        /// The text.
        message: String,
    },
}

impl Event<'_> {
    /// The version of CloudTrail's record format that these records follow.
    pub const VERSION: &'static str = "1.11";
}

fn iso8601<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}
