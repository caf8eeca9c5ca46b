//! Stored resources that are asked about: kept with their compiled policies until they change. That nothing is stored is kept too.

use std::fmt;
use std::sync::Arc;

use crate::identity::{ResourceOwner, StoredResource};
use crate::ops::Error;
use crate::policy::{Document, Kind, Policy, PolicySet};
use crate::store::{Fresh, Invalidations, Key, Reader, Store, layout};
use crate::types::{AccountId, Arn, ResourceArn, Tags};

/// Finds stored resources.
pub struct Resources {
    store: Arc<dyn Store>,
    known: Arc<Fresh<Looked>>,
}

/// What a look at the store found: perhaps nothing.
struct Looked(Option<Arc<KnownResource>>);

/// A stored resource as decisions need it.
#[derive(Debug)]
pub struct KnownResource {
    /// The account that owns it.
    pub account: AccountId,
    /// What is known of it.
    pub attributes: Tags,
    /// Its policy.
    pub policy: Option<Arc<PolicySet>>,
}

/// How much memory an entry without a policy may take.
const ORDINARY_BYTES: u32 = 16 << 10;

fn weight(looked: &Looked) -> u32 {
    let policy = looked.0.as_ref().and_then(|known| known.policy.as_ref());
    u32::try_from(policy.map_or(0, |policy| policy.bytes())).unwrap_or(u32::MAX).max(ORDINARY_BYTES)
}

impl Resources {
    /// Keeps at most `capacity` resources of ordinary size.
    pub fn new(store: Arc<dyn Store>, capacity: u64, invalidations: &Arc<Invalidations>) -> Self {
        let room = capacity.saturating_mul(u64::from(ORDINARY_BYTES));
        Self { store, known: Fresh::weighing("resources", room, weight, invalidations) }
    }

    /// The records that a question about this ARN was answered from, if that was just now: see [`crate::decision::Authorizer::stands_on`].
    pub fn stands_on(&self, arn: &Arn) -> Option<Vec<Key>> {
        match ResourceArn::try_from(arn.clone()) {
            Ok(arn) => self.known.reads(arn.as_str()),
            Err(_) => Some(Vec::new()),
        }
    }

    /// What is stored of the resource that an ARN names, if anything is.
    ///
    /// # Errors
    /// The store cannot be read, or the stored policy is not one.
    pub async fn find(&self, arn: &Arn) -> Result<Option<Arc<KnownResource>>, Error> {
        // Nothing is stored of what could not be.
        let Ok(arn) = ResourceArn::try_from(arn.clone()) else { return Ok(None) };
        if let Some(looked) = self.known.find(arn.as_str()) {
            return Ok(looked.0.clone());
        }
        let ticket = self.known.begin();
        let mut reader = Reader::new(Arc::clone(&self.store));
        let found = loop {
            let found = read(&mut reader, &arn).await?;
            // Owner and resource are two records; only if none has changed since are they the state of one moment.
            if !reader.restart_if_changed().await? {
                break found;
            }
        };
        let known = found.map(|(account, stored)| compiled(account, stored)).transpose()?;
        let looked = Looked(known.map(Arc::new));
        Ok(self.known.keep(ticket, arn.as_str(), looked, reader.dependencies()).0.clone())
    }
}

async fn read(reader: &mut Reader, arn: &ResourceArn) -> Result<Option<(AccountId, StoredResource)>, Error> {
    let account = match arn.account() {
        Some(account) => account,
        None => match reader.get::<ResourceOwner>(&layout::resource_owner(arn)).await? {
            Some(owner) => owner.account,
            None => return Ok(None),
        },
    };
    Ok(reader.get::<StoredResource>(&layout::resource(account, arn)).await?.map(|stored| (account, stored)))
}

fn compiled(account: AccountId, stored: StoredResource) -> Result<KnownResource, Error> {
    let policy = match &stored.policy {
        None => None,
        Some(policy) => {
            let document = Document::parse(&policy.in_force, Kind::Resource)
                .map_err(|error| Error::Internal(format!("the policy of {}: {error}", stored.arn)))?;
            let policy = Policy::compile(&document, Kind::Resource, stored.arn.as_str());
            Some(Arc::new(PolicySet::new(vec![Arc::new(policy)])))
        }
    };
    Ok(KnownResource { account, attributes: stored.attributes, policy })
}

impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resources").finish_non_exhaustive()
    }
}
