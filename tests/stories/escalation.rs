//! Ways to more than one was given, one by one: what the stories of `escalation_*.rs` have in common.
//!
//! Each says who has which narrow permission, what is tried with it, that it is refused and changes nothing, and that the
//! permission is good for what it is for. The ways are those that have been published for AWS's IAM.

use std::sync::Mutex;

use brevet::store::Revision;

use super::authorization::changed;
use crate::world::raw::{ActorKeys, Answer, call};
use crate::world::{Backend, Hand, Running, World};

pub const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// An account, and what its store looked like at the last look.
pub struct Scene<'a> {
    pub at: &'a Running,
    pub root: Hand<'a>,
    since: Mutex<Revision>,
}

pub async fn begin() -> (World, Running) {
    World::begin(Backend::Sqlite).await
}

impl<'a> Scene<'a> {
    pub fn of(world: &'a World, at: &'a Running) -> Self {
        Self { at, root: world.root.at(at), since: Mutex::new(Revision(0)) }
    }

    /// The ARN of something in the account: `user/ann`.
    pub fn arn(&self, entity: &str) -> String {
        format!("arn:aws:iam::{}:{entity}", self.root.account)
    }

    /// An operation and its parameters, in words: `DeleteUser UserName=ann`.
    pub async fn tries(&self, who: &dyn ActorKeys, request: &str) -> Answer {
        let mut words = request.split_whitespace();
        let action = words.next().expect("an operation");
        let service = if action.starts_with("Assume") { "sts" } else { "iam" };
        let mut parameters = vec![("Action", action)];
        parameters.extend(words.map(|word| word.split_once('=').expect("a name and a value")));
        call(self.at, Some(who), service, &parameters).await
    }

    /// What was written since the last look.
    async fn looks(&self) -> Vec<String> {
        let mut since = *self.since.lock().expect("not poisoned");
        let keys = changed(self.at, &mut since).await;
        *self.since.lock().expect("not poisoned") = since;
        keys
    }

    /// Each of these is refused with `code`, and changes nothing.
    pub async fn fails(&self, who: &dyn ActorKeys, code: &str, requests: &[String]) {
        for request in requests {
            self.looks().await;
            let answer = self.tries(who, request).await;
            assert_eq!(answer.code(), code, "{request}: {answer:?}");
            let changed = self.looks().await;
            assert!(changed.is_empty(), "{request}: {changed:?}");
        }
    }

    /// Each of these is not allowed, and changes nothing.
    pub async fn refuses(&self, who: &dyn ActorKeys, requests: &[String]) {
        self.fails(who, "AccessDenied", requests).await;
    }

    /// Each of these is allowed and done.
    pub async fn grants(&self, who: &dyn ActorKeys, requests: &[String]) {
        for request in requests {
            let answer = self.tries(who, request).await;
            assert_eq!(answer.status, 200, "{request}: {answer:?}");
        }
    }
}

/// Requests, each formatted.
macro_rules! requests {
    ($($format:literal $(, $argument:expr)*);+ $(;)?) => {
        &[$(format!($format $(, $argument)*)),+]
    };
}
