//! What a session token says. Registered claim names are those of RFC 7519, 7800, 8176 and 8693; the broker's own are short,
//! because the token is a header of every request.
//!
//! Which facts a session must carry follows from the condition keys that AWS keeps for a session's life: see "AWS global
//! condition context keys", sections on the principal and on the role session, in the IAM User Guide.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// The claims of a session token. Absent facts are left out of the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionClaims {
    /// Issuer: the broker's own URL.
    pub iss: String,
    /// Subject: the session's ARN, `aws:PrincipalArn`'s session form.
    pub sub: String,
    /// When it was issued, `aws:TokenIssueTime`.
    pub iat: Timestamp,
    /// From when on it is refused.
    pub exp: Timestamp,
    /// Token id: 128 random bits in base64url. The secret is derived from it, and revocation may name it.
    pub jti: String,
    /// How the session came to be.
    pub kind: SessionKind,
    /// The account that it acts in: 12 digits.
    #[serde(rename = "acc")]
    pub account: String,
    /// The unique id of the user or role behind it (`AIDA...`, `AROA...`), or the account's number for its root.
    pub uid: String,
    /// The name of that user or role.
    pub name: String,
    /// `RoleSessionName`, or the name of a federated user.
    #[serde(rename = "sn", default, skip_serializing_if = "Option::is_none")]
    pub session_name: Option<String>,
    /// Proof of possession (RFC 7800): the access key id whose secret must sign every request that carries the token.
    pub cnf: Confirmation,
    /// How the caller authenticated (RFC 8176), with `mfa` among them when two factors were shown: `aws:MultiFactorAuthPresent`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// When the second factor was shown, from which `aws:MultiFactorAuthAge` counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<Timestamp>,
    /// Serial number or ARN of the MFA device that was used.
    #[serde(rename = "mfa", default, skip_serializing_if = "Option::is_none")]
    pub mfa_serial: Option<String>,
    /// Who assumed the role, and who stood behind that (RFC 8693 section 4.1), the latest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
    /// The inline session policy: a policy document in JSON without insignificant white space.
    #[serde(rename = "pol", default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// ARNs of managed policies that are session policies.
    #[serde(rename = "pola", default, skip_serializing_if = "Vec::is_empty")]
    pub policy_arns: Vec<String>,
    /// Session tags, `aws:PrincipalTag/...`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Keys of the tags that pass on to the next role of a chain.
    #[serde(rename = "ttk", default, skip_serializing_if = "Vec::is_empty")]
    pub transitive_tag_keys: Vec<String>,
    /// `aws:SourceIdentity`: set once, and then unchanged through a chain.
    #[serde(rename = "src", default, skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
    /// `aws:FederatedProvider`: the identity provider that vouched for the caller.
    #[serde(rename = "idp", default, skip_serializing_if = "Option::is_none")]
    pub federated_provider: Option<String>,
    /// What that provider's token said, as far as AWS keeps it for a session: the keys `aud`, `sub` and `amr` of its issuer.
    #[serde(rename = "wid", default, skip_serializing_if = "Option::is_none")]
    pub web_identity: Option<Box<WebIdentityClaims>>,
    /// How many roles were assumed from another role's session to get here: 0 for the first. A chained session lives an hour.
    #[serde(rename = "cd", default, skip_serializing_if = "is_zero")]
    pub chain_depth: u8,
    /// What it was made from, the latest first: see [`lineage`](super::lineage). Revocations reach through it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<String>,
    /// When the login ends from which the session descends; it ends then at the latest, and so does what descends from it.
    #[serde(rename = "lexp", default, skip_serializing_if = "Option::is_none")]
    pub login_exp: Option<Timestamp>,
}

/// How a session came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SessionKind {
    /// `GetSessionToken`, or a login, of a user or an account's root.
    #[serde(rename = "st")]
    SessionToken,
    /// One of the `AssumeRole` operations.
    #[serde(rename = "ar")]
    AssumedRole,
    /// `GetFederationToken`.
    #[serde(rename = "fu")]
    FederatedUser,
    /// `AssumeRoot`: an account's root user, for one task.
    #[serde(rename = "rt")]
    AssumedRoot,
}

/// Whom an OpenID Connect provider vouched for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebIdentityClaims {
    /// For whom the token was meant.
    pub aud: Vec<String>,
    /// Whom it was about.
    pub sub: String,
    /// How they had authenticated, in the provider's words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
}

/// RFC 7800 section 3.4: proof of possession by reference to a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The session's access key id, `ASIA...`.
    pub kid: String,
}

/// A link of the chain of those on whose behalf somebody acts (RFC 8693 section 4.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The ARN of who assumed the role.
    pub sub: String,
    /// Who had assumed that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Actor>>,
}

impl SessionClaims {
    /// The session's access key id. It stands in the token once, as what the holder must prove possession of.
    pub fn access_key_id(&self) -> &str {
        &self.cnf.kid
    }

    /// Whether two factors were shown, at whatever time.
    pub fn mfa_present(&self) -> bool {
        self.amr.iter().any(|method| method == "mfa")
    }

    /// How long the session lives in all, in seconds.
    pub fn lifetime(&self) -> i64 {
        self.exp.seconds().saturating_sub(self.iat.seconds())
    }
}

impl Actor {
    /// The chain's first link.
    pub fn new(sub: impl Into<String>) -> Self {
        Self { sub: sub.into(), act: None }
    }

    /// `sub` acting, with `before` behind it.
    pub fn after(sub: impl Into<String>, before: Option<Self>) -> Self {
        Self { sub: sub.into(), act: before.map(Box::new) }
    }

    /// The chain from the latest actor to the first.
    pub fn chain(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(Some(self), |actor| actor.act.as_deref()).map(|actor| actor.sub.as_str())
    }
}

fn is_zero(depth: &u8) -> bool {
    *depth == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bare() -> SessionClaims {
        serde_json::from_str(
            r#"{"iss":"https://b","sub":"arn:aws:sts::111122223333:assumed-role/r/s","iat":1,"exp":3601,"jti":"j",
            "kind":"ar","acc":"111122223333","uid":"AROA1","name":"r","sn":"s","cnf":{"kid":"ASIA1"}}"#,
        )
        .unwrap()
    }

    #[test]
    fn absent_facts_cost_nothing() {
        let claims = bare();
        let json = serde_json::to_string(&claims).unwrap();
        for member in
            ["amr", "auth_time", "mfa", "act", "pol", "pola", "tags", "ttk", "src", "idp", "wid", "cd", "lexp"]
        {
            assert!(!json.contains(&format!("\"{member}\"")), "{member} in {json}");
        }
        assert_eq!(serde_json::from_str::<SessionClaims>(&json).unwrap(), claims);
        assert_eq!((claims.access_key_id(), claims.lifetime(), claims.mfa_present()), ("ASIA1", 3_600, false));
    }

    #[test]
    fn every_fact_reads_back() {
        let claims = SessionClaims {
            amr: vec!["pwd".into(), "otp".into(), "mfa".into()],
            auth_time: Some(Timestamp(7)),
            mfa_serial: Some("arn:aws:iam::111122223333:mfa/alice".into()),
            act: Some(Actor::after("b", Some(Actor::new("a")))),
            policy: Some("{}".into()),
            policy_arns: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".into()],
            tags: [("team".to_owned(), "blue".to_owned())].into(),
            transitive_tag_keys: vec!["team".into()],
            source_identity: Some("alice".into()),
            federated_provider: Some("accounts.example".into()),
            web_identity: Some(Box::new(WebIdentityClaims {
                aud: vec!["app".into()],
                sub: "ann".into(),
                amr: vec!["pwd".into()],
            })),
            chain_depth: 1,
            login_exp: Some(Timestamp(9)),
            ..bare()
        };
        let json = serde_json::to_string(&claims).unwrap();
        assert_eq!(serde_json::from_str::<SessionClaims>(&json).unwrap(), claims);
        assert!(claims.mfa_present());
        assert_eq!(claims.act.unwrap().chain().collect::<Vec<_>>(), ["b", "a"]);
    }
}
