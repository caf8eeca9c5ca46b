//! What a broker stands on: the store, the master key, the installation's record. Made at the first start, found again ever
//! after, and shared by the commands that work on the store directly.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::accounts::{self, AccountError, NewAccount};
use super::master_key::{self, MasterKeyError};
use crate::clock::{Clock, Random};
use crate::config::StoreSection;
use crate::crypto::seal::{DataKey, MasterKey, SealError, Sealed};
use crate::identity::Installation;
use crate::store::{self, CommitError, Location, Store, StoreError, Tx, Vault, layout};
use crate::types::{AccessKeyId, AccountId, SecretText};

/// What the first start is told from outside; each of it is made at random where it is absent.
#[derive(Clone, Debug, Default)]
pub struct Bootstrap {
    /// The first account's id: `BREVET_BOOTSTRAP_ACCOUNT_ID`.
    pub account: Option<AccountId>,
    /// The root user's access key: `BREVET_BOOTSTRAP_ACCESS_KEY_ID` and `BREVET_BOOTSTRAP_SECRET_ACCESS_KEY`.
    pub root_key: Option<(AccessKeyId, SecretText)>,
    /// The master key: `BREVET_MASTER_KEY`; in a file where it is absent, or empty and there is one.
    pub master_key: Option<SecretText>,
}

/// What a broker stands on.
#[derive(Debug)]
pub struct Foundation {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Seals and opens secrets.
    pub vault: Arc<Vault>,
    /// The installation's record.
    pub installation: Installation,
    /// The first account, if this was the first start.
    pub first: Option<NewAccount>,
}

/// Why there is no foundation.
#[derive(Debug, thiserror::Error)]
pub enum FoundationError {
    /// The data directory cannot be made.
    #[error("the data directory {0}: {1}")]
    DataDir(PathBuf, #[source] io::Error),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The master key is missing, or another one.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The first account could not be made.
    #[error("the first account: {0}")]
    Account(#[from] AccountError),
    /// The store has not been set up yet, and this command does not do that.
    #[error("there is no installation in this store yet; start the broker once with `brevet serve` or `brevet dev`")]
    Empty,
    /// A key could not be made.
    #[error("sealing: {0}")]
    Seal(#[from] SealError),
    /// Other brokers are setting up the same store.
    #[error("the store is being set up by another broker; please try again")]
    Contended,
}

impl Foundation {
    /// Opens the store; at the first start makes the installation, its first account and, where none is given, its master key.
    ///
    /// # Errors
    /// [`FoundationError`].
    pub async fn lay(
        section: &StoreSection,
        bootstrap: &Bootstrap,
        issuer: &str,
        clock: &dyn Clock,
        random: &Arc<dyn Random>,
    ) -> Result<Self, FoundationError> {
        let store = open_store(section).await?;
        let key_file = key_file(section);
        // Another broker may set up the same store at the same moment; then its installation is found the second time.
        for _ in 0..3 {
            let found = master_key::find(bootstrap.master_key.as_ref(), &key_file)?;
            if let Some(installation) = find_installation(&store).await? {
                let master = found.ok_or(MasterKeyError::Missing(key_file))?;
                let foundation = Self::on(store, master, installation, random)?;
                foundation.organize(clock, &**random).await?;
                return Ok(foundation);
            }
            let master = match found {
                Some(master) => master,
                None => master_key::make(bootstrap.master_key.as_ref(), &key_file, &**random)?,
            };
            let installation_key = DataKey::generate(&**random);
            let installation = Installation {
                created: clock.now(),
                issuer: issuer.to_owned(),
                data_key: Sealed::from_bytes(installation_key.wrap(&master, &**random, WRAP_CONTEXT)?),
            };
            let vault = Vault::new(Arc::clone(&store), master, installation_key, Arc::clone(random));
            let mut tx = Tx::new(Arc::clone(&store));
            tx.create(&layout::installation(), &installation)?;
            let wanted = accounts::Wanted {
                id: bootstrap.account,
                name: "first".to_owned(),
                root_key: bootstrap.root_key.clone(),
            };
            let first = accounts::stage(&mut tx, &vault, wanted, clock, &**random).await?;
            match tx.commit().await {
                Ok(_) => return Ok(Self { store, vault: Arc::new(vault), installation, first: Some(first) }),
                Err(CommitError::Conflict(_)) => continue,
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(FoundationError::Contended)
    }

    /// Opens a store that has been set up, for a command that works on it directly.
    ///
    /// # Errors
    /// [`FoundationError`].
    pub async fn find(
        section: &StoreSection,
        master_key: Option<&SecretText>,
        random: &Arc<dyn Random>,
    ) -> Result<Self, FoundationError> {
        if section.database.is_none() && !section.data_dir.join(DATABASE_FILE).exists() {
            return Err(FoundationError::Empty);
        }
        let store = open_store(section).await?;
        let installation = find_installation(&store).await?.ok_or(FoundationError::Empty)?;
        let key_file = key_file(section);
        let master = master_key::find(master_key, &key_file)?.ok_or(MasterKeyError::Missing(key_file))?;
        Self::on(store, master, installation, random)
    }

    /// Begins the organization of a store whose accounts were made before brokers knew of organizations.
    async fn organize(&self, clock: &dyn Clock, random: &dyn Random) -> Result<(), StoreError> {
        let mut tx = Tx::new(Arc::clone(&self.store));
        accounts::organize(&mut tx, 2, clock, random).await?;
        if !tx.has_writes() {
            return Ok(());
        }
        match tx.commit().await {
            // Another broker was faster.
            Ok(_) | Err(CommitError::Conflict(_)) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    fn on(
        store: Arc<dyn Store>,
        master: MasterKey,
        installation: Installation,
        random: &Arc<dyn Random>,
    ) -> Result<Self, FoundationError> {
        let key =
            DataKey::unwrap(installation.data_key.as_bytes(), &master, WRAP_CONTEXT).map_err(|error| match error {
                SealError::OtherMasterKey => FoundationError::MasterKey(MasterKeyError::Other),
                other => FoundationError::Seal(other),
            })?;
        let vault = Arc::new(Vault::new(Arc::clone(&store), master, key, Arc::clone(random)));
        Ok(Self { store, vault, installation, first: None })
    }
}

/// Under which context the installation's data key is wrapped.
const WRAP_CONTEXT: &[u8] = b"installation\0data-key";
/// The embedded store's file in the data directory.
const DATABASE_FILE: &str = "brevet.db";

/// Makes the data folder, if it is not there yet.
pub(super) fn make_data_folder(section: &StoreSection) -> Result<(), FoundationError> {
    make_private_folder(&section.data_dir).map_err(|error| FoundationError::DataDir(section.data_dir.clone(), error))
}

async fn open_store(section: &StoreSection) -> Result<Arc<dyn Store>, FoundationError> {
    make_data_folder(section)?;
    let location = match &section.database {
        Some(url) => Location::Postgres(url.clone()),
        None => Location::Sqlite(section.data_dir.join(DATABASE_FILE)),
    };
    Ok(store::open(&location).await?)
}

async fn find_installation(store: &Arc<dyn Store>) -> Result<Option<Installation>, StoreError> {
    Tx::new(Arc::clone(store)).get::<Installation>(&layout::installation()).await
}

fn key_file(section: &StoreSection) -> PathBuf {
    section.master_key_file.clone().unwrap_or_else(|| section.data_dir.join("master.key"))
}

/// A folder that only its owner may look into. One that exists already is narrowed.
fn make_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}
