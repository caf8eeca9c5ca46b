//! Amazon Resource Names: taken apart, and made for the entities of an installation.
//!
//! Source: "IAM ARNs" in the IAM user guide, `reference_identifiers.html`.

use std::fmt;
use std::str::FromStr;

use super::{AccountId, EntityPath, OidcIssuer};

/// `arn:partition:service:region:account:resource`; region and account may be empty.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arn {
    text: String,
    /// Byte offsets of the first five colons.
    colons: [usize; 5],
}

impl Arn {
    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `aws`, or whatever the installation calls itself.
    pub fn partition(&self) -> &str {
        self.part(0, 1)
    }

    /// `iam`, `sts`, or a service of the operator's own.
    pub fn service(&self) -> &str {
        self.part(1, 2)
    }

    /// The region, empty where the resource belongs to none.
    pub fn region(&self) -> &str {
        self.part(2, 3)
    }

    /// The account that owns the resource, where the ARN names one.
    pub fn account(&self) -> Option<AccountId> {
        self.owner().parse().ok()
    }

    /// Who owns the resource: an account, `aws`, or nobody.
    pub fn owner(&self) -> &str {
        self.part(3, 4)
    }

    /// All that follows the fifth colon, such as `user/division/alice`.
    pub fn resource(&self) -> &str {
        self.text.get(self.colons[4] + 1..).unwrap_or_default()
    }

    /// Of a resource `kind/path/name`: what follows `kind/`, if `kind` is right.
    pub fn resource_of_kind(&self, kind: &str) -> Option<&str> {
        self.resource().strip_prefix(kind)?.strip_prefix('/')
    }

    /// Of a resource `kind/path/name`: its last segment, if `kind` is right.
    pub fn name_of_kind(&self, kind: &str) -> Option<&str> {
        self.resource_of_kind(kind)?.rsplit('/').next()
    }

    fn part(&self, from: usize, to: usize) -> &str {
        self.text.get(self.colons[from] + 1..self.colons[to]).unwrap_or_default()
    }
}

impl FromStr for Arn {
    type Err = InvalidArn;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.starts_with("arn:") || text.len() > 2048 {
            return Err(InvalidArn);
        }
        let mut colons = [0; 5];
        let mut next = 0;
        for slot in &mut colons {
            let rest = text.as_bytes().get(next..).unwrap_or_default();
            *slot = next + rest.iter().position(|byte| *byte == b':').ok_or(InvalidArn)?;
            next = *slot + 1;
        }
        let [scheme, partition, service, _, account] = colons;
        // Neither partition nor service nor resource is empty.
        if partition == scheme + 1 || service == partition + 1 || account + 1 == text.len() {
            return Err(InvalidArn);
        }
        Ok(Self { text: text.to_owned(), colons })
    }
}

/// The text does not have the six parts of an ARN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an ARN has the form arn:partition:service:region:account:resource")]
pub struct InvalidArn;

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl serde::Serialize for Arn {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> serde::Deserialize<'de> for Arn {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What an installation calls itself: the partition and region of the ARNs that it makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realm {
    /// The partition, `aws` by default.
    pub partition: String,
    /// The region that the broker names itself by, `us-east-1` by default. Requests may be signed for any.
    pub region: String,
}

impl Realm {
    /// `arn:aws:iam::ACCOUNT:root`
    pub fn root(&self, account: AccountId) -> Arn {
        self.iam(account, "root")
    }

    /// `arn:aws:iam::ACCOUNT:user/path/name`
    pub fn user(&self, account: AccountId, path: &EntityPath, name: &str) -> Arn {
        self.iam(account, &format!("user{}{name}", path.as_str()))
    }

    /// `arn:aws:iam::ACCOUNT:group/path/name`
    pub fn group(&self, account: AccountId, path: &EntityPath, name: &str) -> Arn {
        self.iam(account, &format!("group{}{name}", path.as_str()))
    }

    /// `arn:aws:iam::ACCOUNT:role/path/name`
    pub fn role(&self, account: AccountId, path: &EntityPath, name: &str) -> Arn {
        self.iam(account, &format!("role{}{name}", path.as_str()))
    }

    /// `arn:aws:iam::ACCOUNT:policy/path/name`
    pub fn policy(&self, account: AccountId, path: &EntityPath, name: &str) -> Arn {
        self.iam(account, &format!("policy{}{name}", path.as_str()))
    }

    /// `arn:aws:iam::aws:policy/path/name`
    pub fn aws_policy(&self, path: &str, name: &str) -> Arn {
        self.made("iam", "aws", &format!("policy{path}{name}"))
    }

    /// `arn:aws:iam::ACCOUNT:access-report/o-…/r-…`: a report about an organization or a part of it, by its path.
    pub fn access_report(&self, account: AccountId, path: &str) -> Arn {
        self.iam(account, &format!("access-report/{path}"))
    }

    /// `arn:aws:iam::ACCOUNT:instance-profile/path/name`
    pub fn instance_profile(&self, account: AccountId, path: &EntityPath, name: &str) -> Arn {
        self.iam(account, &format!("instance-profile{}{name}", path.as_str()))
    }

    /// `arn:aws:iam::ACCOUNT:server-certificate/path/name`
    pub fn server_certificate(&self, account: AccountId, path: &EntityPath, name: &str) -> Arn {
        self.iam(account, &format!("server-certificate{}{name}", path.as_str()))
    }

    /// `arn:aws:iam::ACCOUNT:mfa/path/name`
    pub fn virtual_mfa(&self, account: AccountId, path: &EntityPath, name: &str) -> Arn {
        self.iam(account, &format!("mfa{}{name}", path.as_str()))
    }

    /// `arn:aws:iam::ACCOUNT:oidc-provider/host/path`
    pub fn oidc_provider(&self, account: AccountId, issuer: &OidcIssuer) -> Arn {
        self.iam(account, &format!("oidc-provider/{issuer}"))
    }

    /// `arn:aws:iam::ACCOUNT:saml-provider/name`
    pub fn saml_provider(&self, account: AccountId, name: &str) -> Arn {
        self.iam(account, &format!("saml-provider/{name}"))
    }

    /// `arn:aws:sts::ACCOUNT:assumed-role/role/session`; the role's path is left out, as AWS leaves it out.
    pub fn assumed_role(&self, account: AccountId, role: &str, session: &str) -> Arn {
        self.made("sts", &account.to_string(), &format!("assumed-role/{role}/{session}"))
    }

    /// `arn:aws:sts::ACCOUNT:federated-user/name`
    pub fn federated_user(&self, account: AccountId, name: &str) -> Arn {
        self.made("sts", &account.to_string(), &format!("federated-user/{name}"))
    }

    /// Whoever calls, as the resource of what it asks for itself: `arn:aws:sts::111122223333:self`.
    pub fn own_session(&self, account: AccountId) -> Arn {
        self.made("sts", &account.to_string(), "self")
    }

    fn iam(&self, account: AccountId, resource: &str) -> Arn {
        self.made("iam", &account.to_string(), resource)
    }

    fn made(&self, service: &str, owner: &str, resource: &str) -> Arn {
        let head = format!("arn:{}:{service}:", self.partition);
        let third = head.len() - 1;
        let second = third - service.len() - 1;
        let text = format!("{head}:{owner}:{resource}");
        Arn { colons: [3, second, third, third + 1, third + 2 + owner.len()], text }
    }
}

impl Default for Realm {
    fn default() -> Self {
        Self { partition: "aws".to_owned(), region: "us-east-1".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_arns_read_back_the_same() {
        let account = "123456789012".parse().expect("account");
        let path: EntityPath = "/division/".parse().expect("path");
        for partition in ["aws", "aws-cn"] {
            let realm = Realm { partition: partition.into(), ..Realm::default() };
            for arn in [realm.root(account), realm.user(account, &path, "alice"), realm.assumed_role(account, "r", "s")]
            {
                assert_eq!(arn.as_str().parse::<Arn>().as_ref(), Ok(&arn));
                assert_eq!(arn.account(), Some(account));
                assert_eq!(arn.partition(), partition);
            }
            assert_eq!(realm.user(account, &path, "alice").name_of_kind("user"), Some("alice"));
        }
    }

    #[test]
    fn what_is_not_an_arn_is_refused() {
        for text in [
            "",
            "arn:",
            "arn:aws:iam::123456789012",
            "arn:aws:iam:::",
            "arn::iam::123456789012:root",
            "urn:aws:a:b:c:d",
        ] {
            assert_eq!(text.parse::<Arn>(), Err(InvalidArn), "{text}");
        }
    }
}
