//! `GetAccessKeyInfo`: which account does this access key belong to.

use serde::{Deserialize, Serialize};

use crate::decision::Permit;
use crate::identity::AccessKey;
use crate::ops::{Call, Demand, Error, Operation, Permission};
use crate::store::{Tx, layout};
use crate::types::AccessKeyId;
use crate::wire::model::Service;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetAccessKeyInfo {
    access_key_id: AccessKeyId,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct KeyInfo {
    account: String,
}

impl Operation for GetAccessKeyInfo {
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "GetAccessKeyInfo";
    const READ_ONLY: bool = true;
    type Output = KeyInfo;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(Permission::on_anything("sts:GetAccessKeyInfo", call.account()).into())
    }

    async fn run(&self, _permit: &Permit, _call: &Call<'_>, tx: &mut Tx) -> Result<KeyInfo, Error> {
        // A key that an operator chose may carry any account or none; all others carry their own.
        let stored = tx.get::<AccessKey>(&layout::access_key(&self.access_key_id)).await?;
        let account = stored.map(|key| key.account).or_else(|| self.access_key_id.account());
        let account = account.ok_or_else(|| {
            Error::Validation(format!("The access key id {} does not belong to an account.", self.access_key_id))
        })?;
        Ok(KeyInfo { account: account.to_string() })
    }
}
