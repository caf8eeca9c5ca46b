//! Stored resources that are asked about: kept with their compiled policies until they change. That nothing is stored is kept too.

use std::fmt;
use std::sync::Arc;

use crate::identity::{ResourceOwner, StoredResource};
use crate::ops::Error;
use crate::policy::{Document, Kind, Policy, PolicySet};
use crate::store::{Fresh, Invalidations, Key, Reader, Store, Ticket, layout};
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
        match ResourceArn::check(arn) {
            Ok(()) => self.known.reads(arn.as_str()),
            Err(_) => Some(Vec::new()),
        }
    }

    /// What is stored of the resource that an ARN names, if anything is.
    ///
    /// # Errors
    /// The store cannot be read, or the stored policy is not one.
    pub async fn find(&self, arn: &Arn) -> Result<Option<Arc<KnownResource>>, Error> {
        if let Some(looked) = self.at_hand(arn) {
            self.known.looked(1, 0);
            return Ok(looked);
        }
        Ok(self.find_all(&[arn]).await?.pop().flatten())
    }

    /// What is known of a resource already; of one of which nothing could be stored that nothing is.
    fn at_hand(&self, arn: &Arn) -> Option<Option<Arc<KnownResource>>> {
        // Looked for first: nothing is kept of what could not be stored, and most are known.
        match self.known.look(arn.as_str()) {
            Some(looked) => Some(looked.0.clone()),
            None => ResourceArn::check(arn).is_err().then_some(None),
        }
    }

    /// What is stored of each of these: those that are not known yet are read together.
    ///
    /// # Errors
    /// As [`Resources::find`], of any of them.
    pub async fn find_all(&self, arns: &[&Arn]) -> Result<Vec<Option<Arc<KnownResource>>>, Error> {
        let mut found = Vec::with_capacity(arns.len());
        // Each once, with the places where it is wanted.
        let mut unknown: Vec<(Vec<usize>, ResourceArn)> = Vec::new();
        for arn in arns {
            let looked = self.at_hand(arn);
            if looked.is_none() {
                match unknown.iter_mut().find(|(_, other)| other.arn() == *arn) {
                    Some((places, _)) => places.push(found.len()),
                    None => unknown.extend(ResourceArn::try_from((*arn).clone()).map(|arn| (vec![found.len()], arn))),
                }
            }
            found.push(looked.flatten());
        }
        let missed: usize = unknown.iter().map(|(places, _)| places.len()).sum();
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        self.known.looked(count(arns.len().saturating_sub(missed)), count(missed));
        if !unknown.is_empty() {
            // Apart, so that whoever finds all of them need not make room for all that reading takes.
            Box::pin(self.look(unknown, &mut found)).await?;
        }
        Ok(found)
    }

    /// Reads what is stored of resources that are not known yet, and puts each in its place.
    async fn look(
        &self,
        unknown: Vec<(Vec<usize>, ResourceArn)>,
        found: &mut [Option<Arc<KnownResource>>],
    ) -> Result<(), Error> {
        let ticket = self.known.begin();
        let mut reader = Reader::new(Arc::clone(&self.store));
        loop {
            let first: Vec<Key> = unknown.iter().map(|(_, arn)| first_key(arn)).collect();
            reader.read_ahead(&first).await?;
            let mut rest = Vec::new();
            for (_, arn) in unknown.iter().filter(|(_, arn)| arn.account().is_none()) {
                rest.extend(keys(&mut reader, arn).await?.into_iter().skip(1));
            }
            if rest.is_empty() {
                break;
            }
            reader.read_ahead(&rest).await?;
            // Owner and resource are two records; only if none has changed since are they the state of one moment.
            if !reader.restart_if_changed().await? {
                break;
            }
        }
        for (places, arn) in unknown {
            let reads = keys(&mut reader, &arn).await?;
            let looked = match read(&mut reader, &arn).await? {
                Some((account, stored)) => Looked(Some(Arc::new(compiled(account, stored)?))),
                None => Looked(None),
            };
            let looked = self.known.keep(ticket, arn.as_str(), looked, reads);
            for at in places {
                if let Some(place) = found.get_mut(at) {
                    place.clone_from(&looked.0);
                }
            }
        }
        Ok(())
    }

    /// Say this before reading resources for [`Resources::take`].
    pub fn begin(&self) -> Ticket {
        self.known.begin()
    }

    /// A resource that somebody has read by itself, as it is known.
    ///
    /// # Errors
    /// The stored policy is not one.
    pub fn take(
        &self,
        ticket: Ticket,
        account: AccountId,
        stored: StoredResource,
    ) -> Result<Option<Arc<KnownResource>>, Error> {
        if let Some(looked) = self.known.find(stored.arn.as_str()) {
            return Ok(looked.0.clone());
        }
        let arn = stored.arn.clone();
        let mut reads = vec![first_key(&arn)];
        if arn.account().is_none() {
            reads.push(layout::resource(account, &arn));
        }
        let looked = Looked(Some(Arc::new(compiled(account, stored)?)));
        Ok(self.known.keep(ticket, arn.as_str(), looked, reads).0.clone())
    }
}

/// The record that is looked at first: the resource's, or whose it is where its ARN does not tell.
fn first_key(arn: &ResourceArn) -> Key {
    match arn.account() {
        Some(account) => layout::resource(account, arn),
        None => layout::resource_owner(arn),
    }
}

/// All records that tell what is stored of a resource; the first of them has been read.
async fn keys(reader: &mut Reader, arn: &ResourceArn) -> Result<Vec<Key>, Error> {
    let first = first_key(arn);
    let owner = match arn.account() {
        Some(_) => None,
        None => reader.get::<ResourceOwner>(&first).await?,
    };
    Ok([first].into_iter().chain(owner.map(|owner| layout::resource(owner.account, arn))).collect())
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
