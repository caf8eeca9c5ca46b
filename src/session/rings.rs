//! All rings of the broker, read from the store at one moment.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::crypto::alg::SigningAlg;
use crate::crypto::signing_key::SigningKey;
use crate::session::identity_keys::IdentityKeys;
use crate::session::key_family::KeyFamily;
use crate::session::key_ring::{KeyRing, KeyRingError, RingKey};
use crate::session::material::{RingKeyMaterial, RingRecord};
use crate::store::{Key, StoreError, Tx, Vault};

/// The rings, and what could not be read of them.
#[derive(Debug, Clone)]
pub struct Rings {
    sessions: Arc<KeyRing>,
    identity: Arc<IdentityKeys>,
    unreadable: Vec<UnreadableKey>,
}

/// A record that is no key which this broker can use: nothing that such a key may have signed verifies.
#[derive(Debug, Clone)]
pub struct UnreadableKey {
    /// Whose keys it lies among.
    pub family: KeyFamily,
    /// The name that it lies under.
    pub kid: String,
    /// What is wrong with it.
    pub cause: String,
}

impl Rings {
    /// No keys at all.
    pub(super) fn empty(issuer: &str) -> Result<Self, KeyRingError> {
        Self::of(issuer, Vec::new(), &[], Vec::new())
    }

    fn of(
        issuer: &str,
        mut keys: Vec<(KeyFamily, RingKey)>,
        rsa: &[SigningKey],
        unreadable: Vec<UnreadableKey>,
    ) -> Result<Self, KeyRingError> {
        let mut ring = |family| {
            let (own, others) = std::mem::take(&mut keys).into_iter().partition(|(of, _)| *of == family);
            keys = others;
            let own: Vec<(KeyFamily, RingKey)> = own;
            KeyRing::new(issuer, own.into_iter().map(|(_, key)| key).collect())
        };
        let sessions = Arc::new(ring(KeyFamily::Sessions)?);
        let mut identity = Vec::new();
        for family in KeyFamily::ALL {
            if let KeyFamily::WebIdentity(algorithm) = family {
                identity.push((algorithm, ring(family)?));
            }
        }
        Ok(Self { sessions, identity: Arc::new(IdentityKeys::new(identity, rsa.to_vec())), unreadable })
    }

    /// Reads them. A record that cannot be used is set aside, so that the others, and the absence of those that were removed, count.
    pub(super) async fn read(tx: &mut Tx, vault: &Vault, issuer: &str, rsa: &[SigningKey]) -> Result<Self, ReadError> {
        /// More keys than any rotation leaves; rings of more were not made by this program.
        const MOST_KEYS: usize = 1_000;
        let mut keys = Vec::new();
        let mut unreadable = Vec::new();
        for (family, range) in KeyFamily::ranges() {
            for (key, record) in tx.scan_each::<RingRecord>(&range, MOST_KEYS).await? {
                match record.map_err(Unusable::from).and_then(|record| open(vault, family, &key, &record)) {
                    Ok(found) => keys.push(found),
                    Err(cause) => {
                        let kid = key.parts().and_then(|mut parts| parts.pop()).unwrap_or_default();
                        unreadable.push(UnreadableKey { family, kid, cause: cause.to_string() });
                    }
                }
            }
        }
        Ok(Self::of(issuer, keys, rsa, unreadable)?)
    }

    /// The keys of session tokens.
    pub fn sessions(&self) -> &Arc<KeyRing> {
        &self.sessions
    }

    /// The keys of web identity tokens.
    pub fn identity(&self) -> &Arc<IdentityKeys> {
        &self.identity
    }

    /// What could not be read.
    pub fn unreadable(&self) -> &[UnreadableKey] {
        &self.unreadable
    }

    /// The rings of all families.
    pub fn all(&self) -> impl Iterator<Item = (KeyFamily, &KeyRing)> {
        KeyFamily::ALL.into_iter().filter_map(|family| Some((family, self.ring(family)?)))
    }

    /// The ring and the key of this name.
    pub fn find(&self, kid: &str) -> Option<(KeyFamily, &RingKey)> {
        self.all().find_map(|(family, ring)| Some((family, ring.find(kid)?)))
    }

    /// For how many seconds the key that signs for each family has signed.
    pub fn ages(&self, now: Timestamp) -> impl Iterator<Item = (KeyFamily, SigningAlg, i64)> {
        self.all().filter_map(move |(family, ring)| {
            let key = ring.active(now)?;
            Some((family, key.signing().alg(), now.seconds() - key.not_before().seconds()))
        })
    }

    fn ring(&self, family: KeyFamily) -> Option<&KeyRing> {
        match family {
            KeyFamily::Sessions => Some(&self.sessions),
            KeyFamily::WebIdentity(algorithm) => self.identity.ring(algorithm),
        }
    }
}

/// Why no rings could be read at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Ring(#[from] KeyRingError),
}

/// Why a record cannot be used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("no tokens of its kind are signed with {0}")]
    Algorithm(SigningAlg),
    #[error("its record lies under another name")]
    Name,
    #[error(transparent)]
    Damaged(#[from] StoreError),
    #[error(transparent)]
    Material(#[from] KeyRingError),
}

fn open(vault: &Vault, range: KeyFamily, key: &Key, record: &RingRecord) -> Result<(KeyFamily, RingKey), Unusable> {
    let family = KeyFamily::of(range, record.alg).ok_or(Unusable::Algorithm(record.alg))?;
    if family.key(&record.kid) != *key {
        return Err(Unusable::Name);
    }
    let bytes = vault.open_for_installation(&family.place(&record.kid), &record.material)?;
    Ok((family, RingKey::from_record(record, &RingKeyMaterial::from_bytes(&bytes)?)?))
}
