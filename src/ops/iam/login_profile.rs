//! `CreateLoginProfile`, `GetLoginProfile`, `UpdateLoginProfile`, `DeleteLoginProfile`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::common::{find_user, named, on_user};
use crate::crypto::password::PasswordHash;
use crate::decision::Permit;
use crate::identity::LoginProfile;
use crate::ops::{Call, Demand, Error, Operation, Registry};
use crate::store::{Tx, layout};
use crate::types::{SecretText, UserName};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<CreateLoginProfile>().add::<GetLoginProfile>();
    registry.add::<UpdateLoginProfile>().add::<DeleteLoginProfile>();
}

/// A password as it comes over the wire; it never leaves this file but as a hash.
#[derive(Deserialize)]
#[serde(from = "String")]
struct Password(SecretText);

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

/// AWS's password policy of an account that has set none: 8 to 128 characters of three kinds, and not the user's name.
fn check_strength(password: &Password, user: &UserName) -> Result<(), Error> {
    let text = password.0.expose();
    let kinds = [
        text.chars().any(char::is_uppercase),
        text.chars().any(char::is_lowercase),
        text.chars().any(|c| c.is_ascii_digit()),
        text.chars().any(|c| "!@#$%^&*()_+-=[]{}|'".contains(c)),
    ];
    let violation = if text.chars().count() < 8 {
        "Password should have a minimum length of 8"
    } else if kinds.iter().filter(|kind| **kind).count() < 3 {
        "Password should have at least three of: uppercase letters, lowercase letters, numbers, symbols"
    } else if text.eq_ignore_ascii_case(user.as_str()) {
        "Password should not be the user's name"
    } else {
        return Ok(());
    };
    Err(Error::PasswordPolicyViolation(violation.to_owned()))
}

async fn hash(password: &Password, call: &Call<'_>) -> Result<PasswordHash, Error> {
    call.broker.passwords.hash(password.0.clone()).await.map_err(|error| Error::Internal(error.to_string()))
}

async fn find(name: &UserName, call: &Call<'_>, tx: &mut Tx) -> Result<LoginProfile, Error> {
    let found = tx.get::<LoginProfile>(&layout::login_profile(call.account(), name)).await?;
    found.ok_or_else(|| Error::NoSuchEntity(format!("Login Profile for User {name} cannot be found.")))
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
        on_user("iam:CreateLoginProfile", named(self.user_name.as_ref(), call)?, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<OneProfile, Error> {
        let mut user = find_user(tx, call, named(self.user_name.as_ref(), call)?).await?;
        if user.has_login_profile {
            return Err(Error::EntityAlreadyExists(format!("Login Profile for user {} already exists.", user.name)));
        }
        let Some(password) = &self.password else {
            return Err(Error::Validation("Must specify a password for the login profile.".to_owned()));
        };
        check_strength(password, &user.name)?;
        let profile = LoginProfile {
            password: hash(password, call).await?,
            created: call.now(),
            reset_required: self.password_reset_required,
        };
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
        on_user("iam:GetLoginProfile", named(self.user_name.as_ref(), call)?, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<OneProfile, Error> {
        let user = find_user(tx, call, named(self.user_name.as_ref(), call)?).await?;
        let profile = find(&user.name, call, tx).await?;
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
        let mut profile = find(&user.name, call, tx).await?;
        if let Some(password) = &self.password {
            check_strength(password, &user.name)?;
            profile.password = hash(password, call).await?;
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
        on_user("iam:DeleteLoginProfile", named(self.user_name.as_ref(), call)?, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let mut user = find_user(tx, call, named(self.user_name.as_ref(), call)?).await?;
        find(&user.name, call, tx).await?;
        user.has_login_profile = false;
        tx.put(&layout::user(call.account(), &user.name), &user)?;
        Ok(tx.delete(&layout::login_profile(call.account(), &user.name))?)
    }
}
