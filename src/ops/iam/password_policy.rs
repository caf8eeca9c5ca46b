//! `UpdateAccountPasswordPolicy`, `GetAccountPasswordPolicy`, `DeleteAccountPasswordPolicy`.
//!
//! Source: the pages of these operations in the IAM API reference. An update is never partial: what it does not say goes back to
//! its default.

use serde::{Deserialize, Serialize};

use crate::decision::Permit;
use crate::identity::PasswordPolicy;
use crate::identity::password_policy::DEFAULT_LENGTH;
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::store::{Tx, layout};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<UpdateAccountPasswordPolicy>();
    registry.add::<GetAccountPasswordPolicy>().add::<DeleteAccountPasswordPolicy>();
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_excessive_bools, reason = "AWS's parameters")]
struct UpdateAccountPasswordPolicy {
    minimum_password_length: Option<u32>,
    #[serde(default)]
    require_symbols: bool,
    #[serde(default)]
    require_numbers: bool,
    #[serde(default)]
    require_uppercase_characters: bool,
    #[serde(default)]
    require_lowercase_characters: bool,
    #[serde(default)]
    allow_users_to_change_password: bool,
    max_password_age: Option<u32>,
    password_reuse_prevention: Option<u32>,
    hard_expiry: Option<bool>,
}

impl Operation for UpdateAccountPasswordPolicy {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateAccountPasswordPolicy";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(Permission::on_anything("iam:UpdateAccountPasswordPolicy", call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let policy = PasswordPolicy {
            minimum_length: self.minimum_password_length.unwrap_or(DEFAULT_LENGTH),
            symbols: self.require_symbols,
            numbers: self.require_numbers,
            uppercase: self.require_uppercase_characters,
            lowercase: self.require_lowercase_characters,
            users_may_change: self.allow_users_to_change_password,
            max_age_days: self.max_password_age,
            remembered: self.password_reuse_prevention,
            hard_expiry: self.hard_expiry,
        };
        Ok(tx.put(&layout::password_policy(call.account()), &policy)?)
    }
}

#[derive(Deserialize)]
struct GetAccountPasswordPolicy {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OnePolicy {
    password_policy: Shown,
}

/// What has not been set is left out.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_excessive_bools, reason = "AWS's members")]
struct Shown {
    minimum_password_length: u32,
    require_symbols: bool,
    require_numbers: bool,
    require_uppercase_characters: bool,
    require_lowercase_characters: bool,
    allow_users_to_change_password: bool,
    expire_passwords: bool,
    max_password_age: Option<u32>,
    password_reuse_prevention: Option<u32>,
    hard_expiry: Option<bool>,
}

impl Operation for GetAccountPasswordPolicy {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetAccountPasswordPolicy";
    const READ_ONLY: bool = true;
    type Output = OnePolicy;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(Permission::on_anything("iam:GetAccountPasswordPolicy", call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<OnePolicy, Error> {
        let policy = find(call, tx).await?;
        Ok(OnePolicy {
            password_policy: Shown {
                minimum_password_length: policy.minimum_length,
                require_symbols: policy.symbols,
                require_numbers: policy.numbers,
                require_uppercase_characters: policy.uppercase,
                require_lowercase_characters: policy.lowercase,
                allow_users_to_change_password: policy.users_may_change,
                expire_passwords: policy.max_age_days.is_some(),
                max_password_age: policy.max_age_days,
                password_reuse_prevention: policy.remembered,
                hard_expiry: policy.hard_expiry,
            },
        })
    }
}

#[derive(Deserialize)]
struct DeleteAccountPasswordPolicy {}

impl Operation for DeleteAccountPasswordPolicy {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteAccountPasswordPolicy";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(Permission::on_anything("iam:DeleteAccountPasswordPolicy", call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        find(call, tx).await?;
        Ok(tx.delete(&layout::password_policy(call.account()))?)
    }
}

async fn find(call: &Call<'_>, tx: &mut Tx) -> Result<PasswordPolicy, Error> {
    let found = tx.get::<PasswordPolicy>(&layout::password_policy(call.account())).await?;
    found.ok_or_else(|| {
        let account = call.account();
        Error::NoSuchEntity(format!("The Password Policy with domain name {account} cannot be found."))
    })
}
