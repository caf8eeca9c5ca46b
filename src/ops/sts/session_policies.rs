//! The policies that bound a session, inline and by ARN, and how much room they take in its token.
//!
//! Source: "Session policies" in `access_policies.html`; the parameters `Policy` and `PolicyArns` in the STS API reference.

use serde::Deserialize;

use crate::config::Quotas;
use crate::identity::{AwsPolicy, quota};
use crate::ops::Error;
use crate::policy::{Document, Kind};
use crate::session::SessionDraft;
use crate::types::{AccountId, Arn, Realm};

/// A member of `PolicyArns`.
#[derive(Deserialize)]
pub(super) struct PolicyDescriptor {
    // The model does not require it; no policy has an empty one.
    #[serde(default)]
    pub(super) arn: String,
}

/// Managed policies that one session may be bounded by.
const POLICY_ARNS: usize = 10;

/// An inline session policy as the token carries it.
pub(super) fn inline(text: Option<&str>, quotas: &Quotas) -> Result<Option<String>, Error> {
    let Some(text) = text else { return Ok(None) };
    let most = quotas.session_policy_characters;
    if u64::try_from(quota::policy_size(text)).is_ok_and(|size| size > most) {
        return Err(Error::PackedPolicyTooLarge(format!("The session policy is larger than {most} characters.")));
    }
    Document::parse(text, Kind::Session).map_err(|error| Error::MalformedPolicyDocument(error.to_string()))?;
    // Written again without white space: a session token is carried with every request.
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| Error::MalformedPolicyDocument(error.to_string()))?;
    Ok(Some(value.to_string()))
}

/// Managed policies that bound a session of `account`: the account's own, or AWS's.
pub(super) fn by_arn(
    descriptors: &[PolicyDescriptor],
    account: AccountId,
    realm: &Realm,
) -> Result<Vec<String>, Error> {
    if descriptors.len() > POLICY_ARNS {
        return Err(Error::Validation(format!("A session is bounded by at most {POLICY_ARNS} managed policies.")));
    }
    for descriptor in descriptors {
        let arn = descriptor.arn.parse::<Arn>().ok();
        let usable = arn.is_some_and(|arn| {
            let own = arn.account() == Some(account) && arn.name_of_kind("policy").is_some();
            own || arn.partition() == realm.partition && AwsPolicy::named_by(&arn).is_some()
        });
        if !usable {
            return Err(Error::Validation(format!(
                "{} is not a managed policy of the session's account or of AWS.",
                descriptor.arn
            )));
        }
    }
    Ok(descriptors.iter().map(|descriptor| descriptor.arn.clone()).collect())
}

/// How much of the space for session policies and tags is used, in percent; nothing where the session has neither.
///
/// # Errors
/// More than there is.
pub(super) fn packed(draft: &SessionDraft, quotas: &Quotas) -> Result<Option<u32>, Error> {
    let policies =
        draft.policy.as_ref().map_or(0, String::len) + draft.policy_arns.iter().map(String::len).sum::<usize>();
    let tags = draft.tags.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
    let bytes = u64::try_from(policies + tags).unwrap_or(u64::MAX);
    if bytes == 0 {
        return Ok(None);
    }
    let percent = bytes.saturating_mul(100).div_ceil(quotas.packed_session_bytes.max(1));
    let percent = u32::try_from(percent).unwrap_or(u32::MAX);
    if percent > 100 {
        return Err(Error::PackedPolicyTooLarge(format!(
            "Packed policy consumes {percent}% of allotted space, please use smaller policy."
        )));
    }
    Ok(Some(percent))
}
