//! `GenerateOrganizationsAccessReport`, `GetOrganizationsAccessReport`: when the accounts of the organization last used which service.
//!
//! AWS lists the services that service control policies allow. This installation keeps none, so every service counts as allowed that
//! brevet knows by itself or has seen used; a report about a policy fails, and says that there is no such policy.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::accessed::{OWN_SERVICES, service_name};
use super::common::{page, page_of};
use super::last_accessed::Begun;
use super::report_job;
use crate::decision::Permit;
use crate::identity::{Account, LastUse, Organization, Report};
use crate::ops::{Call, Demand, Error, Operation, Registry};
use crate::store::{Tx, layout};
use crate::types::AccountId;
use crate::usage::told;
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<GenerateOrganizationsAccessReport>().add::<GetOrganizationsAccessReport>();
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GenerateOrganizationsAccessReport {
    entity_path: String,
    organizations_policy_id: Option<String>,
}

impl Operation for GenerateOrganizationsAccessReport {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GenerateOrganizationsAccessReport";
    const READ_ONLY: bool = false;
    type Output = Begun;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let policy = self.organizations_policy_id.as_deref();
        Ok(report_job::organization_permission(&self.entity_path, policy, call).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Begun, Error> {
        managed(call, tx).await?;
        let (path, policy) = (self.entity_path.clone(), self.organizations_policy_id.clone());
        Ok(Begun { job_id: report_job::begin(Report::Organization { path, policy }, call, tx).await? })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetOrganizationsAccessReport {
    job_id: String,
    marker: Option<String>,
    max_items: Option<u32>,
    #[serde(default)]
    sort_key: SortKey,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum SortKey {
    #[default]
    ServiceNamespaceAscending,
    ServiceNamespaceDescending,
    LastAuthenticatedTimeAscending,
    LastAuthenticatedTimeDescending,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ReportPage {
    job_status: &'static str,
    job_creation_date: String,
    job_completion_date: String,
    number_of_services_accessible: Option<usize>,
    number_of_services_not_accessed: Option<usize>,
    access_details: Option<Vec<AccessDetail>>,
    is_truncated: bool,
    marker: Option<String>,
    error_details: Option<ErrorDetails>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AccessDetail {
    service_name: String,
    service_namespace: String,
    region: Option<String>,
    entity_path: Option<String>,
    last_authenticated_time: Option<String>,
    total_authenticated_entities: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorDetails {
    message: String,
    code: &'static str,
}

/// How a service was used by the accounts that the report is about.
#[derive(Default)]
struct Used {
    accounts: usize,
    last: Option<(LastUse, AccountId)>,
}

impl Operation for GetOrganizationsAccessReport {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetOrganizationsAccessReport";
    const READ_ONLY: bool = true;
    type Output = ReportPage;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        report_job::demands("iam:GetOrganizationsAccessReport", &self.job_id, call, tx).await
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<ReportPage, Error> {
        let page = page(self.marker.as_deref(), self.max_items)?;
        let job = report_job::find(&self.job_id, call, tx).await?;
        let Report::Organization { path, policy } = &job.report else {
            return Err(report_job::missing(&self.job_id));
        };
        let organization = managed(call, tx).await?;
        let date = job.created.iso8601();
        let mut answer = ReportPage {
            job_status: "COMPLETED",
            job_creation_date: date.clone(),
            job_completion_date: date,
            number_of_services_accessible: None,
            number_of_services_not_accessed: None,
            access_details: None,
            is_truncated: false,
            marker: None,
            error_details: None,
        };
        let about = match about(&organization, path, policy.as_deref(), tx).await? {
            Ok(about) => about,
            Err(error) => {
                answer.job_status = "FAILED";
                answer.error_details = Some(error);
                return Ok(answer);
            }
        };
        let used = uses(&organization, about, call).await?;
        answer.number_of_services_accessible = Some(used.len());
        answer.number_of_services_not_accessed = Some(used.values().filter(|used| used.accounts == 0).count());
        let (details, tail) = page_of(self.sorted(used), &page, |(place, ..)| place.clone());
        let detail = |(_, namespace, used)| AccessDetail::of(namespace, used, &organization);
        answer.access_details = Some(details.into_iter().map(detail).collect());
        answer.is_truncated = tail.is_truncated;
        answer.marker = tail.marker;
        Ok(answer)
    }
}

impl GetOrganizationsAccessReport {
    /// Each service with its place in the order that was asked for. What was never used comes last, whichever the order of time.
    fn sorted(&self, used: BTreeMap<String, Used>) -> Vec<(String, String, Used)> {
        let mut all: Vec<(String, Used)> = used.into_iter().collect();
        let at = |used: &Used| used.last.as_ref().map_or(i64::MAX, |(last, _)| last.at.seconds());
        match self.sort_key {
            SortKey::ServiceNamespaceAscending => {}
            SortKey::ServiceNamespaceDescending => all.reverse(),
            SortKey::LastAuthenticatedTimeAscending => all.sort_by_key(|(_, used)| at(used)),
            SortKey::LastAuthenticatedTimeDescending => {
                all.sort_by_key(|(_, used)| (used.last.is_none(), Reverse(at(used))));
            }
        }
        // There are few services, so the number of a place is enough for a page to go on from.
        let placed = all.into_iter().enumerate();
        placed.map(|(place, (namespace, used))| (format!("{place:06}"), namespace, used)).collect()
    }
}

impl AccessDetail {
    fn of(namespace: String, used: Used, organization: &Organization) -> Self {
        let (last, account) = used.last.unzip();
        Self {
            service_name: service_name(&namespace),
            service_namespace: namespace,
            region: last.as_ref().map(|last| last.region.clone()),
            entity_path: account.map(|account| organization.path_of(account)),
            last_authenticated_time: last.map(|last| last.at.iso8601()),
            total_authenticated_entities: Some(used.accounts).filter(|accounts| *accounts > 0),
        }
    }
}

/// What a report is about.
enum About {
    /// All accounts but the management account, which no service control policy binds.
    Members,
    One(AccountId),
}

/// What a path names, or why it names nothing that a report could be about.
async fn about(
    organization: &Organization,
    path: &str,
    policy: Option<&str>,
    tx: &mut Tx,
) -> Result<Result<About, ErrorDetails>, Error> {
    let unknown = || ErrorDetails {
        code: "InvalidInput",
        message: format!("{path} is no path of organization {}.", organization.id),
    };
    let path = path.trim_end_matches('/');
    let about = if path == organization.root_path() {
        About::Members
    } else {
        let account = path.strip_prefix(&organization.root_path()).and_then(|rest| rest.strip_prefix('/'));
        let Some(account) = account.and_then(|account| account.parse::<AccountId>().ok()) else {
            return Ok(Err(unknown()));
        };
        if tx.get::<Account>(&layout::account(account)).await?.is_none() {
            return Ok(Err(unknown()));
        }
        About::One(account)
    };
    match (&about, policy) {
        // AWS looks at no policy for the management account.
        (About::One(account), Some(_)) if *account == organization.management_account => Ok(Ok(about)),
        (_, Some(policy)) => Ok(Err(ErrorDetails {
            code: "NoSuchEntity",
            message: format!("There is no service control policy {policy}: this installation keeps none."),
        })),
        (_, None) => Ok(Ok(about)),
    }
}

async fn uses(organization: &Organization, about: About, call: &Call<'_>) -> Result<BTreeMap<String, Used>, Error> {
    let mut used: BTreeMap<String, Used> = OWN_SERVICES.map(|own| (own.to_owned(), Used::default())).into();
    match about {
        About::One(account) => add(account, &mut used, call).await?,
        About::Members => {
            const BATCH: usize = 200;
            let mut range = layout::accounts();
            loop {
                let mut tx = Tx::new(Arc::clone(&call.broker.store));
                let accounts = tx.scan::<Account>(&range, BATCH).await?;
                let Some((last, _)) = accounts.last() else { break };
                range = range.after(last);
                for (_, account) in accounts.iter().filter(|(_, one)| one.id != organization.management_account) {
                    add(account.id, &mut used, call).await?;
                }
            }
        }
    }
    Ok(used)
}

async fn add(account: AccountId, used: &mut BTreeMap<String, Used>, call: &Call<'_>) -> Result<(), Error> {
    let mut tx = Tx::new(Arc::clone(&call.broker.store));
    let of_account = call.broker.usage.of_account(account, &mut tx).await?;
    for (namespace, service) in of_account.services {
        if told(&service.last, call.now()) {
            let known = used.entry(namespace).or_default();
            known.accounts += 1;
            if known.last.as_ref().is_none_or(|(last, _)| last.at < service.last.at) {
                known.last = Some((service.last, account));
            }
        }
    }
    Ok(())
}

/// The organization, for its management account.
async fn managed(call: &Call<'_>, tx: &mut Tx) -> Result<Organization, Error> {
    let found = tx.get::<Organization>(&layout::organization()).await?;
    let organization =
        found.ok_or_else(|| Error::Forbidden("Your account is not a member of an organization.".to_owned()))?;
    if organization.management_account == call.account() {
        return Ok(organization);
    }
    let sentence = "You must be signed in to the management account of the organization to perform this operation.";
    Err(Error::Forbidden(sentence.to_owned()))
}
