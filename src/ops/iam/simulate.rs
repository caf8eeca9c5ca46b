//! `SimulateCustomPolicy`, `SimulatePrincipalPolicy`: what policies would decide.
//!
//! Conditions and variables read what `ContextEntries` says and nothing else: IAM asks for every key, the time included.

use serde::Deserialize;

use super::policy_source::{Policies, PolicySource, given, malformed};
use super::simulated::ResultPage;
use crate::decision::Permit;
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::policy::simulate::{Entry, EntryType, Input, Scene, Simulation};
use crate::policy::{Kind, Principal, PrincipalKind};
use crate::store::Tx;
use crate::types::{AccountId, Arn};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<SimulateCustomPolicy>().add::<SimulatePrincipalPolicy>();
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextEntry {
    context_key_name: Option<String>,
    #[serde(default)]
    context_key_values: Vec<String>,
    context_key_type: Option<String>,
}

/// Both operations have these members. Serde's `flatten` cannot share them, because it makes a map of the structure.
macro_rules! simulation_input {
    ($operation:ident { $($own:ident: $type:ty),* }) => {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct $operation {
            $($own: $type,)*
            #[serde(default)]
            policy_input_list: Vec<String>,
            #[serde(default)]
            permissions_boundary_policy_input_list: Vec<String>,
            action_names: Vec<String>,
            #[serde(default)]
            resource_arns: Vec<String>,
            resource_policy: Option<String>,
            resource_owner: Option<String>,
            caller_arn: Option<String>,
            #[serde(default)]
            context_entries: Vec<ContextEntry>,
            resource_handling_option: Option<String>,
            max_items: Option<u32>,
            marker: Option<String>,
        }

        impl $operation {
            /// The page that is asked for, of a simulation with an entity's policies beside those of the request.
            async fn simulate(&self, mut policies: Policies, principal: Principal) -> Result<ResultPage, Error> {
                policies.identity.extend(given(&self.policy_input_list, "PolicyInputList", Kind::Identity)?);
                let simulation = Simulation::new(Scene {
                    identity: policies.identity,
                    boundary: boundary(&self.permissions_boundary_policy_input_list)?.or(policies.boundary),
                    resource_policy: resource_policy(self.resource_policy.as_deref(), &self.resource_arns)?,
                    principal,
                    resource_owner: self.resource_owner.as_deref().map(owner).transpose()?,
                    actions: self.action_names.clone(),
                    resources: self.resource_arns.clone(),
                    entries: self.context_entries.iter().map(entry).collect::<Result<_, _>>()?,
                    scenario: self.resource_handling_option.clone(),
                });
                let simulation = simulation.map_err(|unfit| Error::InvalidInput(unfit.to_string()))?;
                ResultPage::of(&simulation, self.marker.as_deref(), self.max_items).await
            }
        }
    };
}

simulation_input!(SimulateCustomPolicy {});
simulation_input!(SimulatePrincipalPolicy { policy_source_arn: String });

impl Operation for SimulateCustomPolicy {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "SimulateCustomPolicy";
    const READ_ONLY: bool = true;
    type Output = ResultPage;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(Permission::on_anything("iam:SimulateCustomPolicy", call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, _tx: &mut Tx) -> Result<ResultPage, Error> {
        let principal = match &self.caller_arn {
            Some(arn) => user(arn)?,
            None if self.resource_policy.is_some() => return Err(not_a_user()),
            None => somebody(call.account()),
        };
        self.simulate(Policies::default(), principal).await
    }
}

impl Operation for SimulatePrincipalPolicy {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "SimulatePrincipalPolicy";
    const READ_ONLY: bool = true;
    type Output = ResultPage;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        PolicySource::parse(&self.policy_source_arn)?.demand("iam:SimulatePrincipalPolicy", call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<ResultPage, Error> {
        let source = PolicySource::parse(&self.policy_source_arn)?;
        let policies = source.policies(call, tx).await?;
        let mut principal = match (&self.caller_arn, source.user_arn(), source.role_arn()) {
            (Some(arn), ..) => user(arn)?,
            (None, Some(arn), _) => user(arn.as_str())?,
            (None, None, _) if self.resource_policy.is_some() => return Err(not_a_user()),
            (None, None, Some(arn)) => session(call.account(), arn),
            (None, None, None) => somebody(call.account()),
        };
        if source.user_arn().is_some_and(|arn| arn.as_str() == principal.arn) {
            principal.unique_id = policies.user_id.clone().unwrap_or_default();
        }
        self.simulate(policies, principal).await
    }
}

/// The user that `CallerArn` names. It need not exist.
fn user(text: &str) -> Result<Principal, Error> {
    let arn = text.parse::<Arn>().map_err(|_| not_a_user())?;
    let name = arn.name_of_kind("user").filter(|name| arn.service() == "iam" && !name.is_empty());
    match arn.account() {
        Some(account) if name.is_some() => Ok(Principal { arn: arn.to_string(), ..somebody(account) }),
        _ => Err(not_a_user()),
    }
}

/// A user of an account of whom nothing else is known.
fn somebody(account: AccountId) -> Principal {
    Principal {
        kind: PrincipalKind::User,
        account: account.to_string(),
        arn: String::new(),
        issuer_arn: None,
        unique_id: String::new(),
    }
}

/// A session of a role.
fn session(account: AccountId, role: &Arn) -> Principal {
    let (arn, issuer_arn) = (role.to_string(), Some(role.to_string()));
    Principal { kind: PrincipalKind::AssumedRole, arn, issuer_arn, ..somebody(account) }
}

fn not_a_user() -> Error {
    Error::InvalidInput("Invalid caller - Caller must be an IAM user in this context.".to_owned())
}

fn boundary(texts: &[String]) -> Result<Option<Vec<Input>>, Error> {
    if texts.len() > 1 {
        return Err(Error::InvalidInput("Only one permissions boundary can be simulated at a time.".to_owned()));
    }
    (!texts.is_empty()).then(|| given(texts, "PermissionsBoundaryPolicyInputList", Kind::Boundary)).transpose()
}

fn resource_policy(text: Option<&str>, resources: &[String]) -> Result<Option<Input>, Error> {
    let read = |text| {
        let kind = Scene::resource_policy_kind(resources);
        Input::read("ResourcePolicy", text, kind).map_err(|why| malformed("ResourcePolicy", &why))
    };
    text.map(read).transpose()
}

/// `ResourceOwner`: the ARN of an account, or, as the page of `SimulatePrincipalPolicy` has it, its id.
fn owner(text: &str) -> Result<String, Error> {
    let arn = text.parse::<Arn>().ok().filter(|arn| arn.service() == "iam" && arn.resource() == "root");
    let account = arn.map_or_else(|| text.parse::<AccountId>().ok(), |arn| arn.account());
    let invalid = || Error::InvalidInput(format!("'{text}' is not a valid as a Resource Owner."));
    account.map(|account| account.to_string()).ok_or_else(invalid)
}

fn entry(given: &ContextEntry) -> Result<Entry, Error> {
    let key = given.context_key_name.clone();
    let key = key.ok_or_else(|| Error::InvalidInput("A context entry has no ContextKeyName.".to_owned()))?;
    let of = match given.context_key_type.as_deref() {
        None => None,
        Some(name) => {
            let unknown = || Error::InvalidInput(format!("There is no ContextKeyType {name}."));
            Some(EntryType::parse(name).ok_or_else(unknown)?)
        }
    };
    Ok(Entry { key, of, values: given.context_key_values.clone() })
}
