//! Trust policies: which principals may use which of the operations that assume a role, and how far they must be told apart.
//!
//! Source: IAM User Guide, `id_roles_create_for-idp_oidc`, `id_roles_create_for-idp_saml`; STS API Reference,
//! `AssumeRole`, `AssumeRoleWithSAML`, `AssumeRoleWithWebIdentity`; IAM Roles Anywhere User Guide, `trust-model`.

use std::collections::HashSet;

use super::Checker;
use super::code::IssueCode;
use super::principal::{Principals, Provider, provider};
use super::read::{Item, Statement};
use super::wildcard;
use crate::policy::document::Kind;

const GITHUB: &str = "token.actions.githubusercontent.com";
const ROLES_ANYWHERE: &str = "rolesanywhere.amazonaws.com";

pub(super) fn check(checker: &mut Checker, statement: &Statement<'_>) {
    let (Kind::Trust, Some(principals)) = (checker.kind, &statement.principals) else { return };
    if principals.negated {
        let details =
            "Role trust policies do not support NotPrincipal. Update the policy to use a Principal element instead.";
        checker.report.note(IssueCode::RoleTrustPolicySyntaxErrorNotprincipal, details, &principals.place);
        return;
    }
    parents(checker, principals);
    if let Some(actions) = statement.actions.as_ref().filter(|actions| !actions.negated) {
        for name in ["sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"] {
            let action = actions.values.iter().find(|item| item.text.eq_ignore_ascii_case(name));
            action.into_iter().for_each(|action| mismatched(checker, name, action, principals));
        }
    }
    if statement.allows() {
        providers(checker, statement, principals);
        repositories(checker, statement);
        actions_of_keys(checker, statement);
    }
}

/// What the service of certificates needs, which may be spread over statements.
pub(super) fn roles_anywhere(checker: &mut Checker, statements: &[Statement<'_>]) {
    if checker.kind != Kind::Trust {
        return;
    }
    let named = |statement: &&Statement<'_>| {
        let services = statement.principals.iter().filter(|p| !p.negated).flat_map(|p| &p.services);
        statement.allows() && services.into_iter().any(|item| item.text == ROLES_ANYWHERE)
    };
    let about: Vec<&Statement<'_>> = statements.iter().filter(named).collect();
    let Some(principals) = about.first().and_then(|statement| statement.principals.as_ref()) else { return };
    let permits = |action: &&str| about.iter().any(|statement| permits(statement, action));
    if !["sts:assumerole", "sts:setsourceidentity", "sts:tagsession"].iter().all(permits) {
        let details = "The rolesanywhere.amazonaws.com service principal requires the sts:AssumeRole, sts:SetSourceIdentity, and sts:TagSession permissions to assume a role. Add the missing permissions to the policy.";
        checker.report.note(IssueCode::MissingActionForRolesAnywhereTrustPolicy, details, &principals.place);
    }
}

/// Whether the statement is about the action, given in lower case.
fn permits(statement: &Statement<'_>, action: &str) -> bool {
    statement.actions.as_ref().is_some_and(|actions| {
        actions.negated != actions.values.iter().any(|item| wildcard::covers(&item.text.to_ascii_lowercase(), action))
    })
}

/// A session beside its role says nothing that the role does not say.
fn parents(checker: &mut Checker, principals: &Principals<'_>) {
    let named: HashSet<&str> = principals.aws.iter().map(|item| item.text).collect();
    for Item { text, place } in &principals.aws {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, "sts", "", account, resource] = parts.as_slice() else { continue };
        let Some((role, _)) = resource.strip_prefix("assumed-role/").and_then(|rest| rest.split_once('/')) else {
            continue;
        };
        let parent = format!("arn:{partition}:iam::{account}:role/{role}");
        if named.contains(parent.as_str()) {
            let details = format!(
                "The assumed-role principal {text} is redundant with its parent role {parent}. Remove the assumed-role principal."
            );
            checker.report.note(IssueCode::RedundantPrincipalInRoleTrustPolicy, details, place);
        }
    }
}

fn mismatched(checker: &mut Checker, name: &str, action: &Item<'_>, principals: &Principals<'_>) {
    let is_saml = |item: &&Item<'_>| provider(item.text) == Some(Provider::Saml);
    let others = || principals.aws.iter().chain(&principals.services);
    let wrong: Vec<&Item<'_>> = match name {
        "sts:AssumeRole" => principals.federated.iter().collect(),
        "sts:AssumeRoleWithSAML" => others().chain(principals.federated.iter().filter(|i| !is_saml(i))).collect(),
        _ => others().chain(principals.federated.iter().filter(is_saml)).collect(),
    };
    if wrong.is_empty() {
        return;
    }
    let names: Vec<&str> = wrong.iter().map(|item| item.text).collect();
    let details = format!(
        "The {} action is invalid with the following principal(s): {}. Use a SAML provider principal with the sts:AssumeRoleWithSAML action or use an OIDC provider principal with the sts:AssumeRoleWithWebIdentity action. Ensure the provider is Federated if you use either of the two options.",
        action.text,
        names.join(", ")
    );
    let finding = checker.report.note(IssueCode::MismatchedActionForPrincipal, details, &action.place);
    wrong.iter().for_each(|item| {
        finding.and_at(&item.place);
    });
}

/// Whoever signs in at a provider is let in, unless a condition says who.
fn providers(checker: &mut Checker, statement: &Statement<'_>, principals: &Principals<'_>) {
    let told = hosts(statement);
    for Item { text, place } in &principals.federated {
        let Some(Provider::Oidc(name)) = provider(text) else { continue };
        let github = name.eq_ignore_ascii_case(GITHUB);
        if github && !statement.reads(&format!("{GITHUB}:sub")) {
            let details = "Granting a federated GitHub principal permissions without a condition key can allow more sources to assume the role than you intended. Add the token.actions.githubusercontent.com:sub condition key and specify the branch and repository name in the value.";
            checker.report.note(IssueCode::MissingGithubRepoConditionKey, details, place);
        }
        if !github && !told.contains(&name.to_ascii_lowercase()) {
            let details = "Using an Open ID Connect principal without a condition can be overly permissive. Add condition keys with a prefix that matches your federated OIDC principals to ensure that only the intended identity provider assumes the role.";
            checker.report.note(IssueCode::MissingConditionKeyForOidcPrincipal, details, place);
        }
    }
}

/// What condition keys begin with, up to one of their first colons, in lower case: a port and a claim may have one.
fn hosts(statement: &Statement<'_>) -> HashSet<String> {
    const COLONS: usize = 4;
    let keys = statement.conditions.iter().map(|condition| condition.key.to_ascii_lowercase());
    let beginnings = |key: String| {
        let places: Vec<usize> = key.match_indices(':').map(|(at, _)| at).take(COLONS).collect();
        places.into_iter().filter_map(move |at| key.get(..at).map(str::to_owned))
    };
    keys.flat_map(beginnings).collect()
}

/// A subject of GitHub's that leaves the repository open, or the branch where no other key names it.
fn repositories(checker: &mut Checker, statement: &Statement<'_>) {
    let branch_elsewhere = statement.reads(&format!("{GITHUB}:ref"));
    for condition in statement.conditions.iter().filter(|condition| condition.is_about(&format!("{GITHUB}:sub"))) {
        for (value, place) in &condition.values {
            // repo:ORGANIZATION/NAME:WHAT
            let repository: Vec<&str> = value.splitn(3, ':').take(2).collect();
            let open = |part: &str| part.contains(['*', '?']);
            let named = repository.len() == 2 && !repository.iter().any(|part| open(part));
            if open(value) && !(named && branch_elsewhere) {
                let details = "Using a wildcard (*) in token.actions.githubusercontent.com:sub can allow requests from more sources than you intended. Specify the value of token.actions.githubusercontent.com:sub with the repository and branch name. If the subject claim does not include the branch, specify it in a token.actions.githubusercontent.com:ref condition key.";
                checker.report.note(IssueCode::SpecificGithubRepoAndBranchRecommended, details, place);
            }
        }
    }
}

/// Keys that only come with an action which the statement does not allow.
fn actions_of_keys(checker: &mut Checker, statement: &Statement<'_>) {
    let sets_identity = permits(statement, "sts:setsourceidentity");
    let tags = permits(statement, "sts:tagsession");
    for condition in &statement.conditions {
        let of_tags = condition.is_about("sts:transitivetagkeys")
            || condition.key.to_ascii_lowercase().starts_with("aws:requesttag/");
        let action = match () {
            () if condition.is_about("sts:sourceidentity") && !sets_identity => "sts:SetSourceIdentity",
            () if of_tags && !tags => "sts:TagSession",
            () => continue,
        };
        let details = format!(
            "The {action} action must be in the action block to allow setting values for the condition key {}. Add {action} to the action block.",
            condition.key
        );
        checker.report.note(IssueCode::MissingActionForConditionKey, details, &condition.place);
    }
}
