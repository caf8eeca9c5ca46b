//! `CreateServiceSpecificCredential`, `ListServiceSpecificCredentials`, `UpdateServiceSpecificCredential`,
//! `ResetServiceSpecificCredential`, `DeleteServiceSpecificCredential`.
//!
//! Source: the IAM API reference, "Service-specific credentials for IAM users", and the pages of the services for the forms of
//! names and keys. Four services of AWS have such credentials: two a user name with a password, two a key. What is shown once is
//! kept as a hash, so that a service can have it verified.

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::common::{find_user, list, named, on_user, page, page_of, user_resource};
use super::signing_certificate::status;
use crate::crypto::password::PasswordHash;
use crate::decision::Permit;
use crate::identity::{KeyStatus, ServiceCredential, ServiceUserName, User, quota};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::store::{Tx, layout};
use crate::types::{EntityPath, SecretText, UniqueId, UniqueIdKind, UserName, random_token};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<CreateServiceSpecificCredential>().add::<ListServiceSpecificCredentials>();
    registry.add::<UpdateServiceSpecificCredential>().add::<ResetServiceSpecificCredential>();
    registry.add::<DeleteServiceSpecificCredential>();
}

/// What a service is given.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A user name and a password.
    Password,
    /// One text that holds both, and begins with these letters.
    Key(&'static str),
}

/// The services, as `CreateServiceSpecificCredential` lists them.
const SERVICES: [(&str, Form); 4] = [
    ("bedrock.amazonaws.com", Form::Key("ABSK")),
    ("cassandra.amazonaws.com", Form::Password),
    ("codecommit.amazonaws.com", Form::Password),
    ("logs.amazonaws.com", Form::Key("ACWL")),
];

/// The service of a name, whose case does not matter, as everything else calls it: policies too, which compare the case.
fn supported(service: &str) -> Result<(&'static str, Form), Error> {
    let found = SERVICES.iter().find(|(name, _)| name.eq_ignore_ascii_case(service));
    found.copied().ok_or_else(|| {
        Error::NotSupportedService(format!("No such service {service} is supported for Service Specific Credentials"))
    })
}

/// Random bytes of a password or key: 44 characters of Base64.
const SECRET_BYTES: usize = 33;

/// The most names of one user that are tried at a service. Two credentials are all that a user may have, and other users' names
/// stand in the way only after renames.
const MOST_NAMES: u32 = 100;

const SECONDS_A_DAY: i64 = 86_400;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    user_name: String,
    status: &'static str,
    service_user_name: Option<String>,
    service_credential_alias: Option<String>,
    create_date: String,
    expiration_date: Option<String>,
    service_specific_credential_id: String,
    service_name: String,
}

/// The answers that carry a secret.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WithSecret {
    create_date: String,
    expiration_date: Option<String>,
    service_name: String,
    service_user_name: Option<String>,
    service_password: Option<String>,
    service_credential_alias: Option<String>,
    service_credential_secret: Option<String>,
    service_specific_credential_id: String,
    user_name: String,
    status: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OneCredential {
    service_specific_credential: WithSecret,
}

impl Listed {
    fn of(found: ServiceCredential, call: &Call<'_>) -> Self {
        let status = match found.status {
            _ if found.expires.is_some_and(|end| end <= call.now()) => "Expired",
            KeyStatus::Active => "Active",
            KeyStatus::Inactive => "Inactive",
        };
        let (user_name, alias) = match supported(&found.service) {
            Ok((_, Form::Key(_))) => (None, Some(found.name)),
            Ok((_, Form::Password)) | Err(_) => (Some(found.name), None),
        };
        Self {
            user_name: found.owner.to_string(),
            status,
            service_user_name: user_name,
            service_credential_alias: alias,
            create_date: found.created.iso8601(),
            expiration_date: found.expires.map(|end| end.iso8601()),
            service_specific_credential_id: found.id.to_string(),
            service_name: found.service,
        }
    }
}

impl OneCredential {
    fn of(found: ServiceCredential, secret: &SecretText, call: &Call<'_>) -> Self {
        let shown = Listed::of(found, call);
        let secret = Some(secret.expose().to_owned());
        let (password, key) = if shown.service_credential_alias.is_some() { (None, secret) } else { (secret, None) };
        Self {
            service_specific_credential: WithSecret {
                create_date: shown.create_date,
                expiration_date: shown.expiration_date,
                service_name: shown.service_name,
                service_user_name: shown.service_user_name,
                service_password: password,
                service_credential_alias: shown.service_credential_alias,
                service_credential_secret: key,
                service_specific_credential_id: shown.service_specific_credential_id,
                user_name: shown.user_name,
                status: shown.status,
            },
        }
    }
}

/// A new secret for the holder of a name, and its hash.
async fn draw(form: Form, name: &str, call: &Call<'_>) -> Result<(SecretText, PasswordHash), Error> {
    let random = random_token(SECRET_BYTES, &*call.broker.random);
    let secret = match form {
        Form::Password => random,
        Form::Key(begin) => {
            let inner = zeroize::Zeroizing::new(format!("{name}:{}", random.expose()));
            SecretText::new(format!("{begin}{}", BASE64.encode(inner.as_bytes())))
        }
    };
    let hash = call.broker.passwords.hash(secret.clone()).await;
    hash.map(|hash| (secret, hash)).map_err(|error| Error::Internal(error.to_string()))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateServiceSpecificCredential {
    user_name: UserName,
    service_name: String,
    credential_age_days: Option<u32>,
}

impl Operation for CreateServiceSpecificCredential {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateServiceSpecificCredential";
    const READ_ONLY: bool = false;
    type Output = OneCredential;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let service = supported(&self.service_name).map_or(self.service_name.as_str(), |(service, _)| service);
        let permission = permission("iam:CreateServiceSpecificCredential", &self.user_name, call, tx).await?;
        let age = self.credential_age_days.map(|days| days.to_string());
        Ok(permission
            .with("iam:ServiceSpecificCredentialServiceName", service)
            .with_some("iam:ServiceSpecificCredentialAgeDays", age.as_deref())
            .into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<OneCredential, Error> {
        let mut user = find_user(tx, call, &self.user_name).await?;
        let (service, form) = supported(&self.service_name)?;
        if self.credential_age_days.is_some() && form == Form::Password {
            let message = format!("CredentialAgeDays is not supported for the service {service}.");
            return Err(Error::Validation(message));
        }
        if credentials_of(&user, Some(service), call, tx).await?.len() >= quota::CREDENTIALS_PER_SERVICE {
            return Err(Error::quota("ServiceSpecificCredentialsPerUser", quota::CREDENTIALS_PER_SERVICE));
        }
        let id = UniqueId::random(UniqueIdKind::ServiceCredential, &*call.broker.random);
        let name = free_name(&user.name, service, call, tx).await?;
        let taken = ServiceUserName { credential: id.clone() };
        tx.put(&layout::service_user_name(call.account(), service, &name), &taken)?;
        let (secret, hash) = draw(form, &name, call).await?;
        let made = ServiceCredential {
            id: id.clone(),
            owner: user.name.clone(),
            service: service.to_owned(),
            name,
            secret: hash,
            status: KeyStatus::Active,
            created: call.now(),
            expires: self.credential_age_days.map(|days| call.now().plus(i64::from(days) * SECONDS_A_DAY)),
        };
        tx.create(&layout::service_credential(call.account(), id.as_str()), &made)?;
        user.credentials.service_specific.push(id);
        tx.put(&layout::user(call.account(), &user.name), &user)?;
        Ok(OneCredential::of(made, &secret, call))
    }
}

/// A name that nobody has at the service: `alice-at-123456789012`, or `alice+1-at-…` when that is taken.
async fn free_name(user: &UserName, service: &str, call: &Call<'_>, tx: &mut Tx) -> Result<String, Error> {
    for number in 0..MOST_NAMES {
        let number = if number == 0 { String::new() } else { format!("+{number}") };
        let name = format!("{user}{number}-at-{}", call.account());
        let key = layout::service_user_name(call.account(), service, &name);
        if tx.get::<ServiceUserName>(&key).await?.is_none() {
            return Ok(name);
        }
    }
    Err(Error::LimitExceeded(format!("No name for {user} is free at the service {service}.")))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListServiceSpecificCredentials {
    user_name: Option<UserName>,
    service_name: Option<String>,
    #[serde(default)]
    all_users: bool,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CredentialPage {
    service_specific_credentials: Vec<Listed>,
    is_truncated: bool,
    marker: Option<String>,
}

impl Operation for ListServiceSpecificCredentials {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListServiceSpecificCredentials";
    const READ_ONLY: bool = true;
    type Output = CredentialPage;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let action = "iam:ListServiceSpecificCredentials";
        if !self.all_users {
            return on_user(action, named(self.user_name.as_ref(), call)?, call, tx).await;
        }
        if self.user_name.is_some() {
            return Err(Error::Validation("UserName and AllUsers cannot be specified together.".to_owned()));
        }
        // As `ListUsers` asks: whoever may do it to one user only may not do it to all.
        let everybody = call.realm().user(call.account(), &EntityPath::default(), "");
        Ok(Permission::on(action, &everybody, call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<CredentialPage, Error> {
        let service = self.service_name.as_deref().map(supported).transpose()?.map(|(service, _)| service);
        let page = page(self.marker.as_deref(), self.max_items)?;
        let (found, tail) = if self.all_users {
            let parent = layout::all("service-credential", call.account());
            let wanted = |one: &ServiceCredential| service.is_none_or(|service| one.service == service);
            list(tx, &parent, &page, wanted).await?
        } else {
            let user = find_user(tx, call, named(self.user_name.as_ref(), call)?).await?;
            let mut found = credentials_of(&user, service, call, tx).await?;
            found.sort_by(|one, other| one.id.cmp(&other.id));
            page_of(found, &page, |one| one.id.to_string())
        };
        let service_specific_credentials = found.into_iter().map(|one| Listed::of(one, call)).collect();
        Ok(CredentialPage { service_specific_credentials, is_truncated: tail.is_truncated, marker: tail.marker })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateServiceSpecificCredential {
    user_name: Option<UserName>,
    service_specific_credential_id: String,
    status: String,
}

impl Operation for UpdateServiceSpecificCredential {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateServiceSpecificCredential";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let name = named(self.user_name.as_ref(), call)?;
        on_credential("iam:UpdateServiceSpecificCredential", name, &self.service_specific_credential_id, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let user = find_user(tx, call, named(self.user_name.as_ref(), call)?).await?;
        let mut found = find(&user, &self.service_specific_credential_id, call, tx).await?;
        found.status = status(&self.status, "A service-specific credential")?;
        Ok(tx.put(&layout::service_credential(call.account(), &self.service_specific_credential_id), &found)?)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ResetServiceSpecificCredential {
    user_name: Option<UserName>,
    service_specific_credential_id: String,
}

impl Operation for ResetServiceSpecificCredential {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ResetServiceSpecificCredential";
    const READ_ONLY: bool = false;
    type Output = OneCredential;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let name = named(self.user_name.as_ref(), call)?;
        on_credential("iam:ResetServiceSpecificCredential", name, &self.service_specific_credential_id, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<OneCredential, Error> {
        let user = find_user(tx, call, named(self.user_name.as_ref(), call)?).await?;
        let mut found = find(&user, &self.service_specific_credential_id, call, tx).await?;
        let (secret, hash) = draw(supported(&found.service)?.1, &found.name, call).await?;
        found.secret = hash;
        tx.put(&layout::service_credential(call.account(), &self.service_specific_credential_id), &found)?;
        Ok(OneCredential::of(found, &secret, call))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteServiceSpecificCredential {
    user_name: Option<UserName>,
    service_specific_credential_id: String,
}

impl Operation for DeleteServiceSpecificCredential {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteServiceSpecificCredential";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let name = named(self.user_name.as_ref(), call)?;
        on_credential("iam:DeleteServiceSpecificCredential", name, &self.service_specific_credential_id, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let mut user = find_user(tx, call, named(self.user_name.as_ref(), call)?).await?;
        let found = find(&user, &self.service_specific_credential_id, call, tx).await?;
        user.credentials.service_specific.retain(|id| *id != found.id);
        tx.put(&layout::user(call.account(), &user.name), &user)?;
        tx.delete(&layout::service_user_name(call.account(), &found.service, &found.name))?;
        Ok(tx.delete(&layout::service_credential(call.account(), found.id.as_str()))?)
    }
}

async fn permission(action: &str, user: &UserName, call: &Call<'_>, tx: &mut Tx) -> Result<Permission, Error> {
    let (arn, tags) = user_resource(tx, call, user).await?;
    Ok(Permission::on(action, &arn, call.account()).with_resource_tags(tags.as_slice()))
}

/// A permission on the user of a credential that is there, with its service as condition key.
async fn on_credential(
    action: &str,
    name: &UserName,
    id: &str,
    call: &Call<'_>,
    tx: &mut Tx,
) -> Result<Vec<Demand>, Error> {
    let service = match tx.get::<User>(&layout::user(call.account(), name)).await? {
        Some(user) => find(&user, id, call, tx).await.ok().map(|found| found.service),
        None => None,
    };
    Ok(permission(action, name, call, tx)
        .await?
        .with_some("iam:ServiceSpecificCredentialServiceName", service.as_deref())
        .into())
}

async fn credentials_of(
    user: &User,
    service: Option<&str>,
    call: &Call<'_>,
    tx: &mut Tx,
) -> Result<Vec<ServiceCredential>, Error> {
    let mut all = Vec::new();
    for id in &user.credentials.service_specific {
        let found = tx.get::<ServiceCredential>(&layout::service_credential(call.account(), id.as_str())).await?;
        all.extend(found.filter(|found| service.is_none_or(|service| found.service == service)));
    }
    Ok(all)
}

/// A credential of this user; another's does not exist for it.
async fn find(user: &User, id: &str, call: &Call<'_>, tx: &mut Tx) -> Result<ServiceCredential, Error> {
    let missing = || Error::NoSuchEntity(format!("No such credential {id} exists"));
    if !user.credentials.service_specific.iter().any(|own| own.as_str() == id) {
        return Err(missing());
    }
    tx.get::<ServiceCredential>(&layout::service_credential(call.account(), id)).await?.ok_or_else(missing)
}
