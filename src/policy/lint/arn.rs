//! Resources: ARNs with wildcards and variables, or a single asterisk.
//!
//! Source: IAM User Guide, `reference_policies_elements_resource`, `reference_identifiers` (ARNs).

use super::Checker;
use super::action::wildcard_in_service;
use super::code::IssueCode;
use super::read::{Item, Statement};
use super::variable;
use crate::policy::pattern::Pattern;
use crate::policy::resource::{AWS_PARTITIONS, is_of_iam};

/// The parts of an ARN.
const FIELDS: usize = 6;
pub(super) fn check(checker: &mut Checker, statement: &Statement<'_>) {
    for item in statement.resources.iter().flat_map(|listed| &listed.values).filter(|item| item.text != "*") {
        if checker.variables {
            variable::check(&mut checker.report, item.text, &item.place);
        } else {
            variable::is_out_of_version(&mut checker.report, item.text, &item.place);
        }
        one(checker, item);
    }
}

fn one(checker: &mut Checker, item: &Item<'_>) {
    let Item { text, place } = item;
    let report = &mut checker.report;
    let parts: Vec<&str> = text.splitn(FIELDS, ':').collect();
    if parts.first() != Some(&"arn") {
        let details = "Add the required prefix (arn) to the resource ARN.";
        report.refuse(IssueCode::InvalidArnPrefix, details, place);
        return;
    }
    // An asterisk at the end of a part may stand for parts that follow it.
    if parts.len() < FIELDS && !parts.iter().any(|part| part.ends_with('*')) {
        let details = format!(
            "Resource ARNs must include at least {FIELDS} fields in the following structure: arn:partition:service:region:account:resource"
        );
        report.refuse(IssueCode::MissingArnField, details, place);
        return;
    }
    let partition = parts.get(1).copied().unwrap_or_default();
    let named = !partition.is_empty() && partition.bytes().all(|b| b.is_ascii_alphanumeric() || b"-*?".contains(&b));
    if !named || !(partition.contains(['*', '?']) || AWS_PARTITIONS.contains(&partition)) {
        let details = format!(
            "The resource ARN for the service {} does not support the partition {partition}. Use the supported values: {}",
            parts.get(2).copied().unwrap_or_default(),
            AWS_PARTITIONS.join(", ")
        );
        if named {
            report.note(IssueCode::InvalidPartition, details, place);
        } else {
            report.refuse(IssueCode::InvalidPartition, details, place);
            return;
        }
    }
    let parts = split(text, checker.variables);
    if Pattern::resource(text, checker.variables).is_err() {
        if let Some(field) = parts.iter().take(FIELDS - 1).position(|part| part.contains("${")) {
            early_variable(checker, field, parts.get(field).copied().unwrap_or_default(), item);
        }
        return;
    }
    fields(checker, &parts, item);
}

/// A variable where only a fixed part of an ARN may stand.
fn early_variable(checker: &mut Checker, field: usize, part: &str, Item { place, .. }: &Item<'_>) {
    let (code, details) = match field {
        2 => (IssueCode::InvalidService, format!("The service {part} does not exist. Use a valid service name.")),
        3 => (IssueCode::InvalidArnRegion, invalid_region(part)),
        _ => (IssueCode::InvalidArnAccount, invalid_account(part)),
    };
    checker.report.refuse(code, details, place).because("a variable may stand only behind the fifth colon of an ARN");
}

fn fields(checker: &mut Checker, parts: &[&str], item: &Item<'_>) {
    let Item { text, place } = item;
    let field = |at: usize| parts.get(at).copied();
    let (service, region, account, resource) = (field(2), field(3), field(4), field(5));
    let wild = |part: &str| part.contains(['*', '?']);
    let Some(service) = service else { return };
    if wild(service) {
        let start = text.split(':').take(2).map(|part| part.chars().count() + 1).sum();
        wildcard_in_service(checker, &place.part(place.is_plain(text), start, service.chars().count()));
    }
    let report = &mut checker.report;
    if service.bytes().any(|b| b.is_ascii_uppercase()) {
        let details = format!("Update the service name {service} in the resource ARN to use all lowercase letters.");
        report.note(IssueCode::InvalidArnServiceCase, details, place);
    }
    let digits = |account: &str| account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let by_name = ["", "aws", "cloudfront"];
    if let Some(account) = account.filter(|a| !by_name.contains(a) && !wild(a) && !digits(a)) {
        report.note(IssueCode::InvalidArnAccount, invalid_account(account), place);
    }
    // IAM has no regions, and a bucket is of none; other resources of S3 are of a region and an account.
    let regional = region.is_some_and(|region| !region.is_empty() && !wild(region));
    if regional && (service == "iam" || (service == "s3" && account == Some(""))) {
        report.refuse(IssueCode::ArnRegionNotAllowed, region_not_allowed(service), place);
        return;
    }
    // Of these two services this broker knows every kind of resource.
    let (Some(region), Some(account), Some(resource), "iam" | "sts") = (region, account, resource, service) else {
        return;
    };
    if !region.is_empty() && region != "*" {
        report.note(IssueCode::ArnRegionNotAllowed, region_not_allowed(service), place);
    }
    if account.is_empty() {
        let details = format!(
            "The resource {resource} in the arn is missing an account id. Please provide a 12 digit account id."
        );
        report.note(IssueCode::MissingArnAccount, details, place);
    }
    if service == "iam" && !is_of_iam(resource) {
        let details = "Resource ARN does not match the expected ARN format. Update the resource portion of the ARN.";
        report.refuse(IssueCode::InvalidArnResource, details, place);
    }
}

fn region_not_allowed(service: &str) -> String {
    format!("The service {service} does not support specifying a Region in the resource ARN.")
}

fn invalid_region(region: &str) -> String {
    format!(
        "The Region {region} is not valid for this resource. Update the resource ARN to include a supported Region."
    )
}

fn invalid_account(account: &str) -> String {
    format!("The resource ARN account ID {account} is not valid. Provide a 12-digit account ID.")
}

/// The parts of an ARN, where colons within variables do not separate any.
fn split(text: &str, variables: bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut begin, mut inside) = (0, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' if variables && at > 0 && text.as_bytes().get(at - 1) == Some(&b'$') => inside = true,
            b'}' => inside = false,
            b':' if !inside && parts.len() < FIELDS - 1 => {
                parts.push(text.get(begin..at).unwrap_or_default());
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(begin..).unwrap_or_default());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_keep_their_colons() {
        assert_eq!(
            split("arn:aws:s3:::b/${aws:username}:x", true),
            ["arn", "aws", "s3", "", "", "b/${aws:username}:x"]
        );
        assert_eq!(split("arn:aws:s3:${aws:a}:1:b", true), ["arn", "aws", "s3", "${aws:a}", "1", "b"]);
        assert_eq!(split("arn:${a:b", true), ["arn", "${a:b"]);
    }
}
