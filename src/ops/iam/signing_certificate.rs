//! `UploadSigningCertificate`, `ListSigningCertificates`, `UpdateSigningCertificate`, `DeleteSigningCertificate`.
//!
//! Without a user name each of them is about the caller, who may be the root user. A certificate's id is made from the
//! certificate: 32 characters of Base32 as AWS's have, so that no two users of an account have the same certificate.

use data_encoding::BASE32;
use serde::{Deserialize, Serialize};

use super::common::{page, page_of};
use super::pem_input::{certificate, in_its_time};
use super::signer::{Owner, Signer};
use crate::crypto::certificate::Certificate;
use crate::decision::Permit;
use crate::identity::{KeyStatus, SigningCertificate, quota};
use crate::ops::{Call, Demand, Error, Operation, Registry};
use crate::store::{Tx, layout};
use crate::types::UserName;
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<UploadSigningCertificate>().add::<ListSigningCertificates>();
    registry.add::<UpdateSigningCertificate>().add::<DeleteSigningCertificate>();
}

/// Bytes of the fingerprint that the id is made of: 160 bits.
const ID_BYTES: usize = 20;

fn id_of(certificate: &Certificate) -> String {
    let [id @ .., _, _, _, _, _, _, _, _, _, _, _, _] = certificate.fingerprint();
    let id: [u8; ID_BYTES] = id;
    BASE32.encode(&id)
}

/// A certificate of this holder; another's does not exist for it.
async fn find(id: &str, holder: &mut Signer, call: &Call<'_>, tx: &mut Tx) -> Result<SigningCertificate, Error> {
    let missing = || Error::NoSuchEntity(format!("The Certificate with id {id} cannot be found."));
    if !holder.certificates().iter().any(|own| own == id) {
        return Err(missing());
    }
    tx.get::<SigningCertificate>(&layout::signing_certificate(call.account(), id)).await?.ok_or_else(missing)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    user_name: Option<String>,
    certificate_id: String,
    certificate_body: String,
    status: KeyStatus,
    upload_date: String,
}

impl Shown {
    fn of(id: String, found: SigningCertificate, holder: &Signer) -> Self {
        Self {
            user_name: holder.name(),
            certificate_id: id,
            certificate_body: found.body,
            status: found.status,
            upload_date: found.uploaded.iso8601(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UploadSigningCertificate {
    user_name: Option<UserName>,
    certificate_body: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OneCertificate {
    certificate: Shown,
}

impl Operation for UploadSigningCertificate {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UploadSigningCertificate";
    const READ_ONLY: bool = false;
    type Output = OneCertificate;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Owner::of(self.user_name.as_ref(), call)?.demand("iam:UploadSigningCertificate", call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<OneCertificate, Error> {
        let mut holder = Signer::find(&Owner::of(self.user_name.as_ref(), call)?, call, tx).await?;
        let given = certificate(&self.certificate_body)?;
        in_its_time(&given, call.now())?;
        if !given.has_known_key() {
            let message = "The certificate's public key is none of RSA, P-256, P-384 and Ed25519.";
            return Err(Error::InvalidCertificate(message.to_owned()));
        }
        let id = id_of(&given);
        let key = layout::signing_certificate(call.account(), &id);
        if tx.get::<SigningCertificate>(&key).await?.is_some() {
            let message = "The certificate is associated with an IAM user in the account already.";
            return Err(Error::DuplicateCertificate(message.to_owned()));
        }
        if holder.certificates().len() >= quota::SIGNING_CERTIFICATES_PER_USER {
            return Err(Error::quota("SigningCertificatesPerUser", quota::SIGNING_CERTIFICATES_PER_USER));
        }
        let made = SigningCertificate {
            owner: holder.owner(),
            body: self.certificate_body.clone(),
            status: KeyStatus::Active,
            uploaded: call.now(),
        };
        holder.certificates().push(id.clone());
        tx.put(&key, &made)?;
        holder.put(call, tx)?;
        Ok(OneCertificate { certificate: Shown::of(id, made, &holder) })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListSigningCertificates {
    user_name: Option<UserName>,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CertificatePage {
    certificates: Vec<Shown>,
    is_truncated: bool,
    marker: Option<String>,
}

impl Operation for ListSigningCertificates {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListSigningCertificates";
    const READ_ONLY: bool = true;
    type Output = CertificatePage;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Owner::of(self.user_name.as_ref(), call)?.demand("iam:ListSigningCertificates", call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<CertificatePage, Error> {
        let mut holder = Signer::find(&Owner::of(self.user_name.as_ref(), call)?, call, tx).await?;
        let page = page(self.marker.as_deref(), self.max_items)?;
        let mut ids = holder.certificates().to_vec();
        ids.sort();
        let (ids, tail) = page_of(ids, &page, Clone::clone);
        let mut certificates = Vec::with_capacity(ids.len());
        for id in ids {
            let found = tx.get::<SigningCertificate>(&layout::signing_certificate(call.account(), &id)).await?;
            certificates.extend(found.map(|found| Shown::of(id, found, &holder)));
        }
        Ok(CertificatePage { certificates, is_truncated: tail.is_truncated, marker: tail.marker })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateSigningCertificate {
    user_name: Option<UserName>,
    certificate_id: String,
    status: String,
}

impl Operation for UpdateSigningCertificate {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateSigningCertificate";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Owner::of(self.user_name.as_ref(), call)?.demand("iam:UpdateSigningCertificate", call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let mut holder = Signer::find(&Owner::of(self.user_name.as_ref(), call)?, call, tx).await?;
        let mut found = find(&self.certificate_id, &mut holder, call, tx).await?;
        found.status = status(&self.status, "A signing certificate")?;
        Ok(tx.put(&layout::signing_certificate(call.account(), &self.certificate_id), &found)?)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteSigningCertificate {
    user_name: Option<UserName>,
    certificate_id: String,
}

impl Operation for DeleteSigningCertificate {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteSigningCertificate";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Owner::of(self.user_name.as_ref(), call)?.demand("iam:DeleteSigningCertificate", call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let mut holder = Signer::find(&Owner::of(self.user_name.as_ref(), call)?, call, tx).await?;
        find(&self.certificate_id, &mut holder, call, tx).await?;
        holder.certificates().retain(|id| *id != self.certificate_id);
        holder.put(call, tx)?;
        Ok(tx.delete(&layout::signing_certificate(call.account(), &self.certificate_id))?)
    }
}

/// The status that an update asks for: AWS's model knows `Expired` too, which nobody can set.
pub(super) fn status(text: &str, what: &str) -> Result<KeyStatus, Error> {
    match text {
        "Active" => Ok(KeyStatus::Active),
        "Inactive" => Ok(KeyStatus::Inactive),
        other => Err(Error::InvalidInput(format!("{what} cannot be given the status {other}."))),
    }
}
