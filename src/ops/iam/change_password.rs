//! `ChangePassword`: a user gives itself another password, knowing the present one.
//!
//! Source: `API_ChangePassword.html`; "Permit IAM users to change their own passwords",
//! `id_credentials_passwords_enable-user-change.html`. Whether the account lets all users do so is part of each user's permissions
//! (`src/decision/principal.rs`). An expired password is changed here like any other: the request is signed with an access key.

use serde::Deserialize;

use super::common::{find_user, on_user};
use super::password::{Password, Rules, find_profile, hash, no_profile};
use crate::authn::own_password;
use crate::decision::{Identity, Permit};
use crate::ops::{Call, Demand, Error, Operation, Registry};
use crate::store::{Tx, layout};
use crate::types::UserName;
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<ChangePassword>();
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangePassword {
    old_password: Password,
    new_password: Password,
}

fn caller<'a>(call: &'a Call<'_>) -> Result<&'a UserName, Error> {
    match call.caller.identity() {
        Identity::User(name) => Ok(name),
        Identity::Root | Identity::Role(_) => {
            Err(Error::InvalidUserType("Only IAM Users can change their own password.".to_owned()))
        }
    }
}

impl Operation for ChangePassword {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ChangePassword";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_user("iam:ChangePassword", caller(call)?, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let user = find_user(tx, call, caller(call)?).await?;
        if !user.has_login_profile {
            return Err(no_profile(&user.name));
        }
        let rules = Rules::of_account(call, tx).await?;
        rules.check(&self.new_password, &user.name, call, tx).await?;
        let broker = call.broker;
        let whose = (call.account(), &user.name);
        let old = self.old_password.secret();
        let proven = own_password::prove(&broker.store, &broker.feed, &broker.passwords, whose, old, call.now()).await;
        let proven = proven.map_err(|error| refusal(error, &user.name))?;
        let mut profile = find_profile(&user.name, call, tx).await?;
        if !profile.password.to_phc().matches(proven.password.to_phc().expose()) {
            // Somebody gave the user another password just now.
            return Err(refusal(own_password::Error::Wrong, &user.name));
        }
        rules.check_reuse(&self.new_password, &profile, None, call).await?;
        profile.replace(hash(&self.new_password, call).await?, call.now(), rules.remembered());
        profile.reset_required = false;
        Ok(tx.put(&layout::login_profile(call.account(), &user.name), &profile)?)
    }
}

fn refusal(error: own_password::Error, user: &UserName) -> Error {
    match error {
        own_password::Error::None => no_profile(user),
        own_password::Error::Wrong => Error::Forbidden("The old password was incorrect.".to_owned()),
        own_password::Error::Throttled => Error::EntityTemporarilyUnmodifiable(format!(
            "The old password of User {user} was given incorrectly too often. Please try again later."
        )),
        own_password::Error::Unchecked(error) => Error::Internal(error.to_string()),
        own_password::Error::Store(error) => Error::Store(error),
    }
}
