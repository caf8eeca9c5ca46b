//! Questions about whoever is in the account, and how an authorizer answers them.

use std::sync::Arc;

use brevet::clock::Timestamp;
use brevet::decision::{Answer, Asked, Consent, Identity, Refused, RequestFacts, SessionFacts, Subject};
use brevet::policy::{Context, PolicySet};
use brevet::session::SessionKind;
use brevet::types::{Arn, Realm, Tag, Tags};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::place::Decider;
use crate::state::{
    POLICIES, ROLES, USERS, account, any_document, policy_arn, role_arn, role_name, user_arn, user_name,
};

/// Who is asked about.
#[derive(Clone, Debug)]
pub struct Who {
    identity: Identity,
    /// Whether the unique id is said that the entity had when the history was at this step.
    pub remembered: bool,
    session: Option<Session>,
}

#[derive(Clone, Debug)]
struct Session {
    kind: SessionKind,
    /// How long ago a second factor was proven when the history began.
    mfa: Option<i64>,
    team: Option<&'static str>,
    policy: Option<String>,
    policy_arns: Vec<Arn>,
}

/// A question, but for the time.
#[derive(Clone, Debug)]
pub struct Question {
    pub who: Who,
    pub action: &'static str,
    resource: String,
    quarter: Option<&'static str>,
    address: Option<&'static str>,
}

fn any_session() -> impl Strategy<Value = Session> {
    (
        any::<bool>(),
        prop::option::of(select(vec![0_i64, 300, 590])),
        prop::option::weighted(0.3, select(vec!["red", "blue"])),
        prop::option::weighted(0.4, any_document()),
        subsequence((0..POLICIES).map(policy_arn).collect::<Vec<_>>(), 0..=1),
    )
        .prop_map(|(federated, mfa, team, policy, policy_arns)| {
            let kind = if federated { SessionKind::FederatedUser } else { SessionKind::SessionToken };
            Session { kind, mfa, team, policy, policy_arns }
        })
}

fn any_who() -> impl Strategy<Value = Who> {
    let user = (0..USERS).prop_map(|user| Identity::User(user_name(user).parse().expect("a name")));
    let role = (0..ROLES).prop_map(|role| Identity::Role(role_name(role).parse().expect("a name")));
    let identity = prop_oneof![6 => user, 4 => role, 1 => Just(Identity::Root)];
    (identity, any::<bool>(), prop::option::of(any_session())).prop_map(|(identity, remembered, session)| {
        let session = session.map(|session| match identity {
            Identity::Role(_) => Session { kind: SessionKind::AssumedRole, ..session },
            // What only users and root have, as they have it.
            Identity::User(_) | Identity::Root if session.kind == SessionKind::FederatedUser => session,
            Identity::User(_) | Identity::Root => {
                Session { policy: None, policy_arns: Vec::new(), team: None, ..session }
            }
        });
        Who { identity, remembered, session }
    })
}

pub fn any_question() -> impl Strategy<Value = Question> {
    let things = ["arn:aws:s3:::user-0/a", "arn:aws:s3:::user-1/a", "arn:aws:s3:::user-2/a", "*"];
    let action = select(vec!["s:Read", "s:Read", "s:Write", "s:Write", "iam:ChangePassword", "sts:AssumeRole"]);
    let quarter = prop::option::of(select(vec!["q3", "q4", "x"]));
    (any_who(), action, select(things.to_vec()), 0..USERS, 0..ROLES, quarter, prop::option::of(Just("10.0.0.1")))
        .prop_map(|(who, action, thing, user, role, quarter, address)| {
            let resource = match action {
                "iam:ChangePassword" => user_arn(user).to_string(),
                "sts:AssumeRole" => role_arn(role).to_string(),
                _ => thing.to_owned(),
            };
            Question { who, action, resource, quarter, address }
        })
}

impl Who {
    /// As which entity it is known.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The subject, of the entity with this unique id. What a session says is all in its id: there are no two sessions of one id.
    fn subject(&self, unique_id: Option<String>, began: Timestamp) -> Subject {
        let session = self.session.as_ref().map(|session| {
            let named = session.kind != SessionKind::SessionToken;
            let assumed = match &self.identity {
                Identity::Role(name) => Some(Realm::default().assumed_role(account(), name.as_str(), "work")),
                _ => None,
            };
            let tags = session.team.map(|team| Tag { key: "Team".to_owned(), value: team.to_owned() });
            SessionFacts {
                kind: session.kind,
                jti: format!("{:?} {session:?}", self.identity),
                assumed_role: assumed,
                session_name: named.then(|| "work".to_owned()),
                issued: began,
                expires: began.plus(1_000_000),
                mfa: session.mfa.map(|ago| began.plus(-ago)),
                source_identity: None,
                federation: None,
                tags: Tags::distinct(tags.into_iter().collect()).expect("tags"),
                policy: session.policy.clone(),
                policy_arns: session.policy_arns.clone(),
            }
        });
        Subject { account: account(), identity: self.identity.clone(), unique_id, session }
    }
}

impl Question {
    /// Whether it is about a resource with a policy of its own.
    pub fn has_trust(&self) -> bool {
        self.action == "sts:AssumeRole"
    }

    /// The answer of a broker at a time, which knows of the resource what `resources` knows. `unique_id` is what the entity must have
    /// for its sessions to be its own.
    pub async fn ask(
        &self,
        decider: &Decider,
        resources: &Decider,
        unique_id: Option<String>,
        began: Timestamp,
        now: Timestamp,
    ) -> Result<Answer, String> {
        let subject = self.who.subject(unique_id, began);
        let facts = RequestFacts {
            now,
            source_ip: self.address.map(|address| address.parse().expect("an address")),
            user_agent: None,
            secure_transport: None,
            region: None,
            mfa_now: None,
        };
        let mut keys = Context::new();
        if let Some(quarter) = self.quarter {
            keys.set("s:Quarter", quarter);
        }
        let trust = self.trust(resources).await;
        let asked = Asked {
            keys: &keys,
            consent: trust.as_deref().map_or(Consent::None, Consent::Trust),
            ..Asked::plain(self.action, &self.resource, Some(account()))
        };
        match decider.authorizer.decide(&subject, &facts, asked).await {
            Ok(answer) => Ok(answer),
            Err(Refused::NoPrincipal) => Err("no principal".to_owned()),
            Err(other) => panic!("{other}"),
        }
    }

    async fn trust(&self, decider: &Decider) -> Option<Arc<PolicySet>> {
        let role = self.resource.rsplit_once("role/").filter(|_| self.has_trust())?.1;
        let role = role.parse().expect("a name");
        decider.roles.find(account(), &role).await.expect("the store answers").map(|known| Arc::clone(&known.trust))
    }
}
