//! Making accounts: an operator's work, done on the store directly.

use std::sync::Arc;

use serde_json::json;

use super::foundation::Foundation;
use super::operator;
use crate::audit::Trail;
use crate::clock::{Clock, Random};
use crate::identity::{AccessKey, Account, KeyOwner, KeyStatus, Organization};
use crate::store::{CommitError, StoreError, Tx, Vault, layout};
use crate::types::{AccessKeyId, AccountId, SecretText, random_token};

/// An account that was made just now; the one time that its root user's secret is seen.
#[derive(Debug)]
pub struct NewAccount {
    /// The account.
    pub id: AccountId,
    /// The root user's access key.
    pub access_key: AccessKeyId,
    /// Its secret.
    pub secret: SecretText,
}

/// Why an account was not made.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// There is one of this id.
    #[error("account {0} exists already")]
    Exists(AccountId),
    /// Somebody has this access key.
    #[error("access key {0} exists already")]
    KeyExists(AccessKeyId),
    /// The key is for sessions.
    #[error("an access key id that begins with ASIA belongs to a session")]
    SessionKey,
    /// The name is too long, or not printable.
    #[error("an account's name has 1 to 50 printable characters")]
    Name,
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the account shall be; the rest is made at random.
pub(super) struct Wanted {
    pub(super) id: Option<AccountId>,
    pub(super) name: String,
    pub(super) root_key: Option<(AccessKeyId, SecretText)>,
}

/// Makes an account with a root user and an access key for it.
///
/// # Errors
/// [`AccountError`].
pub async fn create(
    foundation: &Foundation,
    id: Option<AccountId>,
    name: &str,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<NewAccount, AccountError> {
    let printable = name.chars().all(|c| !c.is_control());
    if name.is_empty() || name.chars().count() > 50 || !printable {
        return Err(AccountError::Name);
    }
    // Another command may begin the organization at the same moment; the second time it is there.
    loop {
        let mut tx = Tx::new(Arc::clone(&foundation.store));
        organize(&mut tx, 1, clock, random).await?;
        let wanted = Wanted { id, name: name.to_owned(), root_key: None };
        let made = stage(&mut tx, &foundation.vault, wanted, clock, random).await?;
        match tx.commit().await {
            Ok(_) => return Ok(made),
            Err(CommitError::Conflict(key)) if key == layout::organization() => continue,
            Err(CommitError::Conflict(_)) => return Err(AccountError::Exists(made.id)),
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
    }
}

/// Stages the beginning of the organization, unless there is one or there are fewer than `least` accounts yet. The account that
/// was first manages it.
pub(super) async fn organize(
    tx: &mut Tx,
    least: usize,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<(), StoreError> {
    let key = layout::organization();
    if tx.get::<Organization>(&key).await?.is_some() {
        return Ok(());
    }
    let accounts = tx.scan::<Account>(&layout::accounts(), MOST_WITHOUT_ORGANIZATION).await?;
    let first = accounts.iter().map(|(_, account)| (account.created, account.id)).min();
    if let Some((_, first)) = first.filter(|_| accounts.len() >= least) {
        tx.create(&key, &Organization::begin(first, clock.now(), random))?;
    }
    Ok(())
}

/// How many accounts a store can have whose brokers did not know of organizations yet: far more than any has.
const MOST_WITHOUT_ORGANIZATION: usize = 10_000;

/// Stages the records of a new account, its audit record among them.
pub(super) async fn stage(
    tx: &mut Tx,
    vault: &Vault,
    wanted: Wanted,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<NewAccount, AccountError> {
    let id = wanted.id.unwrap_or_else(|| AccountId::random(random));
    if tx.get::<Account>(&layout::account(id)).await?.is_some() {
        return Err(AccountError::Exists(id));
    }
    let (access_key, secret) =
        wanted.root_key.unwrap_or_else(|| (AccessKeyId::long_lived(id, random), random_token(30, random)));
    if access_key.is_session() {
        return Err(AccountError::SessionKey);
    }
    if tx.get::<AccessKey>(&layout::access_key(&access_key)).await?.is_some() {
        return Err(AccountError::KeyExists(access_key));
    }
    let (data_key, wrapped) = vault.new_data_key(id)?;
    let context = ["access-key", access_key.as_str(), "secret"];
    let key = AccessKey {
        id: access_key.clone(),
        account: id,
        owner: KeyOwner::Root,
        status: KeyStatus::Active,
        created: clock.now(),
        secret: vault.seal_with(&data_key, id, &context, secret.expose().as_bytes())?,
    };
    let account = Account {
        id,
        name: wanted.name.clone(),
        created: clock.now(),
        root_access_keys: vec![access_key.clone()],
        root_signing_certificates: Vec::new(),
        data_key: wrapped,
    };
    tx.create(&layout::account(id), &account)?;
    tx.create(&layout::access_key(&access_key), &key)?;
    let record = operator::event(
        "CreateAccount",
        &id.to_string(),
        json!({ "name": wanted.name }),
        json!({ "accountId": id.to_string(), "rootAccessKeyId": access_key.as_str() }),
        clock,
        random,
    );
    tx.audit(Trail::row(record)?);
    Ok(NewAccount { id, access_key, secret })
}
