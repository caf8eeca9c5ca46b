//! How much weight the policy of a resource has.
//!
//! Source: IAM User Guide, `reference_policies_evaluation-logic` ("IAM role trust policies and KMS key policies are exceptions").

/// What the policy of a resource decides within one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ResourceRule {
    /// It can allow, and so can the principal's own policies.
    #[default]
    Suffices,
    /// It must allow in any case: the key policy of a KMS key.
    Required,
    /// It must allow in any case: the trust policy of a role.
    Trust,
}

/// The actions that a trust policy decides about.
const TRUST_ACTIONS: [&str; 6] = [
    "sts:assumerole",
    "sts:assumerolewithsaml",
    "sts:assumerolewithwebidentity",
    "sts:setcontext",
    "sts:setsourceidentity",
    "sts:tagsession",
];

impl ResourceRule {
    /// The rule for an action, in any case, on a resource.
    pub fn of(action: &str, resource: &str) -> ResourceRule {
        let mut parts = resource.splitn(6, ':');
        let (arn, _partition, service) = (parts.next(), parts.next(), parts.next());
        // Most resources are of neither service, and need not be looked at to their end.
        if service.is_none_or(|service| service.len() != 3) {
            return ResourceRule::Suffices;
        }
        let name = parts.nth(2).unwrap_or_default();
        // In any case: what only looks like an ordinary resource must not pass for one.
        let same = |text: Option<&str>, wanted: &str| text.is_some_and(|text| text.eq_ignore_ascii_case(wanted));
        let begins = |wanted: &str| same(name.get(..wanted.len()), wanted);
        if !same(arn, "arn") {
            ResourceRule::Suffices
        } else if same(service, "iam") && begins("role/") && TRUST_ACTIONS.iter().any(|a| same(Some(action), a)) {
            ResourceRule::Trust
        } else if same(service, "kms") && begins("key/") {
            ResourceRule::Required
        } else {
            ResourceRule::Suffices
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_and_keys_are_the_exceptions() {
        for (action, resource, rule) in [
            ("sts:AssumeRole", "arn:aws:iam::111122223333:role/a/r", ResourceRule::Trust),
            ("sts:AssumeRole", "arn:aws:IAM::111122223333:Role/r", ResourceRule::Trust),
            ("STS:TagSession", "arn:aws-cn:iam::111122223333:role/r", ResourceRule::Trust),
            ("iam:GetRole", "arn:aws:iam::111122223333:role/r", ResourceRule::Suffices),
            ("sts:AssumeRole", "arn:aws:iam::111122223333:user/u", ResourceRule::Suffices),
            ("kms:Decrypt", "arn:aws:kms:eu-west-1:111122223333:key/k", ResourceRule::Required),
            ("kms:CreateAlias", "arn:aws:kms:eu-west-1:111122223333:alias/a", ResourceRule::Suffices),
            ("kms:ListKeys", "*", ResourceRule::Suffices),
            ("sts:AssumeRole", "*", ResourceRule::Suffices),
        ] {
            assert_eq!(ResourceRule::of(action, resource), rule, "{action} {resource}");
        }
    }
}
