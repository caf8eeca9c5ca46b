//! `ListPoliciesGrantingServiceAccess`: which policies of a user, group or role open a service to it.
//!
//! Of a user those of its groups count as well; boundaries do not, because they grant nothing.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::common::{page, page_of};
use super::policy_source::{Holder, PolicySource, managed_document};
use crate::decision::Permit;
use crate::ops::{Call, Demand, Error, Operation, Registry};
use crate::policy::{Document, Kind};
use crate::store::Tx;
use crate::types::Arn;
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<ListPoliciesGrantingServiceAccess>();
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListPoliciesGrantingServiceAccess {
    arn: String,
    service_namespaces: Vec<String>,
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ServicePage {
    policies_granting_service_access: Vec<ServiceEntry>,
    is_truncated: bool,
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ServiceEntry {
    service_namespace: String,
    policies: Vec<Granting>,
}

/// A policy that grants: a managed one has an ARN, an inline one an entity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Granting {
    pub(super) policy_name: String,
    policy_type: &'static str,
    policy_arn: Option<String>,
    entity_type: Option<&'static str>,
    entity_name: Option<String>,
}

impl Operation for ListPoliciesGrantingServiceAccess {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListPoliciesGrantingServiceAccess";
    const READ_ONLY: bool = true;
    type Output = ServicePage;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        PolicySource::parse(&self.arn)?.demand("iam:ListPoliciesGrantingServiceAccess", call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<ServicePage, Error> {
        let page = page(self.marker.as_deref(), None)?;
        // A service that is named twice is answered once.
        let namespaces: BTreeSet<&str> = self.service_namespaces.iter().map(String::as_str).collect();
        let (namespaces, tail) = page_of(namespaces.into_iter().collect(), &page, |name| (*name).to_owned());
        let holders = PolicySource::parse(&self.arn)?.holders(call, tx).await?;
        let policies = policies(&holders, call, tx).await?;
        let mut entries = Vec::new();
        for namespace in namespaces {
            // Many large policies take their time; others have their turn.
            tokio::task::yield_now().await;
            let granting = policies.iter().filter(|(_, document)| document.allows_some_of(namespace));
            let policies = granting.map(|(policy, _)| policy.clone()).collect();
            entries.push(ServiceEntry { service_namespace: namespace.to_owned(), policies });
        }
        Ok(ServicePage {
            policies_granting_service_access: entries,
            is_truncated: tail.is_truncated,
            marker: tail.marker,
        })
    }
}

/// All policies of the entities, in the order of their names; a managed one that several of them have is one policy.
pub(super) async fn policies(
    holders: &[Holder],
    call: &Call<'_>,
    tx: &mut Tx,
) -> Result<Vec<(Granting, Document)>, Error> {
    let mut found = Vec::new();
    let mut attached: BTreeSet<&Arn> = BTreeSet::new();
    for holder in holders {
        for (name, document) in holder.permissions.inline.iter() {
            let policy = Granting {
                policy_name: name.to_string(),
                policy_type: "INLINE",
                policy_arn: None,
                entity_type: Some(entity_type(holder.noun)),
                entity_name: Some(holder.name.clone()),
            };
            found.push((policy, read(name.as_str(), document)?));
        }
        for arn in &holder.permissions.attached {
            if !attached.insert(arn) {
                continue;
            }
            if let Some((name, document)) = managed_document(arn, call, tx).await? {
                let document = read(&name, &document)?;
                let policy_arn = Some(arn.to_string());
                let (entity_type, entity_name) = (None, None);
                let policy =
                    Granting { policy_name: name, policy_type: "MANAGED", policy_arn, entity_type, entity_name };
                found.push((policy, document));
            }
        }
    }
    found.sort_by_cached_key(|(policy, _)| (policy.policy_name.to_ascii_lowercase(), policy.clone()));
    Ok(found)
}

fn entity_type(noun: &str) -> &'static str {
    match noun {
        "user" => "USER",
        "group" => "GROUP",
        _ => "ROLE",
    }
}

/// Documents are held to the grammar when they are written, so one that does not parse was damaged.
pub(super) fn read(name: &str, document: &str) -> Result<Document, Error> {
    Document::parse(document, Kind::Identity)
        .map_err(|why| Error::Internal(format!("the policy {name} cannot be read: {why}")))
}
