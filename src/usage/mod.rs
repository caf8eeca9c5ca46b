//! Who used what, and when: noted in memory at each request, written to the store every minute.
//!
//! AWS tells of uses with a delay of some hours; here a broker knows its own at once, and those of the others of its fleet when
//! they have written them. What a broker has not written when it crashes is forgotten: last uses are no promise.

mod lately;
mod notes;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lately::Lately;
use notes::{Note, Notes, Of};

use crate::clock::Timestamp;
use crate::identity::{AccessKey, EntityUse, KeyUse, LastUse, RenamedUser, Role, User};
use crate::store::{CommitError, Key, Store, StoreError, Tx, layout};
use crate::types::{AccessKeyId, AccountId, RoleName, UserName};

/// What is remembered of uses.
pub struct Usage {
    store: Arc<dyn Store>,
    notes: Mutex<Notes>,
    lately: Lately,
}

/// A user or a role.
#[derive(Clone, Debug)]
pub enum Who<'a> {
    /// A user, by its name.
    User(&'a UserName),
    /// A role, by its name.
    Role(&'a RoleName),
}

/// One request.
#[derive(Clone, Copy, Debug, Hash)]
pub struct Use<'a> {
    /// The namespace of the service, such as `iam`.
    pub service: &'a str,
    /// The action without its namespace.
    pub action: &'a str,
    /// When it came.
    pub at: Timestamp,
    /// The region that it was signed for.
    pub region: &'a str,
}

/// How often notes are written.
const EVERY: Duration = Duration::from_secs(60);
/// Records of one commit.
const TOGETHER: usize = 64;
/// How often a commit is tried again when others change what it has read.
const TRIES: usize = 8;

impl Usage {
    /// Nothing noted yet. Somebody must run [`Usage::write_down`].
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, notes: Mutex::default(), lately: Lately::new() }
    }

    /// Notes that an access key signed a request.
    pub fn key_signed(&self, id: &AccessKeyId, used: Use<'_>) {
        if !self.lately.has(&(id.as_str(), used)) {
            self.with(|notes| notes.key(id, used));
        }
    }

    /// Notes what a user, a role's session or the root user reached for, and the access key that signed the request, if one did.
    pub fn reached(
        &self,
        account: AccountId,
        who: Option<&Who<'_>>,
        unique_id: &str,
        key: Option<&AccessKeyId>,
        used: Use<'_>,
    ) {
        if self.lately.has(&(account, unique_id, key.map(AccessKeyId::as_str), used)) {
            return;
        }
        self.with(|notes| {
            if let Some(id) = key {
                notes.key(id, used);
            }
            notes.account(account, used);
            if let Some(who) = who {
                notes.entity(account, who, unique_id, used);
            }
        });
    }

    /// The last use of an access key.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn of_key(&self, id: &AccessKeyId, tx: &mut Tx) -> Result<Option<KeyUse>, StoreError> {
        let written = tx.get::<KeyUse>(&layout::key_use(id)).await?;
        let noted = self.with(|notes| notes.keys.get(id).cloned());
        Ok(match (written, noted) {
            (Some(mut written), Some(noted)) => {
                written.absorb(noted);
                Some(written)
            }
            (written, noted) => written.or(noted),
        })
    }

    /// What a user or role used, by its unique id.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn of_entity(&self, account: AccountId, unique_id: &str, tx: &mut Tx) -> Result<EntityUse, StoreError> {
        let mut used = tx.get::<EntityUse>(&layout::entity_use(account, unique_id)).await?.unwrap_or_default();
        if let Some(noted) = self.with(|notes| notes.entities.get(unique_id).map(|(_, noted)| noted.clone())) {
            used.absorb(noted);
        }
        Ok(used)
    }

    /// Which services anybody of an account used.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn of_account(&self, account: AccountId, tx: &mut Tx) -> Result<EntityUse, StoreError> {
        let mut used = tx.get::<EntityUse>(&layout::account_use(account)).await?.unwrap_or_default();
        if let Some(noted) = self.with(|notes| notes.accounts.get(&account).cloned()) {
            used.absorb(noted);
        }
        Ok(used)
    }

    /// Writes notes every minute until `stop` is done, and once more then.
    pub async fn write_down(self: Arc<Self>, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            let last = tokio::select! {
                biased;
                () = &mut stop => true,
                () = tokio::time::sleep(EVERY) => false,
            };
            if let Err(error) = self.flush().await {
                tracing::warn!(%error, "last uses could not be written; they are kept for the next time");
            }
            if last {
                return;
            }
        }
    }

    /// Writes what has been noted.
    ///
    /// # Errors
    /// The store is not available; what could not be written is kept.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let mut notes = self.with(std::mem::take).into_list();
        while !notes.is_empty() {
            let from = notes.len().saturating_sub(TOGETHER);
            match self.commit(notes.get(from..).unwrap_or_default()).await {
                Ok(()) => {}
                Err(error @ StoreError::Unavailable(_)) => {
                    self.with(|later| later.put_back(notes));
                    return Err(error);
                }
                // What the store will never take must not stand in the way of the rest.
                Err(error) => tracing::error!(%error, "some last uses cannot be written and are forgotten"),
            }
            notes.truncate(from);
        }
        Ok(())
    }

    async fn commit(&self, notes: &[Note]) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let mut tx = Tx::new(Arc::clone(&self.store));
            for note in notes {
                match note {
                    Note::Key(id, used) => put_key(&mut tx, id, used).await?,
                    Note::Account(account, used) => absorb(&mut tx, &layout::account_use(*account), used).await?,
                    Note::Entity(unique_id, of, used) => put_entity(&mut tx, unique_id, of, used).await?,
                }
            }
            if !tx.has_writes() {
                return Ok(());
            }
            match tx.commit().await {
                Ok(_) => return Ok(()),
                Err(CommitError::Conflict(_)) => {}
                Err(CommitError::Store(error)) => return Err(error),
            }
        }
        Err(StoreError::Unavailable("others change the same records all the time".to_owned()))
    }

    fn with<T>(&self, what: impl FnOnce(&mut Notes) -> T) -> T {
        // Notes are whole between any two statements of theirs, so a panic elsewhere leaves nothing half done.
        what(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The use of a key that is there; that of one that is gone is nobody's.
async fn put_key(tx: &mut Tx, id: &AccessKeyId, used: &KeyUse) -> Result<(), StoreError> {
    let key = layout::access_key(id);
    if tx.get::<AccessKey>(&key).await?.is_none() {
        return Ok(());
    }
    tx.require_unchanged(&key);
    let place = layout::key_use(id);
    let mut known = tx.get::<KeyUse>(&place).await?.unwrap_or_else(|| used.clone());
    known.absorb(used.clone());
    tx.put(&place, &known)
}

/// The use of a user or role that is there.
async fn put_entity(tx: &mut Tx, unique_id: &str, of: &Of, used: &EntityUse) -> Result<(), StoreError> {
    let (key, present) = match of {
        Of::User(account, name) => {
            // Whoever was renamed since the note was taken is found under the present name.
            let renamed = tx.get::<RenamedUser>(&layout::renamed_user(*account, unique_id)).await?;
            let key = layout::user(*account, renamed.as_ref().map_or(name, |renamed| &renamed.name));
            let found = tx.get::<User>(&key).await?.map(|user| user.id.to_string());
            (key, found)
        }
        Of::Role(account, name) => {
            let key = layout::role(*account, name);
            let found = tx.get::<Role>(&key).await?.map(|role| role.id.to_string());
            (key, found)
        }
    };
    if present.as_deref() != Some(unique_id) {
        return Ok(());
    }
    tx.require_unchanged(&key);
    absorb(tx, &layout::entity_use(of.account(), unique_id), used).await
}

async fn absorb(tx: &mut Tx, place: &Key, used: &EntityUse) -> Result<(), StoreError> {
    let mut known = tx.get::<EntityUse>(place).await?.unwrap_or_default();
    known.absorb(used.clone());
    tx.put(place, &known)
}

impl fmt::Debug for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Usage").finish_non_exhaustive()
    }
}

/// How long ago a use may be to be told, in seconds: AWS tells of the last 400 days.
pub const TOLD_FOR: i64 = 400 * 86_400;

/// A use that is recent enough to be told.
pub fn told(last: &LastUse, now: Timestamp) -> bool {
    now.seconds() - last.at.seconds() <= TOLD_FOR
}
