//! What has been noted and is not written yet; bounded.

use std::collections::HashMap;

use super::{Use, Who};
use crate::identity::{EntityUse, KeyUse, LastUse};
use crate::types::{AccessKeyId, AccountId, RoleName, UserName};

/// Notes of the last minute.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) keys: HashMap<AccessKeyId, KeyUse>,
    /// By unique id.
    pub(super) entities: HashMap<String, (Of, EntityUse)>,
    /// Services alone, of everybody in the account.
    pub(super) accounts: HashMap<AccountId, EntityUse>,
}

/// One note.
pub(super) enum Note {
    Key(AccessKeyId, KeyUse),
    Account(AccountId, EntityUse),
    /// By unique id.
    Entity(String, Of, EntityUse),
}

/// Whose uses they are: looked up again before they are written.
#[derive(Clone, Debug)]
pub(super) enum Of {
    User(AccountId, UserName),
    Role(AccountId, RoleName),
}

/// Keys, and entities, that are noted between two writings. What comes on top is not noted: a store that takes no writes for long
/// must not cost memory.
const MOST: usize = 50_000;

impl Notes {
    pub(super) fn key(&mut self, id: &AccessKeyId, used: Use<'_>) {
        let fresh = || KeyUse {
            last: LastUse { at: used.at, region: used.region.to_owned() },
            service: used.service.to_owned(),
        };
        let has_room = self.keys.len() < MOST;
        match self.keys.get_mut(id) {
            // Most requests of a key are like its last one: they cost no allocation.
            Some(known) if known.service == used.service && known.last.region == used.region => {
                known.last.at = known.last.at.max(used.at);
            }
            Some(known) => known.absorb(fresh()),
            None if has_room => drop(self.keys.insert(id.clone(), fresh())),
            None => {}
        }
    }

    pub(super) fn account(&mut self, account: AccountId, used: Use<'_>) {
        // No more accounts than the operator has made.
        self.accounts.entry(account).or_default().note_service(used.service, used.at, used.region);
    }

    pub(super) fn entity(&mut self, account: AccountId, who: &Who<'_>, unique_id: &str, used: Use<'_>) {
        if let Some((_, known)) = self.entities.get_mut(unique_id) {
            known.note(used.service, used.action, used.at, used.region);
        } else if self.entities.len() < MOST {
            let mut fresh = EntityUse::default();
            fresh.note(used.service, used.action, used.at, used.region);
            self.entities.insert(unique_id.to_owned(), (Of::new(account, who), fresh));
        }
    }

    pub(super) fn into_list(self) -> Vec<Note> {
        let keys = self.keys.into_iter().map(|(id, used)| Note::Key(id, used));
        let accounts = self.accounts.into_iter().map(|(account, used)| Note::Account(account, used));
        let entities = self.entities.into_iter().map(|(id, (of, used))| Note::Entity(id, of, used));
        keys.chain(accounts).chain(entities).collect()
    }

    /// Takes back what could not be written; what was noted meanwhile is later.
    pub(super) fn put_back(&mut self, notes: Vec<Note>) {
        for note in notes {
            match note {
                Note::Key(id, mut used) => {
                    if let Some(later) = self.keys.remove(&id) {
                        used.absorb(later);
                    }
                    self.keys.insert(id, used);
                }
                Note::Account(account, mut used) => {
                    used.absorb(self.accounts.remove(&account).unwrap_or_default());
                    self.accounts.insert(account, used);
                }
                Note::Entity(id, of, mut used) => {
                    if let Some((_, later)) = self.entities.remove(&id) {
                        used.absorb(later);
                    }
                    self.entities.insert(id, (of, used));
                }
            }
        }
    }
}

impl Of {
    fn new(account: AccountId, who: &Who<'_>) -> Self {
        match who {
            Who::User(name) => Self::User(account, (*name).clone()),
            Who::Role(name) => Self::Role(account, (*name).clone()),
        }
    }

    pub(super) fn account(&self) -> AccountId {
        match self {
            Self::User(account, _) | Self::Role(account, _) => *account,
        }
    }
}
