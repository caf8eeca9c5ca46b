//! `CreateAccountAlias`, `DeleteAccountAlias`, `ListAccountAliases`: the name that an account has beside its number.
//!
//! Two records are kept in step in one transaction: by the alias, whose it is, which makes it unique in the installation; and by
//! the account, which it has. Source: "Creating, deleting, and listing an AWS account alias", `CreateAccountAlias.html` of the
//! sign-in user guide.

use serde::{Deserialize, Serialize};

use super::common::{page, page_of};
use crate::decision::Permit;
use crate::identity::{AliasOfAccount, AliasOwner};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::store::{Tx, layout};
use crate::types::AccountAlias;
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<CreateAccountAlias>().add::<DeleteAccountAlias>().add::<ListAccountAliases>();
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateAccountAlias {
    account_alias: AccountAlias,
}

impl Operation for CreateAccountAlias {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateAccountAlias";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(Permission::on_anything("iam:CreateAccountAlias", call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let key = layout::account_alias(&self.account_alias);
        if tx.get::<AliasOwner>(&key).await?.is_some() {
            let message = format!("The account alias {} already exists.", self.account_alias);
            return Err(Error::EntityAlreadyExists(message));
        }
        // An account has one alias: the new one takes the old one's place, and others may have that.
        let of_account = layout::alias_of_account(call.account());
        if let Some(old) = tx.get::<AliasOfAccount>(&of_account).await? {
            tx.delete(&layout::account_alias(&old.alias))?;
        }
        tx.put(&of_account, &AliasOfAccount { alias: self.account_alias.clone() })?;
        Ok(tx.put(&key, &AliasOwner { account: call.account() })?)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteAccountAlias {
    account_alias: AccountAlias,
}

impl Operation for DeleteAccountAlias {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteAccountAlias";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(Permission::on_anything("iam:DeleteAccountAlias", call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let of_account = layout::alias_of_account(call.account());
        let ours = tx.get::<AliasOfAccount>(&of_account).await?.is_some_and(|found| found.alias == self.account_alias);
        if !ours {
            let message = format!("The account alias {} cannot be found.", self.account_alias);
            return Err(Error::NoSuchEntity(message));
        }
        tx.delete(&of_account)?;
        Ok(tx.delete(&layout::account_alias(&self.account_alias))?)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListAccountAliases {
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AliasPage {
    account_aliases: Vec<String>,
    is_truncated: bool,
    marker: Option<String>,
}

impl Operation for ListAccountAliases {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListAccountAliases";
    const READ_ONLY: bool = true;
    type Output = AliasPage;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(Permission::on_anything("iam:ListAccountAliases", call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<AliasPage, Error> {
        let page = page(self.marker.as_deref(), self.max_items)?;
        let found = tx.get::<AliasOfAccount>(&layout::alias_of_account(call.account())).await?;
        let aliases = found.into_iter().map(|found| found.alias.to_string()).collect();
        let (account_aliases, tail) = page_of(aliases, &page, Clone::clone);
        Ok(AliasPage { account_aliases, is_truncated: tail.is_truncated, marker: tail.marker })
    }
}
