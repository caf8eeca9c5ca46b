//! `GetCallerIdentity`: who am I. Needs no permission, and no policy can forbid it.

use serde::{Deserialize, Serialize};

use crate::decision::Permit;
use crate::ops::{Call, Demand, Error, Operation};
use crate::store::Tx;
use crate::wire::model::Service;

#[derive(Deserialize)]
pub(super) struct GetCallerIdentity {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CallerIdentity {
    arn: String,
    user_id: String,
    account: String,
}

impl Operation for GetCallerIdentity {
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "GetCallerIdentity";
    const READ_ONLY: bool = true;
    type Output = CallerIdentity;

    async fn demands(&self, _call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(vec![Demand::Authenticated])
    }

    async fn run(&self, permit: &Permit, call: &Call<'_>, _tx: &mut Tx) -> Result<CallerIdentity, Error> {
        let entity = permit.principal().ok_or(Error::NoPrincipal)?;
        Ok(CallerIdentity {
            arn: call.caller.arn(call.realm(), &entity.arn).to_string(),
            user_id: call.caller.user_id(&entity.unique_id),
            account: call.account().to_string(),
        })
    }
}
