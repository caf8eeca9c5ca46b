//! `GenerateServiceLastAccessedDetails`, `GetServiceLastAccessedDetails`, `GetServiceLastAccessedDetailsWithEntities`: which
//! services a user, group, role or policy opens, and when they were last used.
//!
//! Uses are those that brevet itself saw: calls of its own operations, and questions that services asked about the subject. Every
//! action that was seen is a tracked one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::accessed::{Reacher, Subject, opened, service_name};
use super::common::{page, page_of};
use super::report_job;
use crate::decision::Permit;
use crate::identity::{LastUse, Report, ReportJob};
use crate::ops::{Call, Demand, Error, Operation, Registry};
use crate::store::Tx;
use crate::types::Arn;
use crate::usage::told;
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<GenerateServiceLastAccessedDetails>().add::<GetServiceLastAccessedDetails>();
    registry.add::<GetServiceLastAccessedDetailsWithEntities>();
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GenerateServiceLastAccessedDetails {
    arn: String,
    #[serde(default)]
    granularity: Granularity,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Granularity {
    #[default]
    ServiceLevel,
    ActionLevel,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Begun {
    pub(super) job_id: String,
}

impl Operation for GenerateServiceLastAccessedDetails {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GenerateServiceLastAccessedDetails";
    const READ_ONLY: bool = false;
    type Output = Begun;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Subject::parse(&self.arn)?.demand(report_job::SERVICE_ACCESS, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Begun, Error> {
        // What does not exist is told now, not when the report is fetched.
        Subject::parse(&self.arn)?.documents(call, tx).await?;
        let actions = self.granularity == Granularity::ActionLevel;
        let report = Report::ServiceAccess { arn: self.arn.clone(), actions };
        Ok(Begun { job_id: report_job::begin(report, call, tx).await? })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetServiceLastAccessedDetails {
    job_id: String,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ServicePage {
    job_status: &'static str,
    job_type: &'static str,
    job_creation_date: String,
    services_last_accessed: Vec<ServiceLastAccessed>,
    job_completion_date: String,
    is_truncated: bool,
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ServiceLastAccessed {
    service_name: String,
    last_authenticated: Option<String>,
    service_namespace: String,
    last_authenticated_entity: Option<String>,
    last_authenticated_region: Option<String>,
    total_authenticated_entities: usize,
    tracked_actions_last_accessed: Option<Vec<ActionLastAccessed>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ActionLastAccessed {
    action_name: String,
    last_accessed_entity: String,
    last_accessed_time: String,
    last_accessed_region: String,
}

/// How a service was used by all who can use it.
#[derive(Default)]
struct Used {
    by: usize,
    last: Option<(LastUse, Arn)>,
    actions: BTreeMap<String, (LastUse, Arn)>,
}

impl Used {
    fn add(&mut self, last: &LastUse, actions: impl Iterator<Item = (String, LastUse)>, arn: &Arn) {
        self.by += 1;
        if self.last.as_ref().is_none_or(|(known, _)| known.at < last.at) {
            self.last = Some((last.clone(), arn.clone()));
        }
        for (action, last) in actions {
            if self.actions.get(&action).is_none_or(|(known, _)| known.at < last.at) {
                self.actions.insert(action, (last, arn.clone()));
            }
        }
    }

    fn shown(self, namespace: String, with_actions: bool) -> ServiceLastAccessed {
        let actions = self.actions.into_iter().map(|(action_name, (last, arn))| ActionLastAccessed {
            action_name,
            last_accessed_entity: arn.to_string(),
            last_accessed_time: last.at.iso8601(),
            last_accessed_region: last.region,
        });
        let actions: Vec<_> = actions.collect();
        let (last, arn) = self.last.unzip();
        ServiceLastAccessed {
            service_name: service_name(&namespace),
            last_authenticated: last.as_ref().map(|last| last.at.iso8601()),
            service_namespace: namespace,
            last_authenticated_entity: arn.map(|arn| arn.to_string()),
            last_authenticated_region: last.map(|last| last.region),
            total_authenticated_entities: self.by,
            tracked_actions_last_accessed: Some(actions).filter(|all| with_actions && !all.is_empty()),
        }
    }
}

impl Operation for GetServiceLastAccessedDetails {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetServiceLastAccessedDetails";
    const READ_ONLY: bool = true;
    type Output = ServicePage;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        report_job::demands("iam:GetServiceLastAccessedDetails", &self.job_id, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<ServicePage, Error> {
        let page = page(self.marker.as_deref(), self.max_items)?;
        let (job, subject, actions) = find(&self.job_id, call, tx).await?;
        let documents = subject.documents(call, tx).await?;
        let now = call.now();
        let mut used: BTreeMap<String, Used> = BTreeMap::new();
        subject
            .visit(call, &mut |reacher: Reacher| {
                for (namespace, service) in reacher.used.services {
                    if told(&service.last, now) {
                        let actions = service.actions.into_iter().filter(|(_, last)| told(last, now));
                        used.entry(namespace).or_default().add(&service.last, actions, &reacher.arn);
                    }
                }
            })
            .await?;
        let seen: BTreeSet<String> = used.keys().cloned().collect();
        let all: Vec<String> = opened(&documents, &seen).into_iter().collect();
        let (namespaces, tail) = page_of(all, &page, Clone::clone);
        let services = namespaces.into_iter().map(|namespace| {
            let used = used.remove(&namespace).unwrap_or_default();
            used.shown(namespace, actions)
        });
        let date = job.created.iso8601();
        Ok(ServicePage {
            job_status: "COMPLETED",
            job_type: if actions { "ACTION_LEVEL" } else { "SERVICE_LEVEL" },
            job_creation_date: date.clone(),
            services_last_accessed: services.collect(),
            job_completion_date: date,
            is_truncated: tail.is_truncated,
            marker: tail.marker,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetServiceLastAccessedDetailsWithEntities {
    job_id: String,
    service_namespace: String,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EntityPage {
    job_status: &'static str,
    job_creation_date: String,
    job_completion_date: String,
    entity_details_list: Vec<EntityDetails>,
    is_truncated: bool,
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EntityDetails {
    entity_info: EntityInfo,
    last_authenticated: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EntityInfo {
    arn: String,
    name: String,
    #[serde(rename = "Type")]
    kind: &'static str,
    id: String,
    path: String,
}

impl Operation for GetServiceLastAccessedDetailsWithEntities {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetServiceLastAccessedDetailsWithEntities";
    const READ_ONLY: bool = true;
    type Output = EntityPage;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        report_job::demands("iam:GetServiceLastAccessedDetailsWithEntities", &self.job_id, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<EntityPage, Error> {
        let page = page(self.marker.as_deref(), self.max_items)?;
        let (job, subject, _) = find(&self.job_id, call, tx).await?;
        let documents = subject.documents(call, tx).await?;
        let namespace = self.service_namespace.to_ascii_lowercase();
        let opens = documents.iter().any(|document| document.allows_some_of(&namespace));
        // Each with its place: the latest use first, then by name.
        let mut found: Vec<(String, EntityDetails)> = Vec::new();
        if opens {
            let now = call.now();
            subject.visit(call, &mut |reacher| found.push(details(reacher, &namespace, now))).await?;
        }
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        let (found, tail) = page_of(found, &page, |(place, _)| place.clone());
        let date = job.created.iso8601();
        Ok(EntityPage {
            job_status: "COMPLETED",
            job_creation_date: date.clone(),
            job_completion_date: date,
            entity_details_list: found.into_iter().map(|(_, details)| details).collect(),
            is_truncated: tail.is_truncated,
            marker: tail.marker,
        })
    }
}

/// An entity, and its place in a list of the latest uses first.
fn details(reacher: Reacher, namespace: &str, now: crate::clock::Timestamp) -> (String, EntityDetails) {
    let last = reacher.used.services.get(namespace).map(|service| &service.last).filter(|last| told(last, now));
    let since = last.map_or(i64::MAX, |last| i64::MAX - 1 - last.at.seconds().max(0));
    let place = format!("{since:020}/{}/{}", reacher.name.to_ascii_lowercase(), reacher.id);
    let entity_info = EntityInfo {
        arn: reacher.arn.to_string(),
        name: reacher.name,
        kind: reacher.kind,
        id: reacher.id,
        path: reacher.path.as_str().to_owned(),
    };
    (place, EntityDetails { entity_info, last_authenticated: last.map(|last| last.at.iso8601()) })
}

/// The job, what it is about, and whether it is about single actions.
async fn find(id: &str, call: &Call<'_>, tx: &mut Tx) -> Result<(ReportJob, Subject, bool), Error> {
    let job = report_job::find(id, call, tx).await?;
    match &job.report {
        Report::ServiceAccess { arn, actions } => {
            let (subject, actions) = (Subject::parse(arn)?, *actions);
            Ok((job, subject, actions))
        }
        Report::Organization { .. } => Err(report_job::missing(id)),
    }
}
