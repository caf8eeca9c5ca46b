//! The global condition keys of a request, as AWS names them.
//!
//! Source: "AWS global condition context keys", `reference_policies_condition-keys.html`.

use std::net::IpAddr;
use std::sync::Arc;

use super::federation::Federation;
use super::principal::CompiledPrincipal;
use super::subject::{Identity, Subject};
use crate::clock::Timestamp;
use crate::policy::{Context, Fact, Facts, Key, KnownKey, PolicySet, Principal, PrincipalKind};
use crate::session::SessionKind;
use crate::types::Tags;

/// What is known of the request itself, whoever makes it.
#[derive(Clone, Debug)]
pub struct RequestFacts {
    /// When it arrived.
    pub now: Timestamp,
    /// Where it came from; `None` where nobody knows (a question about another's request).
    pub source_ip: Option<IpAddr>,
    /// The `User-Agent` header.
    pub user_agent: Option<Arc<str>>,
    /// Whether it came over TLS.
    pub secure_transport: Option<bool>,
    /// The region that it was signed for.
    pub region: Option<Arc<str>>,
    /// When the caller proved a second factor in this very request.
    pub mfa_now: Option<Timestamp>,
}

impl RequestFacts {
    /// Whether a request at the same moment would have all of these too.
    pub fn are_the_same_but_for_the_time(&self, other: &Self) -> bool {
        let Self { now: _, source_ip, user_agent, secure_transport, region, mfa_now } = self;
        *source_ip == other.source_ip
            && *user_agent == other.user_agent
            && *secure_transport == other.secure_transport
            && *region == other.region
            && *mfa_now == other.mfa_now
    }

    /// The key of a name in lower case and without its `aws:`.
    fn key(&self, name: &str) -> Option<Fact<'_>> {
        match name {
            "currenttime" => Some(Fact::Time(self.now)),
            "epochtime" => Some(Fact::Number(self.now.seconds())),
            "viaawsservice" => Some(Fact::Bool(false)),
            "sourceip" => self.source_ip.map(Fact::Ip),
            "useragent" => self.user_agent.as_deref().map(Fact::Text),
            "securetransport" => self.secure_transport.map(Fact::Bool),
            "requestedregion" => self.region.as_deref().map(Fact::Text),
            _ => None,
        }
    }
}

/// The condition keys of a request to take on a role, by whom an identity provider vouches for.
#[derive(Debug)]
pub(super) struct FederatedKeys<'a> {
    pub(super) facts: &'a RequestFacts,
    pub(super) federation: &'a Federation,
    pub(super) resource_account: Option<&'a str>,
    pub(super) operation: &'a Context,
}

impl Facts for FederatedKeys<'_> {
    fn fact(&self, key: &Key) -> Option<Fact<'_>> {
        if let Some(answer) = self.federation.answer(key) {
            return answer;
        }
        match key.name() {
            "aws:federatedprovider" => Some(Fact::Text(self.federation.provider().as_str())),
            "aws:principalisawsservice" => Some(Fact::Bool(false)),
            "aws:resourceaccount" => self.resource_account.map(Fact::Text),
            name => self.operation.fact(key).or_else(|| self.facts.key(name.strip_prefix("aws:")?)),
        }
    }
}

/// The condition keys of a request, each looked up when a policy asks for it: those of the operation, facts of the request, of
/// the principal and of its session.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestKeys<'a> {
    pub(super) facts: &'a RequestFacts,
    pub(super) subject: &'a Subject,
    pub(super) compiled: &'a CompiledPrincipal,
    pub(super) principal: &'a Principal,
    /// Whose the resource is.
    pub(super) resource_account: Option<&'a str>,
    /// What is stored of the resource.
    pub(super) attributes: Option<&'a Tags>,
    /// What the operation, or a service that asks, says of the request.
    pub(super) operation: &'a Context,
}

impl Facts for RequestKeys<'_> {
    fn fact(&self, key: &Key) -> Option<Fact<'_>> {
        // Whose the resource is, whatever an asker says of it: conditions and the rule between accounts must mean the same.
        if let Some(account) = self.resource_account.filter(|_| key.name() == "aws:resourceaccount") {
            return Some(Fact::Text(account));
        }
        // Likewise the tags of a resource that the broker knows.
        if let (Some(stored), Some(tag)) = (self.attributes, key.name().strip_prefix("aws:resourcetag/")) {
            return stored.get(tag).map(Fact::Text);
        }
        // What the identity provider said of whoever has the role on, whatever an asker says of it.
        if let Some(answer) = self.federation().and_then(|federation| federation.answer(key)) {
            return answer;
        }
        self.operation.fact(key).or_else(|| match key.name().split_once(':')? {
            ("aws", name) => self.facts.key(name).or_else(|| self.of_principal(name)).or_else(|| self.of_session(name)),
            ("brevet", name) => self.of_property(name),
            _ => None,
        })
    }
}

impl FederatedKeys<'_> {
    /// What the request carried, for the reader of a denial: see [`RequestKeys::carried`].
    pub(super) fn carried(&self) -> Vec<(String, Vec<String>)> {
        /// Of a token with many claims that many are told: strangers choose them.
        const MOST: usize = 64;
        let given = self.operation.iter().chain(self.federation.keys().iter());
        let given = given.map(|(key, value)| (KnownKey::spelled(key.name()), values(value.as_fact())));
        let telling = TELLING.iter().filter_map(|name| Some(((*name).to_owned(), values(self.fact(&Key::new(name))?))));
        telling.chain(given).take(MOST).collect()
    }
}

/// Keys that tell the reader of a denial something, beside those of the operation; the others stand in the denial itself.
const TELLING: [&str; 10] = [
    "aws:CurrentTime",
    "aws:FederatedProvider",
    "aws:MultiFactorAuthAge",
    "aws:MultiFactorAuthPresent",
    "aws:PrincipalType",
    "aws:RequestedRegion",
    "aws:SecureTransport",
    "aws:SourceIdentity",
    "aws:SourceIp",
    "aws:TokenIssueTime",
];

impl RequestKeys<'_> {
    /// The keys that these policies read, as AWS spells them, with the values that they found; nothing of a key that is absent.
    pub(super) fn read_by<'p>(&self, sets: impl Iterator<Item = &'p PolicySet>) -> Vec<(String, Vec<String>)> {
        let mut keys: Vec<&Key> = sets.flat_map(|set| set.keys().iter()).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter().filter_map(|key| Some((KnownKey::spelled(key.name()), values(self.fact(key)?)))).collect()
    }

    /// What the request carried, as AWS spells it: the operation's keys, and those that tell of the request, its caller and its
    /// caller's tags.
    pub(super) fn carried(&self) -> Vec<(String, Vec<String>)> {
        let operation =
            self.operation.iter().map(|(key, value)| (KnownKey::spelled(key.name()), values(value.as_fact())));
        let telling = TELLING.iter().filter_map(|name| Some(((*name).to_owned(), values(self.fact(&Key::new(name))?))));
        let session = self.subject.session.iter().flat_map(|session| session.tags.iter());
        let tags = session.chain(self.compiled.tags.iter());
        let tags = tags.map(|tag| (format!("aws:PrincipalTag/{}", tag.key), vec![tag.value.clone()]));
        let mut carried: Vec<(String, Vec<String>)> = Vec::new();
        for (name, values) in operation.chain(telling).chain(tags) {
            // The first counts: a session's tag hides the entity's own.
            if !carried.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                carried.push((name, values));
            }
        }
        carried
    }
}

fn values(fact: Fact<'_>) -> Vec<String> {
    match fact {
        Fact::List(values) => values.to_vec(),
        single => vec![single.as_text().into_owned()],
    }
}

/// Names are in lower case and without their `aws:`.
impl RequestKeys<'_> {
    fn federation(&self) -> Option<&Federation> {
        self.subject.session.as_ref()?.federation.as_ref()
    }

    fn of_principal(&self, name: &str) -> Option<Fact<'_>> {
        match name {
            // For a session of a role AWS compares the role's ARN, not the session's; a federated user has its own.
            "principalarn" if self.principal.kind == PrincipalKind::FederatedUser => {
                Some(Fact::Text(&self.principal.arn))
            }
            "principalarn" => Some(Fact::Text(self.compiled.arn.as_str())),
            "principalaccount" => Some(Fact::Text(&self.principal.account)),
            "principalisawsservice" => Some(Fact::Bool(false)),
            "userid" => Some(Fact::Text(&self.principal.unique_id)),
            "principaltype" => Some(Fact::Text(match self.subject.identity {
                Identity::Role(_) => "AssumedRole",
                _ if self.principal.kind == PrincipalKind::FederatedUser => "FederatedUser",
                Identity::Root => "Account",
                Identity::User(_) => "User",
            })),
            // Whoever a user makes a federated session for is not that user.
            "username" if self.principal.kind == PrincipalKind::FederatedUser => None,
            "username" => self.compiled.user_name.as_deref().map(Fact::Text),
            _ => self.tag(name.strip_prefix("principaltag/")?),
        }
    }

    /// A property that the question did not carry: what is stored stands for it.
    fn of_property(&self, name: &str) -> Option<Fact<'_>> {
        match name.split_once('/')? {
            ("subject", property) => self.tag(property),
            ("resource", property) => self.attributes?.get(property).map(Fact::Text),
            _ => None,
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
            // Only there for root sessions: AWS has policies ask with `Null`.
            "assumedroot" => {
                session.filter(|session| session.kind == SessionKind::AssumedRoot).map(|_| Fact::Bool(true))
            }
            "federatedprovider" => self.federation().map(|federation| Fact::Text(federation.provider().as_str())),
            "sourceidentity" => session.and_then(|session| session.source_identity.as_deref()).map(Fact::Text),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::SessionFacts;
    use crate::policy::Source;
    use crate::types::Tag;

    /// Every key that the table has as the broker's, or as one that it knows of requests to itself, has a value when all is
    /// known; and the broker claims to know nothing that the table has as somebody else's.
    #[test]
    fn the_broker_knows_what_the_table_says() {
        let tags = Tags::distinct(vec![Tag { key: "KEY".to_owned(), value: "v".to_owned() }]).unwrap();
        let facts = RequestFacts {
            now: Timestamp(1_795_488_000),
            source_ip: Some("192.0.2.1".parse().unwrap()),
            user_agent: Some("test".into()),
            secure_transport: Some(true),
            region: Some("eu-west-1".into()),
            mfa_now: None,
        };
        let session = SessionFacts {
            kind: SessionKind::SessionToken,
            jti: "j".to_owned(),
            assumed_role: None,
            session_name: None,
            issued: facts.now,
            expires: facts.now.plus(3_600),
            mfa: Some(facts.now),
            source_identity: Some("ann".to_owned()),
            federation: Federation::of_session(
                "arn:aws:iam::111122223333:oidc-provider/idp.example".parse().unwrap(),
                &[],
                "ann",
                &[],
            ),
            tags: tags.clone(),
            policy: None,
            policy_arns: Vec::new(),
        };
        let root_session = SessionFacts { kind: SessionKind::AssumedRoot, ..session.clone() };
        let of = |identity, session| Subject {
            account: "111122223333".parse().unwrap(),
            identity,
            unique_id: None,
            session: Some(session),
        };
        let subject = of(Identity::User("ann".parse().unwrap()), session);
        let root = of(Identity::Root, root_session);
        let arn: crate::types::Arn = "arn:aws:iam::111122223333:user/ann".parse().unwrap();
        let principal = Principal {
            kind: PrincipalKind::User,
            account: "111122223333".to_owned(),
            arn: arn.to_string(),
            issuer_arn: None,
            unique_id: "AIDAEXAMPLE".to_owned(),
        };
        let compiled = CompiledPrincipal {
            arn,
            unique_id: "AIDAEXAMPLE".to_owned(),
            user_name: Some("ann".to_owned()),
            tags,
            identity: PolicySet::default(),
            boundary: None,
            principal: principal.clone(),
        };
        let keys = RequestKeys {
            facts: &facts,
            subject: &subject,
            compiled: &compiled,
            principal: &principal,
            resource_account: Some("111122223333"),
            attributes: None,
            operation: &Context::new(),
        };
        let of_root = RequestKeys { subject: &root, ..keys };
        /// Keys of requests to the broker that, in questions, are for the asker to say.
        const OF_THE_REQUEST: [&str; 5] =
            ["aws:SourceIp", "aws:UserAgent", "aws:SecureTransport", "aws:RequestedRegion", "aws:ResourceAccount"];
        for known in KnownKey::all() {
            let key = Key::new(&known.to_string());
            let value = keys.fact(&key).or_else(|| of_root.fact(&key));
            let stored = known.name == "brevet:Subject/";
            let ours = known.source == Source::Broker || OF_THE_REQUEST.contains(&known.name) || stored;
            assert_eq!(value.is_some(), ours, "{known}: {value:?}");
        }
    }
}
