//! The global condition keys of a request, as AWS names them.
//!
//! Source: "AWS global condition context keys", `reference_policies_condition-keys.html`.

use std::net::IpAddr;

use super::principal::CompiledPrincipal;
use super::subject::{Identity, Subject};
use crate::clock::Timestamp;
use crate::policy::{Context, Fact, Facts, Key, Principal};

/// What is known of the request itself, whoever makes it.
#[derive(Clone, Debug)]
pub struct RequestFacts {
    /// When it arrived.
    pub now: Timestamp,
    /// Where it came from; `None` where nobody knows (a question about another's request).
    pub source_ip: Option<IpAddr>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// Whether it came over TLS.
    pub secure_transport: Option<bool>,
    /// The region that it was signed for.
    pub region: Option<String>,
    /// When the caller proved a second factor in this very request.
    pub mfa_now: Option<Timestamp>,
}

/// The condition keys of a request, each looked up when a policy asks for it: those of the operation, facts of the request, of
/// the principal and of its session.
#[derive(Debug)]
pub(super) struct RequestKeys<'a> {
    pub(super) facts: &'a RequestFacts,
    pub(super) subject: &'a Subject,
    pub(super) compiled: &'a CompiledPrincipal,
    pub(super) principal: &'a Principal,
    pub(super) operation: &'a Context,
}

impl Facts for RequestKeys<'_> {
    fn fact(&self, key: &Key) -> Option<Fact<'_>> {
        self.operation.fact(key).or_else(|| {
            let name = key.name().strip_prefix("aws:")?;
            self.of_request(name).or_else(|| self.of_principal(name)).or_else(|| self.of_session(name))
        })
    }
}

/// Names are in lower case and without their `aws:`.
impl RequestKeys<'_> {
    fn of_request(&self, name: &str) -> Option<Fact<'_>> {
        match name {
            "currenttime" => Some(Fact::Time(self.facts.now)),
            "epochtime" => Some(Fact::Number(self.facts.now.seconds())),
            "viaawsservice" => Some(Fact::Bool(false)),
            "sourceip" => self.facts.source_ip.map(Fact::Ip),
            "useragent" => self.facts.user_agent.as_deref().map(Fact::Text),
            "securetransport" => self.facts.secure_transport.map(Fact::Bool),
            "requestedregion" => self.facts.region.as_deref().map(Fact::Text),
            _ => None,
        }
    }

    fn of_principal(&self, name: &str) -> Option<Fact<'_>> {
        match name {
            // For a session of a role AWS compares the role's ARN, not the session's.
            "principalarn" => Some(Fact::Text(self.compiled.arn.as_str())),
            "principalaccount" => Some(Fact::Text(&self.principal.account)),
            "principalisawsservice" => Some(Fact::Bool(false)),
            "userid" => Some(Fact::Text(&self.principal.unique_id)),
            "principaltype" => Some(Fact::Text(match self.subject.identity {
                Identity::Root => "Account",
                Identity::User(_) => "User",
                Identity::Role(_) => "AssumedRole",
            })),
            "username" => self.compiled.user_name.as_deref().map(Fact::Text),
            _ => self.tag(name.strip_prefix("principaltag/")?),
        }
    }

    /// The session's tags hide the entity's own.
    fn tag(&self, key: &str) -> Option<Fact<'_>> {
        let session = self.subject.session.iter().flat_map(|session| session.tags.iter());
        let mut tags = session.chain(self.compiled.tags.iter());
        tags.find(|tag| tag.key.eq_ignore_ascii_case(key)).map(|tag| Fact::Text(&tag.value))
    }

    fn of_session(&self, name: &str) -> Option<Fact<'_>> {
        let session = self.subject.session.as_ref();
        // Long-lived keys carry no such key at all, which is why AWS tells policies to use BoolIfExists.
        let proven = self.facts.mfa_now.or(session.and_then(|session| session.mfa));
        match name {
            "multifactorauthpresent" if session.is_some() || proven.is_some() => Some(Fact::Bool(proven.is_some())),
            "multifactorauthage" => proven.map(|at| Fact::Number(self.facts.now.seconds() - at.seconds())),
            "tokenissuetime" => session.map(|session| Fact::Time(session.issued)),
            "sourceidentity" => session.and_then(|session| session.source_identity.as_deref()).map(Fact::Text),
            _ => None,
        }
    }
}
