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
    /// Whether the trust policies of roles decide about an action, in any case.
    pub fn is_of_trust(action: &str) -> bool {
        TRUST_ACTIONS.iter().any(|known| action.eq_ignore_ascii_case(known))
    }

    /// The rule for an action, in any case, on a resource.
    pub fn of(action: &str, resource: &str) -> ResourceRule {
        // Most resources are of neither service, and are not looked at to their end.
        let Some((service, rest)) = service_of_three_letters(resource) else { return ResourceRule::Suffices };
        let begins = |wanted: &str| {
            let name = rest.splitn(3, ':').nth(2).unwrap_or_default();
            name.get(..wanted.len()).is_some_and(|start| start.eq_ignore_ascii_case(wanted))
        };
        // In any case: what only looks like an ordinary resource must not pass for one.
        if service.eq_ignore_ascii_case("iam") {
            if Self::is_of_trust(action) && begins("role/") { ResourceRule::Trust } else { ResourceRule::Suffices }
        } else if service.eq_ignore_ascii_case("kms") && begins("key/") && !is_own(action) {
            ResourceRule::Required
        } else {
            ResourceRule::Suffices
        }
    }
}

/// Whether an action is on what the broker itself keeps of a resource: who may say what a key's policy is cannot be the key's policy's to
/// say, or the first one could never be stored.
fn is_own(action: &str) -> bool {
    const OWN: &str = "brevet:";
    action.get(..OWN.len()).is_some_and(|service| service.eq_ignore_ascii_case(OWN))
}

/// Of an ARN whose service has a name of three letters: the service, and what follows the colon behind it.
fn service_of_three_letters(resource: &str) -> Option<(&str, &str)> {
    let behind_scheme = resource.get(..4).filter(|scheme| scheme.eq_ignore_ascii_case("arn:")).map(|_| 4)?;
    // Partitions are short: looking byte by byte is quicker than a search that gets ready for long texts.
    let colon = resource.bytes().skip(behind_scheme).position(|byte| byte == b':')?;
    let service = behind_scheme + colon + 1;
    let rest = service + 3;
    if resource.as_bytes().get(rest) != Some(&b':') {
        return None;
    }
    Some((resource.get(service..rest)?, resource.get(rest + 1..)?))
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
            ("brevet:PutResource", "arn:aws:kms:eu-west-1:111122223333:key/k", ResourceRule::Suffices),
            ("brevetx:Put", "arn:aws:kms:eu-west-1:111122223333:key/k", ResourceRule::Required),
            ("kms:CreateAlias", "arn:aws:kms:eu-west-1:111122223333:alias/a", ResourceRule::Suffices),
            ("kms:ListKeys", "*", ResourceRule::Suffices),
            ("sts:AssumeRole", "*", ResourceRule::Suffices),
            ("kms:Decrypt", "ARN:aws:Kms:::KEY/k", ResourceRule::Required),
            ("kms:Decrypt", "arn::kms:::key/k", ResourceRule::Required),
            ("kms:Decrypt", "arn:aws:kms:key/k", ResourceRule::Suffices),
            ("kms:Decrypt", "arn:aws:kmsx:::key/k", ResourceRule::Suffices),
            ("kms:Decrypt", "arn:aws:km\u{e9}:::key/k", ResourceRule::Suffices),
            ("kms:Decrypt", "ar\u{e9}:kms:::key/k", ResourceRule::Suffices),
            ("kms:Decrypt", "arn:aws:kms", ResourceRule::Suffices),
            ("kms:Decrypt", "arn", ResourceRule::Suffices),
        ] {
            assert_eq!(ResourceRule::of(action, resource), rule, "{action} {resource}");
        }
    }
}
