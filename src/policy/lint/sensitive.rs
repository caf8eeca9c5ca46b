//! Permissions that lead to others: passing roles to services, and making service-linked roles.
//!
//! Source: IAM User Guide, `id_roles_use_passrole`, `id_roles_create-service-linked-role`.

use super::Checker;
use super::code::IssueCode;
use super::read::{Item, Listed, Statement};
use super::wildcard;
use crate::policy::document::Kind;

pub(super) fn check(checker: &mut Checker, statement: &Statement<'_>) {
    let identity = matches!(checker.kind, Kind::Identity | Kind::Boundary | Kind::Session);
    let (true, true, Some(actions), Some(resources)) =
        (identity, statement.allows(), &statement.actions, &statement.resources)
    else {
        return;
    };
    for permission in [&PASS_ROLE, &CREATE_SERVICE_LINKED_ROLE] {
        if !statement.reads(permission.limited_by) {
            permission.check(checker, actions, resources);
        }
    }
}

struct Permission {
    /// In lower case.
    action: &'static str,
    /// The condition key, in lower case, that says which service the role is for.
    limited_by: &'static str,
    /// What the names of the roles begin with.
    roles: &'static [&'static str],
    /// By how the action is allowed (by name, by a wildcard, by `NotAction`) and the resource (`NotResource`, a wildcard).
    findings: [[(IssueCode, &'static str); 2]; 3],
}

const PASS_ROLE: Permission = Permission {
    action: "iam:passrole",
    limited_by: "iam:passedtoservice",
    roles: &["role/"],
    findings: [
        [
            (
                IssueCode::PassRoleWithNotResource,
                "Using the iam:PassRole action with NotResource can be overly permissive because it can allow iam:PassRole permissions on multiple resources. We recommend that you specify resource ARNs instead.",
            ),
            (
                IssueCode::PassRoleWithStarInResource,
                "Using the iam:PassRole action with wildcards (*) in the resource can be overly permissive because it allows iam:PassRole permissions on multiple resources. We recommend that you specify resource ARNs or add the iam:PassedToService condition key to your statement.",
            ),
        ],
        [
            (
                IssueCode::PassRoleWithStarInActionAndNotResource,
                "Using an action with a wildcard (*) and NotResource can be overly permissive because it can allow iam:PassRole permissions on multiple resources. We recommend that you specify resource ARNs instead.",
            ),
            (
                IssueCode::PassRoleWithStarInActionAndResource,
                "Using wildcards (*) in the action and the resource can be overly permissive because it allows iam:PassRole permissions on all resources. We recommend that you specify resource ARNs or add the iam:PassedToService condition key to your statement.",
            ),
        ],
        [
            (
                IssueCode::PassRoleWithNotActionAndNotResource,
                "Using NotAction with NotResource can be overly permissive because it can allow iam:PassRole permissions on multiple resources.. We recommend that you specify resource ARNs instead.",
            ),
            (
                IssueCode::PassRoleWithStarInResourceAndNotAction,
                "Using a resource with wildcards (*) and NotAction can be overly permissive because it allows iam:PassRole permissions on all resources. We recommend that you specify resource ARNs or add the iam:PassedToService condition key to your statement.",
            ),
        ],
    ],
};

const CREATE_SERVICE_LINKED_ROLE: Permission = Permission {
    action: "iam:createservicelinkedrole",
    limited_by: "iam:awsservicename",
    roles: &["role/aws-service-role/", "role/"],
    findings: [
        [
            (
                IssueCode::CreateSlrWithNotResource,
                "Using the iam:CreateServiceLinkedRole action with NotResource can allow creation of unintended service-linked roles for multiple resources. We recommend that you specify resource ARNs instead.",
            ),
            (
                IssueCode::CreateSlrWithStarInResource,
                "Using the iam:CreateServiceLinkedRole action with wildcards (*) in the resource can allow creation of unintended service-linked roles. We recommend that you specify resource ARNs instead.",
            ),
        ],
        [
            (
                IssueCode::CreateSlrWithStarInActionAndNotResource,
                "Using an action with a wildcard(*) and NotResource can allow creation of unintended service-linked roles because it can allow iam:CreateServiceLinkedRole permissions on multiple resources. We recommend that you specify resource ARNs instead.",
            ),
            (
                IssueCode::CreateSlrWithStarInActionAndResource,
                "Using wildcards (*) in the action and the resource can allow creation of unintended service-linked roles because it allows iam:CreateServiceLinkedRole permissions on all resources. We recommend that you specify resource ARNs instead.",
            ),
        ],
        [
            (
                IssueCode::CreateSlrWithNotActionAndNotResource,
                "Using NotAction with NotResource can allow creation of unintended service-linked roles because it allows iam:CreateServiceLinkedRole permissions on multiple resources. We recommend that you specify resource ARNs instead.",
            ),
            (
                IssueCode::CreateSlrWithStarInResourceAndNotAction,
                "Using a resource with wildcards (*) and NotAction can allow creation of unintended service-linked roles because it allows iam:CreateServiceLinkedRole permissions on all resources. We recommend that you specify resource ARNs instead.",
            ),
        ],
    ],
};

impl Permission {
    fn check(&self, checker: &mut Checker, actions: &Listed<'_>, resources: &Listed<'_>) {
        let reaching = |item: &&Item<'_>| wildcard::covers(&item.text.to_ascii_lowercase(), self.action);
        let open = resources.values.iter().find(|item| self.is_open(item.text));
        let resource = match open {
            _ if resources.negated => &resources.place,
            Some(item) => &item.place,
            None => return,
        };
        let by_name = actions.values.iter().find(|item| item.text.eq_ignore_ascii_case(self.action));
        let (manner, action) = match (actions.values.iter().find(reaching), by_name) {
            (None, _) if actions.negated => (2, &actions.place),
            (Some(_), _) if actions.negated => return,
            (_, Some(item)) => (0, &item.place),
            (Some(item), None) => (1, &item.place),
            (None, None) => return,
        };
        let [of_not_resource, of_star] = self.findings[manner];
        let (code, details) = if resources.negated { of_not_resource } else { of_star };
        checker.report.note(code, details, action).and_at(resource);
    }

    /// Whether a resource leaves open which role it is, from the first letter of its name.
    fn is_open(&self, resource: &str) -> bool {
        if resource == "*" {
            return true;
        }
        let parts: Vec<&str> = resource.splitn(6, ':').collect();
        match parts.as_slice() {
            ["arn", _, service, _, _, name] => {
                let named = self.roles.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
                wildcard::covers(service, "iam") && named.starts_with('*')
            }
            // Fewer parts: an asterisk stands for what is missing.
            ["arn", _, service, ..] => wildcard::covers(service, "iam"),
            ["arn", partition] => partition.ends_with('*'),
            _ => false,
        }
    }
}
