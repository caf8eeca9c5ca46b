//! Searching: of whom, of what and of which actions the answer is yes. Whoever searches needs `brevet:Search` on what is searched, and
//! finds only those that it may ask about.
//!
//! A search is nothing but questions about one candidate after the other, so that what is found is allowed. Candidates are the users
//! or roles of the asker's account, the stored resources of a type, and the actions that are declared for the type or that policies
//! allow by name. A page looks at a bounded number of them, in an order that stays the same: it may come out short, and say that
//! there is more.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Answered, Asking, Named, Question, Refusal, Resolved, SERVICE, Said, Stored, named};
use crate::decision::{Asked, Identity, Refused, Subject};
use crate::identity::{ResourceType, Role, StoredResource, User};
use crate::ops::{self, Call};
use crate::store::{Entity, Reader, Revision, layout};
use crate::types::{AccountId, Arn, ResourceArn};
use crate::usage::Use;

/// The permission to search, on `arn:aws:brevet::ACCOUNT:search/` and what is searched.
pub const SEARCH_PERMISSION: &str = "brevet:Search";

/// Users or roles that one page looks at: each may have to be read and its policies compiled.
const SUBJECTS_A_PAGE: usize = 400;
/// Resources that one page looks at.
const RESOURCES_A_PAGE: usize = 1_000;
/// Actions that one page looks at.
const ACTIONS_A_PAGE: usize = 2_000;
/// Actions of policies that are candidates, of each set of policies.
const ACTIONS_OF_POLICIES: usize = 5_000;

/// What is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Searched {
    /// Users or roles.
    Subject,
    /// Stored resources.
    Resource,
    /// Actions.
    Action,
}

impl Searched {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Resource => "resource",
            Self::Action => "action",
        }
    }
}

/// Which part of what there is.
#[derive(Clone, Debug)]
pub struct Page {
    /// How many are to be found at the most.
    pub limit: usize,
    /// Behind which candidate it begins; at the first where absent.
    pub after: Option<String>,
}

/// What a page has.
#[derive(Clone, Debug)]
pub struct Found {
    /// Names of users or roles, ids of resources, names of actions.
    pub results: Vec<String>,
    /// Behind which candidate the next page begins, if there may be more.
    pub next: Option<String>,
    /// Every change up to this one is in it.
    pub revision: Revision,
    /// For how many seconds the page may be kept.
    pub max_age: i64,
    /// Whether it was made on knowledge that may be older than the staleness bound.
    pub degraded: bool,
}

/// A page in the making.
struct Making {
    found: Found,
    limit: usize,
    examined: usize,
    most: usize,
    last: Option<String>,
}

impl Making {
    /// Whether another candidate is looked at; the next page goes on behind the last one otherwise.
    async fn goes_on(&mut self) -> bool {
        /// Candidates after which others are let in between.
        const IN_A_ROW: usize = 50;
        if self.examined > 0 && self.examined.is_multiple_of(IN_A_ROW) {
            tokio::task::yield_now().await;
        }
        let goes_on = self.found.results.len() < self.limit && self.examined < self.most;
        if !goes_on {
            self.found.next = self.last.take();
        }
        goes_on
    }

    fn examined(&mut self, position: &str) {
        self.examined += 1;
        self.last = Some(position.to_owned());
    }

    /// Counts the answer about a candidate.
    fn answered(&mut self, answered: &Answered, result: impl FnOnce() -> String) {
        self.found.revision = self.found.revision.min(answered.revision);
        self.found.max_age = self.found.max_age.min(answered.max_age);
        self.found.degraded |= answered.degraded;
        if answered.is_allowed() {
            self.found.results.push(result());
        }
    }
}

impl Asking<'_> {
    /// That the asker may search.
    ///
    /// # Errors
    /// It may not, or that cannot be found out.
    pub async fn may_search(&self, what: Searched) -> Result<(), Refusal> {
        let account = self.asker.account();
        let resource = format!("arn:{}:brevet::{account}:search/{}", self.broker.realm.partition, what.name());
        let asked = Asked { degraded: true, ..Asked::plain(SEARCH_PERMISSION, &resource, Some(account)) };
        if let Err(refused) = self.broker.authorizer.authorize(self.asker.subject(), self.facts, asked).await {
            if let Refused::Denied(denial) = &refused {
                let request_id = &self.broker.new_id();
                let facts = self.facts.clone();
                let call = Call { broker: self.broker, caller: self.asker, facts, request_id };
                let parameters = json!({ "searched": what.name(), "door": self.door });
                let said = denial.to_string();
                ops::record_refusal(&call, SERVICE, "Search", parameters, "AccessDenied", &said).await;
            }
            return Err(refused.into());
        }
        let used = Use { service: SERVICE, action: "Search", at: self.facts.now, region: self.asker.region() };
        let _ = ops::note_use(self.broker, self.asker, used).await;
        Ok(())
    }

    /// The users or roles of the asker's account that may do that, by their names. There are no others.
    ///
    /// # Errors
    /// Nothing can be decided.
    pub async fn search_subjects(&self, kind: &str, question: &Question<'_>, page: &Page) -> Result<Found, Refusal> {
        let made = self.page(page, SUBJECTS_A_PAGE)?;
        let account = self.asker.account();
        let realm = &self.broker.realm;
        match kind {
            "user" => {
                let entity = |user: User| (user.arn(realm, account), Identity::User(user.name));
                self.subjects("user", question, page, made, entity).await
            }
            "role" => {
                let entity = |role: Role| (role.arn(realm, account), Identity::Role(role.name));
                self.subjects("role", question, page, made, entity).await
            }
            _ => Ok(made.found),
        }
    }

    async fn subjects<E: Entity>(
        &self,
        kind: &str,
        question: &Question<'_>,
        page: &Page,
        mut made: Making,
        entity: impl Fn(E) -> (Arn, Identity),
    ) -> Result<Found, Refusal> {
        let parent = layout::all(kind, self.asker.account());
        let mut range = parent.children();
        if let Some(after) = &page.after {
            range = range.after(&parent.child(after));
        }
        let mut reader = Reader::new(std::sync::Arc::clone(&self.broker.store));
        let (mut leave, theirs) = (self.leave(), self.theirs());
        let stored = self.stored_of(question.resource).await;
        let as_of = made.found.revision;
        let candidates = reader.scan::<E>(&range, SUBJECTS_A_PAGE.saturating_add(1)).await.map_err(Refused::Store)?;
        for (_, candidate) in candidates {
            if !made.goes_on().await {
                break;
            }
            let (arn, identity) = entity(candidate);
            let name = match &identity {
                Identity::User(name) => name.as_str().to_owned(),
                Identity::Role(name) => name.as_str().to_owned(),
                Identity::Root => continue,
            };
            made.examined(&name.to_ascii_lowercase());
            let subject = Subject { account: self.asker.account(), identity, unique_id: None, session: None };
            let about = Resolved { subject: subject.into(), entity: arn, ends: None, exists: true, as_of, found: None };
            if leave.may_ask_about(&about).await? {
                let mut candidate = self.somebody(&about, &theirs);
                made.answered(&self.decided(&mut candidate, question, None, stored.clone()).await?, || name);
            }
        }
        // Those whom the asker may not ask about were passed over by what was known then.
        if self.known()?.degraded {
            (made.found.degraded, made.found.max_age) = (true, 0);
        }
        Ok(made.found)
    }

    /// The stored resources of the asker's account and of a type with which somebody may do that: by their ids, or by their ARNs where
    /// no id of the asker's account stands for them.
    ///
    /// # Errors
    /// Nothing can be decided.
    pub async fn search_resources(
        &self,
        about: &Named,
        kind: &str,
        action: &str,
        said: &Said,
        page: &Page,
    ) -> Result<Found, Refusal> {
        let mut made = self.page(page, RESOURCES_A_PAGE)?;
        let Named::Somebody(about) = about else { return Ok(made.found) };
        let theirs = self.theirs();
        let mut about = self.somebody(about, &theirs);
        let account = self.asker.account();
        let parent = layout::resources(account);
        let mut range = parent.beginning(&format!("arn:{}:{kind}:", self.broker.realm.partition));
        if let Some(after) = &page.after {
            range = range.after(&parent.child(after));
        }
        let mut reader = Reader::new(std::sync::Arc::clone(&self.broker.store));
        let most = RESOURCES_A_PAGE.saturating_add(1);
        let (moment, ticket) = (self.moment()?, self.broker.resources.begin());
        let candidates = reader.scan::<StoredResource>(&range, most).await.map_err(Refused::Store)?;
        for (_, stored) in candidates {
            let arn = stored.arn.clone();
            if !made.goes_on().await {
                break;
            }
            made.examined(arn.as_str());
            let question = Question { action, resource: arn.arn(), said, policy: None };
            let resource = self.broker.resources.take(ticket, account, stored)?;
            let answered = self.decided(&mut about, &question, None, Some(Stored { moment, resource })).await?;
            made.answered(&answered, || self.id_of(account, kind, &arn));
        }
        Ok(made.found)
    }

    /// What a question of this asker may call a resource of a type.
    fn id_of(&self, account: AccountId, kind: &str, arn: &ResourceArn) -> String {
        let short = arn.arn().resource();
        match named::resource(&self.broker.realm, account, kind, short) {
            Ok(meant) if meant == *arn.arn() => short.to_owned(),
            _ => arn.to_string(),
        }
    }

    /// The actions on a resource of a type that somebody may do: by the names that are declared for the type, or that stand in
    /// policies, those in lower case.
    ///
    /// # Errors
    /// Nothing can be decided.
    pub async fn search_actions(
        &self,
        about: &Named,
        kind: &str,
        resource: &Arn,
        said: &Said,
        page: &Page,
    ) -> Result<Found, Refusal> {
        let mut made = self.page(page, ACTIONS_A_PAGE)?;
        let Named::Somebody(about) = about else { return Ok(made.found) };
        let candidates = self.actions(about, kind, resource).await?;
        let stored = self.stored_of(resource).await;
        let theirs = self.theirs();
        let mut about = self.somebody(about, &theirs);
        let after = page.after.as_deref().unwrap_or_default();
        for (folded, name) in candidates {
            if folded.as_str() <= after {
                continue;
            }
            if !made.goes_on().await {
                break;
            }
            made.examined(&folded);
            // A policy may have names that no question has.
            let Ok(action) = named::action(&name, kind) else { continue };
            let question = Question { action: &action, resource, said, policy: None };
            made.answered(&self.decided(&mut about, &question, None, stored.clone()).await?, || name);
        }
        Ok(made.found)
    }

    /// Names by their lower case, each once.
    async fn actions(&self, about: &Resolved, kind: &str, resource: &Arn) -> Result<BTreeMap<String, String>, Refusal> {
        let mut candidates = BTreeMap::new();
        // What is meant by a plain name is of the type; what a policy calls so must be of the same service.
        let service = kind.to_ascii_lowercase();
        let principal = match self.broker.authorizer.principal(&about.subject).await {
            Ok(principal) => principal,
            Err(Refused::NoPrincipal) => return Ok(candidates),
            Err(other) => return Err(other.into()),
        };
        let stored = self.stored(resource, None).await?;
        let policy = stored.as_ref().and_then(|stored| stored.policy.as_deref());
        for set in [Some(&principal.identity), policy].into_iter().flatten() {
            for name in set.allowed_by_name(&service, ACTIONS_OF_POLICIES) {
                candidates.insert(name.to_owned(), name.to_owned());
            }
        }
        let mut reader = Reader::new(std::sync::Arc::clone(&self.broker.store));
        if let Ok(name) = kind.parse() {
            let key = layout::resource_type(self.asker.account(), &name);
            let declared = reader.get::<ResourceType>(&key).await.map_err(Refused::Store)?;
            for action in declared.iter().flat_map(|declared| &declared.actions) {
                candidates.insert(action.as_str().to_ascii_lowercase(), action.as_str().to_owned());
            }
        }
        Ok(candidates)
    }

    fn page(&self, page: &Page, most: usize) -> Result<Making, Refusal> {
        let known = self.broker.feed.known().map_err(Refused::Stale)?;
        let bound = i64::try_from(self.broker.feed.bound().as_secs()).unwrap_or(0);
        let found = Found {
            results: Vec::new(),
            next: None,
            revision: known.revision,
            max_age: if known.degraded { 0 } else { bound },
            degraded: known.degraded,
        };
        Ok(Making { found, limit: page.limit, examined: 0, most, last: None })
    }
}
