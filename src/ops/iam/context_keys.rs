//! `GetContextKeysForCustomPolicy`, `GetContextKeysForPrincipalPolicy`: which condition keys policies read.

use serde::{Deserialize, Serialize};

use super::policy_source::{PolicySource, malformed};
use crate::decision::Permit;
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::policy::simulate::Input;
use crate::policy::written_keys;
use crate::store::Tx;
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<GetContextKeysForCustomPolicy>().add::<GetContextKeysForPrincipalPolicy>();
}

/// Condition keys, as the policies spell them.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ContextKeys {
    context_key_names: Vec<String>,
}

impl ContextKeys {
    fn of(policies: &[Input]) -> Self {
        Self { context_key_names: written_keys(policies.iter().map(Input::document)) }
    }
}

/// The policies of the request, a resource's policy among them.
fn given(texts: &[String]) -> Result<Vec<Input>, Error> {
    let numbered = (1..).zip(texts).map(|(number, text)| (format!("PolicyInputList.{number}"), text));
    numbered.map(|(id, text)| Input::read_any(id.clone(), text).map_err(|why| malformed(&id, &why))).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetContextKeysForCustomPolicy {
    policy_input_list: Vec<String>,
}

impl Operation for GetContextKeysForCustomPolicy {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetContextKeysForCustomPolicy";
    const READ_ONLY: bool = true;
    type Output = ContextKeys;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(Permission::on_anything("iam:GetContextKeysForCustomPolicy", call.account()).into())
    }

    async fn run(&self, _permit: &Permit, _call: &Call<'_>, _tx: &mut Tx) -> Result<ContextKeys, Error> {
        Ok(ContextKeys::of(&given(&self.policy_input_list)?))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetContextKeysForPrincipalPolicy {
    policy_source_arn: String,
    #[serde(default)]
    policy_input_list: Vec<String>,
}

impl Operation for GetContextKeysForPrincipalPolicy {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetContextKeysForPrincipalPolicy";
    const READ_ONLY: bool = true;
    type Output = ContextKeys;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let source = PolicySource::parse(&self.policy_source_arn)?;
        source.demand("iam:GetContextKeysForPrincipalPolicy", call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<ContextKeys, Error> {
        let policies = PolicySource::parse(&self.policy_source_arn)?.policies(call, tx).await?;
        let mut all = policies.identity;
        // The boundary is evaluated with the others, so its keys are wanted as well.
        all.extend(policies.boundary.unwrap_or_default());
        all.extend(given(&self.policy_input_list)?);
        Ok(ContextKeys::of(&all))
    }
}
