//! Seals secrets before they reach the store, and opens them again: AES-256-GCM under a data key per account, each wrapped by
//! the installation's master key.
//!
//! Every sealed value is bound to its account, record and field, so that one that was moved to another place does not open.

use std::fmt;
use std::sync::Arc;

use moka::sync::Cache;

use super::contract::{Store, StoreError};
use super::layout;
use super::table::Reader;
use crate::clock::Random;
use crate::crypto::seal::{DataKey, MasterKey, SealError, Sealed};
use crate::identity::Account;
use crate::types::{AccountId, SecretBytes, SecretText};

/// Seals and opens secrets.
pub struct Vault {
    store: Arc<dyn Store>,
    master: MasterKey,
    /// Seals what belongs to no account.
    installation: DataKey,
    random: Arc<dyn Random>,
    /// Data keys never change, so this cache needs no invalidation.
    keys: Cache<AccountId, DataKey>,
}

impl Vault {
    /// A vault under this master key and the installation's own data key.
    pub fn new(store: Arc<dyn Store>, master: MasterKey, installation: DataKey, random: Arc<dyn Random>) -> Self {
        Self { store, master, installation, random, keys: Cache::new(10_000) }
    }

    /// A new account's data key, wrapped.
    ///
    /// # Errors
    /// The key could not be wrapped.
    pub fn new_data_key(&self, account: AccountId) -> Result<(DataKey, Sealed), StoreError> {
        let key = DataKey::generate(&*self.random);
        let wrapped = key.wrap(&self.master, &*self.random, &wrap_context(account)).map_err(corrupt("data-key"))?;
        Ok((key, Sealed::from_bytes(wrapped)))
    }

    /// Seals a secret under a data key that was made just now, for an account that is not in the store yet.
    ///
    /// # Errors
    /// The secret could not be sealed.
    pub fn seal_with(
        &self,
        key: &DataKey,
        account: AccountId,
        context: &[impl AsRef<str>],
        secret: &[u8],
    ) -> Result<Sealed, StoreError> {
        key.seal(&*self.random, secret, &bound(account, context)).map_err(corrupt("seal"))
    }

    /// Seals a secret of an account. `context` names the record and the field.
    ///
    /// # Errors
    /// The account's data key cannot be read.
    pub async fn seal(
        &self,
        account: AccountId,
        context: &[impl AsRef<str>],
        secret: &[u8],
    ) -> Result<Sealed, StoreError> {
        let key = self.data_key(account).await?;
        self.seal_with(&key, account, context, secret)
    }

    /// Opens what [`Vault::seal`] sealed with the same account and context.
    ///
    /// # Errors
    /// The data key cannot be read, or the value was sealed for another place or damaged.
    pub async fn open(
        &self,
        account: AccountId,
        context: &[impl AsRef<str>],
        sealed: &Sealed,
    ) -> Result<SecretBytes, StoreError> {
        let key = self.data_key(account).await?;
        let place: Vec<&str> = context.iter().map(AsRef::as_ref).collect();
        key.open(sealed, &bound(account, context)).map_err(corrupt(&place.join("/")))
    }

    /// As [`Vault::open`], for a text.
    ///
    /// # Errors
    /// As [`Vault::open`]; also when the secret is not UTF-8.
    pub async fn open_text(
        &self,
        account: AccountId,
        context: &[impl AsRef<str>],
        sealed: &Sealed,
    ) -> Result<SecretText, StoreError> {
        let bytes = self.open(account, context, sealed).await?;
        match std::str::from_utf8(bytes.expose()) {
            Ok(text) => Ok(SecretText::new(text)),
            Err(_) => Err(StoreError::corrupt("secret", "not text")),
        }
    }

    /// Seals something of the installation itself.
    ///
    /// # Errors
    /// The secret could not be sealed.
    pub fn seal_for_installation(&self, context: &str, secret: &[u8]) -> Result<Sealed, StoreError> {
        self.installation.seal(&*self.random, secret, &installation_bound(context)).map_err(corrupt(context))
    }

    /// Opens what [`Vault::seal_for_installation`] sealed.
    ///
    /// # Errors
    /// The value was sealed for another place, or was damaged.
    pub fn open_for_installation(&self, context: &str, sealed: &Sealed) -> Result<SecretBytes, StoreError> {
        self.installation.open(sealed, &installation_bound(context)).map_err(corrupt(context))
    }

    /// A key of the installation's for one purpose, the same at every broker on the store.
    pub fn key_for(&self, purpose: &str) -> SecretBytes {
        self.installation.derive(purpose.as_bytes())
    }

    async fn data_key(&self, account: AccountId) -> Result<DataKey, StoreError> {
        if let Some(key) = self.keys.get(&account) {
            return Ok(key);
        }
        let place = format!("account/{account}");
        let mut reader = Reader::new(Arc::clone(&self.store));
        let found = reader.get::<Account>(&layout::account(account)).await?;
        let found = found.ok_or_else(|| StoreError::corrupt(&place, "a secret of an account that does not exist"))?;
        let wrapped = found.data_key.as_bytes();
        let key = DataKey::unwrap(wrapped, &self.master, &wrap_context(account)).map_err(corrupt(&place))?;
        self.keys.insert(account, key.clone());
        Ok(key)
    }
}

fn installation_bound(context: &str) -> Vec<u8> {
    format!("installation\0{context}").into_bytes()
}

fn corrupt(place: &str) -> impl FnOnce(SealError) -> StoreError {
    move |error| StoreError::corrupt(place, &error.to_string())
}

fn wrap_context(account: AccountId) -> Vec<u8> {
    format!("account\0{account}\0data-key").into_bytes()
}

/// The additional data that a sealed value is bound to; parts are kept apart by a byte that none of them contains.
fn bound(account: AccountId, context: &[impl AsRef<str>]) -> Vec<u8> {
    let mut bytes = account.to_string().into_bytes();
    for part in context {
        bytes.push(0);
        bytes.extend_from_slice(part.as_ref().as_bytes());
    }
    bytes
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").finish_non_exhaustive()
    }
}
