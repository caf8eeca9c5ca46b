//! Roles that are being assumed: kept with their compiled trust policies until they change.

use std::fmt;
use std::sync::Arc;

use super::Error;
use crate::identity::{Account, Role};
use crate::policy::{Document, Kind, Policy, PolicySet};
use crate::store::{Fresh, Invalidations, Reader, Store, layout};
use crate::types::{AccountId, Arn, Realm, RoleName};

/// Finds roles.
pub struct Roles {
    store: Arc<dyn Store>,
    realm: Realm,
    known: Arc<Fresh<KnownRole>>,
}

/// A role and who may assume it.
#[derive(Debug)]
pub struct KnownRole {
    /// The role.
    pub role: Role,
    /// Its ARN.
    pub arn: Arn,
    /// Its trust policy.
    pub trust: Arc<PolicySet>,
}

impl Roles {
    /// Keeps at most `capacity` roles.
    pub fn new(store: Arc<dyn Store>, realm: Realm, capacity: u64, invalidations: &Arc<Invalidations>) -> Self {
        Self { store, realm, known: Fresh::new("roles", capacity, invalidations) }
    }

    /// The role of a name, if its account is there too.
    ///
    /// # Errors
    /// The store cannot be read, or the stored trust policy is not one.
    pub async fn find(&self, account: AccountId, name: &RoleName) -> Result<Option<Arc<KnownRole>>, Error> {
        let id = format!("{account}/{}", name.folded());
        if let Some(known) = self.known.find(&id) {
            return Ok(Some(known));
        }
        let ticket = self.known.begin();
        let mut reader = Reader::new(Arc::clone(&self.store));
        if reader.get::<Account>(&layout::account(account)).await?.is_none() {
            return Ok(None);
        }
        let Some(role) = reader.get::<Role>(&layout::role(account, name)).await? else { return Ok(None) };
        let arn = role.arn(&self.realm, account);
        let trust = Document::parse(&role.trust_in_force, Kind::Trust)
            .map_err(|error| Error::Internal(format!("the trust policy of {arn}: {error}")))?;
        let trust = PolicySet::new(vec![Arc::new(Policy::compile(&trust, Kind::Trust, arn.as_str()))]);
        let known = KnownRole { role, arn, trust: Arc::new(trust) };
        Ok(Some(self.known.keep(ticket, &id, known, reader.dependencies())))
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Roles").finish_non_exhaustive()
    }
}
