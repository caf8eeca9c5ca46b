//! Principals by their names, for whoever asks about a request that was never made.
//!
//! Source: IAM User Guide, `reference_policies_elements_principal`, `reference_identifiers`.

use super::context::Context;
use super::principal::{Principal, PrincipalKind};

impl Principal {
    /// The principal of a name: an ARN (of a user, a role, an assumed role, a federated user, an account's root or an identity
    /// provider), the twelve digits of an account for its root user, the name of a service or of an OpenID Connect provider, or
    /// `*` and `anonymous` for nobody in particular. What a name cannot say stays empty: the unique id.
    ///
    /// # Errors
    /// The text is no such name.
    pub fn named(name: &str) -> Result<Principal, String> {
        let no_name = || format!("`{name}` is no principal: give an ARN, an account, the name of a service, or `*`");
        if let Some(arn) = name.strip_prefix("arn:") {
            let mut parts = arn.splitn(5, ':');
            let (partition, service, region) = (parts.next(), parts.next(), parts.next());
            let (Some(account), Some(resource)) = (parts.next(), parts.next()) else { return Err(no_name()) };
            let (Some(partition), Some(service), Some("")) = (partition, service, region) else {
                return Err(no_name());
            };
            return of_arn(name, partition, service, account, resource).ok_or_else(no_name);
        }
        let outside = |kind| Principal { kind, ..plain(PrincipalKind::Anonymous, "", name) };
        match name {
            "*" | "anonymous" => Ok(plain(PrincipalKind::Anonymous, "", "")),
            _ if is_account(name) => Ok(root(name, &format!("arn:aws:iam::{name}:root"))),
            "cognito-identity.amazonaws.com" => Ok(outside(PrincipalKind::Federated)),
            _ if name.contains('.') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/:".contains(&b)) => {
                let service =
                    [".amazonaws.com", ".amazonaws.com.cn", ".amazon.com"].iter().any(|end| name.ends_with(end));
                let login = name == "www.amazon.com";
                Ok(outside(if service && !login { PrincipalKind::Service } else { PrincipalKind::Federated }))
            }
            _ => Err(no_name()),
        }
    }

    /// The condition keys that IAM derives from who asks, as far as the name says them.
    pub fn own_keys(&self) -> Context {
        let mut context = Context::new();
        context.set("aws:PrincipalIsAWSService", self.kind == PrincipalKind::Service);
        if !self.account.is_empty() {
            context.set("aws:PrincipalAccount", self.account.as_str());
            let arn = if self.kind == PrincipalKind::AssumedRole { self.issuer_arn.as_deref() } else { None };
            context.set("aws:PrincipalArn", arn.unwrap_or(&self.arn));
        }
        let kind = match self.kind {
            PrincipalKind::Root => Some("Account"),
            PrincipalKind::User => Some("User"),
            PrincipalKind::AssumedRole => Some("AssumedRole"),
            PrincipalKind::FederatedUser => Some("FederatedUser"),
            PrincipalKind::Anonymous => Some("Anonymous"),
            PrincipalKind::Federated | PrincipalKind::Service => None,
        };
        if let Some(kind) = kind {
            context.set("aws:PrincipalType", kind);
        }
        match (self.kind, self.arn.rsplit('/').next()) {
            (PrincipalKind::User, Some(name)) => context.set("aws:username", name),
            (PrincipalKind::Service, _) => context.set("aws:PrincipalServiceName", self.arn.as_str()),
            _ => {}
        }
        if !self.unique_id.is_empty() {
            context.set("aws:userid", self.unique_id.as_str());
        }
        context
    }
}

fn of_arn(arn: &str, partition: &str, service: &str, account: &str, resource: &str) -> Option<Principal> {
    if !is_account(account) {
        return None;
    }
    let (kind, name) = resource.split_once('/').unwrap_or((resource, ""));
    if kind != "root" && (name.is_empty() || name.starts_with('/') || name.ends_with('/')) {
        return None;
    }
    Some(match (service, kind) {
        ("iam", "root") if name.is_empty() => root(account, arn),
        ("iam", "user") => plain(PrincipalKind::User, account, arn),
        ("iam", "role") => {
            Principal { issuer_arn: Some(arn.to_owned()), ..plain(PrincipalKind::AssumedRole, account, arn) }
        }
        ("iam", "oidc-provider") => {
            Principal { issuer_arn: Some(name.to_owned()), ..plain(PrincipalKind::Federated, "", arn) }
        }
        ("iam", "saml-provider") => plain(PrincipalKind::Federated, "", arn),
        ("sts", "assumed-role") => {
            let (role, _session) = name.split_once('/')?;
            let issuer = format!("arn:{partition}:iam::{account}:role/{role}");
            Principal { issuer_arn: Some(issuer), ..plain(PrincipalKind::AssumedRole, account, arn) }
        }
        ("sts", "federated-user") => {
            Principal { unique_id: format!("{account}:{name}"), ..plain(PrincipalKind::FederatedUser, account, arn) }
        }
        _ => return None,
    })
}

fn root(account: &str, arn: &str) -> Principal {
    Principal { unique_id: account.to_owned(), ..plain(PrincipalKind::Root, account, arn) }
}

fn plain(kind: PrincipalKind, account: &str, arn: &str) -> Principal {
    Principal { kind, account: account.to_owned(), arn: arn.to_owned(), issuer_arn: None, unique_id: String::new() }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_kind_of_principal_they_are_of() {
        for (name, kind, account, issuer) in [
            ("arn:aws:iam::111122223333:user/a/ann", PrincipalKind::User, "111122223333", None),
            (
                "arn:aws-cn:sts::111122223333:assumed-role/r/s",
                PrincipalKind::AssumedRole,
                "111122223333",
                Some("arn:aws-cn:iam::111122223333:role/r"),
            ),
            (
                "arn:aws:iam::111122223333:role/p/r",
                PrincipalKind::AssumedRole,
                "111122223333",
                Some("arn:aws:iam::111122223333:role/p/r"),
            ),
            ("arn:aws:sts::111122223333:federated-user/f", PrincipalKind::FederatedUser, "111122223333", None),
            ("arn:aws:iam::111122223333:root", PrincipalKind::Root, "111122223333", None),
            ("111122223333", PrincipalKind::Root, "111122223333", None),
            ("ec2.amazonaws.com", PrincipalKind::Service, "", None),
            ("accounts.google.com", PrincipalKind::Federated, "", None),
            ("cognito-identity.amazonaws.com", PrincipalKind::Federated, "", None),
            ("arn:aws:iam::111122223333:saml-provider/p", PrincipalKind::Federated, "", None),
            ("*", PrincipalKind::Anonymous, "", None),
        ] {
            let principal = Principal::named(name).unwrap();
            assert_eq!((principal.kind, &*principal.account), (kind, account), "{name}");
            assert_eq!(principal.issuer_arn.as_deref(), issuer, "{name}");
        }
    }

    #[test]
    fn what_is_no_principal_is_refused() {
        for name in [
            "",
            "ann",
            "11112222333",
            "arn:aws:iam::111122223333:group/g",
            "arn:aws:iam::111122223333:user/",
            "arn:aws:sts::111122223333:assumed-role/r",
            "arn:aws:iam:eu:111122223333:user/u",
            "arn:aws:iam::1111:user/u",
            "arn:aws:s3:::b",
            "not a host.name",
        ] {
            assert!(Principal::named(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_name_says_some_condition_keys() {
        let keys = |name: &str| {
            let context = Principal::named(name).unwrap().own_keys();
            let mut keys: Vec<String> =
                context.iter().map(|(key, value)| format!("{key}={}", value.as_text())).collect();
            keys.sort();
            keys
        };
        assert_eq!(
            keys("arn:aws:iam::111122223333:user/a/ann"),
            [
                "aws:principalaccount=111122223333",
                "aws:principalarn=arn:aws:iam::111122223333:user/a/ann",
                "aws:principalisawsservice=false",
                "aws:principaltype=User",
                "aws:username=ann",
            ]
        );
        assert_eq!(
            keys("arn:aws:sts::111122223333:assumed-role/r/s"),
            [
                "aws:principalaccount=111122223333",
                "aws:principalarn=arn:aws:iam::111122223333:role/r",
                "aws:principalisawsservice=false",
                "aws:principaltype=AssumedRole",
            ]
        );
        assert_eq!(
            keys("sns.amazonaws.com"),
            ["aws:principalisawsservice=true", "aws:principalservicename=sns.amazonaws.com"]
        );
        assert_eq!(keys("*"), ["aws:principalisawsservice=false", "aws:principaltype=Anonymous"]);
    }
}
