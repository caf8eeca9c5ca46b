//! Virtual MFA devices: `CreateVirtualMFADevice`, `EnableMFADevice`, `ResyncMFADevice`, `DeactivateMFADevice`,
//! `DeleteVirtualMFADevice`, `GetMFADevice`, `ListMFADevices`, `ListVirtualMFADevices`.

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::common::{distinct_tags, find_user, list, named, on_user, page, page_of};
use super::own_root;
use super::{room, shapes, tags};
use crate::authn::mfa::{device_name, seed_context};
use crate::crypto::qr;
use crate::crypto::totp::{self, RESYNC_WINDOW, Seed};
use crate::decision::Permit;
use crate::identity::{MfaDevice, User, quota};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::store::{Tx, layout};
use crate::types::{EntityPath, Tag, UserName, VirtualMfaName};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<CreateVirtualMfaDevice>().add::<DeleteVirtualMfaDevice>().add::<ListVirtualMfaDevices>();
    registry.add::<EnableMfaDevice>().add::<ResyncMfaDevice>().add::<DeactivateMfaDevice>();
    registry.add::<GetMfaDevice>().add::<ListMfaDevices>();
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateVirtualMfaDevice {
    path: Option<EntityPath>,
    #[serde(rename = "VirtualMFADeviceName")]
    name: VirtualMfaName,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Serialize)]
struct NewDevice {
    #[serde(rename = "VirtualMFADevice")]
    device: NewVirtualDevice,
}

/// The one answer that carries the seed; both forms of it are blobs, which the Query protocol writes in Base64.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NewVirtualDevice {
    serial_number: String,
    #[serde(rename = "Base32StringSeed")]
    base32_string_seed: String,
    #[serde(rename = "QRCodePNG")]
    qr_code_png: String,
    tags: Option<crate::types::Tags>,
}

impl Operation for CreateVirtualMfaDevice {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateVirtualMFADevice";
    const READ_ONLY: bool = false;
    type Output = NewDevice;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let path = self.path.clone().unwrap_or_default();
        let arn = call.realm().virtual_mfa(call.account(), &path, self.name.as_str());
        let permission = Permission::on("iam:CreateVirtualMFADevice", &arn, call.account());
        Ok(permission.with_request_tags(&self.tags).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<NewDevice, Error> {
        let key = layout::mfa_device(call.account(), &self.name);
        if tx.get::<MfaDevice>(&key).await?.is_some() {
            return Err(Error::EntityAlreadyExists(
                "MFADevice entity at the same path and name already exists.".to_owned(),
            ));
        }
        room::mfa_devices(call).for_one_more(call, tx).await?;
        let path = self.path.clone().unwrap_or_default();
        let serial = call.realm().virtual_mfa(call.account(), &path, self.name.as_str());
        let seed = Seed::generate(&*call.broker.random);
        let label = format!("{}@{}", self.name, call.account());
        let picture = qr::png(&seed.otpauth_uri("brevet", &label)).map_err(|e| Error::Internal(e.to_string()))?;
        let sealed = call.broker.vault.seal(call.account(), &seed_context(&self.name), seed.bytes().expose()).await?;
        let device = MfaDevice {
            serial: serial.clone(),
            name: self.name.clone(),
            path,
            created: call.now(),
            tags: distinct_tags(self.tags.clone())?,
            seed: sealed,
            owner: None,
            enabled: None,
            last_step: None,
            drift: 0,
            failures: 0,
            last_failure: None,
        };
        tx.put(&key, &device)?;
        Ok(NewDevice {
            device: NewVirtualDevice {
                serial_number: serial.to_string(),
                base32_string_seed: BASE64.encode(seed.base32().expose().as_bytes()),
                qr_code_png: BASE64.encode(picture.expose()),
                tags: shapes::some_tags(&device.tags),
            },
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EnableMfaDevice {
    user_name: UserName,
    serial_number: String,
    authentication_code1: String,
    authentication_code2: String,
}

impl Operation for EnableMfaDevice {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "EnableMFADevice";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_user("iam:EnableMFADevice", &self.user_name, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let mut user = find_user(tx, call, &self.user_name).await?;
        let (name, mut device) = find_device(&self.serial_number, call, tx).await?;
        if device.enabled.is_some() {
            return Err(Error::EntityAlreadyExists("MFA Device is already in use.".to_owned()));
        }
        if user.mfa_devices.len() >= quota::MFA_DEVICES_PER_USER {
            return Err(Error::quota("MfaDevicesPerUser", quota::MFA_DEVICES_PER_USER));
        }
        let codes = (self.authentication_code1.as_str(), self.authentication_code2.as_str());
        synchronize(&mut device, &name, codes, call).await?;
        device.owner = Some(user.name.clone());
        device.enabled = Some(call.now());
        user.mfa_devices.push(device.serial.to_string());
        tx.put(&layout::mfa_in_use(call.account(), &name), &())?;
        tx.put(&layout::mfa_device(call.account(), &name), &device)?;
        Ok(tx.put(&layout::user(call.account(), &user.name), &user)?)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ResyncMfaDevice {
    user_name: UserName,
    serial_number: String,
    authentication_code1: String,
    authentication_code2: String,
}

impl Operation for ResyncMfaDevice {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ResyncMFADevice";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_user("iam:ResyncMFADevice", &self.user_name, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let user = find_user(tx, call, &self.user_name).await?;
        let (name, mut device) = find_device(&self.serial_number, call, tx).await?;
        check_owner(&device, &user)?;
        let codes = (self.authentication_code1.as_str(), self.authentication_code2.as_str());
        synchronize(&mut device, &name, codes, call).await?;
        Ok(tx.put(&layout::mfa_device(call.account(), &name), &device)?)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeactivateMfaDevice {
    user_name: Option<UserName>,
    serial_number: String,
}

impl Operation for DeactivateMfaDevice {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeactivateMFADevice";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        own_root::permission("iam:DeactivateMFADevice", self.user_name.as_ref(), call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        if own_root::is_meant(self.user_name.as_ref(), call) {
            return Err(own_root::no_device(call));
        }
        let mut user = find_user(tx, call, named(self.user_name.as_ref(), call)?).await?;
        let (name, mut device) = find_device(&self.serial_number, call, tx).await?;
        check_owner(&device, &user)?;
        user.mfa_devices.retain(|serial| serial != device.serial.as_str());
        device.owner = None;
        device.enabled = None;
        tx.delete(&layout::mfa_in_use(call.account(), &name))?;
        tx.put(&layout::mfa_device(call.account(), &name), &device)?;
        Ok(tx.put(&layout::user(call.account(), &user.name), &user)?)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteVirtualMfaDevice {
    serial_number: String,
}

impl Operation for DeleteVirtualMfaDevice {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteVirtualMFADevice";
    const READ_ONLY: bool = false;
    type Output = ();

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(tags::permission::<MfaDevice>("iam:DeleteVirtualMFADevice", &self.serial_number, call, tx).await?.into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<(), Error> {
        let (name, device) = find_device(&self.serial_number, call, tx).await?;
        if device.enabled.is_some() {
            return Err(Error::DeleteConflict("MFA VirtualDevice in use. Must deactivate first.".to_owned()));
        }
        Ok(tx.delete(&layout::mfa_device(call.account(), &name))?)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetMfaDevice {
    serial_number: String,
    user_name: Option<UserName>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeviceFacts {
    user_name: Option<String>,
    serial_number: String,
    enable_date: Option<String>,
}

impl DeviceFacts {
    fn of(device: &MfaDevice) -> Self {
        Self {
            user_name: device.owner.as_ref().map(ToString::to_string),
            serial_number: device.serial.to_string(),
            enable_date: device.enabled.map(|moment| moment.iso8601()),
        }
    }
}

impl Operation for GetMfaDevice {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetMFADevice";
    const READ_ONLY: bool = true;
    type Output = DeviceFacts;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        on_user("iam:GetMFADevice", named(self.user_name.as_ref(), call)?, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<DeviceFacts, Error> {
        let user = find_user(tx, call, named(self.user_name.as_ref(), call)?).await?;
        let (_, device) = find_device(&self.serial_number, call, tx).await?;
        check_owner(&device, &user)?;
        Ok(DeviceFacts::of(&device))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListMfaDevices {
    user_name: Option<UserName>,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DevicePage {
    #[serde(rename = "MFADevices")]
    devices: Vec<DeviceFacts>,
    is_truncated: bool,
    marker: Option<String>,
}

impl Operation for ListMfaDevices {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListMFADevices";
    const READ_ONLY: bool = true;
    type Output = DevicePage;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        own_root::permission("iam:ListMFADevices", self.user_name.as_ref(), call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<DevicePage, Error> {
        if own_root::is_meant(self.user_name.as_ref(), call) {
            return Ok(DevicePage { devices: Vec::new(), is_truncated: false, marker: None });
        }
        let user = find_user(tx, call, named(self.user_name.as_ref(), call)?).await?;
        let page = page(self.marker.as_deref(), self.max_items)?;
        let mut serials = user.mfa_devices;
        serials.sort();
        let (serials, tail) = page_of(serials, &page, Clone::clone);
        let mut devices = Vec::with_capacity(serials.len());
        for serial in serials {
            let (_, device) = find_device(&serial, call, tx).await?;
            devices.push(DeviceFacts::of(&device));
        }
        Ok(DevicePage { devices, is_truncated: tail.is_truncated, marker: tail.marker })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListVirtualMfaDevices {
    assignment_status: Option<String>,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct VirtualDevicePage {
    #[serde(rename = "VirtualMFADevices")]
    devices: Vec<VirtualDevice>,
    is_truncated: bool,
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct VirtualDevice {
    serial_number: String,
    user: Option<shapes::User>,
    enable_date: Option<String>,
}

impl Operation for ListVirtualMfaDevices {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListVirtualMFADevices";
    const READ_ONLY: bool = true;
    type Output = VirtualDevicePage;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(Permission::on_anything("iam:ListVirtualMFADevices", call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<VirtualDevicePage, Error> {
        let page = page(self.marker.as_deref(), self.max_items)?;
        let wanted = |device: &MfaDevice| match self.assignment_status.as_deref() {
            Some("Assigned") => device.enabled.is_some(),
            Some("Unassigned") => device.enabled.is_none(),
            _ => true,
        };
        let parent = layout::all("mfa-device", call.account());
        let (found, tail) = list(tx, &parent, &page, wanted).await?;
        let mut devices = Vec::with_capacity(found.len());
        for device in found {
            let user = match &device.owner {
                Some(name) => tx.get::<User>(&layout::user(call.account(), name)).await?,
                None => None,
            };
            devices.push(VirtualDevice {
                serial_number: device.serial.to_string(),
                user: user.map(|user| shapes::User::listed(&user, call.realm(), call.account())),
                enable_date: device.enabled.map(|moment| moment.iso8601()),
            });
        }
        Ok(VirtualDevicePage { devices, is_truncated: tail.is_truncated, marker: tail.marker })
    }
}

async fn find_device(serial: &str, call: &Call<'_>, tx: &mut Tx) -> Result<(VirtualMfaName, MfaDevice), Error> {
    let missing = || Error::NoSuchEntity(format!("VirtualMFADevice with serial number {serial} does not exist."));
    let name = device_name(call.realm(), call.account(), serial).ok_or_else(missing)?;
    let device = tx.get::<MfaDevice>(&layout::mfa_device(call.account(), &name)).await?;
    let device = device.filter(|device| device.serial.as_str() == serial).ok_or_else(missing)?;
    Ok((name, device))
}

fn check_owner(device: &MfaDevice, user: &User) -> Result<(), Error> {
    if device.owner.as_ref().is_some_and(|owner| owner.folded() == user.name.folded()) {
        return Ok(());
    }
    Err(Error::NoSuchEntity(format!("MFA Device invalid for user {}.", user.name)))
}

/// Finds where the device's clock stands from two codes in a row, and uses both up.
async fn synchronize(
    device: &mut MfaDevice,
    name: &VirtualMfaName,
    (first, second): (&str, &str),
    call: &Call<'_>,
) -> Result<(), Error> {
    let opened = call.broker.vault.open(call.account(), &seed_context(name), &device.seed).await?;
    let seed = Seed::from_bytes(&opened).map_err(|error| Error::Internal(error.to_string()))?;
    let step = seed.verify_consecutive(first, second, call.now(), RESYNC_WINDOW, device.last_step);
    let step = step
        .ok_or_else(|| Error::InvalidAuthenticationCode("Authentication code for device is not valid.".to_owned()))?;
    // One step either way is what every code is allowed anyhow, so it is not a drift.
    let drift = totp::drift(step, call.now());
    device.drift = if drift.abs() <= 1 { 0 } else { drift };
    device.last_step = Some(step);
    device.failures = 0;
    Ok(())
}
