//! What a policy may name as a resource: an ARN, with wildcards.
//!
//! Source: IAM User Guide, `reference_policies_elements_resource`, `reference_identifiers`; the sentences are those of the IAM API.

use super::malformed::Fault;

/// The partitions that AWS has.
pub const AWS_PARTITIONS: [&str; 8] =
    ["aws", "aws-cn", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-us-gov"];
/// The parts of an ARN.
const PARTS: usize = 6;

/// What IAM's resources begin with, behind the account.
const IAM: [&str; 15] = [
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
    "u2f/",
    "delegation-request/",
];

/// Refuses what is no ARN.
pub(super) fn check(resource: &str) -> Result<(), (Fault, &'static str)> {
    let format = || Err((Fault::ResourceFormat(resource.to_owned()), "a resource is an ARN or \"*\""));
    let parts: Vec<&str> = resource.splitn(PARTS, ':').collect();
    let [first, partition, rest @ ..] = parts.as_slice() else { return format() };
    if *first != "arn" {
        return format();
    }
    if partition.is_empty() || !partition.bytes().all(|b| b.is_ascii_alphanumeric() || b"-*?".contains(&b)) {
        return Err((partition_fault(resource), "the second part of an ARN is the partition"));
    }
    // An asterisk at the end of a part may stand for parts that follow it.
    let complete = parts.len() == PARTS || parts.iter().any(|part| part.ends_with('*'));
    match rest {
        [] if !complete => Err((Fault::ResourceVendor, "the third part of an ARN is the service")),
        ["iam", region @ ..] if !complete || has_region(region) => {
            Err((Fault::IamRegion(resource.to_owned()), "the fourth part of an ARN of IAM is empty"))
        }
        ["s3", region @ ..] if !complete || is_bucket_with_region(region) => {
            Err((Fault::S3Region(resource.to_owned()), "the fourth part of a bucket's ARN is empty"))
        }
        _ if !complete => format(),
        ["iam", _, _, name] if !is_of_iam(name) => Err((Fault::IamResource, "IAM has no such resources")),
        _ => Ok(()),
    }
}

/// What IAM says of a partition that cannot be one. It writes the ARN with all its parts.
pub fn partition_fault(resource: &str) -> Fault {
    let mut parts: Vec<&str> = resource.splitn(PARTS, ':').collect();
    parts.resize(PARTS, "*");
    let partition = parts.get(1).copied().unwrap_or_default().to_owned();
    Fault::Partition { partition, resource: parts.join(":") }
}

/// Whether IAM has resources whose names begin so. A wildcard or a variable may stand for any kind of them.
pub(super) fn is_of_iam(name: &str) -> bool {
    let kind = name.split_once('/').map_or(name, |(kind, _)| kind);
    name == "root" || kind.contains(['*', '?', '$']) || IAM.iter().any(|known| name.starts_with(known))
}

/// Whether the parts from the region on begin with a region.
fn has_region(parts: &[&str]) -> bool {
    parts.first().is_some_and(|region| !region.is_empty() && !region.contains(['*', '?']))
}

/// Buckets are of no region and no account; access points and their like are of both.
fn is_bucket_with_region(parts: &[&str]) -> bool {
    has_region(parts) && parts.get(1).is_some_and(|account| account.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_arn_is_refused_in_iams_words() {
        for (resource, sentence) in [
            ("bucket", r#"Resource bucket must be in ARN format or "*"."#),
            ("urn:aws:s3:::b", r#"Resource urn:aws:s3:::b must be in ARN format or "*"."#),
            ("arn::s3:::b", r#"Partition "" is not valid for resource "arn::s3:::b"."#),
            ("arn:a_s", r#"Partition "a_s" is not valid for resource "arn:a_s:*:*:*:*"."#),
            ("arn:aws", "Resource vendor must be fully qualified and cannot contain regexes."),
            ("arn:aws:s3", "Resource arn:aws:s3 can not contain region information."),
            ("arn:aws:s3:eu::b", "Resource arn:aws:s3:eu::b can not contain region information."),
            ("arn:aws:iam:eu:1:user/u", "IAM resource arn:aws:iam:eu:1:user/u cannot contain region information."),
            ("arn:aws:iam", "IAM resource arn:aws:iam cannot contain region information."),
            ("arn:aws:sqs", r#"Resource arn:aws:sqs must be in ARN format or "*"."#),
        ] {
            assert_eq!(check(resource).err().map(|(fault, _)| fault.to_string()).as_deref(), Some(sentence));
        }
        let (fault, _) = check("arn:aws:iam::111122223333:users/u").unwrap_err();
        assert_eq!(fault, Fault::IamResource);
        assert!(fault.to_string().ends_with("oidc-provider/, report/, access-report/."), "{fault}");
    }

    #[test]
    fn arns_with_wildcards_are_resources() {
        for resource in [
            "arn:aws:s3:::b/*",
            "arn:*:s3:::b",
            "arn:aws:s3:eu-west-1:111122223333:accesspoint/a",
            "arn:aws:s3:*",
            "arn:*",
            "arn:aws:iam::*:role/r",
            "arn:aws:iam::111122223333:*",
            "arn:aws:iam::111122223333:u*r/x",
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam::111122223333:${k:x}",
            "arn:brevet:reports:::q3",
        ] {
            assert!(check(resource).is_ok(), "{resource}");
        }
    }
}
