//! `CreateLoginProfile`, `GetLoginProfile`, `UpdateLoginProfile`, `DeleteLoginProfile`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::common::{find_user, named, on_user};
use super::own_root;
use super::password::{Password, Rules, find_profile, hash};
use crate::decision::Permit;
use crate::identity::LoginProfile;
use crate::ops::{Call, Demand, Error, Operation, Registry};
use crate::store::{Tx, layout};
use crate::types::UserName;
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<CreateLoginProfile>().add::<GetLoginProfile>();
    registry.add::<UpdateLoginProfile>().add::<DeleteLoginProfile>();
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OneProfile {
    login_profile: Profile,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Profile {
    user_name: String,
    create_date: String,
    password_reset_required: bool,
}

impl OneProfile {
    fn of(user: &UserName, profile: &LoginProfile) -> Self {
        Self {
            login_profile: Profile {
                user_name: user.to_string(),
                create_date: profile.created.iso8601(),
                password_reset_required: profile.reset_required,
            },
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateLoginProfile {
    user_name: Option<UserName>,
    password: Option<Password>,
    #[serde(default)]
    password_reset_required: bool,
}

impl Operation for CreateLoginProfile {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateLoginProfile";
    const READ_ONLY: bool = false;
    type Output = OneProfile;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        own_root::permission("iam:CreateLoginProfile", self.user_name.as_ref(), call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<OneProfile, Error> {
        if own_root::is_meant(self.user_name.as_ref(), call) {
            return Err(Error::NotBuilt("iam:CreateLoginProfile for a root user".to_owned()));
        }
        let mut user = find_user(tx, call, named(self.user_name.as_ref(), call)?).await?;
        if user.has_login_profile {
            return Err(Error::EntityAlreadyExists(format!("Login Profile for user {} already exists.", user.name)));
        }
        let Some(password) = &self.password else {
            return Err(Error::Validation("Must specify a password for the login profile.".to_owned()));
        };
        Rules::of_account(call, tx).await?.check(password, &user.name, call, tx).await?;
        let profile = LoginProfile::new(hash(password, call).await?, call.now(), self.password_reset_required);
        user.has_login_profile = true;
        tx.put(&layout::user(call.account(), &user.name), &user)?;
        tx.put(&layout::login_profile(call.account(), &user.name), &profile)?;
        Ok(OneProfile::of(&user.name, &profile))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetLoginProfile {
    user_name: Option<UserName>,
}

impl Operation for GetLoginProfile {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetLoginProfile";
    const READ_ONLY: bool = true;
    type Output = OneProfile;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        own_root::permission("iam:GetLoginProfile", self.user_name.as_ref(), call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<OneProfile, Error> {
        if own_root::is_meant(self.user_name.as_ref(), call) {
            return Err(own_root::no_profile(call));
        }
        let user = find_user(tx, call, named(self.user_name.as_ref(), call)?).await?;
        let profile = find_profile(&user.name, call, tx).await?;
        Ok(OneProfile::of(&user.name, &profile))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateLoginProfile {
    user_name: UserName,
    password: Option<Password>,
    password_reset_required: Option<bool>,
}

impl Operation for UpdateLoginProfile {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateLoginProfile";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_user("iam:UpdateLoginProfile", &self.user_name, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let user = find_user(tx, call, &self.user_name).await?;
        // Whoever knows the old password changes the profile with each try to replace it, and must not be able to keep an
        // administrator from doing so: what takes its time is done before the profile is read to be written.
        let mut earlier = Tx::new(Arc::clone(&call.broker.store));
        let before = find_profile(&user.name, call, &mut earlier).await?;
        let new = match &self.password {
            Some(password) => {
                let rules = Rules::of_account(call, tx).await?;
                rules.check(password, &user.name, call, tx).await?;
                rules.check_reuse(password, &before, None, call).await?;
                Some((password, hash(password, call).await?, rules))
            }
            None => None,
        };
        let mut profile = find_profile(&user.name, call, tx).await?;
        if let Some((password, hash, rules)) = new {
            rules.check_reuse(password, &profile, Some(&before), call).await?;
            profile.replace(hash, call.now(), rules.remembered());
        }
        if let Some(required) = self.password_reset_required {
            profile.reset_required = required;
        }
        Ok(tx.put(&layout::login_profile(call.account(), &user.name), &profile)?)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteLoginProfile {
    user_name: Option<UserName>,
}

impl Operation for DeleteLoginProfile {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteLoginProfile";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        own_root::permission("iam:DeleteLoginProfile", self.user_name.as_ref(), call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        if own_root::is_meant(self.user_name.as_ref(), call) {
            return Err(own_root::no_profile(call));
        }
        let mut user = find_user(tx, call, named(self.user_name.as_ref(), call)?).await?;
        find_profile(&user.name, call, tx).await?;
        user.has_login_profile = false;
        tx.put(&layout::user(call.account(), &user.name), &user)?;
        Ok(tx.delete(&layout::login_profile(call.account(), &user.name))?)
    }
}
