//! `UploadServerCertificate`, `GetServerCertificate`, `ListServerCertificates`, `UpdateServerCertificate`,
//! `DeleteServerCertificate`.
//!
//! Source: the IAM API reference and "Manage server certificates in IAM", `id_credentials_server-certs.html`. The private key is
//! sealed on its way into the store, and no operation gives it out again.

use serde::{Deserialize, Serialize};

use super::common::{below, distinct_tags, list, page};
use super::pem_input::{Secret, certificate, in_its_time};
use super::{room, shapes};
use crate::crypto::certificate::{Certificate, broken_link};
use crate::crypto::certificate_key::{self, KeyError};
use crate::decision::Permit;
use crate::identity::{ServerCertificate, ServerCertificateBody};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::store::{Tx, layout};
use crate::types::{Arn, EntityPath, ServerCertificateName, Tag, Tags, UniqueId, UniqueIdKind};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<UploadServerCertificate>().add::<GetServerCertificate>().add::<ListServerCertificates>();
    registry.add::<UpdateServerCertificate>().add::<DeleteServerCertificate>();
}

/// What answers say of a certificate beside what it is made of.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    path: String,
    server_certificate_name: String,
    server_certificate_id: String,
    arn: String,
    upload_date: String,
    expiration: String,
}

impl Metadata {
    fn of(found: &ServerCertificate, call: &Call<'_>) -> Self {
        Self {
            path: found.path.as_str().to_owned(),
            server_certificate_name: found.name.to_string(),
            server_certificate_id: found.id.to_string(),
            arn: found.arn(call.realm(), call.account()).to_string(),
            upload_date: found.uploaded.iso8601(),
            expiration: found.expires.iso8601(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UploadServerCertificate {
    path: Option<EntityPath>,
    server_certificate_name: ServerCertificateName,
    certificate_body: String,
    private_key: Secret,
    certificate_chain: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Uploaded {
    server_certificate_metadata: Metadata,
    tags: Option<Tags>,
}

impl UploadServerCertificate {
    /// Holds certificate, chain and key against one another, and gives the certificate.
    fn checked(&self, call: &Call<'_>) -> Result<Certificate, Error> {
        let leaf = certificate(&self.certificate_body)?;
        in_its_time(&leaf, call.now())?;
        if let Some(chain) = &self.certificate_chain {
            let chain = Certificate::all_from_pem(chain).ok_or_else(|| broken_chain(-1))?;
            if let Some(place) = broken_link(&leaf, &chain) {
                return Err(broken_chain(place));
            }
        }
        certificate_key::check(&leaf, self.private_key.text()).map_err(|error| match error {
            KeyError::Unreadable => Error::MalformedCertificate("Invalid Private Key.".to_owned()),
            KeyError::Mismatch => {
                Error::KeyPairMismatch("The public key certificate and the private key do not match.".to_owned())
            }
        })?;
        Ok(leaf)
    }
}

/// What is kept of a PEM text: all but white space around it. Terraform's provider trims what it uploads in its own state, and
/// would replace a certificate that comes back with the newline at the end of its file.
fn without_ends(pem: &str) -> String {
    pem.trim().to_owned()
}

fn broken_chain(place: i64) -> Error {
    Error::MalformedCertificate(format!(
        "Unable to validate certificate chain. The certificate chain must start with the immediate signing certificate, \
         followed by any intermediaries in order. The index within the chain of the invalid certificate is: {place}"
    ))
}

impl Operation for UploadServerCertificate {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UploadServerCertificate";
    const READ_ONLY: bool = false;
    type Output = Uploaded;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let path = self.path.clone().unwrap_or_default();
        let arn = call.realm().server_certificate(call.account(), &path, self.server_certificate_name.as_str());
        Ok(Permission::on("iam:UploadServerCertificate", &arn, call.account()).with_request_tags(&self.tags).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Uploaded, Error> {
        let key = layout::server_certificate(call.account(), &self.server_certificate_name);
        if tx.get::<ServerCertificate>(&key).await?.is_some() {
            return Err(taken(&self.server_certificate_name));
        }
        room::server_certificates(call).for_one_more(call, tx).await?;
        let tags = distinct_tags(self.tags.clone())?;
        let leaf = self.checked(call)?;
        let made = ServerCertificate {
            name: self.server_certificate_name.clone(),
            path: self.path.clone().unwrap_or_default(),
            id: UniqueId::random(UniqueIdKind::ServerCertificate, &*call.broker.random),
            uploaded: call.now(),
            expires: leaf.not_after(),
            tags,
        };
        let secret = self.private_key.text().expose().as_bytes();
        let body = ServerCertificateBody {
            certificate: without_ends(&self.certificate_body),
            chain: self.certificate_chain.as_deref().map(without_ends),
            private_key: call.broker.vault.seal(call.account(), &made.key_context(), secret).await?,
        };
        tx.put(&key, &made)?;
        tx.create(&layout::server_certificate_body(call.account(), made.id.as_str()), &body)?;
        Ok(Uploaded { server_certificate_metadata: Metadata::of(&made, call), tags: shapes::some_tags(&made.tags) })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetServerCertificate {
    server_certificate_name: ServerCertificateName,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OneCertificate {
    server_certificate: Whole,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Whole {
    server_certificate_metadata: Metadata,
    certificate_body: String,
    certificate_chain: Option<String>,
    tags: Option<Tags>,
}

impl Operation for GetServerCertificate {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetServerCertificate";
    const READ_ONLY: bool = true;
    type Output = OneCertificate;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(on_certificate("iam:GetServerCertificate", &self.server_certificate_name, call, tx).await?.into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<OneCertificate, Error> {
        let found = find(tx, call, &self.server_certificate_name).await?;
        let key = layout::server_certificate_body(call.account(), found.id.as_str());
        let body = tx.get::<ServerCertificateBody>(&key).await?.ok_or_else(|| missing(&found.name))?;
        Ok(OneCertificate {
            server_certificate: Whole {
                server_certificate_metadata: Metadata::of(&found, call),
                certificate_body: body.certificate,
                certificate_chain: body.chain,
                tags: shapes::some_tags(&found.tags),
            },
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListServerCertificates {
    path_prefix: Option<String>,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CertificatePage {
    server_certificate_metadata_list: Vec<Metadata>,
    is_truncated: bool,
    marker: Option<String>,
}

impl Operation for ListServerCertificates {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListServerCertificates";
    const READ_ONLY: bool = true;
    type Output = CertificatePage;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        // Unlike the lists of users and roles this one has no type of resource in AWS's service authorization reference.
        Ok(Permission::on_anything("iam:ListServerCertificates", call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<CertificatePage, Error> {
        let page = page(self.marker.as_deref(), self.max_items)?;
        let parent = layout::all("server-certificate", call.account());
        let wanted = |one: &ServerCertificate| below(&one.path, self.path_prefix.as_deref());
        let (found, tail) = list(tx, &parent, &page, wanted).await?;
        let server_certificate_metadata_list = found.iter().map(|one| Metadata::of(one, call)).collect();
        Ok(CertificatePage { server_certificate_metadata_list, is_truncated: tail.is_truncated, marker: tail.marker })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateServerCertificate {
    server_certificate_name: ServerCertificateName,
    new_path: Option<EntityPath>,
    new_server_certificate_name: Option<ServerCertificateName>,
}

impl Operation for UpdateServerCertificate {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateServerCertificate";
    const READ_ONLY: bool = false;
    type Output = ();

    /// The permission is needed under the old and under the new name, as the operation's page says.
    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let action = "iam:UpdateServerCertificate";
        let mut demands = vec![on_certificate(action, &self.server_certificate_name, call, tx).await?.demand()];
        if self.new_path.is_some() || self.new_server_certificate_name.is_some() {
            let key = layout::server_certificate(call.account(), &self.server_certificate_name);
            let path = tx.get::<ServerCertificate>(&key).await?.map(|found| found.path);
            let path = self.new_path.clone().or(path).unwrap_or_default();
            let name = self.new_server_certificate_name.as_ref().unwrap_or(&self.server_certificate_name);
            let target = call.realm().server_certificate(call.account(), &path, name.as_str());
            demands.push(Permission::on(action, &target, call.account()).demand());
        }
        Ok(demands)
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let mut found = find(tx, call, &self.server_certificate_name).await?;
        if let Some(path) = &self.new_path {
            found.path = path.clone();
        }
        let old = layout::server_certificate(call.account(), &found.name);
        if let Some(name) = &self.new_server_certificate_name {
            let key = layout::server_certificate(call.account(), name);
            if key != old && tx.get::<ServerCertificate>(&key).await?.is_some() {
                return Err(taken(name));
            }
            found.name = name.clone();
            tx.delete(&old)?;
        }
        Ok(tx.put(&layout::server_certificate(call.account(), &found.name), &found)?)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteServerCertificate {
    server_certificate_name: ServerCertificateName,
}

impl Operation for DeleteServerCertificate {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteServerCertificate";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(on_certificate("iam:DeleteServerCertificate", &self.server_certificate_name, call, tx).await?.into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let found = find(tx, call, &self.server_certificate_name).await?;
        tx.delete(&layout::server_certificate_body(call.account(), found.id.as_str()))?;
        Ok(tx.delete(&layout::server_certificate(call.account(), &found.name))?)
    }
}

/// The server certificate of a name in the caller's account.
pub(super) async fn find(
    tx: &mut Tx,
    call: &Call<'_>,
    name: &ServerCertificateName,
) -> Result<ServerCertificate, Error> {
    let found = tx.get::<ServerCertificate>(&layout::server_certificate(call.account(), name)).await?;
    found.ok_or_else(|| missing(name))
}

/// The ARN that one of this name would have at the root of the tree.
pub(super) fn arn_at_root(call: &Call<'_>, name: &ServerCertificateName) -> Arn {
    call.realm().server_certificate(call.account(), &EntityPath::default(), name.as_str())
}

fn missing(name: &ServerCertificateName) -> Error {
    Error::NoSuchEntity(format!("The Server Certificate with name {name} cannot be found."))
}

fn taken(name: &ServerCertificateName) -> Error {
    Error::EntityAlreadyExists(format!("The Server Certificate with name {name} already exists."))
}

async fn on_certificate(
    action: &str,
    name: &ServerCertificateName,
    call: &Call<'_>,
    tx: &mut Tx,
) -> Result<Permission, Error> {
    let found = tx.get::<ServerCertificate>(&layout::server_certificate(call.account(), name)).await?;
    Ok(match found {
        Some(found) => {
            let permission = Permission::on(action, &found.arn(call.realm(), call.account()), call.account());
            permission.with_resource_tags(found.tags.as_slice())
        }
        None => Permission::on(action, &arn_at_root(call, name), call.account()),
    })
}
