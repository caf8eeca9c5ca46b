//! How large a document may be.
//!
//! Source: IAM User Guide, `reference_iam-quotas`; Organizations User Guide, `orgs_reference_limits`; S3 User Guide,
//! `bucket-policies` (the quota of a policy of a resource is its service's; S3's stands for all).

use super::Checker;
use super::code::IssueCode;
use super::report::Place;
use crate::policy::document::Kind;

/// Characters of a managed policy, without white space.
const IDENTITY: usize = 6_144;
/// Characters of a session policy, without white space.
const SESSION: usize = 2_048;
/// Characters of a role's trust policy, without white space.
const TRUST: usize = 2_048;
/// Characters of a bucket policy.
const RESOURCE: usize = 20_480;
/// Characters of a service control policy or a resource control policy.
const CONTROL: usize = 5_120;

pub(super) fn check(checker: &mut Checker, text: &str, place: &Place) {
    let all = text.chars().count();
    let printed = text.chars().filter(|c| !c.is_whitespace()).count();
    let (size, quota) = match checker.kind {
        Kind::Identity | Kind::Boundary => (printed, IDENTITY),
        Kind::Session => (printed, SESSION),
        Kind::Trust => (printed, TRUST),
        Kind::Resource => (all, RESOURCE),
        Kind::ServiceControl | Kind::ResourceControl => (all, CONTROL),
    };
    if size <= quota {
        return;
    }
    let (code, details) = match checker.kind {
        Kind::Identity | Kind::Boundary | Kind::Session => (
            IssueCode::PolicySizeExceedsIdentityPolicyQuota,
            format!(
                "The {size} characters in the identity policy, excluding whitespace, exceed the {quota} character maximum for inline and managed policies. We recommend that you use multiple granular policies."
            ),
        ),
        Kind::Trust => (
            IssueCode::PolicySizeExceedsRoleTrustPolicyQuota,
            "The characters in the role trust policy, excluding whitespace, exceed the character maximum. We recommend that you request a role trust policy length quota increase using Service Quotas and AWS Support Center. If the quotas have already been increased, then you can ignore this warning.".to_owned(),
        ),
        Kind::Resource => (
            IssueCode::PolicySizeExceedsResourcePolicyQuota,
            format!(
                "The {size} characters in the resource policy exceed the {quota} character maximum for resource policies. We recommend that you use multiple granular policies."
            ),
        ),
        Kind::ServiceControl => (
            IssueCode::PolicySizeExceedsScpQuota,
            format!(
                "The {size} characters in the service control policy (SCP) exceed the {quota} character maximum for SCPs. We recommend that you use multiple granular policies."
            ),
        ),
        Kind::ResourceControl => (
            IssueCode::PolicySizeExceedsRcpQuota,
            format!(
                "The {size} characters in the resource control policy (RCP) exceed the {quota} character maximum for RCPs. We recommend that you use multiple granular policies."
            ),
        ),
    };
    checker.report.note(code, details, place);
}
