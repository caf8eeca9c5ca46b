//! Users whose name has changed since their session began: AWS lets such sessions live, and so does brevet.
//!
//! A token carries the name that its user had; whoever renames the user leaves a record, by unique id, of the present name.

use std::fmt;
use std::sync::Arc;

use crate::decision::{Identity, Subject};
use crate::identity::RenamedUser;
use crate::store::{Fresh, Invalidations, Reader, Store, StoreError, layout};
use crate::types::UserName;

/// Knows the present names.
pub(super) struct Renamed {
    store: Arc<dyn Store>,
    /// By unique id; nothing for a user that has kept its name, which is nearly every one.
    names: Arc<Fresh<Option<UserName>>>,
}

impl Renamed {
    /// Nothing known yet; of as many users as `capacity` it is remembered.
    pub(super) fn new(store: Arc<dyn Store>, capacity: u64, invalidations: &Arc<Invalidations>) -> Self {
        Self { store, names: Fresh::new("renamed_users", capacity, invalidations) }
    }

    /// The subject of a user's session, under the user's present name.
    pub(super) async fn follow(&self, subject: &Arc<Subject>) -> Result<Arc<Subject>, StoreError> {
        if let (Identity::User(_), Some(unique_id)) = (&subject.identity, &subject.unique_id) {
            let known = match self.names.find(unique_id) {
                Some(known) => known,
                None => self.load(subject, unique_id).await?,
            };
            if let Some(name) = &*known {
                return Ok(Arc::new(Subject { identity: Identity::User(name.clone()), ..Subject::clone(subject) }));
            }
        }
        Ok(Arc::clone(subject))
    }

    async fn load(&self, subject: &Subject, unique_id: &str) -> Result<Arc<Option<UserName>>, StoreError> {
        let ticket = self.names.begin();
        let mut reader = Reader::new(Arc::clone(&self.store));
        let found = reader.get::<RenamedUser>(&layout::renamed_user(subject.account, unique_id)).await?;
        let name = found.map(|renamed| renamed.name);
        Ok(self.names.keep(ticket, unique_id, name, reader.dependencies()))
    }
}

impl fmt::Debug for Renamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renamed").finish_non_exhaustive()
    }
}
