//! Passwords as requests carry them, and what a new one is held to.

use std::fmt;

use serde::Deserialize;

use crate::crypto::password::PasswordHash;
use crate::identity::password_policy::{self, PasswordPolicy, Weakness};
use crate::identity::{Account, AliasOfAccount, LoginProfile};
use crate::ops::{Call, Error};
use crate::store::{Tx, layout};
use crate::types::{SecretText, UserName};

/// A password as it comes over the wire; it goes no further but as a hash.
#[derive(Deserialize)]
#[serde(from = "String")]
pub(super) struct Password(SecretText);

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self(SecretText::new(text))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Password {
    /// For whoever checks it.
    pub(super) fn secret(&self) -> &SecretText {
        &self.0
    }
}

impl From<Weakness> for Error {
    fn from(weakness: Weakness) -> Self {
        Self::PasswordPolicyViolation(weakness.to_string())
    }
}

/// What new passwords of the caller's account are held to.
pub(super) struct Rules {
    policy: Option<PasswordPolicy>,
}

impl Rules {
    /// The account's own, or else AWS's.
    pub(super) async fn of_account(call: &Call<'_>, tx: &mut Tx) -> Result<Self, Error> {
        Ok(Self { policy: tx.get::<PasswordPolicy>(&layout::password_policy(call.account())).await? })
    }

    /// How many passwords are not taken again.
    pub(super) fn remembered(&self) -> usize {
        let remembered = self.policy.as_ref().and_then(|policy| policy.remembered).unwrap_or(0);
        usize::try_from(remembered).unwrap_or(password_policy::MOST_REMEMBERED)
    }

    /// What costs nothing to find out: length and kinds of characters.
    pub(super) async fn check(
        &self,
        password: &Password,
        user: &UserName,
        call: &Call<'_>,
        tx: &mut Tx,
    ) -> Result<(), Error> {
        let account = tx.get::<Account>(&layout::account(call.account())).await?;
        let alias = tx.get::<AliasOfAccount>(&layout::alias_of_account(call.account())).await?;
        let mut names = vec![user.as_str()];
        names.extend(account.as_ref().map(|account| account.name.as_str()));
        names.extend(alias.as_ref().map(|alias| alias.alias.as_str()));
        Ok(password_policy::check(self.policy.as_ref(), password.0.expose(), &names)?)
    }

    /// What costs a hash for each password that is remembered: that it is none of them. Those of `compared`, the profile as it was
    /// when this was asked before, are not asked again.
    pub(super) async fn check_reuse(
        &self,
        password: &Password,
        profile: &LoginProfile,
        compared: Option<&LoginProfile>,
        call: &Call<'_>,
    ) -> Result<(), Error> {
        let compared = compared.into_iter().flat_map(|before| before.last(self.remembered()));
        let compared: Vec<SecretText> = compared.map(PasswordHash::to_phc).collect();
        let is_new = |hash: &&PasswordHash| !compared.iter().any(|known| known.matches(hash.to_phc().expose()));
        let last: Vec<PasswordHash> = profile.last(self.remembered()).filter(is_new).cloned().collect();
        if last.is_empty() {
            return Ok(());
        }
        let found = call.broker.passwords.is_among(&password.0, &last).await;
        if found.map_err(|error| Error::Internal(error.to_string()))? { Err(Weakness::Reused.into()) } else { Ok(()) }
    }
}

/// The hash of a new password.
pub(super) async fn hash(password: &Password, call: &Call<'_>) -> Result<PasswordHash, Error> {
    call.broker.passwords.hash(password.0.clone()).await.map_err(|error| Error::Internal(error.to_string()))
}

/// A user's login profile.
pub(super) async fn find_profile(name: &UserName, call: &Call<'_>, tx: &mut Tx) -> Result<LoginProfile, Error> {
    let found = tx.get::<LoginProfile>(&layout::login_profile(call.account(), name)).await?;
    found.ok_or_else(|| no_profile(name))
}

/// That a user has no password, in AWS's words.
pub(super) fn no_profile(name: &UserName) -> Error {
    Error::NoSuchEntity(format!("Login Profile for User {name} cannot be found."))
}
