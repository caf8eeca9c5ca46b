//! `DecodeAuthorizationMessage`: the reasons of a denial, for those who may know them.

use serde::{Deserialize, Serialize};

use crate::decision::Permit;
use crate::ops::{Call, Demand, Error, Operation, Permission, authorization_message};
use crate::store::Tx;
use crate::wire::model::Service;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DecodeAuthorizationMessage {
    encoded_message: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Decoded {
    decoded_message: String,
}

impl Operation for DecodeAuthorizationMessage {
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "DecodeAuthorizationMessage";
    const READ_ONLY: bool = true;
    type Output = Decoded;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(Permission::on_anything("sts:DecodeAuthorizationMessage", call.account()).into())
    }

    /// A message of another account, of another installation, and none at all are one and the same to the caller.
    async fn run(&self, _permit: &Permit, call: &Call<'_>, _tx: &mut Tx) -> Result<Decoded, Error> {
        let document = authorization_message::decode(&self.encoded_message, call.account(), &call.broker.vault);
        let document = document.ok_or(Error::InvalidAuthorizationMessage)?;
        Ok(Decoded { decoded_message: document.to_string() })
    }
}
