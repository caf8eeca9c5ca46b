//! `UploadSSHPublicKey`, `GetSSHPublicKey`, `ListSSHPublicKeys`, `UpdateSSHPublicKey`, `DeleteSSHPublicKey`.
//!
//! A key is shown as it was uploaded when it is asked for in that encoding, and converted otherwise. Its fingerprint has 47
//! characters; AWS's model says 48, and AWS's answers have 47.

use serde::{Deserialize, Serialize};

use super::common::{find_user, named, on_user, page, page_of};
use super::signing_certificate::status;
use crate::crypto::ssh_key::{self, Encoding, SshKeyError};
use crate::decision::Permit;
use crate::identity::{KeyStatus, SshPublicKey, User, quota};
use crate::ops::{Call, Demand, Error, Operation, Registry};
use crate::store::{Tx, layout};
use crate::types::{UniqueId, UniqueIdKind, UserName};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<UploadSshPublicKey>().add::<GetSshPublicKey>().add::<ListSshPublicKeys>();
    registry.add::<UpdateSshPublicKey>().add::<DeleteSshPublicKey>();
}

fn parse(text: &str) -> Result<(ssh_key::SshPublicKey, Encoding), Error> {
    ssh_key::SshPublicKey::parse(text).map_err(|error| match error {
        SshKeyError::UnknownEncoding => Error::UnrecognizedPublicKeyEncoding(
            "The public key must be encoded in ssh-rsa format or PEM format.".to_owned(),
        ),
        SshKeyError::Malformed => {
            Error::InvalidPublicKey("The public key is malformed, or it is not a key of RSA.".to_owned())
        }
        SshKeyError::Size => Error::InvalidPublicKey(format!(
            "The length of the public key must be from {} to {} bits.",
            ssh_key::FEWEST_BITS,
            ssh_key::MOST_BITS
        )),
    })
}

#[derive(Deserialize)]
struct UploadSshPublicKey {
    #[serde(rename = "UserName")]
    user_name: UserName,
    #[serde(rename = "SSHPublicKeyBody")]
    body: String,
}

#[derive(Serialize)]
struct OneKey {
    #[serde(rename = "SSHPublicKey")]
    key: Shown,
}

#[derive(Serialize)]
struct Shown {
    #[serde(rename = "UserName")]
    user_name: String,
    #[serde(rename = "SSHPublicKeyId")]
    id: String,
    #[serde(rename = "Fingerprint")]
    fingerprint: String,
    #[serde(rename = "SSHPublicKeyBody")]
    body: String,
    #[serde(rename = "Status")]
    status: KeyStatus,
    #[serde(rename = "UploadDate")]
    upload_date: String,
}

impl Shown {
    fn of(key: SshPublicKey, body: String) -> Self {
        Self {
            user_name: key.owner.to_string(),
            id: key.id.to_string(),
            fingerprint: key.fingerprint,
            body,
            status: key.status,
            upload_date: key.uploaded.iso8601(),
        }
    }
}

impl Operation for UploadSshPublicKey {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UploadSSHPublicKey";
    const READ_ONLY: bool = false;
    type Output = OneKey;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_user("iam:UploadSSHPublicKey", &self.user_name, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<OneKey, Error> {
        let mut user = find_user(tx, call, &self.user_name).await?;
        let (given, _) = parse(&self.body)?;
        for id in &user.credentials.ssh_public_keys {
            let other = tx.get::<SshPublicKey>(&layout::ssh_public_key(call.account(), id.as_str())).await?;
            if other.is_some_and(|other| parse(&other.body).is_ok_and(|(other, _)| other == given)) {
                let message = format!("The SSH public key is associated with the user {} already.", user.name);
                return Err(Error::DuplicateSshPublicKey(message));
            }
        }
        if user.credentials.ssh_public_keys.len() >= quota::SSH_PUBLIC_KEYS_PER_USER {
            return Err(Error::quota("SSHPublicKeysPerUser", quota::SSH_PUBLIC_KEYS_PER_USER));
        }
        let key = SshPublicKey {
            id: UniqueId::random(UniqueIdKind::SshPublicKey, &*call.broker.random),
            owner: user.name.clone(),
            body: self.body.clone(),
            fingerprint: given.fingerprint(),
            status: KeyStatus::Active,
            uploaded: call.now(),
        };
        user.credentials.ssh_public_keys.push(key.id.clone());
        tx.create(&layout::ssh_public_key(call.account(), key.id.as_str()), &key)?;
        tx.put(&layout::user(call.account(), &user.name), &user)?;
        Ok(OneKey { key: Shown::of(key, self.body.clone()) })
    }
}

#[derive(Deserialize)]
struct GetSshPublicKey {
    #[serde(rename = "UserName")]
    user_name: UserName,
    #[serde(rename = "SSHPublicKeyId")]
    id: String,
    #[serde(rename = "Encoding")]
    encoding: String,
}

impl Operation for GetSshPublicKey {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetSSHPublicKey";
    const READ_ONLY: bool = true;
    type Output = OneKey;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_user("iam:GetSSHPublicKey", &self.user_name, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<OneKey, Error> {
        let user = find_user(tx, call, &self.user_name).await?;
        let found = find(&user, &self.id, call, tx).await?;
        let wanted = match self.encoding.as_str() {
            "SSH" => Encoding::Ssh,
            "PEM" => Encoding::Pem,
            other => {
                let message = format!("The encoding {other} is none of SSH and PEM.");
                return Err(Error::UnrecognizedPublicKeyEncoding(message));
            }
        };
        let (key, encoding) = parse(&found.body)?;
        let body = if encoding == wanted { found.body.clone() } else { key.encode(wanted) };
        Ok(OneKey { key: Shown::of(found, body) })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListSshPublicKeys {
    user_name: Option<UserName>,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeyPage {
    #[serde(rename = "SSHPublicKeys")]
    keys: Vec<Listed>,
    is_truncated: bool,
    marker: Option<String>,
}

/// A key as lists show it: without body and fingerprint.
#[derive(Serialize)]
struct Listed {
    #[serde(rename = "UserName")]
    user_name: String,
    #[serde(rename = "SSHPublicKeyId")]
    id: String,
    #[serde(rename = "Status")]
    status: KeyStatus,
    #[serde(rename = "UploadDate")]
    upload_date: String,
}

impl Operation for ListSshPublicKeys {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListSSHPublicKeys";
    const READ_ONLY: bool = true;
    type Output = KeyPage;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_user("iam:ListSSHPublicKeys", named(self.user_name.as_ref(), call)?, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<KeyPage, Error> {
        let user = find_user(tx, call, named(self.user_name.as_ref(), call)?).await?;
        let page = page(self.marker.as_deref(), self.max_items)?;
        let mut ids = user.credentials.ssh_public_keys;
        ids.sort();
        let (ids, tail) = page_of(ids, &page, ToString::to_string);
        let mut keys = Vec::with_capacity(ids.len());
        for id in ids {
            let found = tx.get::<SshPublicKey>(&layout::ssh_public_key(call.account(), id.as_str())).await?;
            keys.extend(found.map(|key| Listed {
                user_name: key.owner.to_string(),
                id: key.id.to_string(),
                status: key.status,
                upload_date: key.uploaded.iso8601(),
            }));
        }
        Ok(KeyPage { keys, is_truncated: tail.is_truncated, marker: tail.marker })
    }
}

#[derive(Deserialize)]
struct UpdateSshPublicKey {
    #[serde(rename = "UserName")]
    user_name: UserName,
    #[serde(rename = "SSHPublicKeyId")]
    id: String,
    #[serde(rename = "Status")]
    status: String,
}

impl Operation for UpdateSshPublicKey {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateSSHPublicKey";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_user("iam:UpdateSSHPublicKey", &self.user_name, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let user = find_user(tx, call, &self.user_name).await?;
        let mut key = find(&user, &self.id, call, tx).await?;
        key.status = status(&self.status, "An SSH public key")?;
        Ok(tx.put(&layout::ssh_public_key(call.account(), &self.id), &key)?)
    }
}

#[derive(Deserialize)]
struct DeleteSshPublicKey {
    #[serde(rename = "UserName")]
    user_name: UserName,
    #[serde(rename = "SSHPublicKeyId")]
    id: String,
}

impl Operation for DeleteSshPublicKey {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteSSHPublicKey";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_user("iam:DeleteSSHPublicKey", &self.user_name, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let mut user = find_user(tx, call, &self.user_name).await?;
        find(&user, &self.id, call, tx).await?;
        user.credentials.ssh_public_keys.retain(|id| id.as_str() != self.id);
        tx.put(&layout::user(call.account(), &user.name), &user)?;
        Ok(tx.delete(&layout::ssh_public_key(call.account(), &self.id))?)
    }
}

/// A key of this user; another's does not exist for it.
async fn find(user: &User, id: &str, call: &Call<'_>, tx: &mut Tx) -> Result<SshPublicKey, Error> {
    let missing = || Error::NoSuchEntity(format!("The Public Key with id {id} cannot be found."));
    if !user.credentials.ssh_public_keys.iter().any(|own| own.as_str() == id) {
        return Err(missing());
    }
    tx.get::<SshPublicKey>(&layout::ssh_public_key(call.account(), id)).await?.ok_or_else(missing)
}
