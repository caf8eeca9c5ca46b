//! Whom a question is about.

use std::sync::Arc;

use super::Refusal;
use crate::authn;
use crate::clock::Timestamp;
use crate::decision::{Found, Identity, Refused, Subject};
use crate::ops::Broker;
use crate::store::Revision;
use crate::types::{AccountId, Arn, EntityPath, SecretText};

/// Whom a question is about, as its door was told.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one for a question, and it stays where it is made")]
pub enum Who {
    /// A user or role; by its ARN, if it was named by one.
    Entity(Arc<Subject>, Option<Arn>),
    /// Whoever holds a session. Its token proves nothing about whoever sent it to the asker.
    Session(SecretText),
    /// The bearer of a web identity token of this broker's, for an audience, which is the asker's own.
    Bearer {
        /// The token.
        token: SecretText,
        /// For whom it must be.
        audience: String,
    },
    /// Somebody who was authenticated, on knowledge of this revision.
    Known(Arc<Subject>, Revision),
    /// Nobody: what was named can be no user or role.
    Nobody,
}

/// Who that is, and up to which revision changes are in it. Answers speak of no later one.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one for a question, and it stays where it is made")]
pub enum Named {
    /// A subject that decisions can be about.
    Somebody(Resolved),
    /// A user or role that does not exist, by the ARN that it would have: the answer is no.
    Absent(Arn, Revision),
    /// Nobody, for this reason: the answer is no.
    Nobody(&'static str, Revision),
}

/// A subject, and whose business it is.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Whom decisions are about.
    pub subject: Arc<Subject>,
    /// The ARN of the user or role behind it, on which askers need their permission.
    pub entity: Arn,
    /// When it ends.
    pub ends: Option<Timestamp>,
    /// Whether there is such a user or role.
    pub exists: bool,
    /// Every change up to this one is in it.
    pub as_of: Revision,
    /// What was found of its policies on the way.
    pub found: Option<Found>,
}

impl Who {
    /// A user or role by its ARN, or by its name in the account of the asker.
    ///
    /// # Errors
    /// It is an ARN, and not of a user or role of this installation.
    pub fn entity(broker: &Broker, asker: AccountId, kind: &'static str, id: &str) -> Result<Self, Refusal> {
        let identity = |name: &str| -> Option<Identity> {
            if kind == "role" { name.parse().ok().map(Identity::Role) } else { name.parse().ok().map(Identity::User) }
        };
        if !id.starts_with("arn:") {
            // Anything may be an id; what can be no name is the name of nobody.
            return Ok(identity(id).map_or(Self::Nobody, |identity| Self::Entity(plain(asker, identity), None)));
        }
        let wrong = || Refusal::bad(format!("`subject.id` is not the ARN of a {kind}, nor a name"));
        let arn: Arn = id.parse().map_err(|_| wrong())?;
        if arn.partition() != broker.realm.partition || arn.service() != "iam" {
            return Err(wrong());
        }
        let identity = arn.name_of_kind(kind).and_then(identity).ok_or_else(wrong)?;
        Ok(Self::Entity(plain(arn.account().ok_or_else(wrong)?, identity), Some(arn)))
    }

    /// Finds out who it is. Whether a user or role exists is not for everybody to know: see [`Resolved::exists`].
    ///
    /// # Errors
    /// That cannot be found out.
    pub async fn resolve(&self, broker: &Broker, now: Timestamp) -> Result<Named, Refusal> {
        // What is heard of while this is found out may be in it or not.
        let as_of = broker.feed.heard();
        let nobody = |reason| Ok(Named::Nobody(reason, as_of));
        let (subject, ends) = match self {
            Self::Entity(subject, _) => (Arc::clone(subject), None),
            Self::Known(subject, _) => (Arc::clone(subject), None),
            Self::Nobody => return nobody("the subject does not exist"),
            Self::Session(token) => match broker.authenticator.subject_of_token(token.expose(), now).await {
                Ok(subject) => (subject, None),
                Err(authn::Error::Store(_)) => return Err(Refusal::Unavailable),
                Err(_) => return nobody("the subject's session is not valid"),
            },
            Self::Bearer { token, audience } => {
                match broker.authenticator.bearers().bearer(token.expose(), audience, now).await {
                    Ok(bearer) => (bearer.subject, Some(bearer.expires)),
                    Err(authn::Error::Store(_)) => return Err(Refusal::Unavailable),
                    Err(authn::Error::WrongAudience) => {
                        return nobody("the subject's token is for another audience");
                    }
                    Err(_) => return nobody("the subject's token is not valid"),
                }
            }
        };
        let session = subject.session.as_ref().map(|session| session.expires);
        let ends = [ends, session].into_iter().flatten().min();
        let moment = broker.feed.known_moment().ok();
        let (mut entity, found) = match broker.authorizer.principal(&subject).await {
            Ok(compiled) => (compiled.arn.clone(), Some(compiled)),
            Err(Refused::NoPrincipal) => (would_be(broker, &subject), None),
            Err(other) => return Err(other.into()),
        };
        let mut exists = found.is_some();
        let found = moment.zip(found).map(|((moment, known), compiled)| Found { moment, known, compiled });
        // One of another path, or in other letters, is another.
        if let Self::Entity(_, Some(named)) = self
            && *named != entity
        {
            (entity, exists) = (named.clone(), false);
        }
        let as_of = match self {
            Self::Known(_, authenticated) => as_of.min(*authenticated),
            _ => as_of,
        };
        Ok(Named::Somebody(Resolved { subject, entity, ends, exists, as_of, found }))
    }
}

/// A user or role, without a session.
fn plain(account: AccountId, identity: Identity) -> Arc<Subject> {
    Arc::new(Subject { account, identity, unique_id: None, session: None })
}

/// The ARN that the user or role behind a subject would have.
fn would_be(broker: &Broker, subject: &Subject) -> Arn {
    let (realm, path) = (&broker.realm, EntityPath::default());
    match &subject.identity {
        Identity::Root => realm.root(subject.account),
        Identity::User(name) => realm.user(subject.account, &path, name.as_str()),
        Identity::Role(name) => realm.role(subject.account, &path, name.as_str()),
    }
}
