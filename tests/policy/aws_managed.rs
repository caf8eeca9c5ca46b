//! The page of AWS's managed policies beside the table that it is made from.

use std::fmt::Write;
use std::path::Path;

use brevet::identity::AwsPolicy;

const PAGE: &str = "docs/aws-managed-policies.md";
/// Set, it makes the test write the page instead of comparing it.
const BLESS: &str = "BREVET_BLESS";

#[test]
fn the_page_of_the_policies_is_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let expected = page();
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, expected).unwrap();
        return;
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let differing = expected.lines().zip(found.lines()).find(|(expected, found)| expected != found);
    assert!(
        expected == found,
        "{PAGE} is not what the table says; `{BLESS}=1 cargo test --test policy` writes it anew. It differs at {differing:?}"
    );
}

fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    for policy in AwsPolicy::all() {
        let id = if policy.has_made_up_id() { "made up" } else { "AWS's" };
        let day = policy.updated.split('T').next().unwrap();
        let path = format!("{}{}", policy.path, policy.name);
        writeln!(page, "| `{}` | v{} | {day} | {id} |", path.trim_start_matches('/'), policy.version).unwrap();
    }
    page + END
}

const INTRODUCTION: &str = "\
# AWS managed policies

The policies of AWS that brevet has, each under the ARN that it has at AWS: `arn:aws:iam::aws:policy/` and what stands in the first
column. An installation with another partition has them under `arn:PARTITION:iam::aws:policy/`, and the ARNs in their documents
name that partition as well.

They can be attached to users, groups and roles, be a boundary, and bound the session of an assumed role. They count towards the
quota of attached policies, and `AttachmentCount` counts the uses of one account. Nobody can change, tag or delete them:
`AccessDenied` says so. A policy of your own may have the same name, because its ARN names your account.

Documents, versions and dates are AWS's as of November 2026. Of each policy there is the version in force and no older one. A newer
brevet may bring newer versions, as AWS does without asking; the change then holds for everything that the policy is attached to. An
ARN below `iam::aws:policy/` that is not listed here answers `NoSuchEntity`. If an entity has a policy that this version of brevet
does not know, because a newer one attached it, then nothing is decided about the entity until that policy is known or detached.

The documents name actions of services that brevet does not have: they take effect when such a service
[asks](policy.md#questions-at-the-authzen-door).

This page is made from `src/identity/aws_managed/table.rs`; a test compares them.

| policy | version | of | `PolicyId` |
|---|---|---|---|
";

const END: &str = "
## Which policies open a service

`ListPoliciesGrantingServiceAccess` names, for each service, the policies of a user, group or role that allow any of its actions, be
they AWS's or your own, attached or inline; of a user those of its groups too. It does not weigh them: what a denial, a boundary or a
condition takes away again is told by [the simulator](policy.md#simulating).

```sh
aws iam create-group --group-name auditors
aws iam attach-group-policy --group-name auditors --policy-arn arn:aws:iam::aws:policy/SecurityAudit
aws iam list-policies --scope AWS --only-attached --query 'Policies[].[PolicyName,AttachmentCount]' --output text |
  grep -P 'SecurityAudit\\t1'
AUDITORS=$(aws iam get-group --group-name auditors --query Group.Arn --output text)
aws iam list-policies-granting-service-access --arn \"$AUDITORS\" --service-namespaces s3 \\
  --query 'PoliciesGrantingServiceAccess[].Policies[].PolicyName' --output text | grep SecurityAudit
aws iam detach-group-policy --group-name auditors --policy-arn arn:aws:iam::aws:policy/SecurityAudit
aws iam delete-group --group-name auditors
```
";
