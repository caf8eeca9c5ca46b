//! The global condition keys of a request, as AWS names them.
//!
//! Source: "AWS global condition context keys", `reference_policies_condition-keys.html`.

use std::net::IpAddr;

use super::principal::CompiledPrincipal;
use super::subject::{Identity, Subject};
use crate::clock::Timestamp;
use crate::policy::{Context, Principal};

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

/// The context of a request: facts of the request, of the principal and of its session.
pub(super) fn context(
    facts: &RequestFacts,
    subject: &Subject,
    compiled: &CompiledPrincipal,
    principal: &Principal,
) -> Context {
    let mut context = Context::new();
    of_request(&mut context, facts);
    of_principal(&mut context, subject, compiled, principal);
    of_session(&mut context, facts, subject);
    context
}

fn of_request(context: &mut Context, facts: &RequestFacts) {
    context.set("aws:CurrentTime", facts.now);
    context.set("aws:EpochTime", facts.now.seconds());
    context.set("aws:ViaAWSService", false);
    if let Some(address) = facts.source_ip {
        context.set("aws:SourceIp", address);
    }
    if let Some(agent) = &facts.user_agent {
        context.set("aws:UserAgent", agent.as_str());
    }
    if let Some(secure) = facts.secure_transport {
        context.set("aws:SecureTransport", secure);
    }
    if let Some(region) = &facts.region {
        context.set("aws:RequestedRegion", region.as_str());
    }
}

fn of_principal(context: &mut Context, subject: &Subject, compiled: &CompiledPrincipal, principal: &Principal) {
    // For a session of a role AWS compares the role's ARN, not the session's.
    context.set("aws:PrincipalArn", compiled.arn.as_str());
    context.set("aws:PrincipalAccount", subject.account.to_string());
    context.set("aws:PrincipalIsAWSService", false);
    context.set("aws:userid", principal.unique_id.as_str());
    let kind = match subject.identity {
        Identity::Root => "Account",
        Identity::User(_) => "User",
        Identity::Role(_) => "AssumedRole",
    };
    context.set("aws:PrincipalType", kind);
    if let Some(name) = &compiled.user_name {
        context.set("aws:username", name.as_str());
    }
    for tag in compiled.tags.iter() {
        context.set(&format!("aws:PrincipalTag/{}", tag.key), tag.value.as_str());
    }
}

fn of_session(context: &mut Context, facts: &RequestFacts, subject: &Subject) {
    // Long-lived keys carry no such key at all, which is why AWS tells policies to use BoolIfExists.
    let proven = facts.mfa_now.or(subject.session.as_ref().and_then(|session| session.mfa));
    if subject.session.is_some() || proven.is_some() {
        context.set("aws:MultiFactorAuthPresent", proven.is_some());
    }
    if let Some(moment) = proven {
        context.set("aws:MultiFactorAuthAge", facts.now.seconds() - moment.seconds());
    }
    let Some(session) = &subject.session else { return };
    context.set("aws:TokenIssueTime", session.issued);
    if let Some(identity) = &session.source_identity {
        context.set("aws:SourceIdentity", identity.as_str());
    }
    for tag in session.tags.iter() {
        context.set(&format!("aws:PrincipalTag/{}", tag.key), tag.value.as_str());
    }
}
